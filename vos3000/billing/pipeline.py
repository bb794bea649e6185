"""
Admission: whether a call may go out, at which rate, and for how long.
"""

from __future__ import annotations

from collections.abc import Callable

from vos3000.billing.accounts import Accounts
from vos3000.billing.meter import Books, Meter
from vos3000.billing.rates import Rates
from vos3000.billing.settings import BillingSettings
from vos3000.metrics import Metrics
from vos3000.model.causes import CallRejected, EndCauses
from vos3000.model.gateways import MappingGateway
from vos3000.model.rates import Rate
from vos3000.timers import TimerWheel


class Billing:
    """
    The billing engine: L{authorize} admits a call and returns its meter.

    @param rules: What the parameters say now; asked once for each call.
    @param timers: Wakes meters to extend their reservations.
    """

    def __init__(
        self,
        accounts: Accounts,
        rates: Rates,
        rules: Callable[[], BillingSettings],
        timers: TimerWheel,
        causes: EndCauses,
        metrics: Metrics,
    ) -> None:
        self._paying = accounts.paying
        self._find = rates.find
        self._rules = rules
        self._books = Books(accounts, rates, timers, metrics)
        self._no_rate = causes["FeeRateNotFound"]
        self._no_permission = causes["NoCallPermission"]
        self._no_money = causes["BalanceNotEnough"]
        self._admitted = metrics.counter(
            "billing_admitted_total", "Calls that billing let through."
        )
        self._refused = metrics.labelled(
            "billing_refused_total", "Calls that billing refused.", "cause"
        )

    def authorize(
        self,
        payer: MappingGateway,
        callee: str,
        level: int | None = None,
        free: bool = False,
    ) -> Meter:
        """
        Admit a call and reserve the money for its beginning.

        Checked in this order: the account, the lists of free numbers, the
        rate, the call level, the money.

        @param payer: Whose account pays, by its rate group: the device's own
            if it has one, else the account's.
        @param callee: The billing number: after the mapping side's rules.
        @param level: The highest call class allowed; None for the payer's.
        @param free: Whether the call costs nothing whatever the rates say.
        @raise CallRejected: AccountNotFound, AccountLocked, AccountExpired,
            FeeRateNotFound, NoCallPermission or BalanceNotEnough.
        """
        try:
            highest = payer.call_level if level is None else level
            meter = self._authorize(payer, callee, highest, free)
        except CallRejected as refusal:
            self._refused.add(refusal.cause.name)
            raise
        self._admitted.value += 1
        return meter

    def _authorize(
        self, payer: MappingGateway, callee: str, level: int, given: bool
    ) -> Meter:
        account = self._paying(payer.account)
        settings = self._rules()
        no_cdr = settings.no_cdr
        if no_cdr and no_cdr.matches(callee):
            return Meter(self._books, account, settings, callee, no_cdr=True)
        free = settings.free
        if given or (free and free.matches(callee)):
            return Meter(self._books, account, settings, callee)
        group = payer.fee_rate_group or account.customer.fee_rate_group
        rate = self._rate(group, level, callee)
        meter = Meter(self._books, account, settings, callee, rate)
        if not meter.reserve():
            detail = f"account {payer.account!r} has {account.usable} to use"
            raise CallRejected(self._no_money, detail)
        return meter

    def _rate(self, group: str, level: int, callee: str) -> Rate:
        """The rate of a callee that may be called."""
        rate = self._find(group, callee)
        if rate is None:
            detail = f"{callee!r} in rate group {group!r}"
            raise CallRejected(self._no_rate, detail)
        if rate.type > level:
            detail = f"rate type {rate.type}, call level {level}"
            raise CallRejected(self._no_permission, detail)
        return rate
