"""
Calls that somebody forwarded before they came here: who did, where they may
go, what routes are told of it, and what the record says.
"""

from __future__ import annotations

from typing import Any

from tests.call.build import CallTests, final
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.sipoptions import ForwardSignal, IdentityMode, SipOptions
from vos3000.sip.message import Request

DIVERTED = (
    "Diversion: <sip:3000@192.0.2.10>;reason=no-answer;counter=2",
    'Diversion: "Bob" <tel:+49-4000>;reason=unconditional;privacy=full',
)
HISTORY = (
    "History-Info: <sip:+494000@192.0.2.10?Privacy=history>;index=1,"
    " <sip:3000@192.0.2.10;cause=302>;index=1.1;mp=1",
    "History-Info: <sip:2000@192.0.2.1;cause=408>;index=1.1.1;mp=1.1",
)
RECORDED = "3000 (no-answer), +494000 (unconditional)"


class ForwardTests(CallTests):
    """Calls between gateways with options."""

    def placed(
        self,
        headers: tuple[str, ...] = DIVERTED,
        sends: ForwardSignal = ForwardSignal.DIVERSION,
        recognizes: bool = True,
        parameters: dict[str, str] | None = None,
        mapping: dict[str, Any] | None = None,
        routing: dict[str, Any] | None = None,
        origin: dict[str, Any] | None = None,
        groups: dict[str, tuple[str, ...]] | None = None,
        **options: Any,
    ) -> tuple[Switch, Request]:
        """A switch, and the INVITE that the gateway gets."""
        mine = SipOptions(recognizes_forward=recognizes, **origin or {})
        switch = self.switch(
            mapping=[mapping_gateway(sip=mine, **mapping or {})],
            routing=[
                routing_gateway(
                    sip=SipOptions(sends_forward=sends, **options), **routing or {}
                )
            ],
            parameters=parameters,
        )
        switch.rewriting.groups.load(groups or {})
        Caller(switch).invite(OFFER, headers)
        return switch, switch.request(CALLEE)

    def recorded(self, switch: Switch) -> str:
        """What the record says of it."""
        switch.registry.hang_up(1)
        return switch.cdrs[0].calleroriginalinfo


class RecognizingTests(ForwardTests):
    """sipRecognizeForwardSignal."""

    def test_either_header(self) -> None:
        """Diversion and History-Info say the same."""
        for headers in (DIVERTED, HISTORY):
            switch, _ = self.placed(headers)
            self.assertEqual(self.recorded(switch), RECORDED)

    def test_diversion_wins(self) -> None:
        """Where both are there, only one of them is read."""
        switch, _ = self.placed(("Diversion: <tel:5>;reason=away", *HISTORY))
        self.assertEqual(self.recorded(switch), "5 (away)")

    def test_off(self) -> None:
        """Then they are headers like others: they say nothing, nor do they pass."""
        for headers in (DIVERTED, HISTORY):
            switch, invite = self.placed(
                headers, ForwardSignal.BOTH, recognizes=False, extra_headers="*"
            )
            self.assertIsNone(invite.get("diversion"))
            self.assertIsNone(invite.get("history-info"))
            self.assertEqual(self.recorded(switch), "")

    def test_of_every_caller(self) -> None:
        """SS_RECOGNIZE_CALL_FORWARD_SIGNAL."""
        switch, _ = self.placed(
            recognizes=False, parameters={"SS_RECOGNIZE_CALL_FORWARD_SIGNAL": "On"}
        )
        self.assertEqual(self.recorded(switch), RECORDED)

    def test_nobody_forwarded_it(self) -> None:
        """Headers that are missing, or cannot be read, or say no such thing."""
        for headers in (
            (),
            ("Diversion: <<>, <sip:x.example>",),
            ("History-Info: <sip:2000@192.0.2.1>;index=1",),
        ):
            switch, invite = self.placed(headers, ForwardSignal.BOTH)
            self.assertIsNone(invite.get("diversion"))
            self.assertIsNone(invite.get("history-info"))
            self.assertEqual(self.recorded(switch), "")

    def test_long_chain(self) -> None:
        """What the column does not hold is cut off."""
        headers = tuple(f"Diversion: <tel:{'7' * 60}{n}>" for n in range(30))
        switch, invite = self.placed(headers)
        self.assertEqual(len(invite.all("diversion")), 10)
        self.assertEqual(len(self.recorded(switch)), 255)


class SendingTests(ForwardTests):
    """sipSendForwardSignal."""

    def test_diversion(self) -> None:
        """1: the last one first; a number that is withheld is not told."""
        for headers, counter in ((DIVERTED, 2), (HISTORY, 1)):
            _, invite = self.placed(headers)
            self.assertEqual(
                invite.all("diversion"),
                [
                    "<sip:3000@192.0.2.1>;reason=no-answer"
                    f";counter={counter};privacy=off",
                    "<sip:anonymous@anonymous.invalid>;reason=unconditional"
                    ";counter=1;privacy=full",
                ],
            )
            self.assertIsNone(invite.get("history-info"))

    def test_history_info(self) -> None:
        """2: the first one first, then where the call goes."""
        for headers in (DIVERTED, HISTORY):
            _, invite = self.placed(headers, ForwardSignal.HISTORY_INFO)
            self.assertEqual(
                invite.all("history-info"),
                [
                    "<sip:anonymous@anonymous.invalid>;index=1",
                    "<sip:3000@192.0.2.1;cause=302>;index=1.1;mp=1",
                    "<sip:2000@192.0.2.20:5060;cause=408>;index=1.1.1;mp=1.1",
                ],
            )
            self.assertIsNone(invite.get("diversion"))

    def test_both_and_none(self) -> None:
        """3 and 0."""
        _, invite = self.placed(sends=ForwardSignal.BOTH)
        self.assertIsNotNone(invite.get("diversion"))
        self.assertIsNotNone(invite.get("history-info"))
        _, invite = self.placed(sends=ForwardSignal.OMIT)
        self.assertIsNone(invite.get("diversion"))
        self.assertIsNone(invite.get("history-info"))

    def test_trusted_gateway(self) -> None:
        """It is told a withheld number, and that it is withheld."""
        _, invite = self.placed(
            sends=ForwardSignal.BOTH, p_asserted=IdentityMode.CALLER
        )
        self.assertEqual(
            invite.all("diversion")[1],
            "<sip:+494000@192.0.2.1>;reason=unconditional;counter=1;privacy=full",
        )
        self.assertEqual(
            invite.all("history-info")[0],
            "<sip:+494000@192.0.2.1?Privacy=history>;index=1",
        )

    def test_privacy_of_the_caller(self) -> None:
        """RFC 7044 10.1.2: Privacy with history or header hides them all."""
        for value in ("history", "header"):
            _, invite = self.placed((*DIVERTED, f"Privacy: {value}"))
            for told in invite.all("diversion"):
                self.assertIn("anonymous.invalid", told)
        _, invite = self.placed(
            (*DIVERTED, "Privacy: history"), origin={"honors_privacy": False}
        )
        self.assertEqual(
            [told.partition("@")[0] for told in invite.all("diversion")],
            ["<sip:3000", "<sip:+494000"],
        )

    def test_numbers_follow_the_rules(self) -> None:
        """Those for callers, of both sides; host and user=phone as for others."""
        switch, invite = self.placed(
            mapping={"rewrite_caller": "3:493,+49:49"},
            routing={"rewrite_caller": "49:0049"},
            local_domain="carrier.example",
            user_phone=True,
            p_asserted=IdentityMode.CALLER,
        )
        self.assertEqual(
            [told.partition(">")[0] for told in invite.all("diversion")],
            [
                "<sip:0049" + number + "@carrier.example;user=phone"
                for number in ("3000", "4000")
            ],
        )
        self.assertEqual(
            self.recorded(switch), "493000 (no-answer), 494000 (unconditional)"
        )

    def test_each_gateway_has_its_own(self) -> None:
        """After a failover the next one is told by its own rules and options."""
        second = routing_gateway(
            id=3,
            name="second",
            remote_ip=SECOND[0],
            rewrite_caller="3:83",
            sip=SipOptions(sends_forward=ForwardSignal.DIVERSION),
        )
        recognizing = SipOptions(recognizes_forward=True)
        switch = self.switch(
            mapping=[mapping_gateway(sip=recognizing)],
            routing=[routing_gateway(), second],
        )
        Caller(switch).invite(OFFER, DIVERTED[:1])
        first = switch.request(CALLEE)
        self.assertIsNone(first.get("diversion"))
        Callee(switch).reply(first, 503)
        told = switch.request(SECOND).get("diversion") or ""
        self.assertTrue(told.startswith("<sip:83000@192.0.2.1>"), told)

    def test_no_way_into_the_message(self) -> None:
        """Whatever a number or a reason holds."""
        evil = (
            'Diversion: <sip:1%0d%0aX-Evil%3a%3e@x>;reason="a\\"; b"',
            "Diversion: <sip:2@x>;reason=x%0d",
        )
        _, invite = self.placed(evil, ForwardSignal.BOTH)
        self.assertIsNone(invite.get("x-evil"))
        self.assertEqual(len(invite.all("diversion")), 2)
        self.assertIn(";reason=unknown;", invite.all("diversion")[0])


class PoolTests(ForwardTests):
    """forwardSignalRewriteE164Group, of either side."""

    GROUPS = {"pool": ("700", "701"), "empty": ()}

    def told(
        self,
        group: str = "pool",
        enabled: bool | None = True,
        headers: tuple[str, ...] = DIVERTED[:1],
        side: str = "routing",
        **rules: Any,
    ) -> tuple[Switch, list[str]]:
        """Whom the gateway hears of, the last one first."""
        settings = {
            "forwardSignalRewriteE164GroupEnable": enabled,
            "forwardSignalRewriteE164Group": group,
        }
        given: dict[str, Any] = {side: {"settings": settings, **rules}}
        switch, invite = self.placed(headers, groups=self.GROUPS, **given)
        told = [value.partition("@")[0] for value in invite.all("diversion")]
        return switch, [value.removeprefix("<sip:") for value in told]

    def test_routing_gateway(self) -> None:
        """It hears of one of the group; the record keeps who it was."""
        switch, told = self.told()
        self.assertEqual(told, ["700"])
        self.assertEqual(self.recorded(switch), "3000 (no-answer)")

    def test_mapping_gateway(self) -> None:
        """The same for every gateway, and the record."""
        switch, told = self.told(side="mapping")
        self.assertEqual(told, ["700"])
        self.assertEqual(self.recorded(switch), "700 (no-answer)")

    def test_members_stay(self) -> None:
        """After the rules for callers: those come first."""
        for rules, number in (("*:701", "701"), ("3:70", "700")):
            _, told = self.told(rewrite_caller=rules)
            self.assertEqual(told, [number], rules)

    def test_the_last_one_only(self) -> None:
        """Those before it are no numbers that the vendor checks."""
        headers = ("Diversion: <tel:1>, <tel:2>",)
        self.assertEqual(self.told(headers=headers)[1], ["700", "2"])

    def test_left_alone(self) -> None:
        """Off, not set, no such group, none in it."""
        for group, enabled in (
            ("pool", False),
            ("pool", None),
            ("", True),
            ("none", True),
            ("empty", True),
        ):
            for side in ("routing", "mapping"):
                _, told = self.told(group, enabled, side=side)
                self.assertEqual(told, ["3000"], (group, enabled, side))

    def test_nobody_forwarded_it(self) -> None:
        """Then nobody is told of."""
        self.assertEqual(self.told(headers=())[1], [])

    def test_prefixes_see_the_mapping_sides(self) -> None:
        """callinForwardPrefixes is about the number that was drawn there."""
        settings = {
            "forwardSignalRewriteE164GroupEnable": True,
            "forwardSignalRewriteE164Group": "pool",
        }
        limits = {"callinForwardPrefixes": "70", "callinForwardPrefixesAllow": True}
        _, invite = self.placed(
            groups=self.GROUPS,
            mapping={"settings": settings},
            routing={"settings": limits},
        )
        self.assertIn("700", invite.get("diversion") or "")


class LimitTests(CallTests):
    """callinForwardPrefixes of routing gateways."""

    def called(
        self, headers: tuple[str, ...], *limits: tuple[str, bool]
    ) -> tuple[Switch, list[str]]:
        """
        Place a call; where it goes first.

        @param limits: Prefixes, and whether they are the allowed ones, of each
            gateway.
        """
        gateways = [
            routing_gateway(
                id=place,
                name=f"g{place}",
                remote_ip=f"192.0.2.2{place}",
                settings={
                    "callinForwardPrefixes": prefixes,
                    "callinForwardPrefixesAllow": allow,
                },
            )
            for place, (prefixes, allow) in enumerate(limits)
        ]
        recognizing = SipOptions(recognizes_forward=True)
        switch = self.switch(
            mapping=[mapping_gateway(sip=recognizing, rewrite_caller="3:493")],
            routing=gateways,
        )
        Caller(switch).invite(OFFER, headers)
        return switch, [
            address[0] for _, address in switch.channel.sent if address != CALLER
        ]

    def test_of_the_last_one(self) -> None:
        """The billing number of who sent the call on last counts."""
        for limits, went in (
            ([("493", False), ("", False)], "192.0.2.21"),
            ([("494", False), ("", False)], "192.0.2.20"),
            ([("493,7", True), ("", False)], "192.0.2.20"),
            ([("494", True), ("493", True)], "192.0.2.21"),
            ([("3", True), ("", False)], "192.0.2.21"),
        ):
            _, sent = self.called(DIVERTED, *limits)
            self.assertEqual(sent, [went], limits)

    def test_calls_that_nobody_forwarded(self) -> None:
        """They go anywhere."""
        _, sent = self.called((), ("493", True), ("", False))
        self.assertEqual(sent, ["192.0.2.20"])

    def test_nowhere_to_go(self) -> None:
        """ForwardLimited, if nothing else stands in the way."""
        switch, sent = self.called(DIVERTED, ("493", False), ("7", True))
        self.assertEqual(sent, [])
        self.assertEqual(final(switch, CALLER).status, 482)
        self.assert_over(switch, -1021, 2)
        self.assertEqual(
            switch.ends[0].detail,
            "g0: forwarding number: prefix forbidden;"
            " g1: forwarding number: prefix not allowed",
        )
        self.assertEqual(
            switch.cdrs[0].calleroriginalinfo,
            "493000 (no-answer), +494000 (unconditional)",
        )


class BeingForwardedTests(CallTests):
    """181 (RFC 3261 21.1.3)."""

    def test_it_passes(self) -> None:
        """The caller hears that the callee forwards the call."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        switch.taken(CALLER)
        callee.reply(invite, 181)
        self.assertEqual(switch.response(CALLER).status, 181)
        callee.reply(invite, 200, ANSWER)
        self.assertEqual(switch.response(CALLER).status, 200)
