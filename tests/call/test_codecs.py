"""
The codec and description options of gateways, at the wire.
"""

from __future__ import annotations

from tests.call.build import CallTests, final
from tests.peers import Callee, Caller
from tests.sdp.build import description
from tests.sdp.devices import CISCO, FAX, MICROSIP
from tests.switch import (
    CALLEE,
    CALLER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.call.showing import current_of
from vos3000.model.causes import load
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.sipoptions import AnnexMode, G729Mode, SipOptions
from vos3000.sip.message import Request

MISMATCH = load()["CodecMismatch"].code
G729_OFFER = description("audio 4000 RTP/AVP 18 0|a=fmtp:18 annexb=yes")
G729_ANSWER = description("audio 6000 RTP/AVP 18")
PCMU_ANSWER = description("audio 6000 RTP/AVP 0")
SERVER, BY_CALLER = 2, 0


def caller_with(**options: object) -> MappingGateway:
    """The customer's gateway with these SIP options."""
    return mapping_gateway(sip=SipOptions(**options))  # type: ignore[arg-type]


def callee_with(**options: object) -> RoutingGateway:
    """The vendor's first gateway with these."""
    return routing_gateway(sip=SipOptions(**options))  # type: ignore[arg-type]


def second() -> RoutingGateway:
    """The gateway that is tried next, with no option set."""
    return RoutingGateway(3, "second", remote_ip=SECOND[0])


def streams(body: bytes) -> list[str]:
    """The m= lines."""
    return [x[2:].decode() for x in body.split(b"\r\n") if x.startswith(b"m=")]


class Talk:
    """A call with a given offer, up to the callee's INVITE."""

    def __init__(self, switch: Switch, offer: bytes) -> None:
        self.switch = switch
        self.caller = Caller(switch)
        self.callee = Callee(switch)
        self.caller.invite(offer)
        switch.taken(CALLER)

    def up(self, answer: bytes) -> bytes:
        """The callee answers; what the caller is told."""
        self.invite: Request = self.switch.request(CALLEE)
        self.callee.reply(self.invite, 200, answer)
        ok = final(self.switch, CALLER)
        self.caller.ack(ok)
        self.switch.taken()
        return ok.body


class CodecTests(CallTests):
    """sipCodecAssign and sipCodecs."""

    def test_callee_sees_its_list(self) -> None:
        """In its order, and nothing else; the answer goes back as it is."""
        switch = self.switch(routing=[callee_with(codecs=("G729a", "G711a"))])
        talk = Talk(switch, CISCO)
        answer = talk.up(description("audio 6000 RTP/AVP 18 101"))
        self.assertEqual(streams(talk.invite.body), ["audio 17234 RTP/AVP 18 8 101 19"])
        self.assertNotIn(b"PCMU", talk.invite.body)
        self.assertEqual(streams(answer), ["audio 6000 RTP/AVP 18 101"])
        self.assertIn(b"a=rtpmap:101 telephone-event/8000\r\n", answer)
        self.assertIn(b"o=- 1 1 IN IP4 192.0.2.1\r\n", talk.invite.body)
        talk.caller.ask("BYE")
        self.assert_over(switch, -8, BY_CALLER)
        self.assertEqual(switch.cdrs[0].callercodec, "G729,PCMA")
        self.assertEqual(switch.cdrs[0].calleecodec, "G729")

    def test_callers_list_counts_too(self) -> None:
        """What it may not use is not offered in its name."""
        switch = self.switch(mapping=[caller_with(codecs=("PCMU", "PCMA"))])
        Talk(switch, CISCO)
        body = switch.request(CALLEE).body
        self.assertEqual(streams(body), ["audio 17234 RTP/AVP 0 8 101 19"])

    def test_next_gateway_is_tried(self) -> None:
        """A vendor that may use nothing of the offer is not called."""
        switch = self.switch(routing=[callee_with(codecs=("iLBC",)), second()])
        Talk(switch, CISCO)
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(streams(switch.request(SECOND).body), streams(CISCO))
        self.assertEqual(switch.lines_out.used("first"), 0)
        switch.registry.hang_up(1)
        self.assert_idle(switch)

    def test_no_gateway_is_488(self) -> None:
        """The last mismatch is the end reason; nobody was asked."""
        switch = self.switch(routing=[callee_with(codecs=("iLBC",))])
        Caller(switch).invite(CISCO)
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(final(switch, CALLER).status, 488)
        self.assert_over(switch, MISMATCH, SERVER)
        self.assertEqual(switch.cdrs[0].calleegatewayid, "first")
        self.assertEqual(switch.ends[0].detail, "first: nothing of audio may be used")
        self.assert_idle(switch)

    def test_answer_outside_the_list_is_no_answer(self) -> None:
        """The callee is hung up on, and the next one called."""
        gateways = [callee_with(codecs=("G729", "PCMU")), second()]
        switch = self.switch(routing=gateways, mapping=[caller_with(codecs=("G729",))])
        Talk(switch, G729_OFFER)
        invite = switch.request(CALLEE)
        self.assertEqual(streams(invite.body), ["audio 4000 RTP/AVP 18"])
        Callee(switch).reply(invite, 200, PCMU_ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK", "BYE"])
        self.assertEqual(self.lines(switch, CALLER), [])
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_early_answer_outside_the_list(self) -> None:
        """The attempt is given up before the caller heard anything."""
        gateways = [callee_with(codecs=("G729", "PCMU")), second()]
        switch = self.switch(routing=gateways, mapping=[caller_with(codecs=("G729",))])
        Talk(switch, G729_OFFER)
        Callee(switch).reply(switch.request(CALLEE), 183, PCMU_ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["CANCEL"])
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])
        self.assertEqual(self.lines(switch, CALLER), [])

    def test_reinvite_is_bound_as_well(self) -> None:
        """Either side's new offer is cut, or refused when nothing is left."""
        switch = self.switch(routing=[callee_with(codecs=("G729",))])
        talk = Talk(switch, G729_OFFER)
        talk.up(G729_ANSWER)
        talk.callee.ask(talk.invite, "INVITE", description("audio 6000 RTP/AVP 0 18"))
        asked = switch.request(CALLER)
        self.assertEqual(streams(asked.body), ["audio 6000 RTP/AVP 18"])
        talk.caller.reply(asked, 488)
        switch.taken()
        talk.callee.ask(talk.invite, "ACK")
        talk.caller.ask("INVITE", description("audio 4000 RTP/AVP 0"))
        self.assertEqual(switch.taken(CALLEE), [])
        refusal = final(switch, CALLER)
        self.assertEqual(refusal.status, 488)
        talk.caller.ack(refusal)
        talk.caller.ask("UPDATE", description("audio 4000 RTP/AVP 0"))
        self.assertEqual(final(switch, CALLER).status, 488)
        self.assertEqual(len(switch.registry), 1)
        talk.caller.ask("BYE")
        self.assertEqual(switch.cdrs[0].callercodec, "G729")

    def test_bad_answer_of_a_reinvite(self) -> None:
        """The asker hears 488 and keeps what it had."""
        switch = self.switch(routing=[callee_with(codecs=("G729",))])
        talk = Talk(switch, G729_OFFER)
        talk.up(G729_ANSWER)
        talk.caller.ask("INVITE", description("audio 4004 RTP/AVP 18 0|a=sendonly"))
        talk.callee.reply(switch.request(CALLEE), 200, PCMU_ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assertEqual(final(switch, CALLER).status, 488)
        [call] = list(switch.registry)
        self.assertEqual(current_of(call, switch.now()).caller_rtp, "192.0.2.1:4000")

    def test_unreadable_offer_is_refused(self) -> None:
        """Nobody can say what is in it; without options it passes."""
        broken = CISCO.replace(b"m=audio 17234", b"m=audio 99999")
        switch = self.switch(routing=[callee_with(codecs=("G729",))])
        Talk(switch, broken)
        self.assert_over(switch, MISMATCH, SERVER)
        switch = self.switch()
        Talk(switch, broken)
        self.assertIn(b"m=audio 99999", switch.request(CALLEE).body)


class LateOfferTests(CallTests):
    """The callee offers in its 200, the caller answers in its ACK."""

    def _late(self, **options: object) -> tuple[Switch, Talk]:
        switch = self.switch(mapping=[caller_with(**options)], routing=[callee_with()])
        return switch, Talk(switch, b"")

    def test_offer_and_answer(self) -> None:
        """Both are cut to what both may use."""
        _, talk = self._late(codecs=("G729", "PCMA"), ptime=30)
        body = talk.up(description("audio 6000 RTP/AVP 0 8 18"))
        self.assertEqual(streams(body), ["audio 6000 RTP/AVP 18 8"])
        self.assertIn(b"a=ptime:30\r\n", body)

    def test_answer_in_the_ack(self) -> None:
        """It goes to the callee in ours, and the record has the codec."""
        switch, talk = self._late(codecs=("G729", "PCMA"))
        invite = switch.request(CALLEE)
        talk.callee.reply(invite, 200, description("audio 6000 RTP/AVP 0 8 18"))
        ok = final(switch, CALLER)
        talk.caller.ack(ok, description("audio 4000 RTP/AVP 8"))
        ack = switch.request(CALLEE)
        self.assertEqual(streams(ack.body), ["audio 4000 RTP/AVP 8"])
        [call] = list(switch.registry)
        current = current_of(call, switch.now())
        self.assertEqual((current.codec, current.caller_codec), ("PCMA", "PCMA"))
        talk.caller.ask("BYE")
        self.assert_over(switch, -8, BY_CALLER)

    def test_nothing_for_the_caller(self) -> None:
        """The callee gets an answer that refuses, and BYE; the caller 488."""
        switch, talk = self._late(codecs=("iLBC",))
        invite = switch.request(CALLEE)
        talk.callee.reply(invite, 200, description("audio 6000 RTP/AVP 0 8"))
        ack, bye = switch.taken(CALLEE)
        assert isinstance(ack, Request) and isinstance(bye, Request)
        self.assertEqual((ack.method, bye.method), ("ACK", "BYE"))
        self.assertEqual(streams(ack.body), ["audio 0 RTP/AVP 0"])
        self.assertEqual(final(switch, CALLER).status, 488)
        self.assert_over(switch, MISMATCH, SERVER)

    def test_answer_outside_the_list(self) -> None:
        """The callee gets an answer that refuses; both are hung up on."""
        switch, talk = self._late(codecs=("G729",))
        invite = switch.request(CALLEE)
        talk.callee.reply(invite, 200, description("audio 6000 RTP/AVP 0 18"))
        talk.caller.ack(final(switch, CALLER), description("audio 4000 RTP/AVP 0"))
        ack, bye = switch.taken(CALLEE)
        assert isinstance(ack, Request) and isinstance(bye, Request)
        self.assertEqual(streams(ack.body), ["audio 0 RTP/AVP 18"])
        self.assertEqual(bye.method, "BYE")
        self.assertEqual(self.lines(switch, CALLER), ["BYE"])
        self.assert_over(switch, MISMATCH, SERVER)

    def test_next_gateway_may_fit(self) -> None:
        """The caller hears nothing of the first one's offer."""
        switch = self.switch(
            mapping=[caller_with(codecs=("G729",))], routing=[callee_with(), second()]
        )
        talk = Talk(switch, b"")
        talk.callee.reply(switch.request(CALLEE), 200, PCMU_ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK", "BYE"])
        invite = switch.request(SECOND)
        self.assertEqual(invite.body, b"")
        Callee(switch, SECOND).reply(invite, 200, G729_ANSWER)
        ok = final(switch, CALLER)
        self.assertEqual(streams(ok.body), ["audio 6000 RTP/AVP 18"])
        talk.caller.ack(ok, G729_ANSWER)
        self.assertEqual(
            streams(switch.request(SECOND).body), ["audio 6000 RTP/AVP 18"]
        )
        talk.caller.ask("BYE")
        self.assertEqual(switch.cdrs[0].calleegatewayid, "second")

    def test_answer_keeps_to_the_offer(self) -> None:
        """Streams are completed, and no to annex B holds, in the ACK as well."""
        switch, talk = self._late(g729_annexb=AnnexMode.NO)
        offer = description("audio 6000 RTP/AVP 18", "video 6002 RTP/AVP 31")
        talk.callee.reply(switch.request(CALLEE), 200, offer)
        ok = final(switch, CALLER)
        self.assertIn(b"a=fmtp:18 annexb=no\r\n", ok.body)
        talk.caller.ack(ok, description("audio 4000 RTP/AVP 18"))
        ack = switch.request(CALLEE)
        self.assertEqual(
            streams(ack.body), ["audio 4000 RTP/AVP 18", "video 0 RTP/AVP 31"]
        )
        self.assertIn(b"a=fmtp:18 annexb=no\r\n", ack.body)

    def test_both_sides_behind_nats(self) -> None:
        """The offer in the 200 and the answer in the ACK."""
        switch, talk = self._late()
        talk.callee.reply(switch.request(CALLEE), 200, MICROSIP)
        ok = final(switch, CALLER)
        self.assertIn(b"c=IN IP4 192.0.2.20\r\n", ok.body)
        talk.caller.ack(ok, MICROSIP)
        self.assertIn(b"c=IN IP4 192.0.2.10\r\n", switch.request(CALLEE).body)

    def test_ack_without_an_answer(self) -> None:
        """The call stands as it did without options; a new offer can be made."""
        switch, talk = self._late(codecs=("G729",))
        talk.callee.reply(switch.request(CALLEE), 200, G729_ANSWER)
        talk.caller.ack(final(switch, CALLER))
        self.assertEqual(switch.request(CALLEE).body, b"")
        talk.caller.ask("INVITE", G729_OFFER)
        passed = switch.request(CALLEE)
        self.assertEqual(streams(passed.body), ["audio 4000 RTP/AVP 18"])
        talk.callee.reply(passed, 200, G729_ANSWER)
        self.assertEqual(final(switch, CALLER).status, 200)

    def test_late_reinvite_of_the_callee(self) -> None:
        """Its own list counts for the caller's offer, too."""
        switch = self.switch(routing=[callee_with(codecs=("G729", "PCMU"))])
        talk = Talk(switch, G729_OFFER)
        talk.up(G729_ANSWER)
        talk.callee.ask(talk.invite, "INVITE")
        asked = switch.request(CALLER)
        self.assertEqual(asked.body, b"")
        talk.caller.reply(asked, 200, description("audio 4000 RTP/AVP 8 0 18"))
        ok = final(switch, CALLEE)
        self.assertEqual(streams(ok.body), ["audio 4000 RTP/AVP 18 0"])
        talk.callee.ask(talk.invite, "ACK", description("audio 6000 RTP/AVP 0"))
        ack = switch.request(CALLER)
        self.assertEqual(streams(ack.body), ["audio 6000 RTP/AVP 0"])
        talk.caller.ask("BYE")
        self.assertEqual(switch.cdrs[0].calleecodec, "PCMU")

    def test_late_reinvite(self) -> None:
        """Likewise during the call; the talk goes on."""
        switch = self.switch(routing=[callee_with(codecs=("G729", "PCMU"))])
        talk = Talk(switch, G729_OFFER)
        talk.up(G729_ANSWER)
        talk.caller.ask("INVITE")
        passed = switch.request(CALLEE)
        talk.callee.reply(passed, 200, description("audio 6000 RTP/AVP 8 18"))
        ok = final(switch, CALLER)
        self.assertEqual(streams(ok.body), ["audio 6000 RTP/AVP 18"])
        talk.caller.ack(ok, G729_OFFER)
        self.assertEqual(
            streams(switch.request(CALLEE).body), ["audio 4000 RTP/AVP 18 0"]
        )
        talk.caller.ask("INVITE")
        passed = switch.request(CALLEE)
        talk.callee.reply(passed, 200, description("audio 6000 RTP/AVP 8"))
        ack = switch.request(CALLEE)
        self.assertEqual(ack.method, "ACK")
        self.assertEqual(streams(ack.body), ["audio 0 RTP/AVP 8"])
        self.assertEqual(final(switch, CALLER).status, 488)
        self.assertEqual(len(switch.registry), 1)


class WritingTests(CallTests):
    """How the same codecs are written to different peers."""

    def test_annexb_and_names(self) -> None:
        """The callee is told no; the caller hears what that comes to."""
        options = {"g729_annexb": AnnexMode.NO, "g729_mode": G729Mode.G729A}
        switch = self.switch(routing=[callee_with(**options)])
        talk = Talk(switch, G729_OFFER)
        answer = talk.up(G729_ANSWER)
        self.assertIn(b"a=fmtp:18 annexb=no\r\n", talk.invite.body)
        self.assertIn(b"a=rtpmap:18 G729a/8000\r\n", talk.invite.body)
        self.assertNotIn(b"annexb=yes", talk.invite.body)
        self.assertIn(b"a=fmtp:18 annexb=no\r\n", answer)
        self.assertNotIn(b"G729a", answer)

    def test_annexa(self) -> None:
        """G.723's is written to the caller in its answer."""
        switch = self.switch(mapping=[caller_with(g723_annexa=AnnexMode.NO)])
        talk = Talk(switch, description("audio 4000 RTP/AVP 4"))
        answer = talk.up(description("audio 6000 RTP/AVP 4|a=fmtp:4 annexa=yes"))
        self.assertNotIn(b"annexa", talk.invite.body)
        self.assertIn(b"a=fmtp:4 annexa=no\r\n", answer)

    def test_ptime(self) -> None:
        """Each side is asked for its own."""
        switch = self.switch(
            mapping=[caller_with(ptime=20)], routing=[callee_with(ptime=40)]
        )
        talk = Talk(switch, G729_OFFER)
        answer = talk.up(G729_ANSWER)
        self.assertIn(b"a=ptime:40\r\n", talk.invite.body)
        self.assertIn(b"a=ptime:20\r\n", answer)

    def test_events(self) -> None:
        """The callee's number in its offer; its answer's holds (RFC 3264 5.1)."""
        switch = self.switch(routing=[callee_with(dtmf_payload=96)])
        talk = Talk(switch, CISCO)
        answer = talk.up(
            description("audio 6 RTP/AVP 8 96|a=rtpmap:96 telephone-event/8000")
        )
        self.assertEqual(
            streams(talk.invite.body), ["audio 17234 RTP/AVP 18 8 0 4 96 19"]
        )
        self.assertIn(b"a=rtpmap:96 telephone-event/8000\r\n", talk.invite.body)
        self.assertEqual(streams(answer), ["audio 6 RTP/AVP 8 96"])

    def test_every_route_is_shown_its_own(self) -> None:
        """What the first gateway wanted is not in the second's offer."""
        options = {"codecs": ("PCMA",), "ptime": 60, "dtmf_payload": 97}
        switch = self.switch(routing=[callee_with(**options), second()])
        talk = Talk(switch, CISCO)
        first = switch.request(CALLEE)
        self.assertEqual(streams(first.body), ["audio 17234 RTP/AVP 8 97 19"])
        talk.callee.reply(first, 503)
        body = switch.request(SECOND).body
        self.assertEqual(streams(body), streams(CISCO))
        self.assertIn(b"a=ptime:20\r\n", body)
        self.assertIn(b"o=- 1 1 IN IP4 192.0.2.1\r\n", body)


class FaxTests(CallTests):
    """sipT38."""

    def test_fax_reinvite_is_refused(self) -> None:
        """488 at once; the other side hears nothing."""
        for mapping, routing in (
            (caller_with(t38=False), callee_with()),
            (caller_with(), callee_with(t38=False)),
        ):
            switch = self.switch(mapping=[mapping], routing=[routing])
            talk = Talk(switch, G729_OFFER)
            talk.up(G729_ANSWER)
            talk.callee.ask(talk.invite, "INVITE", FAX)
            self.assertEqual(switch.taken(CALLER), [])
            self.assertEqual(final(switch, CALLEE).status, 488)
            self.assertEqual(len(switch.registry), 1)

    def test_fax_reinvite_passes_otherwise(self) -> None:
        """Also where codecs are assigned."""
        switch = self.switch(routing=[callee_with(codecs=("G729",))])
        talk = Talk(switch, G729_OFFER)
        talk.up(G729_ANSWER)
        talk.callee.ask(talk.invite, "INVITE", FAX)
        asked = switch.request(CALLER)
        self.assertEqual(streams(asked.body), streams(FAX))


class StreamsTests(CallTests):
    """Every m= line is accounted for, with no option set."""

    def test_missing_stream_is_refused(self) -> None:
        """An answer with fewer streams than the offer is mended."""
        switch = self.switch()
        offer = description("audio 4 RTP/AVP 0", "video 6 RTP/AVP 31")
        answer = Talk(switch, offer).up(PCMU_ANSWER)
        self.assertEqual(
            streams(answer), ["audio 6000 RTP/AVP 0", "video 0 RTP/AVP 31"]
        )

    def test_superfluous_stream_goes(self) -> None:
        """One with more as well."""
        switch = self.switch()
        answer = Talk(switch, G729_OFFER).up(
            description("audio 6 RTP/AVP 18", "video 8 RTP/AVP 31")
        )
        self.assertEqual(streams(answer), ["audio 6 RTP/AVP 18"])


class NatTests(CallTests):
    """sipSdpIpFirst: whose word counts, the description's or the network's."""

    def _offered(self, **options: object) -> bytes:
        switch = self.switch(mapping=[caller_with(**options)])
        Talk(switch, MICROSIP)
        return switch.request(CALLEE).body

    def test_private_address_becomes_the_public_one(self) -> None:
        """Of a peer whose signaling comes from elsewhere; ports stay."""
        body = self._offered()
        self.assertIn(b"m=audio 4016 ", body)
        self.assertIn(b"c=IN IP4 192.0.2.10\r\n", body)
        self.assertIn(b"a=rtcp:4017 IN IP4 192.0.2.10\r\n", body)
        self.assertNotIn(b"192.168.1.23", body)

    def test_description_first(self) -> None:
        """With the option its address is taken at its word."""
        body = self._offered(sdp_ip_first=True)
        self.assertIn(b"c=IN IP4 192.168.1.23\r\n", body)

    def test_callee_behind_a_nat(self) -> None:
        """Answers, too; the record shows where media went."""
        switch = self.switch()
        talk = Talk(switch, G729_OFFER)
        answer = talk.up(MICROSIP)
        self.assertIn(b"c=IN IP4 192.0.2.20\r\n", answer)
        talk.caller.ask("BYE")
        self.assertEqual(switch.cdrs[0].calleertpip, "192.0.2.20")

    def test_hold_is_no_address(self) -> None:
        """0.0.0.0 stays (RFC 3264 8.4)."""
        switch = self.switch()
        Talk(switch, MICROSIP.replace(b"c=IN IP4 192.168.1.23", b"c=IN IP4 0.0.0.0"))
        self.assertIn(b"c=IN IP4 0.0.0.0\r\n", switch.request(CALLEE).body)

    def test_inside_a_private_network(self) -> None:
        """Peers that signal from private addresses are believed."""
        inside = ("10.1.1.10", 5060)
        switch = self.switch(mapping=[mapping_gateway(remote_ips=(inside[0],))])
        Caller(switch, inside).invite(MICROSIP)
        self.assertIn(b"c=IN IP4 192.168.1.23\r\n", switch.request(CALLEE).body)
