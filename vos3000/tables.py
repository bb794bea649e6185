"""
Routes, rates and lists in memory, and how they get there.

Everything a call needs is read at start and, after a change, before the
change is answered: the next call sees it. What is read is built aside and swapped
in whole: one table, or all of them in one step.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from vos3000.db.changes import ChangeStore
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import GatewayStore
from vos3000.db.numbergroups import NumberGroupStore
from vos3000.db.phones import PhoneStore
from vos3000.db.ratechanges import RateChange
from vos3000.db.rates import RateStore
from vos3000.db.settings import AccessRule, AccessStore, ParameterStore
from vos3000.errors import BadRow
from vos3000.model.accounts import Customer
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.numbers import PrefixMap
from vos3000.model.phones import Phone
from vos3000.model.rates import Rate

TOGETHER = 100
"""Phones that are compared before others have their turn."""

MOST_ALONE = 200
"""Phones that are handed on one by one; of more, all are at once."""


def _nothing() -> None:
    """Nothing is done beside."""


async def _no_pause() -> None:
    """Nobody else waits for a turn."""


def _no_moves(customers: Sequence[Customer]) -> list[tuple[str, Decimal, Decimal]]:
    return []


def _no_mistakes(parameters: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    return ()


@attrs.frozen(slots=True)
class Stores:
    """
    Where the tables are read from.

    @ivar changes: Where it is written who changed them.
    """

    customers: CustomerStore
    mapping: GatewayStore[MappingGateway]
    routing: GatewayStore[RoutingGateway]
    rates: RateStore
    parameters: ParameterStore
    access: AccessStore
    phones: PhoneStore
    numbers: NumberGroupStore
    changes: ChangeStore


@attrs.frozen(slots=True)
class Engines:
    """
    Who is handed each table, whole.

    @ivar customers: The accounts, as committed.
    @ivar mapping: The mapping gateways.
    @ivar routing: The routing gateways.
    @ivar rates: The rates by group.
    @ivar parameters: The system parameters that were set, as text.
    @ivar access: The access list of the web interface.
    @ivar phones: The platform phones.
    @ivar phone: One of them, by its number; None for one that is gone.
    @ivar numbers: The number groups, by name.
    @ivar check: What is wrong with system parameters: names and why.
    @ivar moved: Balances of accounts that are not what they must be by all that
        is known of them: account, what it must be, what it is.
    """

    customers: Callable[[Sequence[Customer]], object]
    mapping: Callable[[Sequence[MappingGateway]], object]
    routing: Callable[[Sequence[RoutingGateway]], object]
    rates: Callable[[Mapping[str, PrefixMap[Rate]]], object]
    parameters: Callable[[Mapping[str, str]], object]
    access: Callable[[Sequence[AccessRule]], object]
    phones: Callable[[Sequence[Phone]], object]
    phone: Callable[[str, Phone | None], object]
    numbers: Callable[[Mapping[str, Sequence[str]]], object]
    check: Callable[[Mapping[str, str]], Sequence[tuple[str, str]]] = _no_mistakes
    moved: Callable[[Sequence[Customer]], list[tuple[str, Decimal, Decimal]]] = (
        _no_moves
    )


@attrs.define(slots=True)
class _Source:
    """
    A table, or some that belong together.

    @ivar name: What they are.
    @ivar fetch: Reads them.
    @ivar sink: Takes the result over.
    @ivar asked: How often they were read; the number of the last reading.
    @ivar shown: The reading that is in use.
    @ivar value: What is in use, for whoever has to put it back.
    """

    name: str
    fetch: Callable[[], Deferred[Any]]
    sink: Callable[[Any], object]
    asked: int = 0
    shown: int = 0
    value: Any = None

    async def read(self) -> tuple[int, Any]:
        """Its number, and what was read."""
        self.asked += 1
        number = self.asked
        return number, await self.fetch()

    def show(self, number: int, value: Any) -> bool:
        """Use a reading, unless a later one is in use."""
        if number < self.shown:
            return False
        self.sink(value)
        self.shown, self.value = number, value
        return True


class Tables:
    """
    Reads tables and hands them to the engines.

    @ivar breathe: Lets others have their turn between two comparisons.
    @ivar rates_changed: Is told what is different in the rates of a group.

    Of two readings of one table the later counts, whichever comes first.
    Balances are read between two writes (L{CustomerStore.all}): the engine that
    receives them hears of every earlier commit before and of every later one
    after; so they are handed on at once.
    """

    _log = Logger()

    def __init__(self, stores: Stores, engines: Engines) -> None:
        self._phone = stores.phones.value, engines.phone
        self._check = engines.check
        self._store = stores.rates
        self._moves = engines.moved
        self._moved: list[tuple[str, Decimal, Decimal]] = []
        self.rates_changed: Callable[[list[RateChange]], object] | None = None
        made = partial(_Source, "customers")
        self._customers = made(stores.customers.all, self._use_customers)
        self._use_all = engines.customers
        mapping = _Source("mapping", stores.mapping.values, engines.mapping)
        routing = _Source("routing", stores.routing.values, engines.routing)
        self._rates = _Source("rates", stores.rates.all_rates, engines.rates)
        phones = _Source("phones", stores.phones.values, self._use_phones)
        self._use_all_phones = engines.phones
        self._few: tuple[Sequence[Phone], list[str]] | None = None
        self.breathe: Callable[[], Awaitable[None]] = _no_pause
        self._phones = phones
        self._by_number: dict[str, Phone] = {}
        self._phones_in_use: dict[str, Phone] | None = None
        made = partial(_Source, "parameters")
        self._parameters = made(stores.parameters.all, engines.parameters)
        access = _Source("access", stores.access.rules, engines.access)
        numbers = _Source("numbers", stores.numbers.all, engines.numbers)
        self._building = 0
        self._put: dict[str, tuple[int, Phone | None]] = {}
        self._sources = {
            "e_moconfig": self._parameters,
            "e_web_access_control": access,
            "e_feerate": self._rates,
            "e_feeratesection": self._rates,
            "e_limit_e164": numbers,
            "e_limit_e164_group": numbers,
            "e_gatewaymapping": mapping,
            "e_gatewaymappingsetting": mapping,
            "e_gatewayrouting": routing,
            "e_gatewayroutingsetting": routing,
            "e_phone": phones,
            "e_phonesetting": phones,
            "e_phoneservice": phones,
            "e_customer": self._customers,
            "e_payhistory": self._customers,
        }

    def load(self) -> Deferred[None]:
        """
        Read everything: at start.

        @return: Fails with L{StorageError}: nothing was handed on then.
        """
        return Deferred.fromCoroutine(self.replace())

    def refresh(self, table: str) -> Deferred[None]:
        """
        Read one table again; when the result fires, the next call sees it.

        @param table: Its name; a table nobody keeps in memory is no error, such
            as e_feerategroup: a group without rates is as good as none. Whoever
            removes a group or its rates refreshes e_feerate.
        @return: Fails with L{StorageError}; what was in use stays.
        """
        return Deferred.fromCoroutine(self._refresh(table))

    def refresh_phone(self, e164: str) -> Deferred[None]:
        """
        Read one phone again, as L{refresh} reads a table: there may be many
        phones, and whoever makes them makes one after the other.
        """
        return Deferred.fromCoroutine(self._refresh_phone(e164))

    async def _refresh_phone(self, e164: str) -> None:
        fetch, sink = self._phone
        self._phones.asked += 1
        number = self._phones.asked
        phone = await fetch(e164)
        sink(e164, phone)
        self._know(e164, phone)
        if self._building:
            self._put[e164] = number, phone

    async def replace(self, more: Callable[[], object] = _nothing) -> None:
        """
        Read everything aside, then use all of it in one step: no call sees half
        of it. Whoever awaits this must do so in a coroutine of its own.

        @param more: What is done in the same step, first.
        @raise StorageError: Nothing was changed then; it says which row cannot
            be used, if it is one.
        """
        sources = list({id(each): each for each in self._sources.values()}.values())
        await self._replace(sources, more)

    async def _replace(
        self, sources: Sequence[_Source], more: Callable[[], object] = _nothing
    ) -> None:
        read: list[tuple[_Source, tuple[int, Any]]] = []
        rates = self._rates.value
        self._building += 1
        try:
            for source in sources:  # balances come last: they may not wait
                read.append((source, await source.read()))
                if source is self._phones and source.shown and len(sources) > 1:
                    await self._prepare(read[-1][1][1])
                if source is self._parameters and source.shown:
                    self._refuse(read[-1][1][1])
            more()
            self._use(read)
        finally:
            self._building -= 1
            if not self._building:
                self._put.clear()
        if rates and rates is not self._rates.value:
            self._let_go(rates)

    def _refuse(self, parameters: Mapping[str, str]) -> None:
        for name, why in self._check(parameters):
            raise BadRow("e_moconfig", name, why)

    def _use(self, read: Sequence[tuple[_Source, tuple[int, Any]]]) -> None:
        """Hand everything on; if one of the engines refuses, put all back."""
        before = [(source, source.shown, source.value) for source, _ in read]
        try:
            for source, (number, value) in read:
                if source.show(number, value) and source is self._phones:
                    self._put_later(number)
        except Exception:
            for source, shown, value in before:
                if shown and source.shown != shown:
                    source.sink(value)
                    source.shown, source.value = shown, value
            raise

    def _put_later(self, number: int) -> None:
        """Phones that were read after all of them were have the last word."""
        later = {e: each for e, each in self._put.items() if each[0] > number}
        for e164, (_, phone) in later.items():
            self._phone[1](e164, phone)
            self._know(e164, phone)
        self._put = later

    def _use_phones(self, phones: Sequence[Phone]) -> None:
        """Use all phones; if few are different, only these are handed on."""
        few, self._few = self._few, None
        if few is None or few[0] is not phones:
            self._use_all_phones(phones)
        found = {phone.e164: phone for phone in phones}
        if few is not None and few[0] is phones:
            for e164 in few[1]:
                self._phone[1](e164, found.get(e164))
        self._by_number, self._phones_in_use = found, None

    async def _prepare(self, phones: Sequence[Phone]) -> None:
        """Find out which phones are different, before the one step."""
        changed = await self._changed(phones)
        self._few = (phones, changed) if len(changed) <= MOST_ALONE else None

    async def _changed(self, phones: Sequence[Phone]) -> list[str]:
        found = {phone.e164: phone for phone in phones}
        changed = [e164 for e164 in self._by_number if e164 not in found]
        for number, (e164, phone) in enumerate(found.items(), 1):
            known = self._by_number.get(e164)
            if known is None or different(known, phone):
                changed.append(e164)
            if number % TOGETHER == 0:
                await self.breathe()
        return changed

    def _know(self, e164: str, phone: Phone | None) -> None:
        self._phones_in_use = None
        if phone is None:
            self._by_number.pop(e164, None)
        else:
            self._by_number[e164] = phone

    def _use_customers(self, customers: Sequence[Customer]) -> None:
        self._moved += self._moves(customers)
        self._use_all(customers)

    def _let_go(self, rates: Mapping[str, PrefixMap[Rate]]) -> None:
        """A million rates that go at once would hold up every call."""
        if self.rates_changed is not None:
            found = self._store.compare(rates, self._rates.value)
            found.addCallback(self.rates_changed)
            found.addErrback(self._not_done)
        self._store.release(rates).addErrback(self._not_done)

    def _not_done(self, failure: Failure) -> None:
        self._log.failure("old rates were not let go", failure)

    async def _refresh(self, table: str) -> None:
        source = self._sources.get(table)
        if source is None:
            self._log.debug("{table} is not kept in memory", table=table)
            return
        await self._replace([source])

    # What others wrote

    def in_use(self) -> dict[str, Any]:
        """What is in use of each table but the rates; phones by their number."""
        found = {
            each.name: each.value
            for each in self._sources.values()
            if each is not self._rates
        }
        if self._phones_in_use is None:
            self._phones_in_use = dict(self._by_number)
        return {**found, "phones": self._phones_in_use}

    def moved(self) -> list[tuple[str, Decimal, Decimal]]:
        """The balances that others moved since this was asked last."""
        moved, self._moved = self._moved, []
        return moved

    async def look(self, tables: Collection[str]) -> None:
        """
        Read tables, and use what is not as it is in use.

        @param tables: Their names; one of the rates' is all of these.
        @raise StorageError: Nothing of the table that it is about was changed.
        """
        found = [self._sources.get(name, self._rates) for name in tables]
        wanted = {id(source): source for source in found}
        for source in sorted(wanted.values(), key=lambda each: each is self._customers):
            if source is self._customers or source is self._rates:
                await self._replace([source])
            elif source is self._phones:
                await self._look_at_phones()
            elif await self._differs(source):
                await self._replace([source])

    async def _differs(self, source: _Source) -> bool:
        _, value = await source.read()
        if len(value) != len(source.value):
            return True
        if isinstance(value, Mapping):
            return bool(value != source.value)
        return any(map(different, source.value, value))

    async def _look_at_phones(self) -> None:
        """Of many phones a few are changed: only these are read again."""
        _, phones = await self._phones.read()
        changed = await self._changed(phones)
        if len(changed) > MOST_ALONE:
            await self._replace([self._phones])
            return
        for e164 in changed:
            await self._refresh_phone(e164)


def different(known: Any, found: Any) -> bool:
    """Whether two values are not the same, settings included."""
    return bool(
        known != found
        or getattr(known, "settings", None) != getattr(found, "settings", None)
    )
