"""
Session timers between SIPps. The sessions are shorter than RFC 4028 lets those
be that know it: a proxy may ask for one on behalf of a caller that does not.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, gatherResults

from tests.sipp.case import (
    BY_CALLER,
    BY_SERVER,
    MILLION,
    OPENING,
    ORDINARY,
    TALK,
    SharedCalls,
)
from tests.sipp.shared import COST, PERIOD, RETAIL, Shared
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


class OftenTests(SharedCalls):
    """
    The switch refreshes ten times in a session, and gives up after three messages
    that nobody answers.
    """

    shared = Shared(
        parameters={
            "SS_SIP_SESSION_UPDATE_SEGMENT": "10",
            "SS_SIP_RESEND_INTERVAL": "0.2,0.2",
        }
    )

    async def silent(self, caller: str, callee: str, seconds: range) -> None:
        """The call ends as lost, once, and costs what it lasted."""
        carrier = self.carrier = self.shared.running().carrier()
        carrier.create(OPENING)
        way_out = self.callee(callee)
        await self.call(carrier, self.caller(caller), way_out)
        row = await self.record(carrier)
        code = _CAUSES["SessionLost"].code
        self.assert_columns(row, endreason=code, enddirection=BY_SERVER)
        self.assertIn(row["holdtime"], seconds)
        periods = -(-row["holdtime"] // PERIOD)
        fee, cost = periods * RETAIL, periods * COST
        self.assert_columns(row, fee=int(fee * MILLION), agentfee=int(cost * MILLION))
        self.assertEqual(carrier.money(carrier.customer), OPENING - fee)
        self.assertEqual(carrier.money(carrier.vendor), -cost)

    async def test_without_update(self) -> None:
        """
        Who knows no UPDATE is held and refreshed by re-INVITE; the port that its
        answer to the refresh names goes on to the other side.
        """
        self.carrier.create(OPENING)
        callee = self.callee("callee-holds-by-update")
        await self.call(self.carrier, self.caller("caller-without-update"), callee)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)

    async def test_silence(self) -> None:
        """
        Of peers that do not even answer BYE, since their hosts are gone: of a
        caller, refreshed at 2 s and lost half a second later; of a callee, refreshed
        at 9 s, a tenth of the shortest session. Who is there hears BYE.
        """
        both = (
            self.silent("caller-silent", "callee-answers", range(3, 5)),
            self.silent("caller-hears-bye", "callee-silent", range(10, 12)),
        )
        await gatherResults([Deferred.fromCoroutine(each) for each in both])
