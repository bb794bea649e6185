"""
Messages as a pcap file, for Wireshark and its like.

Packets are bare IP (link type 101), each message one UDP datagram, also if it came
on a connection: then it is cut out of its stream already, and a stream without its
handshake would only confuse who reads it.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address
from typing import BinaryIO

from vos3000.sip.transaction import Address
from vos3000.trace.seen import Seen

RAW_IP = 101
"""LINKTYPE_RAW: the packet begins with its IP header."""

LONGEST = 65_535

_FILE = struct.Struct("<IHHiIII")
_PACKET = struct.Struct("<IIII")
_IPV4 = struct.Struct(">BBHHHBBH4s4s")
_IPV6 = struct.Struct(">IHBB16s16s")
_UDP = struct.Struct(">HHHH")
_UDP_NUMBER = 17


class PcapWriter:
    """
    Writes a file that can be read while it grows.

    @param out: Takes the bytes.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        out.write(_FILE.pack(0xA1B2C3D4, 2, 4, 0, 0, LONGEST, RAW_IP))
        out.flush()

    def write(self, seen: Seen) -> None:
        """Add one message."""
        packet = packet_of(seen.source, seen.destination, seen.data)
        seconds, microseconds = divmod(round(seen.at * 1_000_000), 1_000_000)
        length = len(packet)
        self._out.write(_PACKET.pack(seconds, microseconds, length, length))
        self._out.write(packet)
        self._out.flush()


def packet_of(source: Address, destination: Address, payload: bytes) -> bytes:
    """An IP packet with one UDP datagram; a payload that is too long is cut."""
    one, other = ip_address(source[0].partition("%")[0]), ip_address(destination[0])
    v6 = 6 in (one.version, other.version)
    there = [_packed(address, v6) for address in (one, other)]
    room = LONGEST - (_IPV6.size if v6 else _IPV4.size) - _UDP.size
    payload = payload[:room]
    length = _UDP.size + len(payload)
    begun = _UDP.pack(source[1], destination[1], length, 0)
    pseudo = b"".join(there) + struct.pack(">II", length, _UDP_NUMBER)
    check = checksum(pseudo + begun + payload) or 0xFFFF
    datagram = _UDP.pack(source[1], destination[1], length, check) + payload
    if v6:
        return _IPV6.pack(6 << 28, length, _UDP_NUMBER, 64, *there) + datagram
    total = _IPV4.size + length
    head = _IPV4.pack(0x45, 0, total, 0, 0x4000, 64, _UDP_NUMBER, 0, *there)
    check = checksum(head)
    head = _IPV4.pack(0x45, 0, total, 0, 0x4000, 64, _UDP_NUMBER, check, *there)
    return head + datagram


def _packed(address: object, v6: bool) -> bytes:
    text = str(address)
    if not v6:
        return socket.inet_aton(text)
    return socket.inet_pton(socket.AF_INET6, text if ":" in text else f"::ffff:{text}")


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
