"""Tests of L{vos3000.sip.passing}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.test_message import request
from vos3000.sip.passing import (
    MOST_CHARACTERS,
    MOST_HEADERS,
    passing,
    unusable,
    wanted,
)


class WantedTests(SynchronousTestCase):
    """Lists of names."""

    def test_names(self) -> None:
        """However they are spelled."""
        self.assertEqual(
            wanted(" X-One, s,ALERT-INFO,,"), {"x-one", "subject", "alert-info"}
        )
        self.assertEqual(wanted("*"), {"*"})
        self.assertEqual(wanted(""), frozenset())

    def test_what_never_passes(self) -> None:
        """Ours to write, and what is no name."""
        text = "Via, v, From, P-Asserted-Identity, a b, x-good, Reason, Bad:"
        self.assertEqual(wanted(text), {"x-good"})
        self.assertEqual(
            unusable(text),
            ("via", "via", "from", "p-asserted-identity", "a b", "reason", "Bad:"),
        )


class PassingTests(SynchronousTestCase):
    """Headers of a message."""

    def test_by_name(self) -> None:
        """Those that are named, in their order, spelled as they came."""
        message = request("x-TWO: 2", "X-One: 1", "Subject: hi", "X-One: 1b", "X-3: 3")
        self.assertEqual(
            passing(message, wanted("x-one,x-two,identity")),
            (("x-TWO", "2"), ("X-One", "1"), ("X-One", "1b")),
        )

    def test_all(self) -> None:
        """All that are not ours, and not those that tell of the peer."""
        message = request(
            "X-One: 1",
            "P-Charging-Vector: icid-value=1",
            "Reason: Q.850;cause=16",
            "Identity: x",
            "Date: now",
            "Organization: Acme",
            "Session-Expires: 90",
            "Authorization: Digest x",
            "Diversion: <sip:1@x>",
            "Supported: 100rel",
            "s: hi",
        )
        self.assertEqual(
            passing(message, wanted("*")),
            (
                ("X-One", "1"),
                ("P-Charging-Vector", "icid-value=1"),
                ("Subject", "hi"),
            ),
        )
        self.assertEqual(
            dict(passing(message, wanted("*,identity,date"))),
            {
                "X-One": "1",
                "P-Charging-Vector": "icid-value=1",
                "Subject": "hi",
                "Identity": "x",
                "Date": "now",
            },
        )

    def test_they_are_bounded(self) -> None:
        """In number and in length together."""
        many = request(*(f"X-{n}: 1" for n in range(100)))
        self.assertEqual(len(passing(many, wanted("*"))), MOST_HEADERS)
        long = request(*(f"X-{n}: {'x' * 1000}" for n in range(20)))
        passed = passing(long, wanted("*"))
        size = sum(len(name) + len(value) for name, value in passed)
        self.assertEqual(len(passed), 4)
        self.assertLessEqual(size, MOST_CHARACTERS)
