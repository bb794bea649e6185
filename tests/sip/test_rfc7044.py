"""RFC 7044 (and 4244): History-Info, and RFC 7544: its ties to Diversion."""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.sip.test_rfc5806 import DIVERSIONS
from vos3000.sip.fields import split_commas
from vos3000.sip.forwarding import (
    CAUSES,
    Diversion,
    from_history,
    history_value,
)
from vos3000.sip.identity import address_of


def read(line: str) -> tuple[Diversion, ...]:
    """The diversions of a History-Info line."""
    return from_history(split_commas(line))


class HistoryTests(SynchronousTestCase):
    """Reading."""

    def test_cause_of_the_new_target(self) -> None:
        """RFC 7544: the entry before one with a cause sent the call on."""
        line = (
            "<sip:1@x>;index=1, <sip:2@x;cause=302>;index=1.1;mp=1,"
            " <sip:3@x;cause=408>;index=1.1.1;mp=1.1"
        )
        self.assertEqual(
            read(line), (Diversion("2", "no-answer"), Diversion("1", "unconditional"))
        )

    def test_the_entry_that_is_meant(self) -> None:
        """C{mp} names the one that sent it on, not the one that stands before."""
        line = (
            "<sip:1@x>;index=1, <sip:9@x>;index=1.1;rc=1,"
            " <sip:2@x;cause=486>;index=1.2;mp=1"
        )
        self.assertEqual(read(line), (Diversion("1", "user-busy"),))

    def test_reason_of_the_old_target(self) -> None:
        """RFC 4244: an entry says itself why the call left it."""
        line = (
            "<sip:1@x?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%22>;index=1,"
            " <sip:2@x>;index=1.1"
        )
        self.assertEqual(read(line), (Diversion("1", "unconditional"),))
        # a target that failed at last sent nothing on
        self.assertEqual(read(line.partition(", ")[0]), ())

    def test_no_diversion(self) -> None:
        """Being routed is none."""
        for line in (
            "<sip:1@x>;index=1, <sip:1@y>;index=1.1;rc=1",
            "<sip:1@x>;index=1, <sip:2@x;cause=200>;index=1.1",
            "<sip:1@x;cause=302>;index=1",
            "nonsense, <<>;index=1",
            "",
        ):
            self.assertEqual(read(line), (), line)

    def test_privacy(self) -> None:
        """An entry may ask not to be shown."""
        line = "<sip:1@x?Privacy=history>;index=1, <sip:2@x;cause=480>;index=1.1;mp=1"
        self.assertEqual(read(line), (Diversion("1", "deflection", 1, True),))

    @settings(deadline=None)
    @given(st.text(max_size=200))
    def test_any_text(self, line: str) -> None:
        """Whatever comes, nothing is raised."""
        for each in read(line):
            self.assertTrue(each.number)


class WritingTests(SynchronousTestCase):
    """What we send."""

    def test_two(self) -> None:
        """The first one first, then where the call goes now."""
        diversions = (Diversion("2", "user-busy"), Diversion("1", "unconditional"))
        uris = ["sip:2@h", "sip:1@h"]
        self.assertEqual(
            history_value(diversions, uris, "sip:3@192.0.2.20:5060"),
            "<sip:1@h>;index=1, <sip:2@h;cause=302>;index=1.1;mp=1,"
            " <sip:3@192.0.2.20:5060;cause=486>;index=1.1.1;mp=1.1",
        )

    @settings(deadline=None)
    @given(DIVERSIONS)
    def test_round_trip(self, diversions: tuple[Diversion, ...]) -> None:
        """
        What is sent is read as what it was, but for what History-Info has no
        word for: counters, and reasons without a cause of their own.
        """
        uris = [address_of(each.number, "h", False) for each in diversions]
        expected = tuple(
            attrs.evolve(
                each,
                counter=1,
                reason=each.reason if each.reason in CAUSES else "unknown",
            )
            for each in diversions
        )
        self.assertEqual(read(history_value(diversions, uris, "sip:9@h")), expected)
