"""Tests of the tables in memory."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.db.changes import ChangeStore
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.numbergroups import NumberGroupStore
from vos3000.db.phones import PhoneStore
from vos3000.db.rates import RateStore
from vos3000.db.settings import AccessStore, ParameterStore
from vos3000.errors import BadRow, StorageError
from vos3000.model.numbers import PrefixMap
from vos3000.parameters import Parameters, registry
from vos3000.tables import Engines, Stores, Tables


class TablesTests(SynchronousTestCase):
    """What the engines are handed, and when."""

    def setUp(self) -> None:
        self.connection = rows.empty_database()
        pool = rows.memory_pool(self.connection)
        customers = CustomerStore(pool)
        self.stores = Stores(
            customers,
            GatewayStore(pool, MAPPING),
            GatewayStore(pool, ROUTING),
            RateStore(pool),
            ParameterStore(pool),
            AccessStore(pool),
            PhoneStore(pool, customers),
            NumberGroupStore(pool),
            ChangeStore(pool),
        )
        self.got: list[tuple[str, Any]] = []
        self.tables = Tables(
            self.stores,
            Engines(
                lambda value: self.got.append(("customers", value)),
                lambda value: self.got.append(("mapping", value)),
                lambda value: self.got.append(("routing", value)),
                lambda value: self.got.append(("rates", value)),
                lambda value: self.got.append(("parameters", value)),
                lambda value: self.got.append(("access", value)),
                lambda value: self.got.append(("phones", value)),
                lambda e164, value: self.got.append((e164, value)),
                lambda value: self.got.append(("numbers", value)),
            ),
        )

    def test_load_hands_on_each_table_once(self) -> None:
        """System parameters first: the others may depend on them."""
        self.successResultOf(self.tables.load())
        self.assertEqual(
            self.got,
            [
                ("parameters", {}),
                ("access", []),
                ("rates", {}),
                ("numbers", {}),
                ("mapping", []),
                ("routing", []),
                ("phones", []),
                ("customers", []),
            ],
        )

    def test_refresh_hands_on_what_is_committed(self) -> None:
        """A change is seen as soon as the result has fired."""
        self.successResultOf(self.stores.mapping.create({"name": "gw"}))
        self.successResultOf(self.tables.refresh("e_gatewaymapping"))
        ((name, (gateway,)),) = self.got
        self.assertEqual((name, gateway.name), ("mapping", "gw"))

    def test_refresh_of_each_table(self) -> None:
        """Tables that belong together refresh the same engine."""
        for table, name in (
            ("e_customer", "customers"),
            ("e_payhistory", "customers"),
            ("e_gatewaymappingsetting", "mapping"),
            ("e_gatewayrouting", "routing"),
            ("e_gatewayroutingsetting", "routing"),
            ("e_feeratesection", "rates"),
            ("e_feerate", "rates"),
            ("e_moconfig", "parameters"),
            ("e_web_access_control", "access"),
            ("e_limit_e164", "numbers"),
            ("e_limit_e164_group", "numbers"),
            ("e_phone", "phones"),
            ("e_phonesetting", "phones"),
            ("e_phoneservice", "phones"),
        ):
            self.got.clear()
            self.successResultOf(self.tables.refresh(table))
            self.assertEqual([got for got, _ in self.got], [name], table)

    def test_one_phone(self) -> None:
        """A phone is handed on by itself; None for one that is gone."""
        self.successResultOf(self.stores.phones.create({"e164": "1001"}))
        self.successResultOf(self.tables.refresh_phone("1001"))
        self.successResultOf(self.tables.refresh_phone("1002"))
        (one, none) = self.got
        self.assertEqual((one[0], one[1].e164), ("1001", "1001"))
        self.assertEqual(none, ("1002", None))

    def test_table_that_is_not_kept_is_no_error(self) -> None:
        """Nobody is handed anything."""
        for table in ("e_syslog", "e_feerategroup"):
            self.successResultOf(self.tables.refresh(table))
        self.assertEqual(self.got, [])

    def test_failure_leaves_what_was_in_use(self) -> None:
        """The caller hears of it; the engine keeps its table."""
        self.connection.execute("DROP TABLE e_web_access_control")
        self.failureResultOf(self.tables.refresh("e_web_access_control"), StorageError)
        self.assertEqual(self.got, [])


class AtOnceTests(SynchronousTestCase):
    """All of what was read is used, or nothing."""

    def setUp(self) -> None:
        self.connection = rows.empty_database()
        self.pool = rows.memory_pool(self.connection)
        customers = CustomerStore(self.pool)
        self.stores = Stores(
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
        self.got: dict[str, Any] = {}
        self.wrong = ""
        known = Parameters(registry(), {})
        names = ("customers", "mapping", "routing", "rates", "parameters", "access")
        sinks = [partial(self.take, name) for name in (*names, "phones")]
        groups = partial(self.take, "numbers")
        self.engines = Engines(*sinks, self.take, groups, known.mistakes)
        self.tables = Tables(self.stores, self.engines)
        self.successResultOf(self.stores.customers.create({"account": "acme"}, 1))
        self.successResultOf(self.stores.mapping.create({"name": "gw"}))
        self.successResultOf(self.stores.phones.create({"e164": "1001"}))
        sheet = [("gold", rows.rate("86"))]
        self.successResultOf(self.stores.rates.replace_rates(sheet))
        self.successResultOf(self.tables.load())

    def take(self, name: str, value: Any) -> None:
        """An engine takes a table over, unless it is the one that fails."""
        if name == self.wrong:
            self.wrong = ""
            raise RuntimeError("an engine's mistake")
        self.got[name] = value

    def refused(self, sql: str) -> str:
        """Write a bad row, reload; nothing is changed. Returns what is said."""
        self.connection.execute("UPDATE e_customer SET name = 'changed'")
        self.connection.execute(sql)
        self.connection.commit()
        before = dict(self.got)
        failure = self.failureResultOf(self.tables.load(), BadRow)
        self.assertEqual(self.got, before)
        for name, value in before.items():
            self.assertIs(self.got[name], value, name)
        return str(failure.value)

    def test_bad_rate(self) -> None:
        """A price that is no number."""
        told = self.refused("UPDATE e_feerate SET fee = 'much'")
        self.assertIn("e_feerate: the row of 'gold 86'", told)

    def test_bad_section(self) -> None:
        """So is a section's."""
        self.connection.execute(
            "INSERT INTO e_feeratesection (feerateid, position, time, fee)"
            " SELECT id, 0, 30, '0.01' FROM e_feerate"
        )
        told = self.refused("UPDATE e_feeratesection SET fee = 'more'")
        self.assertIn("e_feeratesection: the row of 'gold 86'", told)

    def test_bad_gateway(self) -> None:
        """A number of lines that is none, and the column is named."""
        told = self.refused("UPDATE e_gatewaymapping SET capacity = 'many'")
        self.assertIn("e_gatewaymapping: the row of 'gw'", told)
        self.assertIn("capacity is 'many'", told)

    def test_bad_phone(self) -> None:
        """A lock that is neither open nor closed."""
        told = self.refused("UPDATE e_phone SET locktype = 'no'")
        self.assertIn("e_phone: the row of '1001'", told)

    def test_bad_balance(self) -> None:
        """Money that is none."""
        told = self.refused("UPDATE e_customer SET money = 'plenty'")
        self.assertIn("e_customer: the row of 'acme'", told)

    def test_bad_parameter(self) -> None:
        """A value that a parameter cannot have; a name nobody knows is none of ours."""
        insert = "INSERT INTO e_moconfig (name, value) VALUES"
        self.connection.execute(f"{insert} ('SERVER_OF_THEIRS', 'x')")
        self.successResultOf(self.tables.load())
        told = self.refused(f"{insert} ('SS_MAXCALLDURATION', 'long')")
        self.assertIn("e_moconfig: the row of 'SS_MAXCALLDURATION'", told)

    def test_a_start_takes_the_default(self) -> None:
        """What stands there when a switch starts must not keep it from starting."""
        insert = "INSERT INTO e_moconfig (name, value) VALUES"
        self.connection.execute(f"{insert} ('SS_MAXCALLDURATION', 'long')")
        self.successResultOf(Tables(self.stores, self.engines).load())

    def test_engine_that_fails(self) -> None:
        """What others took over already is given back."""
        before = dict(self.got)
        self.connection.execute("UPDATE e_gatewaymapping SET memo = 'changed'")
        self.connection.commit()
        self.wrong = "routing"
        self.failureResultOf(self.tables.load(), RuntimeError)
        for name, value in before.items():
            self.assertIs(self.got[name], value, name)
        self.successResultOf(self.tables.load())
        self.assertEqual(self.got["mapping"][0].memo, "changed")


class OvertakingTests(SynchronousTestCase):
    """Readings of which one is faster than the other."""

    def setUp(self) -> None:
        self.waiting: list[tuple[str, Deferred[Any]]] = []
        self.got: dict[str, Any] = {}
        self.released: list[Any] = []
        stores: Any = SimpleNamespace(
            customers=SimpleNamespace(all=self.asker("customers")),
            mapping=SimpleNamespace(values=self.asker("mapping")),
            routing=SimpleNamespace(values=self.asker("routing")),
            rates=SimpleNamespace(all_rates=self.asker("rates"), release=self.release),
            parameters=SimpleNamespace(all=self.asker("parameters")),
            access=SimpleNamespace(rules=self.asker("access")),
            phones=SimpleNamespace(
                values=self.asker("phones"), value=lambda e164: self.asker(e164)()
            ),
            numbers=SimpleNamespace(all=self.asker("numbers")),
        )
        names = ("customers", "mapping", "routing", "rates", "parameters", "access")
        sinks = [partial(self.got.__setitem__, name) for name in (*names, "phones")]
        groups = partial(self.got.__setitem__, "numbers")
        self.tables = Tables(stores, Engines(*sinks, self.got.__setitem__, groups))

    def asker(self, name: str) -> Any:
        """A store's method: who asks waits until the test answers."""

        def ask() -> Deferred[Any]:
            asked: Deferred[Any] = Deferred()
            self.waiting.append((name, asked))
            return asked

        return ask

    def release(self, rates: Any) -> Deferred[None]:
        """Note it."""
        self.released.append(rates)
        return succeed(None)

    def answer(self, name: str, value: Any) -> None:
        """The first who asked for a table gets it."""
        found = next(each for each in self.waiting if each[0] == name)
        self.waiting.remove(found)
        found[1].callback(value)

    def test_change_during_a_reload(self) -> None:
        """A gateway that is changed while all is read stays changed."""
        loaded = self.tables.load()
        for name in ("parameters", "access", "rates", "numbers"):
            self.answer(name, {})
        self.answer("mapping", "old")
        changed = self.tables.refresh("e_gatewaymapping")
        self.answer("mapping", "new")
        self.successResultOf(changed)
        self.assertEqual(self.got, {"mapping": "new"})
        for name in ("routing", "phones", "customers"):
            self.answer(name, ())
        self.successResultOf(loaded)
        self.assertEqual(self.got["mapping"], "new")
        self.assertEqual(self.got["customers"], ())

    def test_phone_during_a_reload(self) -> None:
        """So does a phone, and one that was read before has not the last word."""
        everybody = SimpleNamespace(e164="1000")
        loaded = self.tables.load()
        early = self.tables.refresh_phone("1000")
        for name in ("parameters", "access", "rates", "numbers"):
            self.answer(name, {})
        for name in ("mapping", "routing"):
            self.answer(name, ())
        self.answer("1000", "before")
        self.successResultOf(early)
        self.answer("phones", [everybody])
        late = self.tables.refresh_phone("1001")
        self.answer("1001", "after")
        self.successResultOf(late)
        del self.got["1000"], self.got["1001"]
        self.answer("customers", ())
        self.successResultOf(loaded)
        self.assertEqual(self.got["phones"], [everybody])
        self.assertEqual(self.got["1001"], "after")
        self.assertNotIn("1000", self.got)

    def test_old_rates_are_let_go_aside(self) -> None:
        """Once, when new ones are in use."""
        first: Any = {"gold": PrefixMap()}
        second: Any = {"gold": PrefixMap()}
        for rates in (first, second):
            loaded = self.tables.refresh("e_feerate")
            self.answer("rates", rates)
            self.successResultOf(loaded)
        self.assertEqual(len(self.released), 1)
        self.assertIs(self.released[0], first)
        self.assertIs(self.got["rates"], second)
