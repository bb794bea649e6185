"""RFC 3323: a privacy mechanism for SIP. What Privacy says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from vos3000.sip.identity import MOST_VALUES, privacy_values


class PrivacyTests(SynchronousTestCase):
    """Reading the header (section 4.2)."""

    def test_values_stand_between_semicolons(self) -> None:
        """In order, each once, whatever their case; a comma is taken for one."""
        for lines, values in (
            (["id"], ("id",)),
            (["user;id;critical"], ("user", "id", "critical")),
            ([" User ; ID"], ("user", "id")),
            (["id, critical"], ("id", "critical")),
            (["id", "header;id"], ("id", "header")),
            ([], ()),
        ):
            self.assertEqual(privacy_values(lines), values)

    def test_what_is_no_value_says_nothing(self) -> None:
        """Empty ones, and those that are no token."""
        self.assertEqual(privacy_values([";;id;a b;<x>;"]), ("id",))

    def test_they_are_bounded(self) -> None:
        """Nobody asks for more than there is."""
        line = ";".join(f"v{number}" for number in range(100))
        self.assertEqual(len(privacy_values([line])), MOST_VALUES)

    @settings(deadline=None)
    @given(st.lists(st.text(), max_size=4))
    def test_any_text(self, lines: list[str]) -> None:
        """Whatever comes, what is read are tokens that can be sent again."""
        values = privacy_values(lines)
        self.assertEqual(privacy_values([";".join(values)]), values)
