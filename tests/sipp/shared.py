"""
The one switch that all SIPp tests call through, and a carrier for each test.

Tests do not meet: each has its own customer, vendor, source address and
number prefix.
"""

from __future__ import annotations

import csv
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorCore

from bench.children import Child
from bench.ledger import balance, database
from bench.switch import Switch

CALLER = "2025550123"
RETAIL = Decimal("0.60")
COST = Decimal("0.30")
PERIOD = 6

_PARAMETERS = {
    "SS_SIP_TIMEOUT_INVITE": "3",
    "SS_SIP_TIMEOUT_RINGING": "2",
}
_HEADER = (
    "feeRateGroup",
    "feePrefix",
    "areaCode",
    "areaName",
    "type",
    "fee",
    "period",
    "lockType",
    "ivrFee",
    "ivrPeriod",
)


@attrs.frozen(slots=True)
class Carrier:
    """
    What one test has of its own.

    @ivar serial: Tells it from the others.
    @ivar address: Where its calls come from.
    """

    switch: Switch
    serial: int

    @property
    def address(self) -> str:
        """Where its calls come from: the mapping gateway's address."""
        return f"127.0.1.{self.serial}"

    @property
    def number(self) -> str:
        """The number that its call is for."""
        return f"86{self.serial:03d}5550100"

    @property
    def customer(self) -> str:
        """The account that pays."""
        return f"customer-{self.serial}"

    @property
    def vendor(self) -> str:
        """The account that is owed."""
        return f"vendor-{self.serial}"

    def gateway(self, suffix: str) -> str:
        """The name of a gateway: C{in}, or C{a}, C{b} for the vendor's."""
        return f"{suffix}-{self.serial}"

    def create(self, money: Decimal) -> None:
        """Make the customer with this balance, the vendor, and the way in."""
        post = self.switch.post
        retail = {"feeRateGroup": "retail", "money": float(money)}
        post("CreateCustomer", account=self.customer, name="Customer", **retail)
        cost = {"feeRateGroup": "cost", "money": 0, "limitMoney": 1000, "type": 2}
        post("CreateCustomer", account=self.vendor, name="Vendor", **cost)
        way_in = {"remoteIps": self.address, "account": self.customer, "callLevel": 5}
        post("CreateGatewayMapping", name=self.gateway("in"), registerType=0, **way_in)

    def route(self, suffix: str, port: int, **fields: Any) -> None:
        """Make a way out to a port of 127.0.0.1, for the numbers of this test."""
        self.switch.post(
            "CreateGatewayRouting",
            name=self.gateway(suffix),
            prefix=f"86{self.serial:03d}",
            protocol=1,
            registerType=0,
            remoteIp="127.0.0.1",
            signalPort=port,
            clearingAccount=self.vendor,
            **fields,
        )

    def over_tcp(self, suffix: str) -> None:
        """Reach a vendor's gateway by TCP."""
        self.column(suffix, "transport", "tcp")

    def column(self, suffix: str, column: str, value: object) -> None:
        """
        Set what the web interface has no field for, of a vendor's gateway: it
        is written as an operator would, and the interface told to read the
        table again.
        """
        name = self.gateway(suffix)
        with closing(sqlite3.connect(database(self.switch.state))) as connection:
            connection.execute(
                f"UPDATE e_gatewayroutingsetting SET {column} = ? WHERE id ="
                " (SELECT id FROM e_gatewayrouting WHERE name = ?)",
                (value, name),
            )
            connection.commit()
        self.switch.post("ModifyGatewayRouting", name=name, memo=column)

    def money(self, account: str) -> Decimal:
        """An account's money in the database."""
        return balance(self.switch.state, account)


class Running:
    """
    A switch that serves, and its files.

    @param more: Further lines of vos3000.conf.
    @param sip_lines: Further lines of its section [sip].
    @param parameters: Further system parameters.
    @ivar child: Its process.
    """

    def __init__(
        self,
        more: str = "",
        sip_lines: str = "",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="vos3000-sipp-"))
        self._switch = Switch(
            self._directory,
            {**_PARAMETERS, **(parameters or {})},
            more=more,
            sip_lines=sip_lines,
        )
        self._serial = 0
        rates = self._directory / "rates.csv"
        with rates.open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out)
            rows.writerow(_HEADER)
            for group, fee in (("retail", RETAIL), ("cost", COST)):
                rows.writerow([group, "86", "86", "", 5, fee, PERIOD, 0, fee, PERIOD])
        self._switch.command("migrate")
        self._switch.command("import-rates", str(rates))
        self.child: Child = self._switch.start(None)

    def carrier(self) -> Carrier:
        """A carrier that no other test has."""
        self._serial += 1
        return Carrier(self._switch, self._serial)

    def stop(self) -> int:
        """
        End it and remove its files.

        @return: Its exit status.
        """
        status = self.child.stop()
        shutil.rmtree(self._directory)
        return status


def at_the_end(*steps: Callable[[], object]) -> None:
    """Do this when the reactor ends, after the last test."""
    core = IReactorCore(reactor)
    for step in steps:
        core.addSystemEventTrigger("before", "shutdown", step)


class Shared:
    """
    Starts a switch when the first test wants it, ends it with the reactor.

    @param sip_lines: More lines of the section [sip] of its configuration.
    @param parameters: Further system parameters.
    """

    def __init__(
        self, sip_lines: str = "", parameters: Mapping[str, str] | None = None
    ) -> None:
        self._sip_lines = sip_lines
        self._parameters = parameters
        self._running: Running | None = None

    def running(self) -> Running:
        """The one switch."""
        if self._running is None:
            self._running = Running(
                sip_lines=self._sip_lines, parameters=self._parameters
            )
            at_the_end(self._running.stop)
        return self._running
