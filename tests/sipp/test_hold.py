"""
A session that changes while it lasts, between SIPps: hold, resume and T.38.
"""

from __future__ import annotations

from tests.sipp.case import BY_CALLER, OPENING, ORDINARY, TALK, SharedCalls


class HoldTests(SharedCalls):
    """What is described at one end arrives at the other."""

    async def test_hold_and_fax(self) -> None:
        """
        Hold and resumption of both sides with their answers; T.38 of the callee
        and the way back; T.38 that is refused, after which the call goes on and
        is charged as one.
        """
        self.carrier.create(OPENING)
        callee = self.callee("callee-faxes")
        caller = self.caller("caller-faxes")
        await self.call(self.carrier, caller, callee, hold=TALK // 2)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_paid(self.carrier, row)

    async def test_fax_is_refused_here(self) -> None:
        """A gateway without sipT38 is not asked: 488, and the call goes on."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-answers", sipT38=False)
        caller = self.caller("caller-fax-refused")
        await self.call(self.carrier, caller, callee, hold=TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))
