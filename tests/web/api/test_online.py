"""
Tests of what is online: phones, mapping gateways and routing gateways.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from tests.web.site import CONTRACT, NOON, WebCase
from vos3000.routing.location import Binding
from vos3000.routing.quality import Figures

MS = NOON * 1000
OURS = "203.0.113.1"


def binding(aor: str = "1001", **fields: Any) -> Binding:
    """A registration of a minute ago, refreshed ten seconds ago."""
    given: dict[str, Any] = {
        "flow": "",
        "contact": "sip:1001@10.0.0.7:5060",
        "transport": "udp",
        "remote": ("198.51.100.7", 4444),
        "local": ("203.0.113.1", 5060),
        "named": None,
        "call_id": "c",
        "cseq": 1,
        "registered": MS - 60_000,
        "updated": MS - 10_000,
        "expires": MS + 3_600_000,
        "product": "Desk/1",
    }
    return Binding(aor, **{**given, **fields})


class OnlineCase(WebCase):
    """Tests on a switch with two phones."""

    def setUp(self) -> None:
        super().setUp()
        for e164 in ("1001", "1002"):
            self.do("CreatePhone", e164=e164, autoCreateAccount=False)

    def online(self, noun: str, **fields: Any) -> list[dict[str, Any]]:
        """The records of an online list."""
        answer = self.do(f"Get{noun}Online", **fields)
        return list(answer[f"info{noun}Onlines"])


class PhoneTests(OnlineCase):
    """GetPhoneOnline and GetAllPhoneOnline."""

    def test_bytes(self) -> None:
        """The answer to the byte."""
        self.switch.location.put(binding())
        self.switch.phone_lines.call("1001")
        self.switch.phone_lines.ring("1001")
        self.assertEqual(
            self.post("GetPhoneOnline", '{"e164s":["1001","1002","9"]}'),
            '{"retCode":0,"infoPhoneOnlines":[{"e164":"1001","currentCall":2,'
            '"remoteIp":"198.51.100.7","localIp":"203.0.113.1",'
            f'"registerTime":{MS - 60_000},"updateTime":{MS - 10_000},'
            '"protocol":1,"cryptoType":0,"productId":"Desk/1"}]}',
        )

    def test_offline(self) -> None:
        """Phones that are not registered are not in the answer."""
        empty = '{"retCode":0,"infoPhoneOnlines":[]}'
        for body in ('{"e164s":["1001"]}', '{"e164s":[]}', '{"e164s":["9"]}'):
            self.assertEqual(self.post("GetPhoneOnline", body), empty)
        self.assertEqual(
            self.post("GetPhoneOnline", "{}"),
            '{"retCode":-10124,"exception":"Input parameter error: e164s is missing",'
            '"infoPhoneOnlines":[]}',
        )

    def test_asked_twice(self) -> None:
        """Each once, in the order asked for."""
        for e164 in ("1001", "1002"):
            self.switch.location.put(binding(e164))
        found = self.online("Phone", e164s="1002,1001,1002")
        self.assertEqual([each["e164"] for each in found], ["1002", "1001"])

    def test_all(self) -> None:
        """Numbers of all phones online; gateways that register are none."""
        all_ = '{"retCode":0,"e164s":[%s]}'
        self.assertEqual(self.post("GetAllPhoneOnline", "{}"), all_ % "")
        self.switch.location.put(binding("1002"))
        self.switch.location.put(binding("1002", flow="second"))
        self.switch.location.put(binding("trunk"))
        self.assertEqual(self.post("GetAllPhoneOnline", ""), all_ % '"1002"')
        self.assertEqual(self.online("Phone", e164s=["trunk"]), [])


class MappingTests(OnlineCase):
    """GetGatewayMappingOnline."""

    def create(self, name: str = "gw", **fields: Any) -> None:
        """Make a gateway."""
        self.do("CreateGatewayMapping", name=name, **fields)

    def test_static(self) -> None:
        """One of a fixed address is always there, its times are 0."""
        self.create(remoteIps="192.0.2.1, 192.0.2.2:5070", capacity=30)
        self.switch.mapping.lines.acquire("gw", 30)
        (gateway,) = self.switch.handed["mapping"]
        self.assertEqual(
            self.post("GetGatewayMappingOnline", "{}"),
            f'{{"retCode":0,"infoGatewayMappingOnlines":[{{"id":{gateway.id},'
            '"name":"gw","currentCall":1,"capacity":30,"asr":0.0,"acd":0,'
            '"remoteIps":"192.0.2.1,192.0.2.2:5070","localIp":"203.0.113.1",'
            '"registerTime":0,"updateTime":0,"keepTime":0,"cryptoType":0,'
            '"softswitchName":"vos3000","softswitchIp":"203.0.113.1"}]}',
        )

    def test_towards_whom(self) -> None:
        """Our address is the one towards the first that it may call from."""
        for index, (entries, address) in enumerate(
            (
                ("192.0.2.9:5070,192.0.2.1", "192.0.2.9"),
                ("192.0.2.0/24", "192.0.2.1"),
                ("192.0.2.16-192.0.2.19", "192.0.2.17"),
                ("[2001:db8::5]:5070", "2001:db8::5"),
            )
        ):
            self.create(f"gw{index}", remoteIps=entries)
            self.switch.towards.clear()
            (found,) = self.online("GatewayMapping", names=[f"gw{index}"])
            self.assertEqual(found["remoteIps"], entries)
            self.assertEqual(found["localIp"], "203.0.113.1")
            self.assertEqual(self.switch.towards, [address])

    def test_dynamic(self) -> None:
        """One that registers is there while it is registered."""
        self.create(registerType=1, password="p")
        self.assertEqual(self.online("GatewayMapping"), [])
        self.switch.location.put(binding("gw"))
        (found,) = self.online("GatewayMapping")
        self.assertEqual(
            (found["remoteIps"], found["natIp"], found["localIp"]),
            ("198.51.100.7", "10.0.0.7", "203.0.113.1"),
        )
        self.assertEqual(
            (found["registerTime"], found["updateTime"], found["keepTime"]),
            (MS - 60_000, MS - 10_000, 60),
        )
        open_ = binding("gw", named=("198.51.100.7", 4444))
        self.switch.location.put(open_)
        self.assertNotIn("natIp", self.online("GatewayMapping")[0])

    def test_filters(self) -> None:
        """By names, and by the name of the switch."""
        for name in ("a", "b"):
            self.create(name, remoteIps="192.0.2.1")
        self.create("nowhere")
        for fields, expected in (
            ({}, ["a", "b"]),
            ({"names": []}, ["a", "b"]),
            ({"names": ["b", "nowhere", "none"]}, ["b"]),
            ({"softswitchName": "vos3000"}, ["a", "b"]),
            ({"softswitchName": "other"}, []),
            ({"accounts": ""}, ["a", "b"]),
        ):
            found = self.online("GatewayMapping", **fields)
            self.assertEqual([each["name"] for each in found], expected, fields)

    def test_silent(self) -> None:
        """One that does not answer OPTIONS is offline."""
        self.create(remoteIps="192.0.2.1")
        self.switch.mapping.standing.answers("gw", False)
        self.assertEqual(self.online("GatewayMapping"), [])


class RoutingTests(OnlineCase):
    """GetGatewayRoutingOnline."""

    def create(self, name: str = "gw", **fields: Any) -> None:
        """Make a gateway."""
        self.do("CreateGatewayRouting", name=name, **fields)

    def test_static(self) -> None:
        """Every field that is promised, in the contract's order."""
        self.create(remoteIp="192.0.2.1", prefix="44,45", localIp="203.0.113.9")
        text = self.post("GetGatewayRoutingOnline", "{}")
        (found,) = json.loads(text)["infoGatewayRoutingOnlines"]
        promised = [
            field.name
            for field in CONTRACT.types["InfoGatewayRoutingOnline"]
            if field.required
        ]
        self.assertEqual(list(found), promised)
        self.assertEqual((found["prefix"], found["remoteIp"]), ("44,45", "192.0.2.1"))
        self.assertEqual((found["localIp"], found["retryAfter"]), ("203.0.113.9", 0))

    def test_known_by_name(self) -> None:
        """What its name leads to is what is known now: a list waits for nobody."""
        self.create(remoteIp="gw.example")
        self.switch.servers["gw.example"] = ""
        (found,) = self.online("GatewayRouting")
        self.assertEqual((found["remoteIp"], found["localIp"]), ("gw.example", ""))
        self.assertEqual(self.switch.towards, [])
        self.switch.servers["gw.example"] = "192.0.2.77"
        (found,) = self.online("GatewayRouting")
        self.assertEqual(found["remoteIp"], "gw.example")
        self.assertEqual((found["localIp"], found["softswitchIp"]), (OURS, OURS))
        self.assertEqual(self.switch.towards, ["192.0.2.77"])

    def test_paused(self) -> None:
        """Retry-After shows as the milliseconds that are left."""
        self.create(remoteIp="192.0.2.1")
        self.switch.routing.standing.pause("gw", 30)
        self.switch.clock.advance(10)
        (found,) = self.online("GatewayRouting")
        self.assertEqual(found["retryAfter"], 20_000)

    def test_registered_elsewhere(self) -> None:
        """A gateway that we register with is there once we are, by our name."""
        self.create(remoteIp="192.0.2.1", registerType=2, registerName="4930")
        standing = self.switch.routing.standing
        standing.load(["gw"], ["gw"])
        self.assertEqual(self.online("GatewayRouting"), [])
        standing.registered("gw", "4930")
        self.switch.clock.advance(50)
        standing.registered("gw", "4930")
        self.switch.clock.advance(10)
        (found,) = self.online("GatewayRouting")
        self.assertEqual(found["registerName"], "4930")
        self.assertEqual(
            (found["registerTime"], found["updateTime"], found["keepTime"]),
            (MS, MS + 50_000, 60),
        )

    def test_dynamic(self) -> None:
        """One that registers with us is where it is registered."""
        self.create(registerType=1, password="p")
        self.switch.location.put(binding("gw"))
        (found,) = self.online("GatewayRouting", names=["gw"])
        self.assertEqual(
            (found["remoteIp"], found["natIp"]), ("198.51.100.7", "10.0.0.7")
        )
        self.assertNotIn("registerName", found)

    def test_quality(self) -> None:
        """The figures of the sliding window."""

        class Measured:
            def figures(self, gateway: str) -> Figures:
                return Figures(Decimal("0.5"), 61, Decimal(1), Decimal("0.75"))

        self.create(remoteIp="192.0.2.1")
        self.switch.measure(Measured())
        (found,) = self.online("GatewayRouting")
        names = ("asr", "acd", "responseRatio", "connectedRatio")
        expected = [Decimal("0.5"), 61, Decimal("1.0"), Decimal("0.75")]
        self.assertEqual([found[name] for name in names], expected)
