"""
Tests of who may ask.
"""

from __future__ import annotations

from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from vos3000.db.settings import AccessRule
from vos3000.web.access import Access, segments


class SegmentsTests(SynchronousTestCase):
    """Paths as rules see them."""

    def test_spellings(self) -> None:
        """Every spelling of a path that is served is the same path."""
        for path in (
            b"/external/server/GetCurrentCall",
            b"//external//server/GetCurrentCall/",
            b"/external/server/GetCurrentCalls.jsp",
            b"/ext%65rnal/server/GetCurrentCall",
        ):
            self.assertEqual(segments(path), ("external", "server", "GetCurrentCall"))
        self.assertEqual(segments(b"/"), ())


class AccessTests(SynchronousTestCase):
    """The rules in force."""

    def setUp(self) -> None:
        self.access = Access()

    def allows(self, path: str, host: str) -> bool:
        return self.access.allows(segments(path.encode()), host)

    def test_default(self) -> None:
        """Without a rule the machine itself may ask, and nobody else."""
        for host, expected in (
            ("127.0.0.1", True),
            ("::1", True),
            ("::ffff:127.0.0.1", True),
            ("127.0.0.2", False),
            ("192.0.2.1", False),
            ("::ffff:192.0.2.1", False),
            ("", False),
            ("/run/socket", False),
        ):
            self.assertEqual(self.allows("/metrics", host), expected, host)

    def test_covers_what_is_below(self) -> None:
        """A rule covers its path and everything below it, nothing beside it."""
        self.access.load([AccessRule("/external/server", ("192.0.2.1",))])
        for path, expected in (
            ("/external/server", True),
            ("/external/server/Pay", True),
            ("/external/server/Pay.jsp", True),
            ("/external/serverx", False),
            ("/external", False),
            ("/metrics", False),
            ("/", True),
        ):
            self.assertEqual(self.allows(path, "192.0.2.1"), expected, path)
        self.assertFalse(self.allows("/", "192.0.2.2"))

    def test_one_interface(self) -> None:
        """A rule for an interface lets in there and nowhere else."""
        self.access.load([AccessRule("/external/server/GetCdr", ("192.0.2.1",))])
        self.assertTrue(self.allows("/external/server/GetCdr.jsp", "192.0.2.1"))
        self.assertFalse(self.allows("/external/server/Pay", "192.0.2.1"))

    def test_machine_itself_beside_rules(self) -> None:
        """Rules add to who may ask: the machine itself is not locked out."""
        self.access.load([AccessRule("/external/server", ("192.0.2.1",))])
        self.assertTrue(self.allows("/external/server/Pay", "127.0.0.1"))

    def test_kinds_of_entries(self) -> None:
        """Addresses, blocks and ranges, of both families."""
        entries = (
            "192.0.2.1",
            "198.51.100.7/24",
            "203.0.113.5-203.0.113.9",
            "2001:db8::/32",
        )
        self.access.load([AccessRule("/", entries)])
        for host, expected in (
            ("198.51.100.250", True),
            ("203.0.113.5", True),
            ("203.0.113.9", True),
            ("203.0.113.10", False),
            ("2001:db8:1::5", True),
            ("2001:db9::5", False),
        ):
            self.assertEqual(self.allows("/x", host), expected, host)

    def test_bad_entries(self) -> None:
        """A bad entry lets nobody in, is logged, and spoils no other."""
        with capturedLogs() as logs:
            entries = ("nonsense", "1-2", "::1-127.0.0.1", "192.0.2.1")
            self.access.load([AccessRule("/", entries)])
        errors = [log for log in logs if log["log_level"] is LogLevel.error]
        self.assertEqual([log["text"] for log in errors], list(entries[:3]))
        self.assertTrue(self.allows("/x", "192.0.2.1"))

    def test_loaded_in_whole(self) -> None:
        """Rules that are gone let nobody in any more."""
        self.access.load([AccessRule("/", ("192.0.2.1",))])
        self.access.load([])
        self.assertFalse(self.allows("/x", "192.0.2.1"))
