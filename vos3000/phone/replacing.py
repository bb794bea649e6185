"""
INVITEs that take the place of one side of a call (RFC 3891).
"""

from __future__ import annotations

from vos3000.call.call import Call, Phase
from vos3000.call.leg import (
    NO_CONTENT,
    Content,
    Exchange,
    Headers,
    InboundLeg,
    Leg,
    Referral,
)
from vos3000.model.causes import EndCause, EndCauses
from vos3000.model.gateways import LockType, MappingGateway
from vos3000.model.sipoptions import ORDINARY
from vos3000.phone.chain import changing
from vos3000.phone.device import is_device
from vos3000.phone.half import Half
from vos3000.timers import TimerWheel

_LOCKED = frozenset((LockType.OUTGOING, LockType.ALL))


def refusal_of(
    leg: InboundLeg,
    replaced: Leg | None,
    call: Call | None,
    early: bool,
    causes: EndCauses,
) -> EndCause | None:
    """
    Why a caller may not have the place of a side (section 3); None if it may:
    a device that was there itself, or one that may transfer calls and whose
    account is that of who was.

    @param call: The answered call that the side is in; None if it is in none.
    @param early: Whether it wants it only before the call is answered.
    """
    origin = leg.origin
    if replaced is None:
        return causes.by_sip(481)
    if call is None or origin is None:
        return causes.by_sip(603 if is_over(replaced) else 481)
    if not _may(leg, origin, replaced):
        return causes.by_sip(403)
    if early:
        return causes.by_sip(486)
    if call.phase is not Phase.TALKING or changing(call):
        return causes.by_sip(491)
    return None


def is_over(leg: Leg) -> bool:
    """Whether a leg was in a call and is no more."""
    return getattr(leg, "user", None) is None


def _may(leg: InboundLeg, origin: MappingGateway, replaced: Leg) -> bool:
    if origin.lock_type in _LOCKED:
        return False
    device = replaced.gateway
    if is_device(origin, leg, device, replaced):
        return True
    account = device.account if isinstance(device, MappingGateway) else ""
    return origin.sip.allows_transfer and bool(account) and account == origin.account


class Replacement:
    """
    One caller on its way to the place of one side of a call.

    The far end is offered the caller's media; when it agrees the caller is
    answered, and who was there before is hung up. The call goes on being metered
    as it began.
    """

    __slots__ = ("_causes", "_half", "_leg", "_over")

    def __init__(
        self,
        call: Call,
        replaced: Leg,
        leg: InboundLeg,
        timers: TimerWheel,
        causes: EndCauses,
    ) -> None:
        self._half = Half(call, replaced, timers, causes)
        self._leg = leg
        self._causes = causes
        self._over = False

    def begin(self) -> None:
        """Offer the far end what the caller offers, or have it offer."""
        leg, half = self._leg, self._half
        leg.user = self
        leg.recognize(leg.origin)
        leg.proceed()
        objection = leg.objection()
        if objection:
            self._over = True
            leg.refuse(self._causes.by_sip(objection), 0, False)
            return
        half.call.moving = self
        half.call.placed(leg.identifier)
        options = ORDINARY if leg.origin is None else leg.origin.sip
        half.offer(leg.content, self._agreed, self._failed, leg.peer[0], options)

    def _agreed(self, content: Content) -> None:
        """The far end agreed."""
        half, leg = self._half, self._leg
        if self._over:
            if not leg.content.body:
                half.decline(content)
            return
        self._over = True
        call, before = half.call, half.near
        call.moving = None
        # what the record counts from
        leg.arrived = call.leg.arrived
        call.replace(before, leg)
        leg.user = call
        leg.answer(content)
        before.release(self._causes["NormalHangUp"])

    def _failed(self, cause: EndCause) -> None:
        if not self._over:
            self._stop(cause)

    def _stop(self, cause: EndCause) -> None:
        """Nothing comes of it."""
        self._over = True
        self._leg.refuse(cause, 0, False)
        self._half.give_up(self._causes["NormalHangUp"])

    # What the call tells

    def left(self, call: Call, leg: Leg) -> bool:
        """Who is replaced may hang up meanwhile."""
        if leg is not self._half.near:
            return False
        self._half.leave()
        return True

    def stopped(self, call: Call, cause: EndCause) -> None:
        """The call ended."""
        if not self._over:
            self._stop(self._causes.by_sip(603))

    # What the caller tells

    def canceled(self, leg: Leg, reason: str = "") -> None:
        """It gave up."""
        if not self._over:
            self._over = True
            self._half.give_up(self._causes["NormalHangUp"])

    def released(
        self, leg: Leg, cause: EndCause, reason: str, headers: Headers = ()
    ) -> None:
        """Not reached: it was not answered."""

    def asked(self, leg: Leg, exchange: Exchange) -> None:
        """Not reached: it was not answered."""

    def confirmed(self, leg: Leg, content: Content) -> None:
        """Not reached: it was not answered."""

    def referred(self, leg: Leg, referral: Referral) -> None:
        """Not reached: it was not answered."""

    def said(self, leg: Leg) -> Content:
        """Not reached: it was not answered."""
        return NO_CONTENT

    def moved(self, leg: Leg, content: Content) -> bool:
        """Not reached: it was not answered."""
        return False
