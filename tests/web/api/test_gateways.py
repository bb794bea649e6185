"""
Tests of the gateways' interfaces, on the real stores: the same for both kinds
where they are the same.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from tests.web.site import CONTRACT, WebCase
from vos3000.model.gateways import MappingGateway, RoutingGateway

TEXT = "x,客户"


def sample(kind: str) -> Any:
    """A value that is no type's default."""
    return {"Integer": 2, "Long": 5, "Boolean": True, "Double": "0.000001"}.get(
        kind, TEXT
    )


class GatewayCase(WebCase):
    """Tests that hold for both kinds."""

    noun = "GatewayMapping"
    answers = "infoGatewayMappings"
    shared = "MappingGatewayFields"
    account = "account"
    rules = "rewriteRulesOutCallee"

    def setUp(self) -> None:
        super().setUp()
        self.do("CreateCustomer", account="1001", name="one")

    def get(self, name: str = "gw") -> dict[str, Any]:
        """The record of one gateway, as a client parses it."""
        body = json.dumps({"names": [name]})
        (found,) = json.loads(self.post(f"Get{self.noun}", body))[self.answers]
        return dict(found)

    def create(self, **fields: Any) -> None:
        self.do(f"Create{self.noun}", name="gw", **fields)

    def modify(self, **fields: Any) -> None:
        self.do(f"Modify{self.noun}", name="gw", **fields)

    def refused(self, verb: str, expected: str, **fields: Any) -> None:
        """The request is refused with this text."""
        answer = self.ask(f"{verb}{self.noun}", **{"name": "gw", **fields})
        self.assertEqual(answer["exception"], expected)
        self.assertLess(answer["retCode"], 0)

    def record(self) -> dict[str, Any]:
        """A record with every field set to something of its own."""
        values: dict[str, Any] = {}
        for field in CONTRACT.types[self.shared]:
            if field.array:
                continue
            value = field.choices[-1] if field.choices else sample(field.type)
            values[field.name] = value
        return {
            **values,
            "name": "gw",
            self.account: "1001",
            "maxCallDurationLower": 60,
            "maxCallDurationUpper": 90,
            **self.forms(),
        }

    def forms(self) -> dict[str, Any]:
        """Values of the fields that have a form."""
        raise NotImplementedError


class SharedTests:
    """What both kinds do."""

    def test_name_alone(self: Any) -> None:
        """A name is enough; every text is there and none is null."""
        self.create()
        self.assertNotIn(None, self.get().values())
        self.assertEqual(self.get()[self.rules], "")

    def test_every_field(self: Any) -> None:
        """Every field comes back as it was sent."""
        record = self.record()
        self.create(**{k: v for k, v in record.items() if k != "name"})
        found = self.get()
        for name, value in record.items():
            expected = float(value) if name == "maxSecondRates" else value
            self.assertEqual(found[name], expected, name)

    def test_written_back(self: Any) -> None:
        """A record that was read can be written back whole, and nothing changes."""
        self.create(**{k: v for k, v in self.record().items() if k != "name"})
        before = self.get()
        self.assertEqual(
            self.post(f"Modify{self.noun}", json.dumps(before)), '{"retCode":0}'
        )
        self.assertEqual(self.get(), before)

    def test_defaults_written_back(self: Any) -> None:
        """So can the record of a gateway with nothing but a name."""
        self.create()
        before = self.get()
        self.do(f"Modify{self.noun}", **before)
        self.assertEqual(self.get(), before)

    def test_one_field(self: Any) -> None:
        """Modify with one field leaves all others as they are."""
        self.create(**{k: v for k, v in self.record().items() if k != "name"})
        before = self.get()
        self.modify(capacity="7")
        self.assertEqual(self.get(), {**before, "capacity": 7})

    def test_lock_as_text(self: Any) -> None:
        """Clients lock and unlock with text or numbers."""
        self.create()
        for sent, kept in (("3", 3), (0, 0), (3, 3), ("0", 0)):
            self.modify(lockType=sent)
            self.assertEqual(self.get()["lockType"], kept)

    def test_emptied(self: Any) -> None:
        """An empty text empties; null leaves it as it is."""
        self.create(memo="m", **{self.rules: "0:1"})
        self.modify(memo=None, **{self.rules: ""})
        found = self.get()
        self.assertEqual((found["memo"], found[self.rules]), ("m", ""))

    def test_all_and_some(self: Any) -> None:
        """No names, or an empty list, asks for all; others for those there are."""
        for name in ("a", "b"):
            self.do(f"Create{self.noun}", name=name)
        for body, expected in (
            ("", ["a", "b"]),
            ("{}", ["a", "b"]),
            ('{"names":[]}', ["a", "b"]),
            ('{"accounts":""}', ["a", "b"]),
            ('{"names":["b","none"]}', ["b"]),
            ('{"names":["none"]}', []),
        ):
            answer = json.loads(self.post(f"Get{self.noun}", body))
            self.assertEqual([x["name"] for x in answer[self.answers]], expected)

    def test_delete(self: Any) -> None:
        """A gateway that was deleted is gone, for calls as well."""
        self.create()
        self.do(f"Delete{self.noun}", name="gw")
        self.assertEqual(self.do(f"Get{self.noun}")[self.answers], [])
        self.assertEqual(self.handed(), [])

    def test_unknown(self: Any) -> None:
        """What is not there can be neither changed nor deleted."""
        text = "Not found, operation failed. (there is no gateway 'gw')"
        self.refused("Modify", text, capacity=1)
        self.refused("Delete", text)

    def test_exists(self: Any) -> None:
        """A name is given once."""
        self.create()
        text = "Already exists, operation failed. (gateway 'gw' exists already)"
        self.refused("Create", text)

    def test_name(self: Any) -> None:
        """A name must be there."""
        self.refused("Create", "Input parameter error: name is empty", name=" ")
        self.refused("Create", "Input parameter error: name is missing", name=None)

    def test_durations(self: Any) -> None:
        """-1 and 0 stand in both bounds or in neither, and the range is one."""
        self.create(maxCallDurationLower=60, maxCallDurationUpper=90)
        before = self.get()
        text = (
            "Input parameter error: maxCallDurationLower and maxCallDurationUpper"
            " must both be -1, both 0, or a range of seconds"
        )
        for pair in (
            (0, 60),
            (-1, 0),
            (60, -1),
            (90, 60),
            (-2, -2),
            (60, None),
            (0, None),
        ):
            lower, upper = pair
            fields = {"maxCallDurationLower": lower, "maxCallDurationUpper": upper}
            if upper is not None or lower == 0:
                self.refused("Modify", text, **fields)
            self.refused("Create", text, **{**fields, "name": "new"})
        self.modify(maxCallDurationUpper=60)
        self.assertEqual(self.get(), {**before, "maxCallDurationUpper": 60})
        for value in (0, -1, 5):
            self.modify(maxCallDurationLower=value, maxCallDurationUpper=value)

    def test_refused_changes_nothing(self: Any) -> None:
        """A request with one mistake among good fields changes nothing."""
        self.create()
        before = self.get()
        for name, value, text in self.mistakes():
            self.refused(
                "Modify",
                text,
                **{"capacity": 9, "memo": "changed", name: value},
            )
            self.refused("Create", text, **{"name": "other", name: value})
        self.assertEqual(self.get(), before)
        self.assertEqual(len(self.do(f"Get{self.noun}")[self.answers]), 1)


class GatewayMappingTests(SharedTests, GatewayCase):
    """Mapping gateways."""

    def handed(self) -> Any:
        return list(self.switch.handed["mapping"])

    def forms(self) -> dict[str, Any]:
        return {
            "remoteIps": "192.0.2.1, 192.0.2.2:5062,198.51.100.0/24,"
            "203.0.113.1-203.0.113.9,2001:db8::1,[2001:db8::2]:5060",
            "rewriteRulesOutCallee": "025:;026,*:a*",
            "rewriteRulesOutCaller": "13/E11:013",
            "callFailedSipCode": "486:503,-9:403,0:480",
            "callFailedQ931CauseValue": "17:34",
            "h323Codecs": ["audio/G729"],
            "sipCodecs": ["audio/PCMA", "audio/PCMU"],
            "proportionCalleePrefixs": [{"proportion": 3, "addPrefix": "77"}],
        }

    def mistakes(self) -> list[tuple[str, Any, str]]:
        error = "Input parameter error: "
        return [
            ("remoteIps", "192.0.2.1,nonsense", None),
            ("remoteIps", "192.0.2.256", None),
            ("remoteIps", "192.0.2.1:70000", f"{error}remoteIps: 70000 is no port"),
            ("remoteIps", "192.0.2.0/33", None),
            ("remoteIps", "192.0.2.9-192.0.2.1", None),
            ("rewriteRulesOutCallee", "nonsense", None),
            ("rewriteRulesOutCallee", ",".join(["*1*1*1a:9"] * 1000), None),
            ("rewriteRulesOutCaller", "0:1-x", None),
            ("callFailedSipCode", "486", None),
            ("callFailedSipCode", "486:700", None),
            ("callFailedQ931CauseValue", "17:128", None),
            ("lockType", 4, f"{error}lockType must be one of 0, 1, 2, 3"),
            ("callLevel", 6, f"{error}callLevel must be one of 1, 2, 4, 5"),
            (
                "minProfitPercent",
                10001,
                f"{error}minProfitPercent must be -10000 to 10000",
            ),
            ("capacity", 2**31, f"{error}capacity does not fit 32 bits"),
            (
                "account",
                "none",
                "Not found, operation failed. (there is no account 'none')",
            ),
        ]

    def refused(self, verb: str, expected: str | None, **fields: Any) -> None:
        """As for both, but a text of None only has to name the field."""
        if expected is not None:
            super().refused(verb, expected, **fields)
            return
        answer = self.ask(f"{verb}{self.noun}", **{"name": "gw", **fields})
        self.assertEqual(answer["retCode"], -10124, fields)
        self.assertTrue(
            any(f"error: {name}: " in answer["exception"] for name in fields), answer
        )

    def test_account_name(self) -> None:
        """The name of the account is shown, and ignored when written back."""
        self.create(account="1001")
        self.assertEqual(self.get()["accountName"], "one")
        self.modify(accountName="other")
        self.assertEqual(self.get()["accountName"], "one")

    def test_password_in_clear(self) -> None:
        """The contract shows passwords; that is why access is by address."""
        self.create(password="secret")
        self.assertEqual(self.get()["password"], "secret")

    def test_next_call(self) -> None:
        """What was changed is with the engines before the answer."""
        self.create(account="1001", remoteIps="192.0.2.1")
        self.modify(capacity=7, lockType=1, callLevel=3)
        (gateway,) = self.handed()
        self.assertIsInstance(gateway, MappingGateway)
        self.assertEqual(gateway.remote_ips, ("192.0.2.1",))
        self.assertEqual(
            (gateway.capacity, gateway.lock_type, gateway.call_level), (7, 1, 4)
        )


class GatewayRoutingTests(GatewayMappingTests):
    """Routing gateways."""

    noun = "GatewayRouting"
    answers = "infoGatewayRoutings"
    shared = "RoutingGatewayFields"
    account = "clearingAccount"
    rules = "rewriteRulesInCallee"

    def handed(self) -> Any:
        return list(self.switch.handed["routing"])

    def forms(self) -> dict[str, Any]:
        return {
            "remoteIp": "sip.vendor.example",
            "localIp": "192.0.2.1",
            "signalPort": 5060,
            "signalPortLocal": 5080,
            "rewriteRulesInCaller": "*:",
            "rewriteRulesInCallee": "00:",
            "denyCallerCallee": "025:010,021:023",
            "externalNumberVerifyRewriteCaller": "0:",
            "externalNumberVerifyRewriteCallee": "0:",
            "h323Codecs": ["audio/G729"],
            "sipCodecs": ["audio/PCMA"],
            "scheduledCallinPrefixes": [
                {
                    "days": [0, 6],
                    "beginTime": 0,
                    "endTime": 86400,
                    "action": 1,
                    "type": 0,
                    "prefixes": ["49"],
                }
            ],
        }

    def mistakes(self) -> list[tuple[str, Any, str]]:
        error = "Input parameter error: "
        days = {
            "days": [7],
            "beginTime": 0,
            "endTime": 1,
            "action": 0,
            "type": 0,
            "prefixes": [],
        }
        found: list[Any] = [
            ("remoteIp", "192.0.2", None),
            ("remoteIp", "bad host", None),
            ("remoteIp", "192.0.2.1:5060", None),
            ("localIp", "host", None),
            ("denyCallerCallee", "025", None),
            ("denyCallerCallee", "025:010,1:2:3", None),
            ("signalPort", 65536, f"{error}signalPort must be 0 to 65535"),
            ("signalPortLocal", -1, f"{error}signalPortLocal must be 0 to 65535"),
            ("rewriteRulesInCallee", "x", None),
            ("rewriteRulesInCaller", "x", None),
            ("lockType", 1, f"{error}lockType must be one of 0, 3"),
            (
                "scheduledCallinPrefixes",
                [days],
                f"{error}scheduledCallinPrefixes[0].days[0] must be one of"
                " 0, 1, 2, 3, 4, 5, 6",
            ),
            (
                "clearingAccount",
                "none",
                "Not found, operation failed. (there is no clearingAccount 'none')",
            ),
        ]
        return found

    def test_account_name(self) -> None:
        """The name of the clearing account is shown, as some clients read it."""
        self.create(clearingAccount="1001")
        self.assertEqual(self.get()["clearingAccountName"], "one")

    def test_next_call(self) -> None:
        """What was changed is with the engines before the answer."""
        self.create(prefix="49,44", remoteIp="192.0.2.1")
        self.modify(prefixStyle="1", timeoutInvite=5, switchAllowBusy="true")
        (gateway,) = self.handed()
        self.assertIsInstance(gateway, RoutingGateway)
        self.assertEqual(gateway.prefixes, ("49", "44"))
        self.assertEqual(
            (gateway.continues, gateway.timeouts[0], gateway.switch_on_busy),
            (True, 5, True),
        )

    def test_price_is_exact(self) -> None:
        """A price per second keeps its twelve digits."""
        self.create(maxSecondRates="0.000000000001")
        answer = self.ask("GetGatewayRouting")
        (found,) = answer["infoGatewayRoutings"]
        self.assertEqual(found["maxSecondRates"], Decimal("0.000000000001"))
