"""
Bodies of several parts.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.switch import OFFER
from vos3000.call.sipleg.parts import MOST_PARTS, session_part

MIXED = "multipart/mixed;boundary=b"


class SessionPartTests(SynchronousTestCase):
    """Finding the description."""

    def test_first_description(self) -> None:
        """Wherever it stands, and in spite of a preamble and an epilogue."""
        isup = b"--b\r\nContent-Type: application/isup\r\n\r\n\x01\x02\r\n"
        sdp = b"--b\r\nContent-Type: application/SDP; x=y\r\n\r\n" + OFFER + b"\r\n"
        for body in (sdp + isup, isup + sdp, b"hello\r\n" + sdp, sdp + sdp):
            found = session_part(body + b"--b--\r\nbye", MIXED)
            self.assertEqual(found, OFFER)

    def test_padding_and_case(self) -> None:
        """Blanks behind the boundary; names of headers in any case."""
        body = b"--b \t\r\nX: 1\r\nCONTENT-type:application/sdp\r\n\r\nv=0\r\n--b--"
        self.assertEqual(
            session_part(body, 'Multipart/Mixed; BOUNDARY="b"'), b"v=0\r\n"
        )

    def test_none(self) -> None:
        """Without a description, a boundary or an end there is nothing."""
        for body, kind in (
            (b"--b\r\nContent-Type: text/plain\r\n\r\nv=0\r\n--b--", MIXED),
            (b"--b\r\n\r\nv=0\r\n--b--", MIXED),
            (b"--b--\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0", MIXED),
            (b"--b\r\nContent-Type: application/sdp\r\n\r\nv=0", "multipart/mixed"),
            (b"", MIXED),
        ):
            self.assertEqual(session_part(body, kind), b"")

    def test_most(self) -> None:
        """Of many parts only the first are looked at."""
        sdp = b"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--"
        empty = b"--b\r\n\r\n\r\n"
        self.assertEqual(
            session_part(empty * (MOST_PARTS - 1) + sdp, MIXED), b"v=0\r\n"
        )
        self.assertEqual(session_part(empty * MOST_PARTS + sdp, MIXED), b"")

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.sampled_from([b"--b", b"\r\n", b"-", b":", b"v=0", b" "])))
    def test_anything(self, pieces: list[bytes]) -> None:
        """No body makes it fail."""
        session_part(b"".join(pieces), MIXED)
