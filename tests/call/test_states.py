"""
What is told of a call while it goes on: states, current calls, numbers.
"""

from __future__ import annotations

import attrs

from tests.call.build import CallTests, Up
from tests.call.phones import PhoneCallTests
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    SECOND,
    STRANGER,
    SWITCH,
    mapping_gateway,
    routing_gateway,
)
from vos3000.events import CallStateChanged
from vos3000.model.states import CallState


class StateTests(CallTests):
    """The states of one call (behaviour 8.1)."""

    def test_answered_call(self) -> None:
        """-7, -8, -11, -12, -13."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        callee.reply(invite, 100)
        callee.reply(invite, 180)
        callee.reply(invite, 180)
        callee.reply(invite, 200, ANSWER)
        caller.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        caller.ask("BYE")
        self.assertEqual(self.states(switch), [-7, -8, -11, -12, -13])

    def test_progress(self) -> None:
        """183 without and with a description, 181 and 182."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        for status, body in ((181, b""), (183, ANSWER), (180, b""), (100, b"")):
            callee.reply(invite, status, body)
        caller.cancel()
        self.assertEqual(self.states(switch), [-7, -9, -10, -11, -13])

    def test_failover(self) -> None:
        """The second gateway's states name the second gateway."""
        switch = self.switch()
        Caller(switch).invite()
        invite = switch.request(CALLEE)
        Callee(switch).reply(invite, 100)
        Callee(switch).reply(invite, 503)
        other = switch.request(SECOND)
        Callee(switch, SECOND).reply(other, 180)
        Callee(switch, SECOND).reply(other, 486)
        told = [(int(s.state), s.callee_gateway) for s in switch.states]
        self.assertEqual(
            told, [(-7, ""), (-8, "first"), (-11, "second"), (-13, "second")]
        )

    def test_fields(self) -> None:
        """Everything a listener may want to know."""
        switch = self.switch(
            mapping=[mapping_gateway(rewrite_callee="2:32")],
            routing=[routing_gateway(rewrite_callee="3:6")],
        )
        Caller(switch).invite()
        switch.advance(2)
        Callee(switch).reply(switch.taken(CALLEE)[0], 180)  # type: ignore[arg-type]
        first, last = switch.states
        expected = CallStateChanged(
            call_id=1,
            state=CallState.RINGING,
            event_time=1_700_000_002_000,
            caller_e164="1000",
            callee_e164="32000",
            caller_gateway="ingress",
            callee_gateway="first",
            caller_ip=CALLER[0],
            callee_ip=CALLEE[0],
            caller_local_ip=SWITCH[0],
            callee_local_ip=SWITCH[0],
            call_identifier="call-1",
        )
        self.assertEqual(last, expected)
        self.assertEqual(
            first,
            attrs.evolve(
                expected,
                state=CallState.INVITE,
                event_time=1_700_000_000_000,
                callee_gateway="",
                callee_ip="",
                callee_local_ip="",
            ),
        )

    def test_strangers(self) -> None:
        """Of a stranger nothing is told but the end."""
        switch = self.switch()
        Caller(switch, STRANGER).invite()
        self.assertEqual(switch.states, [])
        self.assertEqual(len(switch.ends), 1)

    def test_nobody_listens(self) -> None:
        """Without listeners the call goes just as well."""
        switch = self.switch()
        switch.events._listeners.clear()
        Up(switch).caller.ask("BYE")
        self.assertEqual(len(switch.cdrs), 1)

    def test_failing_listener(self) -> None:
        """A listener's mistake costs the call nothing."""
        switch = self.switch()

        def fail(_: object) -> None:
            raise ValueError("deaf")

        switch.events.subscribe(CallStateChanged, fail)
        Up(switch).caller.ask("BYE")
        self.assertEqual(len(switch.cdrs), 1)
        self.assertTrue(self.flushLoggedErrors(ValueError))


class ReportedTests(PhoneCallTests):
    """Whose steps are pushed (callStateReport)."""

    def reported(self, *wanting: str, caller: str = "", callee: str = "9001") -> bool:
        """
        Whether a call is, from its first step to its last.

        @param wanting: The phones that have it so.
        @param caller: The phone that calls; empty for the gateway.
        """
        switch = self.switch(mapping=[mapping_gateway(settings=self.settings)])
        for e164, dids in (("1001", ""), ("1002", "2221")):
            switch.phone(e164, dids=dids, callStateReport=e164 in wanting)
        one, two = self.phones(switch)
        if caller:
            one.call(callee)
        else:
            self.from_gateway(switch, callee, number="1001")
        if callee == "9001":
            callee_peer = Callee(switch)
            callee_peer.reply(switch.request(CALLEE), 486)
        else:
            two.reply(two.rings(), 486)
        told = {step.reported for step in switch.states}
        self.assertEqual(self.states(switch)[0], -7)
        self.assertEqual(self.states(switch)[-1], -13)
        self.assertEqual(len(told), 1)
        return told.pop()

    settings: dict[str, bool] = {}

    def test_gateways(self) -> None:
        """Always: they have no such setting."""
        self.assertTrue(self.reported())

    def test_from_phone(self) -> None:
        """As the phone has it."""
        self.assertFalse(self.reported(caller="1001"))
        self.assertFalse(self.reported("1002", caller="1001"))
        self.assertTrue(self.reported("1001", caller="1001"))

    def test_to_phone(self) -> None:
        """As the phone has it, by whichever of its numbers it is called."""
        for number in ("1002", "2221"):
            self.assertFalse(self.reported(callee=number))
            self.assertFalse(self.reported("1001", callee=number))
            self.assertTrue(self.reported("1002", callee=number))

    def test_between_phones(self) -> None:
        """One of both is enough."""
        self.assertFalse(self.reported(caller="1001", callee="1002"))
        self.assertTrue(self.reported("1001", caller="1001", callee="1002"))
        self.assertTrue(self.reported("1002", caller="1001", callee="1002"))

    def test_behind_gateway(self) -> None:
        """A phone behind a gateway counts if its settings hold."""
        self.assertTrue(self.reported())
        self.settings = {"enablePhoneSetting": True}
        self.assertFalse(self.reported())
        self.assertTrue(self.reported("1001"))


class CurrentTests(CallTests):
    """Current calls (GetCurrentCall)."""

    def test_unanswered(self) -> None:
        """keepTime is the state; connectedTime the arrival."""
        switch = self.switch()
        Caller(switch).invite()
        switch.advance(2)
        [call] = switch.registry.current()
        self.assertEqual((call.keep_time, call.state), (-7, CallState.INVITE))
        self.assertEqual(call.connected_time, 1_700_000_000_000)
        self.assertEqual((call.callee_gateway, call.callee_ip), ("first", CALLEE[0]))
        self.assertEqual((call.callee_rtp, call.callee_codec), ("", ""))

    def test_answered(self) -> None:
        """keepTime is the talk time in ms."""
        switch = self.switch()
        Up(switch)
        switch.advance(2)
        [call] = switch.registry.current()
        self.assertEqual((call.keep_time, call.state), (2000, CallState.OK))
        self.assertEqual(call.caller_rtp, "192.0.2.10:4000")
        self.assertEqual(call.callee_rtp, "192.0.2.20:6000")
        self.assertEqual((call.codec, call.caller_terminal), ("PCMA", "caller/1"))

    def test_gone(self) -> None:
        """A call that is over is none."""
        switch = self.switch()
        Up(switch).caller.ask("BYE")
        self.assertEqual(switch.registry.current(), [])


class MetricTests(CallTests):
    """What is counted."""

    def test_of_one_call(self) -> None:
        """Set-ups, answers, ends by reason, delay to ringing."""
        switch = self.switch()
        Up(switch).caller.ask("BYE")
        Caller(switch, STRANGER, call_id="call-2").invite()
        values = {each.name: each.value for each in switch.metrics.samples()}
        self.assertEqual(values["call_setups_total"], 2)
        self.assertEqual(values["call_answers_total"], 1)
        ends = {"NormalHangUp": 1, "IllegalCall": 1}
        self.assertEqual(values["call_ends_total"], ends)
        self.assertEqual(values["calls"], 0)
