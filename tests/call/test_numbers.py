"""
Numbers: where they stand, how they are rewritten, and how they are sent out.
"""

from __future__ import annotations

from typing import Any

from tests.call.build import CallTests
from tests.peers import Callee, Caller
from tests.switch import CALLEE, OFFER, mapping_gateway, routing_gateway
from vos3000.model.cdr import Cdr
from vos3000.sip.message import Request


class NumberTests(CallTests):
    """One call, as it goes out and as it is recorded."""

    def placed(
        self,
        caller: str = "sip:1000@192.0.2.10",
        uri: str = "sip:2000@192.0.2.1",
        to: str | None = None,
        headers: tuple[str, ...] = (),
        display: str = '"A"',
        routing: dict[str, Any] | None = None,
        **mapping: Any,
    ) -> tuple[Request, Cdr]:
        """The INVITE that the callee gets, and the record."""
        switch = self.switch(
            mapping=[mapping_gateway(**mapping)],
            routing=[routing_gateway(**(routing or {}))],
        )
        peer = Caller(switch)
        peer.uri, peer.to = uri, f"<{uri if to is None else to}>"
        peer.from_ = f"{display} <{caller}>;tag=a"
        peer.invite(OFFER, headers)
        invite = switch.request(CALLEE)
        switch.registry.hang_up(1)
        self.assert_over(switch, -1025, 2)
        return invite, switch.cdrs[0]

    def test_three_of_each_side(self) -> None:
        """As received, as billed, as sent out."""
        invite, cdr = self.placed(
            rewrite_caller="1:21",
            rewrite_callee="2:32",
            routing={"rewrite_caller": "2:5", "rewrite_callee": "3:6"},
        )
        self.assertEqual(
            (cdr.calleraccesse164, cdr.callere164, cdr.callertogatewaye164),
            ("1000", "21000", "51000"),
        )
        self.assertEqual(
            (cdr.calleeaccesse164, cdr.calleee164, cdr.calleetogatewaye164),
            ("2000", "32000", "62000"),
        )
        self.assertEqual(invite.uri_text, "sip:62000@192.0.2.20:5060")
        self.assertEqual(invite.to.uri.user, "62000")
        self.assertEqual(invite.from_.uri.user, "51000")

    def test_callee_stands_in_to(self) -> None:
        """sipCalleeE164Domain 0: To, and the request line if To has none."""
        _, cdr = self.placed(uri="sip:2000@192.0.2.1", to="sip:3000@192.0.2.1")
        self.assertEqual(cdr.calleee164, "3000")
        _, cdr = self.placed(uri="sip:2000@192.0.2.1", to="sip:192.0.2.1")
        self.assertEqual(cdr.calleee164, "2000")

    def test_callee_stands_in_the_request_line(self) -> None:
        """sipCalleeE164Domain 1."""
        _, cdr = self.placed(to="sip:3000@192.0.2.1", callee_domain=1)
        self.assertEqual(cdr.calleee164, "2000")

    def test_callee_stands_in_diversion(self) -> None:
        """sipCalleeE164Domain 2, and the request line where there is none."""
        diversion = ("Diversion: <sip:4000@192.0.2.9>;reason=unconditional",)
        _, cdr = self.placed(headers=diversion, callee_domain=2)
        self.assertEqual(cdr.calleee164, "4000")
        _, cdr = self.placed(to="sip:3000@192.0.2.1", callee_domain=2)
        self.assertEqual(cdr.calleee164, "2000")

    def test_caller_stands_elsewhere(self) -> None:
        """
        sipCallerE164Domain 0 to 4; From where the header is missing, or the name
        is no number.
        """
        headers = (
            "Remote-Party-ID: <sip:5001@x.example>;party=calling",
            '5002: "not a header of ours" <sip:5002@x.example>',
            'P-Asserted-Identity: "B" <sip:5003@x.example>, <tel:+15003>',
            "P-Preferred-Identity: <sip:5004@x.example>",
        )
        for domain, number in enumerate(("1000", "5001", "77", "5003", "5004")):
            _, cdr = self.placed(headers=headers, display='"77"', caller_domain=domain)
            self.assertEqual(cdr.callere164, number)
            for display in ("", '"Bob 77"'):
                _, cdr = self.placed(display=display, caller_domain=domain)
                self.assertEqual(cdr.callere164, "1000")

    def test_several_values(self) -> None:
        """The first that can be read and has a number; the caller's own party."""
        headers = (
            "Diversion: <<<>, <sip:x.example>, <tel:+44-20>, <sip:4001@x>",
            "Remote-Party-ID: <sip:9@x>;party=called",
            "Remote-Party-ID: <sip:5001@x>;party=calling, <sip:9@x>",
            "P-Asserted-Identity: <sip:x.example>",
            "P-Asserted-Identity: <tel:5003>",
            "P-Preferred-Identity: <sips:5004@x>",
        )
        for domain, number in ((1, "5001"), (3, "5003"), (4, "5004")):
            _, cdr = self.placed(headers=headers, caller_domain=domain)
            self.assertEqual(cdr.callere164, number)
        _, cdr = self.placed(headers=headers, callee_domain=2)
        self.assertEqual(cdr.calleee164, "+4420")

    def test_semicolon(self) -> None:
        """An escaped semicolon stays part of the number."""
        invite, cdr = self.placed(uri="sip:20%3b00@192.0.2.1")
        self.assertEqual(cdr.calleee164, "20;00")
        self.assertEqual(invite.uri.user, "20%3B00")

    def test_malformed_identity(self) -> None:
        """From where the header cannot be read."""
        bad = ("P-Asserted-Identity: <<<>",)
        _, cdr = self.placed(headers=bad, caller_domain=3)
        self.assertEqual(cdr.callere164, "1000")

    def test_signs(self) -> None:
        """C{#}, C{*} and C{+} reach the other side as they came."""
        for number, written in (
            ("+442071234", "+442071234"),
            ("*21*5", "*21*5"),
            ("9%23", "9%23"),
            ("**9%2300", "**9%2300"),
        ):
            invite, cdr = self.placed(uri=f"sip:{number}@192.0.2.1")
            self.assertEqual(invite.uri_text, f"sip:{written}@192.0.2.20:5060")
            self.assertEqual(cdr.calleeaccesse164, number.replace("%23", "#"))

    def test_no_way_into_the_message(self) -> None:
        """Escaped line ends and brackets stay escaped."""
        evil = "1%0d%0aX-Evil:%201%3e%40%22"
        for place in ({"uri": f"sip:{evil}@192.0.2.1"}, {"caller": f"sip:{evil}@x"}):
            invite, _ = self.placed(**place)  # type: ignore[arg-type]
            self.assertIsNone(invite.get("x-evil"))
            self.assertEqual(invite.uri.host, CALLEE[0])

    def test_number_of_no_signs_as_a_name(self) -> None:
        """Where it is shown as the caller's name, too; and a record can be read."""
        evil = "1%0d%0aX-Evil:%201%1b%5b2J"
        for display in ("Ignore", "Caller"):
            switch = self.switch(parameters={"SS_SIP_E164_DISPLAY_FROM": display})
            caller = Caller(switch)
            caller.from_ = f'"12345" <sip:{evil}@h>;tag=a'
            caller.invite()
            invite = switch.request(CALLEE)
            self.assertIsNone(invite.get("x-evil"))
            switch.registry.hang_up(1)
            self.assertTrue(switch.cdrs[0].callere164.isprintable())
            self.assertEqual(self.flushLoggedErrors(), [])

    def test_parameters_of_the_number(self) -> None:
        """What follows a semicolon inside it is no part of it."""
        invite, cdr = self.placed(uri="sip:2000;phone-context=x@192.0.2.1")
        self.assertEqual(cdr.calleee164, "2000")
        self.assertEqual(invite.uri.user, "2000")

    def test_tel(self) -> None:
        """A tel URI is a number too, without its separators."""
        _, cdr = self.placed(uri="tel:+44-20-71234;isub=1")
        self.assertEqual(cdr.calleee164, "+442071234")

    def test_anonymous(self) -> None:
        """A caller without a number, or who hides it, is Anonymous."""
        for caller in ("sip:192.0.2.10", "sip:Anonymous@anonymous.invalid"):
            invite, cdr = self.placed(caller=caller, display='"Anonymous"')
            from_ = invite.get("from") or ""
            self.assertTrue(
                from_.startswith('"Anonymous" <sip:anonymous@anonymous.invalid>;tag='),
                from_,
            )
            self.assertIn(cdr.calleraccesse164, ("", "Anonymous"))

    def test_long_ones(self) -> None:
        """64 characters at every station; more are cut off."""
        invite, cdr = self.placed(
            uri=f"sip:2{'0' * 80}@192.0.2.1",
            caller=f"sip:1{'0' * 80}@x",
            rewrite_callee="2:22",
            routing={"rewrite_callee": "2:222", "rewrite_caller": "1:11"},
        )
        for name in ("caller", "callee"):
            for column in ("accesse164", "e164", "togatewaye164"):
                self.assertEqual(len(getattr(cdr, name + column)), 64, column)
        self.assertEqual(len(invite.uri.user or ""), 64)

    def test_names_in_other_scripts(self) -> None:
        """Bytes that are no text become a mark, and the call goes on."""
        switch = self.switch(mapping=[mapping_gateway(caller_domain=2)])
        peer = Caller(switch)
        data = peer.make("INVITE", OFFER)
        data = data.replace(b'"A"', b'"\xff\xfe"').replace(b"caller/1", b"\xfftel/1")
        peer.send(data)
        self.assertEqual(switch.request(CALLEE).from_.display, "\ufffd\ufffd")
        switch.registry.hang_up(1)
        cdr = switch.cdrs[0]
        self.assertEqual(cdr.callerproductid, "\ufffdtel/1")
        self.assertEqual(cdr.callere164, "1000")

    def test_rule_that_leaves_nothing(self) -> None:
        """A callee that the rules rewrite to nothing is not called."""
        switch = self.switch(mapping=[mapping_gateway(rewrite_callee="2000:")])
        Caller(switch).invite()
        self.assertEqual(switch.taken(CALLEE), [])
        self.assert_over(switch, 484, 2)
        switch = self.switch(routing=[routing_gateway(rewrite_callee="2000:")])
        Caller(switch).invite()
        self.assertEqual(switch.taken(CALLEE), [])
        self.assert_over(switch, 484, 2)
        self.assert_idle(switch)


class LimitTests(CallTests):
    """Limits and prefixes of gateways that are looked at for each call."""

    def test_proportion(self) -> None:
        """
        proportionCalleePrefixs comes before the rules, and what they make of it is
        the billing number.
        """
        shares = [{"proportion": 1, "addPrefix": "77"}]
        source = mapping_gateway(
            rewrite_callee="772:862", settings={"proportionCalleePrefixs": shares}
        )
        switch = self.switch(mapping=[source])
        Caller(switch).invite()
        invite = switch.request(CALLEE)
        self.assertEqual(invite.uri.user, "862000")
        Callee(switch).reply(invite, 486)
        self.assertEqual(switch.cdrs[0].calleeaccesse164, "2000")
        self.assertEqual(switch.cdrs[0].calleee164, "862000")

    def test_number_groups(self) -> None:
        """
        Groups of callers and of callees, at the gateway that calls and at the one
        that is called; what is changed holds for the next call.
        """
        for field, number in (
            ("callerLimitE164Groups", "1000"),
            ("calleeLimitE164Groups", "2000"),
        ):
            for given in (
                {"mapping": [mapping_gateway(settings={field: "x"})]},
                {"routing": [routing_gateway(settings={field: "x"})]},
            ):
                switch = self.switch(**given)
                switch.rewriting.groups.load({"x": ["999", number]})
                Caller(switch).invite()
                self.assertEqual(switch.taken(CALLEE), [])
                self.assertIn("number group forbidden", switch.ends[0].detail)
                switch.rewriting.groups.load({"x": ["999"]})
                Caller(switch, call_id="later").invite()
                self.assertEqual(switch.request(CALLEE).method, "INVITE")

    def test_hours(self) -> None:
        """A gateway that is closed on Tuesdays from 22:00 to 22:30 opens then."""
        rule = {"days": [2], "beginTime": 79_200, "endTime": 81_000, "action": 0}
        rules = [{**rule, "type": 1, "prefixes": ["2"]}]
        closed = routing_gateway(settings={"scheduledCallinPrefixes": rules})
        switch = self.switch(routing=[closed])
        Caller(switch).invite()
        self.assertEqual(switch.taken(CALLEE), [])
        reason = switch.ends[0].detail
        self.assertEqual(reason, "first: callee: forbidden at this time")
        switch.clock.advance(1000)
        Caller(switch, call_id="later").invite()
        self.assertEqual(switch.request(CALLEE).uri.user, "2000")

    def test_pair(self) -> None:
        """denyCallerCallee: a caller who may not call there by this gateway."""
        settings = {"denyCallerCallee": "1000:20"}
        switch = self.switch(routing=[routing_gateway(settings=settings)])
        Caller(switch).invite()
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(switch.ends[0].detail, "first: pair forbidden")


class AddressTests(CallTests):
    """Our own address and the callee's, as they are written."""

    def test_ipv6(self) -> None:
        """In brackets where RFC 3261 wants them, without in a description."""
        there = ("2001:db8::20", 5060)
        switch = self.switch(routing=[routing_gateway(remote_ip=there[0])])
        switch.channel.here = ("2001:db8::1", 5060)
        Caller(switch).invite()
        invite = switch.request(there)
        self.assertEqual(invite.uri_text, "sip:2000@[2001:db8::20]:5060")
        from_ = invite.get("from") or ""
        self.assertTrue(from_.startswith('"A" <sip:1000@[2001:db8::1]>;tag='), from_)
        self.assertEqual(invite.get("contact"), "<sip:[2001:db8::1]:5060>")
        self.assertIn(b"o=- 1 1 IN IP6 2001:db8::1\r\n", invite.body)

    def test_tcp(self) -> None:
        """The transport is named where it is not UDP."""
        switch = self.switch()
        switch.channel.name, switch.channel.reliable = "TCP", True
        Caller(switch).invite()
        invite = switch.request(CALLEE)
        self.assertEqual(invite.uri_text, "sip:2000@192.0.2.20:5060;transport=tcp")
        contact = invite.get("contact")
        self.assertEqual(contact, "<sip:192.0.2.1:5060;transport=tcp>")
        switch.advance(9)
        self.assertEqual(switch.taken(CALLEE), [])

    def test_port(self) -> None:
        """signalPort; 5060 if there is none."""
        switch = self.switch(routing=[routing_gateway(signal_port=5080)])
        Caller(switch).invite()
        self.assertEqual(switch.request((CALLEE[0], 5080)).uri.port, 5080)
