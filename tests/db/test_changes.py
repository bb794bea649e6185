"""Tests of L{vos3000.db.changes}, and of what the stores write there."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.rows import NOON, amount, empty_database, memory_pool, rate, rows
from vos3000.db import ids
from vos3000.db.changes import By, Change, ChangeStore, differences, version
from vos3000.db.customers import DEDUCT, OTHER, PAY, CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.phones import PhoneStore
from vos3000.db.rates import RateStore
from vos3000.db.settings import AccessStore, ParameterStore
from vos3000.errors import ChangedMeanwhile, NotFound, OutOfRange

ANNA = By("anna", NOON)


class ChangesCase(SynchronousTestCase):
    """Tests on an empty database."""

    def setUp(self) -> None:
        self.connection = empty_database()
        self.pool = memory_pool(self.connection)
        self.store = ChangeStore(self.pool)

    def newest(self, limit: int = 100, **filters: Any) -> list[Change]:
        """The changes, newest first."""
        return self.successResultOf(self.store.newest(limit, **filters))

    def told(self) -> list[tuple[int, str, Any, Any]]:
        """The changes in their order: kind, event, old and new."""
        return [
            (
                each.kind,
                each.event,
                json.loads(each.old or "{}"),
                json.loads(each.new or "{}"),
            )
            for each in reversed(self.newest())
        ]


class ChangeStoreTests(ChangesCase):
    """What each store tells."""

    def test_gateway(self) -> None:
        """What is not the default, then what was changed, then what is gone."""
        store = GatewayStore(self.pool, MAPPING)
        made = {"name": "gw", "capacity": 5, "password": "geheim", "memo": None}
        self.successResultOf(store.create(made, ANNA))
        change = {"name": "gw", "capacity": 7, "password": "anders", "memo": ""}
        self.successResultOf(store.modify("gw", change, ANNA))
        self.successResultOf(store.modify("gw", {"capacity": 7}, ANNA))
        self.successResultOf(store.delete("gw", ANNA))
        event = "mapping gateway gw"
        fields = {"name": "gw", "capacity": 5, "password": "***"}
        self.assertEqual(
            self.told(),
            [
                (1, event, {}, fields),
                (
                    2,
                    event,
                    {"capacity": 5, "password": "***"},
                    {"capacity": 7, "password": "***"},
                ),
                (3, event, {**fields, "capacity": 7}, {}),
            ],
        )
        (row,) = rows(
            self.connection,
            "SELECT username, time, infoold FROM e_syslog WHERE type = 2",
        )
        self.assertEqual(row[:2], ("anna", NOON))
        self.assertNotIn("geheim", row[2])

    def test_phone(self) -> None:
        """Nested fields by their names, and the account that was opened."""
        customers = CustomerStore(self.pool)
        store = PhoneStore(self.pool, customers)
        made = {"e164": "1001", "password": "geheim"}
        self.successResultOf(store.create(made, NOON, ANNA))
        change = {"infoPhoneAdditional": {"sipPtime": 30}}
        self.successResultOf(store.modify("1001", change, ANNA))
        self.successResultOf(store.delete("1001", ANNA))
        account, phone, changed, gone = self.told()
        self.assertEqual(account[:2], (1, "account 1001"))
        self.assertEqual(phone[1], "phone 1001")
        self.assertEqual(
            phone[3], {"e164": "1001", "account": "1001", "password": "***"}
        )
        self.assertEqual(changed[2:], ({"sipPtime": 0}, {"sipPtime": 30}))
        self.assertEqual(gone[0], 3)

    def test_account(self) -> None:
        """Its fields, its payments to the last digit, its end."""
        store = CustomerStore(self.pool)
        fields = {"account": "acme", "limitMoney": Decimal("1.5")}
        self.successResultOf(store.create(fields, NOON, ANNA))
        change = {"lockType": 1, "infoCustomerAdditional": {"email": "a@b"}}
        self.successResultOf(store.modify("acme", change, ANNA))
        for money, kind in (("10.000001", PAY), ("-10.000001", DEDUCT)):
            paid = (Decimal(money), "memo", kind, OTHER, "web", NOON, ANNA)
            self.successResultOf(store.pay("acme", *paid))
        self.successResultOf(store.delete("acme", ANNA))
        made, changed, paid_in, paid_out, gone = self.told()
        self.assertEqual((made[0], made[1]), (1, "account acme"))
        self.assertEqual(made[3]["limitMoney"], "1.5")
        self.assertEqual(changed[2], {"lockType": 0})
        self.assertEqual(changed[3], {"lockType": 1, "email": "a@b"})
        self.assertEqual(paid_in[0], 4)
        self.assertEqual(paid_in[2], {"money": "0"})
        self.assertEqual(paid_in[3]["money"], "10.000001")
        self.assertEqual(paid_out[3]["payMoney"], "-10.000001")
        self.assertEqual(gone[:2], (3, "account acme"))

    def test_rates(self) -> None:
        """Groups, and how much an import brought."""
        store = RateStore(self.pool)
        self.successResultOf(store.create_group("gold", 60, "x", ANNA))
        sheet = [("gold", rate("86")), ("tin", rate("87"))]
        self.successResultOf(store.replace_rates(sheet, by=ANNA))
        self.successResultOf(store.delete_group("gold", ANNA))
        made, brought, gone = self.told()
        self.assertEqual(made[:2], (1, "rate group gold"))
        self.assertEqual(brought[:2], (5, "rates of gold, tin"))
        self.assertEqual(brought[3], {"rates": 2, "added": 2, "groups made": ["tin"]})
        self.assertEqual(gone[2], {"name": "gold", "rates": 1})

    def test_settings(self) -> None:
        """Parameters and the access list."""
        parameters, access = ParameterStore(self.pool), AccessStore(self.pool)
        for value in ("1", "2", "2"):
            self.successResultOf(parameters.set("SS_X", value, ANNA))
        self.successResultOf(access.allow("/", ("192.0.2.1",), ANNA))
        self.successResultOf(access.allow("/", ("192.0.2.2",), ANNA))
        self.successResultOf(access.remove("/", ANNA))
        self.assertEqual(
            self.told(),
            [
                (2, "parameter SS_X", {}, {"value": "1"}),
                (2, "parameter SS_X", {"value": "1"}, {"value": "2"}),
                (1, "access to /", {}, {"ips": "192.0.2.1"}),
                (2, "access to /", {"ips": "192.0.2.1"}, {"ips": "192.0.2.2"}),
                (3, "access to /", {"ips": "192.0.2.2"}, {}),
            ],
        )

    def test_what_fails_is_not_told(self) -> None:
        """The row goes with its transaction."""
        store = CustomerStore(self.pool)
        self.successResultOf(store.create({"account": "acme"}, NOON))
        paid = (Decimal("1e12"), "", PAY, OTHER, "web", NOON, ANNA)
        self.failureResultOf(store.pay("acme", *paid), OutOfRange)
        gateways = GatewayStore(self.pool, ROUTING)
        self.failureResultOf(gateways.modify("x", {"memo": "x"}, ANNA), NotFound)
        fields = {"name": "gw", "clearingAccount": "nobody"}
        self.failureResultOf(gateways.create(fields, ANNA), NotFound)
        self.assertEqual(self.told(), [])


class ChangeQueryTests(ChangesCase):
    """What is found."""

    def setUp(self) -> None:
        super().setUp()
        for number, who in enumerate(("anna", "web 192.0.2.1", "outside", "100%")):
            by = By(who, NOON + number)
            change = (by, 2, f"parameter P_{number}", {}, {"value": "1"})
            self.successResultOf(self.store.note(*change))

    def found(self, **filters: Any) -> list[str]:
        """Who did what is found."""
        return [each.who for each in self.newest(**filters)]

    def test_newest_first(self) -> None:
        """As many as asked for."""
        self.assertEqual(self.found(limit=2), ["100%", "outside"])

    def test_filters(self) -> None:
        """Signs of LIKE are themselves; moments are from, until before."""
        self.assertEqual(self.found(who="192.0.2"), ["web 192.0.2.1"])
        self.assertEqual(self.found(who="%"), ["100%"])
        self.assertEqual(self.found(about="P_1"), ["web 192.0.2.1"])
        self.assertEqual(self.found(about="P1"), [])
        self.assertEqual(self.found(since_ms=NOON + 2), ["100%", "outside"])
        self.assertEqual(self.found(until_ms=NOON + 1), ["anna"])

    def test_long_and_strange_texts(self) -> None:
        """What a column cannot take is cut, never refused."""
        fields = {"memo": "\ud800\U0001f600" * 40_000}
        by = By("\u00e4" * 300, NOON)
        self.successResultOf(self.store.note(by, 2, "x" * 300, fields, {}))
        (newest,) = self.newest(1)
        self.assertEqual((len(newest.who), len(newest.event)), (255, 255))
        self.assertEqual(len(newest.old), 16_000)

    def test_nothing_changed(self) -> None:
        """No row."""
        self.successResultOf(self.store.note(ANNA, 2, "nothing", {}, {}))
        self.assertEqual(len(self.newest()), 4)


class ChangeVersionTests(ChangesCase):
    """Two who change the same."""

    def test_gateway(self) -> None:
        """The second is refused, and what the first wrote stays."""
        store = GatewayStore(self.pool, ROUTING)
        self.successResultOf(store.create({"name": "gw"}))
        (value,) = self.successResultOf(store.values())
        seen = version(value.settings)
        self.successResultOf(store.modify("gw", {"capacity": 5}, ANNA, seen))
        second = store.modify("gw", {"capacity": 7}, ANNA, seen)
        told = self.failureResultOf(second, ChangedMeanwhile)
        self.assertIn("'gw' was changed by somebody else", str(told.value))
        (value,) = self.successResultOf(store.values())
        self.assertEqual(value.capacity, 5)
        seen = version(value.settings)
        self.successResultOf(store.modify("gw", {"capacity": 7}, ANNA, seen))

    def test_phone(self) -> None:
        """Likewise; fields of nested records count."""
        store = PhoneStore(self.pool, CustomerStore(self.pool))
        self.successResultOf(store.create({"e164": "1001"}))
        (shown,) = self.successResultOf(store.fetch(["1001"], more=True))
        more = shown.pop("infoPhoneAdditional")
        services = shown.pop("infoPhoneValueAdded")
        seen = version({**shown, **more, **services})
        change = {"infoPhoneAdditional": {"sipPtime": 30}}
        self.successResultOf(store.modify("1001", change, ANNA, seen))
        self.failureResultOf(
            store.modify("1001", {"memo": "x"}, ANNA, seen), ChangedMeanwhile
        )

    def test_secrets_count(self) -> None:
        """Another password is another version."""
        first, second = ({"password": text} for text in ("a", "b"))
        self.assertNotEqual(version(first), version(second))
        self.assertEqual(differences(first, second, ["password"])[0]["password"], "***")


class FreshNumberTests(ChangesCase):
    """Numbers beside those of other programs."""

    def test_rows_of_others(self) -> None:
        """Who inserts with MAX(id) + 1 takes no number of ours away."""
        store = GatewayStore(self.pool, ROUTING)
        self.successResultOf(store.create({"name": "one"}))
        number = 1
        for name in ("theirs", "theirs too"):
            number += 1
            self.connection.execute(
                "INSERT INTO e_gatewayrouting (id, name) VALUES (?, ?)", (number, name)
            )
        self.connection.commit()
        self.successResultOf(store.create({"name": "two"}))
        found = dict(rows(self.connection, "SELECT name, id FROM e_gatewayrouting"))
        self.assertEqual(found["two"], 4)
        values = self.successResultOf(store.values())
        self.assertEqual(len(values), 4)

    def test_some_at_once(self) -> None:
        """Rates of another program do not stand in an import's way."""
        store = RateStore(self.pool)
        self.successResultOf(store.replace_rates([("gold", rate("1"))]))
        (group,) = rows(self.connection, "SELECT feerategroupid FROM e_feerate")[0]
        self.connection.execute(
            "INSERT INTO e_feerate (id, feerategroupid, feeprefix) VALUES (50, ?, '2')",
            (group,),
        )
        self.connection.commit()
        sheet = [("gold", rate(str(prefix))) for prefix in range(3, 9)]
        self.successResultOf(store.replace_rates(sheet))
        found = rows(self.connection, "SELECT id FROM e_feerate ORDER BY id")
        self.assertEqual([number for (number,) in found][-6:], [*range(51, 57)])
        self.assertEqual(amount(self.connection, 0), 0)
        self.assertEqual(ids.OBJECT, "object")
