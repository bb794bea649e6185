"""
Calls to platform phones, from other phones and from gateways.
"""

from __future__ import annotations

from decimal import Decimal

from tests.call.phones import BUSY, OFFLINE, PhoneCallTests
from tests.phones import DESK, HALL, PhonePeer
from tests.switch import (
    CALLEE,
    CALLER,
    SECOND,
    mapping_gateway,
    routing_gateway,
)
from vos3000.sip.message import Response


class PhoneToPhoneTests(PhoneCallTests):
    """One phone calls another."""

    def test_whole_call(self) -> None:
        """
        Challenged, let in, rung at the registered Contact, talked, recorded as
        a phone's call and charged to its account to the cent.
        """
        switch = self.switch()
        one, two = self.phones(switch)
        caller = one.call("1002")
        invite = two.rings()
        self.assertEqual(invite.uri_text, "sip:1002@198.51.100.8:5062")
        self.assertEqual(invite.to.uri.user, "1002")
        self.assertEqual(invite.from_.uri.user, "1001")
        self.assertIsNone(invite.get("authorization"))
        ringing = switch.response(DESK)
        self.assertEqual(ringing.status, 180)
        two.answers(invite)
        ok = switch.response(DESK)
        caller.ack(ok)
        switch.advance(61)
        caller.ask("BYE")
        bye = switch.request(HALL)
        self.assertEqual(bye.uri_text, "sip:b@198.51.100.8:5062")
        two.reply(bye, 200)
        self.assert_over(switch, -8, 0)
        (cdr,) = switch.cdrs
        self.assertEqual(
            (cdr.callergatewayid, cdr.calleegatewayid, cdr.billingmode), ("", "", 0)
        )
        self.assertEqual((cdr.calleraccesse164, cdr.callere164), ("1001", "1001"))
        self.assertEqual((cdr.calleee164, cdr.calleetogatewaye164), ("1002", "1002"))
        self.assertEqual((cdr.callerip, cdr.calleeip), (DESK[0], HALL[0]))
        self.assertEqual((cdr.customeraccount, cdr.customername), ("acme", "Acme"))
        self.assertEqual((cdr.holdtime, cdr.feetime), (61, 120))
        self.assertEqual(cdr.fee, Decimal("0.12"))
        self.assertEqual((cdr.agentaccount, cdr.agentfee), ("", 0))
        account = switch.accounts.get("acme")
        assert account is not None
        self.assertEqual(account.money, Decimal("99.88"))
        states = [(s.caller_gateway, s.callee_gateway) for s in switch.states]
        self.assertEqual(set(states), {("", "")})
        self.assertEqual(self.states(switch), [-7, -11, -12, -13])
        self.assert_idle(switch)

    def test_unwanted_caller(self) -> None:
        """callerLimitE164Groups of the phone that is called: CallerNumberLimited."""
        for allow, group in ((False, ["1000"]), (True, ["999"])):
            switch = self.switch()
            self.phones(switch)
            switch.phone(
                "1002",
                callerLimitE164Groups="x",
                callerLimitE164GroupsAllow=allow,
            )
            switch.rewriting.groups.load({"x": group})
            self.from_gateway(switch, "1002")
            cause = switch.causes["CallerNumberLimited"]
            self.refused(switch, cause.sip, cause.code)
            self.assertEqual(switch.taken(HALL), [])
            switch.rewriting.groups.load({"x": ["999" if not allow else "1000"]})
            self.from_gateway(switch, "1002", call_id="later")
            self.assertEqual(switch.request(HALL).method, "INVITE")

    def test_currently(self) -> None:
        """Current calls show the numbers and no gateway."""
        switch = self.switch()
        one, two = self.phones(switch)
        one.call("1002")
        two.rings()
        (current,) = switch.registry.current()
        self.assertEqual((current.caller_gateway, current.callee_gateway), ("", ""))
        self.assertEqual((current.caller_e164, current.callee_e164), ("1001", "1002"))

    def test_callee_hangs_up(self) -> None:
        """Requests inside the dialog are asked no password, either way."""
        switch = self.switch()
        one, two = self.phones(switch)
        caller = one.call("1002")
        invite = two.rings()
        two.answers(invite)
        _, ok = switch.taken(DESK)
        assert isinstance(ok, Response)
        caller.ack(ok)
        caller.ask("INFO", b"x", "text/plain")
        info = switch.request(HALL)
        two.reply(info, 200)
        self.assertEqual(switch.response(DESK).status, 200)
        two.ask(invite, "BYE")
        self.assertEqual(switch.response(HALL).status, 200)
        bye = switch.request(DESK)
        caller.reply(bye, 200)
        self.assert_over(switch, -8, 1)
        self.assert_idle(switch)

    def test_canceled(self) -> None:
        """The caller gives up: both phones are let go."""
        switch = self.switch()
        one, two = self.phones(switch)
        caller = one.call("1002")
        invite = two.rings()
        switch.taken(DESK)
        caller.cancel()
        self.assertEqual(self.lines(switch, DESK), ["200", "487"])
        self.assertEqual(self.lines(switch, HALL), ["CANCEL"])
        two.reply(invite, 487)
        self.assert_over(switch, -7, 0)
        self.assert_idle(switch)

    def test_busy(self) -> None:
        """A phone that is busy says so, and the caller hears it."""
        switch = self.switch()
        one, two = self.phones(switch)
        one.call("1002")
        two.reply(switch.request(HALL), 486)
        self.assertEqual(switch.response(DESK).status, 486)
        self.assert_over(switch, 486, 1)

    def test_did(self) -> None:
        """A further number rings the phone, which is told which."""
        switch = self.switch()
        one, two = self.phones(switch)
        one.call("2222")
        invite = two.rings()
        self.assertEqual(invite.uri_text, "sip:1002@198.51.100.8:5062")
        self.assertEqual(invite.to.uri.user, "2222")
        switch.registry.hang_up(1)
        (cdr,) = switch.cdrs
        self.assertEqual((cdr.calleee164, cdr.calleetogatewaye164), ("2222", "2222"))

    def test_offline(self) -> None:
        """480, and a record that says why."""
        switch = self.switch()
        one = PhonePeer(switch)
        one.call("1002")
        self.assertEqual(one.refused(), 480)
        self.assert_over(switch, OFFLINE, 2)
        (cdr,) = switch.cdrs
        self.assertEqual((cdr.billingmode, cdr.customeraccount), (0, "acme"))
        self.assertEqual(switch.ends[0].detail, "1002: offline")

    def test_expired(self) -> None:
        """A phone that did not renew its registration is offline."""
        switch = self.switch()
        one, two = PhonePeer(switch), PhonePeer(switch, "1002", HALL)
        two.register(["Expires: 60"])
        switch.advance(61)
        one.call("1002")
        self.assertEqual(one.refused(), 480)
        self.assert_over(switch, OFFLINE, 2)

    def test_no_phone_that_registers_any_more(self) -> None:
        """A phone that is made one of a fixed address is online no longer."""
        switch = self.switch()
        self.phones(switch)
        switch.phone("1002", registerType=0, ip="203.0.113.5")
        self.assertIsNone(switch.location.find("1002"))
        self.assertIsNotNone(switch.location.find("1001"))

    def test_unregistered_phone_calls(self) -> None:
        """A right password is enough to call."""
        switch = self.switch()
        two = PhonePeer(switch, "1002", HALL)
        two.register()
        one = PhonePeer(switch)
        caller = one.call("1002")
        invite = two.rings()
        two.answers(invite)
        _, ok = switch.taken(DESK)
        assert isinstance(ok, Response)
        caller.ack(ok)
        caller.ask("BYE")
        two.reply(switch.request(HALL), 200)
        self.assert_over(switch, -8, 0)
        self.assert_idle(switch)

    def test_number_of_from(self) -> None:
        """Whatever From says, the call is the phone's: its number is billed."""
        switch = self.switch()
        one, two = self.phones(switch)
        caller = one.caller("1002", "007")
        one.device.challenge = None
        caller.from_ = '"Boss" <sip:007@192.0.2.10>;tag=a'
        challenge = one.invite(caller)
        one.device.learn(challenge)
        caller.ack(challenge)
        caller.cseq += 1
        one.invite(caller)
        invite = two.rings()
        self.assertEqual(invite.from_.uri.user, "1001")
        switch.registry.hang_up(1)
        (cdr,) = switch.cdrs
        self.assertEqual((cdr.calleraccesse164, cdr.callere164), ("007", "1001"))


class GatewayToPhoneTests(PhoneCallTests):
    """Calls that come from a mapping gateway."""

    def test_rings(self) -> None:
        """The gateway's account pays; the phone is rung and not a gateway."""
        switch = self.switch()
        _, two = self.phones(switch)
        caller = self.from_gateway(switch, "2221")
        invite = two.rings()
        self.assertEqual(self.lines(switch, CALLEE), [])
        two.answers(invite)
        ok = switch.taken(CALLER)[-1]
        assert isinstance(ok, Response)
        caller.ack(ok)
        caller.ask("BYE")
        two.reply(switch.request(HALL), 200)
        self.assert_over(switch, -8, 0)
        (cdr,) = switch.cdrs
        self.assertEqual(
            (cdr.callergatewayid, cdr.calleegatewayid, cdr.billingmode),
            ("ingress", "", 1),
        )
        self.assertEqual((cdr.calleee164, cdr.agentfee), ("2221", 0))
        self.assert_idle(switch)

    def test_rules(self) -> None:
        """Billing number by the gateway's rules, then the phone's own rules."""
        switch = self.switch(mapping=[mapping_gateway(rewrite_callee="0049:")])
        switch.phone(
            "1002", rewriteRulesInCallee="1:91", rewriteRulesInCaller="1000:0,*:8*"
        )
        two = PhonePeer(switch, "1002", HALL)
        two.register()
        self.from_gateway(switch, "00491002")
        invite = two.rings()
        self.assertEqual((invite.to.uri.user, invite.from_.uri.user), ("91002", "0"))
        switch.registry.hang_up(1)
        (cdr,) = switch.cdrs
        self.assertEqual(
            (cdr.calleeaccesse164, cdr.calleee164, cdr.calleetogatewaye164),
            ("00491002", "1002", "91002"),
        )

    def test_unavailable(self) -> None:
        """What a phone's own settings say, and what the caller hears."""
        for fields, status, code, reason in (
            ({}, 480, OFFLINE, "offline"),
            ({"lockType": 2}, 403, -1006, "locked"),
            ({"lockType": 3}, 403, -1006, "locked"),
            ({"lockType": 1}, 480, OFFLINE, "offline"),
            ({"doNotDisturb": True}, 486, BUSY, "does not want to be disturbed"),
            ({"protocol": 0}, 480, OFFLINE, "H.323 is not in this release"),
        ):
            switch = self.switch()
            switch.phone("1002", **fields)
            self.from_gateway(switch, "1002")
            self.refused(switch, status, code)
            self.assertEqual(switch.ends[0].detail, f"1002: {reason}")
            self.assert_idle(switch)

    def test_restrictions(self) -> None:
        """calleeE164Restrict of the mapping gateway: phones only, or none."""
        for restrict, callee, rings in (
            (1, "1002", True),
            (1, "2222", True),
            (1, "2000", False),
            (2, "1002", False),
            (2, "2000", True),
        ):
            settings = {"calleeE164Restrict": restrict}
            switch = self.switch(mapping=[mapping_gateway(settings=settings)])
            self.phones(switch)
            self.from_gateway(switch, callee)
            if rings:
                address = CALLEE if callee == "2000" else HALL
                self.assertEqual(self.lines(switch, address), ["INVITE"])
            else:
                self.refused(switch, 403, -1020)

    def test_gateways_stand_in(self) -> None:
        """useRoutingGatewayNotOnline 1: routing gateways while it is offline."""
        switch = self.switch()
        switch.phone("1002", useRoutingGatewayNotOnline=1)
        self.from_gateway(switch, "1002")
        self.assertEqual(self.lines(switch, CALLEE), ["INVITE"])
        two = PhonePeer(switch, "1002", HALL)
        two.register()
        self.from_gateway(switch, "1002", call_id="second")
        self.assertEqual(self.lines(switch, HALL), ["INVITE"])

    def test_none_to_stand_in(self) -> None:
        """If none serves the number, the phone is still what is offline."""
        switch = self.switch(routing=[routing_gateway(prefixes=("44",))])
        switch.phone("1002", useRoutingGatewayNotOnline=1)
        self.from_gateway(switch, "1002")
        self.refused(switch, 480, OFFLINE)

    def test_behind_a_gateway(self) -> None:
        """registerType 2: the phone is where a routing gateway leads to."""
        switch = self.switch(
            routing=[
                routing_gateway(settings={"calleeE164Restrict": 2}),
                routing_gateway(
                    id=3,
                    name="second",
                    remote_ip=SECOND[0],
                    settings={"calleeE164Restrict": 1},
                ),
            ]
        )
        switch.phone("1002", registerType=2)
        self.from_gateway(switch, "1002")
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])
        self.from_gateway(switch, "2000", call_id="second")
        self.assertEqual(self.lines(switch, CALLEE), ["INVITE"])

    def test_gone_between(self) -> None:
        """A phone whose way is lost while it is dialed counts as offline."""
        switch = self.switch()
        self.phones(switch)
        switch.gate.callers.binding = lambda name: None  # type: ignore[method-assign]
        self.from_gateway(switch, "1002")
        self.refused(switch, 480, OFFLINE)
        self.assert_idle(switch)

    def test_duration(self) -> None:
        """callDurationLimit of the called phone ends the talk."""
        switch = self.switch()
        switch.phone("1002", callDurationLimit=30)
        two = PhonePeer(switch, "1002", HALL)
        two.register()
        caller = self.from_gateway(switch, "1002")
        two.answers(two.rings())
        ok = switch.taken(CALLER)[-1]
        assert isinstance(ok, Response)
        caller.ack(ok)
        switch.advance(31)
        self.assertEqual(switch.cdrs[0].endreason, -1022)
        self.assertEqual(switch.cdrs[0].holdtime, 30)


class LineTests(PhoneCallTests):
    """lineCallIn, lineCallOut, lineCapacity."""

    def test_limits(self) -> None:
        """Calls from a phone, to it, and both together are counted."""
        for limits, first, second, refused in (
            ({"lineCallOut": 1}, "out", "out", True),
            ({"lineCallOut": 1}, "out", "in", False),
            ({"lineCallIn": 1}, "in", "in", True),
            ({"lineCallIn": 1}, "in", "out", False),
            ({"lineCapacity": 1}, "in", "out", True),
            ({"lineCapacity": 1}, "out", "in", True),
            ({"lineCapacity": 2}, "out", "in", False),
        ):
            switch = self.switch()
            switch.phone("1001", **limits)
            one, _ = self.phones(switch)
            for number, way in enumerate((first, second)):
                switch.taken()
                if way == "out":
                    one.call("2000", call_id=f"c{number}")
                else:
                    self.from_gateway(switch, "1001", call_id=f"c{number}")
            up = 1 if refused else 2
            self.assertEqual(len(switch.registry), up, limits)
            self.assertEqual(switch.phone_lines.used("1001"), up)
            if refused:
                code = -1012 if second == "out" else BUSY
                self.assertEqual(switch.cdrs[0].endreason, code)
            for call in switch.registry:
                switch.registry.hang_up(call.id)
            self.assertEqual(switch.phone_lines.used("1001"), 0)

    def test_given_back(self) -> None:
        """Whoever ends an answered call, both phones have their line again."""
        switch = self.switch()
        one, two = self.phones(switch)
        one.call("1002")
        two.answers(two.rings())
        used = switch.phone_lines.used
        self.assertEqual((used("1001"), used("1002")), (1, 1))
        switch.registry.hang_up(1)
        self.assertEqual((used("1001"), used("1002")), (0, 0))
