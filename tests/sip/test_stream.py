"""Tests of L{vos3000.sip.parser.StreamParser}."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.sip.test_parser import BASE, START
from vos3000.sip.message import MessageError, Request, Response, build
from vos3000.sip.parser import PING, KeepAlive, StreamParser

Seen = tuple[str, list[tuple[str, str]], bytes] | KeepAlive

PIECES = (
    build(START, BASE),
    build(START, BASE, b"v=0\r\n\r\nINVITE\r\n", "application/sdp"),
    build("SIP/2.0 200 OK", BASE, b"\r\n\r\n", "a/b"),
    b"\r\n\r\n",
    b"\r\n",
)
BROKEN = build("nonsense", BASE)


def seen(item: Request | Response | KeepAlive) -> Seen:
    """All there is to a message, to be compared."""
    if isinstance(item, KeepAlive):
        return item
    start = item.method if isinstance(item, Request) else str(item.status)
    return start, list(item.items()), item.body


def read(chunks: list[bytes]) -> tuple[list[Seen], bool]:
    """What comes of a stream, and whether it broke."""
    parser = StreamParser()
    found: list[Seen] = []
    for chunk in chunks:
        try:
            found += map(seen, parser.feed(chunk))
        except MessageError:
            break
    return found, parser.failure is not None


class StreamTests(SynchronousTestCase):
    """Framing of streams (RFC 3261 section 18.3, RFC 5626 section 4.4.1)."""

    @settings(deadline=None)
    @given(
        st.lists(st.sampled_from((*PIECES, BROKEN)), max_size=6),
        st.lists(st.integers(0, 2000), max_size=12),
    )
    def test_cuts_make_no_difference(self, pieces: list[bytes], at: list[int]) -> None:
        """However a stream is cut, the same comes out of it."""
        stream = b"".join(pieces)
        cuts = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in at)})
        chunks = [stream[a:b] for a, b in pairwise(cuts)]
        self.assertEqual(read(chunks), read([stream]))

    def test_every_single_cut(self) -> None:
        """Octet by octet, and in two at every place."""
        stream = b"".join((*PIECES, BROKEN, *PIECES))
        whole = read([stream])
        self.assertEqual(len(whole[0]), 4)
        self.assertTrue(whole[1])
        self.assertEqual(read([bytes([octet]) for octet in stream]), whole)
        for at in range(len(stream)):
            self.assertEqual(read([stream[:at], stream[at:]]), whole)

    def test_pings_are_told_from_pongs(self) -> None:
        """A double line end is a ping, a single one is nothing."""
        parser = StreamParser()
        self.assertEqual(parser.feed(b"\r\n\r\n"), [PING])
        self.assertEqual(parser.feed(b"\r\n"), [])
        self.assertEqual(len(parser.feed(PIECES[0])), 1)
        self.assertFalse(parser.pending)

    def test_good_messages_before_a_fault_are_not_lost(self) -> None:
        """They are returned; the fault is told by C{failure} and ever after."""
        parser = StreamParser()
        self.assertEqual(len(parser.feed(PIECES[0] + BROKEN)), 1)
        assert parser.failure is not None
        self.assertIs(self.assertRaises(MessageError, parser.feed, b""), parser.failure)

    def test_a_length_is_needed(self) -> None:
        """Without Content-Length nobody knows where the message ends."""
        data = PIECES[0].replace(b"Content-Length: 0\r\n", b"")
        error = self.assertRaises(MessageError, StreamParser().feed, data)
        self.assertEqual(error.status, 400)
        self.assertIsNotNone(error.request)

    def test_sizes_are_limited_before_they_are_there(self) -> None:
        """Neither a head without end nor a large length fills the memory."""
        parser = StreamParser(1000)
        self.assertEqual(parser.feed(b"x" * 1000), [])
        error = self.assertRaises(MessageError, parser.feed, b"x")
        self.assertEqual(error.status, 513)
        data = PIECES[0].replace(b"Length: 0", b"Length: 900")
        error = self.assertRaises(MessageError, StreamParser(1000).feed, data)
        self.assertEqual(error.status, 513)
