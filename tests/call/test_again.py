"""
An INVITE that goes out once more on the same route: redirected, or to another
address of the gateway.
"""

from __future__ import annotations

from typing import Any

from tests.call.build import CallTests, final
from tests.call.test_failover import second
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.sipoptions import SipOptions
from vos3000.sip.locate import Target
from vos3000.sip.message import Request

OTHER = ("192.0.2.31", 5080)
THIRD = ("192.0.2.32", 5060)

FOLLOWS = SipOptions(follows_redirect=True)


def moved(*uris: str) -> list[tuple[str, str]]:
    """Contacts of a redirection."""
    return [("Contact", uri) for uri in uris]


def at(address: tuple[str, int], user: str = "77") -> str:
    """A contact there."""
    return f"<sip:{user}@{address[0]}:{address[1]}>"


class AgainTests(CallTests):
    """What they have in common."""

    def begin(self, **settings: Any) -> tuple[Switch, Caller, Callee, Request]:
        """A call at the first gateway, which may redirect."""
        options = settings.pop("options", FOLLOWS)
        given = {"routing": [routing_gateway(sip=options), second()], **settings}
        switch = self.switch(**given)
        return self.call(switch)

    def call(self, switch: Switch) -> tuple[Switch, Caller, Callee, Request]:
        """A call at the first gateway."""
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        self.assertEqual(self.lines(switch, CALLER), ["100"])
        return switch, caller, callee, switch.request(CALLEE)

    def redirect(self, callee: Callee, invite: Request, *uris: str) -> None:
        """The callee redirects; its own Contact is none of them."""
        data = moved(*uris)
        host, port = callee.address
        lines = [
            "SIP/2.0 302 Moved Temporarily",
            f"Via: {invite.get('via')}",
            f"From: {invite.get('from')}",
            f"To: {invite.get('to')};tag=r{port}",
            f"Call-ID: {invite.call_id}",
            f"CSeq: {invite.get('cseq')}",
            *(f"{name}: {value}" for name, value in data),
            "Content-Length: 0",
        ]
        text = "\r\n".join(lines) + "\r\n\r\n"
        callee.switch.receive(text, (host, port))


class RedirectTests(AgainTests):
    """3xx of a gateway that may redirect (sipFollowRedirect)."""

    def test_places_that_cannot_be_meant(self) -> None:
        """
        A carrier somewhere in the world does not send us to our own machine, nor
        into the networks around it, by address or by a name of its own.
        """
        carrier = ("8.8.8.8", 5060)
        gateway = routing_gateway(sip=FOLLOWS, remote_ip=carrier[0])
        inside = ("127.0.0.1", "10.0.0.7", "169.254.169.254", "0.0.0.0", "[::1]")
        for host in (*inside, "[::ffff:127.0.0.1]", "224.0.0.1", "inside.example"):
            switch = self.switch(routing=[gateway])
            switch.servers["inside.example"] = (Target("udp", ("127.0.0.1", 80)),)
            Caller(switch).invite()
            callee = Callee(switch, carrier)
            self.redirect(callee, switch.request(carrier), f"<sip:77@{host}:80>")
            switch.taken(carrier)
            self.assertEqual(final(switch, CALLER).status, 302, host)
            self.assertEqual([t for _, t in switch.channel.sent], [], host)
        switch = self.switch(routing=[gateway])
        Caller(switch).invite()
        callee = Callee(switch, carrier)
        self.redirect(callee, switch.request(carrier), "<sip:77@9.9.9.9>")
        self.assertEqual(switch.request(("9.9.9.9", 5060)).method, "INVITE")

    def test_followed(self) -> None:
        """
        The same leg calls the contact: its number, our Call-ID, From and offer,
        the next CSeq, a new branch, no tag in To; one record, one charge.
        """
        switch, caller, callee, invite = self.begin()
        self.redirect(callee, invite, at(OTHER))
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        moved = switch.request(OTHER)
        self.assertEqual(moved.uri_text, "sip:77@192.0.2.31:5080")
        for name in ("call-id", "from", "to", "contact", "max-forwards"):
            self.assertEqual(moved.get(name), invite.get(name), name)
        self.assertEqual(moved.body, invite.body)
        self.assertEqual(moved.cseq, invite.cseq + 1)
        self.assertNotEqual(moved.branch, invite.branch)
        self.assertEqual(self.lines(switch, CALLER), [])
        other = Callee(switch, OTHER)
        other.reply(moved, 180)
        other.reply(moved, 200, ANSWER)
        ack = switch.request(OTHER)
        self.assertEqual((ack.method, ack.cseq), ("ACK", moved.cseq))
        caller.ack(final(switch, CALLER))
        switch.advance(10)
        caller.ask("BYE")
        bye = switch.request(OTHER)
        self.assertEqual((bye.method, bye.cseq), ("BYE", moved.cseq + 1))
        other.reply(bye, 200)
        self.assert_over(switch, -8, 0)
        [cdr] = switch.cdrs
        self.assertEqual((cdr.calleegatewayid, cdr.calleeip), ("first", OTHER[0]))
        self.assertEqual((cdr.calleee164, cdr.agentaccount), ("2000", "vendor"))
        self.assert_idle(switch)

    def test_refused_by_option(self) -> None:
        """Without the option a 3xx is a failure: the next gateway is tried."""
        switch, _, callee, invite = self.begin(options=SipOptions())
        self.redirect(callee, invite, at(OTHER))
        self.assertEqual(switch.taken(OTHER), [])
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_told_to_the_caller(self) -> None:
        """The last gateway's 302 is the end reason."""
        switch, _, callee, invite = self.begin(routing=[routing_gateway()])
        self.redirect(callee, invite, at(OTHER))
        self.assertEqual(final(switch, CALLER).status, 302)
        self.assert_over(switch, 302, 1)

    def test_contacts_in_order(self) -> None:
        """By q; a contact that refuses is followed by the next; then the hunt."""
        switch, _, callee, invite = self.begin()
        self.redirect(callee, invite, f"{at(THIRD)};q=0.1, {at(OTHER)};q=0.5")
        first = switch.request(OTHER)
        Callee(switch, OTHER).reply(first, 486)
        self.assertEqual(self.lines(switch, OTHER), ["ACK"])
        last = switch.request(THIRD)
        self.assertEqual(last.cseq, 3)
        self.assertEqual(switch.taken(SECOND), [])
        Callee(switch, THIRD).reply(last, 503)
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])
        self.assertEqual(switch.lines_out.used("first"), 0)

    def test_silent_contact(self) -> None:
        """A contact that does not answer has the gateway's whole INVITE stage."""
        switch, _, callee, invite = self.begin()
        switch.advance(8)
        self.redirect(callee, invite, at(OTHER))
        switch.advance(9.75)
        self.assertEqual(switch.taken(SECOND), [])
        switch.advance(0.5)
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_nowhere(self) -> None:
        """Contacts that cannot be reached, or none: the next gateway."""
        for contacts in (
            (),
            ("<sip:1@192.0.2.31;transport=sctp>",),
            ("<tel:1>", "<sip:;;>"),
        ):
            switch, _, callee, invite = self.begin()
            self.redirect(callee, invite, *contacts)
            self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_circle(self) -> None:
        """Two servers that name each other are each tried once."""
        switch, _, callee, invite = self.begin()
        back = f"<{invite.uri_text}>"
        self.redirect(callee, invite, at(OTHER))
        moved = switch.request(OTHER)
        self.redirect(Callee(switch, OTHER), moved, at(OTHER), back)
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_chain_ends(self) -> None:
        """At most five contacts are gone to."""
        switch, _, callee, invite = self.begin()
        for port in range(6001, 6006):
            self.redirect(callee, invite, at((OTHER[0], port)))
            callee = Callee(switch, (OTHER[0], port))
            invite = switch.request(callee.address)
        self.redirect(callee, invite, at((OTHER[0], 6006)))
        self.assertEqual(switch.taken((OTHER[0], 6006)), [])
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_declined_everywhere(self) -> None:
        """A 6xx of a contact ends the attempt, and the hunt as 603 does."""
        switch, _, callee, invite = self.begin()
        self.redirect(callee, invite, at(OTHER), at(THIRD))
        Callee(switch, OTHER).reply(switch.request(OTHER), 603)
        self.assertEqual(switch.taken(THIRD), [])
        self.assert_over(switch, 603, 1)

    def test_after_ringing(self) -> None:
        """Once the callee rang, the hunt stays with it."""
        switch, _, callee, invite = self.begin()
        callee.reply(invite, 180)
        self.redirect(callee, invite, at(OTHER))
        self.assertEqual(switch.taken(OTHER), [])
        self.assert_over(switch, 302, 1)

    def test_caller_gave_up(self) -> None:
        """A 302 that comes instead of the 487 is not followed."""
        switch, caller, callee, invite = self.begin()
        callee.reply(invite, 100)
        caller.cancel()
        self.redirect(callee, invite, at(OTHER))
        self.assertEqual(switch.taken(OTHER), [])
        self.assert_over(switch, -7, 0)
        self.assert_idle(switch)

    def test_cancel_goes_to_the_contact(self) -> None:
        """CANCEL has the number of the INVITE that is under way."""
        switch, caller, callee, invite = self.begin()
        self.redirect(callee, invite, at(OTHER))
        moved = switch.request(OTHER)
        Callee(switch, OTHER).reply(moved, 180)
        switch.taken(CALLEE)
        caller.cancel()
        cancel = switch.request(OTHER)
        self.assertEqual((cancel.method, cancel.cseq), ("CANCEL", moved.cseq))
        self.assertEqual(cancel.branch, moved.branch)
        Callee(switch, OTHER).reply(moved, 487)
        self.assertEqual(switch.taken(CALLEE), [])
        self.assert_over(switch, -7, 0)
        self.assert_idle(switch)

    def test_late_offer(self) -> None:
        """The ACK that answers an offer has the number of the last INVITE."""
        switch = self.switch(routing=[routing_gateway(sip=FOLLOWS)])
        caller, callee = Caller(switch), Callee(switch)
        caller.invite(b"")
        self.redirect(callee, switch.request(CALLEE), at(OTHER))
        moved = switch.request(OTHER)
        Callee(switch, OTHER).reply(moved, 200, ANSWER)
        self.assertEqual(switch.taken(OTHER), [])
        caller.ack(final(switch, CALLER), ANSWER)
        ack = switch.request(OTHER)
        self.assertEqual((ack.method, ack.cseq), ("ACK", moved.cseq))
        self.assertTrue(ack.body)

    def test_patience_counts_on(self) -> None:
        """The caller's patience is over all of it."""
        switch, _, callee, invite = self.begin(
            mapping=[mapping_gateway(timeout_call_proceeding=12)]
        )
        switch.advance(8)
        self.redirect(callee, invite, at(OTHER))
        switch.advance(4.25)
        self.assert_over(switch, -1001, 2)


class AddressTests(AgainTests):
    """A gateway with several addresses (RFC 3263 4.3)."""

    def begin(self, **settings: Any) -> tuple[Switch, Caller, Callee, Request]:
        """A call at the first address of the first gateway."""
        switch = self.switch(**settings)
        one = switch.gate.places

        def targets(name: str, port: int, *rest: str) -> Any:
            found = one(name, port, *rest)
            return found + one(*OTHER, *rest) if name == CALLEE[0] else found

        switch.gate.places = targets  # type: ignore[method-assign]
        return self.call(switch)

    def assert_moved(self, switch: Switch, invite: Request) -> Request:
        """The other address got the same INVITE with another branch."""
        moved = switch.request(OTHER)
        self.assertEqual(moved.uri_text, "sip:2000@192.0.2.31:5080")
        self.assertEqual((moved.cseq, moved.call_id), (invite.cseq, invite.call_id))
        self.assertNotEqual(moved.branch, invite.branch)
        self.assertEqual(switch.taken(SECOND), [])
        return moved

    def test_silence(self) -> None:
        """After the INVITE stage the next address; then the next gateway."""
        switch, caller, _, invite = self.begin()
        switch.advance(10.25)
        switch.taken(CALLEE)
        self.assert_moved(switch, invite)
        self.assertEqual(switch.lines_out.used("first"), 1)
        switch.advance(10.25)
        self.assertEqual(switch.lines_out.used("first"), 0)
        other = switch.request(SECOND)
        Callee(switch, SECOND).reply(other, 200, ANSWER)
        caller.ack(final(switch, CALLER))
        caller.ask("BYE")
        self.assert_over(switch, -8, 0)
        self.assert_idle(switch)

    def test_out_of_service(self) -> None:
        """503 of one address: the other is tried; 486 is the callee's own."""
        switch, _, callee, invite = self.begin()
        callee.reply(invite, 503)
        self.assert_moved(switch, invite)
        switch, _, callee, invite = self.begin()
        callee.reply(invite, 486)
        self.assertEqual(switch.taken(OTHER), [])
        self.assert_over(switch, 486, 1)

    def test_connection_lost(self) -> None:
        """An INVITE whose connection closes goes to the other address."""
        switch, _, _, invite = self.begin()
        switch.core.layer.channel_lost(switch.channel)
        self.assert_moved(switch, invite)

    def test_first_answers_late(self) -> None:
        """It gets ACK and BYE; the other one's call goes on."""
        switch, caller, callee, invite = self.begin()
        switch.advance(10.25)
        moved = self.assert_moved(switch, invite)
        switch.taken(CALLEE)
        callee.reply(invite, 200, ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK", "BYE"])
        callee.reply(invite, 200, ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assertEqual(self.lines(switch, CALLER), [])
        Callee(switch, OTHER).reply(moved, 200, ANSWER)
        caller.ack(final(switch, CALLER))
        caller.ask("BYE")
        self.assertEqual(self.lines(switch, OTHER), ["ACK", "BYE"])
        self.assert_over(switch, -8, 0)
        self.assert_idle(switch)

    def test_first_rings_late(self) -> None:
        """It gets CANCEL, once, and its 487 an ACK."""
        switch, caller, callee, invite = self.begin()
        switch.advance(10.25)
        switch.taken(CALLEE)
        callee.reply(invite, 100)
        callee.reply(invite, 180)
        self.assertEqual(self.lines(switch, CALLEE), ["CANCEL"])
        self.assertEqual(self.lines(switch, CALLER), [])
        callee.reply(invite, 487)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        caller.cancel()
        self.assert_over(switch, -7, 0)
        self.assert_idle(switch)

    def test_caller_gives_up_meanwhile(self) -> None:
        """Neither address is left with a call."""
        switch, caller, callee, invite = self.begin()
        switch.advance(10.25)
        moved = self.assert_moved(switch, invite)
        caller.cancel()
        self.assert_over(switch, -7, 0)
        switch.taken()
        for peer, request in ((callee, invite), (Callee(switch, OTHER), moved)):
            peer.reply(request, 180)
            self.assertEqual(self.lines(switch, peer.address), ["CANCEL"])
        self.assert_idle(switch)
