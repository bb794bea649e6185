"""
What the demonstration prints.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from shutil import which
from textwrap import wrap
from zoneinfo import ZoneInfo

from rich.console import Console

from vos3000.commands.records import row
from vos3000.config import Config
from vos3000.demo.carrier import CUSTOMER, MONEY, RATES, Placement
from vos3000.demo.ladder import Ladder
from vos3000.demo.ports import listeners
from vos3000.model.causes import EndCauses
from vos3000.model.cdr import Cdr
from vos3000.model.money import plain
from vos3000.model.states import CallState

_COLUMNS = (
    *("end", "caller", "callee", "from", "to", "held s", "charged s", "fee"),
    *("account", "cost", "ended by", "reason"),
)


WIDTH = 79
"""Columns of a record."""

_INDENT = " " * 9


class Show:
    """
    The screen of the demonstration.

    @param zone: Of the times in records.
    @param listens: Whether the pushes come here.
    """

    def __init__(
        self, console: Console, reasons: EndCauses, zone: ZoneInfo, listens: bool
    ) -> None:
        self._console = console
        self._listens = listens
        self._reasons = reasons
        self._zone = zone

    def say(self, text: str) -> None:
        """One line, or several."""
        self._console.print(text, soft_wrap=True)

    def carrier(self) -> None:
        """The demonstration carrier."""
        self.say(
            f"a customer with a balance of {money_text(MONEY)}, a mapping gateway,"
            " two routing gateways,"
        )
        self.say("and these rates, of which the demo-cost ones are the vendors':")
        self._console.print(RATES.strip(), style="dim")

    def call(
        self,
        placement: Placement,
        ladder: Ladder,
        record: Cdr | None,
        money: tuple[Decimal, Decimal],
        states: Sequence[CallState],
    ) -> None:
        """
        All about one call.

        @param money: The balance before and after.
        """
        before, after = money
        self._console.print(f"\n{placement.title}\n", style="bold cyan")
        for line in ladder.lines("customer"):
            self.say(line)
        self.say("")
        if record is None:
            self._console.print("no record came within 10 s", style="red")
        else:
            self._record(record)
            self._console.print(f"charge   {money_text(record.fee)}", style="bold")
        self.say(f"balance  {money_text(before)} before, {money_text(after)} after")
        told = ", ".join(f"{state.name.lower()} {int(state)}" for state in states)
        if self._listens:
            self.say(f"pushes   {told or 'none'}")

    def _record(self, record: Cdr) -> None:
        cells = zip(_COLUMNS, row(record, self._reasons, self._zone), strict=True)
        pairs = [f"{name} {value}".strip() for name, value in cells if value]
        for place, line in enumerate(_lines(pairs, WIDTH - len(_INDENT))):
            self.say(f"{_INDENT if place else 'record   '}{line}")

    def serving(self, config: Config, temporary: bool) -> None:
        """Where the switch can be reached from now on."""
        self._console.print(
            "\nThe switch goes on serving; Ctrl-C ends it.", style="bold"
        )
        for transport, setting, endpoints in listeners(config):
            for endpoint in endpoints:
                self.say(f"  {transport.upper()} {endpoint}  ({setting})")
        self.say(f"  state in {config.state.dir}{', removed at the end' * temporary}")
        here = f"--config {config.directory} --state {config.state.dir}"
        self.say("\nMore to try, from another terminal:")
        self.say(f"  {_command()} status {here}")
        if config.http.listen:
            web = f"http://{config.http.listen[0]}"
            pay = f'{{"ownerName":"{CUSTOMER}","ownerType":2,"money":5}}'
            self.say(f"  curl -d '{pay}' {web}{config.http.prefixes[0]}/Pay")
            self.say(f"  curl {web}/metrics")


def _command() -> str:
    """How a shell finds what was started: by name, else in its environment."""
    return "vos3000" if which("vos3000") else str(Path(sys.argv[0]).absolute())


def _lines(pairs: Sequence[str], width: int) -> list[str]:
    """Pairs by comma, on lines that end between pairs."""
    whole = ", ".join(pair.replace(" ", "\xa0") for pair in pairs)
    # textwrap breaks at ASCII blanks only
    found = wrap(whole, width, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in found]


def money_text(amount: Decimal) -> str:
    """An amount with at least two digits after the point, and never rounded."""
    whole, _, digits = plain(amount).partition(".")
    return f"{whole}.{digits:0<2}"
