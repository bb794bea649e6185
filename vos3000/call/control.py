"""
Call control: lets a call in, step by step, and lets it go.

A call passes the steps of L{CallControl._admit} in their order: authenticate,
screen, rewrite, select, authorize. Any of them may raise L{CallRejected}. Every
call ends in L{CallControl.over}, which turns its end into the answer, the
record and the event; nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import attrs
from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure

from vos3000.billing.meter import CUT
from vos3000.billing.pipeline import Billing
from vos3000.billing.settings import BillingSettings, should_record
from vos3000.call.call import Call, Ended, Phase
from vos3000.call.failures import mapped, mapped_q850
from vos3000.call.hunting import Hunter
from vos3000.call.judging import judge
from vos3000.call.leg import InboundLeg, Leg, Referral
from vos3000.call.phoneterms import PhoneTerms, caller_for, is_free, origin_of
from vos3000.call.presented import Withheld, rewritten
from vos3000.call.record import record_of, step_of
from vos3000.call.redirecting import AskRedirect, redirect_server_of, unserved
from vos3000.call.registry import Registry
from vos3000.call.waiting import begin
from vos3000.events import CallEnded, CallStateChanged, Events
from vos3000.instant import Instant, Now
from vos3000.metrics import Metrics
from vos3000.model.accounts import Movement
from vos3000.model.causes import CallRejected, EndCauses
from vos3000.model.cdr import CdrEntry
from vos3000.model.gateways import MappingGateway
from vos3000.model.states import CallState, EndDirection
from vos3000.routing.destinations import Destinations
from vos3000.routing.lines import LinesIn, LinesOut
from vos3000.routing.proportions import with_prefix
from vos3000.routing.quality import Quality
from vos3000.routing.rewriting import Rewriting
from vos3000.routing.routes import Directed, Selection
from vos3000.security.screening import Screening
from vos3000.security.throttle import Throttle
from vos3000.timers import Timer, TimerWheel

PDD_BOUNDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 60)
"""Seconds: the histogram of post-dial delay."""


MOST_ILLEGAL = 20
"""Illegal calls of one second that leave a record: a flood shall not fill the
disk. The others are counted."""

MOST_WAITING = 50_000
"""Records that may wait for the database before refused calls leave none."""


class Writer(Protocol):
    """Takes the records of finished calls."""

    @property
    def healthy(self) -> bool:
        """Whether what it takes is written soon."""

    @property
    def waiting(self) -> int:
        """Records that are not written yet."""

    def write(self, entry: CdrEntry, call: int = 0) -> None:
        """Keep the record of a call, by its number, until it is written."""


class Journaling(Protocol):
    """Keeps what must be known of a call if the process ends while it is up."""

    def placed(self, call: Call) -> None:
        """The call was let in and goes out."""

    def answered(self, call: Call) -> None:
        """The call was answered, and its caller does not know yet."""

    def reserved(self, call: Call) -> None:
        """The call's reservation grew."""

    def gone(self, call: Call) -> None:
        """The call is over without a record."""


@attrs.frozen(slots=True)
class CallSettings:
    """
    The system parameters that call control depends on.

    @ivar max_duration: SS_MAXCALLDURATION, s; 0 for no limit.
    @ivar unsupervised: SS_SIP_NO_TIMER_REINVITE_INTERVAL, s: the longest talk
        of a caller whose disappearance nobody would notice; 0 for no limit.
    @ivar softswitch: What records call this switch.
    @ivar most_per_second: SS_MAX_CPS; 0 for no limit.
    """

    max_duration: int = 0
    unsupervised: int = 7200
    softswitch: str = "vos3000"
    most_per_second: int = 0


@attrs.frozen(slots=True)
class Engines:
    """What decides about a call."""

    throttle: Throttle
    screening: Screening
    rewriting: Rewriting
    destinations: Destinations
    lines: LinesIn
    phones: PhoneTerms
    billing: Billing
    hunter: Hunter
    ask_redirect: AskRedirect
    quality: Quality


class CallControl:
    """
    The control of one switch's calls.

    @param lines_out: Lines of callees in use.
    @param choose: Randomness: from C{n} to 0..n-1.
    """

    _log = Logger()
    transfers: Callable[[Call, Leg, Referral], None]

    def __init__(
        self,
        engines: Engines,
        lines_out: LinesOut,
        registry: Registry,
        writer: Writer,
        journal: Journaling,
        events: Events,
        timers: TimerWheel,
        now: Now,
        choose: Callable[[int], int],
        settings: Callable[[], CallSettings],
        billing_settings: Callable[[], BillingSettings],
        causes: EndCauses,
        metrics: Metrics,
    ) -> None:
        self._engines = engines
        self._lines_out = lines_out
        self._registry = registry
        self._writer = writer
        self._journal = journal
        self._events = events
        self._timers = timers
        self.now = now
        self._choose = choose
        self._settings = settings
        self._billing_settings = billing_settings
        self._causes = causes
        self.exhausted = causes["BalanceExhausted"]
        self.lost = causes["SessionLost"]
        self.expired = causes["SessionTimeout"]
        self.too_long = causes["MaxCallDurationReached"]
        self.abandoned = causes["CallerAbandoned"]
        self.mismatch = causes["CodecMismatch"]
        self._unknown = causes["IllegalCall"]
        self._no_number = causes.by_sip(484)
        self._no_privacy = causes.by_sip(500)
        self._draining = False
        self._illegal_second = self._illegal = 0
        self._measure(metrics)

    def _measure(self, metrics: Metrics) -> None:
        """Make the counters."""
        registry = self._registry
        self._setups = metrics.counter("call_setups_total", "Calls that came in")
        self._answers = metrics.counter(
            "call_answers_total", "Calls that were answered"
        )
        self._unrecorded = metrics.counter(
            "call_unrecorded_total",
            "Unanswered calls without a record: too many at once",
        )
        self._ends = metrics.labelled(
            "call_ends_total", "Calls that ended, by end reason", "reason"
        )
        self._pdd = metrics.histogram(
            "call_pdd_seconds", "From set-up to ringing or answer", PDD_BOUNDS
        )
        metrics.gauge("calls", "Calls at once", lambda: len(registry))

    # A call comes in

    def incoming(self, leg: InboundLeg) -> None:
        """Take a new call."""
        self.admit(self.take(leg))

    def take(self, leg: InboundLeg) -> Call:
        """A new call, that nothing was decided about yet."""
        self._setups.value += 1
        call = Call(self, self._registry.new_id(), leg)
        self._registry.add(call)
        return call

    def admit(self, call: Call) -> None:
        """Let the call in, or refuse it, now or when that is known."""
        try:
            admission = begin(self._admit(call))
        except Exception:
            self._broken(Failure(), call)
            return
        if admission is not None:
            if not admission.called:
                call.admission = admission
            admission.addErrback(self._broken, call)

    async def _admit(self, call: Call) -> None:
        """Let the call in, or refuse it."""
        try:
            selection = await self._steps(call)
        except CallRejected as refusal:
            call.admission = None
            call.end(refusal.cause, EndDirection.SERVER, detail=refusal.detail)
        else:
            if call.phase is Phase.ENDED:
                self._undo(call)
                return
            call.admission = None
            call.phase = Phase.HUNTING
            self._journal.placed(call)
            self._engines.hunter.start(call, selection.routes)

    def _undo(self, call: Call) -> None:
        """A step went on although its call was over: give back what it took."""
        self._give_back(call)
        if call.meter is not None:
            call.meter.cancel()

    async def _steps(self, call: Call) -> Selection:
        """
        The steps of admission, in their order. A step may wait: a call that
        ends meanwhile cancels it, and nothing after it is done.
        """
        gateway = self._authenticate(call)
        try:
            self._screen(call, gateway)
            self._rewrite(call, gateway)
        finally:
            if call.phase is not Phase.ENDED:
                self.stepped(call)
        places = None
        server = redirect_server_of(call, gateway)
        if server:
            places = await self._engines.ask_redirect(
                server, call.caller, call.callee, origin_of(call, gateway)
            )
        selection = self._select(call, gateway, places)
        self._authorize(call, gateway, selection)
        return selection

    def _broken(self, failure: Failure, call: Call) -> None:
        if call.phase is Phase.ENDED and failure.check(CancelledError):
            return
        call.admission = None
        self._log.failure("{call}: admission failed", failure, call=call.id)
        call.end(self._causes["ServerError"], EndDirection.SERVER)

    def _authenticate(self, call: Call) -> MappingGateway:
        """Which gateway or phone the call comes from."""
        leg = call.leg
        gateway = leg.origin
        call.caller_access, call.callee_access = leg.recognize(gateway)
        call.caller, call.callee = call.caller_access, call.callee_access
        if gateway is None:
            raise CallRejected(self._unknown, leg.unknown)
        leg.proceed()
        call.gateway = gateway
        objection = leg.objection()
        if objection:
            raise CallRejected(self._causes.by_sip(objection), "required by the caller")
        return gateway

    def _screen(self, call: Call, gateway: MappingGateway) -> None:
        """Whether the gateway may call now, so often and as many times at once."""
        self._engines.throttle.admit(gateway)
        if not call.callee_access:
            raise CallRejected(self._no_number, "no number to call")
        if call.leg.presented.withheld is Withheld.TOO_MUCH:
            raise CallRejected(self._no_privacy, "more privacy than can be given")
        if self._draining:
            raise CallRejected(self._causes["ServerShutdown"], "stopping")
        if not self._writer.healthy:
            raise CallRejected(self._causes["StorageFailed"], "records cannot be kept")
        self._engines.screening.check(gateway, call.caller_access, call.callee_access)
        if not self._engines.lines.acquire(gateway):
            raise CallRejected(
                self._causes["LineExceeded"], f"all lines of {gateway.name} are in use"
            )
        call.holds_line = True

    def _rewrite(self, call: Call, gateway: MappingGateway) -> None:
        """The billing numbers."""
        rewrite = self._engines.rewriting.rewrite
        call.caller = rewrite(gateway.rewrite_caller, call.caller_access)[:64]
        callee = with_prefix(gateway, call.callee_access, self._choose)
        call.callee = rewrite(gateway.rewrite_callee, callee)[:64]
        forwarded = call.leg.presented.forwarded
        if forwarded:
            groups = self._engines.rewriting.groups
            call.forwarded = rewritten(
                forwarded,
                partial(rewrite, gateway.rewrite_caller),
                partial(groups.forwarder, gateway.settings),
            )
        self._engines.phones.enter(call, gateway)
        if not call.callee:
            raise CallRejected(self._no_number, f"rewritten from {call.callee_access}")

    def _select(
        self,
        call: Call,
        gateway: MappingGateway,
        places: tuple[Directed, ...] | None,
    ) -> Selection:
        """
        The routes, in the order in which they are tried.

        @param places: What a redirect server named; None if none did.
        """
        origin, ways = origin_of(call, gateway), self._engines.destinations
        if origin is not gateway:
            ways.permit(gateway, call.callee)
        forwarder = call.forwarded[0].number if call.forwarded else None
        given = (call.callee, origin, call.caller, forwarder)
        if places is None:
            selection = ways.select(*given)
        else:
            selection = ways.directed(*given, places)
        if not selection.routes:
            out = "; ".join(f"{o.gateway.name}: {o.reason}" for o in selection.left_out)
            if places is not None:
                out = out or unserved(places)
            out = out or f"no gateway serves {call.callee}"
            raise CallRejected(
                selection.cause or self._causes["NoAvailableRouter"], out
            )
        return selection

    def _authorize(
        self, call: Call, gateway: MappingGateway, selection: Selection
    ) -> None:
        """Who pays, at which rate, and whether there is money."""
        call.payer = self._engines.phones.payer(call, gateway)
        call.meter = self._engines.billing.authorize(
            call.payer,
            call.callee,
            origin_of(call, gateway).call_level,
            is_free(call, selection),
        )

    # What a call asks of its owner

    def placed(self, call: Call, identifier: str) -> None:
        """The call goes out."""
        self._registry.placed(call, identifier)

    def shown_to(self, call: Call, number: str) -> str:
        """A caller's number as the callee of C{call} is shown it."""
        if call.route is None:
            return ""
        return caller_for(call, call.route, self._engines.rewriting.rewrite, number)

    def later(
        self, delay: float, function: Callable[[Call], None], call: Call
    ) -> Timer:
        """Call C{function(call)} after C{delay} seconds."""
        return self._timers.later(delay, function, call)

    def longest(self, call: Call) -> float:
        """
        Seconds after which an answered call is ended; 0 for no limit. The
        smallest of both devices' (drawn between their bounds), the system's,
        and that of a caller who would not be missed. A little less than
        the limit says, so that no second beyond it is charged.
        """
        settings = self._settings()
        limits = []
        phone = None if call.phone is None else call.phone.origin
        for gateway in (call.gateway, phone, call.route):
            if gateway is not None:
                limits.append(self._drawn(gateway.max_duration, settings.max_duration))
        if not call.leg.supervised():
            limits.append(settings.unsupervised)
        limits = [limit for limit in limits if limit > 0]
        return min(limits) - CUT / 1000 if limits else 0

    def _drawn(self, bounds: tuple[int, int], system: int) -> int:
        lower, upper = bounds
        if lower < 0 or upper < 0:
            return system
        return lower + self._choose(upper - lower + 1) if upper > lower else upper

    def stepped(self, call: Call) -> None:
        """The call's state changed: tell whoever wants to know."""
        if call.state in (CallState.OK, CallState.CONNECT):
            self._answers.value += 1
        if self._events.wanted(CallStateChanged):
            reported = self._engines.phones.reported(call)
            self._events.publish(step_of(call, self.now().wall, reported))

    def answered(self, call: Call) -> None:
        """The call was answered; the journal knows before the caller does."""
        self._journal.answered(call)

    def reserved(self, call: Call) -> None:
        """The call's reservation grew."""
        self._journal.reserved(call)

    def over(self, call: Call, ended: Ended) -> None:
        """
        The call is over: answer or hang up, give back what it held, keep the
        record, tell whoever wants to know.
        """
        known = call.gateway is not None
        try:
            self._hang_up(call, ended)
        except Exception:
            # Whatever becomes of the messages, lines and money are settled.
            self._log.failure("{call}: a side could not be told", call=call.id)
        call.state = CallState.RELEASE
        self._registry.remove(call)
        self._give_back(call)
        self._ends.add(ended.cause.name)
        if call.rang is not None:
            self._pdd.observe(call.rang.since(call.leg.arrived) / 1000)
        if known:
            judge(call, ended, self._engines.quality, self._engines.hunter.quality)
        kept = self._keep(call, ended, known)
        if known:
            self.stepped(call)
        if kept is not None:
            self._events.publish(kept)

    def _hang_up(self, call: Call, ended: Ended) -> None:
        hunt, call.hunt = call.hunt, None
        if hunt is not None:
            hunt.stop(ended.cause, ended.reason)
        moving, call.moving = call.moving, None
        if moving is not None:
            moving.stopped(call, ended.cause)
        leg, out = call.leg, call.out
        if call.answered_at is None:
            gateway, cause = call.gateway, ended.cause
            status = q850 = 0
            if gateway is not None and gateway.failed_sip_codes:
                status = mapped(gateway.failed_sip_codes, cause)
            if gateway is not None and gateway.failed_q931_causes:
                q850 = mapped_q850(gateway.failed_q931_causes, cause)
            leg.refuse(cause, status, gateway is None, ended.reason, q850)
        else:
            leg.release(ended.cause, ended.reason, ended.headers)
            if out is not None:
                out.release(ended.cause, ended.reason, ended.headers)

    def _give_back(self, call: Call) -> None:
        if call.holds_line and call.gateway is not None:
            call.holds_line = False
            self._engines.lines.release(call.gateway)
        if call.holds_phone_line and call.phone is not None:
            call.holds_phone_line = False
            self._engines.lines.release(call.phone.origin)
        if call.answered_at is not None and call.route is not None:
            self._lines_out.release(call.route)

    def _keep(self, call: Call, ended: Ended, known: bool) -> CallEnded | None:
        settlement = ended.settlement
        if settlement is not None:
            recorded = settlement.recorded
        else:
            recorded = should_record(
                self._billing_settings(),
                holdtime=0,
                direction=ended.direction,
                illegal=not known,
            )
        if recorded and not self._worth_keeping(call, known, ended.when):
            self._unrecorded.value += 1
            recorded = False
        wanted = self._events.wanted(CallEnded)
        if not recorded and call.meter is not None:
            self._journal.gone(call)
        if not recorded and not wanted:
            return None
        cdr = record_of(call, ended, self._settings().softswitch)
        if recorded:
            movements: tuple[Movement, ...] = ()
            if settlement is not None:
                movements = settlement.movements
            self._writer.write(CdrEntry(cdr, movements), call.id)
        return CallEnded(cdr, recorded, ended.detail) if wanted else None

    def _worth_keeping(self, call: Call, known: bool, when: Instant) -> bool:
        """
        Whether a record that the rules allow is kept under pressure. That of an
        answered call always is; those of unanswered ones go while too many wait
        for a database that is down, those of illegal ones beyond some a second.
        """
        if call.answered_at is not None:
            return True
        if not self._writer.healthy and self._writer.waiting >= MOST_WAITING:
            return False
        if known:
            return True
        second = int(when.mono)
        if second != self._illegal_second:
            self._illegal_second, self._illegal = second, 0
        self._illegal += 1
        return self._illegal <= MOST_ILLEGAL

    # The end of the switch

    def drain(self) -> None:
        """Take no more calls, and end those there are."""
        self._draining = True
        cause = self._causes["ServerShutdown"]
        for call in self._registry:
            call.end(cause, EndDirection.SERVER)
