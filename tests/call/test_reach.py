"""
How registered devices are reached: through a NAT, by a connection, over a
proxy's Path, after a restart.
"""

from __future__ import annotations

from typing import Any

import attrs

from tests.call.phones import PhoneCallTests
from tests.phones import DESK, HALL, PhonePeer
from tests.switch import ANSWER, CALLER, OFFER, FakeChannel
from vos3000.sip.message import Request, Response
from vos3000.sip.parser import parse

OUTSIDE = ("198.51.100.8", 40404)
"""Where the phone's NAT sends from."""

INSIDE = "<sip:1002@10.0.0.7:5060>"


class ReachTests(PhoneCallTests):
    """Where the INVITE to the phone 1002 goes, and what it says."""

    def at(self, address: tuple[str, int], contact: str, **fields: Any) -> PhonePeer:
        """The phone, registered from an address with a Contact."""
        self.now = switch = self.switch()
        if fields:
            switch.phone("1002", **fields)
        phone = PhonePeer(switch, "1002", address)
        phone.device.contact = contact
        return phone

    def called(self, address: tuple[str, int]) -> Request:
        """The INVITE that comes there when the gateway calls."""
        self.now.taken()
        self.from_gateway(self.now, "1002")
        invite = self.now.request(address)
        self.assertEqual(invite.method, "INVITE")
        return invite

    def test_behind_nat(self) -> None:
        """All of a call goes where the REGISTER came from, by the NAT's port."""
        phone = self.at(OUTSIDE, INSIDE)
        phone.register()
        invite = self.called(OUTSIDE)
        self.assertEqual(invite.uri_text, "sip:1002@10.0.0.7:5060")
        phone.contact = INSIDE
        phone.reply(invite, 200, ANSWER)
        self.assertEqual(self.now.request(OUTSIDE).method, "ACK")
        self.now.registry.hang_up(1)
        self.assertEqual(self.lines(self.now, CALLER)[-1], "200")
        self.assertEqual(self.now.request(OUTSIDE).method, "BYE")

    def test_named_port(self) -> None:
        """sipRequestAddress 1: the source's address, the Contact's port."""
        phone = self.at(OUTSIDE, "<sip:1002@198.51.100.8:5080>", sipRequestAddress=1)
        phone.register()
        self.called((OUTSIDE[0], 5080))

    def test_named(self) -> None:
        """sipRequestAddress 2: where the Contact says."""
        phone = self.at(OUTSIDE, "<sip:1002@203.0.113.7:5080>", sipRequestAddress=2)
        phone.register()
        self.called(("203.0.113.7", 5080))

    def test_named_behind_nat(self) -> None:
        """What cannot be reached is not tried, whatever the option says."""
        public = ("9.9.9.9", 40404)
        phone = self.at(public, INSIDE, sipRequestAddress=2)
        phone.register()
        self.called(public)

    def test_path(self) -> None:
        """The Path stands as Route; the proxy listens where it says."""
        phone = self.at(OUTSIDE, INSIDE)
        phone.register(["Path: <sip:198.51.100.8:5090;lr;ob>", "Supported: path"])
        invite = self.called(("198.51.100.8", 5090))
        self.assertEqual(invite.all("route"), ["<sip:198.51.100.8:5090;lr;ob>"])
        self.assertEqual(invite.uri_text, "sip:1002@10.0.0.7:5060")

    def test_path_elsewhere(self) -> None:
        """A Path draws our requests to nobody but who registered."""
        phone = self.at(OUTSIDE, INSIDE)
        phone.register(["Path: <sip:203.0.113.99;lr>", "Supported: path"])
        invite = self.called(OUTSIDE)
        self.assertEqual(invite.all("route"), ["<sip:203.0.113.99;lr>"])

    def test_connection(self) -> None:
        """A phone that holds a connection open is called on it."""
        self.now = switch = self.switch()
        wire = FakeChannel("TCP", reliable=True)
        phone = PhonePeer(switch, "1002", HALL)
        phone.device.channel = wire
        phone.device.contact = "<sip:1002@10.0.0.7:5060;transport=tcp>"
        phone.register()
        switch.taken()
        self.from_gateway(switch, "1002")
        ((data, address),) = wire.sent
        invite = parse(data)
        assert isinstance(invite, Request)
        self.assertEqual(address, HALL)
        self.assertEqual(invite.uri_text, "sip:1002@10.0.0.7:5060;transport=tcp")
        self.assertIn("SIP/2.0/TCP", invite.get("via") or "")

    def test_after_a_restart(self) -> None:
        """What is left of a binding is enough: address, transport, our address."""
        phone = self.at(DESK, "<sip:1002@198.51.100.7:5060>")
        phone.register()
        (binding,) = self.now.location.of("1002")
        self.now.location.put(attrs.evolve(binding, channel=None))
        self.called(DESK)

    def test_transport_that_is_gone(self) -> None:
        """No way to it just now: the phone counts as offline."""
        phone = self.at(DESK, "<sip:1002@198.51.100.7:5060>")
        phone.register()
        (binding,) = self.now.location.of("1002")
        self.now.location.put(attrs.evolve(binding, channel=None, transport="ws"))
        self.now.taken()
        self.from_gateway(self.now, "1002")
        refusal = self.now.taken(CALLER)[-1]
        assert isinstance(refusal, Response)
        self.assertEqual(refusal.status, 480)
        self.assertEqual(self.now.cdrs[0].endreason, -1002)

    def test_newest_flow(self) -> None:
        """Of several flows of a device the one that registered last."""
        self.now = switch = self.switch()
        for number, address in enumerate((DESK, HALL), 1):
            phone = PhonePeer(switch, "1002", address)
            phone.device.call_id = f"flow{number}"
            instance = '+sip.instance="<urn:uuid:1>"'
            phone.device.contact += f";{instance};reg-id={number}"
            phone.register(["Supported: path, outbound"])
            switch.advance(1)
        self.called(HALL)

    def test_calls_from_behind_nat(self) -> None:
        """What we ask of a phone that called goes where it called from."""
        phone = self.at(OUTSIDE, INSIDE)
        two = PhonePeer(self.now, "1001", DESK)
        two.register()
        caller = phone.caller("1001")
        caller.contact = INSIDE
        phone.device.learn(phone.invite(caller))
        caller.cseq += 1
        phone.invite(caller)
        two.answers(two.rings())
        caller.ack(self.now.taken(OUTSIDE)[-1])  # type: ignore[arg-type]
        caller.ask("INVITE", OFFER)
        self.assertEqual(self.lines(self.now, OUTSIDE), ["100"])
        two.reply(self.now.request(DESK), 200, ANSWER)
        caller.ack(self.now.response(OUTSIDE), b"")
        self.now.taken()
        self.now.registry.hang_up(1)
        bye = self.now.request(OUTSIDE)
        self.assertEqual((bye.method, bye.uri_text), ("BYE", "sip:1002@10.0.0.7:5060"))

    def test_moves_during_a_call(self) -> None:
        """A phone that registers from elsewhere and says so is found there."""
        phone = self.at(DESK, "<sip:1002@198.51.100.7:5060>")
        phone.register()
        invite = self.called(DESK)
        phone.answers(invite)
        self.now.taken()
        phone.device.address = phone.address = OUTSIDE
        phone.device.challenge, phone.device.call_id = None, "moved"
        phone.register()
        self.now.taken()
        phone.ask(invite, "UPDATE")
        self.now.taken()
        self.now.registry.hang_up(1)
        self.assertEqual(self.now.request(OUTSIDE).method, "BYE")
