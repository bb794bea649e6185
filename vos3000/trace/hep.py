"""
HEP3, the encapsulation in which Homer and its like take messages: version 3 of
https://github.com/sipcapture/HEP, revision 36.

A packet is the word C{HEP3}, its length, and chunks: vendor, type, length, value.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

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
    The packet as bytes: 3.5 us.

    @raise ValueError: It does not fit, or an address is none.
    """
    there, here = packet.source, packet.destination
    source, destination = _address(there[0]), _address(here[0])
    fixed = _FIXED4
    if len(source) != len(destination) or len(source) == 16:
        source, destination, fixed = _wide(source), _wide(destination), _FIXED6
    rest = _variable(packet)
    size = fixed.struct.size + len(rest)
    if size > 0xFFFF:
        raise ValueError(f"a packet of {size} bytes")
    values = (packet.protocol, source, destination, there[1], here[1], *packet.at)
    return fixed.pack(size, (fixed.family, *values, SIP, packet.agent)) + rest


class _Fixed:
    """
    The head and the chunks that every packet has, for one kind of address.

    @ivar family: The number of that kind.
    """

    __slots__ = ("_heads", "family", "struct")

    def __init__(self, family: int, source: int, destination: int, size: int) -> None:
        self.family = family
        chunks = (
            *((_FAMILY, "B"), (_PROTOCOL, "B")),
            *((source, f"{size}s"), (destination, f"{size}s")),
            *((_SOURCE_PORT, "H"), (_DESTINATION_PORT, "H")),
            *((_SECONDS, "I"), (_MICROSECONDS, "I"), (_KIND, "B"), (_AGENT, "I")),
        )
        self.struct = struct.Struct(">4sH" + "".join(f"HHH{c}" for _, c in chunks))
        self._heads = tuple(
            (0, kind, _CHUNK.size + struct.calcsize(f">{code}"))
            for kind, code in chunks
        )

    def pack(self, size: int, values: tuple[Any, ...]) -> bytes:
        """Head and chunks, with these values."""
        fields: list[Any] = []
        for head, value in zip(self._heads, values, strict=True):
            fields += head
            fields.append(value)
        return self.struct.pack(MAGIC, size, *fields)


_FIXED4 = _Fixed(socket.AF_INET, _SOURCE4, _DESTINATION4, 4)
_FIXED6 = _Fixed(socket.AF_INET6, _SOURCE6, _DESTINATION6, 16)


def _variable(packet: Packet) -> bytes:
    """The chunks that are as long as they are."""
    parts: list[bytes] = []
    for kind, value in (
        (_KEY, packet.key),
        (_CORRELATION, packet.correlation),
        (_PAYLOAD, packet.payload),
    ):
        if value or kind == _PAYLOAD:
            length = _CHUNK.size + len(value)
            if length > 0xFFFF:
                raise ValueError(f"a chunk of {length} bytes")
            parts += (_CHUNK.pack(0, kind, length), value)
    return b"".join(parts)


@lru_cache(maxsize=4096)
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
