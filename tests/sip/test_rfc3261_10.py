"""Registrations (RFC 3261 section 10.3): what is kept, refused, answered."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.devices import HOME, Device
from tests.switch import SWITCH, Switch, mapping_gateway
from vos3000.routing.location import Binding
from vos3000.sip.message import Response

ELSEWHERE = ("203.0.113.9", 5070)


def _newcomer(switch: Switch) -> Device:
    """The same user at another place, with another Call-ID."""
    return Device(switch, address=ELSEWHERE, call_id="newcomer")


class Registering(SynchronousTestCase):
    """A switch with one phone, which is registered."""

    parameters: dict[str, str] = {}

    def setUp(self) -> None:
        """The phone knows its password."""
        self.switch = Switch(parameters=self.parameters)
        self.switch.phone("1001")
        self.device = Device(self.switch)

    def binding(self, aor: str = "1001") -> Binding:
        """The one binding of a device."""
        (found,) = self.switch.location.of(aor)
        return found

    def online(self, aor: str = "1001") -> bool:
        """Whether a device is registered."""
        return self.switch.location.find(aor) is not None

    def refused(self, response: Response, status: int) -> None:
        """It was refused so, and nothing changed."""
        self.assertEqual(response.status, status, response.reason)
        self.assertEqual(response.all("contact"), [])


class BindingTests(Registering):
    """A device says where it is, stays, and goes."""

    def test_register(self) -> None:
        """The binding holds what a call and a list of who is online need."""
        response = self.device.register(["Expires: 600"])
        self.assertEqual(response.status, 200)
        uri = "sip:1001@198.51.100.7:5060"
        self.assertEqual(response.all("contact"), [f"<{uri}>;expires=600"])
        now = self.switch.now().wall
        found = self.binding()
        self.assertEqual(found.contact, uri)
        self.assertEqual((found.remote, found.named, found.local), (HOME, HOME, SWITCH))
        self.assertEqual((found.transport, found.flow, found.path), ("udp", "", ()))
        self.assertEqual((found.product, found.call_id), ("device/1", "reg-1001"))
        self.device.challenge = None
        self.device.learn(self.device.ask())
        given = f"Authorization: {self.device.credentials()}"
        data = self.device.make([given]).replace(b"device/1", b"\xff/1")
        self.device.send(data)
        self.assertEqual(self.binding().product, "\ufffd/1")
        self.assertEqual(
            (found.registered, found.updated, found.expires), (now, now, now + 600_000)
        )
        self.assertIs(found.channel, self.switch.channel)

    def test_query(self) -> None:
        """Without Contact the bindings are listed, with what is left of them."""
        self.device.register(["Expires: 600"])
        self.switch.clock.advance(100.5)
        response = self.device.register(contacts=())
        self.assertEqual(
            response.all("contact"), ["<sip:1001@198.51.100.7:5060>;expires=500"]
        )

    def test_refresh(self) -> None:
        """It is registered since when it came first."""
        self.device.register(["Expires: 600"])
        since = self.switch.now().wall
        self.switch.clock.advance(100)
        self.device.register(["Expires: 600"])
        found = self.binding()
        self.assertEqual(found.registered, since)
        self.assertEqual(found.updated, since + 100_000)
        self.assertEqual(found.expires, since + 700_000)

    def test_unregister(self) -> None:
        """Expires 0, in the header or at the Contact."""
        for headers, contact in (
            (["Expires: 0"], self.device.contact),
            ([], self.device.contact + ";expires=0"),
            (["Expires: 0"], "*"),
        ):
            self.device.register()
            self.assertTrue(self.online())
            response = self.device.register(headers, [contact])
            self.assertEqual((response.status, response.all("contact")), (200, []))
            self.assertFalse(self.online())

    def test_unregister_another_contact(self) -> None:
        """What is not bound cannot be unbound: no error, no change."""
        self.device.register()
        response = self.device.register(contacts=["<sip:1001@10.0.0.1>;expires=0"])
        self.assertEqual(response.status, 200)
        self.assertTrue(self.online())

    def test_move(self) -> None:
        """The old Contact goes, a new one comes, in one request."""
        self.device.register()
        old, new = self.device.contact, "<sip:1001@198.51.100.7:5099>"
        response = self.device.register(contacts=[f"{old};expires=0", new])
        self.assertEqual(response.status, 200)
        self.assertEqual(self.binding().contact, "sip:1001@198.51.100.7:5099")

    def test_expires(self) -> None:
        """It is over when its time is."""
        self.device.register(["Expires: 60"])
        self.switch.advance(60.2)
        self.assertFalse(self.online())

    def test_several_contacts(self) -> None:
        """One is kept: that of the highest q, the first of equals."""
        for contacts, kept in (
            (["<sip:1001@h1>;q=0.2", "<sip:1001@h2>;q=0.8"], "h2"),
            (["<sip:1001@h1>, <sip:1001@h2>"], "h1"),
            (["<sip:1001@h1>;q=0.9", "<sip:1001@h2>"], "h2"),
            (["<sip:1001@h1>;q=x", "<sip:1001@h2>;q=0.5"], "h1"),
        ):
            response = self.device.register(contacts=contacts)
            self.assertEqual(response.status, 200)
            (listed,) = response.all("contact")
            self.assertIn(f"@{kept}>", listed)

    def test_retransmission(self) -> None:
        """It gets the same answer; its count is not taken twice."""
        device = self.device
        device.learn(device.ask())
        data = device.make([f"Authorization: {device.credentials()}"])
        device.send(data)
        first = self.switch.channel.sent[0]
        self.switch.channel.sent.clear()
        device.send(data)
        self.assertEqual(self.switch.channel.sent, [first])
        self.assertTrue(first[0].startswith(b"SIP/2.0 200 "))

    def test_gateways_register(self) -> None:
        """A dynamic gateway, by its name."""
        gateway = mapping_gateway(name="gw 1", password="pw", register_type=1)
        self.switch.load(mapping=[gateway])
        self.assertEqual(Device(self.switch, "gw 1", "pw").register().status, 200)
        self.assertTrue(self.online("gw 1"))


class LifetimeTests(Registering):
    """How long a binding lasts."""

    parameters = {"SS_ENDPOINT_EXPIRE": "300"}

    def granted(self, headers: list[str], contact: str = "") -> int:
        """The seconds granted."""
        contacts = [self.device.contact + contact]
        response = self.device.register(headers, contacts)
        self.assertEqual(response.status, 200)
        (value,) = response.all("contact")
        return int(value.rpartition("=")[2])

    def test_granted(self) -> None:
        """What is asked for, at most SS_ENDPOINT_EXPIRE; the Contact's own first."""
        for headers, contact, seconds in (
            ([], "", 300),
            (["Expires: 3600"], "", 300),
            (["Expires: 60"], "", 60),
            (["Expires: 60"], ";expires=120", 120),
            (["Expires: 4294967295"], "", 300),
            (["Expires: 99999999999999999999"], "", 300),
            (["Expires: soon"], "", 300),
            (["Expires: -1"], "", 300),
            (["Expires: 20"], "", 20),
        ):
            self.assertEqual(self.granted(headers, contact), seconds, headers)

    def test_too_brief(self) -> None:
        """423 with Min-Expires; the binding stays as it was."""
        self.device.register(["Expires: 100"])
        before = self.binding()
        response = self.device.register(["Expires: 19"])
        self.refused(response, 423)
        self.assertEqual(response.get("min-expires"), "20")
        self.assertIs(self.binding(), before)


class RefusalTests(Registering):
    """What is not carried out, though its sender is known."""

    def test_another_address(self) -> None:
        """Nobody registers for another."""
        self.switch.phone("1002")
        self.refused(self.device.register(to="1002"), 403)
        self.assertFalse(self.online("1002"))
        self.assertFalse(self.online())

    def test_static_phones(self) -> None:
        """A phone that is at a fixed address does not register."""
        self.switch.phone("1003", registerType=0)
        self.refused(Device(self.switch, "1003").register(), 403)

    def test_order(self) -> None:
        """What a later REGISTER of the same Call-ID overtook is refused."""
        self.device.register()
        for contacts in (None, ["*"], [self.device.contact + ";expires=0"]):
            self.device.cseq -= 1
            response = self.device.register(
                ["Expires: 0"][: contacts == ["*"]], contacts
            )
            self.refused(response, 500)
            self.assertTrue(self.online())
        self.device.call_id = "after-reboot"
        self.device.cseq = 0
        self.assertEqual(self.device.register().status, 200)

    def test_wildcard(self) -> None:
        """It stands alone, and with Expires 0."""
        self.device.register()
        for headers, contacts in (
            ([], ["*"]),
            (["Expires: 60"], ["*"]),
            (["Expires: 0"], ["*", self.device.contact]),
            (["Expires: 0"], [self.device.contact + ", *"]),
        ):
            self.refused(self.device.register(headers, contacts), 400)
            self.assertTrue(self.online())

    def test_weird_contacts(self) -> None:
        """They are refused and cost nobody anything."""
        self.device.register()
        before = self.binding()
        for contact in (
            "<",
            "sip:a@b?c=d",
            "<sip:>",
            "<mailto:a@b>",
            "<tel:+4930>",
            '"x <sip:a@b>',
            "<sip:1001@[::1>",
            "<sip:1001@h:0>",
            f"<sip:{'1' * 600}@h>",
            "<sip:1001@h>;=",
            ", ".join(f"<sip:1001@h{n}>" for n in range(9)),
        ):
            self.refused(self.device.register(contacts=[contact]), 400)
            self.assertIs(self.binding(), before)

    def test_compact_and_odd_contacts(self) -> None:
        """What is unusual and right is taken."""
        for line, uri in (
            ("m: sip:1001@198.51.100.7;q=1", "sip:1001@198.51.100.7"),
            ('m: "A, \\"B" <sip:1001@h;transport=tcp>;x', "sip:1001@h;transport=tcp"),
            ("m: <sip:1001@h?Route=%3Csip:x%3E>", "sip:1001@h?Route=%3Csip:x%3E"),
            ("CONTACT:\r\n <sips:1001@h>", "sips:1001@h"),
            ("m: <sip:h;lr>", "sip:h;lr"),
        ):
            self.assertEqual(self.device.register([line], ()).status, 200)
            self.assertEqual(self.binding().contact, uri)

    def test_require(self) -> None:
        """path and outbound are known; what else is required is refused."""
        response = self.device.ask(["Require: path, gruu, outbound, x"])
        self.assertEqual(response.status, 420)
        self.assertEqual(response.all("unsupported"), ["gruu", "x"])
        self.assertEqual(self.device.register(["Require: path"]).status, 200)

    def test_unreadable(self) -> None:
        """A To that cannot be read is refused before anybody is asked."""
        self.assertEqual(self.device.ask(to="a@b@c").status, 400)


class ReplacementTests(Registering):
    """SS_ENDPOINT_REGISTER_REPLACE on."""

    def test_replaced(self) -> None:
        """The newcomer takes the place of the one before."""
        self.device.register()
        response = _newcomer(self.switch).register()
        self.assertEqual(len(response.all("contact")), 1)
        self.assertEqual(self.binding().remote, ELSEWHERE)


class NoReplacementTests(Registering):
    """SS_ENDPOINT_REGISTER_REPLACE off."""

    parameters = {"SS_ENDPOINT_REGISTER_REPLACE": "Off"}

    def test_refused(self) -> None:
        """The newcomer is refused while the old one lives, and taken after."""
        self.device.register(["Expires: 60"])
        newcomer = _newcomer(self.switch)
        self.refused(newcomer.register(), 403)
        self.assertEqual(self.binding().remote, HOME)
        self.switch.advance(61)
        newcomer.challenge = None
        self.assertEqual(newcomer.register().status, 200)

    def test_the_same_device(self) -> None:
        """Another Call-ID, port or Contact, but not all of them at once."""
        self.device.register()
        self.device.call_id = "after-reboot"
        self.device.contact = "<sip:1001@198.51.100.7:5099>"
        self.assertEqual(self.device.register().status, 200)
        self.device.address = (HOME[0], 6000)
        self.device.challenge = None
        self.assertEqual(self.device.register().status, 200)
        self.device.contact = "<sip:1001@198.51.100.7:5062>"
        self.assertEqual(self.device.register().status, 200)

    def test_make_room(self) -> None:
        """Who takes the old Contact away may bring a new one."""
        self.device.register()
        newcomer = _newcomer(self.switch)
        old = self.device.contact + ";expires=0"
        response = newcomer.register(contacts=[old, newcomer.contact])
        self.assertEqual(response.status, 200)
        self.assertEqual(self.binding().remote, ELSEWHERE)
