"""Tests of the phones by their numbers."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase

from tests.switch import phone
from vos3000.routing.phones import Phones


class PhonesTests(SynchronousTestCase):
    """Who is rung by which number, however the phones came to be known."""

    def setUp(self) -> None:
        self.phones = Phones()

    def rung(self, numbers: Iterable[str]) -> list[str | None]:
        """The phone of each number."""
        found = [self.phones.called(number) for number in numbers]
        return [None if each is None else each.e164 for each in found]

    def test_load(self) -> None:
        """By their own numbers and their DIDs; their own go first."""
        self.phones.load([phone("1", dids="2,10,11"), phone("2", dids="11,12")])
        numbers = ("1", "2", "10", "11", "12", "9")
        self.assertEqual(self.rung(numbers), ["1", "2", "1", "1", "2", None])
        self.assertEqual(
            self.phones.problems, ("phone 1: 2 rings 2", "phone 2: 11 rings 1")
        )
        self.assertIsNone(self.phones.get("10"))
        self.phones.load([])
        self.assertEqual((len(self.phones), self.phones.problems), (0, ()))

    def test_put(self) -> None:
        """One phone comes, changes its numbers, and goes."""
        self.phones.load([phone("1", dids="10")])
        self.phones.put("2", phone("2", dids="20,21"))
        self.assertEqual(self.rung(("1", "2", "10", "20")), ["1", "2", "1", "2"])
        self.phones.put("2", phone("2", dids="21,22"))
        self.assertEqual(self.rung(("20", "21", "22")), [None, "2", "2"])
        self.phones.put("2", None)
        self.assertEqual(self.rung(("1", "2", "10", "21")), ["1", None, "1", None])
        self.phones.put("9", None)
        self.assertEqual(len(self.phones), 1)

    def test_put_takes_nobody_s_number(self) -> None:
        """A number that another rings stays that phone's."""
        self.phones.load([phone("1", dids="10"), phone("2")])
        self.phones.put("2", phone("2", dids="10,1"))
        self.phones.put("2", None)
        self.assertEqual(self.rung(("1", "10")), ["1", "1"])

    def test_hosts(self) -> None:
        """Addresses of phones that do not register, as long as one is there."""
        one = phone("1", registerType=0, ip="192.0.2.1")
        two = phone("2", registerType=0, ip="192.0.2.1")
        self.phones.load([one, phone("3", ip="192.0.2.3")])
        self.phones.put("2", two)
        self.phones.put("4", phone("4", registerType=0))
        self.assertEqual(set(self.phones.static_hosts), {"192.0.2.1"})
        self.phones.put("1", None)
        self.assertEqual(set(self.phones.static_hosts), {"192.0.2.1"})
        self.phones.put("2", phone("2"))
        self.assertEqual(set(self.phones.static_hosts), set())
