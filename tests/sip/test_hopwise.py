"""Tests of L{vos3000.sip.hopwise}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.sip.hopwise import lines_of, once_more
from vos3000.sip.message import Request
from vos3000.sip.parser import parse

INVITE = (
    b"INVITE sip:2000@192.0.2.20:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKm1\r\n"
    b"Max-Forwards: 69\r\n"
    b"From: <sip:1000@192.0.2.1>;tag=t1\r\n"
    b"To: <sip:2000@192.0.2.20:5060>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:192.0.2.1:5060>\r\n"
    b"Min-SE: 90\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 7\r\n\r\nv=0\r\n\r\n"
)
VIA = "SIP/2.0/TCP 192.0.2.1:5060;rport;branch=z9hG4bKm2"


def read(data: bytes) -> Request:
    """A request of ours."""
    message = parse(data)
    assert isinstance(message, Request)
    return message


class OnceMoreTests(SynchronousTestCase):
    """A request that is made of the one before it."""

    def test_next_request(self) -> None:
        """Another branch and number; all else as it was, the body too."""
        first, again = read(INVITE), read(once_more(INVITE, VIA, 2))
        self.assertEqual((again.branch, again.cseq), ("z9hG4bKm2", 2))
        self.assertEqual(again.cseq_method, "INVITE")
        changed = ("Via", "CSeq")
        self.assertEqual(
            [pair for pair in again.items() if pair[0] not in changed],
            [pair for pair in first.items() if pair[0] not in changed],
        )
        self.assertEqual(again.body, b"v=0\r\n\r\n")
        self.assertEqual(again.uri_text, first.uri_text)

    def test_elsewhere(self) -> None:
        """Request-URI and Contact are replaced where they are given."""
        data = once_more(INVITE, VIA, 2, (), "sip:7@h", "<sip:192.0.2.2>")
        again = read(data)
        self.assertEqual(again.uri_text, "sip:7@h")
        self.assertEqual(again.all("contact"), ["<sip:192.0.2.2>"])
        self.assertEqual(again.get("to"), "<sip:2000@192.0.2.20:5060>")

    def test_headers_replace_their_like(self) -> None:
        """Given headers stand in place of those of the same names."""
        given = [("Min-SE", "1800"), ("Authorization", "Digest a"), ("X-One", "1")]
        again = read(once_more(INVITE, VIA, 2, given))
        self.assertEqual(again.all("min-se"), ["1800"])
        self.assertEqual(again.get("authorization"), "Digest a")
        self.assertEqual(again.get("x-one"), "1")

    def test_left_out(self) -> None:
        """Headers that must not follow it there."""
        again = read(once_more(INVITE, VIA, 2, without=("Min-SE", "Route")))
        self.assertIsNone(again.get("min-se"))
        self.assertEqual(again.get("max-forwards"), "69")

    def test_no_line_ends(self) -> None:
        """What is given cannot become a header of its own."""
        for line in ("\r\nX: 1", "a\nX: 1"):
            with self.assertRaises(ValueError):
                once_more(INVITE, VIA, 2, [("A", line)])
            with self.assertRaises(ValueError):
                once_more(INVITE, VIA, 2, (), f"sip:1@h{line}")

    def test_lines_of(self) -> None:
        """The headers of some names, as they were sent."""
        names = ("Min-SE", "Content-Type")
        found = [("Min-SE", "90"), ("Content-Type", "application/sdp")]
        self.assertEqual(lines_of(INVITE, names), found)
        self.assertEqual(lines_of(INVITE, ("X-One",)), [])
