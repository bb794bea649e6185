"""
Tests of L{vos3000.reports.forwarder}: every record reaches its receiver, in order,
whatever the network loses.
"""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import Deferred

from tests.reports.test_follower import ReportsCase
from vos3000.config import Endpoint
from vos3000.db.cdrs import PAGE
from vos3000.events import ReportFailed, ReportRecovered
from vos3000.reports.follower import RETRY
from vos3000.reports.forwarder import DELAYS, Wire

HERE = Endpoint("192.0.2.1", 5000)
THERE = Endpoint("2001:db8::1", 5001)


class Network:
    """
    The socket's transport, and the receiver behind it.

    @ivar got: What it received: a record's number for each datagram.
    @ivar down: Whether everything is lost.
    """

    def __init__(self, case: ForwarderTests, wire: Wire) -> None:
        self._case = case
        self._wire = wire
        self.connected: tuple[str, int] | None = None
        self.closed = False
        self.answering = True

    def connect(self, host: str, port: int) -> None:
        """Whom the socket talks with."""
        self.connected = (host, port)

    def write(self, data: bytes) -> None:
        """A datagram was sent."""
        case = self._case
        number = int(data.split(b",")[41])
        case.sent.append(number)
        if case.lost():
            return
        case.got.append(number)
        if not case.lost():
            answer = case.answer.replace(b"%d", b"%d" % number)
            case.clock.callLater(0.001, self._wire.datagramReceived, answer, HERE)

    def stopListening(self) -> None:  # noqa: N802
        """The socket is closed."""
        self.closed = True


class ForwarderTests(ReportsCase):
    """A receiver that answers with the number of the record."""

    def setUp(self) -> None:
        super().setUp()
        self.sent: list[int] = []
        self.got: list[int] = []
        self.answer = b"%d"
        self.down = False
        self.chance: Any = None

    def lost(self) -> bool:
        """Whether this datagram is lost."""
        return self.down or (self.chance is not None and self.chance.random() < 0.3)

    def listen(self, wire: Wire) -> None:
        """Give the protocol a network."""
        super().listen(wire)
        wire.makeConnection(Network(self, wire))  # type: ignore[no-untyped-call]

    def network(self, place: int = -1) -> Network:
        """The network of a socket."""
        network: Any = self.wires[place].transport
        assert isinstance(network, Network)
        return network

    def forward(self, target: Endpoint | None = HERE) -> None:
        """Set the parameter."""
        self.tune(SERVER_CDR_REAL_TIME_REPORT_SERVER=target)

    def run_for(self, seconds: float) -> None:
        """Let time pass in steps of 5 ms."""
        for _ in range(int(seconds * 200)):
            self.clock.advance(0.005)

    def test_at_once(self) -> None:
        """A record goes out with its commit, to the receiver alone."""
        self.forward()
        self.assertEqual(self.wires, [])
        self.record()
        self.clock.advance(0)
        self.assertEqual(self.sent, [1])
        self.assertEqual(self.network().connected, ("192.0.2.1", 5000))

    def test_in_order(self) -> None:
        """The next one follows when one is answered."""
        self.forward()
        self.down = True
        self.record(3)
        self.run_for(0.4)
        self.assertEqual(self.sent, [1])
        self.down = False
        self.run_for(0.2)
        self.assertEqual(self.sent, [1, 1, 2, 3])

    def test_answers(self) -> None:
        """Line ends and quotes around the number do not matter; its digits do."""
        for answer, taken in (
            (b"%d\r\n", True),
            (b'"%d"', True),
            (b" %d\x00", True),
            (b"0%d", False),
            (b"%d1", False),
            (b"ok %d", False),
            (b"", False),
        ):
            self.setUp()
            self.answer = answer
            self.forward()
            self.record(2)
            self.run_for(0.3)
            self.assertEqual(self.sent, [1, 2] if taken else [1], answer)

    def test_loss(self) -> None:
        """With 30 of 100 datagrams lost each way, all arrive, in order."""
        self.chance = random.Random(7)
        self.forward()
        for _ in range(10):
            self.record(20)
            self.run_for(30)
        self.run_for(120)
        first = list(dict.fromkeys(self.got))
        self.assertEqual(first, list(range(1, 201)))
        self.assertEqual(self.got, sorted(self.got))
        self.assertGreater(len(self.sent), 300)

    def test_receiver_down(self) -> None:
        """One alarm; the record is repeated seldom; what waits is in the database."""
        self.forward()
        self.down = True
        self.record(3 * PAGE)
        self.run_for(60)
        self.assertEqual(set(self.sent), {1})
        self.assertLess(len(self.sent), 60)
        why = "192.0.2.1:5000 does not answer record 1"
        self.assertEqual(self.heard, [ReportFailed("realtime", why)])
        self.down = False
        self.run_for(sum(DELAYS) + RETRY + 3 * PAGE * 0.01)
        self.assertEqual(self.got, list(range(1, 3 * PAGE + 1)))
        self.assertIsInstance(self.heard[1], ReportRecovered)

    def test_restart(self) -> None:
        """The next run goes on behind the last answer."""
        self.forward()
        self.record(2)
        self.run_for(0.1)
        self.down = True
        self.record(2)
        self.run_for(0.1)
        self.successResultOf(Deferred.fromCoroutine(self.reports.stop()))
        self.assertTrue(self.network().closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.down = False
        self.reports = self.make()
        self.run_for(0.2)
        self.assertEqual(self.got, [1, 2, 3, 4])

    def test_killed(self) -> None:
        """After a kill at most a second's records come again, none is missing."""
        self.forward()
        for _ in range(30):
            self.record()
            self.run_for(0.1)
        for call in self.clock.getDelayedCalls():
            call.cancel()
        self.reports = self.make()
        self.record()
        self.run_for(0.5)
        self.assertEqual(list(dict.fromkeys(self.got)), list(range(1, 32)))
        self.assertLess(len(self.got), 31 + 15)

    def test_another_receiver(self) -> None:
        """A change takes effect at once, even while the old one is silent."""
        self.forward()
        self.down = True
        self.record(2)
        self.run_for(1)
        self.down = False
        self.forward(THERE)
        self.run_for(0.2)
        self.assertEqual(self.network().connected, ("2001:db8::1", 5001))
        self.assertTrue(self.network(0).closed)
        self.assertEqual(self.got, [1, 2])

    def test_switched_off(self) -> None:
        """Nothing is sent or remembered any more."""
        self.forward()
        self.down = True
        self.record(2)
        self.run_for(1)
        self.forward(None)
        sent = len(self.sent)
        self.run_for(5)
        self.assertEqual(len(self.sent), sent)
        self.assertTrue(self.network().closed)
        self.assertEqual(list(self.state.iterdir()), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_socket_that_cannot_be_opened(self) -> None:
        """It is tried again."""
        self.tune(SERVER_CDR_REAL_TIME_REPORT_SERVER=HERE)
        listen = self.reports._forwarder._listen

        def refuse(wire: Wire) -> None:
            raise OSError("no more sockets")

        self.reports._forwarder._listen = refuse
        self.record()
        self.run_for(5)
        self.assertEqual(self.heard, [ReportFailed("realtime", "no more sockets")])
        self.reports._forwarder._listen = listen
        self.run_for(2)
        self.assertEqual(self.got, [1])
