"""
A private MariaDB: a server on a socket of its own, ended with the process that wanted
it.
"""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pymysql

_MISSING = "MariaDB is missing, nothing was done: apt-get install mariadb-server-core"
_SECONDS = 60


class Server:
    """
    One server, which listens on a socket file only.

    @ivar socket: The file.
    @param options: More of its options.
    @param where: An empty directory for its files; it makes one by default.
    """

    def __init__(self, *options: str, where: Path | None = None) -> None:
        program, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
        if program is None or install is None:
            raise RuntimeError(_MISSING)
        self._folder = where or Path(tempfile.mkdtemp(prefix="vos3000-mariadb-"))
        self.socket = self._folder / "server.sock"
        own = self._folder / "tmp"
        own.mkdir(exist_ok=True)
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


def _is_root() -> bool:
    return Path("/proc/self").stat().st_uid == 0
