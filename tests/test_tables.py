"""Tests of the tables in memory."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.numbergroups import NumberGroupStore
from vos3000.db.phones import PhoneStore
from vos3000.db.rates import RateStore
from vos3000.db.settings import AccessStore, ParameterStore
from vos3000.errors import StorageError
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
                ("customers", []),
                ("mapping", []),
                ("routing", []),
                ("phones", []),
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
