"""Gateways known by name: where their calls go, and what they are called."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.peers import Callee, Caller
from tests.switch import ANSWER, CALLEE, SECOND, Switch, routing_gateway
from vos3000.model.sipoptions import SipOptions
from vos3000.sip.avoided import AVOIDED
from vos3000.sip.locate import Target
from vos3000.sip.message import Request
from vos3000.sip.transaction import Address

NAME = "gw.example"
THIRD = ("192.0.2.22", 5062)


class ServerCase(SynchronousTestCase):
    """A switch whose one gateway has a name."""

    def switch(self, *targets: Target, **settings: object) -> Switch:
        """The gateway leads to these."""
        switch = Switch(routing=[routing_gateway(remote_ip=NAME, **settings)])
        switch.servers[NAME] = targets
        return switch

    def invite(self, switch: Switch, to: Address, call_id: str) -> Request:
        """Place a call, and see the INVITE of it."""
        Caller(switch, call_id=call_id).invite()
        return self.request(switch, to)

    def request(self, switch: Switch, to: Address) -> Request:
        """The INVITE that was sent there."""
        found = [m for m in switch.taken(to) if isinstance(m, Request)]
        self.assertEqual({each.method for each in found}, {"INVITE"})
        return found[0]


class NameTests(ServerCase):
    """What is said to a gateway that has a name."""

    def test_it_is_called_by_it(self) -> None:
        """Whatever it leads to, with a port only where one is set (RFC 3263 4)."""
        for settings, uri in (
            ({}, "sip:2000@gw.example"),
            ({"signal_port": 5070}, "sip:2000@gw.example:5070"),
        ):
            switch = self.switch(Target("udp", CALLEE), **settings)
            invite = self.invite(switch, CALLEE, "c1")
            self.assertEqual(invite.uri_text, uri)

    def test_an_address_is_called_by_address(self) -> None:
        """With its port, as ever."""
        switch = Switch(routing=[routing_gateway()])
        invite = self.invite(switch, CALLEE, "c1")
        self.assertEqual(invite.uri_text, "sip:2000@192.0.2.20:5060")

    def test_local(self) -> None:
        """Our own address that it sees: localIp and signalPortLocal."""
        for given, expected in (
            ({}, ("", 0)),
            ({"local_ip": "192.0.2.1"}, ("192.0.2.1", 0)),
            ({"local_port": 6060}, ("", 6060)),
        ):
            switch = self.switch(Target("udp", CALLEE), **given)
            self.invite(switch, CALLEE, "c1")
            self.assertEqual(switch.transport.local, expected)

    def test_transport(self) -> None:
        """It stands in the Request-URI."""
        switch = self.switch(Target("tls", CALLEE), transport="tls")
        switch.channel.name = "TLS"
        invite = self.invite(switch, CALLEE, "c1")
        self.assertEqual(invite.uri_text, "sip:2000@gw.example;transport=tls")

    def test_whose_certificate(self) -> None:
        """That of its name, or of its address, or nobody's."""
        switch = self.switch(Target("tls", CALLEE), transport="tls")
        self.invite(switch, CALLEE, "c1")
        self.assertEqual(switch.transport.asked, [("tls", NAME, True)])
        gateway = routing_gateway(transport="tls", sip=SipOptions(tls_verify=False))
        switch = Switch(routing=[gateway])
        Caller(switch).invite()
        self.assertEqual(switch.transport.asked, [("tls", "", False)])


class OrderTests(ServerCase):
    """Several servers (RFC 3263 4.3)."""

    def test_silence(self) -> None:
        """The next one is asked, and the next calls go there first for a while."""
        switch = self.switch(Target("udp", CALLEE), Target("udp", SECOND))
        self.invite(switch, CALLEE, "c1")
        switch.advance(12)
        self.request(switch, SECOND)
        switch.taken()
        self.invite(switch, SECOND, "c2")
        switch.advance(AVOIDED + 1)
        switch.taken()
        self.invite(switch, CALLEE, "c3")

    def test_503(self) -> None:
        """The same."""
        targets = [Target("udp", each) for each in (CALLEE, SECOND, THIRD)]
        switch = self.switch(*targets)
        first, second = Callee(switch), Callee(switch, SECOND)
        first.reply(self.invite(switch, CALLEE, "c1"), 503)
        second.reply(self.request(switch, SECOND), 503)
        answered = self.request(switch, THIRD)
        Callee(switch, THIRD).reply(answered, 200, ANSWER)
        switch.taken()
        self.invite(switch, THIRD, "c2")

    def test_refusal(self) -> None:
        """Another refusal is the gateway's word, and no server is avoided."""
        switch = self.switch(Target("udp", CALLEE), Target("udp", SECOND))
        Callee(switch).reply(self.invite(switch, CALLEE, "c1"), 404)
        switch.taken()
        self.invite(switch, CALLEE, "c2")

    def test_the_only_server(self) -> None:
        """It is asked though it failed."""
        switch = self.switch(Target("udp", CALLEE))
        Callee(switch).reply(self.invite(switch, CALLEE, "c1"), 503)
        switch.advance(1)
        switch.taken()
        self.assertEqual(len(switch.gate.avoided), 0)
