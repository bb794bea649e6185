"""
What tests of transfers share: who transfers, who is transferred, and to whom.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs

from tests.call.build import CallTests, Up
from tests.peers import Callee
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.accounts import Customer
from vos3000.model.gateways import RoutingGateway
from vos3000.model.sipoptions import ORDINARY
from vos3000.sip.message import Request, Response

TRANSFERS = attrs.evolve(ORDINARY, allows_transfer=True)
"""The options of a peer that may transfer calls."""

THIRD = ANSWER.replace(b"192.0.2.20", b"192.0.2.21").replace(b"6000", b"7000")
"""What who is called by a transfer describes."""

HELD = ANSWER + b"a=recvonly\r\n"


class TransferTests(CallTests):
    """
    The gateway that calls transfers its call to 2000, at CALLEE, to 3000, at
    SECOND.
    """

    def switch(self, **settings: Any) -> Switch:
        """A switch whose mapping gateway may transfer calls."""
        given: dict[str, Any] = {
            "mapping": [mapping_gateway(sip=TRANSFERS, capacity=2)],
            "routing": self.routes(),
        }
        switch = super().switch(**{**given, **settings})
        self.third = Callee(switch, SECOND)
        return switch

    def routes(self, **third: Any) -> list[RoutingGateway]:
        """
        The gateways of 2000 and 3000.

        @param third: What differs in the second's options.
        """
        given = {"id": 3, "name": "second", "remote_ip": SECOND[0]}
        options = attrs.evolve(TRANSFERS, **third)
        return [
            routing_gateway(prefixes=("2",), sip=TRANSFERS),
            routing_gateway(**given, prefixes=("3",), sip=options),
        ]

    def up(self, switch: Switch, **caller: Any) -> Up:
        """The call that will be transferred."""
        up = Up(switch, **caller)
        switch.taken()
        return up

    def refer(self, up: Up, to: str = "<sip:3000@192.0.2.1>", *headers: str) -> None:
        """The caller asks for it."""
        up.caller.ask("REFER", headers=[f"Refer-To: {to}", *headers])

    def notices(self, up: Up) -> list[str]:
        """
        What the caller was told since the last time, besides responses: the
        status in each NOTIFY, C{.} behind the last one, and other methods. All
        are answered.
        """
        told = []
        for message in up.switch.taken(CALLER):
            if isinstance(message, Response):
                continue
            up.caller.reply(message, 200)
            told.append(notice(message) or message.method)
        return told

    def begun(self, switch: Switch | None = None) -> Up:
        """A call whose transfer is under way: 3000 is called."""
        up = self.up(switch or self.switch())
        self.refer(up)
        self.accepted(up)
        return up

    def accepted(self, up: Up) -> None:
        """The caller got 202, and the first NOTIFY."""
        response, notify = up.switch.taken(CALLER)
        assert isinstance(response, Response)
        assert isinstance(notify, Request)
        self.assertEqual((response.status, notice(notify)), (202, "100"))
        up.caller.reply(notify, 200)

    def called(self, up: Up) -> Request:
        """The INVITE that 3000 got; it rings."""
        invite = up.switch.request(SECOND)
        self.assertEqual((invite.method, invite.to.uri.user), ("INVITE", "3000"))
        self.third.reply(invite, 180)
        return invite

    def transferred(self, up: Up, body: bytes = ANSWER) -> Request:
        """Transfer it blind; returns the INVITE that 3000 got."""
        self.refer(up)
        self.accepted(up)
        invite = self.called(up)
        self.assertEqual(self.notices(up), ["180"])
        self.third.reply(invite, 200, THIRD)
        self.assertEqual(up.switch.request(SECOND).method, "ACK")
        asked = up.passed()
        self.assertEqual(asked.method, "INVITE")
        self.assertIn(b"192.0.2.21", asked.body)
        self.assertIn(b"m=audio 7000", asked.body)
        up.callee.reply(asked, 200, body)
        return invite

    def agree(self, up: Up, asked: Request) -> None:
        """3000 was asked to take 2000's media, and 2000 is asked then: both do."""
        self.assertIn(b"m=audio 6000", asked.body)
        self.third.reply(asked, 200, THIRD)
        self.assertEqual(self.lines(up.switch, SECOND), ["ACK"])
        asked = up.passed()
        self.assertIn(b"m=audio 7000", asked.body)
        up.callee.reply(asked, 200, ANSWER)
        self.assertEqual(self.lines(up.switch, CALLEE), ["ACK"])

    def money(self, switch: Switch, account: str = "acme") -> Decimal:
        """What an account has."""
        found = switch.accounts.get(account)
        assert found is not None
        return found.money


def customers(money: str) -> list[Customer]:
    """Who pays, with so much, and who is paid."""
    return [
        Customer(1, "acme", "A", money=Decimal(money), fee_rate_group="retail"),
        Customer(2, "vendor", "V", fee_rate_group="cost"),
    ]


def notice(message: Request) -> str:
    """What a NOTIFY tells; C{.} behind it if it is the last."""
    if message.method != "NOTIFY":
        return ""
    assert message.get("content-type") == "message/sipfrag;version=2.0"
    state = message.get("subscription-state") or ""
    version, status, _ = message.body.decode().split(" ", 2)
    assert version == "SIP/2.0"
    return status + ("." if state == "terminated;reason=noresource" else "")
