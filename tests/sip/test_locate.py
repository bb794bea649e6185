"""Which servers of a name are called, and in which order (RFC 3263, RFC 2782)."""

from __future__ import annotations

from collections import Counter
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from vos3000.sip.locate import (
    ANY,
    MOST_TARGETS,
    Naptr,
    Place,
    Server,
    Srv,
    Target,
    certain,
    in_order,
    place_of,
    plain,
    services,
    srv_name,
    unserved,
)
from vos3000.sip.uri import parse_uri


def _server(host: str, priority: int = 10, weight: int = 0, rank: int = 0) -> Server:
    return Server((rank, priority), weight, (Target("udp", (host, 5060)),))


def _hosts(servers: list[Server], seed: int = 1) -> list[str]:
    chance = Random(seed)
    return [t.address[0] for t in in_order(servers, chance.randrange)]


class PlaceTests(SynchronousTestCase):
    """What a URI names (4.1, 4.2)."""

    def test_transport(self) -> None:
        """What it says; else UDP where a port is named, else what its servers say."""
        for text, place in (
            ("sip:gw.example", Place("gw.example", ANY, 0)),
            ("sip:gw.example:5070", Place("gw.example", "udp", 5070)),
            ("sip:gw.example;transport=TCP", Place("gw.example", "tcp", 0)),
            ("sip:gw.example:80;transport=ws", Place("gw.example", "ws", 80)),
            ("sips:gw.example", Place("gw.example", "tls", 0)),
            ("sips:gw.example:5070;transport=tcp", Place("gw.example", "tls", 5070)),
            ("sips:gw.example;transport=ws", Place("gw.example", "wss", 0)),
            ("sip:gw.example;transport=sctp", None),
        ):
            self.assertEqual(place_of(parse_uri(text)), place, text)

    def test_address(self) -> None:
        """It is its own server, at the port of its transport if it names none."""
        for place, target in (
            (Place("192.0.2.1", ANY, 0), ("udp", ("192.0.2.1", 5060))),
            (Place("192.0.2.1", "tls", 0), ("tls", ("192.0.2.1", 5061))),
            (Place("192.0.2.1", "ws", 0), ("ws", ("192.0.2.1", 80))),
            (Place("192.0.2.1", "wss", 0), ("wss", ("192.0.2.1", 443))),
            (Place("192.0.2.1", "tcp", 5070), ("tcp", ("192.0.2.1", 5070))),
        ):
            self.assertEqual(plain(place, [place.name]).targets, (target,))


class NaptrTests(SynchronousTestCase):
    """The transports that a name offers."""

    def test_example_of_the_rfc(self) -> None:
        """That of section 4.1: TLS, then TCP, then UDP, as the records say."""
        records = [
            Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com"),
            Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"),
            Naptr(100, 50, "s", "SIP+D2U", "_sip._udp.example.com"),
        ]
        best = [
            ("tls", "_sips._tcp.example.com"),
            ("tcp", "_sip._tcp.example.com"),
            ("udp", "_sip._udp.example.com"),
        ]
        self.assertEqual(services(records), best)
        self.assertEqual(services(reversed(records)), best)

    def test_preference_within_an_order(self) -> None:
        """The smaller one first."""
        found = services(
            [
                Naptr(1, 20, "S", "sip+d2u", "_sip._udp.a.example"),
                Naptr(1, 10, "s", "SIP+D2T", "_sip._tcp.a.example"),
            ]
        )
        self.assertEqual([transport for transport, _ in found], ["tcp", "udp"])

    def test_what_is_not_for_us(self) -> None:
        """Other services, other flags, records without a place."""
        for record in (
            Naptr(1, 1, "u", "E2U+sip", "x.example"),
            Naptr(1, 1, "a", "SIP+D2U", "x.example"),
            Naptr(1, 1, "s", "SIP+D2S", "_sip._sctp.example"),
            Naptr(1, 1, "s", "SIP+D2U", ""),
        ):
            self.assertEqual(services([record]), [])

    def test_where_servers_stand(self) -> None:
        """WebSocket has no such place."""
        self.assertEqual(srv_name("a.example", "udp"), "_sip._udp.a.example")
        self.assertEqual(srv_name("a.example", "tcp"), "_sip._tcp.a.example")
        self.assertEqual(srv_name("a.example", "tls"), "_sips._tcp.a.example")
        self.assertIsNone(srv_name("a.example", "ws"))


class OrderTests(SynchronousTestCase):
    """The order of the servers (RFC 2782)."""

    def test_priority(self) -> None:
        """The smaller one first, the better transport before all."""
        servers = [
            _server("d", 1, 100, rank=1),
            _server("c", 30, 100),
            _server("a", 10),
            _server("b", 20),
        ]
        self.assertTrue(certain(servers))
        self.assertEqual(_hosts(servers), ["a", "b", "c", "d"])

    def test_weight(self) -> None:
        """Each is first as often as its weight says."""
        servers = [_server("a", 10, 60), _server("b", 10, 30), _server("c", 10, 10)]
        self.assertFalse(certain(servers))
        first = Counter(_hosts(servers, seed)[0] for seed in range(10_000))
        for host, share in (("a", 0.6), ("b", 0.3), ("c", 0.1)):
            self.assertApproximates(first[host] / 10_000, share, 0.02)

    def test_second_choice_by_weight(self) -> None:
        """Those that are left share what is left."""
        servers = [_server("a", 10, 60), _server("b", 10, 30), _server("c", 10, 10)]
        order = Counter(tuple(_hosts(servers, seed)) for seed in range(10_000))
        behind = order["a", "b", "c"] / (order["a", "b", "c"] + order["a", "c", "b"])
        self.assertApproximates(behind, 0.75, 0.03)

    def test_without_weight(self) -> None:
        """Such a server is drawn seldom, but it is drawn."""
        servers = [_server("a", 10, 9), _server("b", 10, 0)]
        first = Counter(_hosts(servers, seed)[0] for seed in range(10_000))
        self.assertApproximates(first["b"] / 10_000, 0.1, 0.02)
        self.assertEqual(len(_hosts(servers)), 2)

    def test_no_address_twice(self) -> None:
        """Two records may lead to one server."""
        self.assertEqual(_hosts([_server("a", 10), _server("a", 20)]), ["a"])

    def test_limit(self) -> None:
        """No more than a call can try."""
        servers = [_server(str(number), number) for number in range(100)]
        self.assertEqual(len(_hosts(servers)), MOST_TARGETS)

    def test_service_that_there_is_not(self) -> None:
        """A single record with the root as its target says so."""
        self.assertTrue(unserved([Srv(0, 0, 0, ".")]))
        self.assertTrue(unserved([Srv(0, 0, 0, "")]))
        self.assertFalse(unserved([]))
        self.assertFalse(unserved([Srv(0, 0, 5060, "a.example")]))
