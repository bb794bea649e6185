"""
Metering: a call keeps its reservation ahead of its talk time, is ended when
the money ends, and is charged once.

The seconds charged are whole ones, so "in time" is a window: with C{n} hold
seconds paid, every release later than C{n - 1} seconds and up to C{n} seconds
plus the hold-time precision costs the same. The cut is planned L{CUT} before
that window ends: the caller talks every second that was paid for, and a
reactor that is late by less costs nobody anything. If it is later still, the
charge stops at what the account can pay; the rest is forgone, and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import attrs

from vos3000.billing.accounts import Account, Accounts
from vos3000.billing.rater import affordable, hold_seconds, price
from vos3000.billing.rates import Rates
from vos3000.billing.reservation import Reservation
from vos3000.billing.settings import BillingSettings, should_record
from vos3000.instant import Instant
from vos3000.metrics import Metrics
from vos3000.model.accounts import UNLIMITED, Customer, Movement
from vos3000.model.facts import BillingFacts
from vos3000.model.gateways import RoutingGateway
from vos3000.model.money import ZERO, to_micros
from vos3000.model.rates import NO_CHARGE, Charge, Rate
from vos3000.model.states import EndDirection
from vos3000.timers import Timer, TimerWheel
from vos3000.values import fixed

LEAD = 2000
"""Milliseconds before the reservation runs out at which it is extended."""

CUT = 300
"""Milliseconds before an unpaid second would be charged at which a call ends."""

RETRY = 60_000
"""Milliseconds after which more is asked of an account that had too little."""


def _nobody() -> None:
    """Nobody wants to hear of it."""


@fixed
class Settlement:
    """
    What a finished call costs, and whom.

    @ivar holdtime: Talk time in hold seconds, whether or not all are charged.
    @ivar charge: The customer's side (feetime and fee).
    @ivar area_code: Area code of the customer's rate, or its prefix.
    @ivar call_level: Type of the customer's rate; 0 for none.
    @ivar clearing: The vendor's side (agentfeetime and agentfee).
    @ivar clearing_account: The clearing account; empty for none.
    @ivar clearing_name: Its name.
    @ivar clearing_area_code: Area code of its rate, or the prefix.
    @ivar movements: Changes of balance, one for each account, none zero.
    @ivar recorded: Whether the rules let the record be kept. A call whose
        record is not kept is not charged either.
    """

    holdtime: int
    charge: Charge = NO_CHARGE
    area_code: str = ""
    call_level: int = 0
    clearing: Charge = NO_CHARGE
    clearing_account: str = ""
    clearing_name: str = ""
    clearing_area_code: str = ""
    movements: tuple[Movement, ...] = ()
    recorded: bool = True


class Books:
    """What the meters of one switch share."""

    __slots__ = (
        "account",
        "exhausted",
        "find",
        "forgone",
        "forgone_micros",
        "late",
        "late_micros",
        "later",
        "now",
        "settled",
    )

    def __init__(
        self, accounts: Accounts, rates: Rates, timers: TimerWheel, metrics: Metrics
    ) -> None:
        counter = metrics.counter
        self.account = accounts.get
        self.find = rates.find
        self.later = timers.later
        self.now = accounts.now
        self.settled = counter("billing_settled_total", "Calls that were settled.")
        self.exhausted = counter(
            "billing_exhausted_total", "Calls ended because their money ended."
        )
        self.late = counter(
            "billing_late_total", "Calls that ended later than their money did."
        )
        self.late_micros = counter(
            "billing_late_micros_total",
            "Amount not charged because calls ended late, in millionths.",
        )
        self.forgone = counter(
            "billing_forgone_total",
            "Calls the server ended, neither recorded nor charged by"
            " SERVER_BILLING_RECORD_SERVER_HANG_UP.",
        )
        self.forgone_micros = counter(
            "billing_forgone_micros_total",
            "Amount of those calls that was not charged, in millionths.",
        )


@attrs.frozen(slots=True)
class _Vendor:
    """
    Who is paid for carrying a call.

    @ivar account: The clearing account, live.
    @ivar customer: Its row as it was when the talk began.
    @ivar rate: Its rate at that time; C{None} for a free call or without one.
    """

    account: Account
    customer: Customer
    rate: Rate | None


class Meter:
    """
    The billing side of one admitted call.

    Ends in exactly one of L{settle} and L{cancel}.

    @ivar account: Who pays, live.
    @ivar customer: The account's row as it was at admission.
    @ivar settings: The settings at admission; the call keeps to them.
    @ivar callee: The billing number.
    @ivar rate: The customer's rate; C{None} for a free call.
    @ivar free: Whether the customer is charged nothing.
    @ivar no_cdr: Whether there is neither record nor charge.
    @ivar longest: Hold seconds that the account could pay for at admission;
        C{None} for no limit.
    """

    __slots__ = (
        "_books",
        "_exhausted",
        "_extended",
        "_lead",
        "_open",
        "_reservation",
        "_routed",
        "_since",
        "_slack",
        "_timer",
        "_vendor",
        "account",
        "callee",
        "customer",
        "free",
        "longest",
        "no_cdr",
        "rate",
        "settings",
    )

    def __init__(
        self,
        books: Books,
        account: Account,
        settings: BillingSettings,
        callee: str,
        rate: Rate | None = None,
        no_cdr: bool = False,
    ) -> None:
        self._books = books
        self._open = True
        self._exhausted: Callable[[], object] | None = None
        self._extended: Callable[[], object] = _nobody
        self._since: Instant | None = None
        self._timer: Timer | None = None
        self._reservation: Reservation | None = None
        self._routed = False
        self._vendor: _Vendor | None = None
        self.account = account
        self.customer: Customer = account.customer
        self.settings = settings
        self.callee = callee
        self.rate = rate
        self.free = rate is None
        self.no_cdr = no_cdr
        self.longest: int | None = None

    def reserve(self) -> bool:
        """
        Hold the money for the beginning of the call, if it costs any.

        @return: Whether the account can pay for it.
        """
        rate = self.rate
        if rate is None:
            return True
        rules = self.settings.rules
        self.longest = affordable(rate, self.account.usable, rules)
        advance = self.settings.advance_minutes * 60
        self._lead = LEAD + advance * 1000
        self._slack = rules.hold_time_precision or 1
        self._reservation = Reservation(self.account, rate, rules, advance)
        return self._reservation.open()

    def routed(self, gateway: RoutingGateway, callout: str) -> None:
        """
        Fix the vendor's account and rate, as the customer's were fixed at
        admission; called when the talk begins.

        @param gateway: The gateway the call went out by.
        @param callout: The number after that gateway's dial rules.
        """
        self._routed = True
        self._vendor = None
        account = self._books.account(gateway.clearing_account)
        if not gateway.clearing_account or account is None:
            return
        rate = None
        if not self.free:
            number = callout if gateway.clearing_uses_callout else self.callee
            rate = self._books.find(account.customer.fee_rate_group, number)
        self._vendor = _Vendor(account, account.customer, rate)

    def answered(
        self,
        instant: Instant,
        exhausted: Callable[[], object],
        extended: Callable[[], object] = _nobody,
    ) -> None:
        """
        Begin to meter.

        @param instant: The moment of answer.
        @param exhausted: Called once, from a timer, when the call must end
            because its account cannot pay the next charge.
        @param extended: Called when the reservation pays for more time.
        """
        reservation = self._reservation
        if reservation is not None and reservation.covered < UNLIMITED:
            self._since = instant
            self._exhausted = exhausted
            self._extended = extended
            left = self._left(reservation, self._talked(instant))
            self._wake(max(left - self._lead, 0))

    @property
    def covered(self) -> int:
        """Hold seconds that the reservation pays for."""
        return 0 if self._reservation is None else self._reservation.covered

    def facts(self) -> BillingFacts:
        """What the call's price depends on, once its talk has begun."""
        vendor = self._vendor
        return BillingFacts(
            self.customer.account,
            self.customer.name,
            self.rate,
            self.settings.rules,
            not self.no_cdr,
            vendor.customer.account if vendor else "",
            vendor.customer.name if vendor else "",
            vendor.rate if vendor else None,
            self.covered,
        )

    def settle(
        self,
        talk_ms: int,
        clearing: RoutingGateway | None,
        clearing_callee: str,
        direction: int = EndDirection.CALLER,
    ) -> Settlement:
        """
        Charge the call, once, and release its reservation.

        @param talk_ms: Milliseconds from answer to release; 0 if unanswered.
        @param clearing: The gateway the call went out by. It and the number
            count where L{routed} has not told them before.
        @param clearing_callee: The number after that gateway's dial rules; it
            counts where the gateway says so, else the billing number does.
        @param direction: Who ended the call (L{EndDirection}).
        @raise RuntimeError: If the call was settled or canceled before.
        """
        if not self._open:
            raise RuntimeError("a call is settled once")
        self._close()
        self._books.settled.value += 1
        hold = hold_seconds(talk_ms, self.settings.rules)
        recorded = should_record(
            self.settings, holdtime=hold, direction=direction, no_cdr=self.no_cdr
        )
        charge = self._charge(hold, recorded)
        if recorded and clearing is not None and not self._routed:
            self.routed(clearing, clearing_callee)
        if not recorded or self._vendor is None:
            return self._settlement(hold, charge, recorded)
        return self._cleared(hold, charge, self._vendor)

    def cancel(self) -> None:
        """Release the reservation of a call that was not answered."""
        if self._open:
            self._close()
            if self._reservation is not None:
                self._reservation.release()

    def _close(self) -> None:
        """Meter no more."""
        self._open = False
        self._exhausted = None
        self._extended = _nobody
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _talked(self, since: Instant) -> int:
        """Milliseconds since the answer."""
        return self._books.now().since(since)

    def _left(self, reservation: Reservation, talked: int) -> int:
        """Milliseconds until a second that is not paid for would be charged."""
        return reservation.covered * 1000 + self._slack - talked

    def _wake(self, delay: int) -> None:
        """Look again in C{delay} milliseconds."""
        self._timer = self._books.later(delay / 1000, self._turn)

    def _turn(self, _: object) -> None:
        """Extend the reservation if it is time, or end the call."""
        reservation, since = self._reservation, self._since
        if reservation is None or since is None:
            return
        talked = self._talked(since)
        if self._left(reservation, talked) <= self._lead:
            before = reservation.covered
            reservation.extend(talked // 1000 + 1)
            if reservation.covered > before:
                self._extended()
        left = self._left(reservation, talked)
        if left > self._lead:
            self._wake(left - self._lead)
        elif left > CUT:
            self._wake(min(left - CUT, RETRY))
        else:
            self._exhaust()

    def _exhaust(self) -> None:
        """Have the call ended."""
        self._timer = None
        exhausted, self._exhausted = self._exhausted, None
        if exhausted is not None:
            self._books.exhausted.value += 1
            exhausted()

    def _charge(self, hold: int, recorded: bool) -> Charge:
        """Charge the customer for C{hold} seconds, as far as they are paid."""
        rate, reservation = self.rate, self._reservation
        if rate is None or reservation is None:
            return NO_CHARGE
        rules = self.settings.rules
        paid = reservation.cover(hold)
        charge = price(rate, paid, rules)
        reservation.release()
        books = self._books
        if not recorded:
            if hold:
                books.forgone.value += 1
                books.forgone_micros.value += to_micros(charge.fee)
            return NO_CHARGE
        if paid < hold:
            books.late.value += 1
            lost = price(rate, hold, rules).fee - charge.fee
            books.late_micros.value += to_micros(lost)
        if charge.fee:
            self.account.charge(charge.fee)
        return charge

    def _cleared(self, hold: int, charge: Charge, vendor: _Vendor) -> Settlement:
        """Charge the gateway's clearing account too, by its own rate."""
        rate = vendor.rate
        cost = price(rate, hold, self.settings.rules) if rate else NO_CHARGE
        if cost.fee:
            vendor.account.charge(cost.fee)
        return self._settlement(hold, charge, True, vendor.customer, cost, rate)

    def _settlement(
        self,
        hold: int,
        charge: Charge,
        recorded: bool,
        vendor: Customer | None = None,
        cost: Charge = NO_CHARGE,
        vendor_rate: Rate | None = None,
    ) -> Settlement:
        rate = self.rate
        payer = self.customer.account
        seller = vendor.account if vendor else ""
        return Settlement(
            hold,
            charge,
            area_of(rate),
            rate.type if rate else 0,
            cost,
            seller,
            vendor.name if vendor else "",
            area_of(vendor_rate),
            movements_of(payer, charge.fee, seller, cost.fee),
            recorded,
        )


def area_of(rate: Rate | None) -> str:
    """What a record shows of a rate: its area code, or its prefix."""
    return (rate.area_code or rate.prefix) if rate else ""


def movements_of(
    payer: str, fee: Decimal, seller: str, cost: Decimal
) -> tuple[Movement, ...]:
    """The changes of balance: one for each account, none zero."""
    if payer == seller:
        fee, cost = fee + cost, ZERO
    if fee and cost:
        return Movement(payer, -fee), Movement(seller, -cost)
    if fee:
        return (Movement(payer, -fee),)
    return (Movement(seller, -cost),) if cost else ()
