"""
The hunt: routes are tried in order until one answers or the hunt must stop.

The numbers of each attempt are rewritten from the billing number, never from
the attempt before; what an attempt held is given back before the next begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

import attrs

from vos3000.call.call import Call
from vos3000.call.leg import (
    NO_CONTENT,
    Content,
    Dial,
    Exchange,
    Leg,
    OutboundLeg,
    Setup,
    Stage,
)
from vos3000.call.passed import refusal
from vos3000.call.phoneterms import caller_for
from vos3000.call.presented import Forward, rewritten
from vos3000.errors import MediaRefused
from vos3000.media.session import Side
from vos3000.model.causes import EndCause, EndCauses
from vos3000.model.forwards import BUSY, NO_ANSWER, OFFLINE
from vos3000.model.gateways import Device, RoutingGateway
from vos3000.model.states import EndDirection
from vos3000.routing.lines import LinesOut
from vos3000.routing.quality import Quality
from vos3000.routing.rewriting import Rewriting
from vos3000.routing.routes import Route
from vos3000.routing.selector import Selector, SwitchSettings
from vos3000.security.callrate import CallRates
from vos3000.timers import Timer, TimerWheel


@attrs.frozen(slots=True)
class StageTimeouts:
    """
    Seconds that an attempt may stay in each stage, for gateways that set none.

    @ivar invite: SS_SIP_TIMEOUT_INVITE, until any reply.
    @ivar trying: SS_SIP_TIMEOUT_TRYING.
    @ivar progress: SS_SIP_TIMEOUT_SESSION_PROGRESS.
    @ivar progress_sdp: SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP.
    @ivar ringing: SS_SIP_TIMEOUT_RINGING.
    """

    invite: int = 10
    trying: int = 20
    progress: int = 20
    progress_sdp: int = 120
    ringing: int = 120

    def of(self, gateway: RoutingGateway) -> tuple[int, int, int, int, int]:
        """The gateway's own where it has any, else these."""
        own = gateway.timeouts
        return (
            own[0] if own[0] > 0 else self.invite,
            own[1] if own[1] > 0 else self.trying,
            own[2] if own[2] > 0 else self.progress,
            own[3] if own[3] > 0 else self.progress_sdp,
            own[4] if own[4] > 0 else self.ringing,
        )


class HuntSettings(Protocol):
    """The system parameters that a hunt depends on; attributes of now."""

    @property
    def stages(self) -> StageTimeouts:
        """The stages' limits."""

    @property
    def switching(self) -> SwitchSettings:
        """How many gateways are tried, and what ends the hunt."""


class Hunter:
    """What all hunts of a switch share."""

    def __init__(
        self,
        selector: Selector,
        lines: LinesOut,
        quality: Quality,
        rates: CallRates,
        rewriting: Rewriting,
        dial: Dial,
        timers: TimerWheel,
        settings: HuntSettings,
        causes: EndCauses,
    ) -> None:
        self.selector = selector
        self.lines = lines
        self.quality = quality
        self.rates = rates
        self.rewriting = rewriting
        self.dial = dial
        self.timers = timers
        self.settings = settings
        self.no_route = causes["NoAvailableRouter"]
        self.no_number = causes.by_sip(484)
        self.no_reply = causes["ConnectionTimeout"]
        self.offline = causes["CalleeOffline"]
        self.busy = causes["CalleeBusy"]
        self.no_progress = causes["ProcessTimeout"]
        self.user_busy = causes.by_sip(486).code
        self.no_answer = causes["ResponseTimeout"]
        self.mismatch = causes["CodecMismatch"]
        self._reasons = {
            BUSY: frozenset((486, 600, 17, self.busy.code)),
            NO_ANSWER: frozenset((408, 480, 18, 19, self.no_answer.code)),
            OFFLINE: frozenset(
                (404, 410, self.offline.code, self.no_reply.code, self.no_progress.code)
            ),
        }

    def forwards(self, route: Route, cause: EndCause) -> bool:
        """Whether a phone that failed so sends the call on this way."""
        return cause.code in self._reasons.get(route.forward, ())

    def start(self, call: Call, routes: Sequence[Route]) -> None:
        """Try C{routes} for C{call}."""
        hunt = Hunt(self, call, routes)
        call.hunt = hunt
        hunt.begin()

    def takes(self, gateway: RoutingGateway) -> bool:
        """Take a line of C{gateway}, if it may have a call now."""
        if gateway.device is not Device.GATEWAY:
            return self.lines.acquire(gateway)
        if self.selector.availability.obstacle(gateway.name):
            return False
        if self.rates.wait(gateway.name, gateway.call_rate) > 0:
            return False
        if not self.lines.acquire(gateway):
            return False
        return self.rates.take(gateway.name, gateway.call_rate)


class Hunt:
    """
    One call's hunt.

    It is the user of the leg under way and ends when a leg answers, when no
    route is left, when a failure must not be tried elsewhere, or when the
    call ends.
    """

    __slots__ = (
        "_call",
        "_cause",
        "_detail",
        "_direction",
        "_final",
        "_forward",
        "_gateway",
        "_hunter",
        "_leg",
        "_limits",
        "_next",
        "_overall",
        "_reason",
        "_routes",
        "_stage",
        "_timer",
        "_tried",
    )

    def __init__(self, hunter: Hunter, call: Call, routes: Sequence[Route]) -> None:
        self._hunter = hunter
        self._call = call
        self._routes = routes
        self._next = 0
        self._tried = 0
        self._overall: Timer | None = None
        self._gateway: RoutingGateway | None = None
        self._leg: OutboundLeg | None = None
        self._timer: Timer | None = None
        self._limits = (0, 0, 0, 0, 0)
        self._stage = 0
        self._final = False
        self._forward = ""
        self._cause = hunter.no_route
        self._direction = EndDirection.SERVER
        self._reason = ""
        self._detail = ""

    def begin(self) -> None:
        """Try the first route; from here on the caller's patience counts."""
        gateway = self._call.gateway
        patience = 0 if gateway is None else gateway.timeout_call_proceeding
        if patience > 0:
            self._overall = self._hunter.timers.later(patience, _too_slow, self)
        self.go_on()

    def go_on(self) -> None:
        """Try the next route, or end the call with what the last one said."""
        hunter = self._hunter
        most = hunter.settings.switching.limit
        while self._next < len(self._routes):
            route = self._routes[self._next]
            gateway = route.gateway
            if most is not None and self._tried > most and not route.forward:
                break
            self._next += 1
            if route.forward and not self._goes_on(route):
                continue
            if hunter.takes(gateway):
                self._gateway = gateway
                if self._try(gateway, route.callee, route.forward):
                    return
                self._give_back()
            elif gateway.device is Device.PHONE:
                self._cause = hunter.busy
        self._end(self._cause, self._reason)

    def _goes_on(self, route: Route) -> bool:
        """Whether the phone sends the call on this way, as it did the last time."""
        if self._forward or not route.awaits:
            return self._forward in ("", route.forward)
        return self._hunter.forwards(route, self._cause)

    def _end(self, cause: EndCause, reason: str) -> None:
        detail = self._detail if cause is self._hunter.mismatch else ""
        self._call.end(cause, self._direction, reason, detail)

    def _try(self, gateway: RoutingGateway, callee: str, forward: str) -> bool:
        hunter, call = self._hunter, self._call
        self._forward = forward
        phone = gateway.device is Device.PHONE
        if gateway.device is Device.GATEWAY:
            hunter.selector.attempted(gateway.name)
        rewrite = hunter.rewriting.rewrite
        shown = call.leg.presented.shown
        call.caller_out = caller_for(call, gateway, rewrite, shown)
        call.callee_out = callee or rewrite(gateway.rewrite_callee, call.callee)[:64]
        call.dialing(gateway)
        self._limits = hunter.settings.stages.of(gateway)
        self._watch(0)
        setup = Setup(
            call.caller_out,
            call.callee_out,
            call.offer,
            call.leg.hops - 1,
            call.callee_access,
            call.leg,
            call.placed,
            call.facts,
            self._forwarded(gateway),
            forward,
        )
        unreached = hunter.offline if phone else hunter.no_reply
        self._cause = unreached if setup.callee else hunter.no_number
        self._leg = call.out = self._dial(gateway, setup) if setup.callee else None
        if self._leg is not None:
            self._tried += 1
            return True
        self._direction = EndDirection.SERVER
        self._reason = ""
        return False

    def _forwarded(self, gateway: RoutingGateway) -> tuple[Forward, ...]:
        """Who sent the call on, as the gateway is told it (sipSendForwardSignal)."""
        forwarded = self._call.forwarded
        if not forwarded or not gateway.sip.sends_forward:
            return ()
        rewriting = self._hunter.rewriting
        return rewritten(
            forwarded,
            partial(rewriting.rewrite, gateway.rewrite_caller),
            partial(rewriting.groups.forwarder, gateway.settings),
        )

    def _dial(self, gateway: RoutingGateway, setup: Setup) -> OutboundLeg | None:
        try:
            return self._hunter.dial(gateway, setup, self)
        except MediaRefused as problem:
            self._cause = self._hunter.mismatch
            self._detail = f"{gateway.name}: {problem}"
            return None

    def _watch(self, stage: int) -> None:
        """Start the limit of a stage of the attempt."""
        if self._timer is not None:
            self._timer.cancel()
        self._stage = stage
        self._timer = self._hunter.timers.later(self._limits[stage], _overdue, self)

    def _give_back(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gateway, self._gateway = self._gateway, None
        self._leg = None
        if gateway is not None:
            self._hunter.lines.release(gateway)

    def _count(self, cause: EndCause) -> None:
        """
        An attempt ends without an answer. A refusal of the gateway's own is a
        reply, too.
        """
        gateway = self._gateway
        if gateway is None or self._leg is None:
            return
        if gateway.device is not Device.GATEWAY:
            return
        replied = self._stage > 0 or cause.code >= 0
        rang = self._call.callee_rang is not None
        connected = rang or cause.code == self._hunter.user_busy
        self._hunter.quality.count(gateway.name, replied, connected)

    # What the leg under way tells

    def redialed(self, leg: Leg, elsewhere: bool) -> bool:
        """
        The leg is about to call once more: its stages begin anew, unless the
        hunt must stay with what was called before.
        """
        if self._gateway is None or (elsewhere and self._final):
            return False
        self._watch(0)
        return True

    def asked(self, leg: Leg, exchange: Exchange) -> None:
        """The callee asks something of the caller before it answers."""
        if self._gateway is not None:
            self._call.asked(leg, exchange)

    def progressed(self, leg: Leg, stage: Stage, content: Content) -> None:
        """The callee came further."""
        gateway = self._gateway
        if gateway is None:
            return
        try:
            content = self._call.heard(content)
        except MediaRefused as problem:
            self._unusable(problem, NO_CONTENT)
            return
        selector = self._hunter.selector
        if stage is Stage.RINGING or content.is_session:
            self._patient()
        if stage is Stage.RINGING:
            self._advance(4)
            self._final = self._final or not selector.may_switch_after_ring(gateway)
        elif stage is Stage.PROCEEDING:
            if self._stage > 0:
                return
            self._advance(1)
        else:
            self._advance(3 if content.is_session else 2)
        if content.is_session and not selector.may_switch_after_sdp(gateway):
            self._final = True
        self._call.progressed(stage, content)

    def _advance(self, stage: int) -> None:
        """A stage begins anew only when it is a later one."""
        if stage > self._stage:
            self._watch(stage)

    def _patient(self) -> None:
        """The caller hears something: its patience counts no more."""
        if self._overall is not None:
            self._overall.cancel()
            self._overall = None

    def answered(self, leg: Leg, content: Content) -> None:
        """The callee answered: the route stays taken until the call ends."""
        out = self._leg
        try:
            content = self._call.heard(content)
        except MediaRefused as problem:
            self._unusable(problem, content)
            return
        self._patient()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if out is not None:
            self._call.connected(out, content)

    def paused(self, leg: Leg, seconds: int) -> None:
        """The gateway asks not to be called for so long."""
        gateway = self._gateway
        if gateway is not None and gateway.device is Device.GATEWAY:
            self._hunter.selector.availability.pause(gateway.name, seconds)

    def failed(self, leg: Leg, cause: EndCause, reason: str) -> None:
        """The callee refused, or cannot be reached."""
        gateway = self._gateway
        if gateway is None:
            return
        self._cause = cause
        self._reason = reason
        server = cause.code < 0
        self._direction = EndDirection.SERVER if server else EndDirection.CALLEE
        stops = self._final or self._hunter.selector.stops(gateway, cause)
        self._count(cause)
        self._give_back()
        if stops:
            self._end(cause, reason)
        else:
            self.go_on()

    def _unusable(self, problem: MediaRefused, offer: Content) -> None:
        """
        The callee left the caller nothing to use: that is no answer.

        @param offer: What its 200 offered, if the caller had not.
        """
        leg, gateway, mismatch = self._leg, self._gateway, self._hunter.mismatch
        if leg is not None and gateway is not None:
            self._detail = f"{gateway.name}: {problem}"
            if offer.body:
                leg.confirm(refusal(self._call.media, Side.CALLEE, offer))
            leg.release(mismatch)
            self.failed(leg, mismatch, "")

    def overdue(self) -> None:
        """The attempt stayed too long in one stage."""
        hunter, leg = self._hunter, self._leg
        self._timer = None
        if leg is not None and self._stage == 0 and leg.move_on():
            return
        self._cause = (
            hunter.no_reply,
            hunter.no_progress,
            hunter.no_progress,
            hunter.no_answer,
            hunter.no_answer,
        )[self._stage]
        self._direction = EndDirection.SERVER
        self._reason = ""
        if leg is not None:
            leg.cancel(self._cause)
        gateway = self._gateway
        stops = gateway is not None and hunter.selector.stops(gateway, self._cause)
        self._count(self._cause)
        self._give_back()
        if self._final or stops:
            self._call.end(self._cause, self._direction)
        else:
            self.go_on()

    def too_slow(self) -> None:
        """No gateway rang or answered within the caller's patience."""
        self._overall = None
        self._call.end(self._hunter.no_progress, EndDirection.SERVER)

    def stop(self, cause: EndCause, reason: str) -> None:
        """The call ended: give up the attempt under way."""
        self._patient()
        leg = self._leg
        self._count(cause)
        self._give_back()
        if leg is not None:
            leg.cancel(cause, reason)


def _overdue(hunt: Hunt) -> None:
    hunt.overdue()


def _too_slow(hunt: Hunt) -> None:
    hunt.too_slow()
