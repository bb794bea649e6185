"""
Where messages go: sipRequestAddressMethod and sipResponseAddressMethod, the
three modes of each.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.call.build import CallTests
from tests.peers import Callee, Caller
from tests.sip.test_message import request
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    STRANGER,
    FakeChannel,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.sipoptions import AddressFrom, SipOptions
from vos3000.sip.aim import Aim, aimed, answer_at
from vos3000.sip.message import Response
from vos3000.sip.transaction import Address
from vos3000.sip.uri import parse_uri

MODES = (AddressFrom.SOURCE, AddressFrom.NAMED_PORT, AddressFrom.NAMED)
NAMED = ("192.0.2.99", 5070)
"""Where Contact or Via say that the peer is."""


class AddressTests(CallTests):
    """A call whose peers name another place than they send from."""

    def contact(self, place: Address = NAMED) -> str:
        """A Contact there."""
        return f"<sip:x@{place[0]}:{place[1]}>"

    def begun(
        self,
        mode: AddressFrom,
        headers: tuple[str, ...] = (),
        contact: str | None = None,
        channel: FakeChannel | None = None,
    ) -> tuple[Switch, Caller, Callee]:
        """An answered call of a caller whose Contact is not where it sends from."""
        switch = self.switch(
            mapping=[mapping_gateway(sip=SipOptions(request_address=mode))]
        )
        if channel is not None:
            switch.channel = channel
        caller, callee = Caller(switch), Callee(switch)
        data = caller.make("INVITE", OFFER, headers)
        there = contact or self.contact()
        caller.send(data.replace(b"<sip:a@192.0.2.10:5060>", there.encode()))
        invite = switch.request(CALLEE)
        callee.reply(invite, 200, ANSWER)
        ok = next(
            each
            for each in switch.taken(CALLER)
            if isinstance(each, Response) and each.status == 200
        )
        caller.ack(ok)
        switch.taken()
        self.invite = invite
        return switch, caller, callee

    def hung_up(self, switch: Switch, callee: Callee) -> Address:
        """Where the BYE to the caller goes when the callee hangs up."""
        callee.ask(self.invite, "BYE")
        sent = [
            address
            for data, address in switch.channel.sent
            if data.startswith(b"BYE ") and address != callee.address
        ]
        self.assertEqual(len(sent), 1, sent)
        return sent[0]


class RequestsToTheCallerTests(AddressTests):
    """sipRequestAddressMethod of mapping gateways (sipRequestAddress of phones)."""

    def test_modes(self) -> None:
        """The socket; its address with the Contact's port; the Contact."""
        for mode, there in zip(
            MODES, (CALLER, (CALLER[0], NAMED[1]), NAMED), strict=True
        ):
            switch, _, callee = self.begun(mode)
            self.assertEqual(self.hung_up(switch, callee), there, mode)

    def test_request_line_is_the_contact(self) -> None:
        """Wherever it goes, it is for the Contact (12.2.1.1)."""
        for mode in MODES:
            switch, _, callee = self.begun(mode)
            callee.ask(self.invite, "BYE")
            (bye,) = [
                each for each in switch.taken() if getattr(each, "method", "") == "BYE"
            ]
            self.assertEqual(bye.uri_text, "sip:x@192.0.2.99:5070")  # type: ignore[union-attr]

    def test_contact_that_is_no_place(self) -> None:
        """A name, or an address that a NAT hides: where the peer sends from."""
        for contact in ("<sip:x@pc.example>", "<sip:x@127.0.0.1>", "<sip:x@0.0.0.0>"):
            switch, _, callee = self.begun(AddressFrom.NAMED, contact=contact)
            self.assertEqual(self.hung_up(switch, callee), CALLER, contact)

    def test_route_wins(self) -> None:
        """A proxy that recorded its route is gone through, whatever the mode."""
        for mode in MODES:
            switch, _, callee = self.begun(
                mode, ("Record-Route: <sip:192.0.2.77:5066;lr>",)
            )
            self.assertEqual(self.hung_up(switch, callee), ("192.0.2.77", 5066))
            switch, _, callee = self.begun(
                mode, ("Record-Route: <sip:proxy.example;lr>",)
            )
            self.assertEqual(self.hung_up(switch, callee), CALLER)

    def test_peer_that_moves(self) -> None:
        """A re-INVITE from a new port of the peer is followed."""
        for mode, there in zip(
            MODES, ((CALLER[0], 6000), (CALLER[0], 5070), NAMED), strict=True
        ):
            switch, caller, callee = self.begun(mode)
            caller.address = (CALLER[0], 6000)
            caller.cseq += 1
            data = caller.make("UPDATE", OFFER)
            data = data.replace(b"<sip:a@192.0.2.10:6000>", self.contact().encode())
            caller.send(data)
            callee.reply(switch.request(CALLEE), 200, ANSWER)
            switch.taken()
            self.assertEqual(self.hung_up(switch, callee), there, mode)

    def test_stranger_moves_nothing(self) -> None:
        """Who has merely seen the tags does not."""
        for mode, there in zip(
            MODES, (CALLER, (CALLER[0], NAMED[1]), NAMED), strict=True
        ):
            switch, caller, callee = self.begun(mode)
            caller.address = STRANGER
            caller.ask("UPDATE", OFFER)
            callee.reply(switch.request(CALLEE), 200, ANSWER)
            switch.taken()
            self.assertEqual(self.hung_up(switch, callee), there, mode)

    def test_connection(self) -> None:
        """
        On a connection they go out on it; once it is closed only the Contact
        can be called back.
        """
        for mode in MODES:
            channel = FakeChannel("TCP", reliable=True)
            switch, _, callee = self.begun(mode, channel=channel)
            self.assertEqual(self.hung_up(switch, callee), NAMED)


class RequestsToTheCalleeTests(AddressTests):
    """sipRequestAddressMethod of routing gateways."""

    def answered(self, mode: AddressFrom, *routes: str) -> list[Address]:
        """Where ACK and BYE to the callee go."""
        switch = self.switch(
            routing=[routing_gateway(sip=SipOptions(request_address=mode))]
        )
        caller = Caller(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        lines = [
            "SIP/2.0 200 OK",
            *(f"{n}: {v}" for n, v in invite.items() if n in ("Via", "From", "CSeq")),
            f"Call-ID: {invite.call_id}",
            f"To: {invite.get('to')};tag=b",
            f"Contact: {self.contact()}",
            *(f"Record-Route: {route}" for route in routes),
            "Content-Type: application/sdp",
            f"Content-Length: {len(ANSWER)}",
        ]
        switch.receive("\r\n".join([*lines, "", ""]).encode() + ANSWER, CALLEE)
        switch.registry.hang_up(1)
        return [a for _, a in switch.channel.sent if a != CALLER]

    def test_modes(self) -> None:
        """Where it was called; with the Contact's port; the Contact."""
        for mode, there in zip(
            MODES, (CALLEE, (CALLEE[0], NAMED[1]), NAMED), strict=True
        ):
            self.assertEqual(self.answered(mode), [there, there], mode)

    def test_route_wins(self) -> None:
        """The nearest proxy is the last of a response's route set (12.1.2)."""
        for mode in MODES:
            sent = self.answered(mode, "<sip:192.0.2.78;lr>", "<sip:192.0.2.77;lr>")
            self.assertEqual(sent, [("192.0.2.77", 5060)] * 2)


class ResponsesTests(AddressTests):
    """sipResponseAddressMethod."""

    def responses(
        self, mode: AddressFrom, via: str, **caller: Any
    ) -> tuple[Switch, set[Address]]:
        """Where the responses to an INVITE with this sent-by go."""
        switch = self.switch(
            mapping=[mapping_gateway(sip=SipOptions(response_address=mode))]
        )
        peer = Caller(switch, **caller)
        data = peer.make("INVITE", OFFER)
        mine = f"UDP {peer.address[0]}:{peer.address[1]}"
        self.sent = data.replace(mine.encode(), f"UDP {via}".encode())
        peer.send(self.sent)
        return switch, self.places(switch)

    def places(self, switch: Switch) -> set[Address]:
        """Where responses went since the last time."""
        sent = switch.channel.sent
        found = {a for data, a in sent if data.startswith(b"SIP/2.0 ")}
        switch.channel.sent = [
            pair for pair in sent if not pair[0].startswith(b"SIP/2.0 ")
        ]
        return found

    def test_modes(self) -> None:
        """The socket; its address with the port of the Via; the Via."""
        for mode, there in zip(
            MODES, (CALLER, (CALLER[0], NAMED[1]), NAMED), strict=True
        ):
            switch, places = self.responses(mode, "192.0.2.99:5070")
            self.assertEqual(places, {there}, mode)
            Callee(switch).reply(switch.request(CALLEE), 486)
            self.assertEqual(self.places(switch), {there}, mode)

    def test_rport(self) -> None:
        """Whoever chose another mode than the socket wants its port no more."""
        for mode, there in zip(
            MODES, (CALLER, (CALLER[0], NAMED[1]), NAMED), strict=True
        ):
            _, places = self.responses(mode, "192.0.2.99:5070;rport")
            self.assertEqual(places, {there}, mode)

    def test_default_port(self) -> None:
        """A sent-by without one means 5060 (18.2.2)."""
        source = (CALLER[0], 6000)
        data = b"SIP/2.0/UDP 192.0.2.10"
        for mode, port in zip(MODES, (6000, 5060, 5060), strict=True):
            switch = self.switch(
                mapping=[mapping_gateway(sip=SipOptions(response_address=mode))]
            )
            caller = Caller(switch, source)
            sent = caller.make("INVITE", OFFER).replace(data + b":6000", data)
            caller.send(sent)
            self.assertEqual(self.places(switch), {(CALLER[0], port)})

    def test_via_that_is_no_place(self) -> None:
        """A name, or an address that cannot be meant: the socket."""
        for via in ("pc.example:5070", "127.0.0.1:5070", "224.0.0.1:5070"):
            _, places = self.responses(AddressFrom.NAMED, via)
            self.assertEqual(places, {CALLER}, via)

    def test_retransmission(self) -> None:
        """It is answered where the request was."""
        for mode, there in zip(
            MODES, (CALLER, (CALLER[0], NAMED[1]), NAMED), strict=True
        ):
            switch, _ = self.responses(mode, "192.0.2.99:5070")
            switch.receive(self.sent, CALLER)
            self.assertEqual(self.places(switch), {there})
            invite = switch.request(CALLEE)
            Callee(switch).reply(invite, 486)
            switch.receive(self.sent, CALLER)
            self.assertEqual(self.places(switch), {there})

    def test_inside_the_dialog(self) -> None:
        """Each request has a Via of its own, and so has what repeats it."""
        for mode, there in zip(
            MODES, (CALLER, (CALLER[0], NAMED[1]), NAMED), strict=True
        ):
            switch, caller, _ = self.begun(AddressFrom.SOURCE)
            leg = next(iter(switch.registry)).leg
            leg.options = SipOptions(response_address=mode)  # type: ignore[attr-defined]
            data = caller.make("BYE", cseq=2)
            bye = data.replace(b"UDP 192.0.2.10:5060", b"UDP 192.0.2.99:5070")
            caller.send(bye)
            self.assertEqual(self.places(switch), {there}, mode)
            caller.send(bye)
            self.assertEqual(self.places(switch), {there}, mode)

    def test_strangers(self) -> None:
        """Nobody draws our answers to another by a Via (amplification)."""
        for mode in MODES:
            _, places = self.responses(mode, "192.0.2.99:5070", address=STRANGER)
            self.assertEqual(places, {(STRANGER[0], 5070)}, mode)
            switch, caller, _ = self.begun(AddressFrom.SOURCE)
            leg = next(iter(switch.registry)).leg
            leg.options = SipOptions(response_address=mode)  # type: ignore[attr-defined]
            data = caller.make("BYE", cseq=2)
            data = data.replace(b"UDP 192.0.2.10:5060", b"UDP 192.0.2.99:5070")
            switch.receive(data, STRANGER)
            self.assertEqual(self.places(switch), {(STRANGER[0], 5070)}, mode)


class AimTests(SynchronousTestCase):
    """L{vos3000.sip.aim}."""

    def test_public_source(self) -> None:
        """A private address behind a public one is behind a NAT."""
        here = ("8.8.8.8", 41000)
        for uri, there in (
            ("sip:x@10.0.0.1", here),
            ("sip:x@[fd00::1]:5070", here),
            ("sip:x@9.9.9.9", ("9.9.9.9", 5060)),
            ("sip:x@8.8.8.8:5070", ("8.8.8.8", 5070)),
        ):
            self.assertEqual(aimed(parse_uri(uri), here, "UDP", Aim.PLACE), there)
        self.assertEqual(
            aimed(parse_uri("sip:x@10.0.0.1:5070"), here, "UDP", Aim.PORT),
            ("8.8.8.8", 5070),
        )

    def test_port_of_the_transport(self) -> None:
        """5061 where it is TLS."""
        here = ("192.0.2.10", 41000)
        uri = parse_uri("sip:x@192.0.2.10")
        self.assertEqual(aimed(uri, here, "TLS", Aim.PLACE)[1], 5061)

    @settings(deadline=None)
    @given(
        st.sampled_from(Aim),
        st.sampled_from(("10.0.0.1", "x.example", "[2001:db8::1]", "9.9.9.9")),
        st.none() | st.integers(1, 65535),
    )
    def test_only_addresses(self, aim: Aim, host: str, port: int | None) -> None:
        """Whatever a Via names: an address and a port come of it."""
        place = host if port is None else f"{host}:{port}"
        message = request(via=f"SIP/2.0/UDP {place};branch=z9hG4bK1")
        source = ("8.8.8.8", 41000)
        found = answer_at(message, "UDP", source, aim)
        self.assertIn(found[0], ("8.8.8.8", "9.9.9.9", "2001:db8::1"))
        self.assertIn(found[1], (41000, port or 5060))
