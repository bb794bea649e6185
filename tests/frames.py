"""
WebSocket by hand (RFC 6455): what a peer writes, well or badly.
"""

from __future__ import annotations

import struct

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""What a server makes of that key (RFC 6455 1.3)."""

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_MASK = b"\x01\x02\x03\x04"


def upgrade(protocol: str | None = "sip", origin: str = "", *more: str) -> bytes:
    """The HTTP request that opens a connection."""
    lines = [
        "GET / HTTP/1.1",
        "Host: sip.example:8088",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
    ]
    if protocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    if origin:
        lines.append(f"Origin: {origin}")
    return "\r\n".join([*lines, *more, "", ""]).encode()


def frame(
    payload: bytes, opcode: int = TEXT, fin: bool = True, masked: bool = True
) -> bytes:
    """One frame, as a client sends it."""
    head = bytes([(0x80 if fin else 0) | opcode])
    return head + length(len(payload), masked) + (mask(payload) if masked else payload)


def length(size: int, masked: bool = True) -> bytes:
    """The length of a frame, and its mask."""
    bit = 0x80 if masked else 0
    if size < 126:
        head = bytes([bit | size])
    elif size < 65536:
        head = bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head = bytes([bit | 127]) + struct.pack("!Q", size)
    return head + (_MASK if masked else b"")


def mask(payload: bytes) -> bytes:
    """What a client's payload looks like on the wire."""
    return bytes(byte ^ _MASK[at % 4] for at, byte in enumerate(payload))


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Opcode and payload of each frame that a server wrote."""
    found = []
    while data:
        opcode, size, at = data[0] & 0x0F, data[1] & 0x7F, 2
        assert data[0] & 0x80, "servers write whole messages"
        assert not data[1] & 0x80, "servers do not mask"
        if size == 126:
            (size,), at = struct.unpack("!H", data[2:4]), 4
        elif size == 127:
            (size,), at = struct.unpack("!Q", data[2:10]), 10
        found.append((opcode, data[at : at + size]))
        data = data[at + size :]
    return found
