"""
Calls that phones send on: who is called, who is told what, and who pays.
"""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from tests.call.build import final
from tests.call.phones import BUSY, OFFLINE, PhoneCallTests
from tests.peers import Callee, Caller
from tests.phones import HALL, PhonePeer
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
from vos3000.model.accounts import Customer
from vos3000.model.sipoptions import ForwardSignal, SipOptions
from vos3000.sip.message import Request, Response

ABROAD = "4930"
NO_ANSWER = 120


def targets(*numbers: str, **more: int) -> dict[str, Any]:
    """A record of numbers to send calls on to."""
    return {"e164": ",".join(numbers), **more}


class ForwardingTests(PhoneCallTests):
    """Calls from the gateway to the phone 1002, which sends them on."""

    def sends_on(self, switch: Switch, **services: Any) -> None:
        """What the phone has switched on."""
        switch.phone("1002", account="owner", **services)

    def made(self, register: bool = True, **services: Any) -> Switch:
        """A switch where the phone is registered and has these services."""
        customers = [
            Customer(1, "acme", "Acme", money=Decimal(100), fee_rate_group="retail"),
            Customer(2, "vendor", "Vendor", fee_rate_group="cost"),
            Customer(3, "owner", "Owner", money=Decimal(50), fee_rate_group="retail"),
        ]
        switch = self.switch(customers=customers)
        self.sends_on(switch, **services)
        self.two = PhonePeer(switch, "1002", HALL)
        if register:
            self.two.register()
        switch.taken()
        return switch

    def called(self, switch: Switch, callee: str = "1002") -> Caller:
        """A call of the gateway's."""
        return self.from_gateway(switch, callee)

    def sent_on(self, switch: Switch, number: str = ABROAD) -> Request:
        """The INVITE that a vendor gets for it."""
        switch.advance(0.1)
        invite = switch.request(CALLEE)
        self.assertEqual(invite.uri.user, number)
        return invite

    def statuses(self, switch: Switch) -> list[int]:
        """What the caller was told since the last time."""
        told = switch.taken(CALLER)
        return [each.status for each in told if isinstance(each, Response)]

    def paid(self, switch: Switch) -> dict[str, Decimal]:
        """What each account paid."""
        return {
            name: account.customer.money - account.money
            for name in ("acme", "owner")
            if (account := switch.accounts.get(name)) is not None
        }


class AlwaysTests(ForwardingTests):
    """unconditionalForward."""

    def setUp(self) -> None:
        """A call that was sent on, and rings."""
        self.on = {
            "unconditionalForward": True,
            "unconditionalForwardE164": targets(ABROAD),
        }

    def test_whole_call(self) -> None:
        """
        The phone is left alone, the caller told 181, and then what the target says;
        two records, each account pays its own call.
        """
        switch = self.made(**self.on)
        caller = self.called(switch)
        invite = self.sent_on(switch)
        self.assertEqual(self.statuses(switch), [100, 181])
        self.assertEqual(invite.from_.uri.user, "1000")
        self.assertIn(b"m=audio 4000", invite.body)
        callee = Callee(switch)
        callee.reply(invite, 180)
        self.assertEqual(self.statuses(switch), [180])
        callee.reply(invite, 200, ANSWER)
        ok = final(switch, CALLER)
        self.assertIn(b"m=audio 6000", ok.body)
        caller.ack(ok)
        self.assertEqual(switch.request(CALLEE).method, "ACK")
        switch.advance(61)
        caller.ask("BYE")
        self.assertEqual(final(switch, CALLER).status, 200)
        callee.reply(switch.request(CALLEE), 200)
        own, first = sorted(switch.cdrs, key=lambda cdr: cdr.callere164 == "1000")
        self.assertEqual(
            (first.calleee164, first.calleetogatewaye164), ("1002", ABROAD)
        )
        self.assertEqual((own.callere164, own.calleee164), ("1002", ABROAD))
        self.assertEqual(
            (first.customeraccount, own.customeraccount), ("acme", "owner")
        )
        self.assertEqual((first.calleegatewayid, own.calleegatewayid), ("", "first"))
        self.assertEqual((first.billingmode, own.billingmode), (1, 0))
        self.assertEqual((first.fee, own.fee), (Decimal("0.12"), Decimal("0.12")))
        self.assertEqual((first.agentfee, own.agentfee), (0, Decimal("0.04")))
        self.assertEqual(own.calleroriginalinfo, "1002 (unconditional)")
        self.assertEqual(own.calleroriginalcallid, first.callercallid)
        self.assertEqual((first.calleeip, own.calleeip), (CALLEE[0], CALLEE[0]))
        cent = Decimal("0.12")
        self.assertEqual(self.paid(switch), {"acme": cent, "owner": cent})
        self.assert_idle(switch)

    def test_callee_hangs_up(self) -> None:
        """Either end ends both calls; who did stands in both records."""
        switch = self.made(**self.on)
        caller = self.called(switch)
        invite = self.sent_on(switch)
        callee = Callee(switch)
        callee.reply(invite, 200, ANSWER)
        caller.ack(final(switch, CALLER))
        switch.taken()
        callee.ask(invite, "BYE")
        self.assertEqual(final(switch, CALLEE).status, 200)
        bye = switch.request(CALLER)
        self.assertEqual(bye.method, "BYE")
        caller.reply(bye, 200)
        self.assertEqual([cdr.enddirection for cdr in switch.cdrs], [1, 1])
        self.assertEqual(len(switch.registry), 0)

    def test_requests_pass(self) -> None:
        """Hold and key presses go through both calls, and back."""
        switch = self.made(**self.on)
        caller = self.called(switch)
        invite = self.sent_on(switch)
        callee = Callee(switch)
        callee.reply(invite, 200, ANSWER)
        caller.ack(final(switch, CALLER))
        switch.taken()
        caller.ask("INFO", b"Signal=1", "application/dtmf-relay")
        info = switch.request(CALLEE)
        self.assertEqual((info.method, info.body), ("INFO", b"Signal=1"))
        callee.reply(info, 200)
        self.assertEqual(final(switch, CALLER).status, 200)
        caller.ask("INVITE", ANSWER.replace(b"6000", b"4004"))
        again = switch.request(CALLEE)
        self.assertIn(b"m=audio 4004", again.body)
        callee.reply(again, 200, ANSWER.replace(b"6000", b"6004"))
        self.assertIn(b"m=audio 6004", final(switch, CALLER).body)

    def test_early_media(self) -> None:
        """What the target lets be heard before it answers is heard."""
        switch = self.made(**self.on)
        self.called(switch)
        invite = self.sent_on(switch)
        switch.taken(CALLER)
        Callee(switch).reply(invite, 183, ANSWER)
        progress = switch.response(CALLER)
        self.assertEqual(progress.status, 183)
        self.assertIn(b"m=audio 6000", progress.body)

    def test_late_offer(self) -> None:
        """A caller without an offer is given the target's, and its answer goes back."""
        switch = self.made(**self.on)
        caller = Caller(switch, callee="1002")
        caller.invite(b"")
        invite = self.sent_on(switch)
        self.assertEqual(invite.body, b"")
        Callee(switch).reply(invite, 200, ANSWER)
        ok = final(switch, CALLER)
        self.assertIn(b"m=audio 6000", ok.body)
        caller.ack(ok, OFFER)
        ack = switch.request(CALLEE)
        self.assertEqual(ack.method, "ACK")
        self.assertIn(b"m=audio 4000", ack.body)

    def test_nothing_to_use(self) -> None:
        """An offer that the caller's own options leave nothing of is refused."""
        switch = self.made(**self.on)
        options = SipOptions(codecs=("G729",))
        switch.load([mapping_gateway(sip=options)])
        self.called(switch)
        switch.advance(0.1)
        self.assertEqual(self.statuses(switch), [100, 488])
        self.assertEqual(len(switch.registry), 0)

    def test_unwatched(self) -> None:
        """A caller that would not be missed is cut off; one with a timer is not."""
        timer = ("Supported: timer", "Session-Expires: 600;refresher=uac")
        for headers, left in (((), 0), (timer, 2)):
            switch = self.made(**self.on)
            name = "SS_SIP_NO_TIMER_REINVITE_INTERVAL"
            self.assertEqual(switch.parameters.replace({name: "60"}), ())
            switch.in_force.load(switch.parameters.values)
            caller = Caller(switch, callee="1002")
            caller.invite(headers=headers)
            Callee(switch).reply(self.sent_on(switch), 200, ANSWER)
            caller.ack(final(switch, CALLER))
            switch.advance(70)
            self.assertEqual(len(switch.registry), left)

    def test_caller_gives_up(self) -> None:
        """The target is cancelled; before it was called, it is not."""
        switch = self.made(**self.on)
        caller = self.called(switch)
        invite = self.sent_on(switch)
        Callee(switch).reply(invite, 180)
        switch.taken()
        caller.cancel()
        self.assertEqual(self.statuses(switch), [200, 487])
        self.assertEqual(switch.request(CALLEE).method, "CANCEL")
        self.assertEqual([cdr.endreason for cdr in switch.cdrs], [-7, -7])
        switch = self.made(**self.on)
        self.called(switch).cancel()
        switch.advance(1)
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(len(switch.cdrs), 1)
        self.assertEqual(len(switch.registry), 0)

    def test_target_refuses(self) -> None:
        """The caller is told why."""
        switch = self.made(**self.on)
        self.called(switch)
        Callee(switch).reply(self.sent_on(switch), 486)
        self.assertEqual(self.statuses(switch), [100, 181, 486])
        self.assertEqual([cdr.endreason for cdr in switch.cdrs], [486, 486])
        self.assertEqual(self.paid(switch), {"acme": 0, "owner": 0})

    def test_phone_may_not_call(self) -> None:
        """What forbids the phone its own calls forbids this one: no money, a lock."""
        switch = self.made(lockType=1, **self.on)
        self.called(switch)
        switch.advance(0.1)
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(self.statuses(switch), [100, 181, 403])

    def test_to_a_phone(self) -> None:
        """A target may be a phone, which may send it on again, but not in a circle."""
        on = {**self.on, "unconditionalForwardE164": targets("1001")}
        switch = self.made(**on)
        switch.phone(
            "1001", unconditionalForward=True, unconditionalForwardE164=targets("1002")
        )
        self.called(switch)
        switch.advance(1)
        self.assertEqual(self.statuses(switch)[-1], 482)
        limited = switch.causes["ForwardLimited"].code
        self.assertEqual({cdr.endreason for cdr in switch.cdrs}, {limited})
        self.assertEqual(len(switch.registry), 0)

    def test_phones_that_name_each_other(self) -> None:
        """Long lists of each other make no thousands of calls of one."""
        switch = self.made()
        numbers = [[f"9{phone}{each}" for each in range(10)] for phone in range(6)]
        for here, there in itertools.pairwise(numbers):
            on = {
                "unconditionalForward": True,
                "unconditionalForwardE164": targets(*there),
            }
            switch.phone(here[0], dids=",".join(here[1:]), **on)
        last = numbers[-1]
        switch.phone(last[0], dids=",".join(last[1:]))
        self.called(switch, "900")
        switch.advance(60)
        self.assertEqual(len(switch.registry), 0)
        self.assertLess(len(switch.cdrs), 10 * 40)
        self.assertEqual(self.statuses(switch)[-1], 482)

    def test_shown(self) -> None:
        """callForwardDisplay, and SS_CALL_FORWARD_USING_ORIGINAL_CALLER for 0."""
        for mode, system, expected in (
            (0, "On", "1000"),
            (0, "Off", "1002"),
            (1, "Off", "1000"),
            (2, "On", "1002"),
        ):
            switch = self.made(callForwardDisplay=mode, **self.on)
            name = "SS_CALL_FORWARD_USING_ORIGINAL_CALLER"
            self.assertEqual(switch.parameters.replace({name: system}), ())
            switch.in_force.load(switch.parameters.values)
            self.called(switch)
            invite = self.sent_on(switch)
            self.assertEqual(invite.from_.uri.user, expected, (mode, system))

    def test_told(self) -> None:
        """A vendor that wants to know is told who sent it on, and why."""
        vendor = routing_gateway(sip=SipOptions(sends_forward=ForwardSignal.DIVERSION))
        switch = self.made(**self.on)
        switch.selector.load([vendor])
        self.called(switch)
        diversion = self.sent_on(switch).get("diversion") or ""
        self.assertIn("sip:1002@", diversion)
        self.assertIn("reason=unconditional", diversion)

    def test_off(self) -> None:
        """What is switched off, or names nobody, does nothing."""
        for services in (
            {**self.on, "unconditionalForward": False},
            {**self.on, "unconditionalForwardE164": targets("")},
            {"unconditionalForward": True},
        ):
            switch = self.made(**services)
            self.called(switch)
            self.assertEqual(switch.request(HALL).method, "INVITE")


class ConditionTests(ForwardingTests):
    """When the phone is busy, does not answer, is not there, and at times."""

    def on(self, name: str, *numbers: str, **more: int) -> dict[str, Any]:
        """One kind of forwarding."""
        return {f"{name}Forward": True, f"{name}ForwardE164": targets(*numbers, **more)}

    def test_busy(self) -> None:
        """Its own 486, its lines, and that it does not want to be disturbed."""
        switch = self.made(**self.on("busy", ABROAD))
        self.called(switch)
        invite = switch.request(HALL)
        self.assertEqual(self.statuses(switch), [100])
        self.two.reply(invite, 486)
        self.sent_on(switch)
        self.assertEqual(self.statuses(switch), [181])
        for services in ({"doNotDisturb": True}, {"lineCallIn": 1}):
            switch = self.made(**self.on("busy", ABROAD), **services)
            if "lineCallIn" in services:
                self.from_gateway(switch, "1002", call_id="before")
                switch.taken()
            self.called(switch)
            self.sent_on(switch)
            self.assertEqual(switch.taken(HALL), [])

    def test_not_that_reason(self) -> None:
        """Another failure than that which it is for is told as ever."""
        for name, status in (("busy", 480), ("noAnswer", 486), ("offline", 486)):
            switch = self.made(**self.on(name, ABROAD))
            self.called(switch)
            self.two.reply(switch.request(HALL), status)
            switch.advance(0.1)
            self.assertEqual(switch.taken(CALLEE), [])
            self.assertEqual(self.statuses(switch)[-1], status)

    def test_no_answer(self) -> None:
        """It rang as long as it may; then the target rings."""
        switch = self.made(**self.on("noAnswer", ABROAD))
        self.called(switch)
        self.two.rings()
        switch.advance(NO_ANSWER - 1)
        self.assertEqual(switch.taken(CALLEE), [])
        switch.advance(1.1)
        cancel = switch.request(HALL)
        self.assertEqual(cancel.method, "CANCEL")
        invite = self.sent_on(switch)
        Callee(switch).reply(invite, 200, ANSWER)
        self.assertEqual(final(switch, CALLER).status, 200)

    def test_offline(self) -> None:
        """It is not registered; without that service the caller is told so."""
        switch = self.made(register=False, **self.on("offline", ABROAD))
        self.called(switch)
        self.sent_on(switch)
        switch = self.made(register=False, **self.on("busy", ABROAD))
        self.called(switch)
        self.refused(switch, 480, OFFLINE)
        switch = self.made(doNotDisturb=True, **self.on("offline", ABROAD))
        self.called(switch)
        self.refused(switch, 486, BUSY)

    def test_locked(self) -> None:
        """A phone that may not be called sends nothing on."""
        switch = self.made(lockType=2, **self.on("unconditional", ABROAD))
        self.called(switch)
        self.refused(switch, 403, switch.causes["AccountLocked"].code)

    def test_at_times(self) -> None:
        """periodForwarding in its hours: it is Tuesday, 22:13."""
        rule = {"weekOfDay": "2", "beginSecondInDay": 79_200, "endSecondInDay": 81_000}
        rules = [{**rule, "forwardE164": targets(ABROAD)}]
        switch = self.made(
            periodForwarding=True, infoPhoneValueAddedPeriodForwardings=rules
        )
        self.called(switch)
        self.sent_on(switch)
        switch.clock.advance(1000)
        PhonePeer(switch, "1002", HALL).register()
        switch.taken()
        self.from_gateway(switch, "1002", call_id="later")
        self.assertEqual(switch.request(HALL).method, "INVITE")

    def test_one_after_the_other(self) -> None:
        """Each rings alertSecond, and the last as long as it may."""
        on = self.on("unconditional", "4931", "4932", alertSecond=10)
        switch = self.made(**on)
        self.called(switch)
        Callee(switch).reply(self.sent_on(switch, "4931"), 180)
        switch.taken()
        switch.advance(10.1)
        self.assertEqual(switch.request(CALLEE).method, "CANCEL")
        other = switch.request(SECOND)
        self.assertEqual(other.uri.user, "4932")
        Callee(switch, SECOND).reply(other, 180)
        switch.taken()
        switch.advance(100)
        Callee(switch, SECOND).reply(other, 200, ANSWER)
        self.assertEqual(final(switch, CALLER).status, 200)
        reasons = sorted(cdr.endreason for cdr in switch.cdrs)
        self.assertEqual(reasons, [-7])

    def test_in_another_order(self) -> None:
        """forwardMethod 2 draws the order; the tests' chance turns it around."""
        on = self.on("unconditional", "4931", "4932", forwardMethod=2)
        switch = self.made(**on)
        self.called(switch)
        self.sent_on(switch, "4932")
