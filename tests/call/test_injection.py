"""
No value of a peer becomes a header, a line or an address of another message,
with every option on that lets something through.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.call.build import CallTests, Up
from tests.peers import Caller
from tests.switch import CALLEE, OFFER, Switch, mapping_gateway, routing_gateway
from vos3000.model.sipoptions import (
    ForwardSignal,
    IdentityMode,
    PrivacyMode,
    ReasonMode,
    SipOptions,
)
from vos3000.sip.message import Request

LINE = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40
) | st.sampled_from(
    (
        '"a" <sip:1@x>;x="y, z"',
        "<sip:1%0d%0aX-Evil:%201@x>",
        "tel:1;phone-context=%0d",
        "<sip:1@x?X-Evil=1&Privacy=history>;index=1, <sip:2@x;cause=302>;index=1.1",
        'Q.850;cause=16;text="a\\"b"',
        "id;none;critical",
        "<sip:1@x>;reason=\x0bno-answer;counter=1",
        "\x00\x7f\x1b[2J",
    )
)
NUMBER = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)

ALL = SipOptions(
    privacy=PrivacyMode.PASS,
    p_asserted=IdentityMode.PASS,
    p_preferred=IdentityMode.CALLER,
    remote_party_id=True,
    recognizes_forward=True,
    sends_forward=ForwardSignal.BOTH,
    user_phone=True,
    reason=ReasonMode.PASS,
    extra_headers="*",
    invite_headers=(
        "X-Ours: <sip:${received-caller}@x>;c=${call-id}\n"
        'X-Name: "${caller}" ${received-callee} ${billed-callee}'
    ),
)
TELLING = (
    "Privacy",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Remote-Party-ID",
    "Diversion",
    "History-Info",
    "X-Theirs",
    "Identity",
    "Reason",
)
OURS = {
    *("via", "max-forwards", "from", "to", "call-id", "cseq", "contact", "allow"),
    *("user-agent", "supported", "content-type", "content-length", "reason"),
    *("session-expires", "min-se"),
    *("p-asserted-identity", "p-preferred-identity", "privacy", "remote-party-id"),
    *("diversion", "history-info", "x-ours", "x-name", "x-theirs"),
}
"""The headers that a message of ours may have here."""


class InjectionTests(CallTests):
    """Calls of a caller that writes what it likes."""

    def told(self) -> Switch:
        """A switch whose gateways are told all there is."""
        return self.switch(
            mapping=[mapping_gateway(sip=ALL)], routing=[routing_gateway(sip=ALL)]
        )

    def assert_ours(self, message: Request, body: bytes | None = None) -> None:
        """It has the headers that we write, and those that are to pass."""
        keys = [key for key, _, _ in message.named()]
        self.assertEqual(set(keys) - OURS, set())
        for key in ("via", "from", "to", "call-id", "cseq", "content-length"):
            self.assertEqual(keys.count(key), 1, key)
        self.assertEqual(message.uri.host, CALLEE[0])
        self.assertIsNotNone(message.from_tag)
        if body is not None:
            self.assertIn(body, message.body)

    @settings(deadline=None, max_examples=150)
    @given(st.fixed_dictionaries(dict.fromkeys(TELLING, LINE)), NUMBER, NUMBER, LINE)
    def test_invite(
        self, lines: dict[str, str], number: str, callee: str, display: str
    ) -> None:
        """Each header that tells something of the caller."""
        switch = self.told()
        caller = Caller(switch)
        name = display.replace("\\", "").replace('"', "")
        caller.from_ = f'"{name}" <sip:{quote(number)}@192.0.2.10>;tag=a'
        caller.uri = f"sip:{quote(callee)}@192.0.2.1"
        caller.to = f"<{caller.uri}>"
        caller.invite(OFFER, [f"{header}: {value}" for header, value in lines.items()])
        for message in switch.taken(CALLEE):
            assert isinstance(message, Request)
            self.assert_ours(message, b"m=audio 4000")

    @settings(deadline=None, max_examples=100)
    @given(st.lists(LINE, max_size=3), LINE, st.sampled_from(("BYE", "INFO", "CANCEL")))
    def test_later(self, reasons: list[str], line: str, method: str) -> None:
        """Reason and further headers of what follows."""
        headers = [*(f"Reason: {each}" for each in reasons), f"X-Theirs: {line}"]
        switch = self.told()
        if method == "CANCEL":
            caller: Any = Caller(switch)
            caller.invite()
            invite = switch.request(CALLEE)
            switch.receive(
                f"SIP/2.0 180 Ringing\r\nVia: {invite.get('via')}\r\n"
                f"From: {invite.get('from')}\r\nTo: {invite.get('to')};tag=b\r\n"
                f"Call-ID: {invite.call_id}\r\nCSeq: 1 INVITE\r\n\r\n",
                CALLEE,
            )
            branch = caller.invite_branch
            caller.send(caller.make("CANCEL", headers=headers, branch=branch))
        else:
            up = Up(switch)
            up.caller.ask(method, headers=headers)
        (message,) = [
            each
            for each in switch.taken(CALLEE)
            if isinstance(each, Request) and each.method == method
        ]
        self.assert_ours(message)
