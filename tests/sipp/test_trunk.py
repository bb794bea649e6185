"""
Two switches with a trunk of TLS between them: each knows the other by name.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.children import free_port
from bench.ledger import records
from tests.certificates import Authority
from tests.sipp.case import (
    BY_CALLER,
    OPENING,
    ORDINARY,
    TALK,
    Calls,
)
from tests.sipp.names import ZONE, NameServer
from tests.sipp.runner import Party, sipp
from tests.sipp.shared import CALLER, Carrier, Running, at_the_end
from vos3000.model import causes

DNS = free_port()
"""Where the name server of each test listens."""

_CAUSES = causes.load()
_ESTABLISHED = "01"


class Side:
    """
    One of the switches.

    @ivar name: What its certificate names, and what it is called by.
    @ivar port: Where it listens for TLS.
    @ivar wss: And for secure WebSocket.
    """

    def __init__(self, name: str, directory: Path, trust: Authority) -> None:
        self.name = f"{name}.{ZONE}"
        self.port, self.wss = free_port(), free_port()
        lines = (
            f"tls = 127.0.0.1:{self.port}",
            f"wss = 127.0.0.1:{self.wss}",
            f"tls_certificate = {trust.write(directory, self.name)}",
            f"tls_ca = {directory / 'authority.pem'}",
            "tls_verify_clients = require",
            f"dns = 127.0.0.1:{DNS}",
        )
        self.running = Running(
            sip_lines="\n".join(lines), parameters={"SS_SIP_TIMEOUT_INVITE": "5"}
        )


class _Pair:
    """Both, until the reactor ends."""

    def __init__(self) -> None:
        self._sides: tuple[Side, Side] | None = None

    def sides(self) -> tuple[Side, Side]:
        """The switches, with certificates of one authority."""
        if self._sides is None:
            directory = Path(tempfile.mkdtemp(prefix="vos3000-trunk-"))
            trust = Authority(now=datetime.now(UTC))
            trust.write_itself(directory)
            one, two = Side("one", directory, trust), Side("two", directory, trust)
            self._sides = one, two
            at_the_end(one.running.stop, two.running.stop)
            at_the_end(partial(shutil.rmtree, directory))
        return self._sides


class TrunkTests(Calls):
    """
    Both are processes; callers and callees are SIPp.
    """

    timeout = 60
    both = _Pair()

    def setUp(self) -> None:
        """Names for both."""
        sipp()
        self.names = NameServer(DNS)
        self.addCleanup(self.names.stop)
        self.one, self.two = self.both.sides()
        for side in (self.one, self.two):
            self.names.zone.address(side.name)

    def pair(self) -> tuple[Carrier, Carrier]:
        """The same numbers on both."""
        return self.one.running.carrier(), self.two.running.carrier()

    def arrives(self, carrier: Carrier) -> Party:
        """Where the other switch is a customer: it has a vendor for the call."""
        carrier.create(OPENING)
        self.known_at(carrier, "127.0.0.1")
        self.addCleanup(self.known_at, carrier, carrier.address)
        callee = Party("callee-answers")
        self.parties(callee)
        carrier.route("a", callee.port)
        return callee

    def known_at(self, carrier: Carrier, address: str) -> None:
        """Where calls of the carrier's customer come from."""
        name = carrier.gateway("in")
        carrier.switch.post("ModifyGatewayMapping", name=name, remoteIps=address)

    async def leaves(
        self, carrier: Carrier, name: str, port: int, transport: str = "tls"
    ) -> None:
        """Where the other switch is the vendor."""
        carrier.create(OPENING)
        prefix = carrier.number[:5]
        carrier.switch.post(
            "CreateGatewayRouting",
            name=carrier.gateway("a"),
            prefix=prefix,
            protocol=1,
            registerType=0,
            remoteIp=name,
            signalPort=port,
            clearingAccount=carrier.vendor,
        )
        carrier.column("a", "transport", transport)
        await self.pause(0.3)  # its name is looked up

    async def crosses(self, here: Carrier, there: Carrier, callee: Party) -> None:
        """One call over the trunk; both switches have a record, and money for it."""
        caller = Party("caller-answered", here.address)
        await self.call(here, caller, callee, hold=TALK)
        for carrier in (here, there):
            row = await self.record(carrier)
            self.assert_columns(
                row,
                callere164=CALLER,
                callergatewayid=carrier.gateway("in"),
                calleegatewayid=carrier.gateway("a"),
                endreason=ORDINARY,
                enddirection=BY_CALLER,
            )
            self.assert_paid(carrier, row)

    def connections(self, *ports: int) -> int:
        """How many connections these listeners have (proc(5) net/tcp)."""
        wanted = {f"{port:04X}" for port in ports}
        rows = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
        fields = [row.split() for row in rows]
        return sum(
            row[1].partition(":")[2] in wanted and row[3] == _ESTABLISHED
            for row in fields
        )

    async def test_calls_both_ways(self) -> None:
        """
        The second switch calls back on the connection that the first opened
        (RFC 5923): each has shown a certificate with its name.
        """
        here, there = self.pair()
        callee = self.arrives(there)
        await self.leaves(here, self.two.name, self.two.port)
        await self.crosses(here, there, callee)
        trunks = self.one.port, self.two.port
        self.assertEqual(self.connections(*trunks), 1)
        back_there, back_here = self.pair()
        callee = self.arrives(back_there)
        await self.leaves(back_here, self.one.name, self.one.port)
        await self.crosses(back_here, back_there, callee)
        self.assertEqual(self.connections(*trunks), 1)

    async def test_websocket(self) -> None:
        """A gateway that is called by secure WebSocket."""
        here, there = self.pair()
        callee = self.arrives(there)
        await self.leaves(here, self.two.name, self.two.wss, "wss")
        await self.crosses(here, there, callee)
        self.assertEqual(self.connections(self.two.wss), 1)

    async def test_wrong_name(self) -> None:
        """
        Who answers has a good certificate of another name: nothing is sent to
        it, the call is refused and costs nothing, and the log says why.
        """
        here, there = self.pair()
        self.arrives(there)
        impostor = f"impostor.{ZONE}"
        self.names.zone.address(impostor)
        await self.leaves(here, impostor, self.two.port)
        unreachable = _CAUSES["ConnectionTimeout"]
        caller = Party("caller-refused", here.address, status=unreachable.sip)
        await self.call(here, caller)
        row = await self.record(here)
        self.assert_columns(
            row, endreason=unreachable.code, calleegatewayid=here.gateway("a")
        )
        self.assert_free(here, row)
        told = here.switch.log.read_text("utf-8")
        self.assertIn(
            f"({impostor}): no connection: its certificate names somebody else", told
        )
        self.assertEqual(records(there.switch.state, there.number), [])
