"""Tests of what the web interface writes of who changed what."""

from __future__ import annotations

import json
from typing import Any

from tests.rows import rows
from tests.web.site import WebCase
from vos3000.db.settings import AccessRule
from vos3000.errors import ChangedMeanwhile
from vos3000.web import retcodes
from vos3000.web.dispatch import Dispatcher
from vos3000.web.endpoint import Changing

_CHANGES = (
    ("CreateCustomer", {"account": "acme"}, "account acme"),
    ("Pay", {"ownerType": 2, "ownerName": "acme", "money": "1"}, "account acme"),
    ("CreateFeeRateGroup", {"name": "gold"}, "rate group gold"),
    ("CreateLimitE164Group", {"name": "vip"}, "number group vip"),
    ("ModifyLimitE164Group", {"name": "vip", "memo": "x"}, "number group vip"),
    (
        "CreateLimitE164",
        {"limitE164GroupName": "vip", "infoLimitE164s": [{"e164": "86"}]},
        "number group vip",
    ),
    (
        "DeleteLimitE164",
        {"limitE164GroupName": "vip", "e164s": ["86"]},
        "number group vip",
    ),
    ("DeleteLimitE164Group", {"name": "vip"}, "number group vip"),
    ("CreatePhone", {"e164": "1001", "autoCreateAccount": False}, "phone 1001"),
    ("ModifyPhone", {"e164": "1001", "memo": "x"}, "phone 1001"),
    ("DeletePhone", {"e164": "1001"}, "phone 1001"),
    ("CreateGatewayMapping", {"name": "in"}, "mapping gateway in"),
    ("ModifyGatewayMapping", {"name": "in", "memo": "x"}, "mapping gateway in"),
    ("DeleteGatewayMapping", {"name": "in"}, "mapping gateway in"),
    ("CreateGatewayRouting", {"name": "out"}, "routing gateway out"),
    ("ModifyGatewayRouting", {"name": "out", "memo": "x"}, "routing gateway out"),
    ("DeleteGatewayRouting", {"name": "out"}, "routing gateway out"),
)


class ChangesTests(WebCase):
    """Who did it, and what it was."""

    def told(self) -> list[Any]:
        """The rows: who, what, old and new."""
        return rows(
            self.switch.connection,
            "SELECT username, event, infoold, infonew FROM e_syslog ORDER BY id",
        )

    def test_each_interface_that_changes_something(self) -> None:
        """One row for each, by the address of the client."""
        for name, fields, event in _CHANGES:
            before = len(self.told())
            self.do(name, **fields)
            told = self.told()
            self.assertEqual(len(told), before + 1, name)
            self.assertEqual(told[-1][:2], ("web 127.0.0.1", event), name)

    def test_none_is_forgotten(self) -> None:
        """Whatever is named like a change is one that is told who asks."""
        verbs = ("Create", "Modify", "Delete", "Pay", "Set", "Disconnect")
        for endpoint in self.switch.endpoints():
            changes = endpoint.name.startswith(verbs)
            self.assertEqual(isinstance(endpoint, Changing), changes, endpoint.name)

    def test_refusals_are_no_changes(self) -> None:
        """Nothing is written of what was not done."""
        self.code("ModifyPhone", e164="1", memo="x")
        self.code("Pay", ownerType=2, ownerName="nobody", money=1)
        self.assertEqual(self.told(), [])

    def test_device(self) -> None:
        """A row of the access list may give its client a name."""
        rule = AccessRule("/external/server", ("192.0.2.0/24",), "portal")
        self.switch.access.load([rule])
        body = b'{"account":"acme"}'
        head = b"POST /external/server/CreateCustomer HTTP/1.0\r\nContent-Length: 18"
        self.switch.send(head + b"\r\n\r\n" + body, "192.0.2.7")
        self.assertEqual(self.told()[0][0], "portal 192.0.2.7")

    def test_no_password(self) -> None:
        """Neither the old one nor the new one."""
        fields = {"e164": "1001", "autoCreateAccount": False, "password": "geheim"}
        self.do("CreatePhone", **fields)
        self.do("ModifyPhone", e164="1001", password="anders")
        texts = json.dumps(self.told())
        self.assertNotIn("geheim", texts)
        self.assertNotIn("anders", texts)
        self.assertEqual(self.told()[-1][2:], ('{"password":"***"}',) * 2)

    def test_only_what_was_sent_is_changed(self) -> None:
        """Two operators who change different fields do not undo each other."""
        self.do("CreateGatewayMapping", name="in", capacity=5, memo="old")
        self.do("ModifyGatewayMapping", name="in", capacity=7)
        self.do("ModifyGatewayMapping", name="in", memo="new")
        (found,) = self.do("GetGatewayMapping", names=["in"])["infoGatewayMappings"]
        self.assertEqual((found["capacity"], found["memo"]), (7, "new"))

    def test_versions(self) -> None:
        """Who says what he has seen does not undo what he has not seen."""
        fields = {"e164": "1001", "autoCreateAccount": False}
        for key, noun, answers, made in (
            ("name", "GatewayMapping", "infoGatewayMappings", {"name": "in"}),
            ("name", "GatewayRouting", "infoGatewayRoutings", {"name": "out"}),
            ("e164", "Phone", "infoPhones", fields),
        ):
            self.do(f"Create{noun}", **made)
            named = {f"{key}s": [made[key]]}
            plain = self.do(f"Get{noun}", **named)
            self.assertNotIn("versions", plain)
            seen = self.do(f"Get{noun}", versions=True, **named)
            self.assertEqual(seen[answers], plain[answers])
            first, second = {"memo": "first"}, {"memo": "second"}
            for each in (first, second):
                each.update({key: made[key], "version": seen["versions"]})
            self.do(f"Modify{noun}", **first)
            code = self.code(f"Modify{noun}", **second)
            self.assertEqual(code, retcodes.CHANGED, noun)
            (found,) = self.do(f"Get{noun}", **named)[answers]
            self.assertEqual(found["memo"], "first")

    def test_changed_meanwhile(self) -> None:
        """Its retCode is its own."""

        async def refuse(fields: Any, by: Any) -> Any:
            raise ChangedMeanwhile("gateway", "in")

        switch = self.switch
        dispatcher: Dispatcher = switch.dispatch_to([Changing("DeletePhone", refuse)])
        answered = dispatcher.dispatch("DeletePhone", b'{"e164":"1"}')
        text = "".join(map(str, self.successResultOf(answered).pieces))
        self.assertEqual(json.loads(text)["retCode"], retcodes.CHANGED)
