"""
A name server on loopback, and the simplest carrier that can be counted.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorUDP
from twisted.internet.protocol import DatagramProtocol
from twisted.names.authority import FileAuthority
from twisted.names.common import ResolverBase
from twisted.names.dns import (
    DNSDatagramProtocol,
    Record_A,
    Record_NAPTR,
    Record_SOA,
    Record_SRV,
)
from twisted.names.server import DNSServerFactory

from vos3000.sip.message import Request, respond
from vos3000.sip.parser import parse

ZONE = "carrier.test"
_TTL = 300


class Zone(FileAuthority):
    """
    One zone that tests write in: twisted.names' authority without a file.
    """

    def __init__(self) -> None:
        ResolverBase.__init__(self)
        soa = Record_SOA(ZONE, f"hostmaster.{ZONE}", minimum=_TTL, ttl=_TTL)
        self.soa = (ZONE.encode(), soa)
        self.records: dict[bytes, list[Any]] = {ZONE.encode(): [soa]}

    def _add(self, name: str, *records: Any) -> None:
        self.records.setdefault(name.encode(), []).extend(records)

    def address(self, name: str) -> None:
        """A host of the zone, at 127.0.0.1."""
        self.records[name.encode()] = [Record_A("127.0.0.1", _TTL)]

    def servers(self, service: str, *servers: tuple[int, int, int]) -> None:
        """
        The SRV records of a service.

        @param servers: Priority, weight and port of each.
        """
        for priority, weight, port in servers:
            host = f"host-{port}.{ZONE}"
            self.address(host)
            self._add(service, Record_SRV(priority, weight, port, host, _TTL))

    def transports(self, name: str, *services: str) -> None:
        """The NAPTR records of a name, C{SIP+D2T _sip._tcp.there}, best first."""
        for place, each in enumerate(services):
            service, where = each.encode().split()
            record = Record_NAPTR(place, 0, b"s", service, b"", where, _TTL)
            self._add(name, record)


class NameServer:
    """
    Answers for a zone.

    @param port: Where, on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self.zone = Zone()
        protocol = DNSDatagramProtocol(DNSServerFactory([self.zone]))
        udp = IReactorUDP(reactor)
        self._listening = udp.listenUDP(port, protocol, interface="127.0.0.1")

    def stop(self) -> Any:
        """Answer no more."""
        return self._listening.stopListening()


class Endpoint(DatagramProtocol):
    """
    A socket of a test.

    @ivar port: Its number.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        udp = IReactorUDP(reactor)
        self._listening = udp.listenUDP(0, self, interface=host)
        self.port: int = self._listening.getHost().port

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """What is no message of SIP raises, and the test fails."""
        self.received(parse(datagram), addr)

    def received(self, message: Any, peer: tuple[str, int]) -> None:
        """A message came."""

    def send(self, data: bytes, peer: tuple[str, int]) -> None:
        """Send a datagram."""
        self.transport.write(data, peer)  # type: ignore[union-attr]

    def stop(self) -> Any:
        """Close it."""
        return self._listening.stopListening()


class Busy(Endpoint):
    """
    A vendor whose lines are all taken.

    @ivar calls: The Request-URI of each call, by Call-ID.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, str] = {}

    def received(self, message: Any, peer: tuple[str, int]) -> None:
        """Refuse it."""
        if isinstance(message, Request) and message.method == "INVITE":
            self.calls[message.call_id] = str(message.uri)
            self.send(respond(message, 486, None, "b", (), b"", None), peer)


class Dialer(Endpoint):
    """
    A customer that tries many calls at once.

    @ivar refused: The status that each call ended with, by Call-ID.
    """

    def __init__(self, host: str, switch: int) -> None:
        super().__init__(host)
        self._host = host
        self._switch = ("127.0.0.1", switch)
        self.refused: dict[str, int] = {}

    def dial(self, number: str, call_id: str, method: str = "INVITE") -> None:
        """Call, or acknowledge the refusal."""
        lines = [
            f"{method} sip:{number}@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP {self._host}:{self.port};branch=z9hG4bK{call_id}",
            "Max-Forwards: 70",
            f"From: <sip:2025550123@{self._host}>;tag=a{call_id}",
            f"To: <sip:{number}@127.0.0.1>",
            f"Call-ID: {call_id}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:2025550123@{self._host}:{self.port}>",
            "Content-Length: 0",
        ]
        self.send("\r\n".join([*lines, "", ""]).encode(), self._switch)

    def received(self, message: Any, peer: tuple[str, int]) -> None:
        """Acknowledge what ends a call."""
        if isinstance(message, Request) or message.status < 300:
            return
        self.refused[message.call_id] = message.status
        self.dial("0", message.call_id, "ACK")
