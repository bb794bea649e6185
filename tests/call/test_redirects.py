"""
An external redirect server names the routes (sipRedirectServer).
"""

from __future__ import annotations

from typing import Any

from tests.call.build import CallTests, final
from tests.call.test_again import at
from tests.call.test_challenged import challenge
from tests.call.test_failover import second
from tests.peers import Callee, Caller
from tests.phones import PhonePeer
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.gateways import LockType
from vos3000.model.sipoptions import SipOptions
from vos3000.sip.digest import parse_credentials
from vos3000.sip.message import Request, respond

SERVER = ("192.0.2.40", 5070)
ASKS = SipOptions(redirect_server="192.0.2.40:5070")
NEXT = ("192.0.2.41", 5070)


class RedirectTests(CallTests):
    """What they have in common."""

    def begin(self, **settings: Any) -> tuple[Switch, Caller, Request]:
        """A call about which a server was asked."""
        given: dict[str, Any] = {
            "mapping": [mapping_gateway(sip=ASKS, **settings.pop("gateway", {}))],
            "routing": [routing_gateway(), second()],
            **settings,
        }
        switch = self.switch(**given)
        return self.call(switch)

    def call(self, switch: Switch) -> tuple[Switch, Caller, Request]:
        """A call, and the question about it."""
        caller = Caller(switch)
        caller.invite()
        self.assertEqual(self.lines(switch, CALLER), ["100"])
        question = switch.request(SERVER)
        self.assertEqual(question.method, "INVITE")
        self.assertEqual(switch.taken(), [])
        return switch, caller, question

    def answer(
        self, switch: Switch, question: Request, status: int, *contacts: str
    ) -> None:
        """The server's answer."""
        headers = [("Contact", each) for each in contacts]
        switch.receive(respond(question, status, None, "s", headers), SERVER)

    def outcomes(self, switch: Switch) -> object:
        """What became of the questions."""
        numbers = {each.name: each.value for each in switch.metrics.samples()}
        return numbers["call_redirect_questions_total"]


class QuestionTests(RedirectTests):
    """What the server is asked."""

    def test_the_question(self) -> None:
        """The billing numbers, and nothing else of the call."""
        switch, _, question = self.begin(
            gateway={"rewrite_callee": "2:49", "rewrite_caller": "1:77"}
        )
        self.assertEqual(question.uri_text, "sip:49000@192.0.2.40:5070")
        self.assertEqual(str(question.to.uri), question.uri_text)
        self.assertIsNone(question.to_tag)
        self.assertEqual(question.from_.uri.user, "77000")
        self.assertEqual(question.from_.uri.host, "192.0.2.1")
        self.assertEqual(question.body, b"")
        self.assertNotIn("call-1", question.call_id)
        self.assertEqual(switch.lines_in.used("ingress"), 1)
        self.assertEqual(switch.lines_out.used("first"), 0)

    def test_without_a_server(self) -> None:
        """Nobody is asked."""
        switch = self.switch()
        Caller(switch).invite()
        self.assertEqual(self.lines(switch, CALLEE), ["INVITE"])

    def test_of_a_phone(self) -> None:
        """A phone has its own."""
        switch = self.switch()
        switch.phone("1001", sipRedirectServer="192.0.2.40:5070")
        phone = PhonePeer(switch)
        phone.register()
        phone.call("2000")
        question = switch.request(SERVER)
        self.assertEqual(question.from_.uri.user, "1001")
        self.answer(switch, question, 302, at(SECOND, "5"))
        switch.taken(SERVER)
        self.assertEqual(switch.request(SECOND).uri.user, "5")

    def test_refused_before(self) -> None:
        """A call that is refused anyway is asked about nowhere."""
        switch = self.switch(
            mapping=[mapping_gateway(sip=ASKS, lock_type=LockType.ALL)]
        )
        Caller(switch).invite()
        self.assertEqual(switch.taken(SERVER), [])
        self.assertEqual(final(switch, CALLER).status, 403)


class RedirectedTests(RedirectTests):
    """The server names places."""

    def test_contacts_become_routes(self) -> None:
        """In q order, with the contacts' numbers as they are; billed as dialed."""
        switch, caller, question = self.begin(
            routing=[routing_gateway(), second(rewrite_callee="5:6")]
        )
        self.answer(
            switch, question, 302, f"{at(CALLEE, '42')};q=0.1", f"{at(SECOND, '51')}"
        )
        self.assertEqual(self.lines(switch, SERVER), ["ACK"])
        invite = switch.request(SECOND)
        self.assertEqual(invite.uri.user, "51")
        self.assertEqual(switch.taken(CALLEE), [])
        Callee(switch, SECOND).reply(invite, 503)
        invite = switch.request(CALLEE)
        self.assertEqual(invite.uri.user, "42")
        Callee(switch).reply(invite, 200, ANSWER)
        caller.ack(final(switch, CALLER))
        switch.advance(10)
        caller.ask("BYE")
        self.assert_over(switch, -8, 0)
        [cdr] = switch.cdrs
        self.assertEqual((cdr.calleee164, cdr.calleegatewayid), ("2000", "first"))
        self.assertEqual(cdr.calleetogatewaye164, "42")
        self.assertEqual(self.outcomes(switch), {"redirected": 1})

    def test_other_redirections(self) -> None:
        """300, 301, 305 and 380 name places, too."""
        for status in (300, 301, 305, 380):
            switch, _, question = self.begin()
            self.answer(switch, question, status, at(SECOND))
            self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_prefix_does_not_matter(self) -> None:
        """A gateway is named, so that it serves the number."""
        switch, _, question = self.begin(
            routing=[routing_gateway(), second(prefixes=("49",))]
        )
        self.answer(switch, question, 302, at(SECOND))
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_by_name(self) -> None:
        """A contact whose host is a gateway's name names it."""
        switch, _, question = self.begin()
        self.answer(switch, question, 302, "<sip:7@SECOND>")
        self.assertEqual(switch.request(SECOND).uri.user, "7")

    def test_what_bars_a_gateway(self) -> None:
        """Locks, groups, capacity and pauses hold for it as for any other."""
        limited = {"callinCalleePrefixes": "9", "callinCalleePrefixesAllow": True}
        for gateway, reason in (
            (second(lock_type=LockType.ALL), "locked"),
            (second(settings=limited), "callee"),
            (second(register_type=2), "not registered"),
        ):
            switch, _, question = self.begin(routing=[routing_gateway(), gateway])
            self.answer(switch, question, 302, at(SECOND))
            self.assertEqual(final(switch, CALLER).status, 503)
            self.assertIn(f"second: {reason}", switch.ends[-1].detail)
            self.assert_over(switch, -1011, 2)

    def test_unknown_place(self) -> None:
        """What is no routing gateway is passed over; the port counts."""
        port = at((SECOND[0], 5090))
        switch, _, question = self.begin()
        self.answer(switch, question, 302, port, at(CALLEE))
        self.assertEqual(self.lines(switch, CALLEE), ["INVITE"])
        switch, _, question = self.begin()
        self.answer(switch, question, 302, port, "<sip:1@sips.example>")
        self.assertEqual(final(switch, CALLER).status, 503)
        self.assertIn("192.0.2.21:5090, sips.example:5060", switch.ends[-1].detail)
        self.assert_over(switch, -1011, 2)
        self.assertEqual(switch.taken((SECOND[0], 5090)), [])

    def test_no_contact(self) -> None:
        """A redirection to nowhere refuses the call."""
        switch, _, question = self.begin()
        self.answer(switch, question, 302)
        self.assertEqual(final(switch, CALLER).status, 503)
        self.assertIn("nothing", switch.ends[-1].detail)

    def test_no_money(self) -> None:
        """The server's word lets nobody call for free."""
        switch, _, question = self.begin(gateway={"account": "nobody"})
        self.answer(switch, question, 302, at(SECOND))
        self.assertEqual(switch.taken(SECOND), [])
        self.assert_over(switch, -1005, 2)


class NoAnswerTests(RedirectTests):
    """The server does not say where the call goes."""

    def assert_ordinary(self, switch: Switch, outcome: str) -> None:
        """The call took its ordinary way; nothing of the question is left."""
        invite = switch.request(CALLEE)
        self.assertEqual((invite.method, invite.uri.user), ("INVITE", "2000"))
        self.assertEqual(self.outcomes(switch), {outcome: 1})

    def test_timeout(self) -> None:
        """After SS_SIP_REDIRECT_TIMEOUT the call takes its ordinary way."""
        for parameters, seconds in (({}, 2), ({"SS_SIP_REDIRECT_TIMEOUT": "5"}, 5)):
            switch, _, question = self.begin(parameters=parameters)
            switch.advance(seconds - 0.25)
            self.assertEqual(switch.taken(CALLEE), [])
            switch.advance(0.5)
            self.assert_ordinary(switch, "timeout")
            switch.taken()
            self.answer(switch, question, 302, at(SECOND))
            self.assertEqual(self.lines(switch, SERVER), ["ACK"])
            self.assertEqual(switch.taken(SECOND), [])

    def test_timeout_after_trying(self) -> None:
        """The question is taken back by CANCEL."""
        switch, _, question = self.begin()
        self.answer(switch, question, 100)
        switch.advance(2.25)
        self.assertEqual(self.lines(switch, SERVER), ["CANCEL"])
        self.assert_ordinary(switch, "timeout")
        self.answer(switch, question, 487)
        self.assertEqual(self.lines(switch, SERVER), ["ACK"])

    def test_failures_of_the_server(self) -> None:
        """408, 480, 486, 500, 503: they say nothing about the call."""
        for status in (400, 408, 480, 486, 488, 500, 503):
            switch, _, question = self.begin()
            self.answer(switch, question, status)
            self.assert_ordinary(switch, "failed")

    def test_refusals(self) -> None:
        """403, 404, 410, 484 and 6xx are about the call, and refuse it."""
        for status in (403, 404, 410, 484, 600, 603, 604):
            switch, _, question = self.begin()
            self.answer(switch, question, status)
            self.assertEqual(self.lines(switch, SERVER), ["ACK"])
            self.assertEqual(final(switch, CALLER).status, status)
            self.assertEqual(switch.taken(CALLEE), [])
            self.assert_over(switch, status, 2)
            self.assertEqual(self.outcomes(switch), {"refused": 1})
            self.assert_idle(switch)

    def test_it_answers_the_call(self) -> None:
        """What is no redirect server gets ACK and BYE."""
        switch, _, question = self.begin()
        self.answer(switch, question, 200, "<sip:x@192.0.2.40:5070>")
        self.assertEqual(self.lines(switch, SERVER), ["ACK", "BYE"])
        self.assert_ordinary(switch, "answered")

    def test_unknown_address(self) -> None:
        """A name that leads nowhere, and text that is no address."""
        for server in ("nowhere.invalid", "a b", ":::"):
            options = SipOptions(redirect_server=server)
            switch = self.switch(mapping=[mapping_gateway(sip=options)])
            switch.servers["nowhere.invalid"] = ()
            Caller(switch).invite()
            self.assert_ordinary(switch, "unreachable")

    def test_next_address(self) -> None:
        """Where its name leads to two, the second is asked within the same time."""
        switch = self.switch(mapping=[mapping_gateway(sip=ASKS)])
        one = switch.gate.places
        switch.gate.places = (
            lambda *given: (  # type: ignore[method-assign]
                one(*given) + (one(*NEXT, *given[2:]) if given[0] == SERVER[0] else ())
            )
        )
        switch, _, question = self.call(switch)
        self.answer(switch, question, 503)
        again = switch.request(NEXT)
        self.assertEqual(again.call_id, question.call_id)
        switch.receive(respond(again, 302, None, "s", [("Contact", at(SECOND))]), NEXT)
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])


class ChallengeTests(RedirectTests):
    """The server wants to know who asks."""

    def test_challenged(self) -> None:
        """The gateway's name and password answer it."""
        switch, _, question = self.begin(gateway={"password": "secret"})
        header = [("Proxy-Authenticate", challenge())]
        switch.receive(respond(question, 407, None, "s", header), SERVER)
        ack, again = switch.taken(SERVER)
        assert isinstance(again, Request)
        self.assertEqual(ack.cseq_method, "ACK")
        found = parse_credentials(again.get("proxy-authorization") or "")
        self.assertEqual((found.username, again.cseq), ("ingress", 2))
        self.answer(switch, again, 302, at(SECOND))
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_in_vain(self) -> None:
        """Without a password, or with a wrong one: the ordinary way."""
        switch, _, question = self.begin()
        self.answer(switch, question, 407)
        self.assertEqual(self.lines(switch, CALLEE), ["INVITE"])


class MeanwhileTests(RedirectTests):
    """The call ends while the server is asked."""

    def test_caller_gives_up(self) -> None:
        """The question is taken back, and nothing is left of either."""
        for trying in (False, True):
            switch, caller, question = self.begin()
            if trying:
                self.answer(switch, question, 100)
            caller.cancel()
            self.assertEqual(self.lines(switch, CALLER), ["200", "487"])
            asked = self.lines(switch, SERVER)
            self.assertEqual(asked, ["CANCEL"] if trying else [])
            self.answer(switch, question, 302, at(SECOND))
            self.assertEqual(switch.taken(SECOND), [])
            self.assertEqual(switch.lines_in.used("ingress"), 0)
            self.assert_over(switch, -7, 0)
            self.assertEqual(self.outcomes(switch), {"taken back": 1})
            self.assert_idle(switch)

    def test_shutdown(self) -> None:
        """Likewise."""
        switch, _, question = self.begin()
        self.answer(switch, question, 100)
        switch.control.drain()
        self.assertEqual(self.lines(switch, SERVER), ["CANCEL"])
        self.assert_over(switch, -1032, 2)
        self.assert_idle(switch)

    def test_silent_server_and_a_long_call(self) -> None:
        """The timers of the question end with it."""
        switch, caller, _ = self.begin()
        switch.advance(2.25)
        Callee(switch).reply(switch.request(CALLEE), 200, ANSWER)
        caller.ack(final(switch, CALLER))
        switch.advance(30)
        caller.ask("BYE")
        self.assert_over(switch, -8, 0)
        self.assert_idle(switch)
