"""Bindings: kept, found, forgotten in time, and told of."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.events import Events, PhoneOnlineChanged
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model.sipoptions import AddressFrom
from vos3000.routing.location import Binding, Key, Location
from vos3000.timers import TimerWheel

PHONE = ("198.51.100.7", 5062)
MOVED = ("198.51.100.8", 5062)
HERE = ("192.0.2.1", 5060)
START = 1_700_000_000


def binding(aor: str = "1001", seconds: int = 60, **settings: Any) -> Binding:
    """A binding that began with the clock and ends C{seconds} later."""
    given: dict[str, Any] = {
        "aor": aor,
        "flow": "",
        "contact": f"sip:{aor}@198.51.100.7:5062",
        "transport": "udp",
        "remote": PHONE,
        "local": HERE,
        "named": PHONE,
        "call_id": "c",
        "cseq": 1,
        "registered": START * 1000,
        "updated": START * 1000,
        "expires": (START + seconds) * 1000,
        "product": "device/1",
    }
    return Binding(**{**given, **settings})


class LocationTests(SynchronousTestCase):
    """The location service."""

    def setUp(self) -> None:
        """1001 is a phone, gw a gateway."""
        self.clock = Clock()
        self.clock.advance(START)
        self.timers = TimerWheel(self.clock)
        self.changes: list[tuple[Key, Binding | None]] = []
        self.told: list[PhoneOnlineChanged] = []
        events = Events()
        events.subscribe(PhoneOnlineChanged, self.told.append)
        self.location = Location(
            self.timers,
            instants(self.clock.seconds, self.clock.seconds),
            events,
            lambda aor: ("4930",) if aor == "1001" else None,
            lambda key, value: self.changes.append((key, value)),
            Metrics(),
        )

    def taken(self) -> list[PhoneOnlineChanged]:
        """What was published since the last time."""
        told, self.told[:] = list(self.told), []
        return told

    def test_find(self) -> None:
        """Who is registered is found by name and by address."""
        one = binding()
        self.location.put(one)
        self.assertIs(self.location.find("1001"), one)
        self.assertIs(self.location.at(PHONE), one)
        self.assertTrue(self.location.registered("1001", PHONE[0]))
        self.assertFalse(self.location.registered("1001", MOVED[0]))
        self.assertIsNone(self.location.find("1002"))
        self.assertIsNone(self.location.at(MOVED))
        self.assertEqual(list(self.location.bindings()), [one])

    def test_newest_flow(self) -> None:
        """Of several flows the one that registered last is used."""
        first = binding(flow="i 1")
        second = binding(flow="i 2", remote=MOVED, updated=START * 1000 + 5)
        for each in (second, first):
            self.location.put(each)
        self.assertIs(self.location.find("1001"), second)
        self.assertEqual(set(self.location.of("1001")), {first, second})
        self.location.remove("1001", "i 2")
        self.assertIs(self.location.find("1001"), first)
        self.assertIsNone(self.location.at(MOVED))

    def test_ends_in_time(self) -> None:
        """A binding that is not renewed goes when its time is over."""
        self.location.put(binding(seconds=60))
        self.clock.advance(59.9)
        self.assertIsNotNone(self.location.find("1001"))
        self.clock.advance(0.2)
        self.assertIsNone(self.location.find("1001"))
        self.assertIsNone(self.location.at(PHONE))
        self.assertEqual(self.changes[-1], (("1001", ""), None))
        self.assertEqual(len(self.timers), 0)
        self.assertEqual([each.online for each in self.told], [True, False])

    def test_renewal(self) -> None:
        """The old end does not count, and nothing is told."""
        self.location.put(binding(seconds=60))
        self.clock.advance(50)
        self.location.put(binding(seconds=120))
        self.clock.advance(60)
        self.assertIsNotNone(self.location.find("1001"))
        self.assertEqual(len(self.told), 1)
        self.assertEqual(len(self.timers), 1)

    def test_what_is_told(self) -> None:
        """Address and device of a phone that came, moved, and went."""
        self.location.put(binding())
        self.assertEqual(
            self.taken(),
            [
                PhoneOnlineChanged(
                    "1001",
                    ("4930",),
                    True,
                    START * 1000,
                    "192.0.2.1",
                    5060,
                    "198.51.100.7",
                    "device/1",
                )
            ],
        )
        self.location.put(binding(remote=MOVED))
        (moved,) = self.taken()
        self.assertEqual((moved.online, moved.remote_ip), (True, MOVED[0]))
        self.location.remove("1001", "")
        (gone,) = self.taken()
        self.assertEqual((gone.online, gone.remote_ip), (False, MOVED[0]))
        self.location.remove("1001", "")
        self.assertEqual(self.told, [])

    def test_flows_come_and_go_in_silence(self) -> None:
        """A phone with another flow left is online."""
        self.location.put(binding(flow="i 1"))
        self.location.put(binding(flow="i 2"))
        self.location.remove("1001", "i 1")
        self.assertEqual(len(self.told), 1)

    def test_gateways_are_not_told_of(self) -> None:
        """PhoneOnline is about phones."""
        self.location.put(binding("gw"))
        self.location.remove("gw", "")
        self.assertEqual(self.told, [])

    def test_after_a_restart(self) -> None:
        """What lasts is back in silence; what ended meanwhile is told as gone."""
        self.location.restore([binding(seconds=10), binding("gw", seconds=-1)])
        self.assertEqual((self.told, self.changes), ([], [(("gw", ""), None)]))
        self.clock.advance(11)
        self.assertIsNone(self.location.find("1001"))
        self.told.clear()
        self.location.restore([binding(seconds=-5)])
        self.assertEqual([each.online for each in self.told], [False])

    def test_connections_end(self) -> None:
        """With theirs goes who cannot be called on another."""
        channel = object()
        stays = binding("a", transport="tcp", named=(PHONE[0], 5060), channel=channel)
        hidden = attrs.evolve(stays, aor="b", named=None)
        private = attrs.evolve(stays, aor="c", named=("10.0.0.1", 5060))
        flow = attrs.evolve(stays, aor="d", flow="i 1")
        other = attrs.evolve(hidden, aor="e", channel=object())
        for each in (stays, hidden, private, flow, other):
            self.location.put(each)
        self.location.lost(channel, PHONE)
        left = {each.aor for each in self.location.bindings()}
        self.assertEqual(left, {"a", "e"})


class BindingTests(SynchronousTestCase):
    """Where calls to a device go."""

    def test_behind_nat(self) -> None:
        """It sends from elsewhere than its Contact says."""
        self.assertFalse(binding().behind_nat)
        self.assertTrue(binding(named=None).behind_nat)
        self.assertTrue(binding(named=(PHONE[0], 5099)).behind_nat)
        connected = binding(transport="tcp", named=(PHONE[0], 5099))
        self.assertFalse(connected.behind_nat)
        self.assertTrue(binding(transport="tcp", named=MOVED).behind_nat)
        self.assertFalse(binding(named=None, path=("<sip:p;lr>",)).behind_nat)

    def test_address(self) -> None:
        """By the device's option, unless its Contact cannot be used."""
        named = (MOVED[0], 5099)
        for method, expected in (
            (AddressFrom.SOURCE, PHONE),
            (AddressFrom.NAMED_PORT, (PHONE[0], 5099)),
            (AddressFrom.NAMED, named),
        ):
            self.assertEqual(binding(named=named).address(method), expected)
            self.assertEqual(binding(named=None).address(method), PHONE)
