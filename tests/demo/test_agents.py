"""Tests of L{vos3000.demo.caller}, L{vos3000.demo.vendor} and the ladder."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.demo.net import Net, tokens
from vos3000.demo.caller import Caller
from vos3000.demo.ladder import Ladder, Step
from vos3000.demo.vendor import Manner, Vendor
from vos3000.sip.message import build

VENDOR = ("127.0.0.1", 7000)


class CallTests(SynchronousTestCase):
    """The user agents call each other, without a switch between them."""

    def setUp(self) -> None:
        """A caller and room for a vendor."""
        self.net = Net()
        self.ladder = Ladder(self.net.clock.seconds)
        token = tokens()
        self.caller = Caller("caller", VENDOR, self.ladder, self.net.clock, token)
        self.net.plug(self.caller.wire, 6000)
        self.token = token

    def _vendor(self, **manner: float) -> Vendor:
        vendor = Vendor(
            "vendor",
            Manner(**manner),  # type: ignore[arg-type]
            self.ladder,
            self.net.clock,
            self.token,
        )
        self.net.plug(vendor.wire, 7000)
        return vendor

    def _seen(self, agent: str) -> list[str]:
        return [s.label for s in self.ladder.steps if s.agent == agent]

    def test_answered_call(self) -> None:
        """INVITE to the BYE's 200, each once, talk time kept."""
        self._vendor()
        done = self.caller.place("100", "4930", 2.0)
        self.net.run(2.0)
        self.assertNoResult(done)
        self.net.run(1.0)
        self.assertEqual(self.successResultOf(done), 200)
        answered = ["INVITE 4930", "100 Trying", "180 Ringing", "200 OK", "ACK"]
        self.assertEqual(self._seen("caller"), [*answered, "BYE", "200 OK"])
        self.assertEqual(self.net.clock.getDelayedCalls(), [])

    def test_refused_call(self) -> None:
        """A refusal is acknowledged and ends the call."""
        self._vendor(refusal=503)
        done = self.caller.place("100", "4930", 2.0)
        self.net.run(0.1)
        self.assertEqual(self.successResultOf(done), 503)
        self.assertEqual(
            self._seen("vendor"),
            ["INVITE 4930", "100 Trying", "503 Service Unavailable", "ACK"],
        )
        self.assertEqual(self.net.clock.getDelayedCalls(), [])

    def test_nobody_answers(self) -> None:
        """The INVITE is repeated, and given up after 32 seconds."""
        done = self.caller.place("100", "4930", 2.0)
        self.net.clock.pump([0.5] * 65)
        self.assertEqual(self.successResultOf(done), 408)
        self.assertEqual(len(self.net.lost), 7)
        self.assertEqual(self.net.clock.getDelayedCalls(), [])

    def test_answer_is_repeated_until_the_ack(self) -> None:
        """A vendor whose answer gets no ACK sends it again."""
        vendor = self._vendor()
        del self.net.wires[7000]
        self.caller.place("100", "4930", 2.0)
        invite, _ = self.net.lost.pop()
        del self.net.wires[6000]
        vendor.wire.datagramReceived(invite, ("127.0.0.1", 6000))
        self.net.run(2.0)
        self.assertEqual(self._seen("vendor").count("200 OK"), 3)

    def test_cancelled_call(self) -> None:
        """CANCEL gets its 200, the INVITE its 487, and no answer follows."""
        vendor = self._vendor()
        self.caller.place("100", "4930", 2.0)
        self.net.run(0.1)
        invite = next(s for s in self.ladder.steps if s.agent == "vendor")
        self.assertFalse(invite.sent)
        (call,) = vendor._calls.values()
        cancel = build(
            "CANCEL sip:4930@127.0.0.1 SIP/2.0",
            [
                ("Via", "SIP/2.0/UDP 127.0.0.1:6000;branch=z9hG4bKx"),
                ("From", "<sip:100@127.0.0.1>;tag=a"),
                ("To", "<sip:4930@127.0.0.1>"),
                ("Call-ID", call.request.call_id),
                ("CSeq", "1 CANCEL"),
                ("Max-Forwards", "70"),
            ],
        )
        vendor.wire.datagramReceived(cancel, ("127.0.0.1", 6001))
        self.net.run(1.0)
        self.assertEqual(
            self._seen("vendor")[3:6], ["CANCEL", "200 OK", "487 Request Terminated"]
        )

    def test_switch_hangs_up(self) -> None:
        """A BYE from the other side is agreed to and ends the call."""
        self._vendor()
        done = self.caller.place("100", "4930", 60.0)
        self.net.run(1.0)
        assert self.caller._call is not None
        bye = build(
            "BYE sip:100@127.0.0.1:6000 SIP/2.0",
            [
                ("Via", "SIP/2.0/UDP 127.0.0.1:7000;branch=z9hG4bKy"),
                ("From", "<sip:4930@127.0.0.1>;tag=b"),
                ("To", "<sip:100@127.0.0.1>;tag=a"),
                ("Call-ID", self.caller._call.call_id),
                ("CSeq", "1 BYE"),
                ("Max-Forwards", "70"),
            ],
        )
        self.caller.wire.datagramReceived(bye, VENDOR)
        self.assertEqual(self.successResultOf(done), 200)

    def test_garbage_is_dropped(self) -> None:
        """What is no SIP message is noted and nothing else."""
        self.caller.wire.datagramReceived(b"\x00\xff", VENDOR)
        self.assertEqual(len(self.ladder.steps), 1)


class LadderTests(SynchronousTestCase):
    """How a ladder reads."""

    def test_lanes(self) -> None:
        """The caller's messages stand left, the vendors' right."""
        net = Net()
        ladder = Ladder(net.clock.seconds)
        ladder.note("caller", True, b"INVITE sip:4930@127.0.0.1 SIP/2.0\r\nVia: x")
        net.clock.advance(0.0015)
        ladder.note("vendor", False, b"INVITE sip:4930@127.0.0.1:9 SIP/2.0\r\n")
        ladder.note("vendor", True, b"SIP/2.0 503 Service Unavailable\r\n")
        self.assertEqual(
            list(ladder.lines("caller")),
            [
                f"     ms  caller{' ' * 24}switch",
                f"    0.0  - INVITE 4930 {'-' * 13}>|",
                f"    1.5  {' ' * 28}|- INVITE 4930 {'-' * 13}> vendor",
                f"    1.5  {' ' * 28}|<- 503 Service Unavailable - vendor",
            ],
        )

    def test_restart(self) -> None:
        """A new call's ladder begins at zero."""
        net = Net()
        ladder = Ladder(net.clock.seconds)
        net.clock.advance(5)
        ladder.restart()
        ladder.note("a", True, b"BYE sip:x SIP/2.0")
        self.assertEqual(ladder.steps, [Step(0.0, "a", True, "BYE sip:x SIP/2.0")])
