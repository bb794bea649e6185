"""Key presses: dtmfReceiveMethod and dtmfSendMethodSIP, at the wire."""

from __future__ import annotations

from tests.call.build import CallTests, Up
from tests.call.test_codecs import (
    MISMATCH,
    SERVER,
    Talk,
    callee_with,
    caller_with,
)
from tests.sdp.build import description
from tests.switch import Switch, mapping_gateway, routing_gateway
from vos3000.model.sipoptions import KeysFrom, KeysTo, SipOptions
from vos3000.sip.message import Response

KEY = b"Signal=5\r\nDuration=160\r\n"
RELAY = "application/dtmf-relay"
EVENTS = b"telephone-event"
OFFER = description(
    "audio 4000 RTP/AVP 8 101 100|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16"
    "|a=rtpmap:100 red/8000|a=fmtp:100 101/101"
)
ANSWER = description(
    "audio 6000 RTP/AVP 8 101|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-16"
)
WITHOUT = b"m=audio 4000 RTP/AVP 8\r\n"
ALONE = description("audio 4000 RTP/AVP 101|a=rtpmap:101 telephone-event/8000")


class KeyTests(CallTests):
    """A caller whose options are C{caller} and a callee with C{callee}'s."""

    def made(
        self,
        keys_from: KeysFrom = KeysFrom.ANY,
        keys_to: KeysTo = KeysTo.ANY,
    ) -> Switch:
        """A caller that keys come from so, and a callee that they go to so."""
        return self.switch(
            mapping=[caller_with(keys_from=keys_from)],
            routing=[callee_with(keys_to=keys_to)],
        )

    def assert_passes(self, up: Up, kind: str = RELAY) -> None:
        """The caller's key reaches the callee as it was."""
        up.caller.ask("INFO", KEY, kind)
        passed = up.passed()
        self.assertEqual((passed.method, passed.body), ("INFO", KEY))
        self.assertEqual(passed.get("content-type"), kind)
        up.callee.reply(passed, 200)
        self.assertEqual(up.answer().status, 200)

    def assert_refused(self, up: Up, kind: str = RELAY) -> None:
        """It does not, and the caller is told so; the talk goes on."""
        up.switch.taken()
        up.caller.ask("INFO", KEY, kind)
        sent = up.switch.taken()
        self.assertEqual(len(sent), 1)
        assert isinstance(sent[0], Response)
        self.assertEqual(sent[0].status, 415)
        self.assertEqual(up.switch.cdrs, [])


class InfoTests(KeyTests):
    """Keys in INFO."""

    def test_from(self) -> None:
        """Taken from who may signal them, and from nobody else."""
        for keys_from in (KeysFrom.ANY, KeysFrom.SIGNALING):
            self.assert_passes(Up(self.made(keys_from)))
        for keys_from in (KeysFrom.EVENTS, KeysFrom.NONE):
            up = Up(self.made(keys_from))
            self.assert_refused(up)
            self.assert_refused(up, "application/dtmf; charset=utf-8")

    def test_to(self) -> None:
        """Sent to who takes them in INFO, and to nobody else."""
        for keys_to in (KeysTo.ANY, KeysTo.INFO):
            self.assert_passes(Up(self.made(keys_to=keys_to)))
        for keys_to in (KeysTo.EVENTS, KeysTo.NONE):
            self.assert_refused(Up(self.made(keys_to=keys_to)))

    def test_other_way(self) -> None:
        """The options are of one direction: the callee's own keys pass."""
        up = Up(self.made(KeysFrom.NONE, KeysTo.NONE))
        up.switch.taken()
        up.callee.ask(up.invite, "INFO", KEY, RELAY)
        self.assertEqual(up.asked().body, KEY)

    def test_no_key(self) -> None:
        """INFO about something else is not concerned."""
        up = Up(self.made(KeysFrom.NONE, KeysTo.NONE))
        self.assert_passes(up, "application/x-picture-fast-update")


class EventTests(KeyTests):
    """Keys in telephone-event: what may be sent is what is described."""

    def descriptions(
        self, caller: SipOptions, callee: SipOptions
    ) -> tuple[bytes, bytes]:
        """What the callee is offered, and what the caller is answered."""
        switch = self.switch(
            mapping=[mapping_gateway(sip=caller)], routing=[routing_gateway(sip=callee)]
        )
        talk = Talk(switch, OFFER)
        answer = talk.up(ANSWER)
        return talk.invite.body, answer

    def test_ordinary(self) -> None:
        """Nothing is taken out."""
        for keys_from in (KeysFrom.ANY, KeysFrom.EVENTS):
            for keys_to in (KeysTo.ANY, KeysTo.EVENTS):
                offer, answer = self.descriptions(
                    SipOptions(keys_from=keys_from), SipOptions(keys_to=keys_to)
                )
                self.assertIn(EVENTS, offer)
                self.assertIn(EVENTS, answer)

    def test_callee_wants_info(self) -> None:
        """A callee that is sent INFO is not said to take events; it may send them."""
        for keys_to in (KeysTo.INFO, KeysTo.NONE):
            offer, answer = self.descriptions(SipOptions(), SipOptions(keys_to=keys_to))
            self.assertIn(EVENTS, offer)
            self.assertNotIn(EVENTS, answer)
            self.assertNotIn(b"fmtp:101", answer)
            self.assertIn(b"m=audio 6000 RTP/AVP 8\r\n", answer)

    def test_caller_signals(self) -> None:
        """A caller whose events are not taken is told of none in the answer."""
        for keys_from in (KeysFrom.SIGNALING, KeysFrom.NONE):
            offer, answer = self.descriptions(
                SipOptions(keys_from=keys_from), SipOptions()
            )
            self.assertIn(EVENTS, offer)
            self.assertNotIn(EVENTS, answer)

    def test_out_of_the_offer(self) -> None:
        """
        What the callee may not send, or the caller is not to get, is not offered,
        and neither is what carries it.
        """
        for caller, callee in (
            (SipOptions(keys_to=KeysTo.INFO), SipOptions()),
            (SipOptions(), SipOptions(keys_from=KeysFrom.NONE)),
        ):
            offer, _ = self.descriptions(caller, callee)
            self.assertIn(WITHOUT, offer)
            self.assertNotIn(EVENTS, offer)
            self.assertNotIn(b"red/8000", offer)

    def test_nothing_else(self) -> None:
        """A stream of events alone is refused like one without codecs: 488."""
        switch = self.switch(routing=[callee_with(keys_from=KeysFrom.NONE)])
        Talk(switch, ALONE)
        self.assert_over(switch, MISMATCH, SERVER)
