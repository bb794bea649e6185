"""
RFC 3325: asserted and preferred identities; and Remote-Party-ID, its elder.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from vos3000.sip.fields import parse_name_addr
from vos3000.sip.identity import (
    MOST_VALUES,
    address_of,
    addresses,
    calling_party,
    first_number,
    is_number,
    named,
    remote_party_id,
    withholds,
)
from vos3000.sip.message import build
from vos3000.sip.uri import parse_uri

LINES = st.text(st.characters(codec="utf-8"), max_size=40)


class IdentityTests(SynchronousTestCase):
    """Reading P-Asserted-Identity and P-Preferred-Identity (section 9)."""

    def test_one_of_each_scheme(self) -> None:
        """A sip and a tel URI may stand there; both are numbers."""
        values = ['"B" <sip:+4420@x.example>', "<tel:+44-20-71>"]
        self.assertEqual([a.uri.scheme for a in addresses(values)], ["sip", "tel"])
        self.assertEqual(first_number(values), "+4420")
        self.assertEqual(first_number(values[1:]), "+442071")

    def test_the_first_that_has_a_number(self) -> None:
        """Unreadable values, other schemes and hosts alone are passed over."""
        values = ["<<<>", "<mailto:a@b.example>", "<sip:x.example>", "<tel:77>"]
        self.assertEqual(first_number(values), "77")
        self.assertEqual(first_number(values[:3]), "")

    def test_they_are_bounded(self) -> None:
        """RFC 3325 knows two; a thousand are not read."""
        self.assertEqual(len(addresses(["<tel:1>"] * 1000)), MOST_VALUES)
        self.assertEqual(addresses(["x"] * MOST_VALUES + ["<tel:1>"]), ())


class RemotePartyTests(SynchronousTestCase):
    """draft-ietf-sip-privacy-04."""

    def test_it_is_the_caller_s(self) -> None:
        """Another party's is not taken for it."""
        values = ["<sip:1@x>;party=called", "<sip:2@x>;Party=Calling", "<sip:3@x>"]
        party = calling_party(values)
        assert party is not None
        self.assertEqual(party.uri.number, "2")
        self.assertIsNone(calling_party(values[:1]))

    def test_privacy(self) -> None:
        """C{full} and C{uri} withhold the number, in either spelling."""
        for text, withheld in (
            ("full", True),
            ('"full"', True),
            ("FULL", True),
            ("full-network", True),
            ("uri", True),
            ("name", False),
            ("off", False),
        ):
            party = parse_name_addr(f"<sip:1@x>;privacy={text}")
            self.assertIs(withholds(party), withheld, text)
        self.assertFalse(withholds(parse_name_addr("<sip:1@x>")))

    def test_ours(self) -> None:
        """As we send it."""
        self.assertEqual(
            remote_party_id('A "B"', "sip:1@192.0.2.1", True),
            '"A \\"B\\"" <sip:1@192.0.2.1>;party=calling;screen=yes;privacy=full',
        )
        self.assertEqual(
            remote_party_id("", "sip:1@192.0.2.1", False),
            "<sip:1@192.0.2.1>;party=calling;screen=yes;privacy=off",
        )


class AddressTests(SynchronousTestCase):
    """The URIs that we write."""

    def test_user_phone(self) -> None:
        """C{user=phone} marks telephone numbers, and only those."""
        for number, marked in (
            ("1000", True),
            ("+44207", True),
            ("*21#5", True),
            ("alice", False),
            ("+", False),
            ("", False),
        ):
            self.assertIs(is_number(number), marked, number)
            uri = parse_uri(address_of(number, "192.0.2.1", True))
            self.assertEqual(uri.param("user"), "phone" if marked else None)
            self.assertEqual(uri.number, number)

    @settings(deadline=None)
    @given(LINES, LINES)
    def test_no_way_into_the_message(self, display: str, number: str) -> None:
        """
        Whatever a name or a number holds: one header, which says what it said.
        """
        display = "".join(filter(str.isprintable, display))
        value = named(display, address_of(number, "192.0.2.1", True))
        data = build("INVITE sip:x SIP/2.0", [("From", value)])
        self.assertEqual(data.count(b"\r\n"), 4)
        read = parse_name_addr(value)
        self.assertEqual((read.display, read.uri.host), (display, "192.0.2.1"))
