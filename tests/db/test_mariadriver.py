"""Tests of how values become text, on a real server and without one."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests import mariadb
from vos3000.db.mariadb import MariaDb
from vos3000.db.mariadriver import bound


class Kind(enum.IntEnum):
    """A number of a type of its own."""

    ONE = 1


class BoundTests(SynchronousTestCase):
    """Parameters in their places."""

    def test_types(self) -> None:
        """Each as the server reads it; a type of ours as the one it comes from."""
        values = (None, 5, True, "a'b\\", b"\x00'", Decimal("1E-7"), Kind.ONE)
        self.assertEqual(
            bound(", ".join("?" * len(values)), values),
            r"NULL, 5, 1, 'a\'b\\', _binary X'0027', 0.0000001, 1",
        )

    def test_values_are_no_places(self) -> None:
        """A mark in a value stays one; so does what other drivers take for one."""
        self.assertEqual(bound("(?, ?)", ("?", "%s")), "('?', '%s')")

    def test_wrong_number(self) -> None:
        """Too few, too many."""
        for values in ((1,), (1, 2, 3)):
            self.assertRaises(TypeError, bound, "?, ?", values)

    def test_type_that_is_none(self) -> None:
        """Binary floats least of all."""
        for value in (1.5, [1], object()):
            self.assertRaises(TypeError, bound, "?", (value,))


class ServerTests(SynchronousTestCase):
    """The server reads what was meant."""

    def setUp(self) -> None:
        self.connection = MariaDb(mariadb.server().create("driver")).connect()
        self.addCleanup(mariadb.server().drop, "driver")
        self.addCleanup(self.connection.close)
        self.cursor = self.connection.cursor()
        self.cursor.execute(
            "CREATE TEMPORARY TABLE t (a LONGTEXT, b BLOB, c DECIMAL(30,12), d BIGINT)"
            " DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_bin"
        )

    def kept(self, *row: Any) -> tuple[Any, ...]:
        """What comes back of what was put in."""
        self.cursor.execute("DELETE FROM t")
        self.cursor.execute("INSERT INTO t VALUES (?, ?, ?, ?)", row)
        self.cursor.execute("SELECT a, b, c, d FROM t")
        (found,) = self.cursor.fetchall()
        return tuple(found)

    def test_whatever_it_is(self) -> None:
        """Any text, any bytes, any amount."""

        @settings(max_examples=300, deadline=None, database=None)
        @given(
            st.tuples(
                st.text(st.characters(exclude_categories=["Cs"])),
                st.binary(),
                st.decimals(-(10**15), 10**15, places=12),
                st.integers(-(2**63), 2**63 - 1),
            )
        )
        def check(row: tuple[Any, ...]) -> None:
            self.assertEqual(self.kept(*row), row)

        check()

    def test_rows_go_together(self) -> None:
        """As many as a packet takes, in one statement; all of them arrive."""
        rows = [("x" * 300_000, b"", Decimal(n), n) for n in range(8)]
        self.cursor.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
        self.assertEqual(self.cursor.rowcount, 8)
        self.cursor.execute("SELECT COUNT(*), SUM(d) FROM t")
        self.assertEqual(self.cursor.fetchone(), (8, 28))
        self.cursor.executemany(
            "UPDATE t SET d = d + ? WHERE d = ?", [(100, 1), (100, 2), (100, 99)]
        )
        self.assertEqual(self.cursor.rowcount, 2)
