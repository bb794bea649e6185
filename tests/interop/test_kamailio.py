"""
Kamailio as a carrier's edge proxy: what is behind it is reached through it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.children import free_port
from tests.interop.kamailio import Kamailio
from tests.interop.program import Program
from tests.sipp.case import BY_CALLEE, BY_CALLER, OPENING, ORDINARY, TALK, SharedCalls
from tests.sipp.runner import Party


class ProxyTests(SharedCalls):
    """
    A vendor whose gateway stands behind a proxy that stays in the path.
    """

    async def proxy(self, callee: Party, **fields: Any) -> Program:
        """A proxy in front of C{callee}, and the route to it."""
        self.parties(callee)
        edge = Kamailio(free_port(), f"{callee.host}:{callee.port}")
        program = edge.start(Path(self.mktemp()))
        self.addCleanup(program.stop)
        await program.hears("kamailio is listening")
        self.carrier.create(OPENING)
        self.carrier.route("a", edge.port, **fields)
        return program

    async def test_call_through_a_proxy(self) -> None:
        """ACK and BYE take the route that the proxy recorded."""
        callee = Party("callee-answers")
        edge = await self.proxy(callee)
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=TALK)
        self.assertRegex(edge.output, "inside ACK")
        self.assertRegex(edge.output, "inside BYE")
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_paid(self.carrier, row)

    async def test_callee_hangs_up_through_a_proxy(self) -> None:
        """The callee's BYE comes by way of the proxy and is the call's end."""
        callee = Party("callee-hangs-up")
        edge = await self.proxy(callee)
        await self.call(self.carrier, self.caller("caller-hears-bye"), callee)
        self.assertRegex(edge.output, "inside BYE")
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLEE)
        self.assert_paid(self.carrier, row)

    async def test_reinvites_through_a_proxy(self) -> None:
        """Offers in both directions pass the proxy."""
        callee = Party("callee-reinvites")
        edge = await self.proxy(callee)
        caller = self.caller("caller-reinvites")
        await self.call(self.carrier, caller, callee, hold=TALK // 3)
        self.assertRegex(edge.output, "inside INVITE")
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
