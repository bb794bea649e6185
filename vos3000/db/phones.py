"""
Platform phones: e_phone, with e_phonesetting and e_phoneservice beside it.

The store keeps every field of the web interface, nested as the interface has
them, and makes of a phone the value that call control works with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred

from vos3000.db import changes, fieldvalues, ids, phonefields
from vos3000.db.changes import By
from vos3000.db.cursor import Cursor
from vos3000.db.customers import CustomerStore
from vos3000.db.gatewayfields import JSON, Field
from vos3000.db.phonevalues import phone
from vos3000.db.pool import Pool
from vos3000.errors import AlreadyExists, NotFound
from vos3000.model.limits import comma_list
from vos3000.model.phones import Phone

_AT_ONCE = 500
"""Numbers that one query asks for."""


@attrs.frozen(slots=True)
class _Part:
    """
    One of a phone's rows.

    @ivar record: The interface's record of these fields; empty for the phone's
        own.
    @ivar shown: How many of the fields the interface's answers have.
    """

    table: str
    record: str
    fields: tuple[Field, ...]
    shown: int


_PARTS = (
    _Part("e_phone", "", phonefields.PHONE, len(phonefields.PHONE)),
    _Part(
        "e_phonesetting",
        "infoPhoneAdditional",
        phonefields.ADDITIONAL + phonefields.ADDITIONAL_MORE,
        len(phonefields.ADDITIONAL),
    ),
    _Part(
        "e_phoneservice",
        "infoPhoneValueAdded",
        phonefields.SERVICES,
        len(phonefields.SERVICES),
    ),
)

_COLUMNS = ", ".join(
    f"{part.table}.{field.column}" for part in _PARTS for field in part.fields
)
_QUERY = (
    f"SELECT e_phone.id, {_COLUMNS} FROM e_phone"
    " LEFT JOIN e_phonesetting ON e_phonesetting.id = e_phone.id"
    " LEFT JOIN e_phoneservice ON e_phoneservice.id = e_phone.id"
)
_ORDER = " ORDER BY e_phone.id"

_FIELDS = tuple(field for part in _PARTS for field in part.fields)
_SECRET = changes.secrets(_FIELDS)

_Record = dict[str, dict[str, Any]]
"""The fields of one phone, by record."""


class PhoneStore:
    """
    The platform phones. Every method is one interaction.

    @param customers: Opens the accounts of phones that are to have their own.
    """

    def __init__(self, pool: Pool, customers: CustomerStore) -> None:
        self._pool = pool
        self._dialect = pool.dialect
        self._customers = customers

    def create(
        self,
        fields: Mapping[str, Any],
        opened_ms: int | None = None,
        by: By | None = None,
    ) -> Deferred[None]:
        """
        Add a phone.

        @param fields: By the interface's names, nested as it has them, values
            of the contract's types; unknown names are ignored, what is left
            out or None gets its default.
        @param opened_ms: If given, the phone's account is opened at that
            moment, UTC ms, unless there is one of the number that C{fields}
            names; without a number it gets the phone's.
        @param by: Who stands in the list of changes; None for nobody.
        @return: Fails with L{AlreadyExists} for a number that a phone has, or
            an account to be opened under a number that is taken, and with
            L{NotFound} for an unknown account or rate group.
        """
        return self._pool.interact("phone_create", self._create, fields, opened_ms, by)

    def modify(
        self,
        e164: str,
        fields: Mapping[str, Any],
        by: By | None = None,
        seen: str | None = None,
    ) -> Deferred[None]:
        """
        Change the fields that are given and not None, nested ones likewise;
        C{e164} stays.

        @param by: Who stands in the list of changes; None for nobody.
        @param seen: The L{version} that is to be changed; None for any.
        @return: Fails with L{NotFound} for an unknown phone, account or rate
            group, with L{AlreadyExists} for a number that another has, and with
            L{ChangedMeanwhile} where it has another version.
        """
        return self._pool.interact("phone_modify", self._modify, e164, fields, by, seen)

    def delete(self, e164: str, by: By | None = None) -> Deferred[None]:
        """
        Remove a phone; its account and its records stay.

        @return: Fails with L{NotFound}.
        """
        return self._pool.interact("phone_delete", self._delete, e164, by)

    def fetch(
        self,
        e164s: Iterable[str] = (),
        accounts: Iterable[str] = (),
        more: bool = False,
        versions: bool = False,
    ) -> Deferred[list[dict[str, Any]]]:
        """
        Phones as the interface shows them: those named, in that order, then
        those of C{accounts}; each once, unknown ones left out.

        @param more: Whether settings outside VOS3000's interface are shown too.
        @param versions: Whether C{version} is told of each.
        """
        wanted = (("e164", tuple(e164s)), ("account", tuple(accounts)))
        return self._pool.read("phone_fetch", self._fetch, wanted, more, versions)

    def numbers(self) -> Deferred[list[tuple[str, str]]]:
        """Number and account of every phone, in the order of making."""
        return self._pool.read("phone_numbers", self._numbers)

    def accounts(self, numbers: Iterable[str]) -> Deferred[list[str]]:
        """
        The accounts of the phones that C{numbers} ring, each once, in that
        order; phones without one are left out.
        """
        return self._pool.read("phone_accounts", self._accounts, tuple(numbers))

    def values(self) -> Deferred[list[Phone]]:
        """Every phone as call control's value, in the order of making."""
        return self._pool.read("phone_values", self._values)

    def value(self, e164: str) -> Deferred[Phone | None]:
        """One phone as call control's value; None if there is none."""
        return self._pool.read("phone_value", self._value, e164)

    # Reading

    def _rows(
        self, cursor: Cursor, where: str = "", values: Sequence[Any] = ()
    ) -> Iterator[tuple[int, _Record]]:
        cursor.execute(_QUERY + where + _ORDER, tuple(values))
        for row in cursor.fetchall():
            with fieldvalues.readable("e_phone", row[1]):
                record = self._record(iter(row[1:]))
            yield row[0], record

    def _record(self, columns: Iterator[Any]) -> _Record:
        return {
            part.record: {
                field.name: fieldvalues.read(self._dialect, field, next(columns))
                for field in part.fields
            }
            for part in _PARTS
        }

    def _fetch(
        self,
        cursor: Cursor,
        wanted: tuple[tuple[str, tuple[str, ...]], ...],
        more: bool,
        versions: bool,
    ) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for name, keys in wanted:
            by_key: dict[str, list[dict[str, Any]]] = {}
            for record in self._matching(cursor, name, list(dict.fromkeys(keys))):
                shown = _shown(record, more)
                if versions:
                    shown["version"] = changes.version(_flat(record))
                by_key.setdefault(shown[name], []).append(shown)
            for key in keys:
                for shown in by_key.get(key, ()):
                    found.setdefault(shown["e164"], shown)
        return list(found.values())

    def _matching(
        self, cursor: Cursor, name: str, keys: Sequence[str]
    ) -> Iterator[_Record]:
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            where = f" WHERE e_phone.{name} IN ({', '.join('?' * len(some))})"
            for _, record in self._rows(cursor, where, some):
                yield record

    def _numbers(self, cursor: Cursor) -> list[tuple[str, str]]:
        cursor.execute("SELECT e164, account FROM e_phone ORDER BY id")
        return [(e164, account or "") for e164, account in cursor.fetchall()]

    def _value(self, cursor: Cursor, e164: str) -> Phone | None:
        where = " WHERE e_phone.e164 = ?"
        for number, record in self._rows(cursor, where, (e164,)):
            return phone(number, *record.values())
        return None

    def _accounts(self, cursor: Cursor, numbers: Sequence[str]) -> list[str]:
        wanted = frozenset(numbers)
        found: dict[str, str] = {}
        cursor.execute("SELECT e164, dids, account FROM e_phone WHERE account <> ''")
        for e164, dids, account in cursor.fetchall():
            for number in wanted.intersection((e164, *comma_list(dids))):
                found[number] = account
        return list(dict.fromkeys(found[n] for n in numbers if n in found))

    def _values(self, cursor: Cursor) -> list[Phone]:
        found = []
        for number, record in self._rows(cursor):
            with fieldvalues.readable("e_phone", record[""]["e164"]):
                found.append(phone(number, *record.values()))
        return found

    # Writing

    def _id(self, cursor: Cursor, e164: str) -> int:
        cursor.execute("SELECT id FROM e_phone WHERE e164 = ?", (e164,))
        row = cursor.fetchone()
        if row is None:
            raise NotFound("phone", e164)
        return int(row[0])

    def _free(self, cursor: Cursor, e164: str, numbers: Iterable[str]) -> None:
        """Refuse numbers that a phone other than C{e164} has."""
        for number in numbers:
            # No sign of a number means anything to LIKE but the underscore,
            # which only finds too much.
            cursor.execute(
                "SELECT e164, dids FROM e_phone WHERE e164 <> ?"
                " AND (e164 = ? OR dids LIKE ?)",
                (e164, number, f"%{number}%"),
            )
            for owner, dids in cursor.fetchall():
                if number == owner or number in comma_list(dids):
                    raise AlreadyExists(f"phone {owner} with number", number)

    def _known(self, cursor: Cursor, fields: Mapping[str, Any]) -> None:
        """Refuse references to what does not exist."""
        for field, table, column in (
            ("account", "e_customer", "account"),
            ("feerateGroup", "e_feerategroup", "name"),
        ):
            key = fields.get(field)
            if key:
                cursor.execute(f"SELECT 1 FROM {table} WHERE {column} = ?", (key,))
                if cursor.fetchone() is None:
                    raise NotFound(field, key)

    def _create(
        self,
        cursor: Cursor,
        fields: Mapping[str, Any],
        opened_ms: int | None,
        by: By | None,
    ) -> None:
        e164 = fields["e164"]
        cursor.execute("SELECT 1 FROM e_phone WHERE e164 = ?", (e164,))
        if cursor.fetchone() is not None:
            raise AlreadyExists("phone", e164)
        self._free(cursor, e164, (e164, *comma_list(fields.get("dids"))))
        if opened_ms is not None:
            account = self._opened(cursor, fields, opened_ms, by)
            fields = {**fields, "account": account}
        self._known(cursor, fields)
        number = ids.fresh(cursor, "e_phone")
        for part in _PARTS:
            given = fields.get(part.record) or {} if part.record else fields
            names = ", ".join(["id", *(field.column for field in part.fields)])
            marks = ", ".join("?" * (len(part.fields) + 1))
            values = [self._given(field, given) for field in part.fields]
            cursor.execute(
                f"INSERT INTO {part.table} ({names}) VALUES ({marks})",
                (number, *values),
            )
        if by is not None:
            made = self._unusual(cursor, number)
            _changed(cursor, by, changes.CREATED, e164, {}, made)

    def _opened(
        self,
        cursor: Cursor,
        fields: Mapping[str, Any],
        opened_ms: int,
        by: By | None,
    ) -> str:
        """The number of the phone's account, which is there now."""
        named: str = fields.get("account") or ""
        if named:
            cursor.execute("SELECT 1 FROM e_customer WHERE account = ?", (named,))
            if cursor.fetchone() is not None:
                return named
        account = named or fields["e164"]
        self._customers.insert(cursor, {"account": account}, opened_ms, by)
        return account

    def _given(self, field: Field, fields: Mapping[str, Any]) -> Any:
        value = fields.get(field.name)
        value = field.default if value is None else value
        return fieldvalues.write(self._dialect, field, value)

    def _settings(self, cursor: Cursor, number: int) -> _Record:
        ((_, record),) = self._rows(cursor, " WHERE e_phone.id = ?", (number,))
        return record

    def _unusual(self, cursor: Cursor, number: int) -> dict[str, Any]:
        """The fields of a phone that are not their defaults."""
        return changes.unusual(_FIELDS, _flat(self._settings(cursor, number)))

    def _modify(
        self,
        cursor: Cursor,
        e164: str,
        fields: Mapping[str, Any],
        by: By | None,
        seen: str | None,
    ) -> None:
        number = self._id(cursor, e164)
        stored = self._settings(cursor, number)
        changes.expect("phone", e164, _flat(stored), seen)
        self._free(cursor, e164, comma_list(fields.get("dids")))
        self._known(cursor, fields)
        for part in _PARTS:
            given = fields.get(part.record) or {} if part.record else fields
            changed = [
                field
                for field in part.fields
                if field.name != "e164" and given.get(field.name) is not None
            ]
            if not changed:
                continue
            merged = {
                f.name: _merged(f, stored[part.record][f.name], given[f.name])
                for f in changed
            }
            self._update(cursor, part, number, changed, merged)
        after = _flat(self._settings(cursor, number))
        _changed(cursor, by, changes.CHANGED, e164, _flat(stored), after)

    def _update(
        self,
        cursor: Cursor,
        part: _Part,
        number: int,
        changed: Sequence[Field],
        values: Mapping[str, Any],
    ) -> None:
        marks = ", ".join(f"{field.column} = ?" for field in changed)
        written = [
            fieldvalues.write(self._dialect, field, values[field.name])
            for field in changed
        ]
        cursor.execute(
            f"UPDATE {part.table} SET {marks} WHERE id = ?", (*written, number)
        )

    def _delete(self, cursor: Cursor, e164: str, by: By | None) -> None:
        number = self._id(cursor, e164)
        if by is not None:
            gone = self._unusual(cursor, number)
            _changed(cursor, by, changes.DELETED, e164, gone, {})
        for part in reversed(_PARTS):
            cursor.execute(f"DELETE FROM {part.table} WHERE id = ?", (number,))


def _flat(record: _Record) -> dict[str, Any]:
    """The fields of a phone by name, whatever record they are in."""
    return {name: value for part in record.values() for name, value in part.items()}


def _changed(
    cursor: Cursor,
    by: By | None,
    kind: int,
    e164: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
) -> None:
    told = changes.differences(old, new, _SECRET)
    changes.record(cursor, by, kind, f"phone {e164}", *told)


def _merged(field: Field, stored: Any, given: Any) -> Any:
    """A field's new value: of a record what was left out stays."""
    if field.kind == JSON and isinstance(given, dict) and isinstance(stored, dict):
        return {**stored, **given}
    return given


def _shown(record: _Record, more: bool) -> dict[str, Any]:
    """A phone as the interface nests it."""
    shown: dict[str, Any] = {}
    for part in _PARTS:
        values = record[part.record]
        fields = part.fields if more else part.fields[: part.shown]
        picked = {field.name: values[field.name] for field in fields}
        if part.record:
            shown[part.record] = picked
        else:
            shown.update(picked)
    return shown
