"""What other programs write, on MariaDB."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

from tests import mariadb
from tests.test_watch import WatchCase as _WatchCase
from vos3000.model.accounts import Movement

_SECONDS = 8.0


class MariaDbWatchTests(_WatchCase):
    """The server tells whole seconds only: a look may be one too early."""

    def open(self) -> None:
        """A database of the tests' server."""
        self.other = mariadb.database()
        self.addCleanup(self.other.close)
        self.url = self.other.url

    def until(self, seen: Callable[[], object]) -> None:
        """Look until something is seen."""
        end = time.monotonic() + _SECONDS
        while not seen():
            self.assertLess(time.monotonic(), end, self.got)
            self.look()
            time.sleep(0.1)

    def test_gateway_of_another_program(self) -> None:
        """With MAX(id) + 1; who did it is told."""
        self.write(
            "INSERT INTO e_gatewaymapping (id, name, remoteips, capacity)"
            " SELECT MAX(id) + 1, 'theirs', '192.0.2.9', 5 FROM e_gatewaymapping"
        )
        self.until(lambda: "mapping" in self.got)
        self.assertEqual([each.name for each in self.got["mapping"]], ["in", "theirs"])
        self.assertEqual(
            [each[:3] for each in self.told()],
            [("outside", 1, "mapping gateway theirs")],
        )

    def test_a_second_write_in_the_same_second(self) -> None:
        """It is seen as well."""
        for fee in ("0.07", "0.08"):
            self.write(f"UPDATE e_feerate SET fee = {fee}")
            self.look()
        self.until(
            lambda: (
                "rates" in self.got
                and self.got["rates"]["gold"].get("86").fee == Decimal("0.08")
            )
        )

    def test_records_are_no_changes(self) -> None:
        """Balances move with every record; nobody else is told to have done it."""
        account = self.accounts.get("acme")
        assert account is not None
        account.charge(Decimal("0.5"))
        self.write("UPDATE e_customer SET money = money - 0.5")
        self.accounts.committed([Movement("acme", Decimal("-0.5"))])
        self.until(lambda: "customers" in self.got)
        self.assertEqual(self.told(), [])
        self.assertEqual(self.accounts.money("acme"), Decimal("9.5"))
