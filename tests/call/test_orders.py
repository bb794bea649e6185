"""
Whatever happens in whatever order: every call ends once, is recorded once, and
gives back what it held.
"""

from __future__ import annotations

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.call.build import CallTests
from tests.peers import Callee, Caller, reliable
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
from vos3000.model.gateways import RoutingGateway
from vos3000.sip.message import Request, Response

STATUSES = (100, 180, 183, 200, 200, 200, 486, 487, 503, 408, 481, 603)
WAITS = (0.25, 1, 3, 9, 20, 45)
METHODS = ("INVITE", "UPDATE", "INFO", "OPTIONS")
KNOWING = ("Supported: 100rel, timer", "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE")
TIMED = (("Session-Expires", "90;refresher=uac"), ("Allow", "INVITE, UPDATE"))
OTHER = ANSWER.replace(b"6000", b"7000")


class World:
    """
    Three callers, two vendors, and a script of what they do.

    Messages of the switch wait until the script has somebody take note of
    them; what nobody ever takes note of was lost on the way.
    """

    def __init__(self) -> None:
        times = {"timeouts": (2, 4, 5, 8, 8), "switch_on_ring": True}
        self.switch = switch = Switch(
            mapping=[mapping_gateway(capacity=3, timeout_call_proceeding=15)],
            routing=[
                routing_gateway(capacity=2, **times),
                RoutingGateway(
                    3, "second", remote_ip=SECOND[0], capacity=2, switch_on_sdp=True
                ),
            ],
            customers=[
                Customer(
                    1, "acme", "Acme", money=Decimal("0.35"), fee_rate_group="retail"
                ),
                Customer(2, "vendor", "Vendor", fee_rate_group="cost"),
            ],
        )
        self.callers = [Caller(switch, call_id=f"call-{n}") for n in range(3)]
        self.callees = {
            address: Callee(switch, address) for address in (CALLEE, SECOND)
        }
        self.first: dict[str, bytes] = {}
        self.invites: list[tuple[Callee, Request]] = []
        self.requests: list[tuple[tuple[str, int], Request]] = []
        self.finals: list[Response] = []
        self.rseq = 0

    def note(self) -> None:
        """Sort what the switch has sent."""
        sent, self.switch.channel.sent = self.switch.channel.sent, []
        for data, address in sent:
            self.switch.channel.sent = [(data, address)]
            [message] = self.switch.taken()
            if isinstance(message, Response):
                if message.cseq_method == "INVITE" and message.status > 100:
                    self.finals.append(message)
            elif message.method == "INVITE" and not message.to_tag:
                self.invites.append((self.callees[address], message))
            elif message.method != "ACK":
                self.requests.append((address, message))

    def do(self, action: int, one: int, other: int) -> None:
        """One step of the script."""
        actions = (
            self.call,
            self.wait,
            self.callee_replies,
            self.callee_replies,
            self.callee_replies,
            self.caller_acknowledges,
            self.caller_acknowledges,
            self.caller_asks,
            self.callee_asks,
            self.answer,
            self.answer,
            self.give_up,
            self.hang_up,
            self.operator,
        )
        actions[action % len(actions)](one, other)
        self.note()

    def call(self, one: int, other: int) -> None:
        """A caller sends its INVITE, or sends it again."""
        caller = self.callers[one % 3]
        if caller.call_id in self.first:
            caller.send(self.first[caller.call_id])
        else:
            headers = KNOWING if other % 2 else ()
            body = OFFER if other % 3 else b""
            self.first[caller.call_id] = caller.invite(body, headers)

    def wait(self, one: int, _: int) -> None:
        """Time passes."""
        self.switch.advance(WAITS[one % len(WAITS)])

    def callee_replies(self, one: int, other: int) -> None:
        """A callee answers an INVITE of the call, perhaps not for the first time."""
        if self.invites:
            callee, invite = self.invites[-1 - one % min(3, len(self.invites))]
            status = STATUSES[other % len(STATUSES)]
            body = ANSWER if status in (183, 200) else b""
            if other % 5 == 0 and 100 < status < 200:
                self.rseq += 1
                callee.reply(invite, status, body, reliable(self.rseq))
            else:
                body = OTHER if one % 7 == 0 else body
                timed = TIMED if status == 200 and other % 2 else ()
                callee.reply(invite, status, body, timed)

    def caller_acknowledges(self, one: int, other: int) -> None:
        """A caller acknowledges a response of its INVITE."""
        if self.finals:
            response = self.finals[-1 - one % min(3, len(self.finals))]
            for caller in self.callers:
                if caller.call_id == response.call_id:
                    if response.get("rseq") and one % 4:
                        caller.prack(response, OFFER if other % 2 else b"")
                    elif response.status < 200:
                        caller.learn(response)
                    else:
                        caller.ack(response, OFFER if other % 2 else b"")

    def caller_asks(self, one: int, other: int) -> None:
        """A caller sends a request inside its dialog."""
        caller = self.callers[one % 3]
        if ";tag=" in caller.to:
            caller.ask(METHODS[other % 4], OFFER if other % 3 else b"")

    def callee_asks(self, one: int, other: int) -> None:
        """A callee does."""
        if self.invites:
            callee, invite = self.invites[one % len(self.invites)]
            method = (*METHODS, "BYE")[other % 5]
            callee.ask(invite, method, ANSWER if other % 3 else b"")

    def answer(self, one: int, other: int) -> None:
        """Either side answers a request of the switch."""
        if self.requests:
            address, request = self.requests.pop(one % len(self.requests))
            status = STATUSES[other % len(STATUSES)]
            body = ANSWER if status == 200 and request.method != "BYE" else b""
            if address == CALLER:
                self.callers[0].reply(request, status, body)
            else:
                self.callees[address].reply(request, status, body)

    def give_up(self, one: int, _: int) -> None:
        """A caller cancels its INVITE."""
        caller = self.callers[one % 3]
        if caller.call_id in self.first:
            caller.cancel()

    def hang_up(self, one: int, _: int) -> None:
        """A caller sends BYE."""
        caller = self.callers[one % 3]
        if ";tag=" in caller.to:
            caller.ask("BYE")

    def operator(self, one: int, other: int) -> None:
        """The operator ends a call."""
        if other % 3 == 0:
            self.switch.registry.hang_up(1 + one % 3)


class OrderTests(CallTests):
    """Laws that hold after every script."""

    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(
            st.tuples(st.integers(0, 13), st.integers(0, 11), st.integers(0, 11)),
            max_size=40,
        )
    )
    def test_everything_is_given_back(self, script: list[tuple[int, int, int]]) -> None:
        """One record a call, no money unaccounted, nothing held."""
        world = World()
        switch = world.switch
        switch.watch()
        world.do(0, 0, 1)
        for step in script:
            world.do(*step)
            self.assertGreaterEqual(switch.accounts.money("acme"), 0)
        switch.advance(100)
        for call in list(switch.registry):
            switch.registry.hang_up(call.id)
        switch.advance(100)
        self.assertEqual(switch.left(), {})
        ids = [cdr.softswitchcallid for cdr in switch.cdrs]
        self.assertEqual(sorted(ids), list(range(1, switch._calls + 1)))
        self.assert_balanced(switch)
        self.assert_told(switch)
        self.assertEqual(self.flushLoggedErrors(), [])

    def assert_told(self, switch: Switch) -> None:
        """Each call was published from its beginning to its one end."""
        self.assertEqual([end.cdr for end in switch.ends], switch.cdrs)
        for call_id in range(1, switch._calls + 1):
            told = [int(s.state) for s in switch.states if s.call_id == call_id]
            self.assertEqual((told[0], told[-1]), (-7, -13))
            self.assertEqual((told.count(-7), told.count(-13)), (1, 1))
            self.assertLessEqual(told.count(-12), 1)
