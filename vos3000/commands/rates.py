"""
Commands about rates: import-rates, rate-test.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

import attrs
import click
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn
from rich.table import Table

from vos3000.billing import rater
from vos3000.billing.rates import Rates
from vos3000.commands.context import (
    Complaint,
    Setup,
    console,
    shared,
    show_json,
    table,
    wait,
)
from vos3000.commands.ratesheet import RateSheet
from vos3000.commands.settings import tell
from vos3000.db.customers import CustomerStore
from vos3000.db.pool import Pool
from vos3000.db.rates import Imported, RateStore
from vos3000.errors import NotFound, VosError
from vos3000.inforce import InForce
from vos3000.model.money import plain
from vos3000.model.numbers import PrefixMap
from vos3000.model.rates import NO_CHARGE, BillingRules, Charge, Rate


class _BadRows(VosError):
    """The sheet has bad rows and none of its rates may be applied."""


@click.command(name="import-rates")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--group", help="Rate group of rows without feeRateGroup.")
@click.option("--skip-bad", is_flag=True, help="Apply the good rows all the same.")
@click.option("--dry-run", is_flag=True, help="Only check the file.")
@click.option("--encoding", default="utf-8", show_default=True, help="Of the file.")
@shared
def import_rates(
    setup: Setup,
    file: Path,
    group: str | None,
    skip_bad: bool,
    dry_run: bool,
    encoding: str,
) -> None:
    """
    Read rates from FILE, a CSV whose first line names the columns.

    Columns, in any order: feeRateGroup, feePrefix, areaCode, areaName, type,
    fee, period, lockType, ivrFee, ivrPeriod, section1Time, section1Fee,
    section2Time ...; feePrefix, fee and period are needed. New prefixes are
    added, known ones replaced, all others stay; unknown groups are made.
    Either the whole file is applied or nothing. The running switch is told.
    """
    screen = console(stderr=True)
    bar = Progress(
        *("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn()),
        console=screen,
        disable=not screen.is_terminal,
    )
    with bar:
        task = bar.add_task(file.name, total=file.stat().st_size)
        sheet = RateSheet(
            file, group, _codec(encoding), lambda done: bar.update(task, completed=done)
        )
        result = _import(setup, sheet, skip_bad, dry_run)
    _complain(sheet)
    if result is None and sheet.bad_count and not skip_bad:
        raise Complaint(
            f"{sheet.bad_count} bad rows: nothing was applied. Correct them, or give"
            " --skip-bad to apply the other"
            f" {sheet.good_count}"
        )
    _tell(setup, sheet, result)


def _codec(encoding: str) -> str:
    try:
        "".encode(encoding)
    except (LookupError, UnicodeError):
        raise click.BadParameter(
            f"{encoding!r} is no encoding; utf-8, gb18030 and latin-1 are",
            param_hint="--encoding",
        ) from None
    return encoding


def _import(
    setup: Setup, sheet: RateSheet, skip_bad: bool, dry_run: bool
) -> Imported | None:
    """What was done; None if nothing was changed."""
    if dry_run:
        for _ in sheet:
            pass
        return None
    with setup.pool() as pool:
        try:
            return wait(
                RateStore(pool).replace_rates(_rows(sheet, skip_bad), by=setup.by())
            )
        except _BadRows:
            return None


def _rows(sheet: RateSheet, skip_bad: bool) -> Iterator[tuple[str, Rate]]:
    """
    The good rows.

    @raise _BadRows: At the end, when all bad rows are known.
    """
    for row in sheet:
        if skip_bad or not sheet.bad_count:
            yield row.group, row.rate
    if sheet.bad_count and not skip_bad:
        raise _BadRows


def _complain(sheet: RateSheet) -> None:
    for row in sheet.bad:
        click.echo(f"line {row.line}: {row.reason}", err=True)
    more = sheet.bad_count - len(sheet.bad)
    if more:
        click.echo(f"... and {more} more bad rows", err=True)


def _tell(setup: Setup, sheet: RateSheet, result: Imported | None) -> None:
    screen = console()
    if result is None:
        groups = ", ".join(sheet.groups) or "none"
        screen.print(f"{sheet.good_count} good rows for {groups}; nothing was changed")
        return
    made = f", groups made: {', '.join(result.groups)}" if result.groups else ""
    screen.print(
        f"{result.rates} rates applied: {result.added} new,"
        f" {result.rates - result.added} replaced{made}"
    )
    if sheet.bad_count:
        screen.print(f"{sheet.bad_count} bad rows were left out")
    tell(setup, "them")


# rate-test


@attrs.frozen(slots=True)
class _Priced:
    """
    The price of one call and how it came about.

    @ivar sections: How many sections were entered.
    @ivar cycles: How many cycles were begun after them.
    """

    rate: Rate | None
    hold: int
    charge: Charge
    sections: int
    cycles: int


def _seconds(text: str) -> Decimal:
    try:
        seconds = Decimal(text)
        if not 0 <= seconds <= 10_000_000:
            raise ValueError(text)
    except (InvalidOperation, ValueError):
        raise click.UsageError(f"{text!r} is no number of seconds") from None
    return seconds


@click.command(name="rate-test")
@click.argument("words", nargs=-1, metavar="[ACCOUNT] NUMBER SECONDS")
@click.option("--group", help="Rate group, instead of an account's.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@shared
def rate_test(
    setup: Setup, words: tuple[str, ...], group: str | None, as_json: bool
) -> None:
    """
    Show what a call of SECONDS from answer to end to NUMBER costs ACCOUNT.

    NUMBER is the billed number, after the mapping gateway's rules. SECONDS
    may have a fraction. It is the code that charges calls, on the rates in
    the database.
    """
    if len(words) != (3 if group is None else 2):
        raise click.UsageError("give ACCOUNT NUMBER SECONDS, or --group NUMBER SECONDS")
    number, seconds = words[-2], _seconds(words[-1])
    with setup.pool() as pool:
        settings = InForce(setup.parameters(pool)).billing
        name = group if group is not None else _group_of(pool, words[0])
        rates = Rates()
        rates.load({name: _group_rates(pool, name)})
    priced = price(rates.find(name, number), seconds, settings.rules)
    note = ""
    if settings.no_cdr.matches(number):
        note = "on SERVER_BILLING_NO_CDR_E164S: neither a record nor a charge"
    elif settings.free.matches(number):
        note = "on SERVER_BILLING_FREE_E164S: charged 0"
    if note:
        priced = attrs.evolve(priced, charge=NO_CHARGE)
    _show(name, number, settings.rules, priced, note, as_json)
    if priced.rate is None and not note:
        raise Complaint(
            f"group {name} has no usable rate for {number}: a call would be refused."
            " A locked rate closes its prefix"
        )


def _group_rates(pool: Pool, name: str) -> PrefixMap[Rate]:
    return wait(RateStore(pool).group_rates(name))


def _group_of(pool: Pool, account: str) -> str:
    for record in wait(CustomerStore(pool).records([account])):
        if not record.customer.fee_rate_group:
            raise Complaint(f"account {account} has no rate group: give it one")
        return record.customer.fee_rate_group
    raise NotFound("account", account)


def price(rate: Rate | None, seconds: Decimal, rules: BillingRules) -> _Priced:
    """
    Price a call with the rater.

    @param seconds: From answer to end.
    """
    hold = rater.hold_seconds(int(seconds * 1000), rules)
    if rate is None:
        return _Priced(None, hold, NO_CHARGE, 0, 0)
    charge = rater.price(rate, hold, rules)
    entered = covered = 0
    for section in rate.sections:
        if covered >= hold - rules.free_time:
            break
        entered += 1
        covered += section.time
    return _Priced(
        rate, hold, charge, entered, (charge.seconds - covered) // rate.period
    )


def _show(
    group: str,
    number: str,
    rules: BillingRules,
    priced: _Priced,
    note: str,
    as_json: bool,
) -> None:
    rate = priced.rate
    if as_json:
        show_json(
            {
                "feeRateGroup": group,
                "number": number,
                "rate": attrs.asdict(rate) if rate else None,
                "holdTime": priced.hold,
                "sections": priced.sections,
                "cycles": priced.cycles,
                "feeTime": priced.charge.seconds,
                "fee": priced.charge.fee,
                "note": note,
            }
        )
        return
    screen = console()
    if rate is not None:
        screen.print(_steps(group, rate, rules, priced))
    if note:
        screen.print(f"{number} is {note}")
    if rate is not None or note:
        screen.print(
            f"{priced.hold} s held, {priced.charge.seconds} s charged:"
            f" {plain(priced.charge.fee)}",
            style="bold",
        )


def _steps(group: str, rate: Rate, rules: BillingRules, priced: _Priced) -> Table:
    made = table("what", "is")
    made.add_row("rate group", group)
    made.add_row("prefix", f"{rate.prefix} ({rate.area_name or 'no area name'})")
    for place, section in enumerate(rate.sections, 1):
        entered = "entered" if place <= priced.sections else "not entered"
        made.add_row(
            f"section {place}", f"{section.time} s for {plain(section.fee)}, {entered}"
        )
    made.add_row(
        "cycles", f"{priced.cycles} of {rate.period} s for {plain(rate.fee)} each"
    )
    if rules.free_time:
        made.add_row("free time", f"{rules.free_time} s are taken off first")
    unit = (
        f"up to a multiple of {plain(rules.fee_unit)}, then " if rules.fee_unit else ""
    )
    made.add_row("rounded", f"{unit}to {rules.fee_precision} digits")
    return made
