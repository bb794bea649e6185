"""
A MariaDB of the tests' own: a private server on a socket of its own, ended with the
process that wanted it.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pymysql

from vos3000.db import upgrade
from vos3000.db.mariadb import MariaDb
from vos3000.model.money import plain

_MISSING = "MariaDB is missing, nothing was tested: apt-get install mariadb-server-core"
_SECONDS = 60


class Server:
    """
    One server, which listens on a socket file only.

    @ivar socket: The file.
    """

    def __init__(self, *options: str) -> None:
        program, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
        if program is None or install is None:
            raise RuntimeError(_MISSING)
        self._folder = Path(tempfile.mkdtemp(prefix="vos3000-mariadb-"))
        self.socket = self._folder / "server.sock"
        own = self._folder / "tmp"
        own.mkdir()
        data = f"--datadir={self._folder / 'data'}"
        given = ["--no-defaults", data, f"--tmpdir={own}"]
        if _is_root():
            given.append("--user=root")
        subprocess.run(
            [install, *given, "--auth-root-authentication-method=normal"],
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )
        self._argv = [
            program,
            *given,
            f"--socket={self.socket}",
            # a server that starts removes what looks like its own from a shared one
            f"--tmpdir={self._folder}",
            "--skip-networking",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=32M",
            "--skip-log-bin",
            f"--log-error={self._folder / 'error.log'}",
            *options,
        ]
        self.process = self.start()
        atexit.register(self.remove)

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the server, perhaps with other options, until it answers."""
        self.process = subprocess.Popen(
            [*self._argv, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + _SECONDS
        while True:
            try:
                self.connect().close()
                return self.process
            except pymysql.err.OperationalError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        """End it without warning."""
        self.process.kill()
        self.process.wait()

    def remove(self) -> None:
        """End it, and remove its files."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def connect(self, database: str | None = None) -> Any:
        """A connection of the superuser's, in autocommit mode."""
        return pymysql.connect(
            unix_socket=str(self.socket),
            user="root",
            database=database,
            autocommit=True,
        )

    def url(self, database: str) -> str:
        """What C{[database] url} says of one of its databases."""
        return f"mysql://root@localhost/{database}?unix_socket={self.socket}"

    def create(self, database: str) -> str:
        """Make an empty database; its URL."""
        connection = self.connect()
        connection.cursor().execute(f"DROP DATABASE IF EXISTS {database}")
        connection.cursor().execute(
            f"CREATE DATABASE {database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        )
        connection.close()
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database."""
        connection = self.connect()
        connection.cursor().execute(f"DROP DATABASE IF EXISTS {database}")
        connection.close()


@functools.cache
def server() -> Server:
    """The one server of this process; commits are not synced, for speed."""
    return Server("--innodb-flush-log-at-trx-commit=0")


def _is_root() -> bool:
    return Path("/proc/self").stat().st_uid == 0


class Database:
    """
    A database of the server as tests of SQLite see one.

    @ivar url: What C{[database] url} says of it.
    @ivar pooled: A connection for a pool.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        kind = MariaDb(url)
        self.pooled = kind.connect()
        self._own = kind.connect()
        self._own.autocommit(True)

    def execute(self, sql: str, values: Any = ()) -> Rows:
        """Run one statement; amounts are whole millionths, prices plain text."""
        cursor = self._own.cursor()
        cursor.execute(sql, tuple(values))
        found = cursor.fetchall() if cursor.description else ()
        return Rows([tuple(map(_as_sqlite, row)) for row in found])

    def commit(self) -> None:
        """It was."""

    def clear(self) -> None:
        """Remove all rows and the tables of days."""
        self.execute("SET FOREIGN_KEY_CHECKS = 0")
        for name in self.tables():
            if name.startswith("e_cdr_"):
                self.execute(f"DROP TABLE {name}")
            elif name != "alembic_version":
                self.execute(f"DELETE FROM {name}")
        self.execute("SET FOREIGN_KEY_CHECKS = 1")

    def tables(self) -> frozenset[str]:
        """The tables there are."""
        found = self.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = DATABASE()"
        )
        return frozenset(name for (name,) in found)

    def close(self) -> None:
        """Close both connections."""
        for connection in (self.pooled, self._own):
            if connection.open:
                connection.close()


class Rows:
    """What a query found."""

    def __init__(self, found: list[tuple[Any, ...]]) -> None:
        self._found = found

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._found)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return self._found

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row."""
        return self._found[0] if self._found else None


def _as_sqlite(value: Any) -> Any:
    """A value as SQLite's schema stores it."""
    if not isinstance(value, Decimal):
        return value
    exponent = value.as_tuple().exponent
    if exponent == -12:
        return plain(value)
    return int(value.scaleb(6) if exponent == -6 else value)


@functools.cache
def _migrated(again: int) -> tuple[str, frozenset[str]]:
    """A database with the schema, and its tables."""
    url = server().create("tests")
    upgrade.migrate(url)
    made = Database(url)
    tables = made.tables()
    made.close()
    return url, tables


_BROKEN = [0]


def database() -> Database:
    """The tests' database, empty, made anew if a test broke it."""
    url, tables = _migrated(_BROKEN[0])
    made = Database(url)
    made.clear()
    if made.tables() != tables:
        made.close()
        _BROKEN[0] += 1
        return database()
    return made
