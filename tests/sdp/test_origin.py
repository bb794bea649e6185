"""Tests of L{vos3000.sdp.origin}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sdp.build import PHONE
from vos3000.sdp.origin import Origin, replace_origin


class ReplaceOriginTests(SynchronousTestCase):
    """Only the o= line is another one."""

    def test_rest_is_unchanged(self) -> None:
        """Every other byte stays."""
        theirs = b"o=user1 53655765 2353687637 IN IP4 10.0.0.1"
        ours = b"o=- 99 3 IN IP4 192.0.2.5"
        self.assertEqual(
            replace_origin(PHONE, 99, 3, "192.0.2.5"), PHONE.replace(theirs, ours)
        )

    def test_bare_line_feeds_stay(self) -> None:
        """A body with LF keeps LF."""
        body = PHONE.replace(b"\r\n", b"\n")
        new = replace_origin(body, 99, 3, "2001:db8::5")
        self.assertIn(b"\no=- 99 3 IN IP6 2001:db8::5\ns=-\n", new)
        self.assertNotIn(b"\r", new)

    def test_body_may_end_in_its_origin(self) -> None:
        """A cut description is still rid of the other side's host."""
        self.assertEqual(
            replace_origin(b"v=0\r\no=a 1 1 IN IP4 10.0.0.1", 9, 1, "192.0.2.5"),
            b"v=0\r\no=- 9 1 IN IP4 192.0.2.5",
        )

    def test_body_without_origin_is_itself(self) -> None:
        """There is nothing to hide."""
        self.assertEqual(replace_origin(b"hello", 1, 1, "192.0.2.5"), b"hello")
        self.assertEqual(Origin(1, "192.0.2.5").present(b"hello"), b"hello")


class OriginTests(SynchronousTestCase):
    """The version rises exactly when the content does (RFC 3264 8)."""

    def setUp(self) -> None:
        """One side of a call."""
        self.origin = Origin(77, "192.0.2.5")

    def test_first_is_version_one(self) -> None:
        """The session id is fixed and the version begins at 1."""
        self.assertEqual(
            self.origin.present(PHONE), replace_origin(PHONE, 77, 1, "192.0.2.5")
        )

    def test_same_content_keeps_the_version(self) -> None:
        """Also where the other side counts its own version up."""
        first = self.origin.present(PHONE)
        again = self.origin.present(PHONE.replace(b"2353687637", b"2353687638"))
        self.assertEqual(again, first)

    def test_changed_content_is_one_more(self) -> None:
        """Hold, and back: 1, 2, 3."""
        hold = PHONE.replace(b"sendrecv", b"sendonly")
        versions = []
        for body in (PHONE, hold, hold, PHONE):
            self.origin.present(body)
            versions.append(self.origin.version)
        self.assertEqual(versions, [1, 2, 2, 3])
