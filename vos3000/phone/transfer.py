"""
Call transfer: one end of a call has the other connected to somebody else.

Blind, whoever transfers names a number: the switch calls it in his stead and on
his account. Attended, he names another call of his own. Either way the far ends
of two calls are joined and he leaves both; each goes on being metered, limited
and recorded as it began, until the talk ends.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from vos3000.call.call import Call, Phase
from vos3000.call.control import CallControl
from vos3000.call.leg import (
    NO_CONTENT,
    Content,
    Headers,
    InboundLeg,
    Leg,
    Referral,
    Stage,
)
from vos3000.call.presented import Presented
from vos3000.instant import Now
from vos3000.media.session import DirectMedia
from vos3000.model.causes import EndCause, EndCauses
from vos3000.model.gateways import Device, MappingGateway
from vos3000.model.sipoptions import ORDINARY
from vos3000.model.states import CallState
from vos3000.phone.chain import changing, obstacle
from vos3000.phone.device import same_device
from vos3000.phone.half import SDP, Half
from vos3000.phone.joint import Joint
from vos3000.phone.replacing import Replacement, refusal_of
from vos3000.phone.shown import TransferSettings, attended, blind, introduction
from vos3000.routing.phones import Phones
from vos3000.sdp.hold import resumed, transport
from vos3000.timers import TimerWheel


class Transfers:
    """
    Carries out the transfers of one switch.

    @param phones: The platform phones.
    @param whose: The mapping gateway that a source's host and port belong to.
    @param registering: The one of a name, of those that register.
    @ivar settings: The system parameters of transfers.
    """

    def __init__(
        self,
        control: CallControl,
        phones: Phones,
        whose: Callable[[str, int], MappingGateway | None],
        registering: Callable[[str], MappingGateway | None],
        settings: Callable[[], TransferSettings],
        timers: TimerWheel,
        now: Now,
        causes: EndCauses,
    ) -> None:
        self.control = control
        self.settings = settings
        self.timers = timers
        self.now = now
        self.causes = causes
        self._phones = phones
        self._whose = whose
        self._registering = registering

    def referred(self, call: Call, leg: Leg, referral: Referral) -> None:
        """One side of an answered call wants to transfer the other."""
        if changing(call):
            referral.refuse(self.causes.by_sip(491))
        elif not self._may(leg):
            referral.refuse(self.causes.by_sip(603))
        elif referral.attended:
            self._attended(call, leg, referral)
        else:
            self._blind(call, leg, referral)

    def _may(self, leg: Leg) -> bool:
        """Whether a phone may still transfer calls (callTransfer)."""
        gateway = leg.gateway
        if gateway is None or gateway.device is not Device.PHONE:
            return True
        phone = self._phones.get(gateway.name)
        return phone is not None and phone.origin.sip.allows_transfer

    def _blind(self, call: Call, leg: Leg, referral: Referral) -> None:
        origin = self.origin(leg)
        if origin is None:
            # who would pay?
            referral.refuse(self.causes.by_sip(603))
            return
        hindrance = obstacle(call, None, self.causes)
        if hindrance is not None:
            referral.refuse(hindrance)
            return
        Transfer(self, call, leg, referral).call(origin)

    def _attended(self, call: Call, leg: Leg, referral: Referral) -> None:
        consulted = referral.consulted
        other = call_of(consulted) or ringing(consulted)
        if consulted is None or other is None:
            referral.accept()
            referral.finish(self.causes.by_sip(481))
        elif not same_device(leg, consulted):
            referral.refuse(self.causes.by_sip(603))
        elif changing(other):
            referral.refuse(self.causes.by_sip(491))
        elif (hindrance := obstacle(call, other, self.causes)) is not None:
            referral.refuse(hindrance)
        else:
            transfer = Transfer(self, call, leg, referral)
            if other.phase is Phase.TALKING:
                transfer.join(other, consulted)
            else:
                transfer.wait(other, consulted)

    def origin(self, leg: Leg) -> MappingGateway | None:
        """
        As whom one side of a call may call now, whatever it might when the call
        began; None for a gateway that only takes calls, and for a device that is
        known no more.
        """
        gateway = leg.gateway
        if gateway is not None and gateway.device is Device.PHONE:
            phone = self._phones.get(gateway.name)
            return None if phone is None else phone.origin
        found = self._whose(*leg.peer)
        if found is None and isinstance(gateway, MappingGateway):
            return self._registering(gateway.name)
        return found

    def replaces(self, leg: InboundLeg, replaced: Leg | None, early: bool) -> None:
        """
        A caller wants the place of one side of a call (RFC 3891).

        @param replaced: The side; None if there is none.
        @param early: Whether it wants it only before the call is answered.
        """
        cause = refusal_of(leg, replaced, call_of(replaced), early, self.causes)
        if cause is not None:
            leg.refuse(cause, 0, False)
            return
        call = call_of(replaced)
        if call is not None and replaced is not None:
            Replacement(call, replaced, leg, self.timers, self.causes).begin()


def call_of(leg: Leg | None) -> Call | None:
    """The answered call that a leg is in; None if it is in none."""
    call = getattr(leg, "call", None)
    return call if isinstance(call, Call) and call.phase is Phase.TALKING else None


def ringing(leg: Leg | None) -> Call | None:
    """
    The call whose answer a caller's leg waits for (RFC 3891 section 3: an early
    dialog that it began itself); None for any other leg, and for a caller that
    made no offer.
    """
    call = getattr(leg, "user", None)
    if not isinstance(call, Call) or call.phase is not Phase.HUNTING:
        return None
    return call if call.leg is leg and call.leg.content.body else None


class Transfer:
    """
    One transfer.

    It ends when both far ends are joined, or when either call ends or cannot be
    changed. Whoever transfers may hang up once it has begun.
    """

    _log = Logger()

    __slots__ = ("_causes", "_first", "_over", "_owner", "_referral", "_second")

    def __init__(
        self, owner: Transfers, call: Call, leg: Leg, referral: Referral
    ) -> None:
        self._owner = owner
        self._causes = owner.causes
        self._referral = referral
        self._first = Half(call, leg, owner.timers, owner.causes)
        self._second: Half | None = None
        self._over = False

    def call(self, origin: MappingGateway) -> None:
        """Blind: call the number that was named."""
        if self._mute():
            return
        first, owner = self._first, self._owner
        offer = resumed(first.described())
        leg = self._caller(origin, offer)
        self._begin()
        call = owner.control.take(leg)
        call.media = DirectMedia(call.id, leg.local_host, "", ORDINARY)
        leg.call = call
        self._second = Half(call, leg, owner.timers, owner.causes)
        call.moving = self
        owner.control.admit(call)

    def _caller(self, origin: MappingGateway, offer: bytes) -> Joint:
        """The caller's side of the call that is placed now."""
        call, near, owner = self._first.call, self._first.near, self._owner
        leg = Joint(near, owner.now(), owner.causes)
        leg.placing = self
        leg.origin = origin
        leg.content = Content(offer, SDP)
        leg.presented = blind(call, near, origin, owner.settings())
        number = call.caller_access if self._first.caller else call.callee_out
        if origin.device is Device.PHONE:
            number = origin.name
        leg.numbers = number, self._referral.number[:64]
        by = call.caller if self._first.caller else call.callee
        leg.original = call.leg.identifier[:64], f"{by} (transfer)"
        return leg

    def join(self, call: Call, leg: Leg) -> None:
        """Attended: both calls are there."""
        if self._mute():
            return
        self._second = Half(call, leg, self._owner.timers, self._owner.causes)
        call.moving = self
        self._begin()
        self.consulted()

    def wait(self, call: Call, leg: Leg) -> None:
        """
        Attended, before who is consulted has answered: the wait for that goes on
        without who transfers, whose INVITE is over.
        """
        if self._mute():
            return
        owner, before = self._owner, call.leg
        joint = Joint(before, before.arrived, owner.causes)
        joint.placing = Consulting(self)
        joint.origin, joint.content = before.origin, before.content
        joint.hops, joint.presented = before.hops, self._shown() or before.presented
        joint.call = joint.user = call
        call.replace(before, joint)
        self._second = Half(call, joint, owner.timers, owner.causes)
        call.moving = self
        self._begin()
        before.user = None
        before.refuse(self._causes.by_sip(487), 0, False)
        if call.callee_rang is not None:
            self.progressed(Stage.RINGING)

    def consulted(self) -> None:
        """Who was consulted is there: offer it the first far end's media."""
        second = self._second
        if self._over or second is None:
            return
        headers: Headers = ()
        shown = self._shown()
        if shown is not None and second.caller:
            headers = introduction(self._owner.control, second.call, shown)
            if headers:
                second.before = introduction(self._owner.control, second.call, None)
        body = resumed(self._first.described())
        second.offer(Content(body, SDP, headers), self.answered, self._fail)

    def _shown(self) -> Presented | None:
        """Whom who was consulted is shown instead of who called it."""
        call, near, owner = self._first.call, self._first.near, self._owner
        return attended(call, near, owner.origin(near), owner.settings())

    def _mute(self) -> bool:
        """Refuse, if who is transferred described nothing that could be offered."""
        if self._first.described():
            return False
        self._referral.refuse(self._causes.by_sip(488))
        return True

    def _begin(self) -> None:
        self._referral.accept()
        self._first.call.moving = self
        self._first.call.step(CallState.TRANSFERRING)

    # What becomes of the second call

    def progressed(self, stage: Stage, content: Content = NO_CONTENT) -> None:
        """The number that was called came further."""
        self._referral.tell(stage)

    def answered(self, content: Content) -> None:
        """The second far end is there: offer its media to the first."""
        if self._over:
            return
        if content.body:
            self._first.offer(content, self._agreed, self._fail)
        else:
            self._fail(self._causes["CodecMismatch"])

    def _agreed(self, content: Content) -> None:
        """Both far ends are there: join them."""
        second = self._second
        if self._over or second is None:
            return
        self._over = True
        told = transport(second.holds())
        self._leave(self._first, second)
        body = resumed(content.body)
        if content.body and transport(body) != told:
            # what the first answered is not what the second was offered
            second.offer(Content(body, SDP), _done, _done)

    def _leave(self, first: Half, second: Half) -> None:
        """Whoever transfers leaves both calls."""
        leaving = [half.near for half in (first, second) if not half.abandoned]
        first.joint.partner, second.joint.partner = second.joint, first.joint
        for half, far in ((first, second.far), (second, first.far)):
            if far is not None:
                half.call.placed(far.identifier)
        for half in (first, second):
            half.call.moving = None
            half.leave()
        first.call.step(CallState.TRANSFER_OK)
        self._referral.finish(None)
        for leg in leaving:
            leg.release(self._causes["NormalHangUp"])

    # What the calls tell

    def left(self, call: Call, leg: Leg) -> bool:
        """One side of one of both calls hung up: who transfers may."""
        for half in (self._first, self._second):
            if half is not None and half.call is call and half.near is leg:
                half.leave()
                return True
        return False

    def stopped(self, call: Call, cause: EndCause) -> None:
        """One of both calls ended: so does the transfer."""
        if self._over:
            return
        self._over = True
        first = self._first
        if call is first.call:
            call.step(CallState.TRANSFER_CANCELED)
            self._referral.finish(self._causes.by_sip(487))
        else:
            self._failed(cause)
        self._give_up()

    def _fail(self, cause: EndCause) -> None:
        """The far ends cannot be joined."""
        if not self._over:
            self._over = True
            self._failed(cause)
            self._give_up()

    def _failed(self, cause: EndCause) -> None:
        self._first.call.step(CallState.TRANSFER_FAILED)
        self._referral.finish(cause)

    def _give_up(self) -> None:
        for half in (self._second, self._first):
            if half is not None:
                half.give_up(self._causes["NormalHangUp"])


def _done(_: object) -> None:
    """The second far end was told; what it says changes nothing."""


class Consulting:
    """
    The wait for who is consulted, in the place of who consults it.
    """

    __slots__ = ("_transfer",)

    def __init__(self, transfer: Transfer) -> None:
        self._transfer = transfer

    def progressed(self, stage: Stage, content: Content) -> None:
        """It came further."""
        self._transfer.progressed(stage)

    def answered(self, content: Content) -> None:
        """It answered what it was offered by who left."""
        self._transfer.consulted()
