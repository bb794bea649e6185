"""
Every revision there and back, with rows in every table, on both databases.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from twisted.trial.unittest import SynchronousTestCase

from tests import mariadb
from vos3000.db import alembic_run, schema, upgrade
from vos3000.db.dialects import dialect
from vos3000.errors import SchemaError

Row = dict[str, Any]


def value(column: sa.Column[Any], number: int) -> Any:
    """Something that is not the default, by the type of the column."""
    kind = column.type
    if column.primary_key and isinstance(kind, sa.Integer):
        return 1
    if column.foreign_keys:
        return 1
    if isinstance(kind, sa.Numeric):
        return Decimal("1234.567891")
    if isinstance(kind, sa.Integer):
        return number % 100 + 2
    if isinstance(kind, sa.LargeBinary):
        return b"\x00\xff'"
    return f"ü {number}"[: getattr(kind, "length", None) or 64]


def described(table: sa.Table[Any]) -> list[Any]:
    """What a table is made of, whatever the order of its columns."""
    parts: list[Any] = [
        (column.name, str(column.type), column.nullable, column.primary_key)
        for column in table.columns
    ]
    parts += [
        (column.name, str(getattr(column.server_default, "arg", None)))
        for column in table.columns
    ]
    parts += [
        (str(index.name), index.unique, tuple(index.columns.keys()))
        for index in table.indexes
    ]
    parts += [(str(key.column), key.parent.name) for key in table.foreign_keys]
    return sorted(parts, key=repr)


class BothWays(SynchronousTestCase):
    """On SQLite."""

    def make(self) -> str:
        """An empty database's URL."""
        return f"sqlite:///{Path(self.mktemp()).absolute()}"

    def engine(self, url: str) -> sa.Engine:
        """SQLAlchemy's way to it."""
        made = sa.create_engine(url.replace("mysql:", "mysql+pymysql:"))
        self.addCleanup(made.dispose)
        return made

    def at(self, revision: str) -> str:
        """A database as the release of a revision made it."""
        url = self.make()
        self.run_to(url, revision)
        return url

    def run_to(self, url: str, revision: str, back: bool = False) -> list[str]:
        """Migrate to a revision; what was done."""
        kind = dialect(url)
        connection = kind.connect()
        done: list[str] = []
        run = alembic_run.downgrade if back else alembic_run.upgrade
        run(connection, kind.scheme, done.append, revision)
        connection.close()
        return done

    def tables(self, url: str) -> dict[str, sa.Table[Any]]:
        """The tables there are."""
        found = sa.MetaData()
        found.reflect(self.engine(url))
        return {name: table for name, table in found.tables.items() if name[1] == "_"}

    def fill(self, url: str) -> dict[str, Row]:
        """Put a row into every table; the rows."""
        tables = self.tables(url)
        some = next(iter(tables.values()))
        rows: dict[str, Row] = {}
        with self.engine(url).begin() as connection:
            for table in some.metadata.sorted_tables:
                if table.name in tables:
                    pairs = enumerate(table.columns)
                    row = {column.name: value(column, n) for n, column in pairs}
                    rows[table.name] = row
                    connection.execute(table.delete())
                    connection.execute(table.insert().values(row))
        return rows

    def rows(self, url: str) -> dict[str, Row]:
        """The row of every table."""
        found: dict[str, Row] = {}
        with self.engine(url).connect() as connection:
            for name, table in self.tables(url).items():
                (row,) = connection.execute(table.select()).mappings()
                found[name] = dict(row)
        return found

    def shape(self, url: str) -> dict[str, list[Any]]:
        """What each table is made of."""
        return {name: described(table) for name, table in self.tables(url).items()}

    def test_the_migrations_make_the_schema(self) -> None:
        """What they make is what schema.py describes, types and defaults too."""
        with self.engine(self.at("head")).connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True}
            )
            found = compare_metadata(context, schema.metadata)
        self.assertEqual(found, [])

    def test_forward_from_every_release(self) -> None:
        """Every row that there was is there, every value as it was."""
        for revision in upgrade.REVISIONS:
            url = self.at(revision)
            before = self.fill(url)
            upgrade.migrate(url)
            after = self.rows_of(url, before)
            self.assertEqual(after, before, revision)

    def rows_of(self, url: str, wanted: dict[str, Row]) -> dict[str, Row]:
        """The rows of these tables, in these columns."""
        found: dict[str, Row] = {}
        with self.engine(url).connect() as connection:
            tables = self.tables(url)
            for name, row in wanted.items():
                columns = [tables[name].c[column] for column in row]
                (found_row,) = connection.execute(sa.select(*columns)).mappings()
                found[name] = dict(found_row)
        return found

    def test_back_to_every_release(self) -> None:
        """
        What the release knew is as it was, what it did not know is gone; and forward
        again it is the schema of this one.
        """
        newest = self.shape(self.at("head"))
        for revision in upgrade.REVISIONS:
            wanted = self.shape(self.at(revision))
            url = self.at("head")
            before = self.fill(url)
            told: list[str] = []
            upgrade.go_back(url, revision, told.append)
            later = upgrade.REVISIONS[upgrade.REVISIONS.index(revision) + 1 :]
            self.assertEqual(told, list(later[::-1]))
            self.assertEqual(self.shape(url), wanted, revision)
            for name, row in self.rows(url).items():
                self.assertEqual(row, {key: before[name][key] for key in row})
            upgrade.migrate(url)
            self.assertEqual(self.shape(url), newest)

    def test_back_to_nothing(self) -> None:
        """The first one goes too, with the tables of days."""
        url = self.at("head")
        kind = dialect(url)
        connection = kind.connect()
        kind.create_like(connection.cursor(), "e_cdr_20260301", "e_cdr")
        connection.commit()
        connection.close()
        done = self.run_to(url, "base", back=True)
        self.assertEqual(done, list(upgrade.REVISIONS[::-1]))
        self.assertEqual(self.tables(url), {})

    def test_way_back_that_is_none(self) -> None:
        """A revision that nobody knows, a newer one, and an empty database."""
        url = self.at("head")
        refused = self.assertRaises(SchemaError, upgrade.go_back, url, "9999")
        known = ", ".join(upgrade.REVISIONS)
        self.assertIn(f"9999 is no schema of this program: {known}", str(refused))
        upgrade.go_back(url, "0001")
        newest = upgrade.REVISIONS[-1]
        refused = self.assertRaises(SchemaError, upgrade.go_back, url, newest)
        self.assertIn("schema is 0001, which is older", str(refused))
        self.assertRaises(SchemaError, upgrade.go_back, self.make(), "0001")
        upgrade.go_back(url, "0001")


class MariaDbBothWays(BothWays):
    """On MariaDB."""

    def make(self) -> str:
        """An empty database's URL."""
        self.count = getattr(self, "count", 0) + 1
        name = f"migrations{self.count}"
        url = mariadb.server().create(name)
        self.addCleanup(mariadb.server().drop, name)
        return url
