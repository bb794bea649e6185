"""
Session timers between SIPps. The sessions are shorter than RFC 4028 lets those
be that know it: a proxy may ask for one on behalf of a caller that does not.
"""

from __future__ import annotations

from tests.sipp.case import (
    BY_CALLER,
    BY_SERVER,
    OPENING,
    ORDINARY,
    TALK,
    SharedCalls,
)
from vos3000.model import causes

_CAUSES = causes.load()


class SessionTimerTests(SharedCalls):
    """Refreshes of both sides, and none."""

    async def test_we_refresh(self) -> None:
        """UPDATE at half of the session, twice; the callee hears nothing of it."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-answers")
        await self.call(self.carrier, self.caller("caller-refreshed"), callee)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_columns(row, holdtime=5)

    async def test_callee_refreshes(self) -> None:
        """Its UPDATE is answered with the session's lifetime."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-refreshes")
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))

    async def test_expiry(self) -> None:
        """A session that is not refreshed ends on both sides, and is charged."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-answers")
        await self.call(self.carrier, self.caller("caller-expires"), callee)
        row = await self.record(self.carrier)
        code = _CAUSES["SessionTimeout"].code
        self.assert_columns(row, endreason=code, enddirection=BY_SERVER, holdtime=6)

    async def test_too_short(self) -> None:
        """422 says how long it must be; the next INVITE is answered."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-answers")
        caller = self.caller("caller-too-short")
        await self.call(self.carrier, caller, callee, hold=TALK)
