"""A terminal on a database of its own, and a switch that is only played."""

from __future__ import annotations

import io
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, cast

import attrs
from click.testing import CliRunner, Result
from twisted.internet.defer import Deferred

from tests.rows import empty_database
from vos3000.cli import main
from vos3000.commands.context import Setup, wait
from vos3000.db.pool import Pool, local_pool
from vos3000.metrics import Metrics

NOW = 1_772_366_400.0
"""2026-03-01 12:00:00 UTC, seconds."""


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set variables of the process's environment for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@attrs.define
class PlayedSwitch:
    """
    Answers what the web interface of a running switch would.

    @ivar answers: What each path answers; an exception is raised.
    @ivar asked: Every path and the request it was sent.
    """

    answers: dict[str, Any] = attrs.field(factory=dict)
    asked: list[tuple[str, Any]] = attrs.field(factory=list)
    status: int = 200

    def connect(self, host: str, port: int, timeout: float) -> HTTPConnection:
        """Play the connection, too."""
        return cast(HTTPConnection, self)

    def request(self, method: str, path: str, body: str | None, headers: Any) -> None:
        self.asked.append((path, json.loads(body) if body else None))

    def getresponse(self) -> Any:
        path = self.asked[-1][0].partition("?")[0]
        answer = self.answers[path.rpartition("/")[2]]
        if isinstance(answer, Exception):
            raise answer
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return _Response(text.encode(), self.status)

    def close(self) -> None:
        """Nothing is held."""


class _Response(io.BytesIO):
    def __init__(self, body: bytes, status: int) -> None:
        super().__init__(body)
        self.status = status


class Terminal:
    """
    Runs commands.

    @ivar switch: The switch they reach.
    @ivar killed: Signals that were sent: process and number.
    """

    def __init__(self, folder: str) -> None:
        self.config = Path(folder, "etc")
        self.config.mkdir(parents=True)
        self.state = Path(folder, "state").absolute()
        self.state.mkdir()
        self.write("vos3000.conf", "[state]\nzone = UTC\n")
        self.switch = PlayedSwitch()
        self.killed: list[tuple[int, int]] = []
        self.database = self.state / "vos3000.db"

    def write(self, name: str, text: str) -> Path:
        """Write a file of the configuration."""
        path = self.config / name
        path.write_text(text, "utf-8")
        return path

    def make_database(self) -> None:
        """An empty database with the schema."""
        with sqlite3.connect(self.database) as target:
            empty_database().backup(target)
        target.close()

    def pool(self) -> Pool:
        """The database as the stores use it."""
        return local_pool(f"sqlite:///{self.database}", Metrics(), lambda: 0.0)

    def execute(self, sql: str) -> None:
        """Change the database as another program would."""
        connection = sqlite3.connect(self.database)
        connection.execute(sql)
        connection.commit()
        connection.close()

    def do(self, pool: Pool, work: Deferred[Any]) -> Any:
        """The result of one interaction; closes the pool."""
        try:
            return wait(work)
        finally:
            pool.close()

    def run(self, *words: str) -> Result:
        """Run C{vos3000} with these words."""
        setup = Setup(
            self.config,
            self.state,
            self.switch.connect,
            lambda pid, number: self.killed.append((pid, number)),
            lambda: NOW,
            lambda: "anna",
        )
        return CliRunner().invoke(main, words, obj=setup, catch_exceptions=False)
