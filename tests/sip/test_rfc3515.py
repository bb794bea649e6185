"""
RFC 3515 (REFER), RFC 4488 (Refer-Sub) and RFC 3420 (sipfrag), as messages say it.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.errors import ParseError
from vos3000.sip.message import Request
from vos3000.sip.parser import parse
from vos3000.sip.refer import Replaces, fragment, referred_by, wants_notice


def refer(*headers: str) -> Request:
    """A REFER with these headers."""
    lines = [
        "REFER sip:b@192.0.2.1 SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1",
        "From: <sip:a@192.0.2.10>;tag=a",
        "To: <sip:b@192.0.2.1>;tag=b",
        "Call-ID: one",
        "CSeq: 2 REFER",
        *headers,
        "Content-Length: 0",
    ]
    message = parse("\r\n".join(lines).encode() + b"\r\n\r\n")
    assert isinstance(message, Request)
    return message


class ReferToTests(SynchronousTestCase):
    """Section 2.1."""

    def test_addresses(self) -> None:
        """Names, angle brackets and the compact form make no difference."""
        for line in (
            "Refer-To: <sip:3000@192.0.2.1>",
            "Refer-To: sip:3000@192.0.2.1",
            'Refer-To: "C, D" <sip:3000@192.0.2.1;user=phone>;x=1',
            "r: <sip:3000@192.0.2.1;method=INVITE>",
            "Refer-To: <tel:3000>",
            "Refer-To: SIP:3000@192.0.2.1",
        ):
            referred = referred_by(refer(line))
            self.assertEqual(referred.uri.number, "3000", line)
            self.assertIsNone(referred.replaces, line)

    def test_not_one(self) -> None:
        """Section 2.4.2: exactly one, else 400."""
        one = "Refer-To: <sip:3000@a>"
        for lines in ((), (one, one), (one, "r: <sip:3001@a>")):
            error = self.assertRaises(ParseError, referred_by, refer(*lines))
            self.assertEqual(error.status, 400, lines)

    def test_unreadable(self) -> None:
        """400 for what is no address, or asks for no INVITE."""
        for value in (
            "<sip:3000@a",
            "<>",
            "",
            "<sip:3000@a>, <sip:3001@a>",
            "<sip:3000@a;method=BYE>",
            "<sip:3000@a b>",
            "3000",
            "<sip:3000@a?Replaces=x>",
            "<sip:3000@a?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2%zz>",
            "<sip:3000@a?Replaces=x%3Bto-tag%3D1&Replaces=x>",
            "<sip:" + "3" * 9_000 + "@a>",
        ):
            error = self.assertRaises(
                ParseError, referred_by, refer(f"Refer-To: {value}")
            )
            self.assertEqual(error.status, 400, value[:60])

    def test_schemes(self) -> None:
        """416 for what cannot be called."""
        for value in ("<http://example.com/>", "mailto:a@b", "<sips:3000@a>"):
            error = self.assertRaises(
                ParseError, referred_by, refer(f"Refer-To: {value}")
            )
            self.assertEqual(error.status, 416, value)

    def test_secure(self) -> None:
        """A SIPS URI that came where nobody could read it."""
        referred = referred_by(refer("Refer-To: <SIPS:3000@a>"), True)
        self.assertEqual((referred.uri.scheme, referred.uri.number), ("sips", "3000"))
        self.assertRaises(ParseError, referred_by, refer("Refer-To: <ftp:3@a>"), True)

    def test_replaces(self) -> None:
        """RFC 3891 section 6.1 inside a URI; other headers say nothing."""
        expected = Replaces("12@192.0.2.9", "b-1", "a-2")
        for value in (
            "<sip:3@a?Replaces=12%40192.0.2.9%3Bto-tag%3Db-1%3Bfrom-tag%3Da-2>",
            "<sip:3@a?replaces=12@192.0.2.9%3bFrom-Tag%3da-2%3bto-tag%3db-1>",
            "<sip:3@a?Subject=x&Replaces=12%40192.0.2.9%3Bto-tag%3Db-1"
            "%3Bfrom-tag%3Da-2&Require=y>",
            "sip:3@a?Replaces=12%40192.0.2.9%3Bto-tag%3Db-1%3Bfrom-tag%3Da-2",
        ):
            referred = referred_by(refer(f"Refer-To: {value}"))
            self.assertEqual(referred.replaces, expected, value)
            self.assertEqual(referred.uri.headers, "", value)


class NoticeTests(SynchronousTestCase):
    """What is told of it."""

    def test_fragment(self) -> None:
        """A status line, known or not."""
        self.assertEqual(fragment(100), b"SIP/2.0 100 Trying\r\n")
        self.assertEqual(fragment(486), b"SIP/2.0 486 Busy Here\r\n")
        self.assertTrue(fragment(499).startswith(b"SIP/2.0 499 "))

    def test_wanted(self) -> None:
        """RFC 4488: true if nothing is said."""
        for lines, wanted in (
            ((), True),
            (("Refer-Sub: true",), True),
            (("Refer-Sub: false",), False),
            (("refer-sub:  FALSE ;x=1",), False),
        ):
            self.assertIs(wants_notice(refer(*lines)), wanted, lines)

    def test_unreadable(self) -> None:
        """400 for anything else."""
        for lines in (
            ("Refer-Sub: no",),
            ("Refer-Sub:",),
            ("Refer-Sub: true", "Refer-Sub: true"),
        ):
            error = self.assertRaises(ParseError, wants_notice, refer(*lines))
            self.assertEqual(error.status, 400)
