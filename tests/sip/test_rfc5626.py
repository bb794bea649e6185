"""Outbound: flows of a device, keep-alives, and when a flow is dead (RFC 5626)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.devices import HOME, Device
from tests.sip.test_stun import attribute, request
from tests.switch import FakeChannel, Switch
from vos3000.routing.flows import GRACE
from vos3000.sip.stun import answer, parse

INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'
OTHER = INSTANCE.replace("E128", "FFFF")
SUPPORTED = "Supported: path, outbound"
SECOND = (HOME[0], 40001)


class Outbound(SynchronousTestCase):
    """A switch with one phone that knows RFC 5626."""

    parameters: dict[str, str] = {}

    def setUp(self) -> None:
        """The phone's first flow."""
        self.switch = Switch(parameters=self.parameters)
        self.switch.phone("1001")
        self.device = self.flow()

    def flow(self, channel: FakeChannel | None = None, call_id: str = "") -> Device:
        """The phone on a flow."""
        address = SECOND if call_id else HOME
        return Device(self.switch, address=address, channel=channel, call_id=call_id)

    def contact(self, number: int | str, instance: str = INSTANCE) -> list[str]:
        """A Contact as RFC 5626 has it, private as most are."""
        return [f"<sip:1001@10.0.0.7>;reg-id={number};{instance}"]

    def flows(self) -> list[str]:
        """The reg-ids of the flows that are open."""
        return sorted(each.flow[-1:] for each in self.switch.location.of("1001"))


class FlowTests(Outbound):
    """Section 6: what the registrar does."""

    def test_used(self) -> None:
        """Require and Flow-Timer say so, the Contact comes back as it was."""
        response = self.device.register([SUPPORTED], self.contact(1))
        self.assertEqual(response.status, 200)
        self.assertEqual(response.get("require"), "outbound")
        self.assertEqual(response.get("flow-timer"), "60")
        self.assertIn("outbound", response.all("supported"))
        (listed,) = response.all("contact")
        self.assertEqual(
            listed, f"<sip:1001@10.0.0.7>;expires=3600;{INSTANCE};reg-id=1"
        )

    def test_not_used(self) -> None:
        """Without Supported, instance or reg-id it is a Contact like others."""
        for headers, contact in (
            ([], self.contact(1)),
            ([SUPPORTED], ["<sip:1001@10.0.0.7>;reg-id=1"]),
            ([SUPPORTED], [f"<sip:1001@10.0.0.7>;{INSTANCE}"]),
            ([SUPPORTED], [f'<sip:1001@h>;reg-id=1;+sip.instance="{"x" * 300}"']),
        ):
            response = self.device.register(headers, contact)
            self.assertEqual(response.status, 200)
            self.assertIsNone(response.get("require"))
            self.assertIsNone(response.get("flow-timer"))
            self.assertEqual(self.flows(), [""])

    def test_instance_of_no_text(self) -> None:
        """What no database or screen takes is no instance."""
        for mark in (b"\xff", "\u00e9".encode(), b"\x1b[2J", b"\0"):
            contact = ['<sip:1001@h>;reg-id=1;+sip.instance="<urn:MARK>"']
            self.device.learn(self.device.ask([SUPPORTED], contact))
            given = f"Authorization: {self.device.credentials()}"
            data = self.device.make([SUPPORTED, given], contact)
            self.device.send(data.replace(b"MARK", mark))
            self.assertEqual(self.device.answer().status, 200)
            self.assertEqual(self.flows(), [""])

    def test_several_flows(self) -> None:
        """One device, each flow a binding; the newest is used."""
        self.device.register([SUPPORTED], self.contact(1))
        self.switch.clock.advance(1)
        second = self.flow(call_id="second")
        response = second.register([SUPPORTED], self.contact(2))
        self.assertEqual(len(response.all("contact")), 2)
        self.assertEqual(self.flows(), ["1", "2"])
        found = self.switch.location.find("1001")
        assert found is not None
        self.assertEqual(found.remote, SECOND)
        second.register([SUPPORTED], [self.contact(2)[0] + ";expires=0"])
        self.assertEqual(self.flows(), ["1"])

    def test_same_flow_again(self) -> None:
        """After a reboot the flow of that number is replaced."""
        self.device.register([SUPPORTED], self.contact(1))
        again = self.flow(call_id="reboot")
        again.register([SUPPORTED], self.contact(1))
        self.assertEqual(self.flows(), ["1"])
        found = self.switch.location.find("1001")
        assert found is not None
        self.assertEqual(found.remote, SECOND)

    def test_bounded(self) -> None:
        """A fifth flow ends the oldest."""
        for number in range(1, 6):
            self.device.register([SUPPORTED], self.contact(number))
            self.switch.clock.advance(1)
        self.assertEqual(self.flows(), ["2", "3", "4", "5"])

    def test_another_device(self) -> None:
        """Another instance takes the place of all flows."""
        self.device.register([SUPPORTED], self.contact(1))
        self.device.register([SUPPORTED], self.contact(2))
        other = self.flow(call_id="other")
        other.register([SUPPORTED], self.contact(1, OTHER))
        (found,) = self.switch.location.of("1001")
        self.assertIn("FFFF", found.flow)

    def test_device_that_gives_it_up(self) -> None:
        """A plain Contact takes the place of flows, and flows that of it."""
        self.device.register([SUPPORTED], self.contact(1))
        self.device.register()
        self.assertEqual(self.flows(), [""])
        self.device.register([SUPPORTED], self.contact(1))
        self.assertEqual(self.flows(), ["1"])

    def test_misused(self) -> None:
        """reg-id 0, one that is none, and two at once."""
        for contact in (
            self.contact(0),
            self.contact("x"),
            self.contact(2**31),
            [*self.contact(1), *self.contact(2)],
        ):
            response = self.device.register([SUPPORTED], contact)
            self.assertEqual(response.status, 400)
        self.assertEqual(self.flows(), [])

    def test_first_hop(self) -> None:
        """A proxy on the way must keep the flow: C{ob} in its Path, else 439."""
        via = "Via: SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKx"
        for path, status in (
            ("Path: <sip:edge;lr;ob>", 200),
            ("Path: <sip:edge;lr>", 439),
            ("X: y", 439),
        ):
            headers = [SUPPORTED, via, path]
            response = self.device.register(headers, self.contact(1))
            self.assertEqual(response.status, status)


class NoReplacementTests(Outbound):
    """SS_ENDPOINT_REGISTER_REPLACE off."""

    parameters = {"SS_ENDPOINT_REGISTER_REPLACE": "Off"}

    def test_flows_are_one_device(self) -> None:
        """Another flow is welcome, another instance is not."""
        self.device.register([SUPPORTED], self.contact(1))
        second = self.flow(call_id="second")
        self.assertEqual(second.register([SUPPORTED], self.contact(2)).status, 200)
        other = self.flow(call_id="other")
        response = other.register([SUPPORTED], self.contact(1, OTHER))
        self.assertEqual(response.status, 403)
        self.assertEqual(self.flows(), ["1", "2"])


class KeepAliveTests(Outbound):
    """Section 4.4: the flow shows that it is open, or ends."""

    parameters = {"SS_ENDPOINTTIMETOLIVE": "30"}

    def online(self) -> bool:
        """Whether the phone can be called."""
        return self.switch.location.find("1001") is not None

    def stun(self, data: bytes) -> list[bytes]:
        """What a datagram of the phone is answered with."""
        self.switch.reception.stun(data, self.switch.channel, HOME)
        sent, self.switch.channel.sent = self.switch.channel.sent, []
        return [each for each, _ in sent]

    def test_silent_flow_ends(self) -> None:
        """SS_ENDPOINTTIMETOLIVE and a little more without a sign of life."""
        response = self.device.register([SUPPORTED], self.contact(1))
        self.assertEqual(response.get("flow-timer"), "30")
        self.switch.advance(30 + GRACE - 0.1)
        self.assertTrue(self.online())
        self.switch.advance(0.3)
        self.assertFalse(self.online())

    def test_plain_registrations_last(self) -> None:
        """Who promised no keep-alives is online until its time is over."""
        self.device.register(["Expires: 600"])
        self.switch.clock.advance(599)
        self.assertTrue(self.online())

    def test_stun_keeps_it(self) -> None:
        """And tells the phone from where it is seen."""
        self.device.register([SUPPORTED], self.contact(1))
        for _ in range(5):
            self.switch.advance(29)
            (told,) = self.stun(request())
            self.assertEqual(told, answer(parse(request()), HOME))
        self.assertTrue(self.online())
        self.switch.advance(30 + GRACE + 0.2)
        self.assertFalse(self.online())

    def test_registering_keeps_it(self) -> None:
        """A REGISTER is a sign of life, too."""
        for _ in range(5):
            self.device.challenge = None
            self.device.register([SUPPORTED], self.contact(1))
            self.switch.advance(30 + GRACE - 1)
            self.assertTrue(self.online())

    def test_strangers_get_no_answer(self) -> None:
        """Nobody has STUN answers sent to others; nobody learns what is here."""
        self.assertEqual(self.stun(request()), [])
        self.device.register()
        self.assertEqual(len(self.stun(request())), 1)
        self.assertEqual(len(self.stun(request(attribute(0x7FFF)))), 1)
        self.assertEqual(self.stun(b"\x00\x01\x00\x00junk"), [])

    def test_ping(self) -> None:
        """CRLF CRLF on a connection keeps its flow."""
        channel = FakeChannel("TCP", True)
        device = self.flow(channel)
        device.register([SUPPORTED], self.contact(1))
        for _ in range(5):
            self.switch.advance(29)
            self.switch.reception.pinged(channel, HOME)  # type: ignore[arg-type]
        self.assertEqual(channel.sent, [(b"\r\n", HOME)] * 5)
        self.assertTrue(self.online())
        self.switch.advance(30 + GRACE + 0.2)
        self.assertFalse(self.online())

    def test_nothing_is_left(self) -> None:
        """A flow that ended is not watched any more."""
        self.device.register([SUPPORTED], self.contact(1))
        self.device.register([SUPPORTED], [self.contact(1)[0] + ";expires=0"])
        self.assertEqual(len(self.switch.registration.flows), 0)
        self.assertEqual(self.switch.left(), {})
