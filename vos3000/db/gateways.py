"""
Gateways: e_gatewaymapping and e_gatewayrouting, each with its settings.

A store serves one of the two kinds. It keeps every field of the web
interface, so that a record that was read can be written back unchanged, and
makes of a row the value that call control works with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import attrs
from twisted.internet.defer import Deferred

from vos3000.db import changes, fieldvalues, gatewayfields, ids
from vos3000.db.changes import By
from vos3000.db.cursor import Cursor
from vos3000.db.gatewayfields import CORE, Field
from vos3000.db.pool import Pool
from vos3000.db.sipfields import gateway_options
from vos3000.errors import AlreadyExists, NotFound
from vos3000.model.gateways import (
    MappingGateway,
    RegisterType,
    Registration,
    RoutingGateway,
)
from vos3000.model.limits import comma_list

G = TypeVar("G")


def _mapping(number: int, fields: Mapping[str, Any]) -> MappingGateway:
    return MappingGateway(
        id=number,
        name=fields["name"],
        remote_ips=comma_list(fields["remoteIps"]),
        by_port=fields["sipAuthenticationMethod"] == 1,
        register_type=fields["registerType"],
        lock_type=fields["lockType"],
        call_level=fields["callLevel"],
        capacity=fields["capacity"],
        priority=fields["priority"],
        account=fields["account"],
        rewrite_callee=fields["rewriteRulesOutCallee"],
        rewrite_caller=fields["rewriteRulesOutCaller"],
        callee_domain=fields["sipCalleeE164Domain"],
        caller_domain=fields["sipCallerE164Domain"],
        failed_sip_codes=fields["callFailedSipCode"],
        failed_q931_causes=fields["callFailedQ931CauseValue"],
        max_duration=(fields["maxCallDurationLower"], fields["maxCallDurationUpper"]),
        timeout_call_proceeding=fields["timeoutCallProceeding"],
        memo=fields["memo"],
        password=fields["password"],
        call_rate=_call_rate(fields),
        sip=gateway_options(fields),
        settings=fields,
    )


def _call_rate(fields: Mapping[str, Any]) -> tuple[int, int]:
    """Calls and seconds of maxCallRate and maxCallRateUnit."""
    return max(fields["maxCallRate"], 0), max(fields["maxCallRateUnit"], 1)


def _registration(fields: Mapping[str, Any]) -> Registration | None:
    name = fields["registerName"]
    if fields["registerType"] != RegisterType.REGISTERS or not name:
        return None
    return Registration(
        name=name,
        auth_name=fields["registerAuthName"] or name,
        domain=fields["registerDomain"],
        expire=max(fields["registerExpire"], 0),
    )


def _stop_codes(text: str) -> frozenset[int]:
    """The statuses of a comma list; what is no number was not written by us."""
    return frozenset(int(code) for code in comma_list(text) if code.isdecimal())


def _routing(number: int, fields: Mapping[str, Any]) -> RoutingGateway:
    return RoutingGateway(
        id=number,
        name=fields["name"],
        prefixes=comma_list(fields["prefix"]) or ("",),
        continues=fields["prefixStyle"] == 1,
        protocol=fields["protocol"],
        register_type=fields["registerType"],
        remote_ip=fields["remoteIp"],
        signal_port=fields["signalPort"],
        local_ip=fields["localIp"],
        local_port=fields["signalPortLocal"] or 0,
        lock_type=fields["lockType"],
        capacity=fields["capacity"],
        priority=fields["priority"],
        clearing_account=fields["clearingAccount"],
        clearing_uses_callout=fields["clearingAccountUseCalloutE164"],
        rewrite_callee=fields["rewriteRulesInCallee"],
        rewrite_caller=fields["rewriteRulesInCaller"],
        max_duration=(fields["maxCallDurationLower"], fields["maxCallDurationUpper"]),
        timeouts=(
            fields["timeoutInvite"],
            fields["timeoutTrying"],
            fields["timeoutSessionProgress"],
            fields["timeoutSessionProgressSdp"],
            fields["timeoutRinging"],
        ),
        stop_codes=_stop_codes(fields["stopSwitchSipCodes"]),
        switch_on_ring=fields["switchAllowRing"],
        switch_on_sdp=fields["switchAllowSdp"],
        switch_on_busy=fields["switchAllowBusy"],
        transport=fields["transport"],
        memo=fields["memo"],
        password=fields["password"],
        call_rate=_call_rate(fields),
        registration=_registration(fields),
        sip=gateway_options(fields),
        settings=fields,
    )


@attrs.frozen(slots=True)
class GatewayKind(Generic[G]):
    """
    One of the two kinds of gateway.

    @ivar title: What it is called.
    @ivar table: Where its rows are; the settings are in C{<table>setting}.
    @ivar contract: The interface's fields, in the contract's order.
    @ivar more: Settings beyond the interface, never in its answers.
    @ivar account: The field that names an account.
    @ivar name_of_account: The read-only field with that account's name, which
        answers of the interface have; empty if they have none.
    @ivar value: Makes call control's value of number and fields.
    """

    title: str
    table: str
    contract: tuple[Field, ...]
    more: tuple[Field, ...]
    account: str
    name_of_account: str
    value: Callable[[int, Mapping[str, Any]], G]


MAPPING: GatewayKind[MappingGateway] = GatewayKind(
    "mapping gateway",
    "e_gatewaymapping",
    gatewayfields.MAPPING,
    gatewayfields.MAPPING_MORE,
    "account",
    "accountName",
    _mapping,
)
"""Mapping gateways: traffic in."""

ROUTING: GatewayKind[RoutingGateway] = GatewayKind(
    "routing gateway",
    "e_gatewayrouting",
    gatewayfields.ROUTING,
    gatewayfields.ROUTING_MORE,
    "clearingAccount",
    "",
    _routing,
)
"""Routing gateways: traffic out."""


class GatewayStore(Generic[G]):
    """The gateways of one kind. Every method is one interaction."""

    def __init__(self, pool: Pool, kind: GatewayKind[G]) -> None:
        self._pool = pool
        self._dialect = pool.dialect
        self._kind = kind
        self._fields = kind.contract + kind.more
        self._core = tuple(f for f in self._fields if f.name in CORE)
        self._rest = tuple(f for f in self._fields if f.name not in CORE)
        columns = [f"g.{field.column}" for field in self._core]
        columns += [f"s.{field.column}" for field in self._rest]
        self._order = self._core + self._rest
        self._query = (
            f"SELECT g.id, c.name, {', '.join(columns)} FROM {kind.table} g"
            f" LEFT JOIN {kind.table}setting s ON s.id = g.id"
            f" LEFT JOIN e_customer c ON c.account = g.{kind.account.lower()}"
            " AND c.account <> ''"
        )

    def create(self, fields: Mapping[str, Any], by: By | None = None) -> Deferred[None]:
        """
        Add a gateway.

        @param fields: By the interface's names, values of the contract's
            types (Decimal for Double); unknown names are ignored, what is
            left out or None gets its default.
        @param by: Who stands in the list of changes; None for nobody.
        @return: Fails with L{AlreadyExists}, or with L{NotFound} for an
            unknown account.
        """
        return self._pool.interact(
            f"{self._kind.table}_create", self._create, fields, by
        )

    def modify(
        self,
        name: str,
        fields: Mapping[str, Any],
        by: By | None = None,
        seen: str | None = None,
    ) -> Deferred[None]:
        """
        Change the fields that are given and not None; C{name} stays.

        @param by: Who stands in the list of changes; None for nobody.
        @param seen: The L{version} that is to be changed; None for any.
        @return: Fails with L{NotFound} for an unknown gateway or account, and
            with L{ChangedMeanwhile} where it has another version.
        """
        interaction = f"{self._kind.table}_modify"
        return self._pool.interact(interaction, self._modify, name, fields, by, seen)

    def delete(self, name: str, by: By | None = None) -> Deferred[None]:
        """
        Remove a gateway; its number is not used again.

        @return: Fails with L{NotFound}.
        """
        return self._pool.interact(f"{self._kind.table}_delete", self._delete, name, by)

    def fetch(
        self, names: Iterable[str] | None = None, versions: bool = False
    ) -> Deferred[list[dict[str, Any]]]:
        """
        Gateways as the interface shows them, every field of the contract.

        A field that was never set and has no default is None. Mapping
        gateways have C{accountName} as well.

        @param names: The gateways wanted; None or nothing for all. Unknown
            ones are left out.
        @param versions: Whether C{version} is told of each.
        """
        wanted = tuple(names or ())
        return self._pool.read(
            f"{self._kind.table}_fetch", self._fetch, wanted, versions
        )

    def values(self) -> Deferred[list[G]]:
        """Every gateway as call control's value, in the order of making."""
        return self._pool.read(f"{self._kind.table}_values", self._values)

    def _rows(self, cursor: Cursor) -> list[tuple[int, str, dict[str, Any]]]:
        cursor.execute(self._query + " ORDER BY g.id")
        found = []
        for row in cursor.fetchall():
            with fieldvalues.readable(self._kind.table, row[2]):
                found.append(self._row(row))
        return found

    def _row(self, row: Sequence[Any]) -> tuple[int, str, dict[str, Any]]:
        stored = {
            field.name: fieldvalues.read(self._dialect, field, value)
            for field, value in zip(self._order, row[2:], strict=True)
        }
        fields = {field.name: stored[field.name] for field in self._fields}
        return row[0], row[1] or "", fields

    def _fetch(
        self, cursor: Cursor, wanted: tuple[str, ...], versions: bool
    ) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for _, account_name, fields in self._rows(cursor):
            shown = {field.name: fields[field.name] for field in self._kind.contract}
            if self._kind.name_of_account:
                shown[self._kind.name_of_account] = account_name
            if versions and (not wanted or fields["name"] in wanted):
                shown["version"] = changes.version(fields)
            found[fields["name"]] = shown
        if not wanted:
            return list(found.values())
        return [found[name] for name in dict.fromkeys(wanted) if name in found]

    def _values(self, cursor: Cursor) -> list[G]:
        found = []
        for number, _, fields in self._rows(cursor):
            with fieldvalues.readable(self._kind.table, fields["name"]):
                found.append(self._kind.value(number, fields))
        return found

    def _number(self, cursor: Cursor, name: str) -> int | None:
        cursor.execute(f"SELECT id FROM {self._kind.table} WHERE name = ?", (name,))
        row = cursor.fetchone()
        return None if row is None else int(row[0])

    def _known(self, cursor: Cursor, fields: Mapping[str, Any]) -> None:
        """Refuse an account that does not exist."""
        account = fields.get(self._kind.account)
        if account:
            cursor.execute("SELECT 1 FROM e_customer WHERE account = ?", (account,))
            if cursor.fetchone() is None:
                raise NotFound(self._kind.account, account)

    def _settings(self, cursor: Cursor, number: int) -> dict[str, Any]:
        """Every field of one gateway."""
        cursor.execute(self._query + " WHERE g.id = ?", (number,))
        return self._row(cursor.fetchone())[2]

    def _unusual(self, cursor: Cursor, number: int) -> dict[str, Any]:
        """The fields of one gateway that are not their defaults."""
        return changes.unusual(self._fields, self._settings(cursor, number))

    def _changed(
        self,
        cursor: Cursor,
        by: By | None,
        kind: int,
        name: str,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
    ) -> None:
        told = changes.differences(old, new, changes.secrets(self._fields))
        changes.record(cursor, by, kind, f"{self._kind.title} {name}", *told)

    def _create(self, cursor: Cursor, fields: Mapping[str, Any], by: By | None) -> None:
        name = fields["name"]
        if self._number(cursor, name) is not None:
            raise AlreadyExists("gateway", name)
        self._known(cursor, fields)
        number = ids.fresh(cursor, self._kind.table)
        for table, columns in self._tables():
            names = ", ".join(["id", *(field.column for field in columns)])
            marks = ", ".join("?" * (len(columns) + 1))
            values = [self._given(field, fields) for field in columns]
            cursor.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", (number, *values)
            )
        if by is not None:
            made = self._unusual(cursor, number)
            self._changed(cursor, by, changes.CREATED, name, {}, made)

    def _given(self, field: Field, fields: Mapping[str, Any]) -> Any:
        value = fields.get(field.name)
        return fieldvalues.write(
            self._dialect, field, field.default if value is None else value
        )

    def _tables(self) -> tuple[tuple[str, tuple[Field, ...]], ...]:
        table = self._kind.table
        return ((table, self._core), (f"{table}setting", self._rest))

    def _modify(
        self,
        cursor: Cursor,
        name: str,
        fields: Mapping[str, Any],
        by: By | None,
        seen: str | None,
    ) -> None:
        number = self._number(cursor, name)
        if number is None:
            raise NotFound("gateway", name)
        before = self._settings(cursor, number)
        changes.expect("gateway", name, before, seen)
        self._known(cursor, fields)
        for table, columns in self._tables():
            given = [
                field
                for field in columns
                if field.name != "name" and fields.get(field.name) is not None
            ]
            if given:
                marks = ", ".join(f"{field.column} = ?" for field in given)
                values = [
                    fieldvalues.write(self._dialect, f, fields[f.name]) for f in given
                ]
                cursor.execute(
                    f"UPDATE {table} SET {marks} WHERE id = ?", (*values, number)
                )
        after = self._settings(cursor, number)
        self._changed(cursor, by, changes.CHANGED, name, before, after)

    def _delete(self, cursor: Cursor, name: str, by: By | None) -> None:
        number = self._number(cursor, name)
        if number is None:
            raise NotFound("gateway", name)
        if by is not None:
            gone = self._unusual(cursor, number)
            self._changed(cursor, by, changes.DELETED, name, gone, {})
        for table, _ in reversed(self._tables()):
            cursor.execute(f"DELETE FROM {table} WHERE id = ?", (number,))
