"""Tests of L{vos3000.commands.routes}."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import NOW, Terminal
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.phones import PhoneStore
from vos3000.db.rates import RateStore
from vos3000.model.rates import Rate


class RouteTestTests(SynchronousTestCase):
    """The command route-test."""

    def setUp(self) -> None:
        """A customer with 1.00, two vendors that serve 49, one that is locked."""
        self.terminal = Terminal(self.mktemp())
        self.terminal.make_database()
        self.terminal.switch.answers["metrics"] = ConnectionRefusedError()
        rates = [
            ("retail", Rate("49", Decimal("0.06"), 6, area_name="Germany")),
            ("cost", Rate("49", Decimal("0.03"), 60)),
        ]
        pool = self.terminal.pool()
        self.terminal.do(pool, RateStore(pool).replace_rates(rates))
        self._customer(account="1000", feeRateGroup="retail", money=Decimal(1))
        self._customer(account="v", feeRateGroup="cost", type=2)
        self._gateway(
            MAPPING,
            name="m",
            remoteIps="192.0.2.0/24",
            account="1000",
            rewriteRulesOutCallee="0:49",
        )
        for name, more in (
            ("second", {"priority": 2, "clearingAccount": "v"}),
            ("first", {"priority": 1, "rewriteRulesInCallee": "49:0049"}),
            ("shut", {"lockType": 3}),
        ):
            given = {"prefix": "49", "remoteIp": "198.51.100.1", "protocol": 1}
            self._gateway(ROUTING, name=name, **given, **more)

    def _customer(self, **fields: Any) -> None:
        pool = self.terminal.pool()
        self.terminal.do(pool, CustomerStore(pool).create(fields, 0))

    def _gateway(self, kind: Any, **fields: Any) -> None:
        pool = self.terminal.pool()
        self.terminal.do(pool, GatewayStore(pool, kind).create(fields))

    def _document(self, *words: str) -> tuple[int, Any]:
        result = self.terminal.run("route-test", "--json", *words)
        return result.exit_code, json.loads(result.output)

    def test_way_of_a_good_call(self) -> None:
        """Numbers, rate, longest duration, gateways in order, and the rest."""
        code, found = self._document("--from", "m", "100", "030123")
        self.assertEqual(code, 0)
        self.assertEqual((found["calleeAccessE164"], found["calleeE164"]),
                         ("030123", "4930123"))  # fmt: skip
        self.assertEqual(found["rate"]["prefix"], "49")
        self.assertEqual(found["longest"], 96)
        self.assertEqual(
            [(r["gateway"], r["calleeToGatewayE164"]) for r in found["routes"]],
            [("first", "004930123"), ("second", "4930123")],
        )
        self.assertEqual(found["routes"][1]["cost"]["fee"], "0.03")
        self.assertEqual(
            found["leftOut"], [{"gateway": "shut", "prefix": "49", "reason": "locked"}]
        )
        self.assertEqual(found["refusals"], [])

    def test_as_an_operator_reads_it(self) -> None:
        """The same in words."""
        result = self.terminal.run("route-test", "--from", "m", "100", "030123")
        for words in (
            "030123, billed as 4930123",
            "49 Germany: 0.06 per 6 s",
            "96 s by the balance",
            "left out: locked",
            "49: 0.03 per 60 s",
        ):
            self.assertIn(words, result.output)

    def test_what_the_running_switch_knows(self) -> None:
        """Gateways that it cannot reach just now are left out, and why."""
        for name in ("peer", "barred", "paused", "mute", "shut2", "full"):
            register = {"registerType": 2, "registerName": "us"}
            more = register if name in ("peer", "barred") else {}
            address = {"remoteIp": "198.51.100.1", "prefix": "49", "protocol": 1}
            self._gateway(ROUTING, name=name, **address, **more)
        self._left_out(False, peer="not registered", barred="not registered")
        self.terminal.switch.answers["metrics"] = (
            "# TYPE vos3000_routing_gateway_obstacle gauge\n"
            'vos3000_routing_gateway_obstacle{gateway="barred"} 1\n'
            'vos3000_routing_gateway_obstacle{gateway="mute"} 2\n'
            'vos3000_routing_gateway_obstacle{gateway="paused"} 3\n'
            'vos3000_routing_gateway_obstacle{gateway="shut2"} 4\n'
            'vos3000_routing_gateway_obstacle{gateway="full"} 5\n'
            "# TYPE vos3000_routing_gateway_pause_seconds gauge\n"
            'vos3000_routing_gateway_pause_seconds{gateway="paused"} 12\n'
        )
        why = {"why": "not registered: 403 Forbidden", "address": "198.51.100.1"}
        self.terminal.switch.answers["obstacles"] = {
            "mapping": {},
            "routing": {"barred": why},
        }
        self._left_out(
            True,
            barred="not registered: 403 Forbidden",
            mute="does not answer OPTIONS",
            paused="disabled for 12 s by Retry-After",
            shut2="closed, as it published",
            full="full, as it published",
        )

    def _left_out(self, runs: bool, **reasons: str) -> None:
        """
        The gateways that are left out, beside the one that is locked, and whether
        the switch was asked.
        """
        _, found = self._document("--from", "m", "100", "4930")
        out = {one["gateway"]: one["reason"] for one in found["leftOut"]}
        self.assertEqual(out, {"shut": "locked", **reasons})
        self.assertEqual(found["switchRuns"], runs)

    def test_source_by_address(self) -> None:
        """An address, with or without a port, is what the switch would see."""
        for source in ("192.0.2.7", "192.0.2.7:5070"):
            _, found = self._document("--from", source, "100", "4930")
            self.assertEqual(found["mappingGateway"], "m")

    def test_unknown_source(self) -> None:
        """It says how such a call is answered."""
        for source in ("203.0.113.9", "[2001:db8::1]:5060", "nobody"):
            result = self.terminal.run("route-test", "--from", source, "1", "2")
            self.assertEqual(result.exit_code, 1)
            self.assertIn("asked for a password", result.output)
            self.assertIn("refused with 403", result.output)
        result = self.terminal.run("route-test", "--from", "192.0.2.7:0", "1", "2")
        self.assertEqual(result.exit_code, 2)

    def test_refusals(self) -> None:
        """No rate, no route: the first refuses, with the answer's status."""
        code, found = self._document("--from", "m", "100", "33123")
        self.assertEqual(code, 1)
        self.assertEqual(
            [refusal["name"] for refusal in found["refusals"]],
            ["NoAvailableRouter", "FeeRateNotFound"],
        )
        result = self.terminal.run("route-test", "--from", "m", "100", "33123")
        status = found["refusals"][0]["sip"]
        self.assertIn(f"refused with SIP {status}: NoAvailableRouter", result.output)
        self.assertIn("also: FeeRateNotFound", result.output)
        self.assertIn("no routing gateway has a prefix", result.output)

    def _phone(self, e164: str, **fields: Any) -> None:
        pool = self.terminal.pool()
        store = PhoneStore(pool, CustomerStore(pool))
        given = {"e164": e164, "account": "1000", "password": "p", **fields}
        self.terminal.do(pool, store.create(given))

    def _register(self, aor: str, seconds: int) -> None:
        self.terminal.execute(
            "INSERT INTO e_registration (aor, flow, contact, path, expiretime)"
            f" VALUES ('{aor}', '', 'sip:x@192.0.2.9', '', {int(NOW + seconds) * 1000})"
        )

    def test_to_a_phone(self) -> None:
        """A phone that is online is where the call goes, and nowhere else."""
        self._phone("4930", dids="4931", rewriteRulesInCallee="49:0")
        self._register("4930", 60)
        code, found = self._document("--from", "m", "100", "4931")
        self.assertEqual(
            found["routes"],
            [
                {
                    "phone": "4930",
                    "prefix": "4931",
                    "callerToGatewayE164": "100",
                    "calleeToGatewayE164": "031",
                    "cost": None,
                }
            ],
        )
        self.assertEqual((code, found["leftOut"]), (0, []))
        text = self.terminal.run("route-test", "--from", "m", "100", "4930").output
        self.assertIn("phone 4930", text)

    def test_to_a_phone_that_cannot_be_rung(self) -> None:
        """Offline, locked, disturbed: the reason, and what is answered."""
        for number, (fields, reason, name) in enumerate(
            (
                ({}, "offline", "CalleeOffline"),
                ({"lockType": 2}, "locked", "AccountLocked"),
                (
                    {"infoPhoneValueAdded": {"doNotDisturb": True}},
                    "does not want to be disturbed",
                    "CalleeBusy",
                ),
            )
        ):
            e164 = f"49300{number}"
            self._phone(e164, **fields)
            self._register(e164, -1 if reason == "offline" else 60)
            code, found = self._document("--from", "m", "100", e164)
            self.assertEqual(code, 1)
            left_out = {"phone": e164, "prefix": e164, "reason": reason}
            self.assertEqual(found["leftOut"], [left_out])
            self.assertEqual(found["refusals"][0]["name"], name)

    def test_sent_on(self) -> None:
        """Where a phone sends its calls, and why: always, or when it is busy."""
        target = {"e164": "4939"}
        busy = {"busyForward": True, "busyForwardE164": target}
        always = {"unconditionalForward": True, "unconditionalForwardE164": target}
        for e164, services, reason, rung in (
            ("4930", always, "unconditional", 0),
            ("4931", busy, "user-busy", 1),
        ):
            self._phone(e164, infoPhoneValueAdded=services)
            self._register(e164, 60)
            code, found = self._document("--from", "m", "100", e164)
            self.assertEqual(code, 0)
            self.assertEqual(len(found["routes"]), rung + 1)
            last = found["routes"][-1]
            self.assertEqual((last["phone"], last["forward"]), (e164, reason))
            self.assertEqual(last["calleeToGatewayE164"], "4939")
        text = self.terminal.run("route-test", "--from", "m", "100", "4931").output
        self.assertIn("forwards", text)

    def test_in_place_of_a_phone(self) -> None:
        """Routing gateways that stand in for a phone that is offline."""
        more = {"infoPhoneAdditional": {"useRoutingGatewayNotOnline": 1}}
        self._phone("4930", **more)
        code, found = self._document("--from", "m", "100", "4930")
        self.assertEqual(code, 0)
        self.assertEqual([r["gateway"] for r in found["routes"]], ["first", "second"])
        self.assertEqual(found["leftOut"][0]["reason"], "offline")

    def test_from_a_phone(self) -> None:
        """Its account, its rules, and its number whatever From says."""
        self._phone("77", rewriteRulesOutCallee="0:49", callLevel=1)
        code, found = self._document("--from", "77", "100", "030")
        self.assertEqual((found["mappingGateway"], found["phone"]), ("", "77"))
        self.assertEqual((found["callerE164"], found["calleeE164"]), ("77", "4930"))
        self.assertEqual((code, found["refusals"][0]["name"]), (1, "NoCallPermission"))
        text = self.terminal.run("route-test", "--from", "77", "100", "030").output
        self.assertIn("100, billed as 77", text)

    def test_dynamic_gateway(self) -> None:
        """A gateway that registers is a route while it is registered."""
        self._gateway(ROUTING, name="home", prefix="4930", registerType=1)
        _, found = self._document("--from", "m", "100", "4930")
        self.assertEqual(found["leftOut"][0]["reason"], "not registered")
        self._register("home", 60)
        _, found = self._document("--from", "m", "100", "4930")
        self.assertEqual(found["routes"][0]["gateway"], "home")

    def test_restricted(self) -> None:
        """calleeE164Restrict: the step that refuses is shown like any other."""
        pool = self.terminal.pool()
        changes = {"calleeE164Restrict": 1}
        self.terminal.do(pool, GatewayStore(pool, MAPPING).modify("m", changes))
        code, found = self._document("--from", "m", "100", "4930")
        self.assertEqual((code, found["routes"]), (1, []))
        self.assertEqual(found["refusals"][0]["detail"], "4930 is no platform phone")

    def test_locked_gateway(self) -> None:
        """What screening refuses is shown before all else."""
        pool = self.terminal.pool()
        store = GatewayStore(pool, MAPPING)
        self.terminal.do(pool, store.modify("m", {"lockType": 3}))
        code, found = self._document("--from", "m", "100", "4930")
        self.assertEqual(code, 1)
        self.assertEqual(found["refusals"][0]["name"], "GatewayLocked")
        self.assertEqual(len(found["routes"]), 2)
