"""
L{vos3000.sip.dns} with a name server on loopback, over UDP and TCP.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.names import dns, server
from twisted.names.authority import FileAuthority
from twisted.trial.unittest import TestCase

from vos3000.sip.dns import NEGATIVE, UNKNOWN, DnsNames, asker
from vos3000.sip.hosts import Hosts
from vos3000.sip.locate import ANY, Naptr, Place, Srv
from vos3000.sip.lookup import Unanswered
from vos3000.timers import TimerWheel

MOST_PORTS = 20
"""Ports that are tried, since one that is free for TCP need not be for UDP."""

ZONE = "gw.example"
SOA = dns.Record_SOA(ZONE.encode(), b"root.example", 1, 1, 1, 1, 77, 77)
RECORDS: dict[str, list[Any]] = {
    ZONE: [
        SOA,
        dns.Record_NAPTR(10, 1, b"s", b"SIPS+D2T", b"", b"_sips._tcp.gw.example", 400),
        dns.Record_NAPTR(20, 1, b"s", b"SIP+D2U", b"", b"_sip._udp.gw.example", 400),
    ],
    "_sips._tcp.gw.example": [dns.Record_SRV(1, 5, 5061, b"a.gw.example", 200)],
    "_sip._udp.gw.example": [
        dns.Record_SRV(1, 5, 5060, b"a.gw.example", 200),
        dns.Record_SRV(2, 5, 5062, b"b.gw.example", 100),
    ],
    "a.gw.example": [
        dns.Record_A("192.0.2.11", 300),
        dns.Record_AAAA("2001:db8::11", 250),
    ],
    "b.gw.example": [dns.Record_A("192.0.2.12", 300)],
    "big.gw.example": [dns.Record_A(f"192.0.2.{n}", 300) for n in range(60)],
    "alias.gw.example": [dns.Record_CNAME(b"b.gw.example", 300)],
}


class _Zone(FileAuthority):
    """The records above."""

    def loadFile(self, filename: str) -> None:  # noqa: N802
        """They are in memory."""
        self.soa = (ZONE.encode(), SOA)
        self.records = {name.encode(): records for name, records in RECORDS.items()}

    def _lookup(self, name: bytes, *rest: Any) -> Any:
        if name.endswith(b"broken.example"):
            raise RuntimeError("broken")
        return super()._lookup(name, *rest)


class NamesCase(TestCase):
    """A name server, and who asks it."""

    def setUp(self) -> None:
        """Serve the zone."""
        zone = _Zone("")
        factory = server.DNSServerFactory(authorities=[zone])
        factory.noisy = False
        protocol = dns.DNSDatagramProtocol(factory)
        protocol.noisy = False
        self.udp = self._listen(protocol, factory)
        self.addCleanup(lambda: maybeDeferred(self.udp.stopListening))
        self.servers = [("127.0.0.1", self.udp.getHost().port)]
        self.names = self.asking(self.servers)

    def asking(self, servers: Any, system: Any = None) -> DnsNames:
        """Who asks these name servers."""
        return DnsNames(lambda: asker(reactor, servers), system, IReactorTime(reactor))

    def _listen(self, protocol: Any, factory: Any) -> Any:
        """Take a port that is free for TCP and for UDP."""
        core: Any = reactor
        for _ in range(MOST_PORTS):
            tcp = core.listenTCP(0, factory, interface="127.0.0.1")
            self.addCleanup(tcp.stopListening)
            try:
                return core.listenUDP(tcp.getHost().port, protocol, "127.0.0.1")
            except CannotListenError:
                continue
        raise AssertionError("no port is free for both")


class RecordTests(NamesCase):
    """What is asked and what is read."""

    async def test_naptr(self) -> None:
        """With the shortest lifetime of them."""
        answer = await self.names.naptr(ZONE)
        self.assertEqual(
            answer.records,
            (
                Naptr(10, 1, "s", "SIPS+D2T", "_sips._tcp.gw.example"),
                Naptr(20, 1, "s", "SIP+D2U", "_sip._udp.gw.example"),
            ),
        )
        self.assertEqual(answer.ttl, 400)

    async def test_srv(self) -> None:
        """Names come without the dot at their end."""
        answer = await self.names.srv("_sip._udp.gw.example")
        self.assertEqual(
            set(answer.records),
            {Srv(1, 5, 5060, "a.gw.example"), Srv(2, 5, 5062, "b.gw.example")},
        )
        self.assertEqual(answer.ttl, 100)

    async def test_addresses(self) -> None:
        """Of both versions, IPv4 first."""
        answer = await self.names.addresses("a.gw.example")
        self.assertEqual(answer.records, ("192.0.2.11", "2001:db8::11"))
        self.assertEqual(answer.ttl, 250)

    async def test_alias(self) -> None:
        """What it stands for is followed by the name server."""
        answer = await self.names.addresses("alias.gw.example")
        self.assertEqual(answer.records, ("192.0.2.12",))

    async def test_answer_that_fits_no_datagram(self) -> None:
        """It is asked for by TCP."""
        answer = await self.names.addresses("big.gw.example")
        self.assertEqual(len(answer.records), 60)

    async def test_nothing(self) -> None:
        """No such name, and a name without such records, for as long as is said."""
        for question in (
            self.names.srv("_sip._tcp.gw.example"),
            self.names.naptr("b.gw.example"),
        ):
            answer = await question
            self.assertEqual(answer.records, ())
            self.assertLessEqual(answer.ttl, 77)
        answer = await self.names.addresses("none.gw.example")
        self.assertEqual((answer.records, answer.ttl), ((), NEGATIVE))

    async def test_server_that_fails(self) -> None:
        """It says nothing about the name."""
        with self.assertRaises(Unanswered):
            await self.names.srv("_sip._udp.broken.example")
        with self.assertRaises(Unanswered):
            await self.names.addresses("broken.example")
        self.flushLoggedErrors(RuntimeError)

    async def test_no_server(self) -> None:
        """Nor does one that is not there; it is given up."""
        self.patch(_module(), "TIMEOUTS", (1,))
        names = self.asking([("127.0.0.1", 9)])
        with self.assertRaises(Unanswered):
            await names.srv("_sip._udp.gw.example")

    async def test_the_system(self) -> None:
        """It is asked for addresses that name servers do not know."""
        core: Any = reactor
        names = self.asking(self.servers, lambda: core.nameResolver)
        answer = await names.addresses("localhost")
        self.assertIn(answer.records[0], ("127.0.0.1", "::1"))
        self.assertEqual(answer.ttl, UNKNOWN)


class WholeTests(NamesCase):
    """From a name to its servers."""

    async def test_any_transport(self) -> None:
        """By NAPTR, SRV and addresses, in their order."""
        timers = TimerWheel(IReactorTime(reactor))
        hosts = Hosts(self.names, timers, lambda count: 0)
        place = Place(ZONE, ANY, 0)
        hosts.load([place])
        for _ in range(500):
            if hosts.targets(*place):
                break
            await deferLater(IReactorTime(reactor), 0.01)
        self.assertEqual(
            [(kind, *address) for kind, address in hosts.targets(*place)],
            [
                ("tls", "192.0.2.11", 5061),
                ("tls", "2001:db8::11", 5061),
                ("udp", "192.0.2.11", 5060),
                ("udp", "2001:db8::11", 5060),
                ("udp", "192.0.2.12", 5062),
            ],
        )
        timers.stop()


def _module() -> Any:
    from vos3000.sip import dns as module

    return module
