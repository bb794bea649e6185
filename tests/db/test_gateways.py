"""Tests of gateways: every field there and back, and the values made of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.db import gatewayfields
from vos3000.db.customers import CustomerStore
from vos3000.db.gatewayfields import BIG, BOOL, INT, JSON, LIST, PRICE, Field
from vos3000.db.gateways import MAPPING, ROUTING, GatewayKind, GatewayStore
from vos3000.errors import AlreadyExists, NotFound
from vos3000.model.gateways import MappingGateway, RoutingGateway


def sample(field: Field, number: int) -> Any:
    """A value that is not the default."""
    kinds: dict[str, Any] = {
        INT: number + 2,
        BIG: 1 << 40,
        BOOL: not field.default,
        PRICE: Decimal("0.000000000001"),
        LIST: ["g729", "pcma"],
        JSON: [{"days": [0, 6], "prefixes": ["44"], "action": 1}],
    }
    return kinds.get(field.kind, f"{field.name} ü")


class GatewayStoreTests(SynchronousTestCase):
    """Both kinds."""

    def setUp(self) -> None:
        self.connection = rows.empty_database()
        self.pool = rows.memory_pool(self.connection)
        self.mapping = GatewayStore(self.pool, MAPPING)
        self.routing = GatewayStore(self.pool, ROUTING)
        customers = CustomerStore(self.pool)
        opened = {"account": "1000", "name": "one thousand"}
        self.successResultOf(customers.create(opened, rows.NOON))

    def test_every_field_of_the_contract_is_kept(self) -> None:
        """What is written to each of them is what is read."""
        kinds: list[GatewayKind[Any]] = [MAPPING, ROUTING]
        for kind in kinds:
            store = GatewayStore(self.pool, kind)
            given = {f.name: sample(f, n) for n, f in enumerate(kind.contract)}
            given[kind.account] = "1000"
            self.successResultOf(store.create(given))
            (found,) = self.successResultOf(store.fetch())
            found.pop("accountName", None)
            self.assertEqual(found, given)
            self.assertEqual(list(found), [field.name for field in kind.contract])

    def test_contract_has_the_interfaces_number_of_fields(self) -> None:
        """108 and 124 fields (webapi.json)."""
        self.assertEqual(len({f.name for f in gatewayfields.MAPPING}), 108)
        self.assertEqual(len({f.name for f in gatewayfields.ROUTING}), 124)

    def test_defaults(self) -> None:
        """A name alone makes a gateway; what is optional is not set."""
        self.successResultOf(self.mapping.create({"name": "gw", "memo": None}))
        (found,) = self.successResultOf(self.mapping.fetch())
        self.assertEqual(found["callLevel"], 5)
        self.assertEqual(found["maxCallDurationLower"], -1)
        self.assertEqual(found["sipCodecs"], [])
        self.assertIs(found["callerE164CheckEnable"], False)
        self.assertIsNone(found["mediaRecord"])
        self.assertEqual((found["memo"], found["accountName"]), ("", ""))

    def test_record_read_can_be_written_back(self) -> None:
        """Clients post the whole record with its read-only fields."""
        self.successResultOf(self.mapping.create({"name": "gw", "account": "1000"}))
        (found,) = self.successResultOf(self.mapping.fetch(["gw"]))
        self.assertEqual(found["accountName"], "one thousand")
        found["capacity"] = 30
        self.successResultOf(self.mapping.modify("gw", found))
        (again,) = self.successResultOf(self.mapping.fetch(["gw"]))
        self.assertEqual(again, found)

    def test_modify_keeps_what_is_left_out(self) -> None:
        """None is left out, too; the name stays."""
        given = {"name": "gw", "prefix": "44", "sipCodecs": ["pcmu"]}
        self.successResultOf(self.routing.create(given))
        changes = {"name": "other", "prefix": None, "switchAllowRing": False}
        self.successResultOf(self.routing.modify("gw", changes))
        (found,) = self.successResultOf(self.routing.fetch())
        self.assertEqual((found["name"], found["prefix"]), ("gw", "44"))
        self.assertEqual(
            (found["sipCodecs"], found["switchAllowRing"]), (["pcmu"], False)
        )

    def test_refusals(self) -> None:
        """Names once, accounts and gateways that exist."""
        self.successResultOf(self.mapping.create({"name": "gw"}))
        self.failureResultOf(self.mapping.create({"name": "gw"}), AlreadyExists)
        unknown = {"name": "new", "account": "x"}
        failure = self.failureResultOf(self.mapping.create(unknown), NotFound)
        self.assertEqual((failure.value.kind, failure.value.key), ("account", "x"))
        self.failureResultOf(self.mapping.modify("new", {}), NotFound)
        self.failureResultOf(self.mapping.modify("gw", {"account": "x"}), NotFound)
        self.failureResultOf(self.mapping.delete("new"), NotFound)

    def test_names_of_the_two_kinds_do_not_meet(self) -> None:
        """A vendor may be a customer under the same name."""
        self.successResultOf(self.mapping.create({"name": "gw"}))
        self.successResultOf(self.routing.create({"name": "gw"}))

    def test_fetch_by_name_keeps_the_order(self) -> None:
        """Unknown names are left out; no names are all names."""
        for name in ("a", "b", "c"):
            self.successResultOf(self.routing.create({"name": name}))
        found = self.successResultOf(self.routing.fetch(["c", "x", "a", "c"]))
        self.assertEqual([gateway["name"] for gateway in found], ["c", "a"])
        self.assertEqual(len(self.successResultOf(self.routing.fetch([]))), 3)

    def test_delete_removes_both_rows(self) -> None:
        """No settings stay behind."""
        self.successResultOf(self.mapping.create({"name": "gw"}))
        self.successResultOf(self.mapping.delete("gw"))
        for table in ("e_gatewaymapping", "e_gatewaymappingsetting"):
            self.assertEqual(rows.rows(self.connection, f"SELECT * FROM {table}"), [])

    def test_mapping_value(self) -> None:
        """What call control works with."""
        given = {
            "name": "gw",
            "remoteIps": "192.0.2.1, 192.0.2.8/29,,2001:db8::1",
            "sipAuthenticationMethod": 1,
            "account": "1000",
            "capacity": 30,
            "rewriteRulesOutCallee": "00:",
            "maxCallDurationLower": 60,
            "maxCallDurationUpper": 90,
            "callFailedSipCode": "0:503",
        }
        self.successResultOf(self.mapping.create(given))
        (made,) = self.successResultOf(self.mapping.values())
        self.assertEqual(
            made,
            MappingGateway(
                made.id,
                "gw",
                remote_ips=("192.0.2.1", "192.0.2.8/29", "2001:db8::1"),
                by_port=True,
                capacity=30,
                account="1000",
                rewrite_callee="00:",
                failed_sip_codes="0:503",
                max_duration=(60, 90),
            ),
        )
        self.assertEqual(made.settings["callFailedSipCode"], "0:503")
        self.assertEqual(made.settings["tryProtectRouteDelay"], -1)

    def test_routing_value(self) -> None:
        """The settings beyond the interface are there as well."""
        given = {
            "name": "gw",
            "prefix": "44,4420",
            "prefixStyle": 1,
            "remoteIp": "198.51.100.1",
            "signalPort": 5060,
            "clearingAccount": "1000",
            "clearingAccountUseCalloutE164": True,
            "timeoutInvite": 3,
            "timeoutRinging": 60,
            "stopSwitchSipCodes": "404,486, x",
            "switchAllowBusy": True,
            "transport": "tcp",
            "localIp": "192.0.2.1",
            "signalPortLocal": 6060,
        }
        self.successResultOf(self.routing.create(given))
        (made,) = self.successResultOf(self.routing.values())
        self.assertEqual(
            made,
            RoutingGateway(
                made.id,
                "gw",
                prefixes=("44", "4420"),
                continues=True,
                remote_ip="198.51.100.1",
                signal_port=5060,
                local_ip="192.0.2.1",
                local_port=6060,
                clearing_account="1000",
                clearing_uses_callout=True,
                timeouts=(3, 0, 0, 0, 60),
                stop_codes=frozenset({404, 486}),
                switch_on_busy=True,
                transport="tcp",
            ),
        )
        (shown,) = self.successResultOf(self.routing.fetch())
        self.assertNotIn("transport", shown)

    def test_empty_prefix_serves_every_number(self) -> None:
        """A gateway without prefixes takes all."""
        self.successResultOf(self.routing.create({"name": "gw"}))
        (made,) = self.successResultOf(self.routing.values())
        self.assertEqual(made.prefixes, ("",))

    def test_row_of_another_program_has_the_defaults(self) -> None:
        """A gateway without a row of settings is a gateway all the same."""
        self.connection.execute(
            "INSERT INTO e_gatewayrouting (id, name) VALUES (77, 'x')"
        )
        (made,) = self.successResultOf(self.routing.values())
        self.assertEqual(made, RoutingGateway(77, "x"))
