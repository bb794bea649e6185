"""
Session timers on either side of a call (RFC 4028).
"""

from __future__ import annotations

from typing import Any

import attrs

from tests.call.build import CallTests, final
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.sipoptions import ORDINARY
from vos3000.sip.message import Request, Response

OFF = attrs.evolve(ORDINARY, timer=False)
UPDATES = "INVITE, ACK, CANCEL, BYE, UPDATE"
PLAIN = "INVITE, ACK, CANCEL, BYE"
KNOWS = ("Supported: timer", f"Allow: {UPDATES}")
HOLD = OFFER + b"a=sendonly\r\n"


class Timed:
    """
    An answered call.

    @param headers: Of the caller's INVITE.
    @param session: What the callee's 200 says in Session-Expires.
    @param allow: What the callee's 200 says in Allow.
    """

    def __init__(
        self,
        test: CallTests,
        headers: tuple[str, ...] = (),
        session: str = "",
        allow: str = UPDATES,
        **settings: Any,
    ) -> None:
        self.test = test
        self.switch = switch = test.switch(**settings)
        self.caller, self.callee = Caller(switch), Callee(switch)
        self.caller.invite(OFFER, headers)
        switch.taken(CALLER)
        self.invite = switch.request(CALLEE)
        self.answered = switch.clock.seconds()
        self.reply(self.invite, session, ANSWER, allow)
        self.ok = switch.response(CALLER)
        self.caller.ack(self.ok)
        test.assertEqual(test.lines(switch, CALLEE), ["ACK"])

    def reply(
        self,
        request: Request,
        session: str = "",
        body: bytes = b"",
        allow: str = UPDATES,
    ) -> None:
        """The callee's 200."""
        headers = [("Allow", allow)]
        if session:
            headers += [("Require", "timer"), ("Session-Expires", session)]
        self.callee.reply(request, 200, body, headers)

    def asked(self, after: float, address: tuple[str, int] = CALLEE) -> Request:
        """The request that a peer gets no sooner than then, and soon after."""
        self.switch.advance(after - 0.2)
        self.test.assertEqual(self.switch.taken(address), [])
        self.switch.advance(0.4)
        return self.switch.request(address)

    def told(self, response: Response) -> tuple[str | None, str | None]:
        """What a 2xx says of the session."""
        return response.get("session-expires"), response.get("require")

    def over(self, after: float) -> None:
        """Nobody refreshed it: BYE to both sides then, and a record of it."""
        left = self.answered + after - 0.3 - self.switch.clock.seconds()
        self.switch.advance(left - 0.2)
        self.test.assertEqual(len(self.switch.registry), 1)
        self.switch.advance(0.4)
        for address in (CALLER, CALLEE):
            self.test.assertEqual(self.test.lines(self.switch, address)[-1], "BYE")
        self.test.assert_over(self.switch, -1013, 2)
        self.test.assert_idle(self.switch)


class CalleeTests(CallTests):
    """Towards the callee we are the client."""

    def test_offered(self) -> None:
        """Option tag, lifetime and minimum in the INVITE."""
        call = Timed(self, parameters={"SS_SIP_SESSION_TTL": "1200"})
        self.assertIn("timer", call.invite.all("supported"))
        self.assertEqual(call.invite.get("session-expires"), "1200")
        self.assertEqual(call.invite.get("min-se"), "90")
        self.assertIsNone(call.invite.get("require"))

    def test_gateway_without(self) -> None:
        """Nothing is offered; what its 200 says all the same is not heard."""
        routing = [routing_gateway(sip=OFF)]
        call = Timed(self, session="90;refresher=uas", routing=routing)
        self.assertNotIn("timer", call.invite.all("supported"))
        self.assertIsNone(call.invite.get("session-expires"))
        call.switch.advance(200)
        self.assertEqual(len(call.switch.registry), 1)

    def test_callee_without(self) -> None:
        """Its session lasts until somebody hangs up."""
        call = Timed(self)
        call.switch.advance(3600)
        self.assertEqual(call.switch.taken(), [])
        self.assertEqual(len(call.switch.registry), 1)

    def test_refreshed_by_update(self) -> None:
        """At half of it, again and again; no description is sent."""
        call = Timed(self, session="600;refresher=uac")
        for _ in range(3):
            update = call.asked(300)
            self.assertEqual((update.method, update.body), ("UPDATE", b""))
            self.assertEqual(update.get("session-expires"), "600;refresher=uac")
            self.assertEqual(update.get("supported"), "timer")
            call.reply(update, "600;refresher=uac")
            self.assertEqual(call.switch.taken(CALLER), [])
        self.assertEqual(len(call.switch.registry), 1)

    def test_segments(self) -> None:
        """SS_SIP_SESSION_UPDATE_SEGMENT says how often."""
        parameters = {"SS_SIP_SESSION_UPDATE_SEGMENT": "3"}
        call = Timed(self, session="600;refresher=uac", parameters=parameters)
        self.assertEqual(call.asked(200).method, "UPDATE")

    def test_refreshed_by_reinvite(self) -> None:
        """A callee without UPDATE gets what it holds, of the same version."""
        call = Timed(self, session="600;refresher=uac", allow=PLAIN)
        again = call.asked(300)
        self.assertEqual((again.method, again.body), ("INVITE", call.invite.body))
        self.assertEqual(again.get("session-expires"), "600;refresher=uac")
        call.reply(again, "600;refresher=uac", ANSWER, PLAIN)
        self.assertEqual(self.lines(call.switch, CALLEE), ["ACK"])
        self.assertEqual(call.asked(300).method, "INVITE")

    def test_answer_from_elsewhere(self) -> None:
        """
        An answer to the refresh that names another port goes on to the caller,
        whatever it was busy with; after that the same answer is no news.
        """
        call = Timed(self, session="600;refresher=uac", allow=PLAIN)
        there = ANSWER.replace(b"6000", b"7000")
        for news, after in ((True, 300), (False, 296.8)):
            call.reply(call.asked(after), "600;refresher=uac", there, PLAIN)
            self.assertEqual(self.lines(call.switch, CALLEE), ["ACK"])
            if not news:
                self.assertEqual(call.switch.taken(CALLER), [])
                break
            told = call.switch.request(CALLER)
            self.assertIn(b"m=audio 7000 ", told.body)
            self.assertEqual(told.body.split()[3], b"2")
            call.caller.reply(told, 491)
            self.assertEqual(self.lines(call.switch, CALLER), ["ACK"])
            call.switch.advance(3.2)
            told = call.switch.request(CALLER)
            self.assertIn(b"m=audio 7000 ", told.body)
            call.caller.reply(told, 200, OFFER)
            self.assertEqual(self.lines(call.switch, CALLER), ["ACK"])
        self.assertEqual(len(call.switch.registry), 1)

    def test_caller_answers_from_elsewhere(self) -> None:
        """The same the other way; leaving out what is not used is no news."""
        for answer, news in (
            (OFFER.replace(b"4000", b"5000"), True),
            (OFFER.replace(b"RTP/AVP 8 101", b"RTP/AVP 8"), False),
        ):
            headers = ("Supported: timer", f"Allow: {PLAIN}")
            call = Timed(self, headers)
            again = call.asked(300, CALLER)
            self.assertEqual(again.method, "INVITE")
            call.caller.reply(again, 200, answer)
            told = call.switch.taken(CALLEE)
            self.assertEqual(len(told), int(news))
            if news:
                self.assertIn(b"m=audio 5000 ", told[0].body)

    def test_reinvite_says_what_holds_now(self) -> None:
        """After a hold the refresh holds, too."""
        call = Timed(self, session="600;refresher=uac", allow=PLAIN)
        call.caller.ask("INVITE", HOLD)
        passed = call.switch.request(CALLEE)
        call.reply(passed, "600;refresher=uac", ANSWER, PLAIN)
        call.caller.ack(final(call.switch, CALLER))
        call.switch.taken()
        self.assertEqual(call.asked(300).body, passed.body)

    def test_update_is_refused(self) -> None:
        """Then re-INVITE refreshes it, at once and from then on."""
        for status in (405, 488, 501):
            call = Timed(self, session="600;refresher=uac")
            call.callee.reply(call.asked(300), status)
            call.switch.advance(0.2)
            again = call.switch.request(CALLEE)
            self.assertEqual((again.method, again.body), ("INVITE", call.invite.body))
            call.reply(again, "600;refresher=uac", ANSWER)
            call.switch.taken(CALLEE)
            self.assertEqual(call.asked(300).method, "INVITE")

    def test_update_is_refused_and_nothing_described(self) -> None:
        """
        There is nothing that a re-INVITE could say again: UPDATE is tried as seldom
        as any refresh that was refused.
        """
        switch = self.switch()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite(b"")
        callee.reply(
            switch.request(CALLEE),
            200,
            b"",
            (("Session-Expires", "600;refresher=uac"), ("Allow", UPDATES)),
        )
        caller.ack(final(switch, CALLER))
        switch.taken()
        switch.advance(300.2)
        for _ in range(20):
            for each in switch.taken(CALLEE):
                assert isinstance(each, Request)
                callee.reply(each, 405)
            switch.advance(0.2)
        self.assertEqual(switch.taken(CALLEE), [])

    def test_refused_for_now(self) -> None:
        """It is tried again; if it is never taken the session is over."""
        call = Timed(self, session="600;refresher=uac")
        call.callee.reply(call.asked(300), 503)
        for _ in range(29):
            call.callee.reply(call.asked(10), 503)
        call.over(600)

    def test_glare(self) -> None:
        """491 to a refresh by re-INVITE: again after 2.1 to 4 s (14.1)."""
        call = Timed(self, session="600;refresher=uac", allow=PLAIN)
        call.callee.reply(call.asked(300), 491)
        self.assertEqual(self.lines(call.switch, CALLEE), ["ACK"])
        call.switch.advance(2)
        self.assertEqual(call.switch.taken(CALLEE), [])
        call.switch.advance(2.1)
        again = {each.cseq for each in call.switch.taken(CALLEE)}
        self.assertEqual(again, {3})

    def test_own_glare(self) -> None:
        """While a re-INVITE of the callee is under way the refresh waits."""
        call = Timed(self, session="600;refresher=uac", allow=PLAIN)
        call.switch.advance(299)
        call.callee.ask(call.invite, "INVITE", ANSWER)
        call.switch.taken()
        call.switch.advance(1.5)
        self.assertEqual(call.switch.taken(CALLEE), [])
        self.assertEqual(len(call.switch.registry), 1)

    def test_callee_is_gone(self) -> None:
        """408, 481 and silence end the call at once (section 10)."""
        for status in (408, 481):
            call = Timed(self, session="600;refresher=uac")
            call.callee.reply(call.asked(300), status)
            self.assertEqual(self.lines(call.switch, CALLER), ["BYE"])
            self.assert_over(call.switch, -1036, 2)
            self.assert_idle(call.switch)
        call = Timed(self, session="600;refresher=uac")
        call.asked(300)
        call.switch.advance(30)
        self.assert_over(call.switch, -1036, 2)

    def test_refreshed_by_the_callee(self) -> None:
        """UPDATE and re-INVITE begin its time anew; its 200 says so."""
        call = Timed(self, session="600;refresher=uas")
        call.switch.advance(500)
        self.assertEqual(call.switch.taken(), [])
        refresh = ("Supported: timer", "Session-Expires: 600;refresher=uac")
        call.callee.ask(call.invite, "UPDATE", headers=refresh)
        ok = final(call.switch, CALLEE)
        self.assertEqual(call.told(ok), ("600;refresher=uac", "timer"))
        self.assertEqual(call.switch.taken(CALLER), [])
        call.switch.advance(500)
        call.callee.ask(call.invite, "INVITE", ANSWER, headers=refresh)
        call.caller.reply(call.switch.request(CALLER), 200, OFFER)
        ok = final(call.switch, CALLEE)
        self.assertEqual(call.told(ok), ("600;refresher=uac", "timer"))
        call.callee.ask(call.invite, "ACK")
        call.switch.taken()
        call.answered = call.switch.clock.seconds()
        call.over(600)

    def test_nobody_refreshes(self) -> None:
        """BYE to both sides; what was talked until then is charged."""
        call = Timed(self, session="600;refresher=uas")
        call.over(600)
        [cdr] = call.switch.cdrs
        self.assertEqual((cdr.holdtime, str(cdr.fee)), (600, "0.60"))

    def test_early_hangup(self) -> None:
        """SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP ends it so much sooner."""
        for early, after in (("30", 570), ("3600", 400)):
            parameters = {"SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP": early}
            call = Timed(self, session="600;refresher=uas", parameters=parameters)
            call.over(after)

    def test_callee_lets_go(self) -> None:
        """A 200 to the refresh without Session-Expires: we go on asking."""
        call = Timed(self, session="600;refresher=uac")
        call.reply(call.asked(300))
        self.assertEqual(call.asked(300).method, "UPDATE")

    def test_too_small(self) -> None:
        """422: the INVITE goes out again with what is wanted, as one attempt."""
        switch = self.switch(routing=[routing_gateway()])
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        callee.reply(switch.request(CALLEE), 422, headers=[("Min-SE", "1800")])
        ack, again = switch.taken(CALLEE)
        assert isinstance(again, Request)
        self.assertEqual((ack.cseq_method, again.cseq), ("ACK", 2))
        self.assertEqual(again.get("session-expires"), "1800")
        self.assertEqual(again.all("min-se"), ["1800"])
        callee.reply(
            again, 200, ANSWER, [("Session-Expires", "1800"), ("Allow", UPDATES)]
        )
        caller.ack(final(switch, CALLER))
        switch.taken()
        switch.advance(900.2)
        self.assertEqual(switch.request(CALLEE).method, "UPDATE")

    def test_too_small_for_ever(self) -> None:
        """What asks for nothing more, for too much, or without end is a refusal."""
        for values in (("90",), ("99999",), ("",), [str(n) for n in range(91, 120)]):
            switch = self.switch(routing=[routing_gateway()])
            caller, callee = Caller(switch), Callee(switch)
            caller.invite()
            count = 0
            for value in values:
                for request in switch.taken(CALLEE):
                    assert isinstance(request, Request)
                    if request.method == "INVITE":
                        count += 1
                        callee.reply(request, 422, headers=[("Min-SE", value)])
            self.assertLessEqual(count, 10)
            self.assertEqual(final(switch, CALLER).status, 422)
            self.assert_over(switch, 422, 1)

    def test_refresh_is_too_small(self) -> None:
        """422 to a refresh: it goes out again, longer."""
        call = Timed(self, session="600;refresher=uac")
        call.callee.reply(call.asked(300), 422, headers=[("Min-SE", "700")])
        again = call.switch.request(CALLEE)
        self.assertEqual(again.get("session-expires"), "700;refresher=uac")
        self.assertEqual(again.get("min-se"), "700")
        call.reply(again, "700;refresher=uac")
        self.assertEqual(call.asked(350).method, "UPDATE")


class CallerTests(CallTests):
    """Towards the caller we are the server."""

    def test_over_before_the_answer(self) -> None:
        """
        The caller hangs up while its re-INVITE is under way: the callee's answer to
        that begins no session, whose refreshes nobody would end.
        """
        for headers in (KNOWS, (*KNOWS, "Session-Expires: 90;refresher=uac")):
            call = Timed(self)
            switch = call.switch
            call.caller.ask("INVITE", OFFER, headers=headers)
            asked = switch.request(CALLEE)
            call.caller.ask("BYE")
            bye = switch.request(CALLEE)
            call.reply(asked, body=ANSWER)
            call.callee.reply(bye, 200)
            self.assert_over(switch, -8, 0)
            self.assert_idle(switch)

    def test_supported(self) -> None:
        """The 200 requires it and says that we refresh, which we do."""
        call = Timed(self, KNOWS)
        self.assertEqual(call.told(call.ok), ("600;refresher=uas", "timer"))
        update = call.asked(300, CALLER)
        self.assertEqual((update.method, update.body), ("UPDATE", b""))
        self.assertEqual(update.get("session-expires"), "600;refresher=uac")
        call.caller.reply(update, 200)
        self.assertEqual(call.switch.taken(CALLEE), [])
        self.assertEqual(call.asked(300, CALLER).method, "UPDATE")

    def test_by_reinvite(self) -> None:
        """A caller without UPDATE gets what it holds once more."""
        call = Timed(self, ("Supported: timer",))
        again = call.asked(300, CALLER)
        self.assertEqual((again.method, again.body), ("INVITE", call.ok.body))
        call.caller.reply(again, 200, OFFER)
        self.assertEqual(self.lines(call.switch, CALLER), ["ACK"])

    def test_longer_than_a_day(self) -> None:
        """A caller that would never be missed, as its Min-SE has it: it is."""
        wish = "Session-Expires: 2000000000;refresher=uac", "Min-SE: 2000000000"
        call = Timed(self, (*KNOWS, *wish))
        self.assertEqual(call.told(call.ok), ("86400;refresher=uac", "timer"))

    def test_caller_refreshes(self) -> None:
        """It said so: we wait for it, no longer than our own lifetime."""
        headers = (*KNOWS, "Session-Expires: 1800;refresher=uac")
        call = Timed(self, headers)
        self.assertEqual(call.told(call.ok), ("600;refresher=uac", "timer"))
        call.switch.advance(400)
        call.caller.ask("UPDATE", headers=headers)
        ok = final(call.switch, CALLER)
        self.assertEqual(call.told(ok), ("600;refresher=uac", "timer"))
        call.answered += 400
        call.over(600)

    def test_caller_without(self) -> None:
        """Nothing is said; the cap of callers without timers holds."""
        call = Timed(self, parameters={"SS_SIP_NO_TIMER_REINVITE_INTERVAL": "100"})
        self.assertEqual(call.told(call.ok), (None, None))
        call.switch.advance(100)
        self.assert_over(call.switch, -1022, 2)

    def test_caller_with_is_not_capped(self) -> None:
        """It would be missed."""
        parameters = {"SS_SIP_NO_TIMER_REINVITE_INTERVAL": "100"}
        call = Timed(self, KNOWS, parameters=parameters)
        call.switch.advance(200)
        self.assertEqual(len(call.switch.registry), 1)

    def test_proxy_wants_it(self) -> None:
        """Session-Expires of a caller that does not know it: we refresh alone."""
        call = Timed(self, ("Session-Expires: 300", f"Allow: {UPDATES}"))
        self.assertEqual(call.told(call.ok), ("300;refresher=uas", None))
        self.assertEqual(call.asked(150, CALLER).method, "UPDATE")

    def test_too_short(self) -> None:
        """422 with our minimum, and a record."""
        switch = self.switch()
        Caller(switch).invite(OFFER, (*KNOWS, "Session-Expires: 89"))
        refusal = final(switch, CALLER)
        self.assertEqual((refusal.status, refusal.get("min-se")), (422, "90"))
        self.assertEqual(switch.taken(CALLEE), [])
        self.assert_over(switch, 422, 2)

    def test_callees_422_is_not_ours(self) -> None:
        """It is passed back without a minimum of ours."""
        switch = self.switch(routing=[routing_gateway()])
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        callee.reply(switch.request(CALLEE), 422)
        refusal = final(switch, CALLER)
        self.assertEqual((refusal.status, refusal.get("min-se")), (422, None))

    def test_malformed(self) -> None:
        """400, before and during the call."""
        switch = self.switch()
        Caller(switch).invite(OFFER, ("Session-Expires: soon",))
        self.assertEqual(final(switch, CALLER).status, 400)
        call = Timed(self)
        for method in ("UPDATE", "INVITE"):
            call.caller.ask(method, OFFER, headers=["Session-Expires: soon"])
            self.assertEqual(final(call.switch, CALLER).status, 400)

    def test_refresh_too_short(self) -> None:
        """422 during the call."""
        call = Timed(self, KNOWS)
        for method in ("UPDATE", "INVITE"):
            headers = (*KNOWS, "Session-Expires: 10")
            call.caller.ask(method, OFFER, headers=headers)
            refusal = final(call.switch, CALLER)
            self.assertEqual((refusal.status, refusal.get("min-se")), (422, "90"))
        self.assertEqual(call.switch.taken(CALLEE), [])

    def test_gateway_without(self) -> None:
        """Supported is passed over, Require refused."""
        mapping = [mapping_gateway(sip=OFF)]
        call = Timed(self, (*KNOWS, "Session-Expires: 60"), mapping=mapping)
        self.assertEqual(call.told(call.ok), (None, None))
        switch = self.switch(mapping=mapping)
        Caller(switch).invite(OFFER, ("Require: timer",))
        refusal = final(switch, CALLER)
        self.assertEqual((refusal.status, refusal.get("unsupported")), (420, "timer"))

    def test_caller_lets_go(self) -> None:
        """A re-INVITE without: from then on we refresh."""
        headers = (*KNOWS, "Session-Expires: 600;refresher=uac")
        call = Timed(self, headers)
        call.caller.ask("INVITE", HOLD)
        call.reply(call.switch.request(CALLEE), body=ANSWER)
        ok = final(call.switch, CALLER)
        self.assertEqual(call.told(ok), ("600;refresher=uas", None))
        call.caller.ack(ok)
        call.switch.taken()
        self.assertEqual(call.asked(300, CALLER).method, "UPDATE")

    def test_caller_begins_later(self) -> None:
        """A re-INVITE may begin what the INVITE did not."""
        call = Timed(self)
        call.caller.ask("UPDATE", headers=KNOWS)
        ok = final(call.switch, CALLER)
        self.assertEqual(call.told(ok), ("600;refresher=uas", "timer"))
        self.assertEqual(call.asked(300, CALLER).method, "UPDATE")

    def test_glare(self) -> None:
        """491 to the refresh of the caller's side: again within 2 s (14.1)."""
        call = Timed(self, ("Supported: timer",))
        call.caller.reply(call.asked(300, CALLER), 491)
        call.switch.taken()
        call.switch.advance(2.1)
        self.assertEqual({each.cseq for each in call.switch.taken(CALLER)}, {2})


class BothTests(CallTests):
    """Each side has its own."""

    def test_passing_refreshes_both(self) -> None:
        """A re-INVITE that passes says so on the other side, and counts there."""
        call = Timed(self, KNOWS, "600;refresher=uac")
        call.switch.advance(250)
        call.caller.ask("INVITE", HOLD, headers=KNOWS)
        passed = call.switch.request(CALLEE)
        self.assertEqual(passed.get("session-expires"), "600;refresher=uac")
        call.reply(passed, "600;refresher=uac", ANSWER)
        ok = final(call.switch, CALLER)
        self.assertEqual(call.told(ok), ("600;refresher=uas", "timer"))
        call.caller.ack(ok)
        call.switch.taken()
        call.switch.advance(299.8)
        self.assertEqual(call.switch.taken(), [])
        call.switch.advance(0.4)
        self.assertEqual(self.lines(call.switch, CALLER), ["UPDATE"])
        self.assertEqual(self.lines(call.switch, CALLEE), ["UPDATE"])

    def test_one_side_expires(self) -> None:
        """The other one's refreshes do not keep the call."""
        headers = (*KNOWS, "Session-Expires: 600;refresher=uac")
        call = Timed(self, headers, "300;refresher=uac")
        for _ in range(3):
            call.reply(call.asked(150), "300;refresher=uac")
        call.over(600)

    def test_hanging_up_ends_it(self) -> None:
        """No timer is left."""
        call = Timed(self, KNOWS, "600;refresher=uas")
        call.caller.ask("BYE")
        call.callee.reply(call.switch.request(CALLEE), 200)
        self.assert_over(call.switch, -8, 0)
        self.assert_idle(call.switch)
