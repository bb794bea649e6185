"""Sources and the mapping gateways they belong to."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from vos3000.model.gateways import LockType, MappingGateway
from vos3000.security.auth import MOST_REMEMBERED, Authenticator


def gateway(number: int, *sources: str, **changes: Any) -> MappingGateway:
    """A mapping gateway with these sources."""
    return MappingGateway(id=number, name=f"gw{number}", remote_ips=sources, **changes)


class AuthenticatorTests(SynchronousTestCase):
    """The look-up of a source."""

    def setUp(self) -> None:
        """An authenticator without gateways."""
        self.authenticator = Authenticator()

    def found(self, host: str, port: int = 5060) -> str | None:
        """The name of the gateway at a source."""
        gateway = self.authenticator.mapping_gateway(host, port)
        return None if gateway is None else gateway.name

    def test_nobody(self) -> None:
        """A source that nobody claims belongs to no gateway."""
        self.assertIsNone(self.found("192.0.2.1"))
        self.authenticator.load([gateway(1, "192.0.2.2", "198.51.100.0/24")])
        self.assertIsNone(self.found("192.0.2.1"))
        self.assertIsNone(self.found("2001:db8::1"))
        self.assertIsNone(self.found("no address"))

    def test_address(self) -> None:
        """Each address of the list is known, from any port."""
        self.authenticator.load([gateway(1, "192.0.2.1", " 192.0.2.2 ")])
        self.assertEqual(self.found("192.0.2.1", 1), "gw1")
        self.assertEqual(self.found("192.0.2.2", 60000), "gw1")

    def test_block(self) -> None:
        """A CIDR block holds its first and its last address."""
        self.authenticator.load([gateway(1, "192.0.2.64/26")])
        found = [self.found(f"192.0.2.{n}") for n in (63, 64, 127, 128)]
        self.assertEqual(found, [None, "gw1", "gw1", None])

    def test_block_with_host_bits(self) -> None:
        """An address of the block may stand for it."""
        self.authenticator.load([gateway(1, "192.0.2.70/26")])
        self.assertEqual(self.found("192.0.2.64"), "gw1")

    def test_block_of_one(self) -> None:
        """C{/32} is an address."""
        self.authenticator.load([gateway(1, "192.0.2.7/32", by_port=True)])
        self.assertEqual(self.found("192.0.2.7"), "gw1")

    def test_range(self) -> None:
        """A range holds both its ends."""
        self.authenticator.load([gateway(1, "192.0.2.9 - 192.0.2.11")])
        found = [self.found(f"192.0.2.{n}") for n in (8, 9, 11, 12)]
        self.assertEqual(found, [None, "gw1", "gw1", None])

    def test_ipv6(self) -> None:
        """IPv6 addresses are known however they are written."""
        self.authenticator.load(
            [
                gateway(1, "2001:DB8:0::1", "[2001:db8::2]", "[2001:db8::3]:5070"),
                gateway(2, "2001:db8:1::/48"),
                gateway(3, "2001:db8:2::1-2001:db8:2::f"),
            ]
        )
        for host, name in [
            ("2001:db8::1", "gw1"),
            ("2001:0db8:0:0::2", "gw1"),
            ("2001:db8::3", "gw1"),
            ("2001:db8:1:ffff::9", "gw2"),
            ("2001:db8:2::f", "gw3"),
            ("2001:db8:2::10", None),
        ]:
            with self.subTest(host=host):
                self.assertEqual(self.found(host), name)

    def test_zone(self) -> None:
        """The zone of a link-local source does not matter."""
        self.authenticator.load([gateway(1, "fe80::1")])
        self.assertEqual(self.found("fe80::1%eth0"), "gw1")

    def test_mapped_ipv4(self) -> None:
        """An IPv4 source on an IPv6 socket is the IPv4 source."""
        self.authenticator.load(
            [
                gateway(1, "192.0.2.1", "198.51.100.0/24"),
                gateway(2, "::ffff:192.0.2.2", "::ffff:203.0.113.0/120"),
            ]
        )
        for host, name in [
            ("::ffff:192.0.2.1", "gw1"),
            ("::FFFF:C000:201", "gw1"),
            ("::ffff:198.51.100.7", "gw1"),
            ("192.0.2.2", "gw2"),
            ("203.0.113.255", "gw2"),
        ]:
            with self.subTest(host=host):
                self.assertEqual(self.found(host), name)

    def test_numbers_of_two_families(self) -> None:
        """An IPv6 address is not in an IPv4 block of the same number."""
        self.authenticator.load([gateway(1, "0.0.0.0/0")])
        self.assertEqual(self.found("203.0.113.1"), "gw1")
        self.assertIsNone(self.found("::1"))

    def test_port(self) -> None:
        """A gateway known by port is known at that port only."""
        self.authenticator.load(
            [
                gateway(1, "192.0.2.1:5070", "[2001:db8::1]:5070", by_port=True),
                gateway(2, "192.0.2.1:5080", by_port=True),
            ]
        )
        self.assertEqual(self.found("192.0.2.1", 5070), "gw1")
        self.assertEqual(self.found("192.0.2.1", 5080), "gw2")
        self.assertEqual(self.found("2001:db8::1", 5070), "gw1")
        self.assertIsNone(self.found("192.0.2.1", 5060))

    def test_port_left_out(self) -> None:
        """A gateway known by port without one is at SIP's own."""
        self.authenticator.load([gateway(1, "192.0.2.1", by_port=True)])
        self.assertEqual(self.found("192.0.2.1", 5060), "gw1")
        self.assertIsNone(self.found("192.0.2.1", 5061))

    def test_port_of_a_gateway_known_by_address(self) -> None:
        """The port behind an address means nothing there."""
        self.authenticator.load([gateway(1, "192.0.2.1:5070")])
        self.assertEqual(self.found("192.0.2.1", 9), "gw1")

    def test_port_before_address_before_block(self) -> None:
        """The most exact claim wins, whatever the priorities."""
        self.authenticator.load(
            [
                gateway(1, "192.0.2.0/24"),
                gateway(2, "192.0.2.1", priority=5),
                gateway(3, "192.0.2.1:5070", by_port=True, priority=9),
            ]
        )
        self.assertEqual(self.found("192.0.2.1", 5070), "gw3")
        self.assertEqual(self.found("192.0.2.1", 5060), "gw2")
        self.assertEqual(self.found("192.0.2.2", 5070), "gw1")

    def test_narrow_block_first(self) -> None:
        """Of two blocks the narrower one wins."""
        self.authenticator.load(
            [gateway(1, "192.0.2.0/24"), gateway(2, "192.0.2.0/28", priority=9)]
        )
        self.assertEqual(self.found("192.0.2.1"), "gw2")

    def test_same_claim(self) -> None:
        """Priority decides, then the id; the operator is told."""
        for source, host in [("192.0.2.1", "192.0.2.1"), ("10.0.0.0/8", "10.1.1.1")]:
            self.authenticator.load(
                [
                    gateway(1, source, priority=2),
                    gateway(3, source, priority=1),
                    gateway(2, source, priority=1),
                ]
            )
            self.assertEqual(self.found(host), "gw2")

    def test_lost_claim_is_a_problem(self) -> None:
        """A gateway whose address is another's is named to the operator."""
        self.authenticator.load([gateway(1, "192.0.2.1"), gateway(2, "192.0.2.1")])
        expected = ("gw2: remoteIps '192.0.2.1': calls from there are taken for gw1",)
        self.assertEqual(self.authenticator.problems, expected)

    def test_bad_entries(self) -> None:
        """A bad entry is told, and costs nothing but itself."""
        bad = [
            "example.com", "192.0.2.256", "192.0.2.0/33", "192.0.2.9-192.0.2.1",
            "192.0.2.1-2001:db8::1", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x",
            "[2001:db8::1", "[2001:db8::1]x", "192.0.2.1:", "", "-",
        ]  # fmt: skip
        self.authenticator.load(
            [gateway(1, *bad, "192.0.2.3"), gateway(2, "192.0.2.4")]
        )
        self.assertEqual(len(self.authenticator.problems), len(bad))
        self.assertTrue(all("gw1" in text for text in self.authenticator.problems))
        self.assertEqual(self.found("192.0.2.3"), "gw1")
        self.assertEqual(self.found("192.0.2.4"), "gw2")

    def test_block_by_port(self) -> None:
        """A block cannot be known by port: told, and not taken for wider."""
        self.authenticator.load([gateway(1, "192.0.2.0/24", by_port=True)])
        self.assertIsNone(self.found("192.0.2.1"))
        self.assertEqual(len(self.authenticator.problems), 1)

    def test_locked(self) -> None:
        """A locked gateway is known; screening refuses it."""
        self.authenticator.load([gateway(1, "192.0.2.1", lock_type=LockType.ALL)])
        self.assertEqual(self.found("192.0.2.1"), "gw1")

    def test_registering(self) -> None:
        """A gateway that registers is not known by address."""
        self.authenticator.load([gateway(1, "192.0.2.1", register_type=1)])
        self.assertIsNone(self.found("192.0.2.1"))

    def test_load_replaces(self) -> None:
        """What a load leaves out is gone, also what was remembered."""
        self.authenticator.load([gateway(1, "10.0.0.0/8", "192.0.2.1", "x")])
        self.assertEqual(self.found("10.0.0.1"), "gw1")
        self.authenticator.load([gateway(2, "10.0.0.0/8")])
        self.assertEqual(self.found("10.0.0.1"), "gw2")
        self.assertIsNone(self.found("192.0.2.1"))
        self.assertEqual(self.authenticator.problems, ())

    def test_remembered_sources_are_bounded(self) -> None:
        """However many sources call, memory stays bounded."""
        self.authenticator.load([gateway(1, "10.0.0.0/8")])
        for n in range(MOST_REMEMBERED + 5):
            self.found(f"10.0.{n // 250}.{n % 250}")
        remembered = self.authenticator._sources.remembered
        self.assertLessEqual(len(remembered), MOST_REMEMBERED)
