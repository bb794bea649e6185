"""Host names of gateways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHostnameResolver, IResolutionReceiver
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from vos3000.sip.hosts import REFRESH, Hosts, is_address
from vos3000.timers import TimerWheel


@implementer(IHostnameResolver)
class FakeResolver:
    """Keeps the questions until the test answers them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, IResolutionReceiver]] = []

    def resolveHostName(  # noqa: N802
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[Any] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> Any:
        """Keep it."""
        self.asked.append((hostName, resolutionReceiver))

    def answer(self, *hosts: str) -> None:
        """Answer the oldest question."""
        _, receiver = self.asked.pop(0)
        resolution: Any = None
        receiver.resolutionBegan(resolution)
        for host in hosts:
            receiver.addressResolved(IPv4Address("UDP", host, 0))
        receiver.resolutionComplete()


class IsAddressTests(SynchronousTestCase):
    """Addresses and names."""

    def test_addresses(self) -> None:
        """Both versions."""
        for host in ("192.0.2.1", "::1", "2001:db8::9", "0.0.0.0"):
            self.assertTrue(is_address(host), host)

    def test_names(self) -> None:
        """What looks like one but is none, too: a socket would look it up."""
        for host in (
            "gw.example",
            "999.1.1.1",
            "1.2.3",
            "1234",
            "1.2.3.4.5",
            "1::2::3",
            "",
            "192.0.2.1\0",
        ):
            self.assertFalse(is_address(host), host)


class HostsTests(SynchronousTestCase):
    """Looking names up before a call needs them."""

    def setUp(self) -> None:
        """Nothing is loaded."""
        self.clock = Clock()
        self.timers = TimerWheel(self.clock)
        self.resolver = FakeResolver()
        self.hosts = Hosts(lambda: self.resolver, self.timers)

    def _advance(self, seconds: float) -> None:
        self.clock.pump([0.05] * round(seconds / 0.05))

    def test_addresses_need_no_look_up(self) -> None:
        """They are their own."""
        self.hosts.load(["192.0.2.1", "::1", ""])
        self.assertEqual(self.resolver.asked, [])
        self.assertEqual(self.hosts.address("192.0.2.1"), "192.0.2.1")
        self.assertEqual(self.hosts.address("::1"), "::1")
        self.assertEqual(len(self.timers), 0)

    def test_name_is_known_once_it_is_resolved(self) -> None:
        """The first address counts."""
        self.hosts.load(["gw.example"])
        self.assertIsNone(self.hosts.address("gw.example"))
        self.resolver.answer("192.0.2.1", "192.0.2.2")
        self.assertEqual(self.hosts.address("gw.example"), "192.0.2.1")

    def test_its_address_is_a_gateways(self) -> None:
        """What comes from where a name leads to comes from a gateway."""
        self.hosts.load(["gw.example"])
        self.assertFalse(self.hosts.found("192.0.2.1"))
        self.resolver.answer("192.0.2.1")
        self.assertTrue(self.hosts.found("192.0.2.1"))
        self.hosts.load([])
        self.assertFalse(self.hosts.found("192.0.2.1"))

    def test_names_are_looked_up_again(self) -> None:
        """Every minute; what fails then keeps its address."""
        self.hosts.load(["gw.example"])
        self.resolver.answer("192.0.2.1")
        self._advance(REFRESH + 1)
        self.resolver.answer("192.0.2.2")
        self.assertEqual(self.hosts.address("gw.example"), "192.0.2.2")
        self._advance(REFRESH + 1)
        self.resolver.answer()
        self.assertEqual(self.hosts.address("gw.example"), "192.0.2.2")

    def test_slow_look_ups_do_not_pile_up(self) -> None:
        """A name is not asked for while an answer is awaited."""
        self.hosts.load(["gw.example"])
        self._advance(3 * REFRESH + 1)
        self.assertEqual(len(self.resolver.asked), 1)
        self.resolver.answer("192.0.2.1")
        self._advance(REFRESH)
        self.assertEqual(len(self.resolver.asked), 1)

    def test_names_no_longer_wanted(self) -> None:
        """They are forgotten, and so is an answer that comes late."""
        self.hosts.load(["old.example", "gw.example"])
        self.hosts.load(["gw.example"])
        while self.resolver.asked:
            self.resolver.answer("192.0.2.1")
        self.assertIsNone(self.hosts.address("old.example"))
        self.assertEqual(self.hosts.address("gw.example"), "192.0.2.1")
        self.hosts.load([])
        self._advance(REFRESH + 1)
        self.assertEqual(len(self.timers), 0)
        self.assertIsNone(self.hosts.address("gw.example"))

    def test_loading_again_keeps_what_is_known(self) -> None:
        """A change of another gateway does not make a name unknown."""
        self.hosts.load(["gw.example"])
        self.resolver.answer("192.0.2.1")
        self.hosts.load(["gw.example", "new.example"])
        self.assertEqual(self.hosts.address("gw.example"), "192.0.2.1")
        self.assertEqual([name for name, _ in self.resolver.asked], ["new.example"])
