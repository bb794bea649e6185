"""
Gateways that are known by a name: a name server, dead servers and live ones on
real sockets, and the call arrives (RFC 3263, RFC 2782).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bench.children import free_port
from tests.sipp.case import MILLION, OPENING, ORDINARY, TALK, SharedCalls
from tests.sipp.names import ZONE, Busy, Dialer, NameServer
from tests.sipp.runner import Party
from tests.sipp.shared import RETAIL, Shared
from tests.sipp.test_outbound import Silent

PARAMETERS = {
    "SS_SIP_TIMEOUT_INVITE": "1",
    "SS_SIP_RESEND_INTERVAL": "0.2,0.2,0.2",
}
"""How long a server may be silent, and when nothing more is sent to it."""


DNS = free_port()
"""Where the name server of each test listens."""


class NameTests(SharedCalls):
    """
    A vendor that is known by a name.
    """

    shared = Shared(f"dns = 127.0.0.1:{DNS}", PARAMETERS)

    def setUp(self) -> None:
        """A name without records."""
        super().setUp()
        self.names = NameServer(DNS)
        self.addCleanup(self.names.stop)
        self.name = f"vendor-{self.carrier.serial}.{ZONE}"

    async def vendor(self, transport: str = "udp", money: Decimal = OPENING) -> None:
        """
        A customer with money and the route to the name, without a port. Its name
        is looked up now, and a call knows what was answered by then.
        """
        self.carrier.create(money)
        self.carrier.switch.post(
            "CreateGatewayRouting",
            name=self.carrier.gateway("a"),
            prefix=self.carrier.number[:5],
            protocol=1,
            registerType=0,
            remoteIp=self.name,
            signalPort=0,
            clearingAccount=self.carrier.vendor,
        )
        self.carrier.column("a", "transport", transport)
        await self.pause(0.3)

    def answering(self, transport: str = "udp", port: int = 0) -> Party:
        """A server that takes one call."""
        party = Party("callee-answers", transport=transport, port=port)
        self.parties(party)
        return party

    async def arrives(self, callee: Party) -> dict[str, Any]:
        """One call, to this server; its record."""
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(
            row,
            endreason=ORDINARY,
            calleeip="127.0.0.1",
            calleegatewayid=self.carrier.gateway("a"),
        )
        self.assert_paid(self.carrier, row)
        return row

    async def test_silent_server(self) -> None:
        """
        The first of two never answers: the call goes to the second, and the
        next call there at once.
        """
        silent = Silent()
        self.addCleanup(silent.close)
        callee = self.answering()
        self.names.zone.servers(
            f"_sip._udp.{self.name}", (1, 0, silent.port), (2, 0, callee.port)
        )
        await self.vendor()
        await self.arrives(callee)
        self.assertIn(b"INVITE", silent.heard())
        again = self.answering(port=callee.port)
        await self.call(self.carrier, self.caller("caller-answered"), again)
        self.assertEqual(silent.heard(), [])

    async def test_refused_connection(self) -> None:
        """The first takes no connection."""
        callee = self.answering("tcp")
        self.names.zone.servers(
            f"_sip._tcp.{self.name}", (1, 0, free_port()), (2, 0, callee.port)
        )
        await self.vendor("tcp")
        await self.arrives(callee)

    async def test_unavailable_server(self) -> None:
        """The first answers 503: its neighbor is asked, not another gateway."""
        refuses = Party("callee-refuses", status=503)
        self.parties(refuses)
        callee = self.answering()
        self.names.zone.servers(
            f"_sip._udp.{self.name}", (1, 0, refuses.port), (2, 0, callee.port)
        )
        await self.vendor()
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, refuses, callee, hold=100)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, fee=int(RETAIL * MILLION))

    async def test_name_chooses_the_transport(self) -> None:
        """NAPTR prefers TCP, though there is UDP."""
        callee = self.answering("tcp")
        silent = Silent()
        self.addCleanup(silent.close)
        tcp, udp = f"_sip._tcp.{self.name}", f"_sip._udp.{self.name}"
        zone = self.names.zone
        zone.transports(self.name, f"SIP+D2T {tcp}", f"SIP+D2U {udp}")
        zone.servers(tcp, (1, 0, callee.port))
        zone.servers(udp, (1, 0, silent.port))
        await self.vendor("auto")
        await self.arrives(callee)
        self.assertEqual(silent.heard(), [])

    async def test_weights(self) -> None:
        """
        Of 80 calls about three in four go to the heavier server, each with the
        name in its Request-URI; none costs anything.
        """
        heavy, light = Busy(), Busy()
        dialer = Dialer(self.carrier.address, self.carrier.switch.port)
        for each in (heavy, light, dialer):
            self.addCleanup(each.stop)
        self.names.zone.servers(
            f"_sip._udp.{self.name}", (1, 75, heavy.port), (1, 25, light.port)
        )
        money = Decimal(1000)  # each call reserves some
        await self.vendor(money=money)
        for serial in range(80):
            dialer.dial(self.carrier.number, f"{self.name}-{serial}")
        for _ in range(100):
            if len(dialer.refused) == 80:
                break
            await self.pause(0.05)
        self.assertEqual(list(dialer.refused.values()), [486] * 80)
        both = [*heavy.calls.values(), *light.calls.values()]
        self.assertEqual(both, [f"sip:{self.carrier.number}@{self.name}"] * 80)
        # 60 expected; beyond these bounds once in some hundred thousand runs
        self.assertTrue(42 <= len(heavy.calls) <= 76, len(heavy.calls))
        self.assertEqual(self.carrier.money(self.carrier.customer), money)
