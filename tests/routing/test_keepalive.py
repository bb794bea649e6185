"""The way to devices behind NAT is kept open, in even batches."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.routing.test_location import PHONE, binding
from vos3000.events import Events
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model.bindings import Address
from vos3000.routing.keepalive import KeepAliveSettings, NatKeepAlive
from vos3000.routing.location import Location
from vos3000.timers import TimerWheel


class Socket:
    """Keeps what was sent, and when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sent: list[tuple[float, bytes, Address]] = []

    def send(self, data: bytes, address: Address) -> None:
        """Keep it."""
        self.sent.append((self._clock.seconds(), data, address))


class KeepAliveTests(SynchronousTestCase):
    """SS_SIP_NAT_KEEP_ALIVE_..."""

    def setUp(self) -> None:
        """The defaults, and nobody registered."""
        self.clock = Clock()
        timers = TimerWheel(self.clock)
        self.settings = KeepAliveSettings()
        self.socket = Socket(self.clock)
        metrics = Metrics()
        now = instants(self.clock.seconds, self.clock.seconds)
        self.location = Location(
            timers, now, Events(), lambda aor: None, lambda key, value: None, metrics
        )
        keep = NatKeepAlive(timers, lambda: self.settings, self.location, metrics)
        keep.start()

    def register(self, aor: str, **settings: Any) -> None:
        """A device behind NAT, for a long time."""
        given = {"named": None, "channel": self.socket, "expires": 10**12}
        self.location.put(binding(aor, **{**given, **settings}))

    def advance(self, seconds: float) -> list[tuple[float, bytes, Address]]:
        """What was sent meanwhile."""
        self.clock.pump([0.05] * round(seconds / 0.05))
        sent, self.socket.sent = self.socket.sent, []
        return sent

    def test_every_period(self) -> None:
        """The message goes to where the device sends from."""
        self.register("1001")
        self.assertEqual(self.advance(29.9), [])
        for _ in range(3):
            ((_, data, address),) = self.advance(30)
            self.assertEqual((data, address), (b"HELLO", PHONE))

    def test_only_who_needs_it(self) -> None:
        """Not a device that is where it says, nor one on a connection or proxy."""
        self.register("a", named=PHONE)
        self.register("b", transport="tcp")
        self.register("c", path=("<sip:p;lr>",))
        self.register("d", channel=None)
        self.register("e", named=(PHONE[0], 5099))
        self.assertEqual(len(self.advance(31)), 1)
        self.register("e", named=PHONE)
        self.assertEqual(self.advance(31), [])

    def test_who_is_gone(self) -> None:
        """It hears no more, even if it goes in the middle of a round."""
        self.settings = KeepAliveSettings(batch=1)
        for aor in ("a", "b", "c"):
            self.register(aor)
        self.assertEqual(len(self.advance(30.1)), 1)
        self.location.remove("b", "")
        self.assertEqual(len(self.advance(5)), 1)
        self.location.remove("a", "")
        self.location.remove("c", "")
        self.assertEqual(self.advance(60), [])

    def test_batches(self) -> None:
        """So many at once, with the pause between."""
        self.settings = KeepAliveSettings(batch=10, pause=0.5)
        for number in range(35):
            self.register(str(number))
        sent = self.advance(40)
        times = sorted({round(at, 2) for at, _, _ in sent})
        counts = [sum(round(at, 2) == time for at, _, _ in sent) for time in times]
        self.assertEqual(counts, [10, 10, 10, 5])
        for early, late in pairwise(times):
            self.assertTrue(0.5 <= late - early <= 0.61, times)

    def test_round_ends_in_time(self) -> None:
        """Batches grow where there are too many devices for the pace."""
        self.settings = KeepAliveSettings(period=2, batch=1, pause=0.5)
        for number in range(100):
            self.register(str(number), remote=("198.51.100.7", 1000 + number))
        self.advance(30)
        for _ in range(3):
            sent = self.advance(2)
            self.assertEqual(len({address for _, _, address in sent}), 100)

    def test_off(self) -> None:
        """An empty message is none; it may be set again while we run."""
        self.settings = KeepAliveSettings(message=b"")
        self.register("1001")
        self.assertEqual(self.advance(61), [])
        self.settings = KeepAliveSettings(message=b"\r\n\r\n")
        self.assertEqual([data for _, data, _ in self.advance(30)], [b"\r\n\r\n"])
