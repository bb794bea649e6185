"""
From one gateway to the next, and when to stop.
"""

from __future__ import annotations

from typing import Any

from tests.call.build import CallTests, final
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.gateways import RoutingGateway
from vos3000.sip.message import Request

THIRD = ("192.0.2.22", 5060)


def second(**settings: Any) -> RoutingGateway:
    """The other gateway, but for C{settings}."""
    return RoutingGateway(
        **{"id": 3, "name": "second", "remote_ip": SECOND[0], **settings}
    )


class HuntTests(CallTests):
    """What the hunts have in common."""

    def begin(self, **settings: Any) -> tuple[Switch, Caller, Callee, Request]:
        """A call at the first gateway."""
        switch = self.switch(**settings)
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        self.assertEqual(self.lines(switch, CALLER), ["100"])
        return switch, caller, callee, switch.request(CALLEE)

    def assert_stopped(self, switch: Switch, code: int, direction: int = 1) -> None:
        """No other gateway was tried; the caller was told."""
        self.assertEqual(switch.taken(SECOND), [])
        self.assertGreaterEqual(final(switch, CALLER).status, 300)
        self.assert_over(switch, code, direction)

    def assert_went_on(self, switch: Switch) -> Request:
        """The other gateway was called, the caller not told."""
        invite = switch.request(SECOND)
        self.assertEqual(invite.method, "INVITE")
        self.assertEqual(switch.lines_out.used("first"), 0)
        self.assertEqual(switch.lines_out.used("second"), 1)
        return invite


class RefusalTests(HuntTests):
    """A gateway refuses."""

    def test_first_refuses_second_answers(self) -> None:
        """The record names the gateway that answered; its delay is its own."""
        switch, caller, callee, invite = self.begin()
        callee.reply(invite, 100)
        switch.advance(2)
        callee.reply(invite, 503)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        other = self.assert_went_on(switch)
        self.assertNotEqual(other.call_id, invite.call_id)
        self.assertNotEqual(other.from_tag, invite.from_tag)
        switch.advance(3)
        Callee(switch, SECOND).reply(other, 200, ANSWER)
        caller.ack(final(switch, CALLER))
        switch.advance(10)
        caller.ask("BYE")
        self.assert_over(switch, -8, 0)
        [cdr] = switch.cdrs
        self.assertEqual((cdr.calleegatewayid, cdr.calleeip), ("second", SECOND[0]))
        self.assertEqual(cdr.calleecallid, other.call_id)
        self.assertEqual((cdr.callerpdd, cdr.calleepdd), (5000, 3000))
        self.assertEqual((cdr.agentaccount, cdr.agentfee), ("", 0))

    def test_numbers_are_rewritten_from_the_billing_number(self) -> None:
        """Not from the attempt before."""
        switch, _, callee, invite = self.begin(
            routing=[
                routing_gateway(rewrite_callee="2:99", rewrite_caller="1:77"),
                second(rewrite_callee="2:88"),
            ]
        )
        self.assertEqual(invite.uri.user, "99000")
        callee.reply(invite, 503)
        other = self.assert_went_on(switch)
        self.assertEqual(other.uri.user, "88000")
        self.assertEqual(other.from_.uri.user, "1000")

    def test_all_refuse(self) -> None:
        """The last one's status is passed on; direction 1."""
        switch, _, callee, invite = self.begin()
        callee.reply(invite, 503)
        Callee(switch, SECOND).reply(
            self.assert_went_on(switch), 404, b"", [("Reason", "Q.850;cause=1")]
        )
        self.assertEqual(final(switch, CALLER).status, 404)
        self.assert_over(switch, 404, 1)
        cdr = switch.cdrs[0]
        self.assertEqual(cdr.calleegatewayid, "second")
        self.assertEqual(cdr.sipreasonheader, "Q.850;cause=1")

    def test_first_media_is_not_the_second(self) -> None:
        """The record does not mix the media of one with the name of another."""
        switch, _, callee, invite = self.begin(
            parameters={"SS_SIP_STOP_SWITCH_AFTER_SDP": "Off"}
        )
        callee.reply(invite, 183, ANSWER)
        callee.reply(invite, 503)
        Callee(switch, SECOND).reply(self.assert_went_on(switch), 503)
        cdr = switch.cdrs[0]
        self.assertEqual((cdr.calleertpip, cdr.calleecodec), ("", ""))
        self.assertEqual(cdr.callercodec, "PCMA")

    def test_default_stop_list(self) -> None:
        """486, 600, 603, 604 and 606 end the hunt; others do not."""
        for status in (486, 600, 603, 604, 606):
            switch, _, callee, invite = self.begin()
            callee.reply(invite, status)
            self.assertEqual(switch.taken(SECOND), [])
            self.assertEqual(final(switch, CALLER).status, status)
            self.assert_over(switch, status, 1)
        for status in (302, 400, 403, 404, 408, 480, 487, 488, 500, 503, 604 + 5):
            switch, _, callee, invite = self.begin()
            callee.reply(invite, status)
            self.assert_went_on(switch)

    def test_own_stop_list(self) -> None:
        """A gateway's own list replaces the default one."""
        mine = routing_gateway(stop_codes=frozenset((404,)))
        switch, _, callee, invite = self.begin(routing=[mine, second()])
        callee.reply(invite, 404)
        self.assert_stopped(switch, 404)
        switch, _, callee, invite = self.begin(routing=[mine, second()])
        callee.reply(invite, 603)
        self.assert_went_on(switch)

    def test_busy_that_may_be_tried_elsewhere(self) -> None:
        """SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY Off; switchAllowBusy."""
        name = "SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY"
        allowed = [routing_gateway(switch_on_busy=True), second()]
        switch, _, callee, invite = self.begin(routing=allowed)
        callee.reply(invite, 486)
        self.assert_went_on(switch)
        switch, _, callee, invite = self.begin(parameters={name: "Off"})
        callee.reply(invite, 603)
        self.assert_stopped(switch, 603)

    def test_ringing_stops_the_hunt(self) -> None:
        """Once a callee rang its refusal is final, unless it may not be."""
        switch, _, callee, invite = self.begin()
        callee.reply(invite, 180)
        callee.reply(invite, 503)
        self.assert_stopped(switch, 503)
        for settings in (
            {"routing": [routing_gateway(switch_on_ring=True), second()]},
            {"parameters": {"SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On"}},
        ):
            switch, _, callee, invite = self.begin(**settings)
            callee.reply(invite, 180)
            callee.reply(invite, 503)
            switch.taken(CALLER)
            self.assert_went_on(switch)

    def test_media_stops_the_hunt(self) -> None:
        """Once a callee described its media, likewise."""
        switch, _, callee, invite = self.begin()
        callee.reply(invite, 183, ANSWER)
        callee.reply(invite, 503)
        self.assert_stopped(switch, 503)
        for settings in (
            {"routing": [routing_gateway(switch_on_sdp=True), second()]},
            {"parameters": {"SS_SIP_STOP_SWITCH_AFTER_SDP": "Off"}},
        ):
            switch, _, callee, invite = self.begin(**settings)
            callee.reply(invite, 183, ANSWER)
            callee.reply(invite, 503)
            self.assert_went_on(switch)

    def test_switch_limit(self) -> None:
        """SS_GATEWAY_SWITCH_LIMIT counts moves; full gateways do not count."""
        third = RoutingGateway(4, "third", remote_ip=THIRD[0])
        limit = {"SS_GATEWAY_SWITCH_LIMIT": "1"}
        switch, _, callee, invite = self.begin(
            routing=[routing_gateway(), second(), third], parameters=limit
        )
        callee.reply(invite, 503)
        Callee(switch, SECOND).reply(switch.request(SECOND), 500)
        self.assertEqual(switch.taken(THIRD), [])
        self.assert_over(switch, 500, 1)
        switch, _, callee, invite = self.begin(
            routing=[routing_gateway(), second(capacity=1), third], parameters=limit
        )
        switch.lines_out.acquire("second", 1)
        callee.reply(invite, 503)
        self.assertEqual(self.lines(switch, THIRD), ["INVITE"])

    def test_never_switch(self) -> None:
        """A limit of 0 leaves the first gateway alone."""
        switch, _, callee, invite = self.begin(
            parameters={"SS_GATEWAY_SWITCH_LIMIT": "0"}
        )
        callee.reply(invite, 503)
        self.assert_stopped(switch, 503)

    def test_full_gateway_is_skipped(self) -> None:
        """One line, taken by another call: the next gateway gets this one."""
        switch = self.switch(routing=[routing_gateway(capacity=1), second()])
        Caller(switch).invite()
        self.assertEqual(len(switch.taken(CALLEE)), 1)
        Caller(switch, call_id="call-2").invite()
        self.assertEqual(self.lines(switch, CALLEE), [])
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_gateway_without_address(self) -> None:
        """One whose name nobody knows is passed over at once."""
        nowhere = routing_gateway(remote_ip="nowhere.invalid")
        switch = Switch(routing=[nowhere])
        switch.gate._servers = lambda *place: ()
        switch.watch()
        Caller(switch).invite()
        self.assertEqual(final(switch, CALLER).status, 408)
        self.assert_over(switch, -1015, 2)
        self.assert_idle(switch)

    def test_unreadable_answer(self) -> None:
        """A 200 whose Contact cannot be read is ended, the next one tried."""
        switch, _, callee, invite = self.begin()
        callee.reply(invite, 200, ANSWER, [("Record-Route", "<<<")])
        self.assertEqual(self.lines(switch, CALLEE), ["ACK", "BYE"])
        self.assert_went_on(switch)


class SilenceTests(HuntTests):
    """A gateway stays too long in one stage."""

    def overdue(self, status: int, body: bytes, seconds: int, **settings: Any) -> None:
        """After C{status} it is given up in C{seconds}, not before."""
        switch, _, callee, invite = self.begin(**settings)
        if status:
            callee.reply(invite, status, body)
        switch.advance(seconds - 0.25)
        self.assertEqual(switch.taken(SECOND), [])
        switch.advance(0.5)
        self.assert_went_on(switch)
        sent = set(self.lines(switch, CALLEE))
        self.assertEqual("CANCEL" in sent, bool(status))

    def test_system_values(self) -> None:
        """10, 20, 20, 120 and 120 s."""
        go_on = {
            "SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On",
            "SS_SIP_STOP_SWITCH_AFTER_SDP": "Off",
        }
        self.overdue(0, b"", 10)
        self.overdue(100, b"", 20)
        self.overdue(183, b"", 20)
        self.overdue(183, ANSWER, 120, parameters=go_on)
        self.overdue(180, b"", 120, parameters=go_on)

    def test_own_values(self) -> None:
        """A gateway's own come before the system's."""
        own = {
            "routing": [
                routing_gateway(
                    timeouts=(2, 3, 4, 5, 6), switch_on_ring=True, switch_on_sdp=True
                ),
                second(),
            ]
        }
        self.overdue(0, b"", 2, **own)
        self.overdue(100, b"", 3, **own)
        self.overdue(183, b"", 4, **own)
        self.overdue(183, ANSWER, 5, **own)
        self.overdue(180, b"", 6, **own)

    def test_a_stage_does_not_begin_again(self) -> None:
        """Ringing again does not make it ring for longer."""
        switch, _, callee, invite = self.begin(
            routing=[routing_gateway(timeouts=(0, 0, 0, 0, 10))]
        )
        for _ in range(5):
            callee.reply(invite, 180)
            switch.advance(2.0625)
        self.assertEqual(len(switch.registry), 0)

    def test_causes(self) -> None:
        """Each stage has its end reason; direction 2."""
        route = routing_gateway(timeouts=(2, 2, 2, 2, 2))
        for status, body, code, told in (
            (0, b"", -1015, 408),
            (100, b"", -1001, 408),
            (183, b"", -1001, 408),
            (183, ANSWER, -1014, 480),
            (180, b"", -1014, 480),
        ):
            switch, _, callee, invite = self.begin(routing=[route])
            if status:
                callee.reply(invite, status, body)
            switch.advance(2.5)
            self.assertEqual(self.last(switch), told)
            self.assert_over(switch, code, 2)
            if status:
                callee.reply(invite, 487)
            self.assert_idle(switch)

    def last(self, switch: Switch) -> int:
        """The last status that the caller got."""
        return switch.taken(CALLER)[-1].status  # type: ignore[union-attr]

    def test_stop_after_silence(self) -> None:
        """SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT."""
        name = "SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT"
        switch, _, _, _ = self.begin(parameters={name: "On"})
        switch.advance(10.25)
        self.assert_stopped(switch, -1015, 2)

    def test_silence_in_the_stop_list(self) -> None:
        """A gateway whose list holds 408 ends the hunt by silence too."""
        mine = routing_gateway(stop_codes=frozenset((408,)))
        switch, _, _, _ = self.begin(routing=[mine, second()])
        switch.advance(10.25)
        self.assert_stopped(switch, -1015, 2)

    def test_late_answer_of_the_first(self) -> None:
        """It is acknowledged and ended; the second's answer counts."""
        switch, caller, callee, invite = self.begin()
        callee.reply(invite, 100)
        switch.advance(20.25)
        other = self.assert_went_on(switch)
        switch.taken(CALLEE)
        callee.reply(invite, 200, ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK", "BYE"])
        self.assertEqual(self.lines(switch, CALLER), [])
        Callee(switch, SECOND).reply(other, 200, ANSWER)
        caller.ack(final(switch, CALLER))
        caller.ask("BYE")
        self.assert_over(switch, -8, 0)
        self.assertEqual(switch.cdrs[0].calleegatewayid, "second")

    def test_answer_of_a_gateway_that_was_silent(self) -> None:
        """The same without any provisional response."""
        switch, _, callee, invite = self.begin()
        switch.advance(10.25)
        self.assert_went_on(switch)
        switch.taken(CALLEE)
        callee.reply(invite, 200, ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK", "BYE"])
        self.assertEqual(self.lines(switch, CALLER), [])


class PatienceTests(HuntTests):
    """timeoutCallProceeding of the mapping gateway."""

    def patient(self, seconds: int) -> dict[str, Any]:
        """A caller's gateway that waits so long."""
        return {"mapping": [mapping_gateway(timeout_call_proceeding=seconds)]}

    def test_ends_the_call(self) -> None:
        """Counted over all attempts; ProcessTimeout."""
        switch, _, callee, invite = self.begin(**self.patient(15))
        switch.advance(8)
        callee.reply(invite, 503)
        other = self.assert_went_on(switch)
        Callee(switch, SECOND).reply(other, 100)
        switch.advance(6.75)
        self.assertEqual(len(switch.registry), 1)
        switch.advance(0.5)
        self.assertEqual(final(switch, CALLER).status, 408)
        self.assertEqual(self.lines(switch, SECOND), ["CANCEL"])
        self.assert_over(switch, -1001, 2)

    def test_ringing_media_and_answer_end_it(self) -> None:
        """Once the caller hears something it does not count."""
        for status, body in ((180, b""), (183, ANSWER), (200, ANSWER)):
            switch, _, callee, invite = self.begin(**self.patient(15))
            callee.reply(invite, status, body)
            switch.advance(16)
            self.assertEqual(len(switch.registry), 1)

    def test_other_progress_does_not(self) -> None:
        """100, 181 and 183 without media leave the caller in silence."""
        switch, _, callee, invite = self.begin(**self.patient(15))
        for status in (100, 181, 183):
            callee.reply(invite, status)
        switch.advance(15.25)
        self.assert_over(switch, -1001, 2)

    def test_none(self) -> None:
        """0 and -1 set no such limit."""
        for seconds in (0, -1):
            switch, _, callee, invite = self.begin(**self.patient(seconds))
            callee.reply(invite, 100)
            switch.advance(19)
            self.assertEqual(len(switch.registry), 1)

    def test_leaves_nothing(self) -> None:
        """Its timer goes with the call."""
        switch, caller, callee, invite = self.begin(**self.patient(600))
        callee.reply(invite, 100)
        caller.cancel()
        callee.reply(invite, 487)
        self.assert_idle(switch)
