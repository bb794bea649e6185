"""One connection leaves time for the others, however much it sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.sip.connections import FakeConnection, ListenerCase
from tests.sip.rig import STRANGER, ask
from vos3000.sip.shares import PIECE, SHARE, Shares
from vos3000.sip.tcp import Stream

PINGS = b"\r\n\r\n"
PONGS = b"\r\n"
A_PIECE = PONGS * (PIECE // len(PINGS))


class Turns:
    """
    A clock whose calls are made turn by turn: what becomes due in one of them is
    called in the next.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[Callable[[], object]] = []

    def seconds(self) -> float:
        """The time."""
        return self.now

    def callLater(self, delay: float, call: Callable[[], object]) -> object:
        """Call it in the next turn."""
        self._due.append(call)
        return call

    def turn(self) -> None:
        """The next one."""
        due, self._due = self._due, []
        for call in due:
            call()


class Slow:
    """A tap that takes time for every message it sees."""

    def __init__(self, clock: Turns, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds

    def received(self, data: bytes, channel: object, address: object) -> None:
        """It looks."""
        self._clock.now += self._seconds

    def sent(self, data: bytes, channel: object, address: object) -> None:
        """It looks."""
        self._clock.now += self._seconds


class ShareTests(ListenerCase):
    """Bytes that wait for their turn."""

    def setUp(self) -> None:
        """Every piece takes more than there is time for."""
        super().setUp()
        self.turns: Any = Turns()
        self.connections.shares = Shares(self.turns)
        self.slow(2 * SHARE * len(PINGS) / PIECE)

    def slow(self, seconds: float) -> None:
        """What each message takes from now on."""
        self.rig.reception.tap = Slow(self.turns, seconds)

    def flood(self, count: int) -> tuple[Stream, FakeConnection]:
        """A peer sends so many keep-alives in one read."""
        wire, transport = self.incoming()
        wire.dataReceived(PINGS * count)
        return wire, transport

    def test_a_read_is_served_by_and_by(self) -> None:
        """A piece a turn; meanwhile the connection is not read."""
        _, transport = self.flood(4 * PIECE // len(PINGS))
        for served in (1, 2, 3):
            self.assertEqual(transport.value(), A_PIECE * served)
            self.assertEqual(transport.producerState, "paused")
            self.turns.turn()
        self.assertEqual(transport.value(), A_PIECE * 4)
        self.assertEqual(transport.producerState, "producing")
        self.assertEqual(len(self.connections.shares), 0)

    def test_everybody_in_turn(self) -> None:
        """What others send is served before the rest of who sent much."""
        _, greedy = self.flood(100 * PIECE // len(PINGS))
        wire, modest = self.incoming()
        wire.dataReceived(PINGS)
        self.assertEqual(modest.value(), b"")
        self.turns.turn()
        self.turns.turn()
        self.assertEqual(modest.value(), PONGS)
        self.assertEqual(greedy.value(), A_PIECE * 3)

    def test_known_peers_come_first(self) -> None:
        """However many strangers wait; and those get something each turn, too."""
        strangers = []
        for port in range(50):
            wire, transport = self.incoming((STRANGER[0], 1 + port))
            wire.dataReceived(PINGS * 3 * (PIECE // len(PINGS)))
            strangers.append(transport)
        known, peer = self.incoming()
        known.dataReceived(PINGS * 3 * (PIECE // len(PINGS)))
        for served in (1, 2, 3):
            self.turns.turn()
            self.assertEqual(peer.value(), A_PIECE * served)
            pieces = sum(len(each.value()) for each in strangers) // len(A_PIECE)
            self.assertEqual(pieces, 1 + served)

    def test_who_sends_little_waits_for_nothing(self) -> None:
        """There is time: it is served at once, and the connection stays read."""
        wire, transport = self.incoming()
        for served in range(1, 4):
            wire.dataReceived(PINGS)
            self.assertEqual(transport.value(), PONGS * served)
            self.assertEqual(transport.producerState, "producing")

    def test_messages_are_cut_anywhere(self) -> None:
        """What waits is what came: nothing is lost, doubled or mixed up."""
        self.slow(SHARE)
        wire, transport = self.incoming()
        wire.dataReceived(
            b"".join(ask("OPTIONS", f"z9hG4bK{n}", cseq=n) for n in range(100))
        )
        early = self.taken(transport)
        self.assertLess(len(early), 20)
        while len(self.connections.shares):
            self.turns.turn()
        answers = early + self.taken(transport)
        self.assertEqual([each.cseq for each in answers], list(range(100)))

    def test_more_may_come_all_the_same(self) -> None:
        """TLS hands over what it has: it stands behind what waits."""
        wire, transport = self.flood(2 * PIECE // len(PINGS))
        wire.dataReceived(PINGS * (PIECE // len(PINGS)))
        while len(self.connections.shares):
            self.turns.turn()
        self.assertEqual(transport.value(), A_PIECE * 3)

    def test_a_connection_that_is_gone(self) -> None:
        """What waits of it goes with it."""
        wire, transport = self.flood(3 * PIECE // len(PINGS))
        self.lost(wire)
        self.turns.turn()
        self.assertEqual(transport.value(), A_PIECE)
        self.assertEqual(len(self.connections.shares), 0)

    def test_a_connection_that_we_end(self) -> None:
        """What waits behind a mistake is not served, and never read."""
        self.slow(2 * SHARE)
        wire, transport = self.incoming()
        bad = ask("OPTIONS").replace(b"Content-Length: 0", b"X-None: 0")
        good = ask("OPTIONS", body=bytes(PIECE))
        wire.dataReceived(good + bad + good + good)
        while len(self.connections.shares):
            self.turns.turn()
        self.assertEqual([each.status for each in self.taken(transport)], [200, 400])
        self.assertTrue(transport.disconnecting)

    def test_what_fails_later_hurts_nobody(self) -> None:
        """It is logged and costs its connection; the others are served."""
        failing, cut = self.flood(2 * PIECE // len(PINGS))
        _, other = self.flood(2 * PIECE // len(PINGS))

        def fail(data: bytes) -> None:
            raise ZeroDivisionError

        failing.serve = fail  # type: ignore[method-assign]
        while len(self.connections.shares):
            self.turns.turn()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(cut.aborting)
        self.assertEqual(other.value(), A_PIECE * 2)
