"""
Who changed what from what to what: the rows of e_syslog.

A change and its row are one transaction: neither is there without the other.
Secrets are told apart, never told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import attrs
from twisted.internet.defer import Deferred

from vos3000.db import ids
from vos3000.db.cursor import Cursor
from vos3000.db.gatewayfields import SECRET, Field
from vos3000.db.pool import Pool
from vos3000.errors import ChangedMeanwhile
from vos3000.model.money import plain

CREATED, CHANGED, DELETED, PAID, DONE = 1, 2, 3, 4, 5
"""What e_syslog.type says [decided]: made, changed, removed, paid, done."""

KINDS = {1: "created", 2: "changed", 3: "deleted", 4: "paid", 5: "done"}

OUTSIDE = "outside"
"""Who changed what no program of ours did."""

SYSLOG = "syslog"
"""The sequence of the rows' numbers."""

MOST = 10_000
"""Rows of one query at most."""

_LONGEST = 16_000
"""Characters of an old or new state: four bytes each fit the column."""

_SHORT = 255

_HIDDEN = "***"


@attrs.frozen(slots=True)
class By:
    """
    Who changes something, and when.

    @ivar name: A login, the web interface's client, or L{OUTSIDE}.
    @ivar when_ms: UTC ms.
    """

    name: str
    when_ms: int


@attrs.frozen(slots=True)
class Change:
    """
    A row of e_syslog.

    @ivar kind: L{CREATED} and so on.
    @ivar event: What was changed: its kind and its visible key.
    @ivar old: The fields that are different, as they were; JSON.
    @ivar new: The same, as they are.
    """

    id: int
    kind: int
    time_ms: int
    who: str
    event: str
    old: str
    new: str


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], secret: Iterable[str] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    The fields that are not the same, as they were and as they are.

    @param secret: Fields of which only that they changed may be told.
    """
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    hidden = frozenset(secret)

    def told(record: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: _HIDDEN if name in hidden and record[name] else record[name]
            for name in names
            if name in record
        }

    return told(old), told(new)


def secrets(fields: Iterable[Field]) -> frozenset[str]:
    """The names of the fields that nobody may see."""
    return frozenset(field.name for field in fields if field.kind == SECRET)


def unusual(fields: Iterable[Field], record: Mapping[str, Any]) -> dict[str, Any]:
    """What a record has other than the defaults of its fields."""
    defaults = {
        field.name: list(field.default)
        if isinstance(field.default, tuple)
        else field.default
        for field in fields
    }
    return {name: value for name, value in record.items() if value != defaults[name]}


def version(record: Mapping[str, Any]) -> str:
    """Sixteen digits that another state of the same object does not have."""
    text = json.dumps(record, sort_keys=True, default=_plainly, ensure_ascii=True)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def expect(kind: str, key: str, record: Mapping[str, Any], seen: str | None) -> None:
    """
    Refuse to change what somebody else has changed meanwhile.

    @param seen: The L{version} that whoever changes it has seen; None if he does
        not say.
    @raise ChangedMeanwhile: If it is another one now.
    """
    if seen is not None and seen != version(record):
        raise ChangedMeanwhile(kind, key)


def _plainly(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return str(value)


def _text(fields: Mapping[str, Any]) -> str:
    if not fields:
        return ""
    text = json.dumps(
        fields, default=_plainly, ensure_ascii=False, separators=(",", ":")
    )
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\u2026"


def record(
    cursor: Cursor,
    by: By | None,
    kind: int,
    event: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
) -> None:
    """
    Write who changed what, in the transaction that does.

    @param by: None writes nothing.
    @param old: What was different, and C{new} likewise; nothing is written where
        both are empty.
    """
    if by is None or not (old or new):
        return
    number = ids.take(cursor, SYSLOG)
    cursor.execute(
        "INSERT INTO e_syslog (id, type, time, username, event, infoold, infonew)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            kind,
            by.when_ms,
            by.name[:_SHORT],
            event[:_SHORT],
            _text(old),
            _text(new),
        ),
    )


class ChangeStore:
    """The rows of e_syslog. Every method is one interaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def note(
        self,
        by: By,
        kind: int,
        event: str,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
    ) -> Deferred[None]:
        """Write what was done elsewhere."""
        return self._pool.interact("change_note", record, by, kind, event, old, new)

    def note_all(
        self,
        by: By,
        changes: Sequence[tuple[int, str, Mapping[str, Any], Mapping[str, Any]]],
    ) -> Deferred[None]:
        """Write some of them at once."""
        return self._pool.interact("change_note_all", self._note_all, by, changes)

    @staticmethod
    def _note_all(
        cursor: Cursor,
        by: By,
        changes: Sequence[tuple[int, str, Mapping[str, Any], Mapping[str, Any]]],
    ) -> None:
        for change in changes:
            record(cursor, by, *change)

    def newest(
        self,
        limit: int,
        who: str = "",
        about: str = "",
        since_ms: int = 0,
        until_ms: int | None = None,
    ) -> Deferred[list[Change]]:
        """
        The newest changes, newest first.

        @param who: Part of the name of who did them.
        @param about: Part of what they were about.
        """
        conditions, values = ["time >= ?"], [since_ms]
        wanted: list[Any] = [*values]
        if until_ms is not None:
            conditions.append("time < ?")
            wanted.append(until_ms)
        for column, part in (("username", who), ("event", about)):
            if part:
                conditions.append(f"{column} LIKE ? ESCAPE '!'")
                wanted.append(f"%{_literal(part)}%")
        sql = (
            "SELECT id, type, time, username, event, infoold, infonew FROM e_syslog"
            f" WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?"
        )
        wanted.append(min(limit, MOST))
        return self._pool.read("change_newest", self._newest, sql, tuple(wanted))

    @staticmethod
    def _newest(cursor: Cursor, sql: str, values: tuple[Any, ...]) -> list[Change]:
        cursor.execute(sql, values)
        return [
            Change(number, kind, time, who, event, old or "", new or "")
            for number, kind, time, who, event, old, new in cursor.fetchall()
        ]


def _literal(text: str) -> str:
    """C{text} as LIKE takes it for itself."""
    for sign in "!%_":
        text = text.replace(sign, f"!{sign}")
    return text
