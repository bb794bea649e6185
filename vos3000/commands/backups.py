"""
Commands about backups: backup, restore.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vos3000.commands.context import (
    Complaint,
    Setup,
    console,
    readable,
    shared,
    show_json,
    wait,
)
from vos3000.db.backup import work
from vos3000.db.backup.manifest import Manifest
from vos3000.db.changes import DONE, ChangeStore
from vos3000.db.dialects import dialect
from vos3000.db.secrets import FILE as KEY_FILE
from vos3000.db.upgrade import REVISIONS
from vos3000.errors import VosError
from vos3000.model.money import plain
from vos3000.statedir import StateDir

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("target", metavar="FILE|DIR", type=_PATH)
@click.option("--verify", is_flag=True, help="Only check the backup in FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print what it holds as JSON.")
@shared
def backup(setup: Setup, target: Path, verify: bool, as_json: bool) -> None:
    """
    Back the database up into FILE, or into a new file in DIR.

    Calls go on meanwhile, and are charged and recorded. What was written is added
    up and read again. The key of the passwords is not part of a backup: keep a
    copy of it somewhere else.
    """
    if verify:
        with _bar() as progress:
            found = work.verify(target, progress)
        _tell(found, as_json)
        return
    kind = dialect(setup.database())
    if not setup.has_database():
        raise Complaint(f"there is no database at {kind.place}: nothing to back up")
    place = work.place_of(target, setup.now())
    with readable(kind), _bar() as progress:
        found = work.make(kind, place, setup.now(), progress)
    click.echo(f"{place}: {place.stat().st_size / 1024 / 1024:.1f} MiB", err=True)
    _tell(found, as_json)
    _key(setup)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--yes", is_flag=True, help="Replace the database without asking.")
@shared
def restore(setup: Setup, file: Path, yes: bool) -> None:
    """
    Put the backup FILE in the place of the database.

    The switch must be stopped. Either all of it is put back or nothing is changed;
    the old database is kept aside. What the backup lacks is written again from the
    journal by the next start, as far as the journal goes back.
    """
    config = setup.config
    kind = dialect(setup.database())
    state = StateDir(config.state.dir, kind.path)
    state.take()
    try:
        with readable(kind), _bar() as progress:
            aside = work.restore(
                kind, file, lambda found: _agree(setup, found, yes, progress), progress
            )
        _note(setup, file)
    finally:
        state.release()
    click.echo("restored")
    if aside:
        click.echo(f"the old database is {aside}: remove it when all is well")
    _key(setup)


def _note(setup: Setup, file: Path) -> None:
    """Who put it back is to be read there, if its schema is this release's."""
    with suppress(VosError), setup.pool() as pool:
        told = {"file": str(file.absolute())}
        wait(ChangeStore(pool).note(setup.by(), DONE, "database restored", {}, told))


def _agree(setup: Setup, found: Manifest, yes: bool, progress: _Shown) -> None:
    """Say what is about to happen, and ask."""
    progress.pause()
    _tell(found, False)
    if found.revision != REVISIONS[-1]:
        click.echo("run `vos3000 migrate` afterwards: the backup's schema is older")
    if yes or not setup.has_database():
        return
    name = dialect(setup.database()).place
    click.confirm(f"replace {name} by this backup?", abort=True)


def _tell(found: Manifest, as_json: bool) -> None:
    books = found.books
    if as_json:
        show_json(found.shown())
    else:
        click.echo(
            f"made {found.made} by release {found.release}, {found.database}, schema"
            f" {found.revision}: {books.accounts} accounts, {found.records} records,"
            f" balances {plain(books.total)}"
        )
    if books.wrong:
        click.echo(
            "warning: the balances of these accounts are not what their payments,"
            f" records and rents add up to: {', '.join(books.wrong)}",
            err=True,
        )


def _key(setup: Setup) -> None:
    key = setup.config.state.dir / KEY_FILE
    click.echo(
        f"the key of the passwords, {key}, is not in it: without it phones cannot"
        " register. Keep a copy of it, apart from the backups",
        err=True,
    )


class _Shown:
    """A bar on the screen, if there is one."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None)
        self._what = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._what = what
            self._bar.reset(self._task, description=what, start=True)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total or None)

    def pause(self) -> None:
        """Leave the screen to others."""
        self._bar.stop()
        self._what = ""


@contextmanager
def _bar() -> Iterator[_Shown]:
    screen = console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        console=screen,
        disable=not screen.is_terminal,
    )
    with bar:
        yield _Shown(bar)
