"""Tests of L{vos3000.sip.fields}."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from vos3000.errors import ParseError
from vos3000.sip.fields import (
    MAX_VALUE,
    NameAddr,
    Via,
    parse_cseq,
    parse_name_addr,
    parse_params,
    parse_retry_after,
    parse_via,
    quote,
    split_commas,
    unquote,
)
from vos3000.sip.uri import TOKEN, Uri, parse_uri

TEXT = st.text(st.characters(min_codepoint=32, codec="utf-8"))
TOKENS = st.text(TOKEN, min_size=1, max_size=12)
HOSTS = st.sampled_from(("192.0.2.1", "example.com", "2001:db8::1", "a-b.example"))
PORTS = st.none() | st.integers(1, 65535)
VALUES = st.none() | TOKENS | TEXT.map(quote)
PARAMS = st.lists(st.tuples(TOKENS, VALUES), max_size=4).map(tuple)
USERS = st.none() | st.text("abcXYZ0189-_.!~*'()&=+$,;?/%", min_size=1, max_size=12)
URI_PARAMS = st.lists(st.tuples(TOKENS, st.none() | TOKENS), max_size=3).map(tuple)
URIS = st.builds(
    Uri,
    st.sampled_from(("sip", "sips")),
    USERS,
    st.none(),
    HOSTS,
    PORTS,
    URI_PARAMS,
    st.sampled_from(("", "a=b", "Route=%3Csip:x%3E")),
)


class RoundTripTests(SynchronousTestCase):
    """Whatever is sent is read as what it was."""

    @settings(deadline=None)
    @given(URIS)
    def test_uris(self, uri: Uri) -> None:
        """A URI."""
        self.assertEqual(parse_uri(str(uri)), uri)

    @settings(deadline=None)
    @given(st.builds(NameAddr, TEXT, URIS, PARAMS))
    def test_names_with_addresses(self, value: NameAddr) -> None:
        """A display name of any text, an address, parameters of any text."""
        self.assertEqual(parse_name_addr(str(value)), value)

    @settings(deadline=None)
    @given(st.builds(Via, TOKENS.map(str.upper), HOSTS, PORTS, PARAMS))
    def test_vias(self, via: Via) -> None:
        """A hop."""
        self.assertEqual(parse_via(str(via)), via)

    @settings(deadline=None)
    @given(TEXT)
    def test_quoted_strings(self, text: str) -> None:
        """Any text in quotes."""
        self.assertEqual(unquote(quote(text)), text)

    @settings(deadline=None)
    @given(st.lists(st.builds(NameAddr, TEXT, URIS, PARAMS), max_size=5))
    def test_lists(self, values: list[NameAddr]) -> None:
        """Values joined by commas come apart at these commas only."""
        texts = [str(value) for value in values]
        self.assertEqual(split_commas(", ".join(texts)), texts)


class GarbageTests(SynchronousTestCase):
    """Text of any kind is read or refused."""

    @settings(deadline=None, max_examples=300)
    @given(st.text('ab1:;,<>"\\=@[]?/. \t\u00e9\x00') | st.text())
    def test_nothing_but_parse_errors(self, text: str) -> None:
        """No other exception leaves a reader."""
        self.assertIsInstance(split_commas(text), list)
        for reader in (parse_uri, parse_name_addr, parse_via, parse_params, parse_cseq):
            try:
                reader(text)
            except ParseError as error:
                self.assertIn(error.status, (400, 416))

    def test_long_values_are_read_in_one_pass(self) -> None:
        """64 KiB of delimiters come to an end."""
        for unit in (
            ",",
            '"',
            '",',
            "\\",
            '"\\',
            "<",
            "<,",
            ";",
            ';"',
            ">",
            " ",
            "<>,",
        ):
            text = unit * (65536 // len(unit))
            split_commas(text)
            for reader in (parse_name_addr, parse_via, parse_params, parse_uri):
                for value in (text, '"' + text, f"<sip:a>;a={text}"):
                    try:
                        reader(value)
                    except ParseError:
                        continue


class NameAddrTests(SynchronousTestCase):
    """Names with addresses (RFC 3261 section 20.10)."""

    def test_parameters_without_brackets_are_the_headers(self) -> None:
        """Only brackets make a parameter one of the URI."""
        value = parse_name_addr("sip:a@b;tag=x")
        self.assertEqual((value.tag, value.uri.params), ("x", ()))
        value = parse_name_addr("<sip:a@b;tag=x>")
        self.assertEqual((value.tag, value.uri.params), (None, (("tag", "x"),)))

    def test_an_unquoted_display_name_gets_its_quotes(self) -> None:
        """What should have been quoted is sent on quoted."""
        value = parse_name_addr("Bell, Alexander <sip:a@b>;tag=1")
        self.assertEqual(str(value), '"Bell, Alexander" <sip:a@b>;tag=1')

    def test_malformed_values_are_refused(self) -> None:
        """Nothing is guessed where quotes or brackets are missing."""
        for text in (
            "",
            '"A <sip:a@b>',
            '"A" sip:a@b',
            '"A" x <sip:a@b>',
            'A"B" <sip:a@b>',
            "<sip:a@b",
            "<sip:a@b> x",
            "<sip:a@b>;",
            "<sip:a@b>;;x",
            "<sip:a@b>;tag=",
            "<sip:a@b>;tag=a b",
            '<sip:a@b>;x="a',
            '<sip:a@b>;x="a"b',
            "sip:a@b?x=y",
            "sip:a@b, sip:c@d",
            "<http://example.com>",
        ):
            error = self.assertRaises(ParseError, parse_name_addr, text)
            self.assertEqual(error.status, 400, text)


class ViaTests(SynchronousTestCase):
    """Hops (RFC 3261 section 20.42)."""

    def test_white_space_is_allowed_everywhere(self) -> None:
        """Between all parts of a Via there may be some."""
        via = parse_via("sip / 2.0 / udp  h.example : 5061 ; branch = x ; rport")
        self.assertEqual(
            (via.transport, via.host, via.port), ("UDP", "h.example", 5061)
        )
        self.assertEqual((via.branch, via.rport, via.received), ("x", "", None))

    def test_malformed_values_are_refused(self) -> None:
        """A hop that one could not answer to."""
        for text in (
            "",
            "SIP/2.0/UDP",
            "SIP/7.0/UDP h",
            "HTTP/2.0/UDP h",
            "SIP/2.0/U@P h",
            "SIP/2.0/UDP h:x",
            "SIP/2.0/UDP h i",
            "SIP/2.0/UDP h;;branch=x",
            "SIP/2.0/UDP ;branch=x",
        ):
            self.assertRaises(ParseError, parse_via, text)


class CSeqTests(SynchronousTestCase):
    """CSeq (RFC 3261 section 20.16)."""

    def test_numbers_have_32_bits(self) -> None:
        """The largest is read, the next one refused."""
        self.assertEqual(parse_cseq("4294967295  INVITE"), (4294967295, "INVITE"))
        self.assertEqual(parse_cseq("0009 BYE"), (9, "BYE"))
        for text in ("4294967296 A", "-1 A", "+1 A", "1", "A", "1 A B", "\u0661 A", ""):
            self.assertRaises(ParseError, parse_cseq, text)
        self.assertRaises(ParseError, parse_cseq, "9" * 5000 + " A")


class HostileTests(SynchronousTestCase):
    """Values made to be slow."""

    def test_quotes_are_cut_right(self) -> None:
        """Escapes of every kind, and quotes without an end."""
        self.assertEqual(unquote(r'"a\"b\\c\d\\\"e"'), r'a"b\cd\"e')
        self.assertEqual(split_commas(r'"a\",b",c'), [r'"a\",b"', "c"])
        self.assertEqual(split_commas('a,"b,c'), ["a", '"b,c'])
        self.assertEqual(split_commas("a,<b,c"), ["a", "<b,c"])

    def test_what_is_too_long_is_not_read(self) -> None:
        """An address or a Via beyond all reason is refused unread."""
        long = "x" * MAX_VALUE
        self.assertRaises(ParseError, parse_name_addr, f"<sip:a@b>;p={long}")
        self.assertRaises(ParseError, parse_via, f"SIP/2.0/UDP h;branch={long}")


class RetryAfterTests(SynchronousTestCase):
    """Retry-After (20.33)."""

    def test_seconds(self) -> None:
        """The number, whatever stands beside it."""
        for text in (
            "120",
            " 120 ",
            "120 (I'm in a meeting)",
            "120;duration=3600",
            "120 (maintenance) ; duration=1",
        ):
            self.assertEqual(parse_retry_after(text), 120, text)
        self.assertEqual(parse_retry_after("9999999999"), 1 << 31)

    def test_malformed(self) -> None:
        """Nothing is guessed."""
        for text in (
            "",
            "soon",
            "-1",
            "1.5",
            "1 2",
            "12 (open",
            "12;=",
            "12)",
            "99999999999",
            "\u0661",
            "12" + " " * 5000,
        ):
            with self.assertRaises(ParseError, msg=text):
                parse_retry_after(text)
