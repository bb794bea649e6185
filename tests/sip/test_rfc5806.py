"""RFC 5806: the Diversion header."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from vos3000.sip.forwarding import (
    MOST_DIVERSIONS,
    MOST_ENTRIES,
    Diversion,
    diversion_values,
    from_diversion,
    from_history,
)
from vos3000.sip.identity import address_of

NUMBERS = st.text("0123456789", min_size=1, max_size=15)
WORDS = ("unconditional", "user-busy", "no-answer", "deflection", "unavailable")
DIVERSIONS = st.lists(
    st.builds(
        Diversion,
        NUMBERS,
        st.sampled_from((*WORDS, "unknown", "time-of-day")),
        st.integers(1, 99),
        st.booleans(),
    ),
    min_size=1,
    max_size=MOST_DIVERSIONS,
).map(tuple)


class DiversionTests(SynchronousTestCase):
    """Reading and writing."""

    def test_all_parameters(self) -> None:
        """Section 5."""
        value = (
            '"Bob" <tel:+49-30-1>;reason=no-answer;counter=2;limit=5;privacy=full;'
            "screen=yes"
        )
        self.assertEqual(
            from_diversion([value]), (Diversion("+49301", "no-answer", 2, True),)
        )

    def test_defaults(self) -> None:
        """Only the address has to be there."""
        self.assertEqual(
            from_diversion(["sip:1@x"]), (Diversion("1", "unknown", 1, False),)
        )

    def test_quoted_and_own_words(self) -> None:
        """A reason may be a quoted string, or a word of one's own."""
        for text, reason in (
            ('"user-busy"', "user-busy"),
            ("Follow-Me", "follow-me"),
            ('"out of paper"', "unknown"),
        ):
            (read,) = from_diversion([f"<sip:1@x>;reason={text}"])
            self.assertEqual(read.reason, reason)

    def test_malformed(self) -> None:
        """Those are passed over; a bad counter is one."""
        values = ["<<>", "<sip:x>", "<sip:1@x>;counter=many", "<sip:2@x>;counter=9999"]
        self.assertEqual(
            from_diversion(values), (Diversion("1"), Diversion("2", counter=1))
        )

    def test_they_are_bounded(self) -> None:
        """A call that ran in a circle costs no more than others."""
        self.assertEqual(len(from_diversion(["<sip:1@x>"] * 99)), MOST_DIVERSIONS)
        self.assertEqual(from_diversion(["x"] * 9 + ["<sip:1@x>"]), (Diversion("1"),))
        self.assertEqual(from_diversion(["x"] * MOST_DIVERSIONS + ["<sip:1@x>"]), ())
        late = ["x"] * MOST_ENTRIES + ["<sip:1@x>", "<sip:2@x;cause=302>"]
        self.assertEqual(from_history(late), ())
        self.assertNotEqual(from_history(late[2:]), ())

    @settings(deadline=None)
    @given(DIVERSIONS)
    def test_round_trip(self, diversions: tuple[Diversion, ...]) -> None:
        """What is sent is read as what it was."""
        uris = [address_of(each.number, "192.0.2.1", False) for each in diversions]
        self.assertEqual(from_diversion(diversion_values(diversions, uris)), diversions)

    @settings(deadline=None)
    @given(st.lists(st.text(max_size=60), max_size=5))
    def test_any_text(self, values: list[str]) -> None:
        """Whatever comes, nothing is raised and words are tokens."""
        for each in from_diversion(values):
            self.assertTrue(each.number)
            self.assertNotIn(" ", each.reason)
