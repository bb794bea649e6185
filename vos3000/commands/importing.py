"""
The command import-vos: taking over the database of a VOS3000.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import attrs
import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TimeRemainingColumn,
)
from twisted.internet.defer import Deferred

from vos3000.commands.context import (
    Complaint,
    Setup,
    console,
    printable,
    shared,
    show_json,
    table,
    wait,
)
from vos3000.db import secrets
from vos3000.db.changes import DONE, ChangeStore
from vos3000.db.dialects import dialect
from vos3000.db.pool import Pool
from vos3000.db.vos.findings import Finding, Report, TableReport
from vos3000.db.vos.source import Source
from vos3000.db.vos.taking import Taking
from vos3000.model.money import plain
from vos3000.statedir import StateDir

_RECORDS = re.compile(r"e_cdr(_\d{8})?")


def _encoding(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    try:
        "".encode(value or "utf-8")
    except (LookupError, UnicodeError):
        raise click.BadParameter(f"{value!r} is no encoding; gb18030 is one") from None
    return value


def _day(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    if value is None:
        return ""
    try:
        datetime.strptime(value, "%Y%m%d")  # noqa: DTZ007  a day, not a moment
    except ValueError:
        raise click.BadParameter(f"{value!r} is no day; 20260301 is one") from None
    return value


@click.command(name="import-vos")
@click.argument("url", metavar="mysql://USER:PASSWORD@HOST/DATABASE")
@click.option("--apply", "applied", is_flag=True, help="Do it, or go on with it.")
@click.option(
    "--records-before",
    "ahead",
    metavar="YYYYMMDD",
    callback=_day,
    help="With --apply: only accounts and records of days before this one; the rest"
    " another time.",
)
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the password, which a URL would show to every user in `ps`.",
)
@click.option(
    "--encoding",
    callback=_encoding,
    help="What texts are in whose column says latin1, such as gb18030.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@shared
def import_vos(
    setup: Setup,
    url: str,
    applied: bool,
    ahead: str,
    password_file: Path | None,
    encoding: str | None,
    as_json: bool,
) -> None:
    """
    Take over a VOS3000 of release 2.1.6 to 2.1.9 from its MySQL database.

    Without --apply nothing is changed: it tells what would be carried over and
    what would not, by table and column. The source is only ever read. The
    switch must not run, and its own database must be empty; an import that
    was interrupted goes on where it was.
    """
    if ahead and not applied:
        raise click.UsageError("--records-before needs --apply")
    given = _with_password(url, password_file)
    with closing(Source(given, encoding or "")) as source:
        report = _run(setup, source, applied, ahead)
    if as_json:
        show_json(attrs.asdict(report))
    else:
        _show(console(), report, applied)
    _judge(report, applied, ahead)


def _with_password(url: str, file: Path | None) -> str:
    """The URL with the password of a file."""
    if file is None:
        return url
    parts = urlsplit(url)
    if parts.password:
        raise click.UsageError("there is a password in the URL and one in a file")
    password = quote(file.read_text("utf-8").strip(), safe="")
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{password}@{host}").geturl()


def _run(setup: Setup, source: Source, applied: bool, ahead: str) -> Report:
    screen = console(stderr=True)
    columns = (
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, disable=not screen.is_terminal) as bars:
        taking = Taking(
            source,
            setup.config.state.zone,
            setup.load()[1].registry,
            int(setup.now() * 1000),
            _Bars(bars, screen).show,
        )
        if not applied:
            return taking.look()
        with _target(setup) as pool:
            report = wait(Deferred.fromCoroutine(taking.take(pool, ahead)))
            told = {"from": source.place, "records before": ahead}
            noted = ChangeStore(pool).note(
                setup.by(), DONE, "import of a VOS3000", {}, told
            )
            wait(noted)
            return report


@attrs.define
class _Bars:
    """A bar for each step; a line from time to time where there is no terminal."""

    bars: Progress
    screen: Console
    tasks: dict[str, TaskID] = attrs.field(factory=dict)
    told: float = attrs.field(factory=time.monotonic)

    def show(self, step: str, done: int, total: int) -> None:
        """Show how far a step is."""
        if step not in self.tasks:
            self.tasks[step] = self.bars.add_task(step, total=max(total, 1))
        self.bars.update(self.tasks[step], completed=done, total=max(total, 1))
        if not self.screen.is_terminal and time.monotonic() - self.told > 10:
            self.told = time.monotonic()
            self.screen.print(f"{step}: {done} of {total}")


@contextmanager
def _target(setup: Setup) -> Iterator[Pool]:
    """
    The switch's own database, while no switch runs on it.

    @raise StartError: If one does.
    """
    state = setup.config.state.dir
    if state.exists() and state.stat().st_uid != os.geteuid():
        raise Complaint(
            f"the state directory {state} belongs to another user: the switch could not"
            f" read what is made here. Call this as `sudo -u {state.owner()}`"
        )
    held = StateDir(state, dialect(setup.database()).path)
    held.take()
    try:
        with setup.pool() as pool:
            pool.dialect.secrets = secrets.sealer(state)
            yield pool
    finally:
        held.release()


# What is told


def _show(screen: Console, report: Report, applied: bool) -> None:
    made = table(
        "table", "rows", "read", "carried", "into", numbers="rows,read,carried"
    )
    for each in report.tables.values():
        into = each.into if not each.why else f"not carried: {each.why}"
        made.add_row(each.name, str(each.rows), str(each.read), str(each.carried), into)
    screen.print(made)
    for each in _joined(report.tables.values()):
        _show_table(screen, each)
    for note in report.notes:
        screen.print(f"* {printable(note)}")
    if report.sums:
        sums = table("check of sums", "source", "here", "", numbers="source,here")
        for line in report.sums:
            same = "equal" if line.equal else "DIFFERENT"
            sums.add_row(line.what, plain(line.source), plain(line.target), same)
        screen.print(sums)
    if not applied:
        screen.print("nothing was changed; --apply does it")


def _joined(tables: Iterable[TableReport]) -> Iterator[TableReport]:
    """The tables, those of records as one: a day is like the other."""
    records: list[TableReport] = []
    for each in tables:
        if _RECORDS.fullmatch(each.name):
            records.append(each)
        else:
            yield each
    if records:
        made = TableReport("e_cdr and the tables of days")
        for each in records:
            for ours, theirs in (
                (made.left, each.left),
                (made.changed, each.changed),
                (made.refused, each.refused),
            ):
                for what, finding in theirs.items():
                    ours.setdefault(what, Finding()).join(finding)
        yield made


def _show_table(screen: Console, report: TableReport) -> None:
    if not (report.left or report.changed or report.refused):
        return
    screen.print(f"\n{report.name}", style="bold")
    _show_findings(screen, "row not carried", report.refused)
    _show_findings(screen, "column not carried", report.left)
    _show_findings(screen, "carried otherwise", report.changed)


def _show_findings(screen: Console, kind: str, found: Mapping[str, Finding]) -> None:
    for what, finding in found.items():
        count = f", {finding.count} rows" if finding.count and finding.examples else ""
        moved = f", {plain(finding.moved)} altogether" if finding.moved else ""
        examples = f" ({'; '.join(finding.examples)})" if finding.examples else ""
        screen.print(printable(f"  {kind}: {what}{count}{moved}{examples}"))


def _judge(report: Report, applied: bool, ahead: str) -> None:
    different = [line.what for line in report.sums if not line.equal]
    if different:
        raise Complaint(
            f"the check of sums found differences in {', '.join(different)}: see what"
            " was not carried before the switch is started"
        )
    if applied and ahead:
        click.echo(
            "accounts and older records are there; without --records-before the rest"
            " follows",
            err=True,
        )
    elif applied:
        click.echo("the import is complete: start the switch", err=True)
