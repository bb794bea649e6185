"""The four machines of RFC 3261 section 17 and RFC 6026, at the wire."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import GIVEN_UP, PEER, RESEND, FakeClient, Rig, ask, reply
from vos3000.sip.hopwise import ack_of, cancel_of
from vos3000.sip.message import Request
from vos3000.sip.parser import parse


def _request(data: bytes) -> Request:
    request = parse(data)
    assert isinstance(request, Request)
    return request


class InviteServerTests(SynchronousTestCase):
    """INVITEs that came (17.2.1, figure 7; RFC 6026 7.1)."""

    def setUp(self) -> None:
        """An INVITE that came in and was not answered yet."""
        self.rig = Rig()
        self.rig.receive(ask())
        (self.transaction,) = self.rig.users.calls

    def test_unanswered_invite_is_absorbed(self) -> None:
        """A retransmission before any response makes no call and no message."""
        self.rig.receive(ask())
        self.assertEqual(len(self.rig.users.calls), 1)
        self.assertEqual(self.rig.sent(), [])

    def test_provisional_is_repeated_for_a_retransmission(self) -> None:
        """The last provisional response answers a retransmitted INVITE."""
        self.rig.core.answer(self.transaction, 100)
        self.rig.core.answer(self.transaction, 180)
        first = self.rig.sent()[-1]
        self.rig.receive(ask())
        self.assertEqual(self.rig.sent(), [first])

    def test_provisional_is_not_resent_by_itself(self) -> None:
        """Nothing is sent again while the phone rings."""
        self.rig.core.answer(self.transaction, 180)
        self.rig.sent()
        self.rig.advance(30)
        self.assertEqual(self.rig.sent(), [])

    def test_refusal_is_resent_until_its_ack(self) -> None:
        """A 486 goes out again by the schedule and stops with the ACK."""
        self.rig.core.refuse(self.transaction, 486)
        (first,) = self.rig.sent()
        self.rig.advance(1.7)
        self.assertEqual(self.rig.sent(), [first, first])
        tag = parse(first[0]).to_tag or ""
        self.rig.receive(ask("ACK", to_tag=tag))
        self.assertTrue(self.rig.quiet())
        self.rig.advance(GIVEN_UP)
        self.assertEqual(self.rig.sent(), [])

    def test_refusal_without_ack_is_given_up(self) -> None:
        """After the last wait the transaction is over."""
        self.rig.core.refuse(self.transaction, 486)
        self.rig.advance(GIVEN_UP + 1)
        self.assertEqual(len(self.rig.sent()), 1 + len(RESEND))
        self.assertTrue(self.rig.quiet())

    def test_refusal_answers_a_retransmission(self) -> None:
        """A retransmitted INVITE gets the refusal again."""
        self.rig.core.refuse(self.transaction, 486)
        (first,) = self.rig.sent()
        self.rig.receive(ask())
        self.assertEqual(self.rig.sent(), [first])

    def test_second_final_response_is_ignored(self) -> None:
        """Only the first final response goes out."""
        self.rig.core.refuse(self.transaction, 486)
        self.rig.sent()
        self.rig.core.answer(self.transaction, 200)
        self.rig.core.refuse(self.transaction, 500)
        self.rig.core.answer(self.transaction, 180)
        self.assertEqual(self.rig.sent(), [])

    def test_late_ack_is_absorbed(self) -> None:
        """An ACK that comes again after the end is not taken for a 2xx's."""
        self.rig.core.refuse(self.transaction, 486)
        self.rig.receive(ask("ACK"))
        self.rig.sent()
        self.rig.receive(ask("ACK"))
        self.rig.receive(ask())
        self.assertEqual(self.rig.sent(), [])
        self.assertEqual(len(self.rig.users.calls), 1)

    def test_refusal_over_tcp_goes_out_once(self) -> None:
        """A reliable channel repeats no refusal."""
        rig = Rig("TCP")
        rig.receive(ask(transport="TCP"))
        rig.core.refuse(rig.users.calls[0], 486)
        rig.advance(GIVEN_UP + 1)
        self.assertEqual(rig.lines(), ["486 INVITE"])
        self.assertTrue(rig.quiet())


class AcceptedInviteTests(SynchronousTestCase):
    """The 2xx, its repetitions and its ACK (13.3.1.4, RFC 6026)."""

    def setUp(self) -> None:
        """An INVITE that was answered."""
        self.rig = Rig()
        self.legs = self.rig.answering()
        self.rig.receive(ask())
        (self.leg,) = self.legs
        (self.ok,) = self.rig.sent()
        self.tag = parse(self.ok[0]).to_tag or ""

    def _ack(self, branch: str = "z9hG4bK2") -> bytes:
        return ask("ACK", branch, to_tag=self.tag)

    def test_success_is_resent_until_its_ack(self) -> None:
        """The ACK has a branch of its own and ends the repetitions."""
        self.rig.advance(1.7)
        self.assertEqual(self.rig.sent(), [self.ok, self.ok])
        self.rig.receive(self._ack())
        self.rig.advance(GIVEN_UP)
        self.assertEqual(self.rig.sent(), [])
        self.assertEqual(len(self.leg.acks), 1)
        self.assertTrue(self.rig.quiet())

    def test_success_is_resent_over_tcp_too(self) -> None:
        """A proxy on the way may have lost it."""
        rig = Rig("TCP")
        legs = rig.answering()
        rig.receive(ask(transport="TCP"))
        rig.advance(1.7)
        self.assertEqual(rig.lines(), ["200 INVITE"] * 3)
        rig.advance(GIVEN_UP)
        self.assertEqual(legs[0].missing, 1)

    def test_missing_ack_is_told(self) -> None:
        """When the schedule is at its end the user hears of it, once."""
        self.rig.advance(GIVEN_UP + 1)
        self.assertEqual(self.rig.sent(), [self.ok] * len(RESEND))
        self.assertEqual(self.leg.missing, 1)
        self.assertTrue(self.rig.quiet())

    def test_retransmitted_invite_is_absorbed(self) -> None:
        """Neither before the ACK nor after it is the INVITE a new call."""
        self.rig.receive(ask())
        self.rig.receive(self._ack())
        self.rig.receive(ask())
        self.assertEqual(self.rig.sent(), [])
        self.assertEqual(len(self.legs), 1)

    def test_ack_with_the_branch_of_the_invite_counts(self) -> None:
        """Agents that repeat the branch, as those of RFC 2543 do, are heard."""
        self.rig.receive(self._ack("z9hG4bK1"))
        self.assertEqual(len(self.leg.acks), 1)
        self.assertTrue(self.rig.quiet())

    def test_late_acks_are_absorbed(self) -> None:
        """ACKs that come again are told to the dialog and answered by nobody."""
        self.rig.receive(self._ack())
        self.rig.receive(self._ack())
        self.rig.receive(self._ack("z9hG4bK3"))
        self.assertEqual(self.rig.sent(), [])

    def test_ack_of_another_dialog_does_not_count(self) -> None:
        """Tags and Call-ID must be the dialog's."""
        for data in (
            ask("ACK", "z9hG4bK3", to_tag="other"),
            ask("ACK", "z9hG4bK4", to_tag=self.tag, from_tag="other"),
            ask("ACK", "z9hG4bK5", to_tag=self.tag, call_id="other"),
        ):
            self.rig.receive(data)
        self.assertEqual(self.leg.acks, [])
        self.assertEqual(self.rig.sent(), [])


class RequestServerTests(SynchronousTestCase):
    """Other requests that came (17.2.2, figure 8)."""

    def setUp(self) -> None:
        """A call that is up."""
        self.rig = Rig()
        legs = self.rig.answering()
        self.rig.receive(ask())
        (self.leg,) = legs
        self.tag = parse(self.rig.sent()[0][0]).to_tag or ""
        self.rig.receive(ask("ACK", "z9hG4bK2", to_tag=self.tag))

    def _bye(self) -> bytes:
        return ask("BYE", "z9hG4bK9", to_tag=self.tag, cseq=2)

    def test_retransmission_gets_the_answer_again(self) -> None:
        """A repeated BYE is answered with the same bytes and told once."""
        self.rig.receive(self._bye())
        self.rig.receive(self._bye())
        first, second = self.rig.sent()
        self.assertEqual(first, second)
        self.assertEqual(len(self.leg.requests), 1)

    def test_answer_is_remembered_for_half_a_minute(self) -> None:
        """64*T1 later it still is, another turn later it is not."""
        self.rig.receive(self._bye())
        self.rig.advance(31)
        self.rig.receive(self._bye())
        self.assertEqual(self.rig.lines(), ["200 BYE"] * 2)
        self.rig.advance(65)
        del self.rig.core.dialogs[self.tag]
        self.rig.receive(self._bye())
        self.assertEqual(self.rig.lines(), ["481 BYE"])

    def test_unanswered_request_is_absorbed(self) -> None:
        """A retransmission while the user still thinks makes no message."""
        kept = self.leg.kept = []
        data = ask("INFO", "z9hG4bK9", to_tag=self.tag, cseq=2)
        self.rig.receive(data)
        self.rig.receive(data)
        self.assertEqual(self.rig.sent(), [])
        (transaction,) = kept
        self.rig.core.answer(transaction, 183)
        self.rig.receive(data)
        self.assertEqual(self.rig.lines(), ["183 INFO"] * 2)
        self.rig.core.answer(transaction, 200)
        self.rig.core.answer(transaction, 200)
        self.assertEqual(self.rig.lines(), ["200 INFO"])
        self.assertTrue(self.rig.quiet())


class InviteClientTests(SynchronousTestCase):
    """INVITEs that we send (17.1.1, figure 5; RFC 6026 7.2)."""

    def setUp(self) -> None:
        """An INVITE that went out."""
        self.rig = Rig()
        self.user = FakeClient()
        self.transaction, self.dialog = self.rig.call(self.user)
        ((self.data, _),) = self.rig.sent()
        self.invite = _request(self.data)

    def test_is_resent_until_a_response(self) -> None:
        """By the schedule; a provisional response ends it."""
        self.rig.advance(1.7)
        self.assertEqual(self.rig.sent(), [(self.data, PEER)] * 2)
        self.rig.receive(reply(self.invite, 100))
        self.rig.advance(60)
        self.assertEqual(self.rig.sent(), [])
        self.assertEqual(self.user.heard, [100])

    def test_is_given_up(self) -> None:
        """Nobody answers: told once, all timers gone."""
        self.rig.advance(GIVEN_UP + 1)
        self.assertEqual(self.rig.sent(), [(self.data, PEER)] * len(RESEND))
        self.assertEqual(self.user.timeouts, 1)
        self.assertTrue(self.rig.quiet())

    def test_is_not_resent_over_tcp(self) -> None:
        """A reliable channel carries it once; the wait is the same."""
        rig = Rig("TCP")
        rig.call(self.user)
        rig.advance(GIVEN_UP + 1)
        self.assertEqual(rig.lines(), ["INVITE"])
        self.assertEqual(self.user.timeouts, 1)
        self.assertTrue(rig.quiet())

    def test_refusal_is_acknowledged(self) -> None:
        """Same branch, Request-URI and number; To of the response (17.1.1.3)."""
        self.rig.receive(reply(self.invite, 486))
        ack = self.rig.request()
        self.assertEqual(ack.method, "ACK")
        self.assertEqual(ack.uri_text, self.invite.uri_text)
        self.assertEqual(ack.get("via"), self.invite.get("via"))
        self.assertEqual((ack.cseq, ack.cseq_method), (1, "ACK"))
        self.assertEqual(ack.to_tag, "pt")
        self.assertEqual(ack.from_tag, self.invite.from_tag)
        self.assertEqual(ack.call_id, self.invite.call_id)
        self.assertEqual(ack.get("max-forwards"), "70")
        self.assertEqual(self.user.heard, [486])
        self.assertTrue(self.rig.quiet())

    def test_repeated_refusal_gets_its_ack_again(self) -> None:
        """With the same bytes, whatever tag it bears; its user hears no more."""
        self.rig.receive(reply(self.invite, 486))
        first = self.rig.sent()
        self.rig.receive(reply(self.invite, 486))
        self.rig.receive(reply(self.invite, 486, tag="changed"))
        self.assertEqual(self.rig.sent(), first * 2)
        self.assertEqual(self.user.heard, [486])

    def test_refusal_with_an_unreadable_to_ends_the_call(self) -> None:
        """The call must not hang because the peer's To is broken."""
        data = reply(self.invite, 486).replace(b";tag=pt", b';tag="pt')
        self.rig.receive(data)
        self.assertEqual(self.user.heard, [486])
        self.assertTrue(self.rig.quiet())

    def test_provisional_responses_are_all_told(self) -> None:
        """180 after 100, and 180 again."""
        for status in (100, 180, 180, 183):
            self.rig.receive(reply(self.invite, status))
        self.assertEqual(self.user.heard, [100, 180, 180, 183])

    def test_responses_after_the_end_are_not_told(self) -> None:
        """A provisional response that was overtaken is dropped."""
        self.rig.receive(reply(self.invite, 486))
        self.rig.receive(reply(self.invite, 180))
        self.assertEqual(self.user.heard, [486])

    def _answer(self) -> None:
        self.rig.receive(reply(self.invite, 200))
        self.dialog.confirm(self.user.responses[-1])
        ack = self.dialog.request("ACK", 1, self.rig.core.tokens.branch())
        self.transaction.acknowledge(
            ack, self.dialog.remote_tag, self.rig.channel, self.dialog.address
        )

    def test_success_is_acknowledged_with_a_new_branch(self) -> None:
        """Its ACK is a transaction of its own, to the Contact."""
        self._answer()
        ack = self.rig.request()
        self.assertNotEqual(ack.branch, self.invite.branch)
        self.assertEqual(ack.uri_text, "sip:2000@192.0.2.10:5060")
        self.assertEqual(ack.to_tag, "pt")
        self.assertTrue(self.rig.quiet())

    def test_repeated_success_gets_the_same_ack(self) -> None:
        """With the same bytes, and its user hears no more."""
        self._answer()
        first = self.rig.sent()
        self.rig.receive(reply(self.invite, 200))
        self.assertEqual(self.rig.sent(), first)
        self.assertEqual(self.user.heard, [200])

    def test_success_before_its_ack_is_absorbed(self) -> None:
        """While the answer to a late offer is awaited a 200 comes again."""
        self.rig.receive(reply(self.invite, 200))
        self.rig.receive(reply(self.invite, 200))
        self.assertEqual(self.user.heard, [200])
        self.assertEqual(self.rig.sent(), [])

    def test_another_fork_is_ended(self) -> None:
        """A 2xx with another tag gets ACK and BYE, and the same ACK again."""
        self._answer()
        self.rig.sent()
        other = "<sip:2001@192.0.2.11:5070>"
        self.rig.receive(reply(self.invite, 200, "fork", other))
        ack, bye = self.rig.taken()
        for message, method in ((ack, "ACK"), (bye, "BYE")):
            assert isinstance(message, Request)
            self.assertEqual(message.method, method)
            self.assertEqual(message.uri_text, "sip:2001@192.0.2.11:5070")
            self.assertEqual(message.to_tag, "fork")
        self.assertEqual((ack.cseq, bye.cseq), (1, 2))
        self.rig.receive(reply(self.invite, 200, "fork", other))
        (again,) = self.rig.taken()
        self.assertEqual(again.branch, ack.branch)
        assert isinstance(bye, Request)
        self.rig.receive(reply(bye, 200))
        self.assertEqual(self.user.heard, [200])
        self.assertTrue(self.rig.quiet())

    def test_success_after_a_refusal_is_ended(self) -> None:
        """One fork refused and another answered."""
        self.rig.receive(reply(self.invite, 486))
        self.rig.sent()
        self.rig.receive(reply(self.invite, 200, "fork"))
        self.assertEqual(self.rig.lines(), ["ACK", "BYE"])

    def test_success_after_the_end_is_ended(self) -> None:
        """A callee that answers once we gave up is told that nobody is there."""
        self.rig.advance(GIVEN_UP + 1)
        self.rig.sent()
        self.rig.receive(reply(self.invite, 200))
        self.assertEqual(self.rig.lines(), ["ACK", "BYE"])

    def test_fork_without_contact_is_left_alone(self) -> None:
        """It cannot be called back."""
        self._answer()
        self.rig.sent()
        self.rig.receive(reply(self.invite, 200, "fork", None))
        self.rig.receive(reply(self.invite, 200, "fork", None))
        self.assertEqual(self.rig.sent(), [])

    def test_cancel_repeats_the_invite(self) -> None:
        """Request-URI, Via, Route, From, To, Call-ID and number (9.1)."""
        self.dialog.routes = ("<sip:192.0.2.30;lr>",)
        data = self.dialog.request("INVITE", 1, "z9hG4bKx")
        cancel = _request(cancel_of(data))
        invite = _request(data)
        for name in ("via", "route", "from", "to", "call-id", "max-forwards"):
            self.assertEqual(cancel.all(name), invite.all(name))
        self.assertEqual(cancel.uri_text, invite.uri_text)
        self.assertEqual((cancel.cseq, cancel.cseq_method), (1, "CANCEL"))
        self.assertIsNone(cancel.get("contact"))

    def test_ack_of_a_refusal_keeps_the_routes(self) -> None:
        """It goes the way of the INVITE."""
        self.dialog.routes = ("<sip:192.0.2.30;lr>", "<sip:192.0.2.31;lr>")
        data = self.dialog.request(
            "INVITE", 1, "z9hG4bKx", body=b"v=0", content_type="x/y"
        )
        response = parse(reply(_request(data), 500))
        ack = _request(ack_of(data, response))  # type: ignore[arg-type]
        self.assertEqual(ack.all("route"), list(self.dialog.routes))
        self.assertEqual(ack.body, b"")

    def test_cancel_goes_the_way_of_the_invite(self) -> None:
        """The core sends it as a transaction of its own, told to nobody."""
        self.rig.receive(reply(self.invite, 180))
        self.rig.core.cancel(self.transaction)
        cancel = self.rig.request()
        self.assertEqual(cancel.method, "CANCEL")
        self.assertEqual(cancel.branch, self.invite.branch)
        self.rig.receive(reply(cancel, 200))
        self.rig.receive(reply(self.invite, 487))
        self.assertEqual(self.user.heard, [180, 487])
        self.assertEqual(self.rig.lines(), ["ACK"])
        self.assertTrue(self.rig.quiet())


class RequestClientTests(SynchronousTestCase):
    """Other requests that we send (17.1.2, figure 6)."""

    def _send(self, rig: Rig, user: FakeClient) -> Request:
        data = ask("OPTIONS", "z9hG4bKo")
        rig.layer.send("z9hG4bKo", "OPTIONS", data, rig.channel, PEER, user)
        return _request(data)

    def test_is_resent_until_the_final_response(self) -> None:
        """A provisional response does not end the repetitions."""
        rig, user = Rig(), FakeClient()
        request = self._send(rig, user)
        rig.advance(0.7)
        rig.receive(reply(request, 100))
        rig.advance(1.0)
        self.assertEqual(rig.lines(), ["OPTIONS"] * 3)
        rig.receive(reply(request, 200))
        rig.receive(reply(request, 200))
        rig.advance(GIVEN_UP)
        self.assertEqual(rig.sent(), [])
        self.assertEqual(user.heard, [100, 200])
        self.assertTrue(rig.quiet())

    def test_is_given_up(self) -> None:
        """In each state, over each transport."""
        for transport, copies in (("UDP", 1 + len(RESEND)), ("TCP", 1)):
            for status in (None, 100):
                rig, user = Rig(transport), FakeClient()
                request = self._send(rig, user)
                if status is not None:
                    rig.receive(reply(request, status))
                rig.advance(GIVEN_UP + 1)
                self.assertEqual(len(rig.sent()), copies)
                self.assertEqual(user.timeouts, 1)
                self.assertTrue(rig.quiet())

    def test_refusal_is_told(self) -> None:
        """Without an ACK."""
        rig, user = Rig(), FakeClient()
        rig.receive(reply(self._send(rig, user), 404))
        self.assertEqual(rig.lines(), ["OPTIONS"])
        self.assertEqual(user.heard, [404])

    def test_response_of_another_method_is_not_taken(self) -> None:
        """Branch and method of CSeq must both match (17.1.3)."""
        rig, user = Rig(), FakeClient()
        request = self._send(rig, user)
        rig.receive(reply(request, 200).replace(b"1 OPTIONS", b"1 INFO"))
        self.assertEqual(user.heard, [])
        self.assertEqual(rig.metric("sip_unmatched_responses_total"), 1)
