"""
Reliable provisional responses on either side of a call (RFC 3262), and offers
before the answer (RFC 3311).
"""

from __future__ import annotations

from typing import Any

import attrs

from tests.call.build import CallTests, final
from tests.peers import Callee, Caller, reliable
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.gateways import RoutingGateway
from vos3000.model.sipoptions import ORDINARY
from vos3000.sip.message import Request, Response

OFF = attrs.evolve(ORDINARY, rel100=False)
SUPPORTED = ("Supported: 100rel", "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE")
NO_UPDATE = ("Supported: 100rel", "Allow: INVITE, ACK, CANCEL, BYE, PRACK")
REQUIRED = ("Require: 100rel",)
OTHER = ANSWER.replace(b"6000", b"7000")
"""What another device behind the same gateway describes."""
HOLD = OFFER + b"a=sendonly\r\n"
HELD = ANSWER + b"a=recvonly\r\n"


class Setup:
    """A call whose INVITE has reached the callee."""

    def __init__(
        self,
        test: CallTests,
        headers: tuple[str, ...] = SUPPORTED,
        body: bytes = OFFER,
        **settings: Any,
    ) -> None:
        self.test = test
        self.switch = test.switch(**settings)
        self.caller, self.callee = Caller(self.switch), Callee(self.switch)
        self.caller.invite(body, headers)
        self.switch.taken(CALLER)
        self.invite = self.switch.request(CALLEE)

    def heard(self) -> Response:
        """The one response that the caller got."""
        return self.switch.response(CALLER)

    def passed(self) -> Request:
        """The one request that the callee got."""
        return self.switch.request(CALLEE)

    def progress(self, rseq: int = 1, body: bytes = ANSWER, status: int = 183) -> None:
        """The callee sends a reliable provisional response."""
        self.callee.reply(self.invite, status, body, reliable(rseq))

    def pracked(self, rseq: int = 1) -> Request:
        """The PRACK that the callee got, answered."""
        prack = self.passed()
        self.test.assertEqual(prack.method, "PRACK")
        self.test.assertEqual(prack.get("rack"), f"{rseq} 1 INVITE")
        self.callee.reply(prack, 200)
        return prack

    def both(self) -> Response:
        """A reliable 183 with an answer, acknowledged on both sides."""
        self.progress()
        self.pracked()
        told = self.heard()
        self.caller.prack(told)
        self.test.assertEqual(self.heard().status, 200)
        return told

    def answer(self, body: bytes = ANSWER) -> Response:
        """The callee answers; the caller acknowledges."""
        self.callee.reply(self.invite, 200, body)
        ok = final(self.switch, CALLER)
        self.caller.ack(ok)
        self.test.assertEqual(self.test.lines(self.switch, CALLEE), ["ACK"])
        return ok

    def end(self) -> None:
        """The caller hangs up, and nothing is left."""
        self.caller.ask("BYE")
        self.callee.reply(self.passed(), 200)
        self.test.assert_over(self.switch, -8, 0)
        self.test.assert_idle(self.switch)


class CallerSideTests(CallTests):
    """What the caller is told reliably (section 3)."""

    def test_description_is_sent_reliably(self) -> None:
        """Require, RSeq and the answer; its PRACK is answered; the call goes on."""
        call = Setup(self)
        call.callee.reply(call.invite, 183, ANSWER)
        told = call.heard()
        self.assertEqual((told.status, told.get("require")), (183, "100rel"))
        self.assertTrue(1 <= int(told.get("rseq") or "") < 2**31)
        self.assertIn(b"m=audio 6000", told.body)
        self.assertIn("PRACK", told.all("allow"))
        call.caller.prack(told)
        ok = call.heard()
        self.assertEqual((ok.status, ok.cseq_method), (200, "PRACK"))
        call.answer()
        call.end()

    def test_what_carries_none_is_not(self) -> None:
        """180 alone is sent once, without RSeq."""
        call = Setup(self)
        call.callee.reply(call.invite, 180)
        told = call.heard()
        self.assertEqual((told.status, told.get("rseq")), (180, None))
        call.switch.advance(5)
        self.assertEqual(call.switch.taken(CALLER), [])

    def test_everything_where_it_is_required(self) -> None:
        """With Require: 100rel a plain 180 too, and one after the other."""
        call = Setup(self, REQUIRED)
        call.callee.reply(call.invite, 180)
        told = call.heard()
        call.callee.reply(call.invite, 183, ANSWER)
        self.assertEqual(call.switch.taken(CALLER), [])
        call.caller.prack(told)
        ok, second = call.switch.taken(CALLER)
        assert isinstance(second, Response) and isinstance(ok, Response)
        self.assertEqual((ok.cseq_method, second.status), ("PRACK", 183))
        first = int(told.get("rseq") or "")
        self.assertEqual(second.get("rseq"), str(first + 1))
        call.caller.prack(second)
        self.assertEqual(call.heard().status, 200)
        call.answer()
        call.end()

    def test_it_is_sent_again(self) -> None:
        """Until the PRACK, with doubling waits."""
        call = Setup(self)
        call.callee.reply(call.invite, 183, ANSWER)
        told = call.heard()
        call.switch.advance(4)
        again = call.switch.taken(CALLER)
        self.assertEqual(len(again), 3)
        self.assertEqual({each.get("rseq") for each in again}, {told.get("rseq")})
        call.caller.prack(told)
        call.heard()
        call.switch.advance(30)
        self.assertEqual(call.switch.taken(CALLER), [])

    def test_caller_that_is_gone(self) -> None:
        """No PRACK for half a minute: 504, CANCEL, and a record."""
        call = Setup(self)
        call.callee.reply(call.invite, 183, ANSWER)
        call.switch.advance(33)
        self.assertEqual(final_status(call.switch), 504)
        self.assertEqual(self.lines(call.switch, CALLEE)[0], "CANCEL")
        self.assert_over(call.switch, -1036, 2)
        self.assert_idle(call.switch)

    def test_answer_waits(self) -> None:
        """The 200 goes out when the description is acknowledged, not before."""
        call = Setup(self)
        call.callee.reply(call.invite, 183, ANSWER)
        told = call.heard()
        call.callee.reply(call.invite, 200, ANSWER)
        self.assertEqual(call.switch.taken(CALLER), [])
        call.caller.prack(told)
        prack, ok = call.switch.taken(CALLER)
        assert isinstance(ok, Response)
        self.assertEqual((prack.cseq_method, ok.cseq_method), ("PRACK", "INVITE"))
        self.assertEqual(ok.body, told.body)
        call.caller.ack(ok)
        call.switch.taken(CALLEE)
        call.end()

    def test_nobody_acknowledges_while_the_answer_waits(self) -> None:
        """Both sides are told, and the record says that the caller was lost."""
        call = Setup(self)
        call.callee.reply(call.invite, 183, ANSWER)
        call.callee.reply(call.invite, 200, ANSWER)
        call.switch.advance(33)
        self.assertEqual(final_status(call.switch), 504)
        self.assertEqual(self.lines(call.switch, CALLEE)[:2], ["ACK", "BYE"])
        self.assert_over(call.switch, -1036, 2)
        self.assert_idle(call.switch)

    def test_answer_overtakes_a_plain_one(self) -> None:
        """What carried nothing holds up nobody; its PRACK is still good."""
        call = Setup(self, REQUIRED)
        call.callee.reply(call.invite, 180)
        told = call.heard()
        call.callee.reply(call.invite, 200, ANSWER)
        ok = call.heard()
        self.assertEqual(ok.cseq_method, "INVITE")
        call.caller.ack(ok)
        call.caller.prack(told)
        self.assertEqual(call.heard().status, 200)
        call.switch.taken(CALLEE)
        call.end()

    def test_wrong_prack(self) -> None:
        """481 where it acknowledges nothing of ours, 400 where it says nothing."""
        call = Setup(self)
        call.callee.reply(call.invite, 183, ANSWER)
        told = call.heard()
        right = int(told.get("rseq") or "")
        for rack in (f"{right + 1} 1 INVITE", f"{right} 2 INVITE", f"{right} 1 INFO"):
            call.caller.prack(told, rack=rack)
            self.assertEqual(call.heard().status, 481)
        call.caller.prack(told, rack="x")
        self.assertEqual(call.heard().status, 400)
        call.caller.prack(told)
        self.assertEqual(call.heard().status, 200)
        call.caller.prack(told)
        self.assertEqual(call.heard().status, 481)

    def test_refusal_waits_for_nothing(self) -> None:
        """And ends the repetition."""
        call = Setup(self, routing=[routing_gateway()])
        call.callee.reply(call.invite, 183, ANSWER)
        told = call.heard()
        call.callee.reply(call.invite, 486)
        self.assertEqual(call.heard().status, 486)
        call.caller.ack(told)
        self.assert_over(call.switch, 486, 1)
        self.assert_idle(call.switch)

    def test_cancel(self) -> None:
        """A caller that gives up hears no more of it."""
        call = Setup(self)
        call.callee.reply(call.invite, 183, ANSWER)
        call.heard()
        call.caller.cancel()
        self.assertEqual(self.lines(call.switch, CALLER), ["200", "487"])
        self.assert_over(call.switch, -7, 0)
        call.callee.reply(call.invite, 487)
        self.assert_idle(call.switch)

    def test_gateway_without(self) -> None:
        """Supported is passed over, Require refused with 420, which is recorded."""
        call = Setup(self, mapping=[mapping_gateway(sip=OFF)])
        call.callee.reply(call.invite, 183, ANSWER)
        self.assertIsNone(call.heard().get("rseq"))
        switch = self.switch(mapping=[mapping_gateway(sip=OFF)])
        Caller(switch).invite(OFFER, REQUIRED)
        refusal = final(switch, CALLER)
        self.assertEqual((refusal.status, refusal.get("unsupported")), (420, "100rel"))
        self.assert_over(switch, 420, 2)

    def test_caller_without(self) -> None:
        """A callee's reliable response is an ordinary one to it, its answer too."""
        call = Setup(self, ())
        call.progress()
        call.pracked()
        told = call.heard()
        self.assertEqual((told.status, told.get("rseq")), (183, None))
        ok = call.answer(b"")
        self.assertIn(b"m=audio 6000", ok.body)
        call.end()

    def test_prack_of_nothing(self) -> None:
        """481 where nothing reliable was ever sent."""
        call = Setup(self, ())
        call.callee.reply(call.invite, 183, ANSWER)
        call.caller.prack(call.heard(), rack="1 1 INVITE")
        self.assertEqual(call.heard().status, 481)


def final_status(switch: Switch) -> int:
    """The status of the last response to the caller's INVITE."""
    sent = [m for m in switch.taken(CALLER) if isinstance(m, Response)]
    return [m.status for m in sent if m.cseq_method == "INVITE"][-1]


class CalleeSideTests(CallTests):
    """What the callee says reliably (section 4)."""

    def test_prack(self) -> None:
        """It goes to the Contact with the tags, the next CSeq and RAck."""
        call = Setup(self, ())
        self.assertIn("100rel", call.invite.all("supported"))
        call.progress(77)
        prack = call.pracked(77)
        self.assertEqual((prack.uri_text, prack.cseq), ("sip:b@192.0.2.20:5060", 2))
        self.assertEqual((prack.to_tag, prack.body), (call.callee.tag, b""))
        call.switch.taken(CALLER)
        call.answer(b"")
        call.end()

    def test_prack_follows_the_route(self) -> None:
        """Record-Route of the provisional response counts (12.1.2)."""
        call = Setup(self, ())
        route = ("Record-Route", "<sip:192.0.2.99;lr>")
        call.callee.reply(call.invite, 183, ANSWER, (*reliable(1), route))
        prack = call.switch.request(("192.0.2.99", 5060))
        self.assertEqual(prack.get("route"), "<sip:192.0.2.99;lr>")
        self.assertEqual(prack.uri_text, "sip:b@192.0.2.20:5060")

    def test_repeated_and_out_of_order(self) -> None:
        """Neither is acknowledged nor passed on; the right one is."""
        call = Setup(self, ())
        call.progress(5)
        call.pracked(5)
        call.switch.taken(CALLER)
        for rseq in (5, 7, 4):
            call.progress(rseq, b"", 180)
            self.assertEqual(call.switch.taken(), [])
        call.progress(6, b"", 180)
        call.pracked(6)
        self.assertEqual(call.heard().status, 180)

    def test_lost_prack_is_sent_again(self) -> None:
        """By its own transaction; what the callee makes of it is its affair."""
        for status in (200, 481, 500):
            call = Setup(self, ())
            call.progress()
            call.passed()
            call.switch.advance(0.6)
            prack = call.passed()
            self.assertEqual(prack.method, "PRACK")
            call.callee.reply(prack, status)
            call.switch.taken(CALLER)
            call.answer()
            call.end()

    def test_forks(self) -> None:
        """Each early dialog has its own numbers; the last one's answer counts."""
        call = Setup(self, ())
        call.progress(9)
        call.pracked(9)
        call.callee.tag = "other"
        call.progress(9, OTHER)
        prack = call.pracked(9)
        self.assertEqual(prack.to_tag, "other")
        first, second = call.switch.taken(CALLER)
        self.assertIn(b"m=audio 6000", first.body)
        self.assertIn(b"m=audio 7000", second.body)
        ok = call.answer(b"")
        self.assertIn(b"m=audio 7000", ok.body)
        call.end()

    def test_first_fork_answers(self) -> None:
        """Then its description counts, and the call is its."""
        call = Setup(self, ())
        first = call.callee.tag
        call.progress(9)
        call.pracked(9)
        call.callee.tag = "other"
        call.progress(3, OTHER)
        call.pracked(3)
        call.callee.tag = first
        call.progress(10, b"", 180)
        self.assertEqual(call.pracked(10).to_tag, first)
        call.switch.taken(CALLER)
        ok = call.answer(b"")
        self.assertIn(b"m=audio 6000", ok.body)
        call.end()

    def test_forks_are_bounded(self) -> None:
        """A callee that makes up tags gets no PRACK for ever."""
        call = Setup(self, ())
        for number in range(50):
            call.callee.tag = f"fork{number}"
            call.progress(1, b"", 180)
        self.assertEqual(self.lines(call.switch, CALLEE), ["PRACK"] * 20)

    def test_first_description_counts(self) -> None:
        """A 200 that says something else is not heard (RFC 3261 13.2.1)."""
        call = Setup(self, ())
        call.progress()
        call.pracked()
        call.switch.taken(CALLER)
        ok = call.answer(OTHER)
        self.assertIn(b"m=audio 6000", ok.body)

    def test_gateway_without(self) -> None:
        """Nothing is offered; what comes all the same is an ordinary response."""
        call = Setup(self, routing=[routing_gateway(sip=OFF)])
        self.assertNotIn("100rel", call.invite.all("supported"))
        call.progress()
        self.assertEqual(call.switch.taken(CALLEE), [])
        self.assertIn(b"m=audio 6000", call.heard().body)

    def test_malformed(self) -> None:
        """A response whose Contact is no address is as if it never came."""
        call = Setup(self, ())
        bad = ("Record-Route", "<sip:@@")
        call.callee.reply(call.invite, 183, ANSWER, (*reliable(1), bad))
        self.assertEqual(call.switch.taken(), [])
        call.answer()
        call.end()

    def test_required_by_the_callee(self) -> None:
        """421 has the INVITE sent again with Require, once."""
        call = Setup(self, routing=[routing_gateway()])
        call.callee.reply(call.invite, 421, headers=[("Require", "100rel")])
        ack, again = call.switch.taken(CALLEE)
        assert isinstance(again, Request)
        self.assertEqual((ack.cseq_method, again.method), ("ACK", "INVITE"))
        self.assertEqual((again.get("require"), again.cseq), ("100rel", 2))
        self.assertEqual((again.body, again.to_tag), (call.invite.body, None))
        call.callee.reply(again, 421, headers=[("Require", "100rel")])
        self.assertEqual(call.heard().status, 421)
        self.assert_over(call.switch, 421, 1)

    def test_requires_what_we_have_not(self) -> None:
        """421 for anything else is a refusal."""
        for tags in ("precondition", "100rel, precondition", ""):
            call = Setup(self, routing=[routing_gateway()])
            call.callee.reply(call.invite, 421, headers=[("Require", tags)])
            self.assertEqual(call.heard().status, 421)


class LateOfferTests(CallTests):
    """An INVITE without an offer (RFC 3261 13.2.1)."""

    def test_in_the_provisional_response(self) -> None:
        """The callee's offer is answered by PRACK on both sides."""
        call = Setup(self, body=b"")
        self.assertIn("100rel", call.invite.all("supported"))
        call.progress()
        self.assertEqual(call.switch.taken(CALLEE), [])
        told = call.heard()
        self.assertIn(b"m=audio 6000", told.body)
        call.caller.prack(told, OFFER)
        self.assertEqual(call.heard().status, 200)
        prack = call.pracked()
        self.assertIn(b"m=audio 4000", prack.body)
        ok = call.answer(b"")
        self.assertEqual(ok.body, b"")
        call.end()

    def test_answer_is_missing(self) -> None:
        """A PRACK without one: the callee's gets none either."""
        call = Setup(self, body=b"")
        call.progress()
        call.caller.prack(call.heard())
        self.assertEqual(call.pracked().body, b"")

    def test_caller_without(self) -> None:
        """It cannot answer early, so that the callee is not asked to offer early."""
        call = Setup(self, (), b"")
        self.assertNotIn("100rel", call.invite.all("supported"))
        call.callee.reply(call.invite, 183, ANSWER)
        told = call.heard()
        self.assertEqual((told.status, told.body), (183, b""))
        call.callee.reply(call.invite, 200, ANSWER)
        ok = final(call.switch, CALLER)
        self.assertIn(b"m=audio 6000", ok.body)
        call.caller.ack(ok, OFFER)
        self.assertIn(b"m=audio 4000", call.passed().body)
        call.end()

    def test_unreliable_description_is_no_offer(self) -> None:
        """It is left out; the offer comes with the answer."""
        call = Setup(self, body=b"")
        call.callee.reply(call.invite, 183, ANSWER)
        self.assertEqual(call.heard().body, b"")
        call.callee.reply(call.invite, 200, ANSWER)
        ok = call.heard()
        call.caller.ack(ok, OFFER)
        self.assertIn(b"m=audio 4000", call.passed().body)

    def test_next_gateway_gets_the_answer_as_offer(self) -> None:
        """After a failure the caller's description is known."""
        second = RoutingGateway(3, "second", remote_ip=SECOND[0])
        first = routing_gateway(switch_on_sdp=True)
        call = Setup(self, body=b"", routing=[first, second])
        call.progress()
        call.caller.prack(call.heard(), OFFER)
        call.pracked()
        call.switch.taken(CALLER)
        call.callee.reply(call.invite, 503)
        invite = call.switch.request(SECOND)
        self.assertIn(b"m=audio 4000", invite.body)


class PrackOfferTests(CallTests):
    """An offer in a PRACK (section 5)."""

    def test_it_passes_as_update(self) -> None:
        """And the answer to that is in the 200 of the PRACK."""
        call = Setup(self)
        call.progress()
        call.pracked()
        call.caller.prack(call.heard(), HOLD)
        self.assertEqual(call.switch.taken(CALLER), [])
        update = call.passed()
        self.assertEqual((update.method, update.to_tag), ("UPDATE", call.callee.tag))
        self.assertIn(b"a=sendonly", update.body)
        call.callee.reply(update, 200, HELD)
        ok = call.heard()
        self.assertEqual((ok.status, ok.cseq_method), (200, "PRACK"))
        self.assertIn(b"a=recvonly", ok.body)
        ok = call.answer(b"")
        self.assertIn(b"a=recvonly", ok.body)
        call.end()

    def test_callee_that_cannot(self) -> None:
        """A PRACK cannot be refused: the answer is what was described before."""
        call = Setup(self)
        call.callee.reply(call.invite, 183, ANSWER)
        told = call.heard()
        call.caller.prack(told, HOLD)
        self.assertEqual(call.switch.taken(CALLEE), [])
        ok = call.heard()
        self.assertEqual((ok.status, ok.body), (200, told.body))

    def test_callee_that_refuses(self) -> None:
        """The same."""
        call = Setup(self)
        call.progress()
        call.pracked()
        told = call.heard()
        call.caller.prack(told, HOLD)
        call.callee.reply(call.passed(), 488)
        ok = call.heard()
        self.assertEqual((ok.status, ok.body), (200, told.body))


class EarlyUpdateTests(CallTests):
    """UPDATE before the answer (RFC 3311)."""

    def test_of_the_callee(self) -> None:
        """Its offer passes, and the caller's answer comes back."""
        call = Setup(self)
        call.both()
        call.callee.ask(call.invite, "UPDATE", OTHER)
        update = call.switch.request(CALLER)
        self.assertEqual((update.method, update.uri_text), ("UPDATE", f"sip:a@{HERE}"))
        self.assertIn(b"m=audio 7000", update.body)
        call.caller.reply(update, 200, HOLD)
        ok = final(call.switch, CALLEE)
        self.assertEqual((ok.status, ok.cseq_method), (200, "UPDATE"))
        self.assertIn(b"a=sendonly", ok.body)
        ok = call.answer(b"")
        self.assertIn(b"m=audio 7000", ok.body)
        call.end()

    def test_of_the_caller(self) -> None:
        """The same the other way."""
        call = Setup(self)
        call.both()
        call.caller.ask("UPDATE", HOLD)
        update = call.passed()
        self.assertIn(b"a=sendonly", update.body)
        call.callee.reply(update, 200, HELD)
        self.assertIn(b"a=recvonly", call.heard().body)
        call.answer(b"")
        call.end()

    def test_without_an_offer(self) -> None:
        """It is for the leg alone: its target moves, nobody else hears of it."""
        call = Setup(self, ())
        call.callee.reply(call.invite, 180)
        call.caller.learn(call.heard())
        call.caller.ask("UPDATE")
        ok = call.heard()
        self.assertEqual((ok.status, ok.cseq_method), (200, "UPDATE"))
        call.callee.ask(call.invite, "UPDATE")
        self.assertEqual(final(call.switch, CALLEE).status, 200)
        self.assertEqual(call.switch.taken(), [])

    def test_too_early(self) -> None:
        """Before the caller has its answer 500 to it, 491 to the callee."""
        call = Setup(self)
        call.callee.reply(call.invite, 180)
        call.caller.learn(call.heard())
        call.caller.ask("UPDATE", HOLD)
        refusal = call.heard()
        self.assertEqual((refusal.status, refusal.get("retry-after")), (500, "2"))
        call.callee.ask(call.invite, "UPDATE", OTHER)
        self.assertEqual(final(call.switch, CALLEE).status, 491)

    def test_callee_offers_before_the_prack_of_the_caller(self) -> None:
        """491: the caller cannot take it yet."""
        call = Setup(self)
        call.progress()
        call.pracked()
        call.callee.ask(call.invite, "UPDATE", OTHER)
        self.assertEqual(final(call.switch, CALLEE).status, 491)

    def test_glare(self) -> None:
        """491 to who offers while it has an offer to answer (5.2)."""
        call = Setup(self)
        call.both()
        call.caller.ask("UPDATE", HOLD)
        update = call.passed()
        call.callee.ask(call.invite, "UPDATE", OTHER)
        self.assertEqual(final(call.switch, CALLEE).status, 491)
        call.caller.ask("UPDATE", OFFER)
        refusal = call.heard()
        self.assertEqual((refusal.status, refusal.get("retry-after")), (500, "2"))
        call.callee.reply(update, 488)
        self.assertEqual(call.heard().status, 488)
        call.answer(b"")
        call.end()

    def test_caller_that_cannot(self) -> None:
        """488 to the callee where the caller knows no 100rel, or no UPDATE."""
        for headers in ((), NO_UPDATE):
            call = Setup(self, headers)
            call.progress()
            call.pracked()
            told = call.heard()
            if headers:
                call.caller.prack(told)
                call.heard()
            call.callee.ask(call.invite, "UPDATE", OTHER)
            self.assertEqual(final(call.switch, CALLEE).status, 488)

    def test_callee_that_cannot(self) -> None:
        """488 to the caller."""
        call = Setup(self)
        call.callee.reply(call.invite, 183, ANSWER)
        call.caller.prack(call.heard())
        call.heard()
        call.caller.ask("UPDATE", HOLD)
        self.assertEqual(call.heard().status, 488)

    def test_nobody_answers(self) -> None:
        """408, and the INVITE goes on."""
        call = Setup(self)
        call.both()
        call.caller.ask("UPDATE", HOLD)
        call.passed()
        call.switch.advance(25)
        self.assertEqual(final(call.switch, CALLER).status, 408)
        self.assertEqual(len(call.switch.registry), 1)


HERE = "192.0.2.10:5060"


class OwedTests(CallTests):
    """A description after the one that the caller holds as the answer."""

    def second(self, headers: tuple[str, ...]) -> tuple[Setup, Callee, Request]:
        """The first gateway described its media, and failed."""
        routing = [
            routing_gateway(switch_on_sdp=True),
            RoutingGateway(3, "second", remote_ip=SECOND[0]),
        ]
        call = Setup(self, headers, routing=routing)
        call.callee.reply(call.invite, 183, ANSWER)
        call.caller.prack(call.heard())
        call.heard()
        call.callee.reply(call.invite, 503)
        call.switch.taken(CALLEE)
        return call, Callee(call.switch, SECOND), call.switch.request(SECOND)

    def test_by_update(self) -> None:
        """Before the answer, where the caller takes UPDATE."""
        call, callee, invite = self.second(SUPPORTED)
        callee.reply(invite, 183, OTHER)
        told = call.heard()
        self.assertEqual((told.status, told.body), (183, b""))
        call.caller.prack(told)
        ok, update = call.switch.taken(CALLER)
        assert isinstance(update, Request)
        self.assertEqual((ok.cseq_method, update.method), ("PRACK", "UPDATE"))
        self.assertIn(b"m=audio 7000", update.body)
        call.caller.reply(update, 200, OFFER)
        callee.reply(invite, 200, OTHER)
        ok = call.heard()
        self.assertIn(b"m=audio 7000", ok.body)
        call.caller.ack(ok)
        self.assertEqual(call.switch.taken(CALLER), [])

    def test_by_reinvite(self) -> None:
        """After the answer, where it does not."""
        call, callee, invite = self.second(NO_UPDATE)
        callee.reply(invite, 200, OTHER)
        ok = call.heard()
        self.assertIn(b"m=audio 6000", ok.body)
        call.caller.ack(ok)
        again = call.switch.request(CALLER)
        self.assertEqual(again.method, "INVITE")
        self.assertIn(b"m=audio 7000", again.body)
        call.caller.reply(again, 200, OFFER)
        self.assertEqual(self.lines(call.switch, CALLER), ["ACK"])
        self.assertEqual(self.lines(call.switch, SECOND), ["ACK"])
        call.caller.ask("BYE")
        callee.reply(call.switch.request(SECOND), 200)
        self.assert_over(call.switch, -8, 0)
        self.assert_idle(call.switch)

    def test_again_after_a_collision(self) -> None:
        """491 puts it off; a caller that never takes it is left in peace."""
        call, callee, invite = self.second(SUPPORTED)
        callee.reply(invite, 200, OTHER)
        ok = call.heard()
        call.caller.ack(ok)
        offers = set()
        for _ in range(20):
            for update in call.switch.taken(CALLER):
                assert isinstance(update, Request)
                offers.add(update.cseq)
                call.caller.reply(update, 491)
            call.switch.advance(3)
        self.assertEqual(len(offers), 5)
        self.assertEqual(len(call.switch.registry), 1)

    def test_same_description_is_owed_to_nobody(self) -> None:
        """The same answer of another gateway needs no offer."""
        call, callee, invite = self.second(SUPPORTED)
        callee.reply(invite, 200, ANSWER)
        call.caller.ack(call.heard())
        self.assertEqual(call.switch.taken(CALLER), [])
