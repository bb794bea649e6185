"""Calls beyond a rate, and calls that come while the switch is overloaded."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.peers import Callee, Caller
from tests.phones import PhonePeer
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    SECOND,
    STRANGER,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.sip.message import Response


def _number(switch: Switch, name: str) -> Any:
    return {each.name: each.value for each in switch.metrics.samples()}[name]


class Calls(SynchronousTestCase):
    """What these tests share: calls one after the other."""

    def call(self, switch: Switch, serial: int, **given: Any) -> Caller:
        """A new call from the gateway."""
        caller = Caller(switch, call_id=f"call-{serial}", **given)
        caller.invite()
        return caller

    def assert_refused(self, switch: Switch, caller: Caller, after: int) -> Response:
        """One 503 with this Retry-After, nothing else, and nothing held."""
        response = switch.response(caller.address)
        self.assertEqual(response.status, 503)
        self.assertEqual(response.get("retry-after"), str(after))
        self.assertEqual(switch.taken(), [])
        return response

    def assert_taken(self, switch: Switch, caller: Caller) -> None:
        """A call that goes out, to either vendor; it is then ended."""
        vendors = [to for _, to in switch.channel.sent if to != caller.address]
        self.assertEqual(len(vendors), 1)
        Callee(switch, vendors[0]).reply(switch.request(vendors[0]), 486)
        caller.ack(switch.taken(caller.address)[-1])  # type: ignore[arg-type]
        switch.taken()


class GatewayRateTests(Calls):
    """maxCallRate and maxCallRateUnit of a mapping gateway."""

    def setUp(self) -> None:
        """A gateway of two calls in ten seconds."""
        self.switch = Switch([mapping_gateway(call_rate=(2, 10))])
        for number in range(2):
            self.assert_taken(self.switch, self.call(self.switch, number))
            self.switch.advance(1)

    def test_beyond_the_rate(self) -> None:
        """503 that says when the next call may come; then it may."""
        setups = _number(self.switch, "call_setups_total")
        cdrs = len(self.switch.cdrs)
        self.assert_refused(self.switch, self.call(self.switch, 3), 8)
        self.switch.advance(7.5)
        self.assert_refused(self.switch, self.call(self.switch, 4), 1)
        self.assertEqual(_number(self.switch, "call_setups_total"), setups)
        self.assertEqual(len(self.switch.cdrs), cdrs)
        refused = _number(self.switch, "throttle_rate_exceeded_total")
        self.assertEqual(refused, {"ingress": 2})
        self.switch.advance(0.5)
        self.assert_taken(self.switch, self.call(self.switch, 5))

    def test_nothing_is_held_of_it(self) -> None:
        """No transaction, no timer: the answer alone, for what comes again."""
        self.switch.advance(1)
        timers = len(self.switch.timers)
        caller = self.call(self.switch, 3)
        first = self.assert_refused(self.switch, caller, 7)
        self.assertEqual(_number(self.switch, "sip_dialogs"), 0)
        self.assertEqual(len(self.switch.timers), timers)
        held = self.switch.left()
        caller.ack(first)
        self.assertEqual(self.switch.taken(), [])
        self.assertEqual(self.switch.left(), held)

    def test_retransmissions_get_the_same_answer(self) -> None:
        """Even if a new call would be taken by then: this one was refused."""
        caller = Caller(self.switch, call_id="call-3")
        data = caller.invite()
        sent = list(self.switch.channel.sent)
        self.switch.channel.sent.clear()
        self.switch.advance(9)
        caller.send(data)
        self.assertEqual(self.switch.channel.sent, sent)

    def test_what_is_there_goes_on(self) -> None:
        """Requests of a call that is up are no new calls, re-INVITEs included."""
        self.switch.advance(20)
        self.switch.load([mapping_gateway(call_rate=(2, 10))], [routing_gateway()])
        caller = self.call(self.switch, 5)
        callee = Callee(self.switch)
        invite = self.switch.request(CALLEE)
        callee.reply(invite, 200, ANSWER)
        caller.ack(self.switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        self.call(self.switch, 6)
        self.switch.taken()
        self.assert_refused(self.switch, self.call(self.switch, 7), 10)
        caller.ask("INVITE", ANSWER)
        self.assertEqual(self.switch.request(CALLEE).method, "INVITE")

    def test_other_gateways_call(self) -> None:
        """The rate is the gateway's own."""
        other = mapping_gateway(id=9, name="other", remote_ips=("192.0.2.11",))
        self.switch.load([mapping_gateway(call_rate=(2, 10)), other])
        there = ("192.0.2.11", 5060)
        self.assert_taken(self.switch, self.call(self.switch, 3, address=there))

    def test_a_raised_rate_holds_at_once(self) -> None:
        """The calls there were count; the limit is the new one."""
        self.switch.load([mapping_gateway(call_rate=(3, 10))])
        self.assert_taken(self.switch, self.call(self.switch, 3))
        self.assert_refused(self.switch, self.call(self.switch, 4), 8)


class RegisteringGatewayTests(Calls):
    """The rate of a gateway that is known by its password, or where it registers."""

    HOME = ("203.0.113.80", 5070)

    def setUp(self) -> None:
        """A gateway of one call in ten seconds, whose call is up."""
        trunk = mapping_gateway(
            id=5,
            name="trunk",
            remote_ips=(),
            register_type=1,
            password="secret",
            call_rate=(1, 10),
        )
        self.switch = Switch([mapping_gateway(), trunk])
        self.trunk = PhonePeer(self.switch, "trunk", self.HOME)

    def test_by_password(self) -> None:
        """The challenge does not count, and who is beyond it is told when to come."""
        self.trunk.call("2000")
        self.switch.taken()
        refused = self.trunk.invite(self.trunk.caller("2000", call_id="again"))
        self.assertEqual((refused.status, refused.get("retry-after")), (503, "10"))
        self.assertEqual(len(self.switch.registry), 1)
        self.assertEqual(self.switch.taken(), [])

    def test_by_registration(self) -> None:
        """The same, without a challenge."""
        self.trunk.register()
        self.switch.taken()
        self.call(self.switch, 1, address=self.HOME, number="4930")
        self.assertEqual(len(self.switch.registry), 1)
        self.switch.taken()
        refused = self.call(self.switch, 2, address=self.HOME, number="4930")
        response = self.switch.response(refused.address)
        self.assertEqual((response.status, response.get("retry-after")), (503, "10"))


class SwitchRateTests(Calls):
    """SS_MAX_CPS."""

    def test_beyond_the_rate(self) -> None:
        """503 for a second, whichever gateway it is; not counted as its own."""
        switch = Switch(parameters={"SS_MAX_CPS": "2"})
        for number in range(2):
            self.assert_taken(switch, self.call(switch, number))
        self.assert_refused(switch, self.call(switch, 3), 1)
        self.assertEqual(_number(switch, "throttle_switch_rate_exceeded_total"), 1)
        self.assertEqual(_number(switch, "throttle_rate_exceeded_total"), {})
        switch.advance(1)
        self.assert_taken(switch, self.call(switch, 4))

    def test_strangers_take_nobody_s_place(self) -> None:
        """They are refused as ever, and do not count."""
        switch = Switch(parameters={"SS_MAX_CPS": "1"})
        for number in range(3):
            self.call(switch, number, address=STRANGER)
            self.assertEqual(switch.response(STRANGER).status, 403)
        self.assert_taken(switch, self.call(switch, 4))

    def test_no_limit_by_itself(self) -> None:
        """None is the default."""
        switch = Switch()
        for number in range(50):
            self.assert_taken(switch, self.call(switch, number))


class RoutingRateTests(Calls):
    """maxCallRate of a routing gateway."""

    def setUp(self) -> None:
        """A first gateway of one call in five seconds, and a second."""
        second = routing_gateway(id=3, name="second", remote_ip=SECOND[0])
        limited = routing_gateway(call_rate=(1, 5))
        self.switch = Switch(routing=[limited, second])

    def test_the_next_gateway_is_tried(self) -> None:
        """As long as the first has had its calls; each attempt counts as one."""
        self.assert_taken(self.switch, self.call(self.switch, 1))
        self.call(self.switch, 2)
        self.assertEqual(self.switch.request(SECOND).method, "INVITE")
        self.switch.taken()
        selection = self.switch.selector.select("2000", None)
        found = [(out.gateway.name, out.reason) for out in selection.left_out]
        self.assertEqual(found, [("first", "call rate reached")])
        self.switch.advance(5)
        self.switch.taken()
        self.call(self.switch, 3)
        self.assertEqual(self.switch.request(CALLEE).method, "INVITE")

    def test_none_left(self) -> None:
        """No gateway may have a call: no route."""
        self.switch.load(routing=[routing_gateway(call_rate=(1, 5))])
        self.assert_taken(self.switch, self.call(self.switch, 1))
        self.call(self.switch, 2)
        statuses = [m.status for m in self.switch.taken() if isinstance(m, Response)]
        self.assertEqual(statuses, [100, 503])

    def test_two_routes_that_waited_for_each_other(self) -> None:
        """A gateway that got its call after it was selected is passed over."""
        slow = routing_gateway(id=4, name="slow", remote_ip=CALLEE[0], priority=1)
        limited = routing_gateway(
            id=3, name="last", remote_ip=SECOND[0], priority=2, call_rate=(1, 5)
        )
        self.switch.load(routing=[slow, limited])
        self.call(self.switch, 1)
        first = self.switch.request(CALLEE)
        self.call(self.switch, 2)
        other = self.switch.request(CALLEE)
        callee = Callee(self.switch)
        callee.reply(first, 503)
        self.switch.taken(CALLEE)
        self.assertEqual(self.switch.request(SECOND).method, "INVITE")
        self.switch.taken()
        callee.reply(other, 503)
        self.switch.taken(CALLEE)
        self.assertEqual(self.switch.taken(SECOND), [])
        self.assertEqual(self.switch.response(CALLER).status, 503)


class OverloadTests(Calls):
    """New requests that waited too long."""

    def setUp(self) -> None:
        """A switch whose socket has been late for a while."""
        self.switch = Switch()
        self.switch.channel.late = 0.6
        self.caller = self.call(self.switch, 0)
        self.assert_refused(self.switch, self.caller, 1)

    def test_peers_come_back_at_different_times(self) -> None:
        """1 to 5 s, in turn."""
        for after in (2, 3, 4, 5, 1):
            self.assert_refused(self.switch, self.call(self.switch, after), after)
        self.assertEqual(_number(self.switch, "throttle_overload_total"), 6)
        self.assertEqual(self.switch.cdrs, [])

    def test_at_once_over(self) -> None:
        """The first INVITE that did not wait is taken."""
        self.switch.channel.late = 0.01
        self.assert_taken(self.switch, self.call(self.switch, 1))

    def test_calls_that_are_up_go_on(self) -> None:
        """ACK, BYE, CANCEL, OPTIONS and whatever is in a dialog."""
        switch = self.switch
        switch.channel.late = 0
        caller = self.call(switch, 1)
        callee = Callee(switch)
        switch.channel.late = 0.6
        callee.reply(switch.request(CALLEE), 200, ANSWER)
        switch.request(CALLEE)
        caller.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        caller.ask("INVITE", ANSWER)
        reinvite = switch.request(CALLEE)
        callee.reply(reinvite, 200, ANSWER)
        switch.request(CALLEE)
        caller.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        caller.ask("BYE")
        self.assertEqual(switch.request(CALLEE).method, "BYE")
        self.assertEqual(switch.response(CALLER).status, 200)
        other = Caller(switch, call_id="ping")
        other.send(other.make("OPTIONS"))
        self.assertEqual(switch.response(CALLER).status, 200)

    def test_a_retransmission_of_a_call_that_was_taken(self) -> None:
        """It is absorbed, however late it is."""
        self.switch.channel.late = 0
        caller = Caller(self.switch, call_id="call-1")
        data = caller.invite()
        self.switch.taken()
        self.switch.channel.late = 2.0
        caller.send(data)
        self.assertEqual(self.switch.response(CALLER).status, 100)

    def test_strangers_that_get_no_answer_get_none(self) -> None:
        """SS_REPLY_UNAUTHORIZED off holds here as well."""
        switch = Switch(parameters={"SS_REPLY_UNAUTHORIZED": "Off"})
        switch.channel.late = 0.6
        self.call(switch, 1, address=STRANGER)
        self.assertEqual(switch.taken(), [])
        self.assertEqual(switch.cdrs, [])
