"""Which messages a watcher wants."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import ask
from tests.trace.build import seen
from vos3000.trace.legs import Followed
from vos3000.trace.wanted import Place, Wanted


def _named(host: str, port: int) -> frozenset[str]:
    return frozenset(("ingress",)) if host == "192.0.2.10" else frozenset()


def _followed(number: int = 7, *identifiers: str, **names: str) -> Followed:
    call: Any = SimpleNamespace(id=number, gateway=None, route=None)
    for name, value in names.items():
        setattr(call, name, SimpleNamespace(name=value))
    followed = Followed(call)
    followed.identifiers.extend(identifiers)
    return followed


class WantedTests(SynchronousTestCase):
    """What is given must hold; what is not given says nothing."""

    def holds(
        self, data: bytes | None = None, followed: Followed | None = None, **given: Any
    ) -> bool:
        """Whether a message of 192.0.2.10 is wanted."""
        return Wanted(**given).holds(seen(data), followed, _named)

    def test_everything(self) -> None:
        """Nothing is asked for."""
        self.assertTrue(self.holds())
        self.assertTrue(self.holds(b"garbage"))

    def test_number(self) -> None:
        """Of the caller or the callee, whole or from its beginning."""
        for number, expected in {
            "1000": True,
            "2000": True,
            "+2000": True,
            "20*": True,
            "+20*": True,
            "200": False,
            "000": False,
            "3*": False,
            # stands in the Via, and is no number of anybody
            "5060": False,
        }.items():
            self.assertIs(self.holds(number=number), expected, number)

    def test_number_in_other_headers(self) -> None:
        """Where gateways put it."""
        for header in (
            "P-Asserted-Identity: <sip:4420@192.0.2.10>, <tel:+4421>",
            "P-Preferred-Identity: <tel:+4421>",
            'Remote-Party-ID: "x" <sip:4421@192.0.2.10>;party=calling',
            "Diversion: <sip:4421@192.0.2.10>;reason=busy",
        ):
            self.assertTrue(self.holds(ask(headers=[header]), number="4421"), header)
        self.assertTrue(self.holds(ask(uri="sip:4421@192.0.2.1"), number="4421"))
        self.assertFalse(self.holds(ask(headers=["Subject: 4421"]), number="4421"))

    def test_number_of_what_cannot_be_read(self) -> None:
        """Nobody knows whose it is."""
        self.assertFalse(self.holds(b"INVITE 2000", number="2000"))
        broken = ask(headers=["P-Asserted-Identity: <<2000"], uri="soap:2000")
        self.assertTrue(self.holds(broken, number="2000"))

    def test_call(self) -> None:
        """By its number here or any Call-ID of its legs."""
        followed = _followed(7, "call-1", "other@192.0.2.1")
        for call, expected in {
            "7": True,
            "call-1": True,
            "other@192.0.2.1": True,
            "8": False,
        }.items():
            self.assertIs(self.holds(None, followed, call=call), expected, call)
        self.assertTrue(self.holds(call="call-1"))
        self.assertFalse(self.holds(call="call"))

    def test_gateway(self) -> None:
        """By the address of the peer, or by what the call went through."""
        self.assertTrue(self.holds(gateway="ingress"))
        self.assertFalse(self.holds(gateway="vendor"))
        followed = _followed(7, "call-1", gateway="ingress", route="vendor")
        self.assertTrue(self.holds(None, followed, gateway="vendor"))

    def test_address(self) -> None:
        """One, one with its port, or a block."""
        for text, expected in {
            "192.0.2.10": True,
            "192.0.2.10:5060": True,
            "192.0.2.10:5061": False,
            "192.0.2.0/24": True,
            "192.0.2.11": False,
            "2001:db8::/32": False,
        }.items():
            place = Place.read(text)
            self.assertIs(self.holds(place=place), expected, text)

    def test_ipv6_addresses(self) -> None:
        """With a port they stand in brackets."""
        for text, port in (
            ("2001:db8::7", 0),
            ("[2001:db8::7]", 0),
            ("[2001:db8::7]:5060", 5060),
        ):
            place = Place.read(text)
            self.assertEqual(place.port, port)
            self.assertTrue(place.holds(("2001:db8::7", 5060)))
            self.assertFalse(place.holds(("2001:db8::8", 5060)))
        self.assertFalse(Place.read("::/0").holds(("no address", 5060)))

    def test_no_addresses(self) -> None:
        """Names, ports that are none."""
        for text in ("gw.example", "192.0.2.10:sip", "192.0.2.10:70000", "1.2.3.4/33"):
            self.assertRaises(ValueError, Place.read, text)

    def test_all_must_hold(self) -> None:
        """Each narrows the others."""
        self.assertTrue(self.holds(number="2000", gateway="ingress"))
        self.assertFalse(self.holds(number="2000", gateway="vendor"))
        place = Place.read("192.0.2.11")
        self.assertFalse(self.holds(number="2000", place=place))
