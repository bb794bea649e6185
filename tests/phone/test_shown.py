"""
Who is shown to whom an attended transfer connects somebody to.
"""

from __future__ import annotations

from typing import Any

import attrs

from tests.call.phones import PhoneCallTests
from tests.peers import Callee, Caller
from tests.phone.test_attended import refer_to
from tests.phones import DESK, PhonePeer
from tests.switch import ANSWER, CALLEE, CALLER, OFFER, Switch, routing_gateway
from vos3000.model.sipoptions import ORDINARY, IdentityMode, PrivacyMode
from vos3000.sip.message import Request, Response

TOLD = attrs.evolve(ORDINARY, p_asserted=IdentityMode.CALLER, remote_party_id=True)
"""The options of a gateway that is told who calls."""


class ShownTests(PhoneCallTests):
    """555 calls the phone 1001, which consults 2000 and connects both."""

    def asked(
        self,
        mode: int = 0,
        parameter: str = "Original caller",
        more: tuple[str, ...] = (),
        **route: Any,
    ) -> Request:
        """
        The re-INVITE that 2000 gets.

        @param mode: callTransferAskDisplay.
        @param parameter: SS_CALL_TRANSFER_ASK_DISPLAY.
        @param more: Headers of 555's INVITE.
        @param route: What differs in the gateway of 2000.
        """
        self.now = switch = self.switch(
            routing=[routing_gateway(**{"sip": TOLD, **route})],
            parameters={"SS_CALL_TRANSFER_ASK_DISPLAY": parameter},
        )
        self.talking(switch, mode, more)
        call = self.one.call("2000")
        self.other = switch.request(CALLEE)
        self.before = self.other.get("p-asserted-identity")
        callee = Callee(switch)
        callee.reply(self.other, 200, ANSWER)
        answer = switch.taken(DESK)[-1]
        assert isinstance(answer, Response)
        call.ack(answer)
        switch.taken()
        self.one.ask(self.invite, "REFER", headers=[refer_to(call)])
        return switch.request(CALLEE)

    def talking(self, switch: Switch, mode: int, more: tuple[str, ...] = ()) -> None:
        """555 talks to the phone."""
        switch.phone("1001", callTransferAskDisplay=mode)
        self.one = PhonePeer(switch)
        self.one.register()
        self.outside = Caller(switch, number="555", callee="1001")
        self.outside.invite(OFFER, more)
        self.invite = self.one.rings()
        self.one.answers(self.invite)
        self.outside.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        switch.taken()

    def test_original_caller(self) -> None:
        """2000 was called by 1001, and is told that it talks to 555 now."""
        for asked in (self.asked(), self.asked(1, "Local number")):
            self.assertEqual(self.before, '"A" <sip:1001@192.0.2.1>')
            self.assertEqual(asked.get("p-asserted-identity"), "<sip:555@192.0.2.1>")
            self.assertEqual(
                asked.get("remote-party-id"),
                "<sip:555@192.0.2.1>;party=calling;screen=yes;privacy=off",
            )
            self.assertEqual(asked.from_.uri.user, "1001")

    def test_own_number(self) -> None:
        """Nothing is told: it is who called."""
        for asked in (self.asked(2), self.asked(0, "Local number")):
            self.assertIsNone(asked.get("p-asserted-identity"))
            self.assertIsNone(asked.get("remote-party-id"))

    def test_not_told(self) -> None:
        """A gateway that is told no identities."""
        asked = self.asked(sip=ORDINARY)
        self.assertIsNone(asked.get("p-asserted-identity"))

    def test_rules(self) -> None:
        """The number as that gateway's rules make it."""
        asked = self.asked(rewrite_caller="5:0049305")
        told = asked.get("p-asserted-identity")
        self.assertEqual(told, "<sip:004930555@192.0.2.1>")

    def test_withheld(self) -> None:
        """Who asked for its number to be withheld is told of as such."""
        asked = self.asked(more=("Privacy: id",))
        self.assertEqual(asked.get("privacy"), "id")
        self.assertIn("privacy=full", asked.get("remote-party-id") or "")
        hushed = attrs.evolve(TOLD, privacy=PrivacyMode.OMIT)
        asked = self.asked(more=("Privacy: id",), sip=hushed)
        self.assertIsNone(asked.get("p-asserted-identity"))

    def test_taken_back(self) -> None:
        """555 does not agree: 2000 is told of 1001 again."""
        asked = self.asked()
        callee = Callee(self.now)
        callee.reply(asked, 200, ANSWER)
        self.now.taken(CALLEE)
        self.outside.reply(self.now.request(CALLER), 488)
        again = self.now.request(CALLEE)
        self.assertEqual(again.get("p-asserted-identity"), "<sip:1001@192.0.2.1>")

    def test_next_gateway(self) -> None:
        """A gateway that is tried after the transfer is told at once."""
        further = routing_gateway(id=3, name="second", remote_ip="192.0.2.21")
        first = routing_gateway(switch_on_ring=True)
        switch = self.switch(routing=[first, attrs.evolve(further, priority=9)])
        self.talking(switch, 1)
        call = self.one.call("2000")
        invite = switch.request(CALLEE)
        Callee(switch).reply(invite, 180)
        call.to = switch.taken(DESK)[-1].get("to") or ""
        self.one.ask(self.invite, "REFER", headers=[refer_to(call)])
        Callee(switch).reply(invite, 503)
        switch.taken(CALLEE)
        placed = switch.request(("192.0.2.21", 5060))
        self.assertEqual(placed.from_.uri.user, "555")
