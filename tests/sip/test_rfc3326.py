"""RFC 3326: the Reason header."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from vos3000.errors import ParseError
from vos3000.sip.why import (
    LONGEST_TEXT,
    MOST_REASONS,
    Reason,
    line_of,
    parse_reason,
    parse_reasons,
)

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


class ReadingTests(SynchronousTestCase):
    """Section 2."""

    def test_the_examples(self) -> None:
        """Those of the section."""
        for text, reason in (
            (
                'SIP ;cause=200 ;text="Call completed elsewhere"',
                Reason("SIP", 200, "Call completed elsewhere"),
            ),
            (
                'Q.850 ;cause=16 ;text="Terminated"',
                Reason("Q.850", 16, "Terminated"),
            ),
            (
                'SIP ;cause=600 ;text="Busy Everywhere"',
                Reason("SIP", 600, "Busy Everywhere"),
            ),
            (
                'SIP ;cause=580 ;text="Precondition Failure"',
                Reason("SIP", 580, "Precondition Failure"),
            ),
        ):
            self.assertEqual(parse_reason(text), reason)

    def test_several(self) -> None:
        """Each protocol stands there once."""
        line = 'SIP;cause=480, Q.850;cause=19;text="a, b", q.850;cause=16'
        self.assertEqual(
            parse_reasons(line),
            (Reason("SIP", 480), Reason("Q.850", 19, "a, b")),
        )

    def test_unknown_protocols_and_parameters(self) -> None:
        """They are kept."""
        text = 'X-Own;cause=7;text="no";location=LN'
        self.assertEqual(str(parse_reason(text)), text)

    def test_malformed(self) -> None:
        """They are no reasons, and good ones beside them are."""
        bad = ("", "a b;cause=1", "SIP;cause=x", "SIP;cause=-1", "SIP;cause=1000")
        for text in (*bad, 'SIP;text="x', "SIP;;", "x" * 5000):
            self.assertRaises(ParseError, parse_reason, text)
        line = ", ".join((*bad, "Q.850;cause=16"))
        self.assertEqual(parse_reasons(line), (Reason("Q.850", 16),))

    def test_they_are_bounded(self) -> None:
        """In number and in length."""
        line = ", ".join(f'P{n};text="{"x" * 500}"' for n in range(50))
        reasons = parse_reasons(line)
        self.assertEqual(len(reasons), MOST_REASONS)
        self.assertEqual({len(each.text) for each in reasons}, {LONGEST_TEXT})

    @settings(deadline=None)
    @given(
        st.sampled_from(("SIP", "Q.850", "X")), st.none() | st.integers(0, 999), TEXT
    )
    def test_round_trip(self, protocol: str, cause: int | None, text: str) -> None:
        """What is sent is read as what it was."""
        reason = Reason(protocol, cause, text)
        self.assertEqual(parse_reasons(str(reason)), (reason,))

    @settings(deadline=None)
    @given(st.text(max_size=200))
    def test_any_text(self, line: str) -> None:
        """Whatever comes, what is passed on has no line end and is stable."""
        passed = line_of(parse_reasons(line.replace("\r", "").replace("\n", "")))
        self.assertEqual(line_of(parse_reasons(passed)), passed)
