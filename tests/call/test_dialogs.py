"""
Requests inside an answered call, from one end to the other.
"""

from __future__ import annotations

from decimal import Decimal

from tests.call.build import CallTests, Up, final
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    STRANGER,
    Switch,
    mapping_gateway,
)
from vos3000.model.sipoptions import AddressFrom, SipOptions
from vos3000.sip.message import Request

HOLD = OFFER + b"a=sendonly\r\n"
HELD = ANSWER + b"a=recvonly\r\n"
KEY = b"Signal=5\r\nDuration=160\r\n"


class CallerAsksTests(CallTests):
    """The caller asks, the callee answers."""

    def test_reinvite(self) -> None:
        """Offer and answer pass; each leg has its own ACK."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE", HOLD)
        passed = up.passed()
        self.assertEqual((passed.method, passed.cseq), ("INVITE", 2))
        self.assertIn(b"a=sendonly", passed.body)
        self.assertIn(b"o=- 1 2 IN IP4 192.0.2.1\r\n", passed.body)
        self.assertEqual(self.lines(switch, CALLER), ["100"])
        up.callee.reply(passed, 200, HELD)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        ok = up.answer()
        self.assertEqual((ok.status, ok.cseq), (200, 2))
        self.assertIn(b"a=recvonly", ok.body)
        self.assertIn("192.0.2.1", ok.get("contact") or "")
        up.caller.ack(ok)
        switch.advance(40)
        self.assertEqual(switch.taken(), [])
        up.caller.ask("BYE")
        self.assert_over(switch, -8, 0)

    def test_same_description_keeps_its_version(self) -> None:
        """A refresh that changes nothing is none to the callee either."""
        up = Up(self.switch())
        up.caller.ask("INVITE", OFFER)
        self.assertIn(b"o=- 1 1 IN IP4 192.0.2.1\r\n", up.passed().body)

    def test_reinvite_without_offer(self) -> None:
        """The 200 holds the offer, the ACK the answer."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE")
        passed = up.passed()
        self.assertEqual(passed.body, b"")
        up.callee.reply(passed, 200, ANSWER)
        self.assertEqual(switch.taken(CALLEE), [])
        ok = up.answer()
        self.assertIn(b"m=audio 6000", ok.body)
        up.caller.ack(ok, OFFER)
        ack = up.passed()
        self.assertEqual((ack.method, ack.cseq), ("ACK", 2))
        self.assertIn(b"m=audio 4000", ack.body)

    def test_reinvite_without_any_description(self) -> None:
        """An ACK without an answer ends the exchange all the same."""
        switch = self.switch()
        up = Up(switch)
        for _ in range(2):
            up.caller.ask("INVITE")
            passed = up.passed()
            up.callee.reply(passed, 200, ANSWER)
            up.caller.ack(up.answer())
            self.assertEqual(self.lines(switch, CALLEE), ["ACK"])

    def test_update(self) -> None:
        """UPDATE passes with its offer, and its answer comes back."""
        up = Up(self.switch())
        up.caller.ask("UPDATE", HOLD)
        passed = up.passed()
        self.assertEqual(passed.method, "UPDATE")
        self.assertIn(b"a=sendonly", passed.body)
        up.callee.reply(passed, 200, HELD)
        ok = up.answer()
        self.assertEqual((ok.status, ok.cseq_method), (200, "UPDATE"))
        self.assertIn(b"a=recvonly", ok.body)

    def test_update_to_a_peer_without(self) -> None:
        """405 or 501 to an offer in UPDATE: the peer gets it by re-INVITE."""
        for status in (405, 501):
            up = Up(self.switch())
            up.caller.ask("UPDATE", OFFER + b"a=sendonly\r\n")
            update = up.passed()
            up.callee.reply(update, status)
            invite = up.passed()
            self.assertEqual((invite.method, invite.body), ("INVITE", update.body))
            self.assertEqual(invite.cseq, update.cseq + 1)
            up.callee.reply(invite, 200, ANSWER + b"a=recvonly\r\n")
            self.assertEqual(self.lines(up.switch, CALLEE), ["ACK"])
            ok = up.answer()
            self.assertEqual((ok.status, ok.cseq_method), (200, "UPDATE"))
            self.assertIn(b"a=recvonly\r\n", ok.body)
            up.caller.ask("UPDATE", OFFER)
            up.callee.reply(up.passed(), status)
            up.callee.reply(up.passed(), 488)
            self.assertEqual(self.lines(up.switch, CALLEE), ["ACK"])
            self.assertEqual(up.answer().status, 488)
            up.caller.ask("BYE")
            up.callee.reply(up.passed(), 200)
            self.assert_idle(up.switch)

    def test_update_to_a_caller_without(self) -> None:
        """The same the other way."""
        up = Up(self.switch())
        up.callee.ask(up.invite, "UPDATE", ANSWER + b"a=inactive\r\n")
        up.caller.reply(up.asked(), 405)
        invite = up.asked()
        self.assertEqual(invite.method, "INVITE")
        up.caller.reply(invite, 200, OFFER + b"a=inactive\r\n")
        self.assertEqual(self.lines(up.switch, CALLER), ["ACK"])
        self.assertEqual(up.result().status, 200)

    def test_info(self) -> None:
        """INFO passes with its body and its type."""
        up = Up(self.switch())
        up.caller.ask("INFO", KEY, "application/dtmf-relay")
        passed = up.passed()
        self.assertEqual((passed.method, passed.body), ("INFO", KEY))
        self.assertEqual(passed.get("content-type"), "application/dtmf-relay")
        up.callee.reply(passed, 200)
        self.assertEqual(up.answer().status, 200)

    def test_options(self) -> None:
        """OPTIONS asks the other end."""
        up = Up(self.switch())
        up.caller.ask("OPTIONS")
        passed = up.passed()
        self.assertEqual(passed.method, "OPTIONS")
        up.callee.reply(passed, 200)
        self.assertEqual(up.answer().status, 200)

    def test_capabilities_stay_on_their_side(self) -> None:
        """What OPTIONS describes is no answer, and names its sender's host."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("OPTIONS", OFFER)
        passed = up.passed()
        self.assertEqual(passed.body, b"")
        up.callee.reply(passed, 200, ANSWER)
        self.assertEqual(up.answer().body, b"")
        up.caller.ask("INVITE", OFFER)
        self.assertIn(b"o=- 1 1 IN IP4 192.0.2.1\r\n", up.passed().body)

    def test_record_shows_what_was_agreed(self) -> None:
        """An offer that the other end declines changes nothing."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE", OFFER.replace(b" 8 101", b" 18 101"))
        up.callee.reply(up.passed(), 488)
        up.caller.ack(up.answer())
        up.caller.ask("BYE")
        self.assertEqual(switch.cdrs[0].callercodec, "PCMA")

    def test_failures_pass_back(self) -> None:
        """Whatever was asked, the call goes on after most refusals."""
        switch = self.switch()
        up = Up(switch)
        for method in ("INVITE", "UPDATE", "INFO", "OPTIONS"):
            for status in (405, 415, 488, 500, 603):
                if (method, status) == ("UPDATE", 405):
                    continue  # see test_update_to_a_peer_without
                up.caller.ask(method, OFFER if method == "UPDATE" else b"")
                up.callee.reply(up.passed(), status)
                answer = up.answer()
                self.assertEqual(answer.status, status)
                self.assertEqual("INVITE" in answer.all("allow"), status == 405)
                if method == "INVITE":
                    self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
                    up.caller.ack(answer)
        self.assertEqual(len(switch.registry), 1)

    def test_requests_are_numbered(self) -> None:
        """CSeq rises on the other leg by one each."""
        up = Up(self.switch())
        numbers = []
        for _ in range(3):
            up.caller.ask("INFO", KEY, "application/dtmf-relay")
            passed = up.passed()
            numbers.append(passed.cseq)
            up.callee.reply(passed, 200)
        self.assertEqual(numbers, [2, 3, 4])

    def test_target_moves(self) -> None:
        """
        A Contact in re-INVITE or UPDATE is where the next request goes, where
        requests go to the Contact.
        """
        named = mapping_gateway(sip=SipOptions(request_address=AddressFrom.NAMED))
        for method in ("INVITE", "UPDATE"):
            switch = self.switch(mapping=[named])
            up = Up(switch)
            up.caller.cseq += 1
            moved = up.caller.make(method, OFFER).replace(
                b"<sip:a@192.0.2.10:5060>", b"<sip:moved@192.0.2.10:5070>"
            )
            up.caller.send(moved)
            up.callee.reply(up.passed(), 200, ANSWER)
            up.caller.invite_branch = up.caller.branch
            if method == "INVITE":
                up.caller.ack(up.answer())
            switch.taken()
            up.callee.ask(up.invite, "BYE")
            bye = switch.request(("192.0.2.10", 5070))
            self.assertEqual(bye.uri_text, "sip:moved@192.0.2.10:5070")

    def test_malformed_contact(self) -> None:
        """It gets 400 and the next one is served."""
        switch = self.switch()
        up = Up(switch)
        up.caller.cseq += 1
        bad = up.caller.make("INVITE", HOLD).replace(b"<sip:a@", b"<sip:a@@<")
        up.caller.send(bad)
        self.assertEqual(final(switch, CALLER).status, 400)
        up.caller.ask("INVITE", HOLD)
        self.assertEqual(up.passed().method, "INVITE")


class CalleeAsksTests(CallTests):
    """The callee asks, the caller answers."""

    def test_reinvite(self) -> None:
        """Offer, answer and both ACKs."""
        switch = self.switch()
        up = Up(switch)
        up.callee.ask(up.invite, "INVITE", HELD)
        asked = up.asked()
        self.assertEqual((asked.method, asked.call_id), ("INVITE", "call-1"))
        self.assertEqual(asked.uri_text, "sip:a@192.0.2.10:5060")
        up.caller.reply(asked, 200, OFFER)
        self.assertEqual(self.lines(switch, CALLER), ["ACK"])
        ok = up.result()
        self.assertEqual(ok.status, 200)
        self.assertIn(b"m=audio 4000", ok.body)
        up.callee.ask(up.invite, "ACK")
        switch.advance(40)
        self.assertEqual(switch.taken(), [])

    def test_reinvite_without_offer(self) -> None:
        """The caller offers, the callee's ACK answers."""
        switch = self.switch()
        up = Up(switch)
        up.callee.ask(up.invite, "INVITE")
        up.caller.reply(up.asked(), 200, OFFER)
        self.assertIn(b"m=audio 4000", up.result().body)
        up.callee.ask(up.invite, "ACK", ANSWER)
        ack = up.asked()
        self.assertEqual(ack.method, "ACK")
        self.assertIn(b"m=audio 6000", ack.body)

    def test_others(self) -> None:
        """UPDATE with an offer, INFO and OPTIONS."""
        up = Up(self.switch())
        for method in ("UPDATE", "INFO", "OPTIONS"):
            up.callee.ask(up.invite, method, HELD if method == "UPDATE" else b"")
            asked = up.asked()
            self.assertEqual(asked.method, method)
            up.caller.reply(asked, 200)
            self.assertEqual(up.result().status, 200)

    def test_caller_does_not_know_the_call(self) -> None:
        """481 from the caller ends it."""
        switch = self.switch()
        up = Up(switch)
        up.callee.ask(up.invite, "INFO")
        up.caller.reply(up.asked(), 481)
        self.assertEqual(self.lines(switch, CALLEE), ["481", "BYE"])
        self.assertEqual(self.lines(switch, CALLER), ["BYE"])
        self.assert_over(switch, -1036, 2)


class ElsewhereTests(CallTests):
    """Requests inside a call from an address that is no gateway's."""

    def begin(self) -> tuple[Switch, Up]:
        """A call whose caller goes on from elsewhere."""
        switch = self.switch()
        up = Up(switch)
        up.caller.address = STRANGER
        return switch, up

    def test_it_does_not_draw_our_requests_to_itself(self) -> None:
        """An offer passes, its Contact is not taken: BYE goes where it went."""
        for method in ("UPDATE", "INVITE"):
            switch, up = self.begin()
            up.caller.ask(method, HOLD)
            up.callee.reply(up.passed(), 200, ANSWER)
            ok = final(switch, STRANGER)
            self.assertEqual(ok.status, 200)
            if method == "INVITE":
                up.caller.ack(ok)
            switch.taken()
            up.callee.ask(up.invite, "BYE")
            bye = switch.request(CALLER)
            self.assertEqual((bye.method, bye.uri.host), ("BYE", CALLER[0]))

    def test_its_bye_ends_the_call(self) -> None:
        """And the charge with it."""
        switch, up = self.begin()
        switch.advance(3)
        up.caller.ask("BYE")
        self.assertEqual(final(switch, STRANGER).status, 200)
        self.assert_over(switch, -8, 0)
        self.assertEqual(switch.cdrs[0].fee, Decimal("0.06"))


class CollisionTests(CallTests):
    """Requests that meet each other, or nobody."""

    def test_silence_to_info(self) -> None:
        """A callee that ignores INFO or OPTIONS talks on; the asker gets 408."""
        for method in ("INFO", "OPTIONS"):
            switch = self.switch()
            up = Up(switch)
            up.caller.ask(method)
            switch.advance(30)
            self.assertEqual(final(switch, CALLER).status, 408)
            self.assertEqual(len(switch.registry), 1)

    def test_glare(self) -> None:
        """Both sides send a re-INVITE at once: 491 to both (14.1)."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE", HOLD)
        passed = up.passed()
        switch.taken(CALLER)
        up.callee.ask(up.invite, "INVITE", HELD)
        self.assertEqual(up.result().status, 491)
        self.assertEqual(switch.taken(CALLER), [])
        up.callee.reply(passed, 491)
        self.assertEqual(up.answer().status, 491)
        self.assertEqual(len(switch.registry), 1)

    def test_acknowledged_too_early(self) -> None:
        """An ACK before the answer is of nothing: a second one still gets 500."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE", OFFER)
        up.caller.send(up.caller.make("ACK"))
        up.caller.ask("INVITE", OFFER)
        self.assertEqual([m.status for m in switch.taken(CALLER)], [100, 500])

    def test_second_reinvite_of_one_side(self) -> None:
        """Before the first is answered: 500 with Retry-After (14.2)."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE", HOLD)
        switch.taken(CALLER)
        up.caller.ask("INVITE", HOLD)
        answer = up.answer()
        self.assertEqual((answer.status, answer.get("retry-after")), (500, "2"))

    def test_reinvite_never_answered(self) -> None:
        """The callee is gone: 408 to the caller, BYE to both."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE", HOLD)
        switch.advance(40)
        sent = self.lines(switch, CALLER)
        self.assertEqual(sent[:2], ["100", "408"])
        self.assertIn("BYE", sent)
        self.assertIn("BYE", self.lines(switch, CALLEE))
        self.assert_over(switch, -1036, 2)
        self.assert_idle(switch)

    def test_reinvite_answered_100_only(self) -> None:
        """A re-INVITE that is worked on for ever is given up."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE", HOLD)
        up.callee.reply(up.passed(), 100)
        switch.advance(200)
        self.assert_over(switch, -1036, 2)
        self.assert_idle(switch)

    def test_reinvite_never_acknowledged(self) -> None:
        """The caller is gone: BYE to both (14.2)."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE", HOLD)
        up.callee.reply(up.passed(), 200, HELD)
        switch.advance(40)
        self.assertIn("BYE", self.lines(switch, CALLER))
        self.assertIn("BYE", self.lines(switch, CALLEE))
        self.assert_over(switch, -1036, 2)
        self.assert_idle(switch)

    def test_earlier_ack_comes_again(self) -> None:
        """The ACK of the call's own INVITE acknowledges no re-INVITE."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE")
        up.caller.send(up.caller.make("ACK", cseq=1))
        up.callee.reply(up.passed(), 200, ANSWER)
        ok = up.answer()
        self.assertEqual(switch.taken(CALLEE), [])
        up.caller.send(up.caller.make("ACK", cseq=1))
        self.assertEqual(switch.taken(CALLEE), [])
        up.caller.ack(ok, OFFER)
        self.assertIn(b"m=audio 4000", up.passed().body)

    def test_late_offer_never_acknowledged(self) -> None:
        """Nor does the callee's 200 stay without an ACK then."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE")
        up.callee.reply(up.passed(), 200, ANSWER)
        switch.advance(40)
        self.assertEqual(self.lines(switch, CALLEE)[0], "ACK")
        self.assert_over(switch, -1036, 2)
        self.assert_idle(switch)

    def test_bye_during_a_reinvite(self) -> None:
        """The one who asks hangs up: its INVITE gets 487, the other BYE."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE", HOLD)
        passed = up.passed()
        switch.taken(CALLER)
        up.caller.ask("BYE")
        self.assertEqual(sorted(self.lines(switch, CALLER)), ["200", "487"])
        bye = up.passed()
        self.assertEqual(bye.method, "BYE")
        up.callee.reply(bye, 200)
        up.callee.reply(passed, 200, HELD)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assert_over(switch, -8, 0)
        self.assert_idle(switch)

    def test_bye_of_the_one_who_is_asked(self) -> None:
        """The other side hangs up instead of answering."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE", HOLD)
        passed = up.passed()
        switch.taken(CALLER)
        up.callee.ask(up.invite, "BYE")
        self.assertEqual(up.result().status, 200)
        self.assertEqual(self.lines(switch, CALLER), ["487", "BYE"])
        up.callee.reply(passed, 487)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assert_over(switch, -8, 1)
        self.assert_idle(switch)

    def test_cancel_of_a_reinvite(self) -> None:
        """It is answered 200 and the re-INVITE goes on to its own answer."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("INVITE", HOLD)
        passed = up.passed()
        switch.taken(CALLER)
        up.caller.cancel()
        self.assertEqual(self.lines(switch, CALLER), ["200"])
        up.callee.reply(passed, 200, HELD)
        self.assertEqual(up.answer().cseq_method, "INVITE")
        self.assertEqual(len(switch.registry), 1)

    def test_before_the_acknowledgement(self) -> None:
        """A re-INVITE before the ACK of the call waits for its turn."""
        switch = self.switch()
        up = Up(switch, ack=False)
        up.caller.learn(up.ok)
        up.caller.ask("INVITE", HOLD)
        answer = up.answer()
        self.assertEqual((answer.status, answer.get("retry-after")), (500, "2"))
        self.assertEqual(switch.taken(CALLEE), [])

    def test_callee_before_the_acknowledgement(self) -> None:
        """What the callee asks before the caller's ACK gets 491."""
        switch = self.switch()
        up = Up(switch, ack=False)
        up.callee.ask(up.invite, "INVITE", HELD)
        self.assertEqual(up.result().status, 491)
        self.assertEqual(switch.taken(CALLER), [])
        up.caller.ack(up.ok)
        self.assertEqual(len(switch.registry), 1)


class EarlyTests(CallTests):
    """Requests before the answer."""

    def early(self) -> tuple[Switch, Caller, Callee, Request]:
        """A call that rings, and both sides know the early dialog."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        callee.reply(invite, 180)
        caller.learn(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        return switch, caller, callee, invite

    def test_of_the_caller(self) -> None:
        """Offers are told to wait; OPTIONS is answered; the call goes on."""
        switch, caller, callee, invite = self.early()
        for method in ("INVITE", "UPDATE", "INFO"):
            caller.ask(method, OFFER)
            answer = final(switch, CALLER)
            self.assertEqual((answer.status, answer.get("retry-after")), (500, "2"))
        caller.ask("OPTIONS")
        self.assertEqual(final(switch, CALLER).status, 200)
        callee.reply(invite, 200, ANSWER)
        self.assertEqual(final(switch, CALLER).cseq, 1)
        self.assertEqual(len(switch.registry), 1)

    def test_of_the_callee(self) -> None:
        """The same on the other side."""
        switch, _, callee, invite = self.early()
        callee.ask(invite, "INFO", ANSWER)
        answer = final(switch, CALLEE)
        self.assertEqual((answer.status, answer.get("retry-after")), (500, "2"))
        callee.ask(invite, "UPDATE", ANSWER)
        self.assertEqual(final(switch, CALLEE).status, 491)
        callee.ask(invite, "OPTIONS")
        self.assertEqual(final(switch, CALLEE).status, 200)
        self.assertEqual(len(switch.registry), 1)

    def test_bye_of_the_callee(self) -> None:
        """No BYE may come from it yet (15): it counts as a refusal."""
        switch, _, callee, invite = self.early()
        callee.ask(invite, "BYE")
        self.assertEqual(self.lines(switch, CALLEE), ["200", "CANCEL"])
        self.assertEqual(final(switch, CALLER).status, 480)
        self.assert_over(switch, 480, 1)
        callee.reply(invite, 487)
        self.assert_idle(switch)


class LateOfferTests(CallTests):
    """An INVITE without a description."""

    def begin(self) -> tuple[Switch, Caller, Callee, Request]:
        """A call without an offer."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite(b"")
        invite = switch.request(CALLEE)
        self.assertEqual((invite.body, invite.get("content-type")), (b"", None))
        return switch, caller, callee, invite

    def test_answered(self) -> None:
        """The callee offers in its 200, the caller answers in its ACK."""
        switch, caller, callee, invite = self.begin()
        callee.reply(invite, 200, ANSWER)
        self.assertEqual(switch.taken(CALLEE), [])
        ok = final(switch, CALLER)
        self.assertIn(b"m=audio 6000", ok.body)
        caller.ack(ok, OFFER)
        ack = switch.request(CALLEE)
        self.assertEqual((ack.method, ack.cseq), ("ACK", 1))
        self.assertIn(b"m=audio 4000", ack.body)
        self.assertIn(b"o=- 1 1 IN IP4 192.0.2.1", ack.body)
        callee.reply(invite, 200, ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        switch.advance(5)
        caller.ask("BYE")
        self.assertEqual(switch.cdrs[0].callercodec, "PCMA")
        self.assert_over(switch, -8, 0)

    def test_hung_up_before_the_ack(self) -> None:
        """The callee still gets an ACK, then the BYE."""
        switch, caller, callee, invite = self.begin()
        callee.reply(invite, 200, ANSWER)
        caller.learn(final(switch, CALLER))
        caller.ask("BYE")
        self.assertEqual(self.lines(switch, CALLEE), ["ACK", "BYE"])

    def test_never_acknowledged(self) -> None:
        """Nobody stays with half a call."""
        switch, _, callee, invite = self.begin()
        callee.reply(invite, 200, ANSWER)
        switch.advance(40)
        self.assertEqual(self.lines(switch, CALLEE)[:2], ["ACK", "BYE"])
        self.assert_over(switch, -1036, 2)
        self.assert_idle(switch)
