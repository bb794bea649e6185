"""
Live balances, and the money that running calls hold.

An account's live balance is what the database has committed plus the changes
that wait for their commit. Usable is the live balance plus the overdraft
allowed (limitMoney) less what running calls have reserved. All of it changes
in the reactor's thread only, so a test and the change that follows it cannot
be divided: no concurrency of calls can reserve the same money twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from vos3000.instant import Now
from vos3000.model.accounts import ENDLESS, Customer, Movement
from vos3000.model.causes import CallRejected, EndCauses
from vos3000.model.money import ZERO


class Account:
    """
    One account as it stands this moment. A running call keeps hold of it, so
    that it can end properly although the account was deleted meanwhile.

    @ivar customer: The row as it was last loaded.
    @ivar money: The live balance.
    @ivar usable: What a new call, or more of a running one, may still reserve.
    @ivar reserved: What running calls hold.
    @ivar pending: The changes in C{money} that are not yet committed.
    """

    __slots__ = ("customer", "money", "pending", "reserved", "usable")

    def __init__(self, customer: Customer) -> None:
        self.reserved = ZERO
        self.pending = ZERO
        self.customer = customer
        self.money = customer.money
        self.usable = customer.money + customer.limit_money

    @property
    def idle(self) -> bool:
        """Whether no call and no commit depends on this value any more."""
        return not (self.reserved or self.pending)

    def load(self, customer: Customer) -> None:
        """Take over the row, keeping reservations and pending changes."""
        self.customer = customer
        self.money = customer.money + self.pending
        self.usable = self.money + customer.limit_money - self.reserved

    def reserve(self, amount: Decimal) -> bool:
        """Hold C{amount} for a call, all of it or (if there is less) nothing."""
        if amount > self.usable:
            return False
        self.reserved += amount
        self.usable -= amount
        return True

    def release(self, amount: Decimal) -> None:
        """Hold C{amount} no longer."""
        self.reserved -= amount
        self.usable += amount

    def charge(self, amount: Decimal) -> None:
        """Take C{amount} off the balance; its commit is still to come."""
        self.money -= amount
        self.usable -= amount
        self.pending -= amount


class Accounts:
    """
    Every account of the switch, by account number.

    @param now: The time, against which accounts expire.
    @param causes: The table in which refusals are found.
    """

    def __init__(self, now: Now, causes: EndCauses) -> None:
        self.now = now
        self._accounts: dict[str, Account] = {}
        self._deleted: dict[str, Account] = {}
        self._not_found = causes["AccountNotFound"]
        self._locked = causes["AccountLocked"]
        self._expired = causes["AccountExpired"]

    def __len__(self) -> int:
        return len(self._accounts)

    def load(self, customers: Iterable[Customer]) -> None:
        """
        Use these accounts and no others from now on.

        The rows must be read in step with the commits told to L{committed}
        and L{credit}: they hold exactly the changes that were told before.
        A deleted account's running calls go on with the value they have, and
        find it again if a later row has the same number.
        """
        known = {**self._deleted, **self._accounts}
        accounts: dict[str, Account] = {}
        for customer in customers:
            account = known.pop(customer.account, None)
            if account is None:
                account = Account(customer)
            else:
                account.load(customer)
            accounts[customer.account] = account
        self._accounts = accounts
        self._deleted = {k: gone for k, gone in known.items() if not gone.idle}

    def moved(
        self, customers: Iterable[Customer]
    ) -> list[tuple[str, Decimal, Decimal]]:
        """
        The balances of rows, read as L{load} wants them, that somebody else has
        moved: account, what it must be, what it is.
        """
        found = []
        for customer in customers:
            account = self._accounts.get(customer.account)
            if account is not None:
                expected = account.money - account.pending
                if customer.money != expected:
                    found.append((customer.account, expected, customer.money))
        return found

    def get(self, account: str) -> Account | None:
        """The account with this number, if it exists."""
        return self._accounts.get(account)

    def money(self, account: str) -> Decimal:
        """
        The live balance: what is committed, less charges still to commit.

        @raise KeyError: If there is no such account.
        """
        return self._accounts[account].money

    def paying(self, number: str) -> Account:
        """
        The account with this number, if it may pay for a call now.

        @raise CallRejected: AccountNotFound (unknown, none given, or closed),
            AccountLocked or AccountExpired.
        """
        account = self._accounts.get(number)
        if account is None:
            raise CallRejected(self._not_found, f"account {number!r}")
        customer = account.customer
        if customer.canceled:
            raise CallRejected(self._not_found, f"account {number!r} is closed")
        if customer.lock_type:
            raise CallRejected(self._locked, f"account {number!r}")
        valid = customer.valid_time
        if valid != ENDLESS and valid and valid < self.now().wall:
            raise CallRejected(self._expired, f"account {number!r}")
        return account

    def credit(self, account: str, amount: Decimal) -> None:
        """
        Add a payment that is committed; a deduction is negative.

        Running calls notice it when they next extend their reservations.
        """
        found = self._accounts.get(account)
        if found is not None:
            found.money += amount
            found.usable += amount

    def committed(self, movements: Iterable[Movement]) -> None:
        """The database has taken these changes: they are pending no longer."""
        for movement in movements:
            number = movement.account
            account = self._accounts.get(number) or self._deleted.get(number)
            if account is None:
                continue
            account.pending -= movement.amount
            if account.idle:
                self._deleted.pop(number, None)
