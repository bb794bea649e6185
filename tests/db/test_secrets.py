"""Passwords at rest: sealed, opened, and what happens without the key."""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.secrets import FILE, MARK, Clear, Sealer, readable, sealer
from vos3000.errors import StartError

KEY = bytes(range(32))


class SealerTests(SynchronousTestCase):
    """Text to column and back."""

    def test_round_trip(self) -> None:
        """Whatever the text is; twice the same is not the same twice."""
        seals = Sealer(KEY)
        for text in ("12345", "pass word", "ü€", "\udcff", MARK, "a" * 128):
            sealed = seals.seal(text)
            self.assertTrue(sealed.startswith(MARK))
            self.assertNotIn(text, sealed[len(MARK) :])
            self.assertNotEqual(sealed, seals.seal(text))
            self.assertEqual(seals.open(sealed), text)
            self.assertLessEqual(len(sealed), 255)

    def test_nothing_and_clear(self) -> None:
        """No password stays none; what another program wrote is taken."""
        seals = Sealer(KEY)
        self.assertEqual((seals.seal(""), seals.open("")), ("", ""))
        self.assertEqual(seals.open("written by hand"), "written by hand")

    def test_another_key(self) -> None:
        """What cannot be opened is empty; the log says so, once."""
        seals = Sealer(KEY)
        sealed = Sealer(bytes(32)).seal("x")
        for value in (sealed, sealed[:-4], MARK, MARK + "A", MARK + "no base64!"):
            self.assertEqual(seals.open(value), "")

    def test_without_a_key(self) -> None:
        """Nothing is sealed, and what is sealed stays so."""
        clear = Clear()
        self.assertEqual((clear.seal("x"), clear.open("x")), ("x", "x"))
        self.assertEqual(clear.open(Sealer(KEY).seal("x")), "")


class KeyTests(SynchronousTestCase):
    """The key file."""

    def setUp(self) -> None:
        """An empty state directory."""
        self.state = Path(self.mktemp())
        self.state.mkdir()
        self.path = self.state / FILE

    def mode(self) -> int:
        """The file's permissions."""
        return stat.S_IMODE(self.path.stat().st_mode)

    def test_made_once(self) -> None:
        """A first start makes it for its owner alone; the next one finds it."""
        sealed = sealer(self.state).seal("x")
        self.assertEqual(self.mode(), 0o600)
        self.assertEqual(sealer(self.state).open(sealed), "x")
        self.assertEqual(readable(self.state).open(sealed), "x")

    def test_permissions_are_mended(self) -> None:
        """One that was copied with wider ones."""
        sealer(self.state)
        self.path.chmod(0o644)
        sealer(self.state)
        self.assertEqual(self.mode(), 0o600)

    def test_unusable(self) -> None:
        """A file that holds no key is told, and never replaced."""
        for text in ("", "x", "AAAA"):
            self.path.write_text(text)
            error = self.assertRaises(StartError, sealer, self.state)
            self.assertIn(str(self.path), str(error))
            self.assertEqual(self.path.read_text(), text)
            self.assertIsInstance(readable(self.state), Clear)

    def test_no_directory(self) -> None:
        """Where none can be made, the start says so; a command goes without."""
        self.assertRaises(StartError, sealer, self.state / "missing")
        self.assertIsInstance(readable(self.state / "missing"), Clear)


class GatewayTests(SynchronousTestCase):
    """Gateways' passwords, in the row and in answers."""

    def setUp(self) -> None:
        """A database with a key."""
        self.connection = rows.empty_database()
        self.pool = rows.memory_pool(self.connection)
        self.pool.dialect.secrets = Sealer(KEY)

    def column(self, table: str, column: str) -> str:
        """What stands in the one row."""
        ((value,),) = self.connection.execute(f"SELECT {column} FROM {table}")
        return str(value)

    def test_both_kinds(self) -> None:
        """Sealed when made and when changed; clear for whoever may ask."""
        for kind in (MAPPING, ROUTING):
            store = GatewayStore(self.pool, kind)
            fields = {"name": "gw", "password": "first", "customerPassword": "web"}
            self.successResultOf(store.create(fields))
            for column in ("password", "customerpassword"):
                self.assertTrue(self.column(kind.table, column).startswith(MARK))
            self.successResultOf(store.modify("gw", {"password": "second"}))
            self.assertTrue(self.column(kind.table, "password").startswith(MARK))
            (shown,) = self.successResultOf(store.fetch())
            self.assertEqual(shown["password"], "second")
            self.assertEqual(shown["customerPassword"], "web")
            (value,) = self.successResultOf(store.values())
            self.assertEqual(value.password, "second")
            self.assertNotIn("second", repr(value))

    def test_written_by_another_program(self) -> None:
        """Clear in the row: taken, and sealed at the next write."""
        store = GatewayStore(self.pool, MAPPING)
        self.successResultOf(store.create({"name": "gw"}))

        sql = "UPDATE e_gatewaymapping SET password = 'by hand'"
        self.connection.execute(sql)
        (value,) = self.successResultOf(store.values())
        self.assertEqual(value.password, "by hand")
        self.successResultOf(store.modify("gw", {"password": value.password}))
        self.assertTrue(self.column("e_gatewaymapping", "password").startswith(MARK))
        (value,) = self.successResultOf(store.values())
        self.assertEqual(value.password, "by hand")
