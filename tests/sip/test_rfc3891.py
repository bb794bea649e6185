"""
RFC 3891 (Replaces), as messages say it.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.test_rfc3515 import refer
from vos3000.errors import ParseError
from vos3000.sip.refer import Replaces, parse_replaces, replaces_of


class ReplacesTests(SynchronousTestCase):
    """Section 6.1."""

    def test_round_trip(self) -> None:
        """What is read can be written and read again."""
        for text in (
            "425928@bobster.example.org;to-tag=7743;from-tag=6472",
            "12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only",
        ):
            replaces = parse_replaces(text)
            self.assertEqual(str(replaces), text)
            self.assertEqual(parse_replaces(str(replaces)), replaces)

    def test_written_otherwise(self) -> None:
        """Order, case, spaces and other parameters make no difference."""
        self.assertEqual(
            parse_replaces(" a@b ; FROM-TAG = 2 ;x=y; To-Tag=1 ;EARLY-ONLY"),
            Replaces("a@b", "1", "2", True),
        )

    def test_malformed(self) -> None:
        """A Call-ID and one of either tag, or nothing."""
        for text in (
            "",
            ";to-tag=1;from-tag=2",
            "a@b",
            "a@b;to-tag=1",
            "a@b;from-tag=2",
            "a@b;to-tag=1;from-tag=",
            "a@b;to-tag;from-tag=2",
            "a@b;to-tag=1;from-tag=2;to-tag=3",
            "a b;to-tag=1;from-tag=2",
            "a@b;to-tag=1;from-tag=2, c@d;to-tag=1;from-tag=2",
            "a@b;to-tag=1;;from-tag=2",
            "a" * 20_000 + ";to-tag=1;from-tag=2",
        ):
            error = self.assertRaises(ParseError, parse_replaces, text)
            self.assertEqual(error.status, 400, text[:60])

    def test_header(self) -> None:
        """None or one; section 3: several are refused."""
        line = "Replaces: a@b;to-tag=1;from-tag=2"
        self.assertIsNone(replaces_of(refer()))
        self.assertEqual(replaces_of(refer(line)), Replaces("a@b", "1", "2"))
        error = self.assertRaises(ParseError, replaces_of, refer(line, line))
        self.assertEqual(error.status, 400)
