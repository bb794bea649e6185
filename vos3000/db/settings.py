"""
System parameters (e_moconfig) and the access list of the web interface.
"""

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred

from vos3000.db import ids
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

    def set(self, name: str, value: str) -> Deferred[None]:
        """Set one parameter; whoever calls has checked name and value."""
        return self._pool.interact("parameter_set", self._set, name, value)

    @staticmethod
    def _all(cursor: Cursor) -> dict[str, str]:
        cursor.execute(
            "SELECT name, value FROM e_moconfig WHERE moid = 0 AND motype = 0"
            " ORDER BY name"
        )
        return {name: value or "" for name, value in cursor.fetchall()}

    @staticmethod
    def _set(cursor: Cursor, name: str, value: str) -> None:
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
    """

    path: str
    addresses: tuple[str, ...]


class AccessStore:
    """The rows of e_web_access_control."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def rules(self) -> Deferred[list[AccessRule]]:
        """Every rule, in the order of making."""
        return self._pool.read("access_rules", self._rules)

    def allow(self, path: str, addresses: tuple[str, ...]) -> Deferred[None]:
        """Set who may use a path; replaces what was said of it before."""
        return self._pool.interact("access_allow", self._allow, path, addresses)

    def remove(self, path: str) -> Deferred[None]:
        """
        Forget the rule of a path.

        @return: Fails with L{NotFound}.
        """
        return self._pool.interact("access_remove", self._remove, path)

    @staticmethod
    def _rules(cursor: Cursor) -> list[AccessRule]:
        cursor.execute("SELECT path, ips FROM e_web_access_control ORDER BY id")
        return [
            AccessRule(
                path, tuple(a.strip() for a in (ips or "").split(",") if a.strip())
            )
            for path, ips in cursor.fetchall()
        ]

    @staticmethod
    def _allow(cursor: Cursor, path: str, addresses: tuple[str, ...]) -> None:
        text = ",".join(addresses)
        cursor.execute(
            "UPDATE e_web_access_control SET ips = ? WHERE path = ?", (text, path)
        )
        if cursor.rowcount == 0:
            cursor.execute(
                "INSERT INTO e_web_access_control (id, path, ips) VALUES (?, ?, ?)",
                (ids.take(cursor, ids.OBJECT), path, text),
            )

    @staticmethod
    def _remove(cursor: Cursor, path: str) -> None:
        cursor.execute("DELETE FROM e_web_access_control WHERE path = ?", (path,))
        if cursor.rowcount == 0:
            raise NotFound("path", path)
