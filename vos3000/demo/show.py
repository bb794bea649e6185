"""
What the demonstration prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vos3000.commands.records import row
from vos3000.config import Config
from vos3000.demo.carrier import MONEY, RATES, Placement
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
        """One line."""
        self._console.print(text)

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
        made = Table.grid(padding=(0, 3, 0, 0))
        made.add_row("record", Text(", ".join(pairs)))
        self._console.print(made)

    def serving(self, config: Config, temporary: bool) -> None:
        """Where the switch can be reached from now on."""
        print_ = self._console.print
        print_()
        print_("The switch goes on serving; Ctrl-C ends it.", style="bold green")
        for transport, setting, endpoints in listeners(config):
            for endpoint in endpoints:
                print_(f"  {transport.upper()} {endpoint}  ({setting})")
        if config.http.listen:
            web = f"http://{config.http.listen[0]}"
            print_(f"  {web}{config.http.prefixes[0]}/GetCustomer, {web}/metrics")
        print_(f"  state in {config.state.dir}{', removed at the end' * temporary}")
        here = f"--config {config.directory} --state {config.state.dir}"
        print_(f"  try: vos3000 {here} status")


def money_text(amount: Decimal) -> str:
    """An amount with at least two digits after the point, and never rounded."""
    whole, _, digits = plain(amount).partition(".")
    return f"{whole}.{digits:0<2}"
