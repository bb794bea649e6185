"""Messages as a pcap file."""

from __future__ import annotations

import io
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import ask
from tests.trace.build import AT, seen
from vos3000.trace.pcap import PcapWriter, checksum, packet_of


class PacketTests(SynchronousTestCase):
    """IP and UDP."""

    @given(payload=st.binary(max_size=300))
    def test_checksums(self, payload: bytes) -> None:
        """Over header and pseudo header they add up to nothing (RFC 1071)."""
        packet = packet_of(("192.0.2.10", 5060), ("192.0.2.1", 5080), payload)
        self.assertEqual(checksum(packet[:20]), 0)
        pseudo = packet[12:20] + struct.pack(">BBH", 0, 17, len(packet) - 20)
        self.assertEqual(checksum(pseudo + packet[20:]), 0)
        self.assertEqual(packet[28:], payload)

    @given(payload=st.binary(max_size=300))
    def test_checksums_of_ipv6(self, payload: bytes) -> None:
        """The same, with its own pseudo header (RFC 8200 8.1)."""
        packet = packet_of(("2001:db8::10", 5060), ("2001:db8::1", 5080), payload)
        pseudo = packet[8:40] + struct.pack(">II", len(packet) - 40, 17)
        self.assertEqual(checksum(pseudo + packet[40:]), 0)
        self.assertEqual(packet[48:], payload)

    def test_fields(self) -> None:
        """Lengths, protocol, ports, addresses."""
        packet = packet_of(("192.0.2.10", 5060), ("192.0.2.1", 5080), b"12345")
        self.assertEqual(packet[0], 0x45)
        self.assertEqual(struct.unpack(">H", packet[2:4]), (33,))
        self.assertEqual(packet[9], 17)
        self.assertEqual(packet[12:20], bytes((192, 0, 2, 10, 192, 0, 2, 1)))
        self.assertEqual(struct.unpack(">HHH", packet[20:26]), (5060, 5080, 13))

    def test_mixed_addresses(self) -> None:
        """IPv6, the other one mapped; a zone is left out."""
        packet = packet_of(("fe80::1%eth0", 1), ("192.0.2.1", 2), b"")
        self.assertEqual(packet[0] >> 4, 6)
        self.assertEqual(packet[24:40], bytes(10) + b"\xff\xff\xc0\x00\x02\x01")

    def test_longest(self) -> None:
        """What no datagram could hold is cut."""
        for hosts in (("192.0.2.1", "192.0.2.2"), ("::1", "::2")):
            packet = packet_of((hosts[0], 1), (hosts[1], 2), bytes(70_000))
            self.assertEqual(len(packet), 65_535)


class FileTests(SynchronousTestCase):
    """The file around the packets."""

    def test_file(self) -> None:
        """Little endian, microseconds, raw IP; then each packet with its length."""
        out = io.BytesIO()
        writer = PcapWriter(out)
        self.assertEqual(
            out.getvalue().hex(), "d4c3b2a1020004000000000000000000ffff000065000000"
        )
        writer.write(seen(ask()))
        writer.write(seen(ask(), came=False))
        data = out.getvalue()[24:]
        for source in (b"\xc0\x00\x02\x0a", b"\xc0\x00\x02\x01"):
            seconds, microseconds, length, original = struct.unpack("<4I", data[:16])
            self.assertEqual((seconds, microseconds), (int(AT), 250_000))
            self.assertEqual((length, original), (len(ask()) + 28,) * 2)
            self.assertEqual(data[28:32], source)
            data = data[16 + length :]
        self.assertEqual(data, b"")
