"""Tests of L{vos3000.sip.message}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.sip.message import Request, build, respond, top_via_with
from vos3000.sip.parser import parse

SOURCE = ("192.0.2.9", 5099)


def request(*extra: str, via: str = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1") -> Request:
    """An INVITE with some header lines of one's own."""
    lines = (
        "INVITE sip:200@192.0.2.2 SIP/2.0",
        f"Via: {via}",
        "From: <sip:100@192.0.2.1>;tag=a",
        "To: <sip:200@192.0.2.2>",
        "Call-ID: c1",
        "CSeq: 7 INVITE",
        *extra,
    )
    message = parse("\r\n".join((*lines, "", "")).encode())
    assert isinstance(message, Request)
    return message


class ValuesTests(SynchronousTestCase):
    """Reading values of a message."""

    def test_repeated_lines_equal_a_list(self) -> None:
        """Lines and commas give the same values, in order."""
        one = request("Route: <sip:a;lr>", "Route: <sip:b,c@d>,<sip:e>")
        two = request("Route: <sip:a;lr> , <sip:b,c@d>", "route:<sip:e>")
        self.assertEqual(one.all("route"), ["<sip:a;lr>", "<sip:b,c@d>", "<sip:e>"])
        self.assertEqual(two.all("route"), one.all("route"))
        self.assertEqual(two.get("route"), "<sip:a;lr>")

    def test_the_branch_is_that_of_the_top_via(self) -> None:
        """A later Via lends its branch to none before it."""
        for via, branch in (
            ("SIP/2.0/UDP a;branch=z9hG4bKx;rport", "z9hG4bKx"),
            ("SIP/2.0/UDP a;Branch = z9hG4bKx", "z9hG4bKx"),
            ("SIP/2.0/UDP a, SIP/2.0/UDP b;branch=z9hG4bKx", None),
            ('SIP/2.0/UDP a;x=";branch=no";branch=z9hG4bKx', "z9hG4bKx"),
            ("SIP/2.0/UDP a;branch=z9hG4bK", None),
            ("SIP/2.0/UDP a", None),
        ):
            self.assertEqual(request(via=via).branch, branch, via)

    def test_tags_are_those_of_the_header(self) -> None:
        """Neither URI parameters nor quoted text pass for a tag."""
        for value, tag in (
            ("<sip:a@b>;tag=x", "x"),
            ("<sip:a@b;tag=no>", None),
            ('"<x>;tag=no" <sip:a@b>;TAG = x;y', "x"),
            ('<sip:a@b>;x=">;tag=no";tag=x', "x"),
            ("sip:a@b;tag=x;y=z", "x"),
        ):
            message = request()
            message._first["to"] = value
            self.assertEqual(message.to_tag, tag, value)

    def test_unknown_headers_keep_order_and_spelling(self) -> None:
        """What is passed through is passed through as it came."""
        message = request("X-b: 1", "s: hi", "x-A: 2")
        self.assertEqual(
            list(message.items())[-3:], [("X-b", "1"), ("Subject", "hi"), ("x-A", "2")]
        )
        self.assertEqual(list(message.named())[-1], ("x-a", "x-A", "2"))
        self.assertEqual(message.get("x-b"), "1")


class AnswerTests(SynchronousTestCase):
    """Building answers."""

    def test_an_answer_copies_its_request(self) -> None:
        """The whole answer, byte for byte."""
        self.assertEqual(
            respond(request(), 180, to_tag="b", headers=[("Server", "x")]),
            b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
            b"From: <sip:100@192.0.2.1>;tag=a\r\nTo: <sip:200@192.0.2.2>;tag=b\r\n"
            b"Call-ID: c1\r\nCSeq: 7 INVITE\r\nServer: x\r\nContent-Length: 0\r\n\r\n",
        )

    def test_a_tag_is_not_doubled(self) -> None:
        """A To that has a tag keeps it."""
        message = request()
        message._first["to"] = "<sip:200@192.0.2.2>;tag=own"
        self.assertIn(
            b"To: <sip:200@192.0.2.2>;tag=own\r\n", respond(message, 200, None, "b")
        )

    def test_received_and_rport(self) -> None:
        """RFC 3581: what goes into the top Via, and when."""
        for via, expected in (
            ("192.0.2.9;branch=x", "192.0.2.9;branch=x"),
            ("192.0.2.9:5060;branch=x", "192.0.2.9:5060;branch=x"),
            ("192.0.2.1;branch=x", "192.0.2.1;branch=x;received=192.0.2.9"),
            (
                "192.0.2.9;rport;branch=x",
                "192.0.2.9;received=192.0.2.9;rport=5099;branch=x",
            ),
            ("h;branch=x;rport", "h;branch=x;received=192.0.2.9;rport=5099"),
            ("h;received=6.6.6.6;branch=x", "h;branch=x;received=192.0.2.9"),
            ("h ; rport", "h;rport=5099;received=192.0.2.9"),
            ("192.0.2.99;branch=x", "192.0.2.99;branch=x;received=192.0.2.9"),
        ):
            got = top_via_with(request(via=f"SIP/2.0/UDP {via}"), *SOURCE)
            self.assertEqual(got, f"SIP/2.0/UDP {expected}")

    def test_only_the_top_via_is_touched(self) -> None:
        """The other hops go back as they came, from lines or lists."""
        message = request("v: SIP/2.0/TCP c", via="SIP/2.0/UDP a, SIP/2.0/UDP b;rport")
        answer = respond(message, 100, received=SOURCE)
        self.assertEqual(
            parse(answer).all("via"),
            [
                "SIP/2.0/UDP a;received=192.0.2.9",
                "SIP/2.0/UDP b;rport",
                "SIP/2.0/TCP c",
            ],
        )

    def test_record_route_goes_into_dialog_forming_answers(self) -> None:
        """Copied to 180 and 200, not to 100 and 486."""
        message = request("Record-Route: <sip:p;lr>")
        held = [b"Record-Route" in respond(message, s) for s in (100, 180, 200, 486)]
        self.assertEqual(held, [False, True, True, False])

    def test_a_timestamp_goes_into_100(self) -> None:
        """RFC 3261 section 8.2.6.1: into 100 and no other answer."""
        message = request("Timestamp: 54")
        held = [b"Timestamp: 54\r\n" in respond(message, s) for s in (100, 180, 200)]
        self.assertEqual(held, [True, False, False])

    def test_line_ends_are_refused(self) -> None:
        """Nobody's text can add a header to what we send."""
        bad = "x\r\nEvil: 1"
        for call in (
            lambda: build("OPTIONS sip:a SIP/2.0", [("X", bad)]),
            lambda: build(bad, []),
            lambda: respond(request(), 486, bad),
            lambda: respond(request(), 486, headers=[("X", bad)]),
            lambda: build("a", [], b"x", bad),
        ):
            self.assertRaises(ValueError, call)

    def test_build_ends_with_type_and_length(self) -> None:
        """Content-Type comes with a body, Content-Length always."""
        self.assertEqual(
            build("A", [("B", "c")], b"xy", "t/s"),
            b"A\r\nB: c\r\nContent-Type: t/s\r\nContent-Length: 2\r\n\r\nxy",
        )
