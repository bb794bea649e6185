"""HEP3 packets, and who sends them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import ask
from tests.trace.build import AT, seen
from vos3000.errors import ParseError
from vos3000.metrics import Metrics
from vos3000.sip.transaction import Address
from vos3000.trace.exporter import Exporter
from vos3000.trace.hep import TCP, UDP, Packet, pack, unpack
from vos3000.trace.legs import Followed

_PACKET = Packet(
    (1_772_366_400, 250_000),
    UDP,
    ("192.0.2.10", 5060),
    ("192.0.2.1", 5080),
    2001,
    b"OPTIONS sip:x SIP/2.0\r\n\r\n",
    b"secret",
    b"call-1",
)

_WIRE = (
    "48455033 0094"  # HEP3, 148 bytes
    "0000 0001 0007 02"  # IPv4
    "0000 0002 0007 11"  # UDP
    "0000 0003 000a c000020a"
    "0000 0004 000a c0000201"
    "0000 0007 0008 13c4"
    "0000 0008 0008 13d8"
    "0000 0009 000a 69a42a40"
    "0000 000a 000a 0003d090"
    "0000 000b 0007 01"  # SIP
    "0000 000c 000a 000007d1"
    "0000 000e 000c 736563726574"
    "0000 0011 000c 63616c6c2d31"
    "0000 000f 001f 4f5054494f4e53207369703a78205349502f322e300d0a0d0a"
)


class CodecTests(SynchronousTestCase):
    """Packets as bytes and back."""

    def test_bytes(self) -> None:
        """Chunk by chunk."""
        self.assertEqual(pack(_PACKET).hex(), _WIRE.replace(" ", ""))

    @given(
        at=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 999_999)),
        protocol=st.sampled_from((UDP, TCP)),
        ports=st.tuples(st.integers(0, 65535), st.integers(0, 65535)),
        hosts=st.sampled_from(
            (("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2"))
        ),
        agent=st.integers(0, 2**32 - 1),
        payload=st.binary(max_size=2000),
        key=st.binary(max_size=20),
        correlation=st.binary(max_size=40),
    )
    def test_round_trip(
        self,
        at: tuple[int, int],
        protocol: int,
        ports: tuple[int, int],
        hosts: tuple[str, str],
        agent: int,
        payload: bytes,
        key: bytes,
        correlation: bytes,
    ) -> None:
        """Whatever is in it."""
        source, destination = (hosts[0], ports[0]), (hosts[1], ports[1])
        packet = Packet(
            at, protocol, source, destination, agent, payload, key, correlation
        )
        self.assertEqual(unpack(pack(packet)), packet)

    def test_mixed_addresses(self) -> None:
        """An IPv4 address among IPv6 ones is mapped."""
        packet = Packet((0, 0), UDP, ("192.0.2.10", 1), ("::1", 2), 1, b"x")
        found = unpack(pack(packet))
        self.assertEqual(found.source, ("::ffff:192.0.2.10", 1))

    def test_what_does_not_fit(self) -> None:
        """Too long, or from nowhere."""
        for source, payload in ((("x", 1), b""), (("192.0.2.1", 1), bytes(65_500))):
            packet = Packet((0, 0), UDP, source, ("192.0.2.1", 2), 1, payload)
            self.assertRaises(ValueError, pack, packet)

    def test_garbage(self) -> None:
        """Cut anywhere, or with a bit turned, it is a packet or a ParseError."""
        data = pack(_PACKET)
        for end in range(len(data)):
            self.assertRaises(ParseError, unpack, data[:end])
        for at in range(len(data)):
            broken = data[:at] + bytes((data[at] ^ 0x55,)) + data[at + 1 :]
            try:
                unpack(broken)
            except ParseError:
                continue

    def test_the_password_is_not_shown(self) -> None:
        """Not in a log, not in a traceback."""
        self.assertNotIn("secret", repr(_PACKET))


class ExporterTests(SynchronousTestCase):
    """Messages on their way."""

    def setUp(self) -> None:
        """A server that takes packets."""
        self.sent: list[tuple[bytes, Address]] = []
        self.server: Address | None = ("198.51.100.9", 9060)
        self.metrics = Metrics()
        self.exporter = Exporter(
            lambda data, address: self.sent.append((data, address)),
            lambda: self.server,
            2001,
            "secret",
            self.metrics,
        )

    def counts(self) -> tuple[Any, Any]:
        """Messages sent and lost."""
        found = {each.name: each.value for each in self.metrics.samples()}
        return found["trace_hep_packets_total"], found["trace_hep_lost_total"]

    def one(self) -> Packet:
        """The one packet that was sent."""
        ((data, address),) = self.sent
        self.assertEqual(address, self.server)
        return unpack(data)

    def test_a_message_that_came(self) -> None:
        """From the peer to us, when it passed, whole."""
        self.exporter.take(seen(ask()), None)
        packet = self.one()
        self.assertEqual(packet.source, ("192.0.2.10", 5060))
        self.assertEqual(packet.destination, ("192.0.2.1", 5060))
        self.assertEqual(packet.at, (int(AT), 250_000))
        self.assertEqual((packet.protocol, packet.agent), (UDP, 2001))
        self.assertEqual((packet.payload, packet.key), (ask(), b"secret"))
        self.assertEqual(self.counts(), (1, 0))

    def test_a_message_of_ours(self) -> None:
        """The other way round; on a connection it says so."""
        self.exporter.take(seen(came=False, transport="TLS"), None)
        packet = self.one()
        self.assertEqual(packet.source, ("192.0.2.1", 5060))
        self.assertEqual(packet.protocol, TCP)

    def test_correlation(self) -> None:
        """What is in no call has its own; all of a call have the caller's."""
        call: Any = SimpleNamespace(id=7, gateway=None, route=None)
        followed = Followed(call)
        followed.identifiers += ["the-caller's", "call-1"]
        self.exporter.take(seen(), None)
        self.exporter.take(seen(), followed)
        found = [unpack(data).correlation for data, _ in self.sent]
        self.assertEqual(found, [b"call-1", b"the-caller's"])

    def test_what_is_not_taken_is_lost(self) -> None:
        """No name yet, a full socket, a message that is too long."""
        self.server = None
        self.exporter.take(seen(), None)
        self.server = ("198.51.100.9", 9060)
        self.exporter.take(seen(bytes(65_500)), None)

        def fail(data: bytes, address: Address) -> None:
            raise BlockingIOError

        self.exporter._send = fail
        self.exporter.take(seen(), None)
        self.assertEqual(self.sent, [])
        self.assertEqual(self.counts(), (0, 3))
