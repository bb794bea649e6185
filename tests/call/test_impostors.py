"""
Who would call, or be called, as somebody else: devices whose names or places
are those of others.
"""

from __future__ import annotations

from typing import Any

from tests.call.build import CallTests
from tests.peers import Caller
from tests.phones import DESK, HALL, PhonePeer
from tests.switch import (
    CALLEE,
    CALLER,
    FakeChannel,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.gateways import RegisterType
from vos3000.model.sipoptions import IdentityMode, SipOptions

DYNAMIC: Any = RegisterType.DYNAMIC


class NamesakeTests(CallTests):
    """Two devices of one name and of different passwords are two."""

    def names(self, **settings: Any) -> Switch:
        """A switch with the phone 1001."""
        switch = self.switch(**settings)
        switch.phone("1001", password="phone")
        return switch

    def test_phone_is_no_mapping_gateway(self) -> None:
        """A phone calls on its own account, wherever it is registered."""
        for password in ("gateway", ""):
            trunk = mapping_gateway(
                name="1001", remote_ips=(), register_type=DYNAMIC, password=password
            )
            switch = self.names(mapping=[trunk])
            phone = PhonePeer(switch, "1001", password="phone")
            phone.register()
            challenge = phone.switch.taken()
            self.assertEqual(challenge, [])
            Caller(switch, DESK, "4930", "2000").invite()
            self.assertEqual(self.lines(switch, DESK), ["401"])

    def test_phone_is_no_routing_gateway(self) -> None:
        """It hears nothing of the calls that a gateway of its name shall get."""
        route = routing_gateway(
            name="1001", remote_ip="", register_type=DYNAMIC, password="gateway"
        )
        switch = self.names(routing=[route])
        PhonePeer(switch, "1001", password="phone").register()
        switch.taken()
        Caller(switch, callee="2000").invite()
        self.assertEqual(self.lines(switch, DESK), [])
        self.assertEqual(self.lines(switch, CALLER), ["100", "503"])
        self.assertEqual(switch.ends[0].detail, "1001: not registered")

    def test_vendor_is_no_customer(self) -> None:
        """A routing gateway's password opens no account of its name."""
        customer = mapping_gateway(
            name="trunk", remote_ips=(), register_type=DYNAMIC, password=""
        )
        vendor = routing_gateway(
            name="trunk", remote_ip="", register_type=DYNAMIC, password="vendor"
        )
        switch = self.switch(mapping=[customer], routing=[vendor])
        peer = PhonePeer(switch, "trunk", password="vendor")
        peer.register()
        switch.taken()
        Caller(switch, DESK, "4930", "2000").invite()
        self.assertEqual(self.lines(switch, DESK), ["401"])
        self.assertEqual(switch.cdrs, [])


class PlaceTests(CallTests):
    """Where somebody is."""

    def test_other_transport(self) -> None:
        """
        A gateway that registered by a connection is not who sends datagrams
        from its address and port: anybody can write that on one.
        """
        trunk = mapping_gateway(
            name="trunk", remote_ips=(), register_type=DYNAMIC, password="secret"
        )
        switch = self.switch(mapping=[trunk])
        peer = PhonePeer(switch, "trunk")
        peer.device.channel = FakeChannel("TCP", True)
        self.assertEqual(peer.device.register().status, 200)
        Caller(switch, DESK, "4930", "2000").invite()
        self.assertEqual(self.lines(switch, DESK), ["401"])

    def test_contact_of_another(self) -> None:
        """
        A Contact may not lead calls to a gateway, another device or the
        switch, whatever sipRequestAddress says: they would take them for ours.
        """
        for place, expected in (
            (CALLER, DESK),
            (HALL, DESK),
            (("192.0.2.1", 5060), DESK),
            (("198.51.100.99", 5060), ("198.51.100.99", 5060)),
        ):
            switch = self.switch()
            switch.phone("1001", sipRequestAddress=2)
            switch.phone("1002")
            PhonePeer(switch, "1002", HALL).register()
            phone = PhonePeer(switch)
            phone.device.contact = f"<sip:0044@{place[0]}:{place[1]}>"
            phone.register()
            Caller(switch, callee="1001").invite()
            self.assertEqual(self.lines(switch, expected), ["INVITE"], place)


class IdentityTests(CallTests):
    """Whose number a gateway is told."""

    def test_phone_asserts_nothing(self) -> None:
        """A phone has its own number, whatever identity it prefers."""
        options = SipOptions(
            p_asserted=IdentityMode.PASS, p_preferred=IdentityMode.PASS
        )
        switch = self.switch(routing=[routing_gateway(sip=options)])
        switch.phone("1001")
        phone = PhonePeer(switch)
        caller = phone.caller("2000")
        phone.device.learn(phone.invite(caller))
        caller.cseq += 1
        given = phone.device.credentials("INVITE", caller.uri)
        theirs = "<sip:+4930@bank.example>"
        caller.invite(
            headers=[
                f"Authorization: {given}",
                f"P-Asserted-Identity: {theirs}",
                f"P-Preferred-Identity: {theirs}",
            ]
        )
        self.assertEqual(self.lines(switch, DESK), ["100"])
        invite = switch.request(CALLEE)
        self.assertEqual(invite.from_.uri.user, "1001")
        self.assertNotIn(b"bank", invite.data())


class PasswordTests(CallTests):
    """What a new password means for who is registered by the old one."""

    def test_gateway(self) -> None:
        """It is offline, and calls no more from where it was."""
        trunk = mapping_gateway(
            name="trunk", remote_ips=(), register_type=DYNAMIC, password="stolen"
        )
        switch = self.switch(mapping=[trunk])
        peer = PhonePeer(switch, "trunk", password="stolen")
        peer.register()
        switch.registration.load_mapping([trunk])
        self.assertTrue(switch.online("trunk"))
        switch.registration.load_mapping(
            [
                mapping_gateway(
                    name="trunk", remote_ips=(), register_type=DYNAMIC, password="new"
                )
            ]
        )
        self.assertFalse(switch.online("trunk"))
        switch.taken()
        Caller(switch, DESK, "4930", "2000").invite()
        self.assertEqual(self.lines(switch, DESK), ["401"])
