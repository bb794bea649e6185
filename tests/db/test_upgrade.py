"""Tests of the schema, its migrations and the check at start-up."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.db import alembic_run, schema, upgrade
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import ROUTING, GatewayStore
from vos3000.db.numbergroups import Named, NumberGroupStore
from vos3000.db.sqlite import Sqlite
from vos3000.db.trouble import told
from vos3000.errors import SchemaError, StorageError
from vos3000.model.cdr import COLUMNS
from vos3000.model.sipoptions import SipOptions


class MigrationTests(SynchronousTestCase):
    """The migrations lead to the schema."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.url = f"sqlite:///{self.path}"

    def test_migrations_make_the_schema(self) -> None:
        """What the migrations make is what schema.py describes."""
        upgrade.migrate(self.url)
        engine = sa.create_engine(self.url)
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True}
            )
            differences = compare_metadata(context, schema.metadata)
        engine.dispose()
        self.assertEqual(differences, [])

    def test_migrations_make_the_columns_of_the_schema(self) -> None:
        """Types, defaults, keys and indexes are the same, to the letter."""
        upgrade.migrate(self.url)
        engine = sa.create_engine("sqlite://")
        schema.metadata.create_all(engine)
        with engine.connect() as connection:
            wanted = self.tables(connection.connection.driver_connection)
        engine.dispose()
        migrated = sqlite3.connect(self.path)
        found = self.tables(migrated)
        migrated.close()
        del found["alembic_version"]
        self.maxDiff = None
        self.assertEqual(found, wanted)

    @staticmethod
    def tables(connection: Any) -> dict[str, list[tuple[Any, ...]]]:
        """
        What each table is made of, whatever the order: its columns with type,
        default and place in the key, what they refer to, and its indexes.
        """
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        found: dict[str, list[tuple[Any, ...]]] = {}
        for (name,) in names:
            parts = connection.execute(
                "SELECT name, type, [notnull], dflt_value, pk"
                f" FROM pragma_table_info('{name}')"
            ).fetchall()
            parts += connection.execute(
                f"SELECT [from], [table], [to] FROM pragma_foreign_key_list('{name}')"
            ).fetchall()
            for index, unique in connection.execute(
                f"SELECT name, [unique] FROM pragma_index_list('{name}')"
            ).fetchall():
                columns = connection.execute(
                    f"SELECT name FROM pragma_index_info('{index}')"
                ).fetchall()
                parts.append((index, unique, *(column for (column,) in columns)))
            found[name] = sorted(parts, key=repr)
        return found

    def test_records_have_the_63_columns_in_order(self) -> None:
        """e_cdr is VOS3000's."""
        upgrade.migrate(self.url)
        connection = sqlite3.connect(self.path)
        found = connection.execute("SELECT name FROM pragma_table_info('e_cdr')")
        self.assertEqual(tuple(name for (name,) in found), COLUMNS)
        connection.close()

    def test_no_column_is_a_binary_float(self) -> None:
        """Money is a whole number or text on SQLite."""
        upgrade.migrate(self.url)
        connection = sqlite3.connect(self.path)
        for (sql,) in connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql > ''"
        ):
            self.assertIsNone(re.search("REAL|FLOAT|DOUBLE|NUMERIC|DECIMAL", sql), sql)
        connection.close()

    def test_mysql_has_decimals(self) -> None:
        """The same definitions give DECIMAL columns and InnoDB there."""
        engine = sa.create_mock_engine("mysql+pymysql://", lambda *_: None)
        ddl = str(sa.schema.CreateTable(schema.CDR).compile(dialect=engine.dialect))
        self.assertIn("fee NUMERIC(18, 6)", ddl)
        self.assertIn("flowno BIGINT NOT NULL", ddl)
        self.assertIn("ENGINE=InnoDB", ddl)
        rate = schema.metadata.tables["e_feerate"]
        ddl = str(sa.schema.CreateTable(rate).compile(dialect=engine.dialect))
        self.assertIn("fee NUMERIC(24, 12)", ddl)

    def test_every_revision_is_known(self) -> None:
        """The list the start-up check goes by is that of the files."""
        script = ScriptDirectory.from_config(alembic_run.config())
        found = [step.revision for step in script.walk_revisions()][::-1]
        self.assertEqual(tuple(found), upgrade.REVISIONS)

    def test_progress_names_each_revision(self) -> None:
        """The operator sees what is being done; a second run does nothing."""
        told: list[str] = []
        upgrade.migrate(self.url, told.append)
        upgrade.migrate(self.url, told.append)
        self.assertEqual(told, list(upgrade.REVISIONS))

    def test_0001_from_nothing_to_tables_that_take_rows(self) -> None:
        """Before: an empty file. After: a row with its defaults."""
        upgrade.migrate(self.url)
        connection = sqlite3.connect(self.path)
        connection.execute("INSERT INTO e_customer (id, account) VALUES (1, '1000')")
        found = connection.execute("SELECT money, name, canceled FROM e_customer")
        self.assertEqual(found.fetchall(), [(0, "", 0)])
        connection.close()

    def test_0002_keeps_gateways_and_gives_them_the_defaults(self) -> None:
        """
        Before: a gateway of 0001. After: the same, with the defaults of what is
        new, and tables that take phones and registrations.
        """
        connection = Sqlite(self.url).connect()
        alembic_run.upgrade(connection, "sqlite", lambda revision: None, "0001")
        connection.execute(
            "INSERT INTO e_gatewayrouting (id, name, remoteip) VALUES (7, 'v', '::1')"
        )
        connection.execute(
            "INSERT INTO e_gatewayroutingsetting (id, sipdisplay) VALUES (7, 0)"
        )
        connection.close()
        upgrade.migrate(self.url)
        pool = rows.memory_pool(Sqlite(self.url).connect())
        (gateway,) = self.successResultOf(GatewayStore(pool, ROUTING).values())
        self.assertEqual((gateway.name, gateway.remote_ip), ("v", "::1"))
        self.assertEqual(gateway.sip, SipOptions(display=False))
        connection = sqlite3.connect(self.path)
        connection.execute("INSERT INTO e_phone (id, e164) VALUES (8, '1001')")
        connection.execute("INSERT INTO e_registration (aor, flow) VALUES ('1001', '')")
        connection.close()

    def test_0003_makes_tables_that_take_number_groups(self) -> None:
        """Before: a gateway that names a group. After: the same, and the group."""
        connection = Sqlite(self.url).connect()
        alembic_run.upgrade(connection, "sqlite", lambda revision: None, "0002")
        connection.execute("INSERT INTO e_gatewayrouting (id, name) VALUES (7, 'v')")
        connection.execute(
            "INSERT INTO e_gatewayroutingsetting (id, forwardsignalrewritee164group)"
            " VALUES (7, 'pool')"
        )
        connection.close()
        upgrade.migrate(self.url)
        pool = rows.memory_pool(Sqlite(self.url).connect())
        (gateway,) = self.successResultOf(GatewayStore(pool, ROUTING).values())
        self.assertEqual(gateway.settings["forwardSignalRewriteE164Group"], "pool")
        store = NumberGroupStore(pool)
        self.successResultOf(store.create("pool"))
        self.successResultOf(store.add("pool", [Named("100")]))
        self.assertEqual(self.successResultOf(store.all()), {"pool": ("100",)})

    def test_failed_migration_leaves_nothing(self) -> None:
        """All steps or none: tables in the way stop it before the first."""
        connection = sqlite3.connect(self.path)
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("CREATE VIEW e_syslog AS SELECT 1")
        connection.commit()
        self.assertRaises(sqlite3.OperationalError, upgrade.migrate, self.url)
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
        self.assertEqual(found.fetchall(), [("alembic_version",)])
        connection.close()


class StartTests(SynchronousTestCase):
    """What the start-up check says."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.url = f"sqlite:///{self.path}"

    def stamp(self, revision: str) -> None:
        """Pretend another release made the database."""
        connection = sqlite3.connect(self.path)
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.commit()
        connection.close()

    def test_empty_file_is_filled(self) -> None:
        """A first start needs no command."""
        upgrade.prepare(self.url)
        upgrade.prepare(self.url)
        connection = Sqlite(self.url).connect()
        self.assertEqual(
            upgrade.current(connection, Sqlite(self.url)), upgrade.REVISIONS[-1]
        )
        connection.close()

    def modes(self) -> set[int]:
        """Who may do what with the file and those beside it."""
        found = self.path.parent.glob(f"{self.path.name}*")
        return {each.stat().st_mode & 0o777 for each in found}

    def test_nobody_else_reads_the_file(self) -> None:
        """Gateways' passwords are in it and beside it, whatever the umask."""
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        upgrade.prepare(self.url)
        connection = Sqlite(self.url).connect()
        self.addCleanup(connection.close)
        connection.execute("UPDATE e_othermaxid SET maxid = 0")
        self.assertEqual(len(list(self.path.parent.glob(f"{self.path.name}-*"))), 2)
        self.assertEqual(self.modes(), {0o640})

    def test_file_that_others_could_read_is_closed_to_them(self) -> None:
        """An earlier release left it open to all; the group keeps its rights."""
        upgrade.prepare(self.url)
        self.path.chmod(0o664)
        upgrade.prepare(self.url)
        self.assertEqual(self.modes(), {0o660})

    def test_older_schema_is_refused(self) -> None:
        """The operator is told the command."""
        with self.assertRaises(SchemaError) as caught:
            upgrade.check(upgrade.REVISIONS[0])
        self.assertIn("vos3000 migrate", str(caught.exception))

    def test_empty_database_is_refused(self) -> None:
        """A first start that is under way is not to be stopped."""
        with self.assertRaises(SchemaError) as caught:
            upgrade.check(None)
        self.assertIn("for the first time just now", str(caught.exception))
        self.assertNotIn("stop", str(caught.exception))

    def test_newer_schema_is_refused(self) -> None:
        """Neither start nor migration touches what a later release made."""
        upgrade.migrate(self.url)
        self.stamp("9999")
        for refused in (upgrade.prepare, upgrade.migrate):
            with self.assertRaises(SchemaError) as caught:
                refused(self.url)
            self.assertIn(
                f"9999, newer than {upgrade.REVISIONS[-1]}", str(caught.exception)
            )

    def test_foreign_tables_are_refused(self) -> None:
        """A file of another program is left alone."""
        connection = sqlite3.connect(self.path)
        connection.execute("CREATE TABLE photos (id INTEGER)")
        connection.commit()
        connection.close()
        for refused in (upgrade.prepare, upgrade.migrate):
            with self.assertRaises(SchemaError) as caught:
                refused(self.url)
            self.assertIn("photos", str(caught.exception))

    def test_trouble_is_told_with_its_cure(self) -> None:
        """One line: the file, what is wrong with it, and what helps."""
        self.path.write_text("no database" * 100)
        error = self.assertRaises(StorageError, upgrade.prepare, self.url)
        self.assertIn(f"the database {self.path} cannot be used", str(error))
        self.assertIn("put a backup in its place", str(error))
        absent = f"sqlite:///{self.path}-absent/x.db"
        error = self.assertRaises(StorageError, upgrade.prepare, absent)
        self.assertIn("may not read and write it", str(error))
        connection = sqlite3.connect(":memory:")
        connection.execute("PRAGMA max_page_count = 1")
        full = self.assertRaises(
            sqlite3.Error, connection.execute, "CREATE TABLE a (b INTEGER)"
        )
        connection.close()
        self.assertIn("the disk is full: free some space", told("x.db", full))
        self.assertIn("may not read", told("x.db", PermissionError()))

    def test_builders_use_the_migrated_schema(self) -> None:
        """The tests' databases are what an installation has."""
        store = CustomerStore(rows.memory_pool())
        self.assertEqual(self.successResultOf(store.all()), [])
