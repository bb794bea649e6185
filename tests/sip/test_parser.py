"""Tests of L{vos3000.sip.parser}: datagrams."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.sip.test_fields import TOKENS
from tests.sip.torture import torture
from vos3000.errors import ParseError
from vos3000.sip.message import MessageError, Request, build, respond
from vos3000.sip.names import COMPACT, LISTS, SENT, SINGLE
from vos3000.sip.parser import MAX_HEAD, MAX_LINE, MAX_LINES, MAX_SIZE, parse, validate
from vos3000.sip.passing import passing, wanted

WIRE = [case.data for name in ("rfc4475", "rfc5118") for case in torture(name).values()]

BASE = (
    ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
    ("From", "<sip:a@b>;tag=a"),
    ("To", "<sip:c@d>"),
    ("Call-ID", "c1"),
    ("CSeq", "7 INVITE"),
)
START = "INVITE sip:c@d SIP/2.0"


def datagram(*extra: str, start: str = START, body: bytes = b"") -> bytes:
    """An INVITE with some header lines of one's own, without Content-Length."""
    lines = [f"{name}: {value}" for name, value in BASE]
    return "\r\n".join([start, *lines, *extra, "", ""]).encode() + body


class DatagramTests(SynchronousTestCase):
    """What is read of a datagram."""

    def refusal(self, data: bytes) -> MessageError:
        """The refusal to read a datagram."""
        error: MessageError = self.assertRaises(MessageError, parse, data)
        return error

    def test_the_length_decides_about_the_body(self) -> None:
        """Shorter cuts, missing takes all, longer is refused."""
        self.assertEqual(parse(datagram("l: 2", body=b"abc")).body, b"ab")
        self.assertEqual(parse(datagram(body=b"abc")).body, b"abc")
        self.assertEqual(parse(datagram("Content-Length: 3", body=b"abc")).body, b"abc")
        self.assertEqual(self.refusal(datagram("l: 4", body=b"abc")).status, 400)

    def test_compact_forms_and_any_case(self) -> None:
        """Every spelling of a name is the same header."""
        for short, key in COMPACT.items():
            if key in SINGLE or key == "via":
                continue
            for spelling in (
                short,
                short.upper(),
                key,
                SENT[key].swapcase(),
                key + " ",
            ):
                message = parse(datagram(f"{spelling}:x", body=b""))
                self.assertEqual(message.get(key), "x", spelling)

    def test_tables_of_names_agree(self) -> None:
        """Every compact form and list is a header we can send."""
        self.assertLessEqual(set(COMPACT.values()) | LISTS | SINGLE, set(SENT))

    def test_folded_lines_are_joined(self) -> None:
        """Continuation lines belong to the line above, by spaces or tabs."""
        message = parse(datagram("Subject: a", "  b", "\tc"))
        self.assertEqual(message.get("subject"), "a b c")

    def test_a_folded_line_needs_a_header_above_it(self) -> None:
        """Behind the start line there is nothing to be continued."""
        for blank in (" ", "\t", " x", " Subject: x"):
            data = datagram().replace(b"\r\nVia", f"\r\n{blank}\r\nVia".encode())
            error = self.refusal(data)
            self.assertEqual(error.status, 400)
            self.assertIsNotNone(error.request)

    def test_equal_repetitions_are_tolerated(self) -> None:
        """Two values of a single header are refused, twice the same is not."""
        self.assertEqual(parse(datagram("i: c1")).call_id, "c1")
        for line in ("i: c2", "To: <sip:x@y>", "f: <sip:x@y>", "CSeq: 8 INVITE"):
            self.assertEqual(self.refusal(datagram(line)).status, 400)

    def test_versions(self) -> None:
        """Another version of SIP is 505, another protocol 400."""
        for version, status in (("SIP/3.0", 505), ("SIP/2.00", 505), ("HTTP/1.1", 400)):
            error = self.refusal(datagram(start=f"INVITE sip:c@d {version}"))
            self.assertEqual(error.status, status)
        parse(datagram(start="INVITE sip:c@d sip/2.0"))

    def test_bare_line_ends_are_refused(self) -> None:
        """No header hides from us that somebody else would see."""
        for text in ("Subject: a\nX: b", "Subject: a\rX: b", "Subject: a\r\r\nX: b"):
            self.assertEqual(self.refusal(datagram(text)).status, 400)

    def test_malformed_header_lines_are_refused(self) -> None:
        """A line must have a name and a colon."""
        for line in ("nocolon", "Subject", ": x", "a b: x", "a@b: x"):
            error = self.refusal(datagram(line))
            self.assertEqual(error.status, 400)
            self.assertIsNotNone(error.request)

    def test_line_ends_before_the_start_are_dropped(self) -> None:
        """RFC 3261 section 7.5."""
        self.assertIsInstance(parse(b"\r\n\r\n" + datagram()), Request)
        self.assertIsNone(self.refusal(b"\r\n\r\n").request)

    def test_what_cannot_be_answered_has_no_request(self) -> None:
        """No Via, no CSeq, an ACK, a response: silence."""
        for data in (
            b"",
            b"garbage",
            b"INVITE sip:a SIP/2.0\r\n\r\n",
            b"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n\r\n",
            b"INVITE sip:a SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n",
            b"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nCSeq: x INVITE\r\n\r\n",
            b"ACK sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nCSeq: 1 ACK\r\n\r\n",
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nCSeq: 1 ACK\r\n\r\n",
        ):
            self.assertIsNone(self.refusal(data).request, data)

    def test_a_malformed_top_via_is_noticed(self) -> None:
        """The branch is read at once, or the datagram refused."""
        data = datagram().replace(b";branch", b";;branch").replace(b"K1", b"K1, x")
        self.assertEqual(self.refusal(data).status, 400)


class LimitTests(SynchronousTestCase):
    """Limits hold at their edge and one beyond."""

    def status(self, data: bytes) -> int:
        """0, or the status of the refusal to read a datagram."""
        try:
            parse(data)
        except ParseError as error:
            return error.status
        return 0

    def test_size(self) -> None:
        """65535 bytes."""
        room = MAX_SIZE - len(datagram())
        self.assertEqual(self.status(datagram(body=b"x" * room)), 0)
        self.assertEqual(self.status(datagram(body=b"x" * (room + 1))), 513)

    def test_head(self) -> None:
        """24 KiB: it is read before it is known who sent it."""
        data = datagram("X: ", "Y: " + "y" * 16000, "Z: " + "z" * 4000)
        room = MAX_HEAD - data.index(b"\r\n\r\n")
        fill = f"X: {'x' * room}"
        for more, expected in (("", 0), ("x", 513)):
            lines = (fill + more, "Y: " + "y" * 16000, "Z: " + "z" * 4000)
            self.assertEqual(self.status(datagram(*lines)), expected)

    def test_lines(self) -> None:
        """256 lines with the start line, folded ones counted."""
        for line in ("X: y", " y"):
            extra = ["X: y", *[line] * (MAX_LINES - 2 - len(BASE))]
            self.assertEqual(self.status(datagram(*extra)), 0)
            self.assertEqual(self.status(datagram(*extra, line)), 513)

    def test_a_line(self) -> None:
        """16 KiB, whether in one line or folded."""
        fill = "x" * (MAX_LINE - len("X: "))
        self.assertEqual(self.status(datagram(f"X: {fill}")), 0)
        self.assertEqual(self.status(datagram(f"X: {fill}x")), 513)
        folded = [" " + "x" * 1000] * 17
        self.assertEqual(self.status(datagram("X: y", *folded)), 513)

    def test_the_start_line(self) -> None:
        """A Request-URI without end is 414."""
        start = f"INVITE sip:{'x' * MAX_LINE} SIP/2.0"
        self.assertEqual(self.status(datagram(start=start)), 414)

    def test_hops(self) -> None:
        """A call has no hundreds of hops in its Via or Route."""
        message = parse(datagram("Route: " + ",".join(["<sip:a;lr>"] * 129)))
        assert isinstance(message, Request)
        self.assertRaises(ParseError, validate, message)


def _touch(data: bytes) -> None:
    """Read all there is of a datagram."""
    message = parse(data)
    list(message.items())
    passing(message, wanted("*,x"))
    for name in ("via", "from_", "to", "contact", "max_forwards", "from_tag", "to_tag"):
        try:
            getattr(message, name)
        except ParseError:
            continue
    for name in (*LISTS, *SINGLE):
        message.get(name)
        message.all(name)
    if isinstance(message, Request):
        respond(message, 200, None, "t", received=("2001:db8::1", 5060))
        validate(message)


EDITS = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(0, 60), st.binary(max_size=8)),
    min_size=1,
    max_size=6,
)


class PropertyTests(SynchronousTestCase):
    """What holds of any bytes."""

    def read(self, data: bytes) -> None:
        """Read a datagram to its end; a refusal can be answered or has none."""
        try:
            _touch(data)
        except MessageError as error:
            if error.request is not None:
                respond(error.request, error.status, received=("192.0.2.1", 5060))
        except ParseError as error:
            self.assertIn(error.status, (400, 416))

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=300))
    def test_bytes(self, data: bytes) -> None:
        """Nothing but a ParseError comes of arbitrary bytes."""
        self.read(data)

    @settings(deadline=None, max_examples=500)
    @given(st.sampled_from(WIRE), EDITS)
    def test_mutants(self, data: bytes, edits: list[tuple[int, int, bytes]]) -> None:
        """Nothing but a ParseError comes of real messages with faults."""
        for at, cut, paste in edits:
            at %= len(data) + 1
            data = data[:at] + paste + data[at + cut :]
        self.read(data)

    @settings(deadline=None, max_examples=200)
    @given(
        st.sampled_from(WIRE), st.integers(0, 4000), st.sampled_from(b',;"<>\\ \t:=')
    )
    def test_runs_of_delimiters(self, data: bytes, at: int, char: int) -> None:
        """A long run of one delimiter anywhere in a message."""
        at %= len(data)
        self.read(data[:at] + bytes([char]) * 15000 + data[at:])

    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(TOKENS.map("X-{}".format), st.text("ab,;<>\"é \\'", max_size=20)),
            max_size=8,
        ),
        st.binary(max_size=50),
    )
    def test_build_and_parse(self, extra: list[tuple[str, str]], body: bytes) -> None:
        """What was built is read back: names, values, order and body."""
        headers = [*BASE, *extra]
        message = parse(build(START, headers, body, "application/sdp"))
        stripped = [(name, value.strip()) for name, value in headers]
        self.assertEqual(list(message.items())[: len(headers)], stripped)
        self.assertEqual(message.body, body)
        assert isinstance(message, Request)
        self.assertEqual((message.method, message.uri_text), ("INVITE", "sip:c@d"))

    @settings(deadline=None)
    @given(st.binary(max_size=30).filter(lambda text: not set(text) & set(b"\r\n")))
    def test_octets_that_are_no_text_are_kept(self, octets: bytes) -> None:
        """A header in an unknown encoding is passed through octet for octet."""
        data = datagram("X-Y: |").replace(b"|", b"|" + octets + b"|")
        answer = build("OPTIONS sip:a SIP/2.0", passing(parse(data), wanted("x-y")))
        self.assertIn(b"X-Y: |" + octets + b"|\r\n", answer)
