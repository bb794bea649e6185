"""
What every command starts from: the configuration, the database, the screen.
"""

from __future__ import annotations

import http.client
import json
import os
import pwd
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from vos3000 import parameters
from vos3000.config import Config
from vos3000.db import secrets, upgrade
from vos3000.db.changes import By
from vos3000.db.dialects import Dialect, dialect
from vos3000.db.pool import Pool, local_pool
from vos3000.db.settings import ParameterStore
from vos3000.db.trouble import told
from vos3000.errors import SchemaError, StorageError
from vos3000.metrics import Metrics
from vos3000.model.money import plain
from vos3000.parameters import ParameterValues

T = TypeVar("T")

_OBEYED = re.compile("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON leaves as it is, and a terminal obeys or cannot be sent."""

PROBLEM = 1
"""Exit status: it was refused, or something is wrong."""

NOT_RUNNING = 3
"""Exit status: the switch could not be reached (2 is a misused command)."""

PID_FILE = "vos3000.pid"

_GAP = 2
"""Columns between two of a table."""

PIPE_WIDTH = 250
"""Columns of what is not printed on a terminal."""


class Complaint(click.ClickException):
    """
    What went wrong, and what to do about it, on the error stream.
    """

    def __init__(self, message: str, status: int = PROBLEM) -> None:
        super().__init__(message)
        self.exit_code = status  # type: ignore[misc]


Connect = Callable[[str, int, float], http.client.HTTPConnection]


def _connect(host: str, port: int, timeout: float) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(host, port, timeout=timeout)


def _login() -> str:
    """Whose command it is: behind sudo, too."""
    known = os.environ.get("SUDO_USER")
    try:
        return known or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


@attrs.define(slots=True)
class Setup:
    """
    The options that all commands share.

    @ivar directory: Where the configuration is; None for the default.
    @ivar state: The state directory; None for what the configuration says.
    @ivar connect: Opens a connection to the running switch: host, port and
        the seconds to wait for an answer.
    @ivar kill: Sends a signal to a process.
    @ivar now: Seconds since the epoch.
    @ivar login: Who gives the command.
    """

    directory: Path | None = None
    state: Path | None = None
    connect: Connect = _connect
    kill: Callable[[int, int], None] = os.kill
    now: Callable[[], float] = time.time
    login: Callable[[], str] = _login
    _read: tuple[Config, parameters.Parameters] | None = None

    @property
    def config(self) -> Config:
        """
        vos3000.conf.

        @raise ConfigError: With everything that is wrong in both files.
        """
        return self.load()[0]

    def load(self) -> tuple[Config, parameters.Parameters]:
        """
        Both files, read once.

        @raise ConfigError: With everything that is wrong in either.
        """
        if self._read is None:
            root = os.geteuid() == 0
            self._read = parameters.read(self.directory, self.state, os.environ, root)
        return self._read

    @contextmanager
    def pool(self) -> Iterator[Pool]:
        """
        The database, at the schema of this release.

        @raise SchemaError: If it has another one, or is not there yet.
        """
        url = self.database()
        kind = dialect(url)
        if not self.has_database():
            raise SchemaError(
                f"there is no database at {kind.place}: start the switch with this"
                " state directory, or run `vos3000 migrate`"
            )
        with readable(kind):
            connection = kind.connect()
            try:
                upgrade.check(upgrade.current(connection, kind))
            finally:
                connection.close()
        pool = local_pool(url, Metrics(), time.monotonic)
        pool.dialect.secrets = secrets.readable(self.config.state.dir)
        try:
            yield pool
        finally:
            pool.close()

    def by(self) -> By:
        """Who gives this command, for the list of changes."""
        return By(self.login(), int(self.now() * 1000))

    def database(self) -> str:
        """The URL of the database."""
        return self.config.database_url

    def has_database(self) -> bool:
        """Whether there is one: a first start on SQLite makes it."""
        path = dialect(self.database()).path
        return not path or Path(path).exists()

    def parameters(self, pool: Pool) -> ParameterValues:
        """The system parameters in force: the file's, else the database's."""
        known = self.load()[1]
        stored = wait(ParameterStore(pool).all())
        known.replace(stored)
        return known.values


@contextmanager
def readable(kind: Dialect) -> Iterator[None]:
    """
    Tell what the database itself complains about while it is opened.

    @raise StorageError: With the file, the cause and what to look at.
    """
    try:
        yield
    except kind.errors as error:
        raise StorageError(
            f"{told(kind.place, error, kind.path)}. Is it the right --state, and may"
            " this user read and write there?"
        ) from error


_DIRECTORY = click.Path(path_type=Path)


def _place(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        setattr(ctx.ensure_object(Setup), str(param.name), value)


_OPTIONS = (
    click.option(
        "-c",
        "--config",
        "directory",
        type=_DIRECTORY,
        expose_value=False,
        callback=_place,
        help="Directory of vos3000.conf and mbx2008.conf, as `twistd vos3000` was"
        " given it.  [default: /etc/vos3000 if it exists, else the packaged one]",
    ),
    click.option(
        "-s",
        "--state",
        type=_DIRECTORY,
        expose_value=False,
        callback=_place,
        help="Directory of the database and the journal; wins over [state] dir.",
    ),
)


def shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """
    Give a command the options of all commands, behind its name as well, and
    the L{Setup} they fill in.
    """
    for option in reversed(_OPTIONS):
        function = option(function)
    return click.make_pass_decorator(Setup, ensure=True)(function)


def wait(deferred: Deferred[T]) -> T:
    """
    The result of a Deferred that has fired, as those of a local pool have.

    @raise Exception: What the Deferred failed with.
    """
    results: list[T | Failure] = []
    deferred.addBoth(results.append)
    (result,) = results
    if isinstance(result, Failure):
        result.raiseException()
    assert not isinstance(result, Failure)
    return result


def show_json(value: Any) -> None:
    """
    Print a value for programs. Amounts are text, so that they stay exact.
    """
    text = json.dumps(value, indent=2, default=_plainly, ensure_ascii=False)
    click.echo(_OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def printable(text: str) -> str:
    """
    The text without anything that a terminal would obey, or no encoding takes:
    numbers and names of devices are what strangers wrote.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def _plainly(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def table(*columns: str, numbers: str = "") -> Table:
    """
    An empty table.

    @param numbers: The names of the columns that hold numbers, by comma.
    """
    made = Table(box=None, pad_edge=False, header_style="bold")
    right = frozenset(numbers.split(","))
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left")
    return made


def fitted(
    rows: Sequence[Sequence[str]],
    columns: Sequence[str],
    dispensable: Sequence[str],
    width: int,
    numbers: str = "",
) -> Table:
    """
    A table no wider than the screen: columns are left out until it fits.

    @param dispensable: What is left out first comes first.
    @param width: Columns of the screen; the rest of the table may pass them.
    @param numbers: The names of the columns that hold numbers, by comma.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = {
        name: max(map(cell_len, (name, *(row[place] for row in rows))))
        for place, name in enumerate(columns)
    }
    left = list(dispensable)
    while left and sum(widths.values()) + _GAP * (len(widths) - 1) > width:
        del widths[left.pop(0)]
    made = table(*widths, numbers=numbers)
    for column in made.columns:
        column.no_wrap = True
        column.min_width = widths[str(column.header)]
    places = [place for place, name in enumerate(columns) if name in widths]
    for row in rows:
        made.add_row(*(row[place] for place in places))
    return made


def console(stderr: bool = False, width: int = PIPE_WIDTH) -> Console:
    """
    The screen as it is now. What goes into a file or a pipe is wide, so that
    a row of a table stays one line for grep; COLUMNS says otherwise.

    @param width: Columns of what is not printed on a terminal.
    """
    made = Console(highlight=False, stderr=stderr, markup=False)
    if not made.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        made.width = width
    return made
