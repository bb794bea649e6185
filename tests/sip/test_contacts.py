"""Tests of L{vos3000.sip.contacts}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.sip.contacts import MOST_CONTACTS, contacts_in_order
from vos3000.sip.message import Response
from vos3000.sip.parser import parse


def moved(*contacts: str) -> Response:
    """A 302 with these Contact lines."""
    lines = "".join(f"Contact: {each}\r\n" for each in contacts)
    message = parse(
        b"SIP/2.0 302 Moved Temporarily\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
        b"From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\n"
        b"CSeq: 1 INVITE\r\n" + lines.encode() + b"Content-Length: 0\r\n\r\n"
    )
    assert isinstance(message, Response)
    return message


class ContactsTests(SynchronousTestCase):
    """The order of a redirection's contacts."""

    def order(self, *contacts: str) -> list[str]:
        """The contacts as they are tried."""
        return [str(uri) for uri in contacts_in_order(moved(*contacts))]

    def test_q_order(self) -> None:
        """By falling q, 1 where there is none; equal ones as they stand."""
        found = self.order(
            "<sip:1@h>;q=0.2, <sip:2@h>;q=0.9", "<sip:3@h>", "sip:4@h;q=1.000"
        )
        self.assertEqual(found, ["sip:3@h", "sip:4@h", "sip:2@h", "sip:1@h"])

    def test_commas_in_names(self) -> None:
        """A comma in a display name or a URI divides nothing."""
        found = self.order('"a, b" <sip:1,2@h>, <sip:3@h>')
        self.assertEqual(found, ["sip:1,2@h", "sip:3@h"])

    def test_malformed_q_comes_last(self) -> None:
        """What is no q value counts as 0."""
        found = self.order("<sip:1@h>;q=2", "<sip:2@h>;q=0.1", "<sip:3@h>;q=-1")
        self.assertEqual(found, ["sip:2@h", "sip:1@h", "sip:3@h"])

    def test_left_out(self) -> None:
        """Other schemes, no user, what cannot be read."""
        found = self.order(
            "<tel:+49>", "<mailto:a@h>", "<sip:h>", "<sip:a@>", "<sip:1@h", "<sip:2@h>"
        )
        self.assertEqual(found, ["sip:2@h"])

    def test_only_the_place_is_taken(self) -> None:
        """No header, method or password of a URI gets into our request."""
        found = self.order("<sip:1:pw@h:5070;transport=tcp;method=BYE?Route=%3Csip:x>")
        self.assertEqual(found, ["sip:1@h:5070;transport=tcp"])

    def test_many(self) -> None:
        """A bounded number of them is looked at."""
        found = self.order(*(f"<sip:{i}@h>" for i in range(60)))
        self.assertEqual(len(found), MOST_CONTACTS)
