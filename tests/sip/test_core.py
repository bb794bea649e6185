"""The user agent core: what it answers itself, and what reaches a user."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import (
    GIVEN_UP,
    PEER,
    SDP,
    FakeClient,
    FakeLeg,
    Rig,
    ask,
    reply,
)
from vos3000.sip.message import Request, Response
from vos3000.sip.parser import parse

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY"


class RefusalTests(SynchronousTestCase):
    """What the RFC wants refused before a user hears of it (8.2)."""

    def _answer(self, data: bytes) -> Response:
        """The one answer to a request; no call is made of it."""
        rig = Rig()
        rig.receive(data)
        self.assertEqual(rig.users.calls, [])
        return rig.response()

    def _status(self, data: bytes) -> int:
        return self._answer(data).status

    def test_merged_request(self) -> None:
        """The same INVITE by another path: 482 (8.2.2.2)."""
        rig = Rig()
        rig.receive(ask())
        rig.receive(ask(branch="z9hG4bKother"))
        self.assertEqual(rig.response().status, 482)
        self.assertEqual(len(rig.users.calls), 1)

    def test_merging_ends_with_the_first(self) -> None:
        """Once the first is over, the same numbers are a call again."""
        rig = Rig()
        rig.receive(ask())
        rig.core.refuse(rig.users.calls[0], 486)
        rig.receive(ask("ACK"))
        rig.receive(ask(branch="z9hG4bKother"))
        self.assertEqual(len(rig.users.calls), 2)

    def test_loop(self) -> None:
        """An INVITE that bears a Via of ours below its top one: 482."""
        ours = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKmarkt7"
        self.assertEqual(self._status(ask(headers=[ours])), 482)

    def test_route_to_the_switch_itself(self) -> None:
        """An INVITE that comes back as it went out, no proxy between: 482."""
        self.assertEqual(self._status(ask(branch="z9hG4bKmarkt7")), 482)

    def test_other_hops_are_no_loop(self) -> None:
        """Proxies on the way have Vias too."""
        rig = Rig()
        rig.receive(
            ask(headers=["Via: SIP/2.0/UDP 192.0.2.30:5060;branch=z9hG4bKelse"])
        )
        self.assertEqual(len(rig.users.calls), 1)

    def test_too_many_hops(self) -> None:
        """Max-Forwards of 0: 483."""
        self.assertEqual(self._status(ask(headers=["Max-Forwards: 0"])), 483)

    def test_required_extension(self) -> None:
        """420 names what is not supported."""
        answer = self._answer(ask(headers=["Require: 100rel, y", "Require: x"]))
        self.assertEqual(answer.status, 420)
        self.assertEqual(answer.all("unsupported"), ["y", "x"])

    def test_content_type(self) -> None:
        """415 says what would be taken."""
        answer = self._answer(ask(headers=["Content-Type: text/plain"], body=b"hello"))
        self.assertEqual(answer.status, 415)
        self.assertEqual(answer.get("accept"), "application/sdp")

    def test_content_encoding(self) -> None:
        """415 for a body that is packed."""
        answer = self._answer(ask(headers=["Content-Encoding: gzip"], body=SDP))
        self.assertEqual(answer.status, 415)
        self.assertEqual(answer.get("accept-encoding"), "identity")

    def test_content_type_with_parameters(self) -> None:
        """Any case, with parameters: taken."""
        rig = Rig()
        kind = "Content-Type: Application/SDP ;charset=utf-8"
        rig.receive(ask(headers=[kind], body=SDP))
        self.assertEqual(len(rig.users.calls), 1)

    def test_accept(self) -> None:
        """406 for a caller that takes no SDP; its wildcards count."""
        self.assertEqual(self._status(ask(headers=["Accept: text/plain"])), 406)
        for value in ("application/sdp;level=1", "text/x, application/*", "*/*"):
            rig = Rig()
            rig.receive(ask(headers=[f"Accept: {value}"]))
            self.assertEqual(len(rig.users.calls), 1)

    def test_known_method(self) -> None:
        """405 with Allow for what we know and do not do."""
        answer = self._answer(ask("REGISTER"))
        self.assertEqual(answer.status, 405)
        self.assertEqual(answer.get("allow"), "INVITE")
        self.assertEqual(", ".join(answer.all("allow")), ALLOW)

    def test_unknown_method(self) -> None:
        """501 with Allow for what we never heard of."""
        answer = self._answer(ask("DANCE"))
        self.assertEqual(answer.status, 501)
        self.assertEqual(", ".join(answer.all("allow")), ALLOW)

    def test_scheme(self) -> None:
        """416 for a Request-URI that is neither sip, sips nor tel."""
        self.assertEqual(self._status(ask(uri="http://192.0.2.1/")), 416)
        self.assertEqual(self._status(ask("OPTIONS", uri="mailto:a@b.example")), 416)

    def test_sips(self) -> None:
        """
        Where nobody listens on the way; elsewhere we are reached by SIP alone
        (RFC 5630 5.3).
        """
        data = ask("OPTIONS", uri="sips:2000@192.0.2.1")
        for transport in ("UDP", "TCP", "WS"):
            rig = Rig(transport)
            rig.receive(data)
            answer = rig.response()
            self.assertEqual(answer.status, 480)
            self.assertEqual(answer.get("warning"), '380 vos3000 "SIPS Not Allowed"')
        for transport in ("TLS", "WSS"):
            rig = Rig(transport)
            rig.receive(data)
            self.assertEqual(rig.response().status, 200)

    def test_outside_any_dialog(self) -> None:
        """481 for requests that only have a meaning inside one."""
        for method in ("BYE", "INFO", "UPDATE", "PRACK"):
            self.assertEqual(self._status(ask(method)), 481)

    def test_stranger_in_a_dialog(self) -> None:
        """481 where tags or Call-ID are of no dialog."""
        for method in ("INVITE", "BYE", "INFO", "OPTIONS"):
            self.assertEqual(self._status(ask(method, to_tag="nobody")), 481)

    def test_malformed_headers_of_an_invite(self) -> None:
        """400 in time, not a surprise later on."""
        self.assertEqual(self._status(ask(contact="<sip:a@b")), 400)
        self.assertEqual(self._status(ask(contact="*")), 400)
        self.assertEqual(self._status(ask(headers=["Record-Route: <x"])), 400)
        self.assertEqual(self._status(ask(headers=["Max-Forwards: many"])), 400)

    def test_refusals_bear_a_tag(self) -> None:
        """Every final response has a To tag (8.2.6.2)."""
        self.assertTrue(self._answer(ask("DANCE")).to_tag)

    def test_refusals_are_counted(self) -> None:
        """By status."""
        rig = Rig()
        rig.receive(ask("DANCE"))
        (sample,) = (
            each
            for each in rig.metrics.samples()
            if each.name == "sip_refused_requests_total"
        )
        self.assertEqual(sample.value, {"501": 1})

    def test_failing_user(self) -> None:
        """A bug above costs this request: 500, and nothing stays behind."""
        rig = Rig()

        def fail(transaction: object) -> None:
            raise RuntimeError("no")

        rig.users.take = fail
        rig.receive(ask())
        self.assertEqual(rig.response().status, 500)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        rig.receive(ask("ACK"))
        self.assertTrue(rig.quiet())


class OptionsTests(SynchronousTestCase):
    """OPTIONS outside any dialog (11.2)."""

    def test_answer(self) -> None:
        """200 with Allow and Accept."""
        rig = Rig()
        rig.receive(ask("OPTIONS"))
        answer = rig.response()
        self.assertEqual(answer.status, 200)
        self.assertEqual(", ".join(answer.all("allow")), ALLOW)
        self.assertEqual(answer.get("accept"), "application/sdp")
        self.assertTrue(answer.to_tag)
        self.assertTrue(rig.quiet())

    def test_required_extension(self) -> None:
        """420 as for an INVITE."""
        rig = Rig()
        rig.receive(ask("OPTIONS", headers=["Require: x"]))
        self.assertEqual(rig.response().status, 420)


class CancelTests(SynchronousTestCase):
    """CANCEL (9.2)."""

    def setUp(self) -> None:
        """An INVITE that rings."""
        self.rig = Rig()
        self.rig.receive(ask())
        self.leg = FakeLeg(self.rig)
        self.rig.ring(self.rig.users.calls[0], self.leg)

    def test_without_invite(self) -> None:
        """481 where nothing is there to cancel."""
        self.rig.receive(ask("CANCEL", "z9hG4bKelse"))
        self.assertEqual(self.rig.lines(), ["481 CANCEL"])
        self.assertEqual(self.leg.cancels, 0)

    def test_ringing_call(self) -> None:
        """200 for the CANCEL, 487 for the INVITE, and its ACK ends it."""
        self.rig.receive(ask("CANCEL"))
        self.assertEqual(self.rig.lines(), ["200 CANCEL", "487 INVITE"])
        self.rig.receive(ask("CANCEL"))
        self.assertEqual(self.rig.lines(), ["200 CANCEL"])
        self.assertEqual(self.leg.cancels, 1)
        self.rig.receive(ask("ACK"))
        self.assertTrue(self.rig.quiet())

    def test_after_the_final_response(self) -> None:
        """200, and no effect."""
        self.rig.core.refuse(self.rig.users.calls[0], 486)
        self.rig.receive(ask("CANCEL"))
        self.assertEqual(self.rig.lines(), ["486 INVITE", "200 CANCEL"])
        self.assertEqual(self.leg.cancels, 0)

    def test_after_the_answer(self) -> None:
        """200, and the call stays."""
        self.rig.accept(self.leg)
        self.rig.receive(ask("CANCEL"))
        self.assertEqual(self.rig.lines(), ["200 INVITE", "200 CANCEL"])
        self.assertEqual(self.leg.cancels, 0)

    def test_required_extension_is_no_matter(self) -> None:
        """Require is not looked at in a CANCEL (8.2.2.3)."""
        self.rig.receive(ask("CANCEL", headers=["Require: x"]))
        self.assertEqual(self.rig.lines(), ["200 CANCEL", "487 INVITE"])


class InDialogTests(SynchronousTestCase):
    """Requests inside a dialog (12.2.2)."""

    def setUp(self) -> None:
        """A call that is up, its last number 10."""
        self.rig = Rig()
        legs = self.rig.answering()
        self.rig.receive(ask(cseq=10))
        (self.leg,) = legs
        self.tag = self.rig.response().to_tag or ""
        self.rig.receive(ask("ACK", "z9hG4bK2", to_tag=self.tag, cseq=10))

    def _inside(
        self, method: str, cseq: int, branch: str, headers: tuple[str, ...] = ()
    ) -> bytes:
        return ask(method, branch, to_tag=self.tag, cseq=cseq, headers=headers)

    def test_request_reaches_its_user(self) -> None:
        """In order, with the user's answer."""
        self.rig.receive(self._inside("INFO", 11, "z9hG4bK3"))
        self.rig.receive(self._inside("BYE", 12, "z9hG4bK4"))
        self.assertEqual(self.rig.lines(), ["200 INFO", "200 BYE"])
        self.assertEqual([r.method for r in self.leg.requests], ["INFO", "BYE"])

    def test_out_of_order(self) -> None:
        """500 for a number below the last."""
        self.rig.receive(self._inside("INFO", 9, "z9hG4bK3"))
        self.assertEqual(self.rig.response().status, 500)
        self.assertEqual(self.leg.requests, [])

    def test_reinvite_and_its_ack(self) -> None:
        """A re-INVITE is resent its 200 until the ACK of its number."""
        self.rig.receive(self._inside("INVITE", 11, "z9hG4bK3"))
        self.rig.advance(1.7)
        self.assertEqual(self.rig.lines(), ["200 INVITE"] * 3)
        self.rig.receive(self._inside("ACK", 11, "z9hG4bK4"))
        self.rig.advance(GIVEN_UP)
        self.assertEqual(self.rig.sent(), [])
        self.assertTrue(self.rig.quiet())

    def test_reinvite_of_the_same_number_is_no_merge(self) -> None:
        """Merging is for what is outside of dialogs."""
        self.rig.receive(self._inside("INVITE", 11, "z9hG4bK3"))
        self.assertEqual(self.rig.lines(), ["200 INVITE"])

    def test_extension_or_method_is_refused(self) -> None:
        """420, 405, 501 as outside; the number is not used up."""
        for number, (method, headers, status) in enumerate(
            (("INFO", ("Require: x",), 420), ("SUBSCRIBE", (), 405), ("DANCE", (), 501))
        ):
            branch = f"z9hG4bK3{number}"
            self.rig.receive(self._inside(method, 12, branch, headers))
            self.assertEqual(self.rig.response().status, status)
        self.rig.receive(self._inside("INFO", 11, "z9hG4bK4"))
        self.assertEqual(self.rig.response().status, 200)

    def test_dialog_of_ours_hears_the_peer(self) -> None:
        """Requests of a callee find the dialog by our From tag."""
        user = FakeClient()
        _, dialog = self.rig.call(user)
        invite = self.rig.request()
        self.rig.receive(reply(invite, 200))
        dialog.confirm(user.responses[-1])
        self.rig.receive(
            ask(
                "BYE",
                "z9hG4bKb",
                call_id=dialog.call_id,
                from_tag="pt",
                to_tag=dialog.local_tag,
                cseq=0,
            )
        )
        self.assertEqual(self.rig.lines(), ["200 BYE"])


class StatelessTests(SynchronousTestCase):
    """What cannot be read to its end (8.2.7)."""

    def test_malformed_request(self) -> None:
        """400 with a tag, the same again for the same request."""
        rig = Rig()
        data = ask().replace(b"From: <", b"From: <<")
        rig.receive(data.replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"))
        rig.receive(data.replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"))
        first, second = rig.sent()
        self.assertEqual(first, second)
        self.assertTrue(first[0].startswith(b"SIP/2.0 400 "))
        self.assertIn(b"To: <sip:2000@192.0.2.1>;tag=", first[0])
        self.assertTrue(rig.quiet())

    def test_unknown_version(self) -> None:
        """505."""
        rig = Rig()
        rig.receive(ask().replace(b" SIP/2.0\r\nVia", b" SIP/3.0\r\nVia", 1))
        self.assertEqual(rig.response().status, 505)

    def test_malformed_via(self) -> None:
        """No answer where none could find its way."""
        rig = Rig()
        for via in ("", "nonsense", "SIP/2.0/UDP"):
            rig.receive(ask(via=via))
            rig.receive(ask("OPTIONS", via=via))
            rig.receive(ask("BYE", via=via))
        for data, address in rig.sent():
            self.assertTrue(data.startswith(b"SIP/2.0 400 "), data)
            self.assertEqual(address, PEER)
        self.assertTrue(rig.quiet())

    def test_ack_and_responses_are_never_answered(self) -> None:
        """Whatever is wrong with them."""
        rig = Rig()
        response = reply(_read(ask()), 200)
        for data in (
            ask("ACK"),
            ask("ACK", to_tag='"'),
            ask("ACK", via="nonsense"),
            ask("ACK", branch=None, to_tag="x"),
            ask("ACK").replace(b"CSeq: 1 ACK", b"CSeq: 1 BYE"),
            ask("ACK").replace(b"From: <", b"From: <<"),
            response,
            response.replace(b"Via: SIP/2.0", b"Via: x"),
            response.replace(b"200 OK", b"999 OK"),
            response.replace(b"CSeq: 1 INVITE", b"CSeq: x INVITE"),
            response.replace(b"tag=pt", b'tag="'),
        ):
            rig.receive(data)
            self.assertEqual(rig.sent(), [], data)
        self.assertTrue(rig.quiet())

    def test_reason_stays_on_one_line(self) -> None:
        """Whatever the request held."""
        rig = Rig()
        rig.receive(ask(contact="<sip:a\x0b\x1c\u2028@b>"))
        self.assertEqual(rig.response().status, 400)


def _read(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


class KeptTests(SynchronousTestCase):
    """What users do with the transactions they are given."""

    def test_unanswered_request_is_kept_until_answered(self) -> None:
        """A user may take its time; the table holds one entry meanwhile."""
        rig = Rig()
        legs = rig.answering()
        rig.receive(ask())
        tag = rig.response().to_tag or ""
        rig.receive(ask("ACK", "z9hG4bK2", to_tag=tag))
        kept = legs[0].kept = []
        rig.receive(ask("UPDATE", "z9hG4bK3", to_tag=tag, cseq=2))
        self.assertEqual(rig.metric("sip_server_transactions"), 1)
        rig.core.refuse(kept[0], 488)
        rig.core.refuse(kept[0], 500)
        self.assertEqual(rig.lines(), ["488 UPDATE"])
        self.assertEqual(rig.metric("sip_server_transactions"), 0)
