"""
Reliable provisional responses and UPDATE before the answer, between two SIPps.
"""

from __future__ import annotations

from tests.sipp.case import BY_CALLER, OPENING, ORDINARY, TALK, SharedCalls


class ReliableTests(SharedCalls):
    """Both sides, one side, the other side."""

    async def test_both_sides(self) -> None:
        """
        183 with PRACK on either leg, an offer of the callee in UPDATE before it
        answers; the 200 needs no description then.
        """
        self.carrier.create(OPENING)
        callee = self.callee("callee-reliable")
        caller = self.caller("caller-reliable")
        await self.call(self.carrier, caller, callee, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_paid(self.carrier, row)

    async def test_callee_only(self) -> None:
        """The caller hears plain responses, and the answer in its 200."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-reliable-alone")
        caller = self.caller("caller-plain-progress")
        await self.call(self.carrier, caller, callee, hold=TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))

    async def test_caller_only(self) -> None:
        """The callee's plain 183 is made reliable for the caller."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-plain-progress")
        caller = self.caller("caller-reliable-alone")
        await self.call(self.carrier, caller, callee, hold=TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))
