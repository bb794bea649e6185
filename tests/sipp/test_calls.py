"""
Whole calls: SIPp on both sides, then the record, the charge and the balance.
"""

from __future__ import annotations

import socket
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from bench.children import free_port
from bench.ledger import records
from tests.sipp.runner import Outcome, Party, sipp
from tests.sipp.shared import CALLER, COST, PERIOD, RETAIL, Carrier, Running, Shared
from vos3000.model import causes

_CAUSES = causes.load()
_OPENING = Decimal(10)
_TALK = 1500
_ORDINARY = -8
_GAVE_UP = -7
_ILLEGAL = -9
_BY_CALLER, _BY_CALLEE, _BY_SERVER = 0, 1, 2
_MILLION = 1_000_000


class Calls(TestCase):
    """
    What the tests of this module share: parties, and a call's record.
    """

    timeout = 40

    def parties(self, *parties: Party) -> None:
        """Give each party that has none a port, and end it with the test."""
        for party in parties:
            party.port = party.port or free_port()
            self.addCleanup(party.stop)

    async def pause(self, seconds: float) -> None:
        """Let other processes work."""
        await deferLater(IReactorTime(reactor), seconds)

    async def call(
        self, carrier: Carrier, caller: Party, *callees: Party, hold: int = 0
    ) -> None:
        """Place one call, and see both sides end as their scenarios say."""
        self.parties(caller)
        directory = Path(self.mktemp())
        ended = [
            callee.start(directory / f"callee-{place}")
            for place, callee in enumerate(callees)
        ]
        await self.pause(0.3)
        target = carrier.switch.port
        where = directory / "caller"
        begun = caller.start(where, target=target, number=carrier.number, hold=hold)
        outcomes: list[Outcome] = await gatherResults([begun, *ended])
        bad = [f"{o.scenario}: {o.status}\n{o.errors}" for o in outcomes if o.status]
        if bad:
            told = carrier.switch.log.read_text("utf-8", "replace").splitlines()
            self.fail("\n".join([*bad, "the switch's log:", *told[-30:]]))

    async def record(self, carrier: Carrier) -> dict[str, Any]:
        """The one record of the carrier's call, when it is committed."""
        end = time.monotonic() + 5
        found = records(carrier.switch.state, carrier.number)
        while not found and time.monotonic() < end:
            await self.pause(0.1)
            found = records(carrier.switch.state, carrier.number)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def assert_columns(self, row: dict[str, Any], **expected: object) -> None:
        """Compare the columns that matter here."""
        self.assertEqual({name: row[name] for name in expected}, expected)

    def assert_paid(self, carrier: Carrier, row: dict[str, Any]) -> None:
        """One period was charged to the customer and owed to the vendor."""
        fee, cost = int(RETAIL * _MILLION), int(COST * _MILLION)
        self.assert_columns(row, holdtime=2, feetime=PERIOD, fee=fee, agentfee=cost)
        self.assertEqual(carrier.money(carrier.customer), _OPENING - RETAIL)
        self.assertEqual(carrier.money(carrier.vendor), -COST)

    def assert_free(self, carrier: Carrier, row: dict[str, Any]) -> None:
        """Nothing was charged."""
        self.assert_columns(row, holdtime=0, feetime=0, fee=0, agentfee=0)
        self.assertEqual(carrier.money(carrier.customer), _OPENING)
        self.assertEqual(carrier.money(carrier.vendor), 0)


class CallTests(Calls):
    """
    Calls through one switch that stays up.
    """

    shared = Shared()

    def setUp(self) -> None:
        """A carrier of this test's own; no SIPp, no test passes."""
        sipp()
        self.carrier = self.shared.running().carrier()

    def callee(self, scenario: str, suffix: str = "a", **fields: Any) -> Party:
        """A vendor's gateway that plays a scenario, with a route to it."""
        status = fields.pop("status", 0)
        transport = fields.pop("transport", "udp")
        party = Party(scenario, status=status, transport=transport)
        self.parties(party)
        self.carrier.route(suffix, party.port, **fields)
        return party

    def caller(self, scenario: str, status: int = 0, transport: str = "udp") -> Party:
        """The customer's gateway."""
        address = self.carrier.address
        return Party(scenario, address, status=status, transport=transport)

    async def test_answered_call_is_charged(self) -> None:
        """Both sides talk, the caller hangs up, one period is paid."""
        self.carrier.create(_OPENING)
        callee = self.callee("callee-answers")
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=_TALK)
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
            enddirection=_BY_CALLER,
            endreason=_ORDINARY,
        )
        self.assert_paid(self.carrier, row)

    async def test_callee_hangs_up(self) -> None:
        """The record says that the callee ended the call."""
        self.carrier.create(_OPENING)
        callee = self.callee("callee-hangs-up")
        await self.call(self.carrier, self.caller("caller-hears-bye"), callee)
        row = await self.record(self.carrier)
        self.assert_columns(row, enddirection=_BY_CALLEE, endreason=_ORDINARY)
        self.assert_paid(self.carrier, row)

    async def test_busy_stops_the_hunt(self) -> None:
        """486 goes back at once; the second gateway is not tried."""
        self.carrier.create(_OPENING)
        callee = self.callee("callee-refuses", "a", status=486, priority=1)
        self.carrier.route("b", free_port(), priority=2)
        await self.call(self.carrier, self.caller("caller-refused", 486), callee)
        row = await self.record(self.carrier)
        gateway = self.carrier.gateway("a")
        self.assert_columns(row, endreason=486, calleegatewayid=gateway)
        self.assert_columns(row, enddirection=_BY_CALLEE)
        self.assert_free(self.carrier, row)

    async def test_no_answer_is_cancelled(self) -> None:
        """A callee that only rings is given up when the ringing timer ends."""
        self.carrier.create(_OPENING)
        cause = _CAUSES["ResponseTimeout"]
        callee = self.callee("callee-rings")
        await self.call(self.carrier, self.caller("caller-refused", cause.sip), callee)
        self.assertIn(cause.sip, (408, 480))
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=cause.code, enddirection=_BY_SERVER)
        self.assert_free(self.carrier, row)

    async def test_caller_cancels(self) -> None:
        """A caller who gives up hears 487 and the callee gets the CANCEL."""
        self.carrier.create(_OPENING)
        callee = self.callee("callee-rings")
        await self.call(self.carrier, self.caller("caller-cancels"), callee)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=_GAVE_UP, enddirection=_BY_CALLER)
        self.assert_free(self.carrier, row)

    async def test_failover(self) -> None:
        """The first gateway answers 503; the second one takes the call."""
        self.carrier.create(_OPENING)
        first = self.callee("callee-refuses", "a", status=503, priority=1)
        second = self.callee("callee-answers", "b", priority=2)
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, first, second, hold=_TALK)
        row = await self.record(self.carrier)
        gateway = self.carrier.gateway("b")
        self.assert_columns(row, endreason=_ORDINARY, calleegatewayid=gateway)
        self.assert_paid(self.carrier, row)

    async def test_silent_gateway_fails_over(self) -> None:
        """A gateway that never answers is given up when the INVITE timer ends."""
        self.carrier.create(_OPENING)
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 0))
        self.carrier.route("a", silent.getsockname()[1], priority=1)
        second = self.callee("callee-answers", "b", priority=2)
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, second, hold=_TALK)
        row = await self.record(self.carrier)
        gateway = self.carrier.gateway("b")
        self.assert_columns(row, endreason=_ORDINARY, calleegatewayid=gateway)
        self.assert_paid(self.carrier, row)

    async def test_every_gateway_refuses(self) -> None:
        """The last refusal goes back, and the record names its gateway."""
        self.carrier.create(_OPENING)
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
        self.carrier.create(_OPENING)
        callee = self.callee("callee-reinvites")
        caller = self.caller("caller-reinvites")
        await self.call(self.carrier, caller, callee, hold=_TALK // 3)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=_ORDINARY, enddirection=_BY_CALLER)

    async def test_requests_inside_the_dialog_pass(self) -> None:
        """INFO with its body, UPDATE with its offer and OPTIONS go through."""
        self.carrier.create(_OPENING)
        callee = self.callee("callee-answers-requests")
        await self.call(self.carrier, self.caller("caller-requests"), callee)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=_ORDINARY, enddirection=_BY_CALLER)

    async def test_late_offer(self) -> None:
        """Without SDP in the INVITE the callee offers and the ACK answers."""
        self.carrier.create(_OPENING)
        callee = self.callee("callee-offers")
        caller = self.caller("caller-late-offer")
        await self.call(self.carrier, caller, callee, hold=_TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))

    async def test_caller_on_tcp(self) -> None:
        """A caller on TCP reaches a callee on UDP."""
        self.carrier.create(_OPENING)
        callee = self.callee("callee-answers")
        caller = self.caller("caller-answered", transport="tcp")
        await self.call(self.carrier, caller, callee, hold=_TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))

    async def test_callee_on_tcp(self) -> None:
        """A caller on UDP reaches a callee on TCP."""
        self.carrier.create(_OPENING)
        callee = self.callee("callee-answers", transport="tcp")
        self.carrier.over_tcp("a")
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=_TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))

    async def test_no_balance(self) -> None:
        """A customer without money is refused and nobody is called."""
        self.carrier.create(Decimal(0))
        cause = _CAUSES["BalanceNotEnough"]
        self.assertIn(cause.sip, (402, 403))
        self.carrier.route("a", free_port())
        await self.call(self.carrier, self.caller("caller-refused", cause.sip))
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=cause.code, enddirection=_BY_SERVER)
        self.assert_columns(row, calleegatewayid="", calleeip="", fee=0)
        self.assertEqual(self.carrier.money(self.carrier.customer), 0)

    async def test_money_ends_the_call(self) -> None:
        """Money for one period buys one period: then the server hangs up."""
        self.carrier.create(RETAIL)
        callee = self.callee("callee-answers")
        await self.call(self.carrier, self.caller("caller-hears-bye"), callee)
        row = await self.record(self.carrier)
        cause = _CAUSES["BalanceExhausted"]
        self.assert_columns(row, endreason=cause.code, enddirection=_BY_SERVER)
        self.assert_columns(row, feetime=PERIOD, fee=int(RETAIL * _MILLION))
        self.assertEqual(self.carrier.money(self.carrier.customer), 0)

    async def test_unknown_source(self) -> None:
        """A call from an address that nobody has is 403, recorded as illegal."""
        self.carrier.create(_OPENING)
        self.carrier.route("a", free_port())
        stranger = Party("caller-refused", "127.0.0.2", status=403)
        await self.call(self.carrier, stranger)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=_ILLEGAL, billingmode=-1)
        self.assert_columns(row, customeraccount="", callerip="127.0.0.2")
        self.assert_free(self.carrier, row)


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
        carrier.create(_OPENING)
        callee = Party("callee-answers")
        self.parties(callee)
        carrier.route("a", callee.port)
        caller = Party("caller-hears-bye", carrier.address)
        ending = IReactorTime(reactor).callLater(2.0, running.child.terminate)
        self.addCleanup(lambda: ending.active() and ending.cancel())
        await self.call(carrier, caller, callee)
        self.assertEqual(running.child.wait(10.0), 0)
        row = await self.record(carrier)
        self.assert_columns(row, enddirection=_BY_SERVER)
        self.assertEqual(carrier.money(carrier.customer), _OPENING - RETAIL)
