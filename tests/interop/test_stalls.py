"""
No stranger keeps the switch busy for long with one thing: L{bench.stalls}, shortened.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.stalls import ATTACKS, LIMIT, Meter

SECONDS = 0.3
"""Of each attack; what it sent is served for a while after it."""

WORST = (
    "UDP: 12 bytes of noise",
    "UDP: INVITE",
    "TCP: pings",
    "TCP: INVITE in a row",
    "WS: INVITE each a frame",
    "HTTP: 300,000 strings",
)
"""Those that took 35 to 460 ms before anything was done about them."""


class StallTests(SynchronousTestCase):
    """The longest callback, by the CPU that it takes."""

    def test_worst_attacks(self) -> None:
        """None of them, not by its last piece either."""
        directory = Path(self.mktemp())
        directory.mkdir()
        meter = Meter(directory.absolute())
        with meter.child:
            meter.longest()
            for name in WORST:
                ATTACKS[name](meter.target, SECONDS)
                took, what = meter.longest()
                self.assertLess(took, LIMIT, f"{name}: {what}")
