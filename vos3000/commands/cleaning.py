"""
The command autoclean: how long what is stored.
"""

from __future__ import annotations

import click

from vos3000.commands.context import (
    Complaint,
    Setup,
    console,
    shared,
    show_json,
    table,
    wait,
)
from vos3000.db.autoclean import LONGEST, put_rule, rules

_NEVER = "never"


@click.command()
@click.argument("content", required=False)
@click.argument("days", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the rules as JSON.")
@shared
def autoclean(
    setup: Setup, content: str | None, days: str | None, as_json: bool
) -> None:
    """
    Show after how many days rows are removed, or change it for CONTENT.

    CONTENT is one of those that are shown, DAYS a number or "never". Today and that
    many days before it stay whole. A running switch looks each hour.
    """
    with setup.pool() as pool:
        if content is not None:
            number = _number(days)
            put = pool.interact("clean_rule", put_rule, content, number, setup.by())
            if not wait(put):
                raise Complaint(f"{content} is none of those that `autoclean` shows")
        found = wait(pool.read("clean_rules", rules))
    shown = {rule.kind.content: rule.days if rule.enabled else None for rule in found}
    if as_json:
        show_json(shown)
        return
    made = table("content", "days", numbers="days")
    for name, kept in shown.items():
        made.add_row(name, str(kept or _NEVER))
    console().print(made)


def _number(text: str | None) -> int:
    """The days; 0 for never."""
    if text == _NEVER:
        return 0
    if text is None or not (text.isascii() and text.isdecimal()):
        raise click.BadParameter(f'a number of days or "{_NEVER}"', param_hint="DAYS")
    if not 0 < int(text[:6]) <= LONGEST:
        raise click.BadParameter(f"from 1 to {LONGEST}", param_hint="DAYS")
    return int(text)
