"""
Callers who give up, and answers that cross with it.
"""

from __future__ import annotations

from tests.call.build import CallTests, final
from tests.peers import Callee, Caller
from tests.switch import ANSWER, CALLEE, CALLER, SECOND


class CancelTests(CallTests):
    """CANCEL of the call's INVITE (RFC 3261 section 9)."""

    def test_while_it_rings(self) -> None:
        """200, 487, and a CANCEL to the callee; nobody pays."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        callee.reply(invite, 180)
        switch.taken(CALLER)
        switch.advance(3)
        caller.cancel()
        cancel = switch.request(CALLEE)
        self.assertEqual((cancel.method, cancel.branch), ("CANCEL", invite.branch))
        self.assertEqual((cancel.cseq, cancel.to_tag), (1, None))
        taken = switch.taken(CALLER)
        told = [(r.status, r.cseq_method) for r in taken]  # type: ignore[union-attr]
        self.assertEqual(told, [(200, "CANCEL"), (487, "INVITE")])
        caller.ack(taken[1])  # type: ignore[arg-type]
        callee.reply(cancel, 200)
        callee.reply(invite, 487)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assert_over(switch, -7, 0)
        cdr = switch.cdrs[0]
        self.assertEqual((cdr.holdtime, cdr.fee, cdr.calleeip), (0, 0, CALLEE[0]))
        self.assertEqual(cdr.starttime, cdr.stoptime)
        self.assert_idle(switch)

    def test_before_any_response(self) -> None:
        """CANCEL waits for a provisional response of the callee (9.1)."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        caller.cancel()
        self.assertEqual(switch.taken(CALLEE), [])
        self.assert_over(switch, -7, 0)
        callee.reply(invite, 100)
        cancel = switch.request(CALLEE)
        self.assertEqual(cancel.method, "CANCEL")
        callee.reply(cancel, 200)
        callee.reply(invite, 487)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        caller.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        self.assert_idle(switch)

    def test_before_any_response_and_there_is_none(self) -> None:
        """A silent callee never gets a CANCEL; nothing stays behind."""
        switch = self.switch()
        caller = Caller(switch)
        caller.invite()
        caller.cancel()
        switch.taken(CALLER)
        switch.advance(40)
        self.assertEqual(set(self.lines(switch, CALLEE)), {"INVITE"})
        self.assert_over(switch, -7, 0)
        self.assert_idle(switch)

    def test_after_the_answer(self) -> None:
        """Our 200 was first: CANCEL does nothing, the call is up."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        callee.reply(switch.request(CALLEE), 200, ANSWER)
        ok = final(switch, CALLER)
        caller.cancel()
        self.assertEqual(self.lines(switch, CALLER), ["200"])
        caller.ack(ok)
        self.assertEqual(len(switch.registry), 1)
        caller.ask("BYE")
        self.assert_over(switch, -8, 0)

    def test_callee_answers_all_the_same(self) -> None:
        """The callee's 200 crossed our CANCEL: ACK, BYE; nobody pays."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        callee.reply(invite, 180)
        caller.cancel()
        cancel = switch.request(CALLEE)
        callee.reply(invite, 200, ANSWER)
        ack, bye = switch.taken(CALLEE)
        self.assertEqual((ack.method, bye.method), ("ACK", "BYE"))  # type: ignore[union-attr]
        self.assertEqual((ack.to_tag, bye.to_tag), (callee.tag, callee.tag))
        callee.reply(cancel, 200)
        callee.reply(bye, 200)  # type: ignore[arg-type]
        self.assertNotIn("180", self.lines(switch, CALLER)[2:])
        self.assert_over(switch, -7, 0)
        self.assertEqual(switch.cdrs[0].fee, 0)
        self.assert_idle(switch)

    def test_callee_answers_without_any_provisional(self) -> None:
        """Given up before any response, answered at once: ACK and BYE."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        caller.cancel()
        callee.reply(invite, 200, ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK", "BYE"])
        self.assert_over(switch, -7, 0)

    def test_answer_after_everything(self) -> None:
        """A 200 half a minute after the CANCEL is still acknowledged and ended."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        callee.reply(invite, 180)
        caller.cancel()
        callee.reply(switch.request(CALLEE), 200)
        switch.advance(33)
        switch.taken()
        callee.reply(invite, 200, ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK", "BYE"])
        self.assert_over(switch, -7, 0)
        self.assert_idle(switch)

    def test_by_bye(self) -> None:
        """BYE in the early dialog gives up as CANCEL does (15)."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        callee.reply(switch.request(CALLEE), 180)
        caller.learn(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        caller.ask("BYE")
        self.assertEqual(self.lines(switch, CALLER), ["200", "487"])
        self.assertEqual(self.lines(switch, CALLEE), ["CANCEL"])
        self.assert_over(switch, -7, 0)

    def test_twice(self) -> None:
        """A CANCEL that comes again is answered again, no more."""
        switch = self.switch()
        caller = Caller(switch)
        caller.invite()
        data = caller.make("CANCEL", branch=caller.invite_branch)
        switch.taken(CALLER)
        caller.send(data)
        caller.send(data)
        self.assertEqual(self.lines(switch, CALLER), ["200", "487", "200"])
        self.assertEqual(len(switch.cdrs), 1)

    def test_late_responses_of_the_callee(self) -> None:
        """What the callee still says after the end reaches nobody."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        callee.reply(invite, 180)
        caller.cancel()
        switch.taken()
        callee.reply(invite, 183, ANSWER)
        callee.reply(invite, 503)
        self.assertEqual(self.lines(switch, CALLER), [])
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assertEqual(switch.taken(SECOND), [])
        self.assertEqual(len(switch.cdrs), 1)

    def test_bye_of_a_callee_that_was_given_up(self) -> None:
        """It is answered; the INVITE is still waited for, but not for ever."""
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        callee.reply(invite, 180)
        caller.cancel()
        switch.taken()
        callee.ask(invite, "BYE")
        self.assertEqual(self.lines(switch, CALLEE), ["200"])
        self.assert_over(switch, -7, 0)
        self.assert_idle(switch)
