"""
Number groups and the numbers in them (e_limit_e164_group, e_limit_e164).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs
from twisted.internet.defer import Deferred

from vos3000.db import changes, ids
from vos3000.db.changes import By
from vos3000.db.cursor import Cursor
from vos3000.db.pool import Pool
from vos3000.errors import AlreadyExists, NotFound, Referenced
from vos3000.model.limits import comma_list

KIND = "limitE164Group"
"""What a group is called in refusals."""

CHUNK = 500
"""Numbers in one statement."""

_FORWARD = "forwardsignalrewritee164group"
_LISTS = ("callerlimite164groups", "calleelimite164groups")

_USERS = (
    ("mapping gateway", "e_gatewaymapping", "name", "setting", (_FORWARD, *_LISTS)),
    ("routing gateway", "e_gatewayrouting", "name", "setting", (_FORWARD, *_LISTS)),
    ("phone", "e_phone", "e164", "", _LISTS),
)
"""Who names groups: kind, table and name, the table of its settings where it has
one beside, and the columns."""


@attrs.frozen(slots=True)
class Named:
    """A group, or a number of one, and what the operator noted of it."""

    name: str
    memo: str = ""


class NumberGroupStore:
    """The groups. Every method is one interaction."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def all(self) -> Deferred[dict[str, tuple[str, ...]]]:
        """Every group's numbers by the group's name, in order."""
        return self._pool.read("number_group_all", self._all)

    def groups(self) -> Deferred[list[Named]]:
        """Every group, in the order of making."""
        return self._pool.read("number_groups", self._groups)

    def create(self, name: str, memo: str = "", by: By | None = None) -> Deferred[None]:
        """
        Make an empty group.

        @param by: Who stands in the list of changes; None for nobody.
        @return: Fails with L{AlreadyExists}.
        """
        return self._pool.interact("number_group_create", self._create, name, memo, by)

    def note(self, name: str, memo: str, by: By | None = None) -> Deferred[None]:
        """
        Change what is noted of a group.

        @return: Fails with L{NotFound}.
        """
        return self._pool.interact("number_group_note", self._note, name, memo, by)

    def delete(self, name: str, by: By | None = None) -> Deferred[None]:
        """
        Remove a group and its numbers.

        @return: Fails with L{NotFound}, or with L{Referenced} while a gateway
            uses it.
        """
        return self._pool.interact("number_group_delete", self._delete, name, by)

    def numbers(self, group: str, only: Sequence[str] = ()) -> Deferred[list[Named]]:
        """
        The numbers of a group, in order.

        @param only: Those of them that are asked for; all if it is empty.
        @return: Fails with L{NotFound}.
        """
        return self._pool.read("number_group_numbers", self._numbers, group, only)

    def add(
        self, group: str, numbers: Iterable[Named], by: By | None = None
    ) -> Deferred[None]:
        """
        Put numbers into a group; of those that are there the note is replaced.

        @return: Fails with L{NotFound}.
        """
        last = {each.name: each.memo for each in numbers}
        return self._pool.interact("number_group_add", self._add, group, last, by)

    def remove(
        self, group: str, numbers: Iterable[str], by: By | None = None
    ) -> Deferred[None]:
        """
        Take numbers out of a group; those that are not there are no error.

        @return: Fails with L{NotFound} for an unknown group.
        """
        gone = list(dict.fromkeys(numbers))
        name = "number_group_remove"
        return self._pool.interact(name, self._remove, group, gone, by)

    @staticmethod
    def _all(cursor: Cursor) -> dict[str, tuple[str, ...]]:
        cursor.execute("SELECT name FROM e_limit_e164_group ORDER BY id")
        found: dict[str, list[str]] = {name: [] for (name,) in cursor.fetchall()}
        cursor.execute(
            "SELECT g.name, n.e164 FROM e_limit_e164 n"
            " JOIN e_limit_e164_group g ON g.id = n.limite164groupid"
            " ORDER BY n.limite164groupid, n.e164"
        )
        for name, number in cursor.fetchall():
            found[name].append(number)
        return {name: tuple(numbers) for name, numbers in found.items()}

    @staticmethod
    def _groups(cursor: Cursor) -> list[Named]:
        cursor.execute("SELECT name, memo FROM e_limit_e164_group ORDER BY id")
        return [Named(*row) for row in cursor.fetchall()]

    @staticmethod
    def _create(cursor: Cursor, name: str, memo: str, by: By | None) -> None:
        cursor.execute("SELECT 1 FROM e_limit_e164_group WHERE name = ?", (name,))
        if cursor.fetchone() is not None:
            raise AlreadyExists(KIND, name)
        cursor.execute(
            "INSERT INTO e_limit_e164_group (id, name, memo) VALUES (?, ?, ?)",
            (ids.fresh(cursor, "e_limit_e164_group"), name, memo),
        )
        made = {"name": name, "memo": memo}
        changes.record(cursor, by, changes.CREATED, f"number group {name}", {}, made)

    @staticmethod
    def _number(cursor: Cursor, name: str) -> int:
        cursor.execute("SELECT id FROM e_limit_e164_group WHERE name = ?", (name,))
        row = cursor.fetchone()
        if row is None:
            raise NotFound(KIND, name)
        return int(row[0])

    def _note(self, cursor: Cursor, name: str, memo: str, by: By | None) -> None:
        number = self._number(cursor, name)
        cursor.execute("SELECT memo FROM e_limit_e164_group WHERE id = ?", (number,))
        (old,) = cursor.fetchone()
        cursor.execute(
            "UPDATE e_limit_e164_group SET memo = ? WHERE id = ?", (memo, number)
        )
        told = changes.differences({"memo": old}, {"memo": memo})
        changes.record(cursor, by, changes.CHANGED, f"number group {name}", *told)

    def _delete(self, cursor: Cursor, name: str, by: By | None) -> None:
        number = self._number(cursor, name)
        users = list(_users(cursor, name))
        if users:
            raise Referenced(KIND, name, users)
        cursor.execute("DELETE FROM e_limit_e164 WHERE limite164groupid = ?", (number,))
        gone = {"name": name, "numbers": cursor.rowcount}
        changes.record(cursor, by, changes.DELETED, f"number group {name}", gone, {})
        cursor.execute("DELETE FROM e_limit_e164_group WHERE id = ?", (number,))

    def _numbers(self, cursor: Cursor, group: str, only: Sequence[str]) -> list[Named]:
        cursor.execute(
            "SELECT e164, memo FROM e_limit_e164 WHERE limite164groupid = ?"
            " ORDER BY e164",
            (self._number(cursor, group),),
        )
        wanted = frozenset(only)
        rows = cursor.fetchall()
        return [Named(*row) for row in rows if not wanted or row[0] in wanted]

    def _add(
        self, cursor: Cursor, group: str, numbers: dict[str, str], by: By | None
    ) -> None:
        number = self._number(cursor, group)
        told = {"added": list(numbers)} if numbers else {}
        changes.record(cursor, by, changes.CHANGED, f"number group {group}", {}, told)
        self._take_out(cursor, number, list(numbers))
        cursor.executemany(
            "INSERT INTO e_limit_e164 (limite164groupid, e164, memo) VALUES (?, ?, ?)",
            [(number, e164, memo) for e164, memo in numbers.items()],
        )

    def _remove(
        self, cursor: Cursor, group: str, numbers: list[str], by: By | None
    ) -> None:
        told = {"removed": numbers} if numbers else {}
        changes.record(cursor, by, changes.CHANGED, f"number group {group}", told, {})
        self._take_out(cursor, self._number(cursor, group), numbers)

    @staticmethod
    def _take_out(cursor: Cursor, group: int, numbers: list[str]) -> None:
        for start in range(0, len(numbers), CHUNK):
            part = numbers[start : start + CHUNK]
            cursor.execute(
                "DELETE FROM e_limit_e164 WHERE limite164groupid = ?"
                f" AND e164 IN ({', '.join('?' * len(part))})",
                (group, *part),
            )


def _users(cursor: Cursor, group: str) -> Iterator[str]:
    """Who names a group, alone or in a list."""
    for kind, table, name, suffix, columns in _USERS:
        settings = table + suffix
        join = f" JOIN {settings} ON {settings}.id = {table}.id" if suffix else ""
        texts = [f"{settings}.{column}" for column in columns]
        # LIKE only finds too much: what is found is read.
        where = " OR ".join(f"{text} LIKE ?" for text in texts)
        cursor.execute(
            f"SELECT {table}.{name}, {', '.join(texts)} FROM {table}{join}"
            f" WHERE {where} ORDER BY {table}.id",
            (f"%{group}%",) * len(texts),
        )
        for user, *lists in cursor.fetchall():
            if any(group in comma_list(each) for each in lists):
                yield f"{kind} {user}"
