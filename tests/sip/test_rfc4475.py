"""The torture messages of RFC 4475, all 49 of them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.torture import request_of, torture
from vos3000.errors import ParseError
from vos3000.sip.message import MessageError, Response, respond
from vos3000.sip.parser import StreamParser, parse

CASES = torture("rfc4475")

REFUSED = {
    "badinv01": "400",
    "clerr": "400",
    "ncl": "400",
    "scalar02": "400",
    "quotbal": "400",
    "ltgtruri": "400",
    "lwsruri": "400",
    "lwsstart": "400",
    "trws": "400",
    "escruri": "400",
    "regbadct": "400",
    "badaspec": "400",
    "baddn": "400",
    "badvers": "505",
    "mismatch01": "400",
    "mismatch02": "501",
    "insuf": "400",
    "unkscm": "416",
    "novelsc": "416",
    "unksm2": "400",
    "multi01": "400",
    "mcl01": "400",
}
"""What the codec refuses, and with what."""

UNANSWERED = {"unreason", "noreason", "scalarlg", "bigcode", "bcast"}
"""Responses, good and bad."""


class TortureTests(SynchronousTestCase):
    """Every message of the set against its row of the index."""

    def test_the_set_is_complete_and_intact(self) -> None:
        """All 49 messages are here, octet for octet."""
        self.assertEqual(len(CASES), 49)
        self.assertEqual([c.name for c in CASES.values() if not c.intact], [])

    def test_every_outcome_agrees_with_the_index(self) -> None:
        """No message is treated as the index does not allow."""
        for case in CASES.values():
            self.assertIn(case.outcome, case.allowed, case.name)

    def test_every_outcome_is_the_one_we_chose(self) -> None:
        """Where the index leaves a choice, ours does not change unnoticed."""
        expected = dict.fromkeys(CASES, "accept")
        expected.update(dict.fromkeys(UNANSWERED, "none"))
        expected.update(REFUSED)
        self.assertEqual({c.name: c.outcome for c in CASES.values()}, expected)

    def test_valid_messages_parse(self) -> None:
        """What the RFC calls valid is never a malformed message."""
        for case in CASES.values():
            if case.valid:
                parse(case.data)

    def test_bad_responses_are_parse_errors_without_an_answer(self) -> None:
        """A response is dropped, never answered."""
        for name in ("scalarlg", "bigcode"):
            error = self.assertRaises(MessageError, parse, CASES[name].data)
            self.assertIsNone(error.request, name)

    def test_refusals_can_be_answered(self) -> None:
        """The answer carries Via and CSeq of the request that was refused."""
        for name in ("clerr", "insuf", "badvers", "scalar02", "multi01", "badinv01"):
            error = self.assertRaises(MessageError, parse, CASES[name].data)
            assert error.request is not None
            answer = respond(error.request, error.status, to_tag="t")
            self.assertIn(b"\r\nVia: ", answer, name)
            self.assertIn(b"\r\nCSeq: ", answer, name)


class DetailTests(SynchronousTestCase):
    """What single messages are about."""

    def test_wsinv(self) -> None:
        """3.1.1.1: folding, spacing and odd cases change no value."""
        message = request_of(CASES["wsinv"])
        self.assertEqual(message.cseq, 9)
        self.assertEqual(message.max_forwards, 68)
        self.assertEqual(message.to_tag, "1918181833n")
        self.assertEqual(message.from_tag, "98asjd8")
        self.assertEqual(message.from_.display, 'J Rosenberg \\"')
        self.assertEqual(message.via.host, "192.0.2.2")
        self.assertEqual(len(message.all("via")), 3)
        self.assertEqual(message.get("subject"), "")
        self.assertEqual(
            message.get("newfangledheader"),
            "newfangled value continued newfangled value",
        )
        self.assertEqual(message.get("unknownheaderwithunusualvalue"), ";;,,;;,;")
        assert message.contact is not None
        self.assertEqual(message.contact.param("q"), "0.33")

    def test_intmeth(self) -> None:
        """3.1.1.2: user and password are split at the right delimiters."""
        message = request_of(CASES["intmeth"])
        self.assertEqual(message.method, "!interesting-Method0123456789_*+`.%indeed'~")
        self.assertEqual(
            message.uri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
        )
        self.assertEqual(message.uri.host, "example.com")
        self.assertEqual(message.to.display, "BEL:\x07 NUL:\x00 DEL:\x7f")
        self.assertEqual(message.from_tag, "_token~1'+`*%!-.")

    def test_escapes_are_not_undone_before_splitting(self) -> None:
        """3.1.1.3, 3.1.1.4, 3.1.1.5: an escape never becomes syntax."""
        uri = request_of(CASES["esc01"]).uri
        self.assertEqual((uri.scheme, uri.host), ("sip", "example.net"))
        self.assertEqual(uri.number, "sips:user@example.com")
        contacts = request_of(CASES["escnull"]).all("contact")
        self.assertEqual(len(set(contacts)), 2)
        message = request_of(CASES["esc02"])
        self.assertEqual(message.method, "RE%47IST%45R")
        self.assertEqual(len(message.all("contact")), 2)

    def test_longreq(self) -> None:
        """3.1.1.7: 34 hops in every spelling."""
        message = request_of(CASES["longreq"])
        self.assertEqual(len(message.all("via")), 34)
        self.assertIsNone(message.branch)

    def test_bytes_after_the_body_are_dropped(self) -> None:
        """3.1.1.8: the INVITE behind the REGISTER does not exist."""
        message = request_of(CASES["dblreq"])
        self.assertEqual((message.method, message.body), ("REGISTER", b""))

    def test_semicolons_inside_a_user(self) -> None:
        """3.1.1.9: they belong to the user."""
        uri = request_of(CASES["semiuri"]).uri
        self.assertEqual((uri.user, uri.params), ("user;par=u%40example.net", ()))

    def test_a_binary_body_is_kept(self) -> None:
        """3.1.1.11: the body is bytes, cut by its length."""
        message = request_of(CASES["mpart01"])
        self.assertEqual(len(message.body), int(message.get("content-length") or ""))
        self.assertIn(b"\x00", message.body)

    def test_reason_phrases(self) -> None:
        """3.1.1.12, 3.1.1.13: long and in UTF-8, or empty."""
        long, empty = parse(CASES["unreason"].data), parse(CASES["noreason"].data)
        assert isinstance(long, Response)
        assert isinstance(empty, Response)
        self.assertTrue(long.reason.startswith("= 2**3 * 5**2 \u043d\u043e"))
        self.assertEqual((empty.status, empty.reason), (100, ""))

    def test_a_bare_cookie_is_no_branch(self) -> None:
        """3.2.1: such requests do not match each other by it."""
        self.assertIsNone(request_of(CASES["badbranch"]).branch)

    def test_unknown_schemes(self) -> None:
        """3.3.2, 3.3.4: 416 is about the Request-URI alone."""
        message = request_of(CASES["unksm2"])
        for read in (
            lambda: message.to,
            lambda: message.from_,
            lambda: message.contact,
        ):
            self.assertEqual(self.assertRaises(ParseError, read).status, 400)

    def test_contact_parameters(self) -> None:
        """3.3.12, 3.3.13, 3.3.14: of the header, of the URI, of neither."""
        bare = request_of(CASES["cparam01"]).contact
        bracketed = request_of(CASES["cparam02"]).contact
        escaped = request_of(CASES["regescrt"]).contact
        assert bare is not None
        assert bracketed is not None
        assert escaped is not None
        self.assertEqual((len(bare.params), bare.uri.params), (1, ()))
        self.assertEqual((bracketed.params, len(bracketed.uri.params)), ((), 1))
        self.assertEqual(escaped.uri.headers, "Route=%3Csip:sip.example.com%3E")

    def test_zero_hops_left(self) -> None:
        """3.3.11: zero is a value."""
        self.assertEqual(request_of(CASES["zeromf"]).max_forwards, 0)

    def test_rfc2543(self) -> None:
        """3.4.1: no branch, no tag, no hops, no length: still a call."""
        message = request_of(CASES["inv2543"])
        self.assertIsNone(message.branch)
        self.assertIsNone(message.from_tag)
        self.assertIsNone(message.max_forwards)
        self.assertTrue(message.body.startswith(b"v=0\r\n"))


class StreamTortureTests(SynchronousTestCase):
    """What is different on a stream."""

    def test_a_length_beyond_the_stream_waits(self) -> None:
        """3.1.2.2: nothing comes out, and nothing breaks."""
        parser = StreamParser()
        self.assertEqual(parser.feed(CASES["clerr"].data), [])
        self.assertTrue(parser.pending)

    def test_bad_lengths_break_the_stream(self) -> None:
        """3.1.2.3, 3.3.9: framing is lost, the connection is to close."""
        for name in ("ncl", "mcl01"):
            parser = StreamParser()
            self.assertRaises(MessageError, parser.feed, CASES[name].data)
