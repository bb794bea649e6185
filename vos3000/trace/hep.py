"""
HEP3, the encapsulation in which Homer and its like take messages: version 3 of
https://github.com/sipcapture/HEP, revision 36.

A packet is the word C{HEP3}, its length, and chunks: vendor, type, length, value.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import attrs

from vos3000.errors import ParseError
from vos3000.sip.transaction import Address

MAGIC = b"HEP3"
SIP = 1
"""Protocol type of the payload."""

_HEAD = struct.Struct(">4sH")
_CHUNK = struct.Struct(">HHH")
_BYTE, _SHORT, _LONG = struct.Struct(">B"), struct.Struct(">H"), struct.Struct(">I")

# Chunk types of the generic vendor, 0
_FAMILY, _PROTOCOL = 1, 2
_SOURCE4, _DESTINATION4, _SOURCE6, _DESTINATION6 = 3, 4, 5, 6
_SOURCE_PORT, _DESTINATION_PORT = 7, 8
_SECONDS, _MICROSECONDS = 9, 10
_KIND, _AGENT, _KEY, _PAYLOAD, _CORRELATION = 11, 12, 14, 15, 17

UDP, TCP = 17, 6
"""IP protocol numbers."""


@attrs.frozen(slots=True)
class Packet:
    """
    One message on its way to a capture server.

    @ivar at: When it passed: seconds and microseconds since 1970.
    @ivar protocol: L{UDP} or L{TCP}.
    @ivar agent: The number of who captured it.
    @ivar key: What the server knows it by.
    @ivar correlation: What all messages of one call share.
    """

    at: tuple[int, int]
    protocol: int
    source: Address
    destination: Address
    agent: int
    payload: bytes
    key: bytes = attrs.field(default=b"", repr=False)
    correlation: bytes = b""


def pack(packet: Packet) -> bytes:
    """
    The packet as bytes.

    @raise ValueError: It does not fit, or an address is none.
    """
    source, destination = _address(packet.source[0]), _address(packet.destination[0])
    v6 = len(source) == 16 or len(destination) == 16
    if v6:
        source, destination = _wide(source), _wide(destination)
    chunks = [
        (_FAMILY, _BYTE.pack(socket.AF_INET6 if v6 else socket.AF_INET)),
        (_PROTOCOL, _BYTE.pack(packet.protocol)),
        (_SOURCE6 if v6 else _SOURCE4, source),
        (_DESTINATION6 if v6 else _DESTINATION4, destination),
        (_SOURCE_PORT, _SHORT.pack(packet.source[1])),
        (_DESTINATION_PORT, _SHORT.pack(packet.destination[1])),
        (_SECONDS, _LONG.pack(packet.at[0])),
        (_MICROSECONDS, _LONG.pack(packet.at[1])),
        (_KIND, _BYTE.pack(SIP)),
        (_AGENT, _LONG.pack(packet.agent)),
    ]
    if packet.key:
        chunks.append((_KEY, packet.key))
    if packet.correlation:
        chunks.append((_CORRELATION, packet.correlation))
    chunks.append((_PAYLOAD, packet.payload))
    return _joined(chunks)


def _joined(chunks: list[tuple[int, bytes]]) -> bytes:
    size = _HEAD.size + sum(_CHUNK.size + len(value) for _, value in chunks)
    if size > 0xFFFF:
        raise ValueError(f"a packet of {size} bytes")
    parts = [_HEAD.pack(MAGIC, size)]
    for kind, value in chunks:
        parts += (_CHUNK.pack(0, kind, _CHUNK.size + len(value)), value)
    return b"".join(parts)


def _address(host: str) -> bytes:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.inet_pton(family, host.partition("%")[0])
    except OSError:
        raise ValueError(f"{host!r} is no address") from None


def _wide(address: bytes) -> bytes:
    """An IPv4 address among IPv6 ones: mapped."""
    return address if len(address) == 16 else bytes(10) + b"\xff\xff" + address


def unpack(data: bytes) -> Packet:
    """
    Read a packet.

    @raise ParseError: It is none, or lacks a chunk that every packet has.
    """
    if len(data) < _HEAD.size or _HEAD.unpack_from(data) != (MAGIC, len(data)):
        raise ParseError("no HEP3 packet")
    found = dict(_chunks(data))
    try:
        v6 = _BYTE.unpack(found[_FAMILY])[0] == socket.AF_INET6
        family = socket.AF_INET6 if v6 else socket.AF_INET
        source = found[_SOURCE6 if v6 else _SOURCE4]
        destination = found[_DESTINATION6 if v6 else _DESTINATION4]
        return Packet(
            (_LONG.unpack(found[_SECONDS])[0], _LONG.unpack(found[_MICROSECONDS])[0]),
            found[_PROTOCOL][0],
            (
                socket.inet_ntop(family, source),
                _SHORT.unpack(found[_SOURCE_PORT])[0],
            ),
            (
                socket.inet_ntop(family, destination),
                _SHORT.unpack(found[_DESTINATION_PORT])[0],
            ),
            _LONG.unpack(found[_AGENT])[0],
            found[_PAYLOAD],
            found.get(_KEY, b""),
            found.get(_CORRELATION, b""),
        )
    except (KeyError, IndexError, ValueError, struct.error) as error:
        raise ParseError("an incomplete HEP3 packet") from error


def _chunks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The chunks of the generic vendor; others are passed over."""
    at = _HEAD.size
    while at < len(data):
        if at + _CHUNK.size > len(data):
            raise ParseError("a chunk that is cut off")
        vendor, kind, length = _CHUNK.unpack_from(data, at)
        if length < _CHUNK.size or at + length > len(data):
            raise ParseError("a chunk of an impossible length")
        if vendor == 0:
            yield kind, data[at + _CHUNK.size : at + length]
        at += length
