"""Tests of L{vos3000.commands.devices} and L{vos3000.commands.online}."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import NOW, Terminal
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.phones import PhoneStore

NO_OBSTACLES = {"mapping": {}, "routing": {}}


class DeviceCase(SynchronousTestCase):
    """Tests on a database with a gateway of each side and a phone."""

    def setUp(self) -> None:
        self.terminal = Terminal(self.mktemp())
        self.terminal.make_database()
        for kind, fields in (
            (MAPPING, {"name": "in", "remoteIps": "192.0.2.1", "password": "geheim"}),
            (MAPPING, {"name": "both"}),
            (ROUTING, {"name": "out", "remoteIp": "192.0.2.2", "prefix": "44"}),
            (ROUTING, {"name": "both", "registerType": 1}),
        ):
            pool = self.terminal.pool()
            self.terminal.do(pool, GatewayStore(pool, kind).create(fields))
        pool = self.terminal.pool()
        store = PhoneStore(pool, CustomerStore(pool))
        made = {"e164": "1001", "dids": "2001,2002", "password": "geheim"}
        self.terminal.do(pool, store.create(made))

    def run_json(self, *words: str) -> Any:
        """What a command prints for programs."""
        result = self.terminal.run(*words, "--json")
        self.assertEqual(result.exit_code, 0, result.output)
        found = json.loads(result.output)
        if isinstance(found, dict):
            self.version = found.pop("version", "")
        return found

    def refused(self, *words: str) -> str:
        """What a command that changes nothing complains."""
        result = self.terminal.run(*words)
        self.assertNotEqual(result.exit_code, 0, result.output)
        return result.output


class ListTests(DeviceCase):
    """What there is."""

    def test_gateways(self) -> None:
        """Both sides, with where they are."""
        found = self.run_json("gateway", "list")
        self.assertEqual(
            [(each["name"], each["side"], each["kind"]) for each in found],
            [
                ("in", "mapping", "static"),
                ("both", "mapping", "static"),
                ("out", "routing", "static"),
                ("both", "routing", "registers here"),
            ],
        )
        text = self.terminal.run("gateway").output
        self.assertIn("192.0.2.2", text)
        self.assertNotIn("geheim", text)

    def test_phones(self) -> None:
        """Numbers, account, kind."""
        (found,) = self.run_json("phone", "list")
        self.assertEqual((found["e164"], found["dids"]), ("1001", ["2001", "2002"]))
        text = self.terminal.run("phone").output
        self.assertIn("registers here", text)

    def test_none(self) -> None:
        """An empty list says so."""
        self.terminal.execute("DELETE FROM e_phoneservice")
        self.terminal.execute("DELETE FROM e_phonesetting")
        self.terminal.execute("DELETE FROM e_phone")
        self.assertEqual(self.terminal.run("phone", "list").output, "none\n")


class ShowTests(DeviceCase):
    """Every field."""

    def test_what_is_set(self) -> None:
        """Only what differs from the defaults; passwords hidden."""
        self.assertEqual(
            self.run_json("gateway", "show", "in"),
            {"name": "in", "password": "(hidden)", "remoteIps": "192.0.2.1"},
        )
        self.assertEqual(
            self.run_json("phone", "show", "1001"),
            {"e164": "1001", "password": "(hidden)", "dids": "2001,2002"},
        )

    def test_everything(self) -> None:
        """Every field of the interface, and those beyond it."""
        found = self.run_json("gateway", "show", "out", "--all", "--passwords")
        self.assertEqual((found["transport"], found["sipTimer"]), ("udp", True))
        found = self.run_json("phone", "show", "1001", "--all", "--passwords")
        self.assertEqual((found["password"], found["sipPtime"]), ("geheim", 0))
        self.assertEqual(found["voiceMailMaxNumber"], -1)
        text = self.terminal.run("phone", "show", "1001", "--all").output
        self.assertNotIn("geheim", text)
        self.assertIn("voiceMailMaxNumber", text)

    def test_two_of_one_name(self) -> None:
        """Which one is meant has to be said."""
        self.assertIn("say --side", self.refused("gateway", "show", "both"))
        found = self.run_json("gateway", "show", "both", "--side", "routing")
        self.assertEqual(found, {"name": "both", "registerType": 1})

    def test_unknown(self) -> None:
        """What is not there is named."""
        self.assertIn("no gateway 'x'", self.refused("gateway", "show", "x"))
        words = ("gateway", "show", "in", "--side", "routing")
        self.assertIn("no routing gateway 'in'", self.refused(*words))
        self.assertIn("no phone '9'", self.refused("phone", "show", "9"))


class SetTests(DeviceCase):
    """Changes."""

    def test_gateway(self) -> None:
        """Fields of the interface and others; the rest stays as it is."""
        result = self.terminal.run(
            *("gateway", "set", "in", "capacity=30", "memo=a=b", "sipReason=2"),
            *("sipCodecs=audio/PCMA,audio/G729", "sipTimer=false", "callLevel=3"),
            'proportionCalleePrefixs=[{"proportion":3,"addPrefix":"77"}]',
        )
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("mapping gateway in: capacity, memo, ", result.output)
        self.assertIn("no switch runs with this state directory", result.output)
        self.assertEqual(
            self.run_json("gateway", "show", "in", "--passwords"),
            {
                "name": "in",
                "password": "geheim",
                "callLevel": 4,
                "capacity": 30,
                "remoteIps": "192.0.2.1",
                "memo": "a=b",
                "sipTimer": False,
                "sipCodecs": ["audio/PCMA", "audio/G729"],
                "proportionCalleePrefixs": [{"proportion": 3, "addPrefix": "77"}],
                "sipReason": 2,
            },
        )

    def test_emptied(self) -> None:
        """A text may be emptied, a number may not."""
        self.assertEqual(
            self.terminal.run("gateway", "set", "in", "remoteIps=").exit_code, 0
        )
        self.assertNotIn("remoteIps", self.run_json("gateway", "show", "in"))
        words = ("gateway", "set", "in", "capacity=")
        self.assertIn("capacity cannot be empty", self.refused(*words))

    def test_phone(self) -> None:
        """Nested fields are named like the phone's own."""
        result = self.terminal.run(
            *("phone", "set", "1001", "lockType=1", "ip=192.0.2.7", "registerType=0"),
            *("doNotDisturb=true", "sipPtime=30", "dids="),
            'busyForwardE164={"e164":"1009","forwardMethod":2,"alertSecond":9}',
        )
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertEqual(
            self.run_json("phone", "show", "1001"),
            {
                "e164": "1001",
                "password": "(hidden)",
                "lockType": 1,
                "registerType": 0,
                "ip": "192.0.2.7",
                "sipPtime": 30,
                "doNotDisturb": True,
                "busyForwardE164": {
                    "forwardMethod": 2,
                    "alertSecond": 9,
                    "e164": "1009",
                },
            },
        )

    def test_refused(self) -> None:
        """What the web interface refuses is refused here; nothing is changed."""
        before = self.run_json("gateway", "show", "in", "--all")
        for words, complaint in (
            (["capacity=many"], "capacity must be a number"),
            (["memo=m", "remoteIps=nowhere"], "remoteIps: 'nowhere'"),
            (["maxCallDurationLower=9"], "must both be -1"),
            (["account=none"], "there is no account 'none'"),
            (["nonsense=1"], "mapping gateways have no field nonsense"),
            (["name=other"], "have no field name that can be set"),
            (["calLevel=3"], "that can be set; did you mean callLevel?"),
            (["transport=tcp"], "have no field transport"),
            (["memo"], "'memo' is no field=value"),
            (["memo=1", "memo=2"], "memo stands there twice"),
            (["proportionCalleePrefixs=x"], "takes JSON"),
        ):
            self.assertIn(complaint, self.refused("gateway", "set", "in", *words))
        self.assertEqual(self.run_json("gateway", "show", "in", "--all"), before)
        for words, complaint in (
            (["port=70000"], "port must be 0 to 65535"),
            (["dids=1001"], "is the phone's own number"),
            (["infoPhoneAdditional={}"], "no field infoPhoneAdditional"),
        ):
            self.assertIn(complaint, self.refused("phone", "set", "1001", *words))
        self.assertIn("no phone '9'", self.refused("phone", "set", "9", "memo=x"))


class OnlineTests(DeviceCase):
    """What the running switch tells."""

    def test_phones(self) -> None:
        """Registered phones, with how long and how many calls."""
        stamp = int(NOW) * 1000
        self.terminal.switch.answers["GetAllPhoneOnline"] = {
            "retCode": 0,
            "e164s": ["1001"],
        }
        self.terminal.switch.answers["GetPhoneOnline"] = {
            "retCode": 0,
            "infoPhoneOnlines": [
                {
                    "e164": "1001",
                    "currentCall": 2,
                    "remoteIp": "198.51.100.7",
                    "localIp": "203.0.113.1",
                    "registerTime": stamp - 3_725_000,
                    "updateTime": stamp - 50 * 3_600_000,
                    "protocol": 1,
                    "cryptoType": 0,
                    "productId": "Desk/1",
                }
            ],
        }
        text = self.terminal.run("phones").output
        for words in ("1001", "198.51.100.7", "Desk/1", "1:02:05", "2 d 2 h"):
            self.assertIn(words, text)
        asked = self.terminal.switch.asked[-1]
        self.assertEqual(
            asked, ("/external/server/GetPhoneOnline", {"e164s": ["1001"]})
        )
        (found,) = self.run_json("phones")
        self.assertEqual(found["currentCall"], 2)

    def test_gateways(self) -> None:
        """Both sides; what is disabled says for how long."""
        self.terminal.switch.answers["obstacles"] = {
            "mapping": {},
            "routing": {
                "out": {"why": "disabled for 12 s", "address": "192.0.2.2"},
                "peer": {"why": "full, as it published", "address": "192.0.2.3"},
                "gone": {
                    "why": "not registered: 401 Unauthorized",
                    "address": "sip.example.net",
                },
            },
        }
        common = {"currentCall": 1, "acd": 61, "registerTime": 0}
        self.terminal.switch.answers["GetGatewayMappingOnline"] = {
            "retCode": 0,
            "infoGatewayMappingOnlines": [
                {**common, "name": "in", "remoteIps": "192.0.2.1", "asr": 0.5,
                 "capacity": 0}
            ],
        }  # fmt: skip
        self.terminal.switch.answers["GetGatewayRoutingOnline"] = {
            "retCode": 0,
            "infoGatewayRoutingOnlines": [
                {**common, "name": "out", "remoteIp": "192.0.2.2", "asr": 0.25,
                 "capacity": 30, "retryAfter": 12_000},
                {**common, "name": "peer", "remoteIp": "192.0.2.3", "asr": 0.0,
                 "capacity": 30, "retryAfter": 0, "registerName": "4930"},
            ],
        }  # fmt: skip
        lines = self.terminal.run("gateways").output.splitlines()
        self.assertIn("always", lines[1])
        self.assertIn("50.0 %", lines[1])
        self.assertIn("disabled for 12 s", lines[2])
        self.assertIn("full, as it published", lines[3])
        self.assertIn("gone", lines[4])
        self.assertIn("offline", lines[4])
        self.assertIn("sip.example.net", lines[4])
        self.assertIn("not registered: 401 Unauthorized", lines[4])
        found = self.run_json("gateways")
        self.assertEqual(len(found["routing"]), 2)
        self.assertEqual(found["obstacles"]["routing"]["gone"]["why"],
                         "not registered: 401 Unauthorized")  # fmt: skip
        self.terminal.switch.answers["obstacles"] = NO_OBSTACLES
        self.assertIn("as 4930", self.terminal.run("gateways").output)

    def test_nobody(self) -> None:
        """Empty lists say so."""
        answers = self.terminal.switch.answers
        answers["GetAllPhoneOnline"] = {"retCode": 0, "e164s": []}
        answers["GetGatewayMappingOnline"] = {"retCode": 0}
        answers["GetGatewayRoutingOnline"] = {"retCode": 0}
        answers["obstacles"] = NO_OBSTACLES
        self.assertEqual(self.terminal.run("phones").output, "no phone is registered\n")
        self.assertEqual(self.terminal.run("gateways").output, "no gateway is online\n")
