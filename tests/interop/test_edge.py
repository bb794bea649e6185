"""
Phones behind Kamailio as an edge proxy: it writes Path, and every call goes by it.
"""

from __future__ import annotations

from pathlib import Path

from bench.children import free_port
from tests.interop.baresip import Baresip
from tests.interop.kamailio import EDGE, start
from tests.interop.program import Program
from tests.interop.test_phones import MD5, PASSWORD, PhoneCalls
from tests.sipp.case import BY_CALLER, MILLION, ORDINARY
from tests.sipp.shared import RETAIL


class EdgeTests(PhoneCalls):
    """
    Phones that know no way to the switch but the edge.
    """

    shared = MD5

    async def edge(self) -> tuple[Program, int]:
        """An edge, and its port."""
        port, target = free_port(), self.carrier.switch.port
        program = start(EDGE, Path(self.mktemp()), port=port, target=target)
        self.addCleanup(program.stop)
        await program.hears("kamailio is listening")
        return program, port

    async def behind(self, edge: int, number: str) -> Baresip:
        """A phone that has registered through the edge."""
        outbound = f';outbound="sip:127.0.0.1:{edge};lr"'
        phone = Baresip(number, self.where, free_port(), PASSWORD, parameters=outbound)
        phone.start(Path(self.mktemp()))
        self.addCleanup(phone.program.stop)
        await phone.registered()
        return phone

    async def test_gateway_calls_a_phone(self) -> None:
        """The INVITE takes the Path, ACK and BYE the recorded route."""
        edge, port = await self.edge()
        number = self.phone(1, dids=self.carrier.number)
        phone = await self.behind(port, number)
        online = await self.online(number)
        self.assertEqual(online["remoteIp"], "127.0.0.1")
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, hold=1500)
        called = rf"to a phone INVITE sip:{number}\S*:{phone.port}\S* by sip:127.0.0.1"
        self.assertRegex(edge.output, called)
        for method in ("ACK", "BYE"):
            await edge.hears(f"inside {method}")
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_columns(row, fee=int(RETAIL * MILLION), billingmode=1)

    async def test_phones_call_each_other(self) -> None:
        """Both are behind the edge: the call passes it twice."""
        edge, port = await self.edge()
        first, second = self.phone(1), self.phone(2)
        callee = await self.behind(port, second)
        caller = await self.behind(port, first)
        row = await self.talk(caller, callee.user)
        self.assertRegex(edge.output, "from a phone INVITE")
        self.assertRegex(edge.output, f"to a phone INVITE sip:{second}")
        self.assert_phone_paid(row, first, second)
