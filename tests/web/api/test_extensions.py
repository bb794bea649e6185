"""
Tests of the settings of gateways that VOS3000's interface does not have.
"""

from __future__ import annotations

from typing import Any

from tests.web.site import CONTRACT, WebCase
from vos3000.db import gatewayfields, phonefields

LATER = {"scheduledCapacity", "tryProtectRouteDelay"}
"""Columns of VOS3000's that nothing here acts on yet."""

BOTH = {
    "maxCallRate": 30,
    "maxCallRateUnit": 2,
    "sipLocalDomain": "sip.example.net",
    "sipInviteHeaders": "X-Tenant: acme",
    "sipExtraHeaders": "*",
    "sipReason": 2,
    "sipAllowPublish": True,
    "sipOptionsPeriod": 60,
    "sipPtime": 30,
    "sipSdpIpFirst": True,
    "enableCallTransfer": True,
}
WRONG: list[tuple[str, Any]] = [
    ("maxCallRate", -1),
    ("maxCallRateUnit", 0),
    ("sipLocalDomain", "sip.example.net/x"),
    ("sipInviteHeaders", "X-Tenant acme"),
    ("sipInviteHeaders", "X Tenant: acme"),
    ("sipInviteHeaders", "X-Tenant: ac\x07me"),
    ("sipInviteHeaders", "X-Tenant: ${nobody}"),
    ("sipInviteHeaders", "Contact: <sip:x@example.net>"),
    ("sipExtraHeaders", "X-Tenant,a b"),
    ("sipExtraHeaders", "X-Tenant,Via"),
    ("sipReason", 3),
    ("sipAllowPublish", "x"),
    ("sipOptionsPeriod", 86401),
    ("sipPtime", "a"),
]


class ExtensionCase(WebCase):
    """Tests that hold for both kinds."""

    noun = "GatewayMapping"
    answers = "infoGatewayMappings"
    kind = gatewayfields.MAPPING_MORE
    more: dict[str, Any] = {
        "sipRecognizeForwardSignal": True,
        "sipRedirectServer": "[2001:db8::5]:5070;transport=tls",
    }
    wrong: list[tuple[str, Any]] = [
        ("sipRedirectServer", "192.0.2.5:70000"),
        ("sipRedirectServer", "192.0.2.5;lr"),
        ("sipRedirectServer", ":5060"),
    ]

    def stored(self) -> dict[str, Any]:
        """Every field of the one gateway, as call control has it."""
        name = self.noun.removeprefix("Gateway").lower()
        (gateway,) = self.successResultOf(getattr(self.switch.stores, name).values())
        return dict(gateway.settings)

    def test_taken(self) -> None:
        """Each can be sent; answers stay the manual's; Get and Modify keep it."""
        sent = {**BOTH, **self.more}
        self.assertEqual(set(sent), {field.name for field in self.kind} - LATER)
        self.do(f"Create{self.noun}", name="gw", **sent)
        stored = self.stored()
        self.assertEqual({name: stored[name] for name in sent}, sent)
        (shown,) = self.do(f"Get{self.noun}")[self.answers]
        self.assertEqual(sent.keys() & shown.keys(), set())
        self.do(f"Modify{self.noun}", **shown)
        self.assertEqual(self.stored(), stored)
        self.do(f"Modify{self.noun}", name="gw", sipPtime=20)
        self.assertEqual(self.stored(), {**stored, "sipPtime": 20})

    def test_refused(self) -> None:
        """A bad one is refused by its name, and nothing is changed."""
        self.do(f"Create{self.noun}", name="gw")
        before = self.stored()
        for name, value in WRONG + self.wrong:
            changes = {"name": "gw", "memo": "changed", name: value}
            answer = self.ask(f"Modify{self.noun}", **changes)
            self.assertEqual(answer["retCode"], -10124, (name, value))
            self.assertIn(f"error: {name}", answer["exception"])
            self.assertEqual(self.stored(), before)


class MappingTests(ExtensionCase):
    """Mapping gateways."""


class RoutingTests(ExtensionCase):
    """Routing gateways."""

    noun = "GatewayRouting"
    answers = "infoGatewayRoutings"
    kind = gatewayfields.ROUTING_MORE
    more = {
        "stopSwitchSipCodes": "404,486",
        "transport": "tls",
        "sipSendForwardSignal": 3,
        "sipFollowRedirect": True,
        "sipUserPhone": True,
        "sipTlsVerify": False,
        "registerName": "4930",
        "registerAuthName": "user@example.net",
        "registerDomain": "sip.example.net:5070",
        "registerExpire": 600,
    }
    wrong = [
        ("stopSwitchSipCodes", "200"),
        ("stopSwitchSipCodes", "4xx"),
        ("transport", "sctp"),
        ("transport", ""),
        ("sipSendForwardSignal", 4),
        ("registerName", 'a"b'),
        ("registerAuthName", "a b"),
        ("registerDomain", "sip.example.net:0x"),
        ("registerExpire", -1),
    ]


class ContractTests(WebCase):
    """What may be sent is what can be stored."""

    def test_phones(self) -> None:
        """A phone's own settings are those of its store."""
        sent = {field.name for field in CONTRACT.types["PhoneAdditionalSent"]}
        stored = phonefields.ADDITIONAL + phonefields.ADDITIONAL_MORE
        self.assertEqual(sent, {field.name for field in stored})
