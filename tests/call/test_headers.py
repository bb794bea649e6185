"""
Headers that the operator adds to INVITEs (sipInviteHeaders), and headers of the
other side that are let through (sipExtraHeaders).
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.call.build import CallTests, Up, final
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.call.sipleg.headers import (
    LONGEST_LINE,
    MOST_LINES,
    VARIABLES,
    read,
    unusable,
)
from vos3000.model.sipoptions import SipOptions
from vos3000.sip.message import Message, Request

RICH = (
    "X-One: 1",
    "x-two: <sip:2@192.0.2.10>",
    "P-Charging-Vector: icid-value=7",
    "Subject: private",
    "Identity: signed",
    "Organization: Acme",
    "P-Asserted-Identity: <sip:9999@secret.example>",
    "Supported: x-ours",
    "Reason: Q.850;cause=16",
)
PASSED = {
    "X-One": "1",
    "x-two": "<sip:2@192.0.2.10>",
    "P-Charging-Vector": "icid-value=7",
    "Subject": "private",
}


class TemplateTests(SynchronousTestCase):
    """Reading lines with variables."""

    def test_every_variable(self) -> None:
        """What is told to operators is what is there."""
        for name in VARIABLES:
            (template,), problems = read(f"X-A: <${{{name}}}>")
            self.assertEqual(problems, ())
            self.assertEqual(template.filled({name: "7"}), "<7>")

    def test_plain_text(self) -> None:
        """A dollar or a brace alone is a sign like others; several lines."""
        templates, problems = read("X-A: $5 {x} $x\n\r\n  subject:hi \n")
        self.assertEqual(problems, ())
        self.assertEqual(
            [(each.name, each.filled({})) for each in templates],
            [("X-A", "$5 {x} $x"), ("Subject", "hi")],
        )

    def test_what_is_refused(self) -> None:
        """Each with its reason; good lines beside it are used."""
        for line, problem in (
            ("no colon", "form"),
            ("a b: 1", "name"),
            (": 1", "name"),
            ("X-A:", "no value"),
            ("X-A: ${nothing}", "variable"),
            ("X-A: ${caller", "no end"),
            ("X-A: a\tb", "printed"),
            ("X-A: a\x00b", "printed"),
            ("X-A: " + "x" * LONGEST_LINE, "characters"),
            ("From: <sip:1@x>", "operator"),
            ("v: SIP/2.0/UDP x", "operator"),
            ("Content-Length: 0", "operator"),
            ("Privacy: id", "operator"),
            ("P-Asserted-Identity: <tel:1>", "operator"),
            ("Diversion: <tel:1>", "operator"),
            ("Authorization: x", "operator"),
        ):
            templates, problems = read(f"X-Good: 1\n{line}")
            self.assertEqual([each.name for each in templates], ["X-Good"])
            self.assertEqual(len(problems), 1, line)
            self.assertIn(problem, problems[0])

    def test_they_are_bounded(self) -> None:
        """In number."""
        templates, problems = read("X-A: 1\n" * (MOST_LINES + 3))
        self.assertEqual((len(templates), len(problems)), (MOST_LINES, 3))

    @settings(deadline=None)
    @given(st.text(max_size=300), st.text(max_size=100))
    def test_any_text(self, text: str, value: str) -> None:
        """Whatever a line and a value hold: one line comes of them, of this value."""
        templates, _ = read(text)
        values = dict.fromkeys(VARIABLES, value)
        for template in (*templates, *read("X-A: <sip:${caller}@x>;a=b")[0]):
            filled = template.filled(values)
            self.assertTrue(filled.isprintable(), filled)
        (template,), _ = read("X-A: <sip:${caller}@x>;a=b")
        self.assertRegex(template.filled(values), r'^<sip:[^<>",;\\]*@x>;a=b$')


class HeaderTests(CallTests):
    """Calls between gateways with options."""

    def between(
        self,
        mapping: dict[str, Any] | None = None,
        routing: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Switch:
        """A switch whose gateways have these SIP options."""
        return self.switch(
            mapping=[mapping_gateway(sip=SipOptions(**mapping or {}))],
            routing=[
                routing_gateway(
                    sip=SipOptions(**routing or {}),
                    rewrite_caller="1:91",
                    rewrite_callee="2:92",
                )
            ],
            **settings,
        )

    def passed(self, message: Message) -> dict[str, str]:
        """Those of the headers of C{RICH} that it has; Supported is our own."""
        names = {line.partition(":")[0].lower() for line in RICH} - {"supported"}
        self.assertNotIn("x-ours", message.all("supported"))
        return {name: v for name, v in message.items() if name.lower() in names}


class AddedTests(HeaderTests):
    """sipInviteHeaders."""

    def invite(
        self, lines: str, headers: tuple[str, ...] = (), **options: Any
    ) -> Request:
        """The INVITE that the gateway gets."""
        switch = self.between(routing={"invite_headers": lines, **options})
        Caller(switch).invite(OFFER, headers)
        return switch.request(CALLEE)

    def test_variables(self) -> None:
        """Each says what it is said to say."""
        invite = self.invite(
            "\n".join(f"X-{name}: ${{{name}}}" for name in VARIABLES)
            + "\nP-Charging-Vector: icid-value=${call-id}-${call}"
        )
        found = {name: invite.get(f"x-{name}") for name in VARIABLES}
        self.assertEqual(
            found,
            {
                "caller": "91000",
                "callee": "92000",
                "billed-caller": "1000",
                "billed-callee": "2000",
                "received-caller": "1000",
                "received-callee": "2000",
                "source": "ingress",
                "gateway": "first",
                "account": "acme",
                "customer-ip": CALLER[0],
                "local-ip": "192.0.2.1",
                "call-id": "call-1",
                "call": "1",
            },
        )
        self.assertEqual(invite.get("p-charging-vector"), "icid-value=call-1-1")

    def test_bad_lines_cost_no_call(self) -> None:
        """They are left out."""
        invite = self.invite("nonsense\nX-A: ${x}\nVia: x\nX-Good: yes")
        self.assertEqual(invite.get("x-good"), "yes")
        self.assertIsNone(invite.get("x-a"))
        self.assertEqual(len(invite.all("via")), 1)

    def test_nothing_to_say(self) -> None:
        """A header whose variables are empty is left out."""
        switch = self.between(routing={"invite_headers": "X-A: ${received-caller}"})
        caller = Caller(switch)
        caller.from_ = "<sip:192.0.2.10>;tag=a"
        caller.invite()
        self.assertIsNone(switch.request(CALLEE).get("x-a"))

    def test_no_way_into_the_message(self) -> None:
        """A number is no line end and no address of its own."""
        evil = "1%0d%0aX-Evil:%201%3e%40%22%3b%2c"
        switch = self.between(
            routing={"invite_headers": "X-A: <sip:${received-caller}@x>;c=${call-id}"}
        )
        caller = Caller(switch, call_id='c"<>;,@x')
        caller.from_ = f"<sip:{evil}@192.0.2.10>;tag=a"
        caller.send(caller.make("INVITE", OFFER, branch="z9hG4bKx"))
        invite = switch.request(CALLEE)
        self.assertIsNone(invite.get("x-evil"))
        self.assertEqual(invite.get("x-a"), "<sip:1%0d%0aX-Evil@x>;c=c@x")

    def test_in_place_of_the_caller_s(self) -> None:
        """A line that is added wins over the caller's header of its name."""
        invite = self.invite(
            "X-One: ours", ("x-one: theirs", "X-Two: 2"), extra_headers="*"
        )
        self.assertEqual(invite.all("x-one"), ["ours"])
        self.assertEqual(invite.get("x-two"), "2")

    def test_only_the_invite(self) -> None:
        """Requests of the talk have none of them."""
        switch = self.between(routing={"invite_headers": "X-A: 1"})
        up = Up(switch)
        self.assertEqual(up.invite.get("x-a"), "1")
        self.assertIsNone(up.ack.get("x-a"))
        up.caller.ask("INVITE", OFFER)
        self.assertIsNone(up.passed().get("x-a"))


class ThroughTests(HeaderTests):
    """sipExtraHeaders."""

    def test_invite(self) -> None:
        """All of the caller's, some of them, none."""
        for text, passed in (
            ("*", PASSED),
            ("*, identity", {**PASSED, "Identity": "signed"}),
            (
                "x-ONE,identity,p-asserted-identity",
                {"X-One": "1", "Identity": "signed"},
            ),
            ("x-three", {}),
            ("from,via,reason", {}),
            ("", {}),
        ):
            switch = self.between(routing={"extra_headers": text})
            Caller(switch).invite(OFFER, RICH)
            self.assertEqual(self.passed(switch.request(CALLEE)), passed, text)

    def test_responses(self) -> None:
        """Of 18x and 200, with a description or without."""
        headers = [
            tuple(line.split(": ", 1))  # type: ignore[misc]
            for line in RICH
        ]
        switch = self.between(mapping={"extra_headers": "*"})
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        switch.taken(CALLER)
        callee.reply(invite, 180, b"", headers)
        self.assertEqual(self.passed(switch.response(CALLER)), PASSED)
        callee.reply(invite, 183, ANSWER, headers)
        progress = switch.response(CALLER)
        self.assertEqual(self.passed(progress), PASSED)
        self.assertIn(b"m=audio", progress.body)
        callee.reply(invite, 200, ANSWER, headers)
        ok = switch.response(CALLER)
        self.assertEqual((ok.status, self.passed(ok)), (200, PASSED))

    def test_bye_and_info(self) -> None:
        """From either side, to the one that wants them."""
        both = {"extra_headers": "x-one,subject"}
        expected = {"X-One": "1", "Subject": "private"}
        for end in ("caller", "callee"):
            switch = self.between(mapping=both, routing=both)
            up = Up(switch)
            switch.taken()
            if end == "caller":
                up.caller.ask("INFO", b"Signal=1", "application/dtmf-relay", RICH)
                info = up.passed()
                self.assertEqual(info.body, b"Signal=1")
                self.assertEqual(self.passed(info), expected)
                up.caller.ask("BYE", headers=RICH)
                bye = up.passed()
            else:
                up.callee.ask(up.invite, "INFO", headers=RICH)
                info = up.asked()
                self.assertEqual(self.passed(info), expected)
                up.callee.ask(up.invite, "BYE", headers=RICH)
                bye = up.asked()
            self.assertEqual((info.method, bye.method), ("INFO", "BYE"))
            self.assertEqual(self.passed(bye), expected)

    def test_nothing_without_the_option(self) -> None:
        """And what one side wants is not sent to the other."""
        switch = self.between(routing={"extra_headers": "*"})
        up = Up(switch)
        up.callee.ask(up.invite, "INFO", headers=RICH)
        self.assertEqual(self.passed(up.asked()), {})
        up.callee.ask(up.invite, "BYE", headers=RICH)
        self.assertEqual(self.passed(up.asked()), {})

    def test_other_messages(self) -> None:
        """Re-INVITE, UPDATE, OPTIONS and refusals keep theirs to themselves."""
        both = {"extra_headers": "*"}
        switch = self.between(mapping=both, routing=both)
        up = Up(switch)
        for method in ("INVITE", "UPDATE", "OPTIONS"):
            body = b"" if method == "OPTIONS" else OFFER
            up.caller.ask(method, body, headers=RICH)
            passed = up.passed()
            self.assertEqual(self.passed(passed), {})
            up.callee.reply(passed, 488, b"", [("X-One", "1")])
            refusal = final(switch, CALLER)
            self.assertEqual(self.passed(refusal), {})
            if method == "INVITE":
                up.caller.ack(refusal)
            switch.taken()

    def test_names_that_cannot_pass(self) -> None:
        """They are told to the operator."""
        self.assertEqual(unusable("x-one,*,Via,a b"), ("via", "a b"))
