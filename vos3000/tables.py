"""
Routes, rates and lists in memory, and how they get there.

Everything a call needs is read at start and, after a change, before the
change is answered: the next call sees it. A table is swapped in whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import GatewayStore
from vos3000.db.numbergroups import NumberGroupStore
from vos3000.db.phones import PhoneStore
from vos3000.db.rates import RateStore
from vos3000.db.settings import AccessRule, AccessStore, ParameterStore
from vos3000.model.accounts import Customer
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.numbers import PrefixMap
from vos3000.model.phones import Phone
from vos3000.model.rates import Rate


@attrs.frozen(slots=True)
class Stores:
    """Where the tables are read from."""

    customers: CustomerStore
    mapping: GatewayStore[MappingGateway]
    routing: GatewayStore[RoutingGateway]
    rates: RateStore
    parameters: ParameterStore
    access: AccessStore
    phones: PhoneStore
    numbers: NumberGroupStore


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


class Tables:
    """
    Reads tables and hands them to the engines.

    Results of one lane arrive in the order in which they were asked for, so
    the last refresh of a table is also the last to be handed on. Balances are
    read between two writes (L{CustomerStore.all}): the engine that receives
    them hears of every earlier commit before and of every later one after.
    """

    _log = Logger()

    def __init__(self, stores: Stores, engines: Engines) -> None:
        self._phone = stores.phones.value, engines.phone
        customers = (stores.customers.all, engines.customers)
        mapping = (stores.mapping.values, engines.mapping)
        routing = (stores.routing.values, engines.routing)
        rates = (stores.rates.all_rates, engines.rates)
        phones = (stores.phones.values, engines.phones)
        numbers = (stores.numbers.all, engines.numbers)
        self._sources: dict[
            str, tuple[Callable[[], Deferred[Any]], Callable[[Any], object]]
        ] = {
            "e_moconfig": (stores.parameters.all, engines.parameters),
            "e_web_access_control": (stores.access.rules, engines.access),
            "e_feerate": rates,
            "e_feeratesection": rates,
            "e_limit_e164": numbers,
            "e_limit_e164_group": numbers,
            "e_customer": customers,
            "e_payhistory": customers,
            "e_gatewaymapping": mapping,
            "e_gatewaymappingsetting": mapping,
            "e_gatewayrouting": routing,
            "e_gatewayroutingsetting": routing,
            "e_phone": phones,
            "e_phonesetting": phones,
            "e_phoneservice": phones,
        }

    def load(self) -> Deferred[None]:
        """
        Read everything: at start, and when told to look again.

        @return: Fails with L{StorageError}; tables that were read before the
            failure are in use then, the others are as they were.
        """
        return Deferred.fromCoroutine(self._load())

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
        sink(e164, await fetch(e164))

    async def _load(self) -> None:
        for fetch, sink in dict.fromkeys(self._sources.values()):
            sink(await fetch())

    async def _refresh(self, table: str) -> None:
        source = self._sources.get(table)
        if source is None:
            self._log.debug("{table} is not kept in memory", table=table)
            return
        fetch, sink = source
        sink(await fetch())
