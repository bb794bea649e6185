"""
Who may call as a phone or a gateway of a changing address, and how he shows it.
"""

from __future__ import annotations

from tests.call.build import CallTests
from tests.call.phones import ILLEGAL, OFFLINE, PhoneCallTests
from tests.peers import Caller
from tests.phones import DESK, HALL, PhonePeer
from tests.switch import (
    STRANGER,
    Switch,
    mapping_gateway,
    routing_gateway,
)


class AuthenticationTests(PhoneCallTests):
    """Who may call as a phone."""

    def test_challenge_costs_nothing(self) -> None:
        """No call, no record, no transaction and no dialog are kept for it."""
        switch = self.switch()
        one = PhonePeer(switch)
        caller = one.caller("1002")
        challenge = one.invite(caller)
        self.assertEqual(challenge.status, 401)
        self.assertEqual(len(challenge.all("www-authenticate")), 2)
        self.assertEqual((switch.cdrs, len(switch.registry)), ([], 0))
        self.assertEqual((switch.ends, switch.states), ([], []))
        self.assert_idle(switch)

    def test_proxy(self) -> None:
        """SS_SIP_AUTHENTICATION_CODE 407."""
        switch = self.switch(parameters={"SS_SIP_AUTHENTICATION_CODE": "407"})
        one = PhonePeer(switch)
        challenge = one.invite(one.caller("1002"))
        self.assertEqual(challenge.status, 407)
        self.assertEqual(len(challenge.all("proxy-authenticate")), 2)

    def test_wrong_password(self) -> None:
        """
        Challenged again as often as SS_SIP_AUTHENTICATION_RETRY says, then
        refused and recorded as nobody's call.
        """
        switch = self.switch(parameters={"SS_SIP_AUTHENTICATION_RETRY": "1"})
        one = PhonePeer(switch, password="guess")
        caller = one.caller("1002")
        for expected in (401, 401, 403):
            response = one.invite(caller)
            self.assertEqual(response.status, expected)
            caller.ack(response)
            caller.cseq += 1
            if expected == 401:
                one.device.learn(response)
        self.assert_over(switch, ILLEGAL, 2)
        (cdr,) = switch.cdrs
        self.assertEqual((cdr.billingmode, cdr.customeraccount), (-1, ""))
        self.assertEqual((cdr.callere164, cdr.callerip), ("1001", DESK[0]))
        self.assertIn("user '1001': refused", switch.ends[0].detail)
        self.assert_idle(switch)

    def test_suspended(self) -> None:
        """Who guesses too often is refused, even with the right password then."""
        switch = self.switch(
            parameters={
                "SS_AUTHENTICATION_MAX_RETRY": "2",
                "SS_AUTHENTICATION_FAILED_SUSPEND": "60",
            }
        )
        one = PhonePeer(switch, password="guess")
        for number in range(2):
            caller = one.caller("1002", call_id=f"c{number}")
            one.device.challenge = None
            one.device.learn(one.invite(caller))
            one.invite(caller)
        one.device.password = "secret"
        one.device.challenge = None
        refused = one.invite(one.caller("1002", call_id="c3"))
        self.assertEqual(refused.status, 403)
        switch.advance(61)
        switch.taken()
        one.call("1002", call_id="c4")
        self.assertEqual(one.refused(), 480)

    def test_nobody_of_that_name(self) -> None:
        """
        A user that does not exist is challenged and refused as one that does;
        its call is recorded at once, for those who watch for such calls.
        """
        switch = self.switch()
        real, made_up = PhonePeer(switch), PhonePeer(switch, "7777", STRANGER, "guess")
        shapes = []
        for peer in (real, made_up):
            peer.caller("1002").invite()
            ((data, _),) = switch.channel.sent
            lines = data.decode().splitlines()
            shapes.append((lines[0], [line.partition(":")[0] for line in lines]))
            switch.channel.sent.clear()
        self.assertEqual(shapes[0][0], "SIP/2.0 401 Unauthorized")
        self.assertEqual(shapes[0], shapes[1])
        self.assertEqual([cdr.callere164 for cdr in switch.cdrs], ["7777"])
        self.assertEqual(switch.cdrs[0].endreason, ILLEGAL)
        self.assert_idle(switch)

    def test_answered_before_known(self) -> None:
        """
        How long the challenge takes does not tell, either: what a made-up user
        costs comes after it.
        """
        switch = self.switch()
        sent: list[int] = []
        incoming = switch.control.incoming
        switch.control.incoming = lambda leg: (  # type: ignore[method-assign]
            sent.append(len(switch.channel.sent)),
            incoming(leg),
        )[1]
        Caller(switch, STRANGER, "7777", "1002").invite()
        self.assertEqual(sent, [1])
        self.assertEqual(self.lines(switch, STRANGER), ["401"])

    def test_no_phones_no_challenge(self) -> None:
        """Where nobody can have a password, strangers are refused as ever."""
        switch = CallTests.switch(self)
        peer = Caller(switch, STRANGER)
        peer.invite()
        self.assertEqual(switch.response(STRANGER).status, 403)
        self.assert_over(switch, ILLEGAL, 2)

    def test_used_twice(self) -> None:
        """Credentials that were seen on the wire are worth nothing again."""
        switch = self.switch()
        one, two = self.phones(switch)
        caller = one.call("1002")
        two.rings()
        again = Caller(switch, DESK, "1001", "1002", "other")
        count = one.device.count
        given = f"{one.device.credentials('INVITE', caller.uri)}"
        self.assertIn(f"nc={count + 1:08x}", given)
        switch.taken()
        for number, expected in ((1, "100"), (2, "401")):
            again.call_id = f"other{number}"
            again.cseq = 1
            again.invite(headers=[f"Authorization: {given}"])
            self.assertEqual(self.lines(switch, DESK)[0], expected)

    def test_another_call(self) -> None:
        """Credentials for one number open the way to no other."""
        switch = self.switch()
        one, _ = self.phones(switch)
        one.device.challenge = None
        one.device.learn(one.invite(one.caller("1002")))
        given = one.device.credentials("INVITE", "sip:1002@192.0.2.1")
        other = Caller(switch, DESK, "1001", "00881234", "other")
        other.invite(headers=[f"Authorization: {given}"])
        self.assertEqual(switch.response(DESK).status, 400)
        self.assertEqual(len(switch.registry), 0)

    def test_malformed_behind_a_password(self) -> None:
        """A phone elsewhere than at a known address gets what the RFC says."""
        switch = self.switch()
        one = PhonePeer(switch)
        caller = one.caller("1002")
        one.device.learn(one.invite(caller))
        given = one.device.credentials("INVITE", caller.uri)
        caller.cseq += 1
        for headers, expected in (
            (["Require: 100none"], 420),
            (["Accept: text/plain"], 406),
        ):
            given = one.device.credentials("INVITE", caller.uri)
            caller.cseq += 1
            caller.invite(headers=[f"Authorization: {given}", *headers])
            self.assertEqual(switch.response(DESK).status, expected)
        self.assertEqual(switch.cdrs, [])

    def test_silence(self) -> None:
        """
        SS_REPLY_UNAUTHORIZED off: challenges go out, for a phone may be
        anywhere; who fails hears nothing.
        """
        switch = self.switch(
            parameters={
                "SS_REPLY_UNAUTHORIZED": "Off",
                "SS_SIP_AUTHENTICATION_RETRY": "0",
            }
        )
        for e164 in ("1001", "7777"):
            one = PhonePeer(switch, e164, STRANGER, "guess")
            caller = one.caller("1002", call_id=e164)
            challenge = one.invite(caller)
            self.assertEqual(challenge.status, 401)
            one.device.learn(challenge)
            given = one.device.credentials("INVITE", caller.uri)
            caller.invite(headers=[f"Authorization: {given}"])
            self.assertEqual(switch.taken(), [])

    def test_who_does_not_call_by_password(self) -> None:
        """A phone of a fixed address, or behind a gateway, has none for calls."""
        for kind in (0, 2):
            switch = self.switch()
            switch.phone("1003", registerType=kind, ip="203.0.113.5")
            peer = PhonePeer(switch, "1003", STRANGER)
            caller = peer.caller("1002")
            peer.device.learn(peer.invite(caller))
            self.assertEqual(peer.invite(caller).status, 403)
            self.assertEqual(switch.cdrs[0].endreason, ILLEGAL)
            self.assert_idle(switch)


class StaticPhoneTests(PhoneCallTests):
    """Phones of a fixed address (registerType 0)."""

    def call(self, source: tuple[str, int], number: str = "1003") -> str:
        """What comes back to a call to 1002 from C{source}, first of all."""
        Caller(
            self.now, source, number, "1002", f"c-{source[0]}-{source[1]}-{number}"
        ).invite()
        return self.lines(self.now, source)[0]

    def test_by_address(self) -> None:
        """Its address and number are enough; others there have none."""
        self.now = switch = self.switch()
        self.phones(switch)
        switch.phone("1003", registerType=0, ip="203.0.113.5", dids="3333")
        self.assertEqual(self.call(("203.0.113.5", 6000)), "100")
        self.assertEqual(self.call(("203.0.113.5", 6000), "3333"), "100")
        self.assertEqual(self.call(("203.0.113.5", 6000), "1002"), "401")
        self.assertEqual(self.call(("203.0.113.6", 5060)), "401")
        (current, _) = switch.registry.current()
        self.assertEqual(current.caller_e164, "1003")

    def test_by_port(self) -> None:
        """sipAuthenticationMethod 1: the port counts, too."""
        self.now = switch = self.switch()
        self.phones(switch)
        fields = {"registerType": 0, "ip": "203.0.113.5", "sipAuthenticationMethod": 1}
        switch.phone("1003", **fields, port=5070)
        switch.phone("1004", **fields)
        self.assertEqual(self.call(("203.0.113.5", 5070)), "100")
        self.assertEqual(self.call(("203.0.113.5", 5060)), "401")
        self.assertEqual(self.call(("203.0.113.5", 5060), "1004"), "100")

    def test_called(self) -> None:
        """It is called at its address; nobody asks whether it is registered."""
        switch = self.switch()
        switch.phone("1003", registerType=0, ip="203.0.113.5", port=5070)
        self.from_gateway(switch, "1003")
        invite = switch.request(("203.0.113.5", 5070))
        self.assertEqual(invite.uri_text, "sip:1003@203.0.113.5:5070")

    def test_local_address(self) -> None:
        """Our own address that it sees (localIp)."""
        switch = self.switch()
        where = {"ip": "203.0.113.5", "localIp": "192.0.2.2"}
        switch.phone("1003", registerType=0, **where)
        self.from_gateway(switch, "1003")
        self.assertEqual(switch.transport.local, ("192.0.2.2", 0))

    def test_without_address(self) -> None:
        """Nowhere to call."""
        switch = self.switch()
        switch.phone("1003", registerType=0)
        self.from_gateway(switch, "1003")
        self.refused(switch, 480, OFFLINE)
        self.assertEqual(switch.ends[0].detail, "1003: no address")

    def test_options(self) -> None:
        """Phones of a known address get answers to OPTIONS."""
        switch = self.switch()
        self.phones(switch)
        switch.phone("1003", registerType=0, ip="203.0.113.5")
        for source, expected in (
            (DESK, 200),
            (("203.0.113.5", 5099), 200),
            ((DESK[0], 9999), 403),
            (STRANGER, 403),
        ):
            peer = Caller(switch, source, "1001", "1002", f"o-{source[0]}-{source[1]}")
            peer.send(peer.make("OPTIONS"))
            self.assertEqual(switch.response(source).status, expected)


class DynamicGatewayTests(PhoneCallTests):
    """Gateways that register (registerType 1)."""

    HOME = ("203.0.113.80", 5070)

    def registering(self) -> tuple[Switch, PhonePeer]:
        """A switch whose gateway "trunk" calls and is called where it registers."""
        switch = super().switch(
            mapping=[
                mapping_gateway(),
                mapping_gateway(
                    id=5,
                    name="trunk",
                    remote_ips=(),
                    register_type=1,
                    password="secret",
                ),
            ],
            routing=[
                routing_gateway(
                    name="trunk", remote_ip="", register_type=1, password="secret"
                )
            ],
        )
        return switch, PhonePeer(switch, "trunk", self.HOME)

    def test_offline(self) -> None:
        """Until it registers no call goes there, and the selection says why."""
        switch, _ = self.registering()
        self.from_gateway(switch, "2000")
        self.refused(switch, 503, -1011)
        self.assertEqual(switch.ends[0].detail, "trunk: not registered")

    def test_called(self) -> None:
        """Called at its Contact, by the number it is to call."""
        switch, trunk = self.registering()
        trunk.device.contact = "<sip:trunk@10.0.0.9:5099;line=7>"
        trunk.register()
        self.from_gateway(switch, "2000")
        invite = trunk.rings()
        self.assertEqual(invite.uri_text, "sip:2000@10.0.0.9:5099;line=7")
        self.assertEqual(invite.to.uri.user, "2000")
        switch.registry.hang_up(1)
        self.assertEqual(switch.cdrs[0].calleegatewayid, "trunk")

    def test_calls_by_registration(self) -> None:
        """From where it is registered, its calls are let in at once."""
        switch, trunk = self.registering()
        trunk.register()
        switch.taken()
        Caller(switch, self.HOME, "4930", "2000").invite()
        self.assertEqual(self.lines(switch, self.HOME), ["100", "INVITE"])
        switch.registry.hang_up(1)
        (cdr,) = switch.cdrs
        self.assertEqual((cdr.callergatewayid, cdr.callere164), ("trunk", "4930"))

    def test_calls_by_password(self) -> None:
        """From elsewhere it shows its password."""
        switch, trunk = self.registering()
        trunk.call("2000")
        (cdr,) = switch.cdrs
        self.assertEqual((cdr.callergatewayid, cdr.callere164), ("trunk", "trunk"))

    def test_to_is_changed_on_the_way(self) -> None:
        """
        By password the Request-URI says who is called, since the digest covers
        it, whatever stands in To; where it is registered To counts as ever.
        """
        for registered in (False, True):
            switch, trunk = self.registering()
            switch.phone("1002")
            two = PhonePeer(switch, "1002", HALL)
            two.register()
            if registered:
                trunk.register()
            switch.taken()
            caller = trunk.caller("1002", "4930")
            caller.to = "<sip:00881234@192.0.2.1>"
            if registered:
                caller.invite()
            else:
                trunk.device.learn(trunk.invite(caller))
                caller.cseq += 1
                trunk.invite(caller)
            called = "00881234" if registered else "1002"
            current = [each.callee_e164 for each in switch.registry.current()]
            ended = [
                cdr.calleeaccesse164 for cdr in switch.cdrs if cdr.endreason != ILLEGAL
            ]
            self.assertEqual(current + ended, [called])

    def test_two_behind_one_address(self) -> None:
        """Where a phone registers from the same place, all show passwords."""
        switch, trunk = self.registering()
        switch.phone("1001")
        trunk.register()
        PhonePeer(switch, "1001", self.HOME).register()
        switch.taken()
        Caller(switch, self.HOME, "1001", "2000").invite()
        self.assertEqual(switch.response(self.HOME).status, 401)
