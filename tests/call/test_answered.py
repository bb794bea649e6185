"""
A call that is answered: what each side sees, the record, and the charge.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from tests.call.build import CallTests, Up, final
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    SECOND,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.cdr import Cdr
from vos3000.model.numbers import PrefixMap
from vos3000.model.rates import Rate
from vos3000.model.sipoptions import SipOptions
from vos3000.sip.message import Request, Response

RICH = (
    'P-Asserted-Identity: "Alice Doe" <sip:9999@secret.example>',
    "Subject: private",
    "Organization: Acme",
    "X-Custom: 1",
    "Supported: 100rel, timer",
    "Call-Info: <http://secret.example/>",
)


RECORD = Cdr(
    callere164="1000",
    calleraccesse164="1000",
    calleee164="862000",
    calleeaccesse164="02000",
    callerip=CALLER[0],
    callerrtpip="192.0.2.10",
    callercodec="PCMA",
    callergatewayid="ingress",
    callerproductid="caller/1",
    callertogatewaye164="2000",
    callertype=1,
    calleeip=CALLEE[0],
    calleertpip="192.0.2.20",
    calleecodec="PCMA",
    calleegatewayid="first",
    calleeproductid="callee/1",
    calleetogatewaye164="992000",
    calleetype=1,
    billingmode=1,
    calllevel=5,
    agentfeetime=120,
    starttime=1_700_000_002_000,
    stoptime=1_700_000_063_250,
    callerpdd=500,
    calleepdd=500,
    holdtime=62,
    feetime=120,
    fee=Decimal("0.12"),
    customeraccount="acme",
    customername="Acme",
    agentfee=Decimal("0.04"),
    agentaccount="vendor",
    agentname="Vendor",
    softswitchname="vos3000",
    softswitchcallid=1,
    callercallid="call-1",
    enddirection=0,
    endreason=-8,
    sipreasonheader="Q.850;cause=16",
)
"""The record of the call of L{AnsweredTests.test_record}."""


class AnsweredTests(CallTests):
    """The plain call."""

    def test_100_is_sent_at_once(self) -> None:
        """A caller that is known hears 100 before anything of the callee."""
        switch = self.switch()
        Caller(switch).invite()
        self.assertEqual(switch.channel.sent[0][1], CALLER)
        self.assertEqual(self.lines(switch, CALLER), ["100"])

    def test_record(self) -> None:
        """Every column of the record of an answered call."""
        switch = self.switch(
            mapping=[mapping_gateway(rewrite_callee="0:86")],
            routing=[routing_gateway(rewrite_callee="86:99", rewrite_caller="1:2")],
        )
        caller, callee = Caller(switch, callee="02000"), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        switch.advance(0.5)
        callee.reply(invite, 180)
        switch.advance(1.5)
        callee.reply(invite, 200, ANSWER)
        caller.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        switch.advance(61.25)
        caller.ask("BYE", headers=["Reason: Q.850;cause=16"])
        [cdr] = switch.cdrs
        self.assertEqual(cdr, attrs.evolve(RECORD, calleecallid=invite.call_id))
        self.assertEqual((str(cdr.fee), str(cdr.agentfee)), ("0.12", "0.04"))
        self.assert_over(switch, -8, 0)
        self.assertEqual(str(switch.accounts.money("acme")), "99.88")
        self.assertEqual(str(switch.accounts.money("vendor")), "-0.04")

    def test_vendors_rate_of_the_answer(self) -> None:
        """The vendor's rate that counts is the one when the talk began."""
        for later in ([("", Rate("", Decimal(5), 60))], []):
            switch = self.switch()
            up = Up(switch)
            switch.rates.replace("cost", PrefixMap(later))
            switch.advance(61.25)
            up.caller.ask("BYE")
            [cdr] = switch.cdrs
            self.assertEqual((str(cdr.fee), str(cdr.agentfee)), ("0.12", "0.04"))
            self.assertEqual(str(switch.accounts.money("vendor")), "-0.04")

    def test_record_is_published(self) -> None:
        """The record goes to whoever listens, as kept."""
        switch = self.switch()
        Up(switch).caller.ask("BYE")
        [ended] = switch.ends
        self.assertIs(ended.cdr, switch.cdrs[0])
        self.assertTrue(ended.kept)

    def test_nothing_is_held_afterwards(self) -> None:
        """Lines, reservations, dialogs, transactions and timers are gone."""
        switch = self.switch()
        up = Up(switch)
        switch.advance(5)
        up.caller.ask("BYE")
        up.callee.reply(up.passed(), 200)
        self.assert_idle(switch)

    def test_lines_are_taken(self) -> None:
        """A call holds one line of both gateways while it is up."""
        switch = self.switch()
        up = Up(switch)
        used = switch.lines_in.used("ingress"), switch.lines_out.used("first")
        self.assertEqual(used, (1, 1))
        up.caller.ask("BYE")
        used = switch.lines_in.used("ingress"), switch.lines_out.used("first")
        self.assertEqual(used, (0, 0))

    def test_max_forwards_falls(self) -> None:
        """The INVITE may pass one switch less (RFC 3261 16.6 step 3)."""
        switch = self.switch()
        Caller(switch).invite()
        self.assertEqual(switch.request(CALLEE).max_forwards, 69)

    def test_max_forwards_of_one(self) -> None:
        """The last hop is left to the callee."""
        switch = self.switch()
        caller = Caller(switch)
        caller.send(caller.make("INVITE", OFFER).replace(b": 70", b": 1"))
        self.assertEqual(switch.request(CALLEE).max_forwards, 0)


class HiddenTests(CallTests):
    """Nothing of one side reaches the other."""

    def test_callee_learns_nothing_of_the_caller(self) -> None:
        """Neither addresses nor names nor ids of the caller, but its media."""
        nameless = routing_gateway(sip=SipOptions(display=False))
        switch = self.switch(routing=[nameless])
        caller = Caller(switch, call_id="secret-call-id")
        caller.from_ = '"Alice" <sip:1000@secret.example>;tag=secret-tag'
        caller.invite(headers=RICH)
        callee = Callee(switch)
        invite = switch.request(CALLEE)
        sent = [switch.channel.sent]
        callee.reply(invite, 200, ANSWER)
        ok = final(switch, CALLER)
        caller.ack(ok)
        caller.ask("INFO", b"Signal=1", "application/dtmf-relay", RICH)
        caller.ask("UPDATE", OFFER, headers=RICH)
        caller.ask("BYE", headers=RICH)
        data = b"".join(d for d, a in switch.channel.sent if a == CALLEE)
        self.assertIn(b"BYE", data)
        data += raw(invite) + invite.body.replace(b"c=IN IP4 192.0.2.10", b"")
        data = data.replace(b"c=IN IP4 192.0.2.10\r\n", b"")
        for word in (b"192.0.2.10", b"secret", b"lice", b"caller/1", b"9999", b"cme"):
            self.assertNotIn(word, data)
        self.assertTrue(sent)

    def test_caller_learns_nothing_of_the_callee(self) -> None:
        """Neither addresses nor names nor ids of the callee, but its media."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        callee.tag = "hidden-tag"
        caller.invite()
        invite = switch.request(CALLEE)
        headers = [("P-Asserted-Identity", "<sip:hidden@x>"), ("Warning", "hidden")]
        callee.reply(invite, 183, ANSWER, headers)
        callee.reply(invite, 180, b"", headers)
        callee.reply(invite, 200, ANSWER, headers)
        caller.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        callee.ask(invite, "INFO", b"Signal=1", "application/dtmf-relay")
        callee.ask(invite, "UPDATE", ANSWER)
        callee.ask(invite, "BYE", headers=["Reason: SIP;text=hidden"])
        data = b"".join(d for d, a in switch.channel.sent if a == CALLER)
        self.assertIn(b"BYE", data)
        data = data.replace(b"c=IN IP4 192.0.2.20\r\n", b"")
        for word in (b"192.0.2.20", b"hidden", b"callee/1", invite.call_id.encode()):
            self.assertNotIn(word, data)

    def test_failure_tells_nothing_of_the_callee(self) -> None:
        """A refusal is told in our own words."""
        switch = self.switch(routing=[routing_gateway()])
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        callee.reply(invite, 404, b"", [("Warning", '399 192.0.2.20 "no"')])
        data = b"".join(d for d, a in switch.channel.sent if a == CALLER)
        self.assertIn(b"404 Not Found", data)
        self.assertNotIn(b"192.0.2.20", data)
        self.assertNotIn(b"callee/1", data)

    def test_ids_of_both_legs_differ(self) -> None:
        """Call-ID, tags, Via and Contact of a leg are its own."""
        switch = self.switch()
        caller = Caller(switch)
        caller.cseq = 77
        caller.invite()
        invite = switch.request(CALLEE)
        self.assertNotEqual(invite.call_id, "call-1")
        self.assertNotEqual(invite.from_tag, "a-call-1")
        self.assertEqual(len(invite.all("via")), 1)
        self.assertIn("192.0.2.1:5060", invite.get("via") or "")
        self.assertIn("192.0.2.1", str(invite.contact))
        self.assertEqual(invite.cseq, 1)

    def test_multipart_offer(self) -> None:
        """Of an INVITE of several parts the description alone is passed on."""
        switch = self.switch()
        parts = (
            b"--b1\r\nContent-Type: application/sdp\r\n\r\n" + OFFER + b"\r\n--b1\r\n"
            b"Content-Type: application/isup\r\n\r\nsecret\r\n--b1--\r\n"
        )
        caller = Caller(switch)
        caller.send(caller.make("INVITE", parts, kind='multipart/mixed;boundary="b1"'))
        invite = switch.request(CALLEE)
        self.assertEqual(invite.get("content-type"), "application/sdp")
        self.assertTrue(invite.body.startswith(b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"))
        self.assertNotIn(b"secret", invite.body)


class ProgressTests(CallTests):
    """Provisional responses."""

    def check(self, status: int, body: bytes) -> None:
        """One provisional response is passed on as it is."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        switch.taken(CALLER)
        callee.reply(switch.request(CALLEE), status, body)
        passed = switch.response(CALLER)
        self.assertEqual(passed.status, status)
        self.assertTrue(passed.to_tag)
        self.assertEqual(bool(passed.body), bool(body))
        kind = "application/sdp" if body else None
        self.assertEqual(passed.get("content-type"), kind)

    def test_each_is_passed_on(self) -> None:
        """180, 181, 182 and 183, with and without a description."""
        for status in (180, 181, 182, 183):
            for body in (b"", ANSWER):
                self.check(status, body)

    def test_unknown_ones(self) -> None:
        """Another 1xx is progress; 100 and 199 are between us and them."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        switch.taken(CALLER)
        invite = switch.request(CALLEE)
        callee.reply(invite, 100)
        callee.reply(invite, 199)
        self.assertEqual(switch.taken(CALLER), [])
        callee.reply(invite, 188)
        self.assertEqual(self.lines(switch, CALLER), ["183"])

    def test_one_tag(self) -> None:
        """All responses of a call have the same tag, whoever is behind."""
        switch = self.switch()
        caller = Caller(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        Callee(switch).reply(invite, 183)
        Callee(switch).reply(invite, 503)
        second = switch.request(SECOND)
        Callee(switch, SECOND).reply(second, 180)
        Callee(switch, SECOND).reply(second, 200, ANSWER)
        tags = {each.to_tag for each in switch.taken(CALLER)} - {None}
        self.assertEqual(len(tags), 1)


class OriginTests(CallTests):
    """The o= line of descriptions."""

    def origin(self, message: Request | Response) -> bytes:
        """Its o= line."""
        [line] = [each for each in message.body.split(b"\r\n") if each[:2] == b"o="]
        return line

    def test_ours(self) -> None:
        """Both sides see our own; the rest passes unchanged."""
        up = Up(self.switch())
        self.assertEqual(self.origin(up.invite), b"o=- 1 1 IN IP4 192.0.2.1")
        self.assertEqual(self.origin(up.ok), b"o=- 1 1 IN IP4 192.0.2.1")
        ours = up.ok.body.replace(self.origin(up.ok), b"")
        self.assertEqual(ours, ANSWER.replace(b"o=alice 1 1 IN IP4 192.0.2.20", b""))

    def test_version_rises_with_the_content(self) -> None:
        """The same description again keeps its version, another raises it."""
        switch = self.switch(parameters={"SS_SIP_STOP_SWITCH_AFTER_SDP": "Off"})
        Caller(switch).invite()
        invite = switch.request(CALLEE)
        switch.taken(CALLER)
        for version, body in ((1, ANSWER), (1, ANSWER)):
            Callee(switch).reply(invite, 183, body)
            told = self.origin(switch.response(CALLER))
            self.assertEqual(told, b"o=- 1 %d IN IP4 192.0.2.1" % version)
        Callee(switch).reply(invite, 503)
        second = switch.request(SECOND)
        Callee(switch, SECOND).reply(second, 200, ANSWER.replace(b"6000", b"7000"))
        told = self.origin(final(switch, CALLER))
        self.assertEqual(told, b"o=- 1 2 IN IP4 192.0.2.1")


class GarbageTests(CallTests):
    """Descriptions that are none."""

    def test_passes_and_is_recorded(self) -> None:
        """What we cannot read the peers may; the record has what it can."""
        bodies = (b"x", b"\xff\x00\r\n", b"v=0\r\no=\r\nc=IN\r\nm=audio\r\n", b"o=")
        for offer in bodies:
            for answer in bodies:
                switch = self.switch()
                caller = Caller(switch)
                caller.invite(offer)
                invite = switch.request(CALLEE)
                Callee(switch).reply(invite, 200, answer)
                caller.ack(final(switch, CALLER))
                switch.advance(1)
                self.assertEqual(len(switch.registry.current()), 1)
                caller.ask("BYE")
                self.assert_over(switch, -8, 0)


def raw(message: Request) -> bytes:
    """The head of a message as text."""
    head = [message.uri_text, *(f"{name}: {value}" for name, value in message.items())]
    return "\r\n".join(head).encode()
