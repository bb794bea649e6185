"""
PyPI's sippy, another B2BUA in Python: as a vendor, and as a customer.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from twisted.internet.threads import deferToThread

from bench.subjects import Sippy, install_sippy
from tests.sipp.case import BY_CALLEE, BY_CALLER, OPENING, ORDINARY, TALK, SharedCalls
from tests.sipp.runner import Party


def _started(directory: str, target: int) -> Sippy:
    install_sippy()
    return Sippy(Path(directory), target)


class SippyTests(SharedCalls):
    """
    A call that passes both switches.
    """

    timeout = 360
    """Its virtual environment is made by the first test."""

    async def sippy(self, target: int = 0) -> Sippy:
        """
        A sippy that sends every call on.

        @param target: Where to on 127.0.0.1; 0 for a port of a callee.
        """
        directory = tempfile.TemporaryDirectory(prefix="sippy-")
        self.addCleanup(directory.cleanup)
        sippy = await deferToThread(_started, directory.name, target)
        self.addCleanup(sippy.child.stop)
        return sippy

    async def test_sippy_is_the_vendor(self) -> None:
        """It answers what we send it, and the call is paid for."""
        sippy = await self.sippy()
        self.carrier.create(OPENING)
        self.carrier.route("a", sippy.port)
        callee = Party("callee-answers", port=sippy.callee_port)
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_paid(self.carrier, row)

    async def test_vendor_behind_sippy_hangs_up(self) -> None:
        """Its BYE ends the call on our side, too."""
        sippy = await self.sippy()
        self.carrier.create(OPENING)
        self.carrier.route("a", sippy.port)
        callee = Party("callee-hangs-up", port=sippy.callee_port)
        await self.call(self.carrier, self.caller("caller-hears-bye"), callee)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLEE)
        self.assert_paid(self.carrier, row)

    async def test_sippy_is_the_customer(self) -> None:
        """What it sends us is known by its address and port, and charged."""
        sippy = await self.sippy(self.carrier.switch.port)
        self.carrier.create(OPENING)
        self.carrier.switch.post(
            "ModifyGatewayMapping",
            name=self.carrier.gateway("in"),
            remoteIps=f"127.0.0.1:{sippy.port}",
            sipAuthenticationMethod=1,
        )
        callee = self.callee("callee-answers")
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=TALK, target=sippy.port)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_columns(row, callerip="127.0.0.1")
        self.assert_paid(self.carrier, row)
