"""STUN on the SIP port (RFC 5389, RFC 5626 section 4.4.2)."""

from __future__ import annotations

from binascii import crc32
from struct import pack, unpack_from

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from vos3000.errors import ParseError
from vos3000.sip.stun import answer, parse

COOKIE = b"\x21\x12\xa4\x42"
ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")


def request(attributes: bytes = b"", kind: int = 1, length: int | None = None) -> bytes:
    """A Binding request."""
    size = len(attributes) if length is None else length
    return pack("!HH", kind, size) + COOKIE + ID + attributes


def attribute(name: int, value: bytes = b"") -> bytes:
    """One attribute, padded."""
    return pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)


class StunTests(SynchronousTestCase):
    """Requests read, responses made."""

    def test_rfc5769_addresses(self) -> None:
        """XOR-MAPPED-ADDRESS of the test vectors, sections 2.2 and 2.3."""
        for host, value in (
            ("192.0.2.1", "0001a147e112a643"),
            (
                "2001:db8:1234:5678:11:2233:4455:6677",
                "0002a1470113a9faa5d3f179bc25f4b5bed2b9d9",
            ),
        ):
            data = answer(parse(request()), (host, 32853))
            kind, length = unpack_from("!HH", data)
            self.assertEqual((kind, length), (0x0101, len(data) - 20))
            self.assertEqual(data[4:20], COOKIE + ID)
            wanted = attribute(0x0020, bytes.fromhex(value))
            self.assertEqual(data[20:], wanted)

    def test_attributes(self) -> None:
        """SOFTWARE and those of a password are passed over, FINGERPRINT checked."""
        body = attribute(0x8022, b"test") + attribute(0x0006, b"user:x")
        head = request(body, length=len(body) + 8)
        print_ = attribute(0x8028, pack("!I", crc32(head) ^ 0x5354554E))
        self.assertEqual(parse(head + print_).unknown, ())
        for bad in (
            head + attribute(0x8028, bytes(4)),
            request(print_ + attribute(0x8022)),
            request(attribute(0x8028, b"")),
        ):
            self.assertRaises(ParseError, parse, bad)

    def test_unknown(self) -> None:
        """What must be understood and is not is named (420)."""
        asked = parse(request(attribute(0x0003, bytes(4)) + attribute(0x7FFF)))
        self.assertEqual(asked.unknown, (0x0003, 0x7FFF))
        data = answer(asked, ("192.0.2.1", 1))
        self.assertEqual(unpack_from("!H", data)[0], 0x0111)
        self.assertIn(pack("!HHHH", 0x000A, 4, 3, 0x7FFF), data)
        self.assertIn(b"\x00\x00\x04\x14Unknown Attribute", data)
        self.assertEqual(unpack_from("!H", data, 2)[0], len(data) - 20)
        self.assertEqual(len(data) % 4, 0)

    def test_refused(self) -> None:
        """Other messages, lengths that lie, attributes that do not end."""
        good = request()
        for bad in (
            b"",
            good[:19],
            good + b"\0",
            request(kind=0x0101),
            request(kind=0x0011),
            request(length=4),
            good[:4] + bytes(4) + good[8:],
            request(pack("!HH", 0x8022, 5) + bytes(4)),
        ):
            self.assertRaises(ParseError, parse, bad)

    @given(st.binary(max_size=60))
    def test_anything(self, data: bytes) -> None:
        """Nothing but ParseError comes of anything."""
        for each in (data, request(data), request(data + bytes(-len(data) % 4))):
            try:
                answer(parse(each), ("192.0.2.1", 1))
            except ParseError:
                continue
