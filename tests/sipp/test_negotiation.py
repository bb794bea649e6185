"""
What two sides make out before and during a call, and do not agree on at once.
"""

from __future__ import annotations

from tests.sipp.case import BY_CALLER, OPENING, ORDINARY, TALK, SharedCalls


class NegotiationTests(SharedCalls):
    """Each call is one record, and paid for once."""

    def setUp(self) -> None:
        """A customer with money."""
        super().setUp()
        self.carrier.create(OPENING)

    async def agreed(self, caller: str, callee: str, status: int = 0) -> None:
        """A call that both scenarios see through."""
        called = self.callee(callee)
        await self.call(self.carrier, self.caller(caller, status), called, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(
            row,
            endreason=ORDINARY,
            enddirection=BY_CALLER,
            calleegatewayid=self.carrier.gateway("a"),
        )
        self.assert_paid(self.carrier, row)

    async def test_callee_wants_a_longer_session(self) -> None:
        """422: the same gateway gets the INVITE again, with its lifetime."""
        await self.agreed("caller-answered", "callee-wants-longer")

    async def test_offers_cross(self) -> None:
        """491 to both, each from where it met the other; the next one passes."""
        await self.agreed("caller-glares", "callee-glares")

    async def test_early_media_is_told_as_ringing(self) -> None:
        """sipRemoteRingSignal 2: a 183 with a description becomes a 180 with it."""
        await self.told_as(2, 180)

    async def test_early_media_is_told_as_it_is(self) -> None:
        """sipRemoteRingSignal 0."""
        await self.told_as(0, 183)

    async def told_as(self, mode: int, status: int) -> None:
        """The customer has ringing told in a way of its own."""
        name = self.carrier.gateway("in")
        self.carrier.switch.post(
            "ModifyGatewayMapping", name=name, sipRemoteRingSignal=mode
        )
        await self.agreed("caller-hears-ringing", "callee-plain-progress", status)
