"""
What a forged datagram makes the switch send to whom it is not from: never much more
than the datagram itself, or somebody could have us flood a third party.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.call.build import CallTests
from tests.devices import Device
from tests.switch import STRANGER, Switch
from vos3000.sip.message import Response
from vos3000.sip.modest import RATIO

METHODS = (
    *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "SUBSCRIBE", "REFER"),
    *("PRACK", "UPDATE", "MESSAGE", "PUBLISH", "NOTIFY", "DANCE"),
)

CHANGES = (
    ("", ""),
    ("t:<sip:1001@a>", "t:<sip:1001@a>;tag=x"),
    ("SIP/2.0/UDP a;branch=z9hG4bK", "SIP/2.0/UDP a"),
    ("i:1", "i: 1"),
    ("i:1\r\n", ""),
    ("f:<sip:1001@a>;tag=1\r\n", ""),
    ("sip:a ", "tel:1 "),
    ("sip:a ", "sips:a "),
    ("sip:a ", "fax:1 "),
    ("a SIP/2.0\r", "a SIP/7.0\r"),
    ("CSeq:1 ", "CSeq:x "),
    ("\r\n\r\n", "\r\nRequire:a,b,c,d,e,f,g,h,i,j,k,l\r\n\r\n"),
    ("\r\n\r\n", "\r\nl:9999\r\n\r\n"),
    ("\r\n\r\n", "\r\nMax-Forwards:0\r\n\r\n"),
    ("\r\n\r\n", '\r\nAuthorization:Digest username="1001"\r\n\r\n'),
    ("\r\n\r\n", "\r\nX:" + "y" * 300 + "\r\n\r\n"),
    ("\r\n\r\n", "\r\nv:SIP/2.0/UDP b" + ",SIP/2.0/UDP c" * 30 + "\r\n\r\n"),
)


def tiny(method: str, old: str = "", new: str = "") -> bytes:
    """A request as short as may be, with one change."""
    text = (
        f"{method} sip:a SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z9hG4bK{method}\r\n"
        f"f:<sip:1001@a>;tag=1\r\nt:<sip:1001@a>\r\ni:1\r\nCSeq:1 {method}\r\n\r\n"
    )
    return text.replace(old, new, 1).encode()


def forged() -> Iterator[bytes]:
    """Whatever a stranger may send."""
    for method, (old, new) in product(METHODS, CHANGES):
        yield tiny(method, old, new)


class AmplificationTests(CallTests):
    """Bytes that go out to a stranger, for each that came from it."""

    def phones(self) -> Switch:
        """A switch with a phone: strangers are asked for passwords."""
        switch = self.switch()
        switch.phone("1001")
        return switch

    def out(self, switch: Switch, data: bytes) -> int:
        """Bytes that one datagram of the stranger makes us send."""
        switch.receive(data, STRANGER)
        switch.advance(40)
        sent, switch.channel.sent = switch.channel.sent, []
        return sum(len(each) for each, _ in sent)

    def test_tiny_requests(self) -> None:
        """Nothing is answered with more than half as much again."""
        for data in forged():
            switch = self.phones()
            self.assertLessEqual(self.out(switch, data), RATIO * len(data), data)

    def test_short_retransmissions(self) -> None:
        """
        The answer of a long request is not had again for a short one that
        pretends to be its repetition.
        """
        for method in ("INVITE", "REGISTER", "OPTIONS"):
            switch = self.phones()
            long = tiny(method, "a>;tag=1", "a>;tag=" + "1" * 600)
            self.assertGreater(self.out(switch, long), 500)
            short = tiny(method)
            self.assertLessEqual(self.out(switch, short), RATIO * len(short))
            self.assertGreater(self.out(switch, long), 500)

    def test_overload(self) -> None:
        """Who is sent away for a while is sent away shortly, or not at all."""
        switch = self.phones()
        switch.core.layer.door = _Closed()
        for data in forged():
            self.assertLessEqual(self.out(switch, data), RATIO * len(data), data)

    def test_a_phone_of_few_words(self) -> None:
        """It is asked by the algorithm that everybody knows, if there is no room."""
        switch = self.phones()
        device = Device(switch, "1001", "secret", STRANGER)
        self.assertEqual(device.register().status, 200)
        switch = self.phones()
        data = tiny("REGISTER", "\r\n\r\n", "\r\nm:<sip:1001@198.51.100.66>\r\n" * 4)
        data += b"l:0\r\n\r\n"
        switch.receive(data, STRANGER)
        response = switch.response(STRANGER)
        self.assertEqual(response.status, 401)
        (challenge,) = response.all("www-authenticate")
        self.assertIn("algorithm=MD5", challenge)

    def test_known_peers_have_no_such_limit(self) -> None:
        """A gateway's short OPTIONS gets the long answer that it wants."""
        switch = self.phones()
        switch.receive(tiny("OPTIONS"), ("192.0.2.10", 5060))
        (answer,) = switch.taken(("192.0.2.10", 5060))
        assert isinstance(answer, Response)
        self.assertEqual(answer.status, 200)

    def test_connections_have_no_such_limit(self) -> None:
        """Nobody connects from an address that is not its own."""
        switch = self.phones()
        switch.channel.reliable = True
        self.assertGreater(self.out(switch, tiny("REGISTER")), 400)


class _Closed:
    """A door that lets nobody in."""

    def delay(self, waited: float, call: bool, host: str, port: int) -> int:
        """A while."""
        return 30
