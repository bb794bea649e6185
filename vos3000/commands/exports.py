"""
The command export-cdr: records in the form of the switch's text files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click

from vos3000.commands.context import Complaint, Setup, console, shared, wait
from vos3000.commands.records import since_ms
from vos3000.db.cdrs import CdrQuery, CdrReader, CdrStore
from vos3000.reports.files import Files
from vos3000.reports.forms import Line, csv_line, pipe_line
from vos3000.reports.textfiles import answered

_FORMS: dict[str, Line] = {"csv": csv_line, "pipe": pipe_line}


@click.command(name="export-cdr")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--since", help="A day, a moment, or 90m, 24h, 7d ago.")
@click.option("--until", help="The same; calls that began then are left out.")
@click.option("--account", multiple=True, help="Only calls that this account pays.")
@click.option(
    "--form",
    type=click.Choice(list(_FORMS)),
    default="csv",
    show_default=True,
    help="52 fields with commas, or 18 with |.",
)
@click.option("--answered", "only", is_flag=True, help="Only calls that were answered.")
@shared
def export_cdr(
    setup: Setup,
    file: Path | None,
    since: str | None,
    until: str | None,
    account: tuple[str, ...],
    form: str,
    only: bool,
) -> None:
    """
    Write records to FILE, or to the standard output, as the switch writes its
    text files (docs/cdrfiles.md), in the order of their numbers.

    They come from the database, so the switch need not run. FILE appears when it
    is complete.
    """
    zone, now = setup.config.state.zone, setup.now()
    query = CdrQuery(
        accounts=account,
        begin_ms=since_ms(since, zone, now) if since else 0,
        end_ms=since_ms(until, zone, now, "--until") if until else 1 << 62,
    )
    if file is not None and file.exists():
        raise Complaint(f"{file} exists already: name another file")
    with setup.pool() as pool:
        lines = _lines(CdrStore(pool, zone).reader(query), _FORMS[form], only)
        if file is None:
            _write(sys.stdout.buffer, lines)
            return
        count = _to_file(file, lines)
    console(stderr=True).print(f"{count} records written to {file}")


def _lines(reader: CdrReader, line: Line, only: bool) -> Iterator[bytes]:
    while not reader.ended:
        for cdr in wait(reader.next()):
            if answered(cdr) or not only:
                yield line(cdr)


def _write(out: BinaryIO, lines: Iterator[bytes]) -> int:
    count = 0
    for line in lines:
        out.write(line)
        count += 1
    out.flush()
    return count


def _to_file(file: Path, lines: Iterator[bytes]) -> int:
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("xb") as out:
            count = _write(out, lines)
            os.fsync(out.fileno())
    except FileExistsError:
        raise Complaint(
            f"{part} exists already: another export writes it, or was cut short;"
            " remove it then"
        ) from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    Files().rename(part, file)
    return count
