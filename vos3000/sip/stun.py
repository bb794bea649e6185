"""
STUN on the SIP port: the keep-alive of RFC 5626 section 4.4.2.

A device sends a Binding request of RFC 5389 and learns that its way is open,
and from which address it is seen. Nothing else of STUN is spoken here.
"""

from __future__ import annotations

from ipaddress import ip_address
from struct import pack, unpack_from
from zlib import crc32

import attrs

from vos3000.errors import ParseError
from vos3000.sip.transaction import Address

_COOKIE = 0x2112A442
_HEADER = 20
_REQUEST, _SUCCESS, _ERROR = 0x0001, 0x0101, 0x0111

_ERROR_CODE, _UNKNOWN, _XOR_MAPPED = 0x0009, 0x000A, 0x0020
_FINGERPRINT = 0x8028
_FINGERPRINT_MASK = 0x5354554E
_OPTIONAL = 0x8000

_IGNORED = frozenset((0x0006, 0x0008, 0x0014, 0x0015))
"""Of a password, which nobody asks for: the request is as good without."""


@attrs.frozen(slots=True)
class BindingRequest:
    """
    A Binding request.

    @ivar transaction: Its twelve bytes of transaction id.
    @ivar unknown: Attributes that must be understood and are not.
    """

    transaction: bytes
    unknown: tuple[int, ...] = ()


def parse(data: bytes) -> BindingRequest:
    """
    Read a Binding request (RFC 5389 sections 6, 7.3 and 15).

    @raise ParseError: Anything else, or malformed.
    """
    if len(data) < _HEADER or len(data) % 4:
        raise ParseError("no STUN message")
    kind, length, cookie = unpack_from("!HHI", data)
    if cookie != _COOKIE or length != len(data) - _HEADER or kind != _REQUEST:
        raise ParseError("no STUN Binding request")
    unknown = []
    at = _HEADER
    while at < len(data):
        name, size = unpack_from("!HH", data, at)
        end = at + 4 + size
        if end > len(data):
            raise ParseError("a STUN attribute that does not end")
        if name == _FINGERPRINT:
            _check(data, at, size)
        elif name < _OPTIONAL and name not in _IGNORED:
            unknown.append(name)
        at = end + -size % 4
    return BindingRequest(data[8:_HEADER], tuple(unknown))


def _check(data: bytes, at: int, size: int) -> None:
    """FINGERPRINT is the last attribute, and right (section 15.5)."""
    right = crc32(data[:at]) ^ _FINGERPRINT_MASK
    if size != 4 or at + 8 != len(data) or unpack_from("!I", data, at + 4) != (right,):
        raise ParseError("a STUN fingerprint that is wrong")


def answer(request: BindingRequest, source: Address) -> bytes:
    """The response to a Binding request (sections 7.3.1 and 15.2)."""
    if request.unknown:
        reason = pack("!HBB", 0, 4, 20) + b"Unknown Attribute\0\0\0"
        names = b"".join(pack("!H", name) for name in request.unknown)
        body = pack("!HH", _ERROR_CODE, len(reason) - 3) + reason
        body += pack("!HH", _UNKNOWN, len(names)) + names + bytes(-len(names) % 4)
        return _message(_ERROR, request, body)
    host, port = ip_address(source[0]), source[1] ^ _COOKIE >> 16
    mask = pack("!I", _COOKIE) + request.transaction
    seen = bytes(a ^ b for a, b in zip(host.packed, mask, strict=False))
    value = pack("!HH", 1 if host.version == 4 else 2, port) + seen
    return _message(_SUCCESS, request, pack("!HH", _XOR_MAPPED, len(value)) + value)


def _message(kind: int, request: BindingRequest, body: bytes) -> bytes:
    head = pack("!HHI", kind, len(body), _COOKIE)
    return head + request.transaction + body
