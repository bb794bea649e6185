"""
What a caller hears before the answer: ringing, early media, and how it wants to
be told of them (sipRemoteRingSignal).
"""

from __future__ import annotations

import attrs

from tests.call.build import CallTests
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    SECOND,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.gateways import RoutingGateway
from vos3000.model.sipoptions import ORDINARY, RemoteRing
from vos3000.sip.message import Request

OTHER = ANSWER.replace(b"6000", b"7000")
Heard = tuple[int, bytes]


def port(body: bytes) -> bytes:
    """The port of a description; empty if there is none."""
    return body.partition(b"m=audio ")[2][:4]


class Ringing:
    """A call whose callee says things before it answers."""

    def __init__(
        self, test: CallTests, mode: RemoteRing, headers: tuple[str, ...] = ()
    ) -> None:
        mapping = mapping_gateway(sip=attrs.evolve(ORDINARY, remote_ring=mode))
        second = RoutingGateway(3, "second", remote_ip=SECOND[0])
        first = routing_gateway(switch_on_sdp=True, switch_on_ring=True)
        self.switch = test.switch(mapping=[mapping], routing=[first, second])
        self.caller, self.callee = Caller(self.switch), Callee(self.switch)
        self.caller.invite(OFFER, headers)
        self.switch.taken(CALLER)
        self.invite = self.switch.request(CALLEE)

    def says(self, status: int, body: bytes = b"") -> list[Heard]:
        """The callee says something; what the caller heard of it."""
        self.callee.reply(self.invite, status, body)
        heard = self.switch.taken(CALLER)
        return [(each.status, port(each.body)) for each in heard]  # type: ignore[union-attr]

    def goes_on(self) -> None:
        """The first gateway fails."""
        self.callee.reply(self.invite, 503)
        self.switch.taken(CALLEE)
        self.callee = Callee(self.switch, SECOND)
        self.invite = self.switch.request(SECOND)


class EarlyMediaTests(CallTests):
    """As the callee tells it, unless the caller wants it otherwise."""

    def test_passed(self) -> None:
        """Each as it came, also 180 after 183."""
        call = Ringing(self, RemoteRing.PASS)
        self.assertEqual(call.says(183, ANSWER), [(183, b"6000")])
        self.assertEqual(call.says(180), [(180, b"")])
        self.assertEqual(call.says(180, ANSWER), [(180, b"6000")])
        self.assertEqual(call.says(182), [(182, b"")])
        self.assertEqual(call.says(200, ANSWER), [(200, b"6000")])

    def test_several_callees(self) -> None:
        """Forks of one gateway are heard one after the other, under one tag."""
        call = Ringing(self, RemoteRing.PASS)
        self.assertEqual(call.says(183, ANSWER), [(183, b"6000")])
        call.callee.tag = "other"
        self.assertEqual(call.says(183, OTHER), [(183, b"7000")])
        self.assertEqual(call.says(180), [(180, b"")])
        call.callee.reply(call.invite, 200, OTHER)
        ok = call.switch.response(CALLER)
        self.assertIn(b"m=audio 7000", ok.body)
        call.caller.ack(ok)
        self.assertEqual(self.lines(call.switch, CALLEE), ["ACK"])

    def test_as_progress(self) -> None:
        """183 with the description, also for a 180 that has none by then."""
        call = Ringing(self, RemoteRing.PROGRESS_SDP)
        self.assertEqual(call.says(180), [(180, b"")])
        self.assertEqual(call.says(180, ANSWER), [(183, b"6000")])
        self.assertEqual(call.says(180), [(183, b"6000")])
        self.assertEqual(call.says(183, OTHER), [(183, b"7000")])
        self.assertEqual(call.says(182), [(182, b"")])
        self.assertEqual(call.says(200, ANSWER), [(200, b"6000")])

    def test_as_ringing(self) -> None:
        """180 with the description, also for a 183."""
        call = Ringing(self, RemoteRing.RINGING_SDP)
        self.assertEqual(call.says(183), [(183, b"")])
        self.assertEqual(call.says(183, ANSWER), [(180, b"6000")])
        self.assertEqual(call.says(180), [(180, b"6000")])
        self.assertEqual(call.says(181), [(181, b"")])

    def test_states_are_the_callees(self) -> None:
        """What is published is what the callee said."""
        call = Ringing(self, RemoteRing.RINGING_SDP)
        call.says(183, ANSWER)
        self.assertEqual(self.states(call.switch)[-1], -10)
        call.says(180)
        self.assertEqual(self.states(call.switch)[-1], -11)

    def test_next_gateway_has_its_own(self) -> None:
        """What the one before it described is forgotten."""
        call = Ringing(self, RemoteRing.PROGRESS_SDP)
        call.says(183, ANSWER)
        call.goes_on()
        self.assertEqual(call.says(180), [(180, b"")])
        self.assertEqual(call.says(183, OTHER), [(183, b"7000")])

    def test_reliably(self) -> None:
        """What gets a description is sent reliably, once it is acknowledged."""
        call = Ringing(self, RemoteRing.RINGING_SDP, ("Supported: 100rel",))
        call.callee.reply(call.invite, 183, ANSWER)
        told = call.switch.response(CALLER)
        self.assertEqual((told.status, told.get("require")), (180, "100rel"))
        call.callee.reply(call.invite, 180)
        call.caller.prack(told)
        sent = call.switch.taken(CALLER)
        self.assertEqual([each.get("rseq") is None for each in sent], [True, False])
        self.assertEqual(sent[1].body, told.body)
        self.assertFalse(any(isinstance(each, Request) for each in sent))
