"""Reliable provisional responses: numbers, and the machine that sends them."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.errors import ParseError
from vos3000.sip.message import Request, Response
from vos3000.sip.parser import parse
from vos3000.sip.reliable import (
    MOST_QUEUED,
    Arrivals,
    Event,
    Phase,
    RAck,
    ReliableSender,
    rack_of,
    rseq_of,
)
from vos3000.timers import TimerWheel

_TABLE = {
    # what happens, and the phase after it, of every pair that does anything
    (Phase.FREE, Event.PROVIDE): Phase.SENT,
    (Phase.FREE, Event.DESCRIBE): Phase.BOUND,
    (Phase.FREE, Event.FINISH): Phase.OVER,
    (Phase.FREE, Event.STOP): Phase.OVER,
    (Phase.SENT, Event.PROVIDE): Phase.SENT,
    (Phase.SENT, Event.DESCRIBE): Phase.SENT,
    (Phase.SENT, Event.ACKNOWLEDGE): Phase.FREE,
    (Phase.SENT, Event.RESEND): Phase.SENT,
    (Phase.SENT, Event.EXPIRE): Phase.OVER,
    (Phase.SENT, Event.FINISH): Phase.OVER,
    (Phase.SENT, Event.STOP): Phase.OVER,
    (Phase.BOUND, Event.PROVIDE): Phase.BOUND,
    (Phase.BOUND, Event.DESCRIBE): Phase.BOUND,
    (Phase.BOUND, Event.ACKNOWLEDGE): Phase.FREE,
    (Phase.BOUND, Event.RESEND): Phase.BOUND,
    (Phase.BOUND, Event.EXPIRE): Phase.OVER,
    (Phase.BOUND, Event.FINISH): Phase.HELD,
    (Phase.BOUND, Event.STOP): Phase.OVER,
    (Phase.HELD, Event.ACKNOWLEDGE): Phase.OVER,
    (Phase.HELD, Event.RESEND): Phase.HELD,
    (Phase.HELD, Event.EXPIRE): Phase.OVER,
    (Phase.HELD, Event.STOP): Phase.OVER,
}


class Sender:
    """A sender, and what came of it."""

    def __init__(self, first: int = 7) -> None:
        self.clock = Clock()
        self.timers = TimerWheel(self.clock)
        self.sent: list[bytes] = []
        self.told: list[str] = []
        self.machine = ReliableSender(self.timers, first, self.sent.append, self)

    def build(self, message: Any, rseq: int) -> bytes:
        """The message with its number."""
        return f"{message} {rseq}".encode()

    def free(self) -> None:
        """The 2xx may go."""
        self.told.append("free")

    def unacknowledged(self) -> None:
        """Nobody is there."""
        self.told.append("unacknowledged")

    def bring(self, phase: Phase) -> None:
        """Into a phase, by what leads there."""
        machine = self.machine
        if phase is Phase.SENT:
            machine.provide("a", False)
        elif phase in (Phase.BOUND, Phase.HELD):
            machine.provide("a", True)
        if phase in (Phase.HELD, Phase.OVER):
            machine.finish()
        assert machine.phase is phase

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.pump([1 / 32] * int(seconds * 32))


class MachineTests(SynchronousTestCase):
    """Section 3, as a table."""

    def test_every_phase_with_every_event(self) -> None:
        """It is in the table, or nothing happens."""
        for phase, event in itertools.product(Phase, Event):
            rig = Sender()
            rig.bring(phase)
            before = list(rig.sent), list(rig.told), len(rig.timers)
            rig.machine.receive(event, "b")
            after = _TABLE.get((phase, event))
            self.assertIs(rig.machine.phase, after or phase, (phase, event))
            if after is None:
                now = list(rig.sent), list(rig.told), len(rig.timers)
                self.assertEqual(now, before, (phase, event))

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.sampled_from(["p", "d", "a", "w", "f", "s", "e"]), max_size=25))
    def test_laws(self, script: list[str]) -> None:
        """
        One at a time, numbers without a gap, nothing after the end, no 2xx past
        an unacknowledged description, and no timer is left.
        """
        rig = Sender()
        machine = rig.machine
        for step in script:
            if step in ("p", "d"):
                machine.provide(step, step == "d")
            elif step == "a":
                machine.acknowledge(machine.waiting)
            elif step == "w":
                rig.advance(1)
            elif step == "f":
                bound = machine.phase in (Phase.BOUND, Phase.HELD)
                self.assertEqual(machine.finish(), not bound)
            elif step == "s":
                machine.stop()
            else:
                rig.advance(40)
            if machine.phase in (Phase.FREE, Phase.OVER):
                self.assertEqual(len(rig.timers), 0)
        new = [int(sent.split()[1]) for sent in dict.fromkeys(rig.sent)]
        self.assertEqual(new, list(range(7, 7 + len(new))))
        self.assertLessEqual(len(rig.told), 1)


class SenderTests(SynchronousTestCase):
    """Section 3, one sentence after the other."""

    def test_repetition(self) -> None:
        """After T1, then with doubling waits, until 64*T1; then it is given up."""
        rig = Sender()
        rig.machine.provide("a", False)
        seen = []
        for _ in range(32 * 34):
            rig.clock.advance(1 / 32)
            if len(rig.sent) > 1 + len(seen):
                seen.append(rig.clock.seconds())
        wanted = (0.5, 1.5, 3.5, 7.5, 15.5, 31.5)
        self.assertEqual(len(seen), len(wanted))
        for at, time in zip(seen, wanted, strict=True):
            self.assertTrue(time <= at < time + 0.7, (at, time))
        self.assertEqual(set(rig.sent), {b"a 7"})
        self.assertEqual(rig.told, ["unacknowledged"])
        self.assertEqual(rig.machine.waiting, 0)

    def test_prack_ends_it(self) -> None:
        """Nothing is repeated after its PRACK."""
        rig = Sender()
        rig.machine.provide("a", True)
        self.assertTrue(rig.machine.acknowledge(7))
        rig.advance(40)
        self.assertEqual((rig.sent, rig.told), ([b"a 7"], []))

    def test_one_at_a_time(self) -> None:
        """The second waits for the PRACK of the first, and follows it by one."""
        rig = Sender()
        for message in ("a", "b", "c"):
            rig.machine.provide(message, message == "c")
        self.assertEqual(rig.sent, [b"a 7"])
        rig.machine.acknowledge(7)
        rig.machine.acknowledge(8)
        self.assertEqual(rig.sent, [b"a 7", b"b 8", b"c 9"])
        self.assertIs(rig.machine.phase, Phase.BOUND)

    def test_queue_is_bounded(self) -> None:
        """A callee that tells much to a caller that is slow holds no memory."""
        rig = Sender()
        for message in range(100):
            rig.machine.provide(message, False)
        for _ in range(200):
            rig.machine.acknowledge(rig.machine.waiting)
        self.assertEqual(len(rig.sent), 1 + MOST_QUEUED)

    def test_wrong_number(self) -> None:
        """Other numbers acknowledge nothing, nor does the same one twice."""
        rig = Sender()
        self.assertFalse(rig.machine.acknowledge(0))
        rig.machine.provide("a", False)
        for number in (0, 6, 8):
            self.assertFalse(rig.machine.acknowledge(number))
        self.assertTrue(rig.machine.acknowledge(7))
        self.assertFalse(rig.machine.acknowledge(7))

    def test_answer_waits_for_a_description(self) -> None:
        """The 2xx may not go before the PRACK of what carried a description."""
        rig = Sender()
        rig.machine.provide("a", True)
        rig.machine.provide("b", False)
        self.assertFalse(rig.machine.finish())
        self.assertFalse(rig.machine.finish())
        rig.machine.acknowledge(7)
        self.assertEqual((rig.sent, rig.told), ([b"a 7"], ["free"]))

    def test_answer_waits_for_nothing_else(self) -> None:
        """It overtakes what carried none, whose PRACK is good all the same."""
        rig = Sender()
        rig.machine.provide("a", False)
        self.assertTrue(rig.machine.finish())
        self.assertTrue(rig.machine.acknowledge(7))
        rig.advance(40)
        self.assertEqual((rig.sent, rig.told), ([b"a 7"], []))

    def test_nobody_answers_the_held_one(self) -> None:
        """Then there is no answer either."""
        rig = Sender()
        rig.machine.provide("a", True)
        rig.machine.finish()
        rig.advance(40)
        self.assertEqual(rig.told, ["unacknowledged"])


class ArrivalTests(SynchronousTestCase):
    """Section 4: what is acknowledged."""

    def test_order(self) -> None:
        """The first has any number, then they come by one."""
        arrivals = Arrivals()
        took = [arrivals.take(n) for n in (41, 41, 43, 40, 42, 41, 43, 42)]
        self.assertEqual(took, [True, False, False, False, True, False, True, False])
        self.assertEqual(arrivals.last, 43)


def _response(status: int, *headers: str) -> Response:
    lines = [
        f"SIP/2.0 {status} Whatever",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        "From: <sip:a@192.0.2.1>;tag=a",
        "To: <sip:b@192.0.2.2>;tag=b",
        "Call-ID: c",
        "CSeq: 1 INVITE",
        *headers,
    ]
    message = parse("\r\n".join(lines).encode() + b"\r\n\r\n")
    assert isinstance(message, Response)
    return message


def _prack(*headers: str) -> Request:
    lines = [
        "PRACK sip:b@192.0.2.2 SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        "From: <sip:a@192.0.2.1>;tag=a",
        "To: <sip:b@192.0.2.2>;tag=b",
        "Call-ID: c",
        "CSeq: 2 PRACK",
        *headers,
    ]
    message = parse("\r\n".join(lines).encode() + b"\r\n\r\n")
    assert isinstance(message, Request)
    return message


class HeaderTests(SynchronousTestCase):
    """RSeq and RAck."""

    def test_rseq(self) -> None:
        """Require and RSeq together make it reliable (section 4)."""
        self.assertEqual(rseq_of(_response(183, "Require: 100REL", "RSeq: 9")), 9)
        for status, headers in (
            (183, ("RSeq: 9",)),
            (183, ("Require: 100rel",)),
            (183, ("Require: timer", "RSeq: 9")),
            (183, ("Require: 100rel", "RSeq: x")),
            (183, ("Require: 100rel", "RSeq: -1")),
            (183, ("Require: 100rel", "RSeq: 4294967296")),
            (183, ("Require: 100rel", "RSeq: 0")),
            (100, ("Require: 100rel", "RSeq: 9")),
            (200, ("Require: 100rel", "RSeq: 9")),
        ):
            self.assertIsNone(rseq_of(_response(status, *headers)), headers)

    def test_rack(self) -> None:
        """Number, CSeq number and method; back to text, too."""
        rack = rack_of(_prack("RAck: 776656  1 INVITE"))
        self.assertEqual(rack, RAck(776656, 1, "INVITE"))
        self.assertEqual(str(rack), "776656 1 INVITE")

    def test_malformed_rack(self) -> None:
        """What is no RAck is 400."""
        for value in ("", "1", "1 1", "1 1 INVITE x", "x 1 INVITE", "1 -1 INVITE"):
            with self.assertRaises(ParseError):
                rack_of(_prack(f"RAck: {value}"))
        with self.assertRaises(ParseError):
            rack_of(_prack())
