"""
Whole calls: SIPp on both sides, then the record, the charge and the balance.
"""

from __future__ import annotations

import socket
from decimal import Decimal

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime

from bench.children import free_port
from tests.sipp.case import (
    BY_CALLEE,
    BY_CALLER,
    BY_SERVER,
    GAVE_UP,
    ILLEGAL,
    MILLION,
    OPENING,
    ORDINARY,
    TALK,
    Calls,
    SharedCalls,
)
from tests.sipp.runner import Party, sipp
from tests.sipp.shared import CALLER, PERIOD, RETAIL, Running
from vos3000.model import causes

_CAUSES = causes.load()


class CallTests(SharedCalls):
    """
    Calls through one switch that stays up.
    """

    async def test_answered_call_is_charged(self) -> None:
        """Both sides talk, the caller hangs up, one period is paid."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-answers")
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(
            row,
            callere164=CALLER,
            calleee164=self.carrier.number,
            callerip=self.carrier.address,
            callergatewayid=self.carrier.gateway("in"),
            calleegatewayid=self.carrier.gateway("a"),
            customeraccount=self.carrier.customer,
            agentaccount=self.carrier.vendor,
            billingmode=1,
            enddirection=BY_CALLER,
            endreason=ORDINARY,
        )
        self.assert_paid(self.carrier, row)

    async def test_callee_hangs_up(self) -> None:
        """The record says that the callee ended the call."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-hangs-up")
        await self.call(self.carrier, self.caller("caller-hears-bye"), callee)
        row = await self.record(self.carrier)
        self.assert_columns(row, enddirection=BY_CALLEE, endreason=ORDINARY)
        self.assert_paid(self.carrier, row)

    async def test_busy_stops_the_hunt(self) -> None:
        """486 goes back at once; the second gateway is not tried."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-refuses", "a", status=486, priority=1)
        self.carrier.route("b", free_port(), priority=2)
        await self.call(self.carrier, self.caller("caller-refused", 486), callee)
        row = await self.record(self.carrier)
        gateway = self.carrier.gateway("a")
        self.assert_columns(row, endreason=486, calleegatewayid=gateway)
        self.assert_columns(row, enddirection=BY_CALLEE)
        self.assert_free(self.carrier, row)

    async def test_no_answer_is_cancelled(self) -> None:
        """A callee that only rings is given up when the ringing timer ends."""
        self.carrier.create(OPENING)
        cause = _CAUSES["ResponseTimeout"]
        callee = self.callee("callee-rings")
        await self.call(self.carrier, self.caller("caller-refused", cause.sip), callee)
        self.assertIn(cause.sip, (408, 480))
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=cause.code, enddirection=BY_SERVER)
        self.assert_free(self.carrier, row)

    async def test_caller_cancels(self) -> None:
        """A caller who gives up hears 487 and the callee gets the CANCEL."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-rings")
        await self.call(self.carrier, self.caller("caller-cancels"), callee)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=GAVE_UP, enddirection=BY_CALLER)
        self.assert_free(self.carrier, row)

    async def test_failover(self) -> None:
        """The first gateway answers 503; the second one takes the call."""
        self.carrier.create(OPENING)
        first = self.callee("callee-refuses", "a", status=503, priority=1)
        second = self.callee("callee-answers", "b", priority=2)
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, first, second, hold=TALK)
        row = await self.record(self.carrier)
        gateway = self.carrier.gateway("b")
        self.assert_columns(row, endreason=ORDINARY, calleegatewayid=gateway)
        self.assert_paid(self.carrier, row)

    async def test_silent_gateway_fails_over(self) -> None:
        """A gateway that never answers is given up when the INVITE timer ends."""
        self.carrier.create(OPENING)
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 0))
        self.carrier.route("a", silent.getsockname()[1], priority=1)
        second = self.callee("callee-answers", "b", priority=2)
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, second, hold=TALK)
        row = await self.record(self.carrier)
        gateway = self.carrier.gateway("b")
        self.assert_columns(row, endreason=ORDINARY, calleegatewayid=gateway)
        self.assert_paid(self.carrier, row)

    async def test_every_gateway_refuses(self) -> None:
        """The last refusal goes back, and the record names its gateway."""
        self.carrier.create(OPENING)
        first = self.callee("callee-refuses", "a", status=503, priority=1)
        second = self.callee("callee-refuses", "b", status=404, priority=2)
        caller = self.caller("caller-refused", 404)
        await self.call(self.carrier, caller, first, second)
        row = await self.record(self.carrier)
        gateway = self.carrier.gateway("b")
        self.assert_columns(row, endreason=404, calleegatewayid=gateway)
        self.assert_free(self.carrier, row)

    async def test_reinvites_pass_both_ways(self) -> None:
        """Hold by the caller and by the callee arrive with their SDP."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-reinvites")
        caller = self.caller("caller-reinvites")
        await self.call(self.carrier, caller, callee, hold=TALK // 3)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)

    async def test_requests_inside_the_dialog_pass(self) -> None:
        """INFO with its body, UPDATE with its offer and OPTIONS go through."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-answers-requests")
        await self.call(self.carrier, self.caller("caller-requests"), callee)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)

    async def test_late_offer(self) -> None:
        """Without SDP in the INVITE the callee offers and the ACK answers."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-offers")
        caller = self.caller("caller-late-offer")
        await self.call(self.carrier, caller, callee, hold=TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))

    async def test_caller_on_tcp(self) -> None:
        """A caller on TCP reaches a callee on UDP."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-answers")
        caller = self.caller("caller-answered", transport="tcp")
        await self.call(self.carrier, caller, callee, hold=TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))

    async def test_callee_on_tcp(self) -> None:
        """A caller on UDP reaches a callee on TCP."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-answers", transport="tcp")
        self.carrier.over_tcp("a")
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))

    async def test_no_balance(self) -> None:
        """A customer without money is refused and nobody is called."""
        self.carrier.create(Decimal(0))
        cause = _CAUSES["BalanceNotEnough"]
        self.assertIn(cause.sip, (402, 403))
        self.carrier.route("a", free_port())
        await self.call(self.carrier, self.caller("caller-refused", cause.sip))
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=cause.code, enddirection=BY_SERVER)
        self.assert_columns(row, calleegatewayid="", calleeip="", fee=0)
        self.assertEqual(self.carrier.money(self.carrier.customer), 0)

    async def test_money_ends_the_call(self) -> None:
        """Money for one period buys one period: then the server hangs up."""
        self.carrier.create(RETAIL)
        callee = self.callee("callee-answers")
        await self.call(self.carrier, self.caller("caller-hears-bye"), callee)
        row = await self.record(self.carrier)
        cause = _CAUSES["BalanceExhausted"]
        self.assert_columns(row, endreason=cause.code, enddirection=BY_SERVER)
        self.assert_columns(row, feetime=PERIOD, fee=int(RETAIL * MILLION))
        self.assertEqual(self.carrier.money(self.carrier.customer), 0)


class EndTests(Calls):
    """
    A switch that is told to end while a call is up.
    """

    async def test_sigterm_hangs_up_and_records(self) -> None:
        """Both sides get a BYE, the record is written, and it exits with 0."""
        sipp()
        running = Running()
        self.addCleanup(running.stop)
        carrier = running.carrier()
        carrier.create(OPENING)
        callee = Party("callee-answers")
        self.parties(callee)
        carrier.route("a", callee.port)
        caller = Party("caller-hears-bye", carrier.address)
        ending = IReactorTime(reactor).callLater(2.0, running.child.terminate)
        self.addCleanup(lambda: ending.active() and ending.cancel())
        await self.call(carrier, caller, callee)
        self.assertEqual(running.child.wait(10.0), 0)
        row = await self.record(carrier)
        self.assert_columns(row, enddirection=BY_SERVER)
        self.assertEqual(carrier.money(carrier.customer), OPENING - RETAIL)


class StrangerTests(Calls):
    """
    A switch without phones: nobody is asked for a password.
    """

    async def test_unknown_source(self) -> None:
        """A call from an address that nobody has is 403, recorded as illegal."""
        running = Running()
        self.addCleanup(running.stop)
        carrier = running.carrier()
        carrier.create(OPENING)
        carrier.route("a", free_port())
        stranger = Party("caller-refused", "127.0.0.2", status=403)
        await self.call(carrier, stranger)
        row = await self.record(carrier)
        self.assert_columns(row, endreason=ILLEGAL, billingmode=-1)
        self.assert_columns(row, customeraccount="", callerip="127.0.0.2")
        self.assert_free(carrier, row)
