"""
System parameters (e_moconfig) and the access list of the web interface.
"""

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred

from vos3000.db import changes, ids
from vos3000.db.changes import By
from vos3000.db.cursor import Cursor
from vos3000.db.pool import Pool
from vos3000.errors import NotFound


class ParameterStore:
    """The system parameters of the whole installation (moid and motype 0)."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def all(self) -> Deferred[dict[str, str]]:
        """Every parameter that was ever set: name to value as text."""
        return self._pool.read("parameter_all", self._all)

    def set(
        self,
        name: str,
        value: str,
        by: By | None = None,
    ) -> Deferred[None]:
        """
        Set one parameter; whoever calls has checked name and value.

        @param by: Who stands in the list of changes; None for nobody.
        """
        return self._pool.interact("parameter_set", self._set, name, value, by)

    @staticmethod
    def _all(cursor: Cursor) -> dict[str, str]:
        cursor.execute(
            "SELECT name, value FROM e_moconfig WHERE moid = 0 AND motype = 0"
            " ORDER BY name"
        )
        return {name: value or "" for name, value in cursor.fetchall()}

    @staticmethod
    def _set(cursor: Cursor, name: str, value: str, by: By | None) -> None:
        cursor.execute(
            "SELECT value FROM e_moconfig WHERE name = ? AND moid = 0 AND motype = 0",
            (name,),
        )
        row = cursor.fetchone()
        old = {} if row is None else {"value": row[0] or ""}
        told = changes.differences(old, {"value": value})
        changes.record(cursor, by, changes.CHANGED, f"parameter {name}", *told)
        cursor.execute(
            "DELETE FROM e_moconfig WHERE name = ? AND moid = 0 AND motype = 0",
            (name,),
        )
        cursor.execute(
            "INSERT INTO e_moconfig (name, value, editable, moid, motype)"
            " VALUES (?, ?, 1, 0, 0)",
            (name, value),
        )


@attrs.frozen(slots=True)
class AccessRule:
    """
    Who may use a path of the web interface.

    @ivar path: Such as C{/external/server} or C{/external/server/Pay}; a rule
        covers everything below its path.
    @ivar addresses: Addresses, CIDR blocks or ranges.
    @ivar device: What is there, as the operator calls it (webdevice).
    """

    path: str
    addresses: tuple[str, ...]
    device: str = ""


class AccessStore:
    """The rows of e_web_access_control."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def rules(self) -> Deferred[list[AccessRule]]:
        """Every rule, in the order of making."""
        return self._pool.read("access_rules", self._rules)

    def allow(
        self, path: str, addresses: tuple[str, ...], by: By | None = None
    ) -> Deferred[None]:
        """
        Set who may use a path; replaces what was said of it before.

        @param by: Who stands in the list of changes; None for nobody.
        """
        return self._pool.interact("access_allow", self._allow, path, addresses, by)

    def remove(self, path: str, by: By | None = None) -> Deferred[None]:
        """
        Forget the rule of a path.

        @return: Fails with L{NotFound}.
        """
        return self._pool.interact("access_remove", self._remove, path, by)

    @staticmethod
    def _rules(cursor: Cursor) -> list[AccessRule]:
        cursor.execute(
            "SELECT path, ips, webdevice FROM e_web_access_control ORDER BY id"
        )
        return [
            AccessRule(
                path,
                tuple(a.strip() for a in (ips or "").split(",") if a.strip()),
                device or "",
            )
            for path, ips, device in cursor.fetchall()
        ]

    @staticmethod
    def _told(cursor: Cursor, path: str) -> dict[str, str]:
        cursor.execute("SELECT ips FROM e_web_access_control WHERE path = ?", (path,))
        row = cursor.fetchone()
        return {} if row is None else {"ips": row[0] or ""}

    def _allow(
        self, cursor: Cursor, path: str, addresses: tuple[str, ...], by: By | None
    ) -> None:
        text = ",".join(addresses)
        old = self._told(cursor, path)
        kind = changes.CHANGED if old else changes.CREATED
        told = changes.differences(old, {"ips": text})
        changes.record(cursor, by, kind, f"access to {path}", *told)
        cursor.execute(
            "UPDATE e_web_access_control SET ips = ? WHERE path = ?", (text, path)
        )
        if cursor.rowcount == 0:
            cursor.execute(
                "INSERT INTO e_web_access_control (id, path, ips) VALUES (?, ?, ?)",
                (ids.fresh(cursor, "e_web_access_control"), path, text),
            )

    def _remove(self, cursor: Cursor, path: str, by: By | None) -> None:
        old = self._told(cursor, path)
        changes.record(cursor, by, changes.DELETED, f"access to {path}", old, {})
        cursor.execute("DELETE FROM e_web_access_control WHERE path = ?", (path,))
        if cursor.rowcount == 0:
            raise NotFound("path", path)
