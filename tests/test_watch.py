"""Tests of what other programs write, and how it comes into use."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.billing.accounts import Accounts
from vos3000.db.changes import By, ChangeStore
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.numbergroups import NumberGroupStore
from vos3000.db.outside import OutsideStore
from vos3000.db.phones import PhoneStore
from vos3000.db.pool import local_pool
from vos3000.db.rates import RateStore
from vos3000.db.settings import AccessStore, ParameterStore
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model import causes
from vos3000.model.accounts import Movement
from vos3000.parameters import Parameters, registry
from vos3000.tables import Engines, Stores, Tables
from vos3000.watch import PERIOD, Watch

ANNA = By("anna", rows.NOON)


class WatchCase(SynchronousTestCase):
    """
    Tests of a switch's tables and of another program, on one file.

    @ivar got: What the engines were handed.
    @ivar other: The other program's connection.
    """

    def setUp(self) -> None:
        self.open()
        self.pool = local_pool(self.url, Metrics(), lambda: 0.0)
        self.addCleanup(self.pool.close)
        self.clock = Clock()
        self.clock.advance(rows.NOON / 1000)
        now = instants(self.clock.seconds, self.clock.seconds)
        self.accounts = Accounts(now, causes.load())
        self.stores = self.make_stores()
        self.got: dict[str, Any] = {}
        self.tables = Tables(self.stores, self.engines())
        self.fill()
        self.metrics = Metrics()
        self.watch = Watch(
            OutsideStore(self.pool),
            self.tables,
            self.stores.changes,
            self.clock,
            now,
            self.metrics,
        )
        self.read_all()
        self.watch.start()
        self.addCleanup(self.watch.stop)
        self.got.clear()

    def open(self) -> None:
        """Make a database, and the other program's way to it."""
        path = Path(self.mktemp())
        made = rows.empty_database()
        with sqlite3.connect(path) as target:
            made.backup(target)
        target.close()
        self.url = f"sqlite:///{path}"
        self.other: Any = sqlite3.connect(path, isolation_level=None)
        self.addCleanup(self.other.close)

    def make_stores(self) -> Stores:
        """Every store."""
        customers = CustomerStore(self.pool)
        return Stores(
            customers,
            GatewayStore(self.pool, MAPPING),
            GatewayStore(self.pool, ROUTING),
            RateStore(self.pool),
            ParameterStore(self.pool),
            AccessStore(self.pool),
            PhoneStore(self.pool, customers),
            NumberGroupStore(self.pool),
            ChangeStore(self.pool),
        )

    def engines(self) -> Engines:
        """They keep what they are handed."""

        def take(name: str) -> Any:
            return lambda value: self.got.__setitem__(name, value)

        return Engines(
            lambda value: (self.accounts.load(value), take("customers")(value)),
            *map(take, ("mapping", "routing", "rates", "parameters", "access")),
            take("phones"),
            self.got.__setitem__,
            take("numbers"),
            Parameters(registry(), {}).mistakes,
            self.accounts.moved,
        )

    def fill(self) -> None:
        """A little of everything."""
        stores = self.stores
        opened = {"account": "acme", "money": Decimal(10)}
        for made in (
            stores.customers.create(opened, rows.NOON),
            stores.mapping.create({"name": "in", "password": "geheim"}),
            stores.phones.create({"e164": "1001"}),
            stores.rates.replace_rates([("gold", rows.rate("86"))]),
            stores.parameters.set("SS_MAXCALLDURATION", "100"),
        ):
            self.successResultOf(made)

    def read_all(self) -> None:
        """As at a start, and at a reload."""

        async def read() -> None:
            seen = await self.watch.marks()
            await self.tables.replace()
            await self.watch.settled(seen)

        done = Deferred.fromCoroutine(read())
        self.clock.pump([0] * 20)
        self.successResultOf(done)

    def write(self, sql: str, *values: Any) -> None:
        """What the other program does."""
        self.other.execute(sql, values)

    def look(self) -> None:
        """Let the next look be taken."""
        self.clock.advance(PERIOD)
        self.clock.pump([0] * 20)

    def told(self) -> list[tuple[str, int, str, Any, Any]]:
        """The list of changes, in its order."""
        found = self.other.execute(
            "SELECT username, type, event, infoold, infonew FROM e_syslog ORDER BY id"
        )
        return [
            (who, kind, event, json.loads(old or "{}"), json.loads(new or "{}"))
            for who, kind, event, old, new in found
        ]


class InEffectTests(WatchCase):
    """What is written is used within seconds."""

    def test_nothing_is_read_for_nothing(self) -> None:
        """Nor for what is written by ourselves."""
        self.look()
        self.successResultOf(self.stores.mapping.modify("in", {"memo": "x"}, ANNA))
        self.successResultOf(self.tables.refresh("e_gatewaymapping"))
        self.got.clear()
        self.look()
        self.assertEqual(self.got, {})
        self.assertEqual([each[0] for each in self.told()], ["anna"])

    def test_gateway_of_another_program(self) -> None:
        """With MAX(id) + 1, as such programs do; only its table is handed on."""
        self.write(
            "INSERT INTO e_gatewaymapping (id, name, remoteips, capacity)"
            " SELECT MAX(id) + 1, 'theirs', '192.0.2.9', 5 FROM e_gatewaymapping"
        )
        self.assertEqual(self.got, {})
        self.look()
        self.assertEqual([each.name for each in self.got["mapping"]], ["in", "theirs"])
        self.assertEqual(set(self.got), {"mapping", "customers"})
        ((who, kind, event, _, new),) = self.told()
        self.assertEqual((who, kind, event), ("outside", 1, "mapping gateway theirs"))
        self.assertEqual((new["remoteIps"], new["capacity"]), ("192.0.2.9", 5))
        self.successResultOf(self.stores.mapping.create({"name": "ours"}))

    def test_from_what_to_what(self) -> None:
        """The old value is known though nobody kept it but we."""
        self.write("UPDATE e_gatewaymapping SET capacity = 9, password = 'x'")
        self.look()
        self.assertEqual(
            self.told(),
            [
                (
                    "outside",
                    2,
                    "mapping gateway in",
                    {"capacity": 0, "password": "***"},
                    {"capacity": 9, "password": "***"},
                )
            ],
        )
        self.write("DELETE FROM e_gatewaymappingsetting")
        self.write("DELETE FROM e_gatewaymapping")
        self.look()
        self.assertEqual(self.got["mapping"], [])
        self.assertEqual(self.told()[-1][:3], ("outside", 3, "mapping gateway in"))

    def test_phone(self) -> None:
        """One phone is handed on by itself."""
        self.write("UPDATE e_phonesetting SET sipptime = 30")
        self.write("INSERT INTO e_phone (id, e164) VALUES (900, '1002')")
        self.look()
        self.assertNotIn("phones", self.got)
        self.assertEqual(self.got["1001"].settings["sipPtime"], 30)
        self.assertEqual(self.got["1002"].id, 900)
        events = [(each[1], each[2]) for each in self.told()]
        self.assertEqual(events, [(2, "phone 1001"), (1, "phone 1002")])
        self.write("DELETE FROM e_phone WHERE id = 900")
        self.look()
        self.assertIsNone(self.got["1002"])
        self.assertEqual(self.told()[-1][:3], ("outside", 3, "phone 1002"))

    def test_reload_of_few_phones(self) -> None:
        """A reload hands on those that are different, too."""
        self.write("UPDATE e_phonesetting SET sipptime = 30")
        self.write("INSERT INTO e_phone (id, e164) VALUES (900, '1002')")
        self.read_all()
        self.assertNotIn("phones", self.got)
        self.assertEqual(self.got["1001"].settings["sipPtime"], 30)
        self.assertEqual(self.got["1002"].id, 900)
        self.write("DELETE FROM e_phone WHERE id = 900")
        self.read_all()
        self.assertIsNone(self.got["1002"])

    def test_many_phones(self) -> None:
        """All at once."""
        self.other.executemany(
            "INSERT INTO e_phone (id, e164) VALUES (?, ?)",
            [(1000 + number, str(5000 + number)) for number in range(300)],
        )
        self.look()
        self.assertEqual(len(self.got["phones"]), 301)
        self.assertEqual(len(self.told()), 300)

    def test_rates(self) -> None:
        """Prices, and how many there are; a look at what is the same reads none."""
        self.write("UPDATE e_gatewaymapping SET memo = 'x'")
        self.look()
        self.assertNotIn("rates", self.got)
        self.write("UPDATE e_feerate SET fee = '0.07'")
        self.write(
            "INSERT INTO e_feerate (id, feerategroupid, feeprefix, fee)"
            " SELECT id + 1, feerategroupid, '87', '1' FROM e_feerate"
        )
        self.look()
        self.assertEqual(self.got["rates"]["gold"].get("86").fee, Decimal("0.07"))
        self.assertEqual(
            self.told()[-1],
            (
                "outside",
                2,
                "rates of gold",
                {"86": "0.06 for 60 s"},
                {
                    "added": 1,
                    "changed": 1,
                    "86": "0.07 for 60 s",
                    "87": "1 for 60 s",
                },
            ),
        )

    def test_each_column_of_a_rate_counts(self) -> None:
        """The mark of the rates is another one for every change of a price."""
        for change in (
            "fee = '0.060001'",
            "period = 61",
            "locktype = 1",
            "type = 4",
            "feeprefix = '68'",
            "ivrfee = '1'",
            "ivrperiod = 30",
            "areaname = 'x'",
        ):
            self.got.clear()
            self.write(f"UPDATE e_feerate SET {change}")
            self.look()
            self.assertIn("rates", self.got, change)
        for change in (
            "INSERT INTO e_feeratesection (feerateid, position, time, fee)"
            " SELECT id, 0, 30, '0.01' FROM e_feerate",
            "UPDATE e_feeratesection SET time = 31",
            "UPDATE e_feeratesection SET fee = '0.02'",
            "UPDATE e_feerategroup SET name = 'silver'",
        ):
            self.got.clear()
            self.write(change)
            self.look()
            self.assertIn("rates", self.got, change)

    def test_number_group(self) -> None:
        """Its numbers."""
        self.write("INSERT INTO e_limit_e164_group (id, name) VALUES (900, 'vip')")
        self.write(
            "INSERT INTO e_limit_e164 (limite164groupid, e164) VALUES (900, '86')"
        )
        self.look()
        self.assertEqual(self.got["numbers"], {"vip": ("86",)})
        ((_, kind, event, _, new),) = self.told()
        self.assertEqual((kind, event), (1, "number group vip"))
        self.assertEqual(new, {"numbers": ["86"]})

    def test_settings(self) -> None:
        """Parameters and the access list."""
        self.write("UPDATE e_moconfig SET value = '200'")
        self.write(
            "INSERT INTO e_web_access_control (id, path, ips) VALUES (7, '/', '::2')"
        )
        self.look()
        self.assertEqual(self.got["parameters"], {"SS_MAXCALLDURATION": "200"})
        self.assertEqual(self.got["access"][0].addresses, ("::2",))
        told = [(each[2], each[3], each[4]) for each in self.told()]
        self.assertEqual(
            told,
            [
                (
                    "parameter SS_MAXCALLDURATION",
                    {"value": "100"},
                    {"value": "200"},
                ),
                ("access to /", {}, {"ips": "::2"}),
            ],
        )

    def test_balance_that_somebody_moves(self) -> None:
        """It counts at once, beside what our own records take off it; and is told."""
        account = self.accounts.get("acme")
        assert account is not None
        account.charge(Decimal("0.5"))
        self.write("UPDATE e_customer SET money = money + 5000000, locktype = 1")
        self.look()
        self.assertEqual(self.accounts.money("acme"), Decimal("14.5"))
        self.assertEqual(account.customer.lock_type, 1)
        told = [(each[2], each[3], each[4]) for each in self.told()]
        self.assertEqual(
            told,
            [
                ("account acme", {"lock_type": 0}, {"lock_type": 1}),
                ("account acme", {"money": "10"}, {"money": "15"}),
            ],
        )
        self.write("UPDATE e_customer SET money = money - 500000")
        self.accounts.committed([Movement("acme", Decimal("-0.5"))])
        self.look()
        self.assertEqual(len(self.told()), 2)

    def test_reload_comes_first(self) -> None:
        """What a reload brought is told as well, once."""
        self.write("UPDATE e_gatewaymapping SET capacity = 9")
        self.read_all()
        self.look()
        self.assertEqual(
            [each[:3] for each in self.told()], [("outside", 2, "mapping gateway in")]
        )

    def test_after_a_change_of_ours(self) -> None:
        """What another program does to the same object later is not ours."""
        self.successResultOf(self.stores.mapping.modify("in", {"memo": "x"}, ANNA))
        self.successResultOf(self.tables.refresh("e_gatewaymapping"))
        self.look()
        self.write("UPDATE e_gatewaymapping SET capacity = 9")
        self.look()
        self.assertEqual([each[0] for each in self.told()], ["anna", "outside"])
        self.assertEqual(self.told()[1][3], {"capacity": 0})

    def test_our_own_programs(self) -> None:
        """A command in another process says itself who it was."""
        pool = local_pool(self.url, Metrics(), lambda: 0.0)
        change = {"capacity": 9}
        self.successResultOf(GatewayStore(pool, MAPPING).modify("in", change, ANNA))
        rates = [("gold", rows.rate("86", "0.09"))]
        self.successResultOf(RateStore(pool).replace_rates(rates, by=ANNA))
        pool.close()
        self.look()
        self.assertEqual(self.got["mapping"][0].capacity, 9)
        self.assertIn("rates", self.got)
        self.assertEqual([each[0] for each in self.told()], ["anna", "anna"])


class TroubleTests(WatchCase):
    """What cannot be used, or cannot be read."""

    def test_bad_row(self) -> None:
        """Nothing of that table is used, which row it is is logged once, and when it
        is mended all is."""
        self.write("UPDATE e_gatewaymapping SET capacity = 'many'")
        for _ in range(3):
            self.look()
        self.assertNotIn("mapping", self.got)
        self.write("UPDATE e_gatewaymapping SET capacity = 'more'")
        self.look()
        self.assertNotIn("mapping", self.got)
        self.write("UPDATE e_gatewaymapping SET capacity = 6")
        self.look()
        self.assertEqual(self.got["mapping"][0].capacity, 6)

    def test_locked_database(self) -> None:
        """It is looked at again."""
        self.write("UPDATE e_gatewaymapping SET capacity = 6")
        self.write("ALTER TABLE e_gatewaymapping RENAME TO away")
        self.look()
        self.assertNotIn("mapping", self.got)
        self.write("ALTER TABLE away RENAME TO e_gatewaymapping")
        self.look()
        self.assertEqual(self.got["mapping"][0].capacity, 6)

    def test_stopped(self) -> None:
        """No look is taken any more."""
        self.watch.stop()
        self.write("UPDATE e_gatewaymapping SET capacity = 6")
        self.look()
        self.assertEqual(self.got, {})
        self.assertEqual(self.clock.getDelayedCalls(), [])
