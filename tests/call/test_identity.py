"""
Who calls, as gateways are told it: From, Privacy, P-Asserted-Identity,
P-Preferred-Identity, Remote-Party-ID, and what is withheld.
"""

from __future__ import annotations

from typing import Any

from tests.call.build import CallTests, final
from tests.peers import Callee, Caller
from tests.switch import CALLEE, CALLER, OFFER, mapping_gateway, routing_gateway
from vos3000.model.gateways import Registration
from vos3000.model.sipoptions import IdentityMode, PrivacyMode, SipOptions
from vos3000.sip.message import Request

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
BOTH = {"p_asserted": IdentityMode.CALLER, "p_preferred": IdentityMode.CALLER}
HIDDEN = ("Privacy: id",)
THEIRS = (
    'P-Asserted-Identity: "Bob" <sip:+4420@ims.example>, <tel:+4420>, <tel:3>',
    "P-Preferred-Identity: <sip:77@192.0.2.10:5060;user=phone>",
)


class IdentityTests(CallTests):
    """What the INVITE to one gateway says of the caller."""

    def placed(
        self,
        headers: tuple[str, ...] = (),
        name: str = '"Alice"',
        origin: dict[str, Any] | None = None,
        parameters: dict[str, str] | None = None,
        routing: dict[str, Any] | None = None,
        mapping: dict[str, Any] | None = None,
        **options: Any,
    ) -> Request:
        """
        The INVITE that the gateway gets.

        @param origin: SIP options of the caller's gateway; C{options} are those
            of the callee's.
        """
        switch = self.switch(
            mapping=[
                mapping_gateway(sip=SipOptions(**(origin or {})), **mapping or {})
            ],
            routing=[routing_gateway(sip=SipOptions(**options), **routing or {})],
            parameters=parameters,
        )
        peer = Caller(switch)
        peer.from_ = f"{name} <sip:1000@192.0.2.10>;tag=a"
        peer.invite(OFFER, headers)
        return switch.request(CALLEE)

    def told(self, invite: Request) -> dict[str, list[str]]:
        """The headers that tell the caller beside From."""
        names = ("privacy", "p-asserted-identity", "p-preferred-identity")
        found = {name: invite.all(name) for name in (*names, "remote-party-id")}
        return {name: values for name, values in found.items() if values}

    def from_(self, invite: Request) -> str:
        """From without its tag."""
        return (invite.get("from") or "").partition(";tag=")[0]


class FromTests(IdentityTests):
    """From, To and the request line."""

    def test_nothing_but_the_number(self) -> None:
        """As it is where no option is set: From with the name, no more."""
        invite = self.placed(THEIRS)
        self.assertEqual(self.from_(invite), '"Alice" <sip:1000@192.0.2.1>')
        self.assertEqual(self.told(invite), {})

    def test_no_display_name(self) -> None:
        """sipDisplay off."""
        invite = self.placed(name="Alice", display=False)
        self.assertEqual(self.from_(invite), "<sip:1000@192.0.2.1>")

    def test_name_that_is_a_number(self) -> None:
        """It follows the number through the rules, whatever it was."""
        for name in ('"1000"', "1000", '"+49 (30)"', '"1-0-0-0"'):
            invite = self.placed(name=name, routing={"rewrite_caller": "1:91"})
            self.assertEqual(self.from_(invite), '"91000" <sip:91000@192.0.2.1>')

    def test_name_of_any_kind(self) -> None:
        """Quotes and backslashes go out as they came in."""
        invite = self.placed(name='"A \\\\ \\"B\\" <x>; é"')
        self.assertEqual(invite.from_.display, 'A \\ "B" <x>; é')

    def test_number_for_a_name(self) -> None:
        """SS_SIP_E164_DISPLAY_FROM Caller, unless the gateway wants no name."""
        parameters = {"SS_SIP_E164_DISPLAY_FROM": "Caller"}
        for name in ('"Alice"', ""):
            invite = self.placed(name=name, parameters=parameters)
            self.assertEqual(self.from_(invite), '"1000" <sip:1000@192.0.2.1>')
        invite = self.placed(name="", parameters=parameters, display=False)
        self.assertEqual(self.from_(invite), "<sip:1000@192.0.2.1>")

    def test_local_domain(self) -> None:
        """sipLocalDomain is the host of From and of our identities."""
        invite = self.placed(local_domain="Carrier.Example", **BOTH)
        mine = '"Alice" <sip:1000@carrier.example>'
        self.assertEqual(self.from_(invite), mine)
        self.assertEqual(
            self.told(invite),
            {"p-asserted-identity": [mine], "p-preferred-identity": [mine]},
        )
        self.assertEqual(invite.to.uri.host, CALLEE[0])
        for text in ("2001:db8::1", "[2001:db8::1]"):
            invite = self.placed(local_domain=text)
            self.assertEqual(self.from_(invite), '"Alice" <sip:1000@[2001:db8::1]>')

    def test_local_domain_that_is_none(self) -> None:
        """Then it is our address, and nothing gets into the message."""
        for bad in ("a b", "x>\r\nX-Evil: 1", "x.example:5060", "x/y", "@"):
            invite = self.placed(local_domain=bad)
            self.assertEqual(self.from_(invite), '"Alice" <sip:1000@192.0.2.1>')
            self.assertIsNone(invite.get("x-evil"))

    def test_user_phone(self) -> None:
        """sipUserPhone: on request line, To, From and identities."""
        invite = self.placed(user_phone=True, remote_party_id=True, **BOTH)
        self.assertEqual(invite.uri_text, "sip:2000@192.0.2.20:5060;user=phone")
        self.assertEqual(invite.get("to"), f"<{invite.uri_text}>")
        mine = '"Alice" <sip:1000@192.0.2.1;user=phone>'
        self.assertEqual(self.from_(invite), mine)
        self.assertEqual(invite.all("p-asserted-identity"), [mine])
        self.assertEqual(invite.all("p-preferred-identity"), [mine])
        self.assertIn("user=phone>;party=", invite.get("remote-party-id") or "")

    def test_user_phone_is_for_numbers(self) -> None:
        """A name is none."""
        invite = self.placed(
            user_phone=True,
            routing={"rewrite_caller": "1000:alice", "rewrite_callee": "2000:bob"},
        )
        self.assertEqual(invite.uri_text, "sip:bob@192.0.2.20:5060")
        self.assertEqual(self.from_(invite), '"Alice" <sip:alice@192.0.2.1>')

    def test_user_phone_of_a_further_address(self) -> None:
        """Within the talk too, the target is the peer's own."""
        invite = self.placed(user_phone=True, routing={"rewrite_callee": "2:+2"})
        self.assertEqual(invite.uri.number, "+2000")
        self.assertEqual(invite.uri.param("user"), "phone")

    def test_original_number_in_to(self) -> None:
        """SS_SIP_ROUTING_GATEWAY_INVITE_USE_CONTACT."""
        rules = {"rewrite_callee": "32:6"}
        for value, to in (("Off", "6000"), ("On", "2000")):
            invite = self.placed(
                parameters={"SS_SIP_ROUTING_GATEWAY_INVITE_USE_CONTACT": value},
                mapping={"rewrite_callee": "2:32"},
                routing=rules,
            )
            self.assertEqual(invite.uri_text, "sip:6000@192.0.2.20:5060")
            self.assertEqual(invite.get("to"), f"<sip:{to}@192.0.2.20:5060>")


class AssertedTests(IdentityTests):
    """sipPAssertedIdentity, sipPPreferredIdentity, sipRemotePartyId."""

    def test_caller(self) -> None:
        """2: the caller's number as it is sent out."""
        mine = '"Alice" <sip:51000@192.0.2.1>'
        rules = {"rewrite_caller": "1:51"}
        invite = self.placed(p_asserted=IdentityMode.CALLER, routing=rules)
        self.assertEqual(self.told(invite), {"p-asserted-identity": [mine]})
        invite = self.placed(p_preferred=IdentityMode.CALLER, routing=rules)
        self.assertEqual(self.told(invite), {"p-preferred-identity": [mine]})

    def test_caller_without_a_number(self) -> None:
        """There is nothing to assert."""
        rules = {"rewrite_caller": "*:anonymous"}
        invite = self.placed(routing=rules, remote_party_id=True, **BOTH)
        self.assertEqual(self.told(invite), {})
        self.assertEqual(self.from_(invite), ANONYMOUS)

    def test_passed(self) -> None:
        """1: the caller's own; an address of the peer's becomes ours."""
        invite = self.placed(
            THEIRS, p_asserted=IdentityMode.PASS, p_preferred=IdentityMode.PASS
        )
        self.assertEqual(
            self.told(invite),
            {
                "p-asserted-identity": [
                    '"Bob" <sip:+4420@ims.example>',
                    "<tel:+4420>",
                ],
                "p-preferred-identity": ["<sip:77@192.0.2.1;user=phone>"],
            },
        )
        self.assertEqual(self.from_(invite), '"Alice" <sip:1000@192.0.2.1>')

    def test_nothing_to_pass(self) -> None:
        """Headers that are missing or cannot be read are not sent."""
        bad = ("P-Asserted-Identity: <<>, <mailto:a@b>", "P-Preferred-Identity: ,")
        for headers in ((), bad):
            invite = self.placed(
                headers, p_asserted=IdentityMode.PASS, p_preferred=IdentityMode.PASS
            )
            self.assertEqual(self.told(invite), {})

    def test_remote_party_id(self) -> None:
        """sipRemotePartyId."""
        invite = self.placed(remote_party_id=True)
        self.assertEqual(
            self.told(invite),
            {
                "remote-party-id": [
                    '"Alice" <sip:1000@192.0.2.1>;party=calling;screen=yes;privacy=off'
                ]
            },
        )

    def test_each_attempt_has_its_own(self) -> None:
        """The next gateway is told what its own options say."""
        asserting = SipOptions(p_asserted=IdentityMode.CALLER)
        switch = self.switch(
            routing=[
                routing_gateway(sip=asserting, rewrite_caller="1:91", prefixes=("",)),
                routing_gateway(
                    id=3, name="second", remote_ip="192.0.2.21", rewrite_caller="1:81"
                ),
            ]
        )
        Caller(switch).invite()
        first = switch.request(CALLEE)
        self.assertEqual(
            first.all("p-asserted-identity"), ['"A" <sip:91000@192.0.2.1>']
        )
        Callee(switch).reply(first, 503)
        second = switch.request(("192.0.2.21", 5060))
        self.assertEqual(self.told(second), {})
        self.assertEqual(second.from_.uri.number, "81000")


class PrivacyTests(IdentityTests):
    """sipPrivacySupport, sipPrivacy and SS_SIP_USER_AGENT_PRIVACY."""

    def test_withheld(self) -> None:
        """The callee learns neither name nor number, however it is asked for."""
        for header in (
            "Privacy: id",
            "Privacy: user;critical",
            "Privacy: header",
            "Privacy: ID;session",
            'Remote-Party-ID: <sip:1@x>;party=calling;privacy="full"',
        ):
            invite = self.placed((header,))
            self.assertEqual(self.from_(invite), ANONYMOUS, header)
            self.assertEqual(self.told(invite), {})
            for word in (b"1000", b"Alice"):
                self.assertNotIn(word, "\n".join(invite._lines).encode())

    def test_not_asked_for(self) -> None:
        """What is no such wish withholds nothing."""
        for header in (
            "Privacy: none",
            "Privacy: none;id",
            "Privacy: session",
            "Privacy: history",
            "Privacy: critical",
            "Privacy: unheard-of",
            "Remote-Party-ID: <sip:1@x>;party=called;privacy=full",
            "Remote-Party-ID: <sip:1@x>;privacy=off",
        ):
            invite = self.placed((header,))
            self.assertEqual(self.from_(invite), '"Alice" <sip:1000@192.0.2.1>', header)

    def test_not_honored(self) -> None:
        """sipPrivacySupport off: Privacy is as if it were not there."""
        invite = self.placed(
            ("Privacy: id;session;critical",),
            origin={"honors_privacy": False},
            privacy=PrivacyMode.PASS,
            **BOTH,
        )
        self.assertEqual(self.from_(invite), '"Alice" <sip:1000@192.0.2.1>')
        self.assertNotIn("privacy", self.told(invite))
        self.assertEqual(len(self.told(invite)), 2)

    def test_more_than_can_be_given(self) -> None:
        """RFC 3323 5: then there is no call, and 500."""
        for header in ("session;critical", "critical;id;unheard-of"):
            switch = self.switch()
            Caller(switch).invite(OFFER, (f"Privacy: {header}",))
            self.assertEqual(final(switch, CALLER).status, 500)
            self.assertEqual(switch.taken(CALLEE), [])
            self.assert_over(switch, 500, 2)
            self.assertIn("privacy", switch.ends[0].detail)

    def test_record_keeps_the_number(self) -> None:
        """It is withheld from the callee, not from the operator."""
        switch = self.switch()
        Caller(switch).invite(OFFER, HIDDEN)
        switch.registry.hang_up(1)
        self.assertEqual(switch.cdrs[0].callere164, "1000")
        self.assertEqual(switch.cdrs[0].callertogatewaye164, "1000")

    def test_trusted_gateway(self) -> None:
        """It gets the number, and is told that it is withheld."""
        mine = '"Alice" <sip:1000@192.0.2.1>'
        for mode in (None, PrivacyMode.ID, PrivacyMode.PASS):
            invite = self.placed(HIDDEN, privacy=mode, **BOTH)
            self.assertEqual(self.from_(invite), ANONYMOUS)
            self.assertEqual(
                self.told(invite),
                {
                    "privacy": ["id"],
                    "p-asserted-identity": [mine],
                    "p-preferred-identity": [mine],
                },
                mode,
            )

    def test_gateway_that_would_not_be_told(self) -> None:
        """Where no Privacy may say so, the number is not told either."""
        for mode, told in (
            (PrivacyMode.OMIT, {}),
            (PrivacyMode.NONE, {"privacy": ["none"]}),
        ):
            invite = self.placed(HIDDEN, privacy=mode, **BOTH)
            self.assertEqual(self.from_(invite), ANONYMOUS)
            self.assertEqual(self.told(invite), told)

    def test_remote_party_id(self) -> None:
        """It says by itself that its number is withheld."""
        invite = self.placed(HIDDEN, remote_party_id=True, privacy=PrivacyMode.OMIT)
        self.assertEqual(
            self.told(invite),
            {
                "remote-party-id": [
                    '"Alice" <sip:1000@192.0.2.1>;party=calling;screen=yes;privacy=full'
                ]
            },
        )

    def test_what_is_sent(self) -> None:
        """sipPrivacy 0 to 3 for a caller that asks, and one that does not."""
        asked = ("Privacy: User ; critical",)
        for mode, silent, asking in (
            (PrivacyMode.OMIT, {}, {}),
            (PrivacyMode.PASS, {}, {"privacy": ["user;critical"]}),
            (PrivacyMode.ID, {"privacy": ["id"]}, {"privacy": ["id"]}),
            (PrivacyMode.NONE, {"privacy": ["none"]}, {"privacy": ["none"]}),
        ):
            self.assertEqual(self.told(self.placed(privacy=mode)), silent)
            self.assertEqual(self.told(self.placed(asked, privacy=mode)), asking)

    def test_passed_privacy_protects(self) -> None:
        """Where a number is told, C{id} is added: only that keeps it (RFC 3325)."""
        invite = self.placed(
            ("Privacy: user",),
            privacy=PrivacyMode.PASS,
            p_asserted=IdentityMode.CALLER,
        )
        self.assertEqual(self.told(invite)["privacy"], ["user;id"])

    def test_anonymous_from(self) -> None:
        """RFC 3323 4.1.1.3: who asserts itself elsewhere stays anonymous."""
        switch = self.switch(mapping=[mapping_gateway(caller_domain=3)])
        peer = Caller(switch)
        peer.from_ = f"{ANONYMOUS};tag=a"
        peer.invite(OFFER, ("P-Asserted-Identity: <tel:1000>",))
        self.assertEqual(self.from_(switch.request(CALLEE)), ANONYMOUS)
        switch.registry.hang_up(1)
        self.assertEqual(switch.cdrs[0].callere164, "1000")

    def test_registered_with_another_platform(self) -> None:
        """SS_SIP_USER_AGENT_PRIVACY, unless the gateway says something itself."""
        registered = {"registration": Registration("we", "we")}
        for value, told in (
            ("Ignore", {}),
            ("Id", {"privacy": ["id"]}),
            ("None", {"privacy": ["none"]}),
        ):
            parameters = {"SS_SIP_USER_AGENT_PRIVACY": value}
            invite = self.placed(parameters=parameters, routing=registered)
            self.assertEqual(self.told(invite), told)
            self.assertEqual(self.told(self.placed(parameters=parameters)), {})
            invite = self.placed(
                parameters=parameters, routing=registered, privacy=PrivacyMode.OMIT
            )
            self.assertEqual(self.told(invite), {})
