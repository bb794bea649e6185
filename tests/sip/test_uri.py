"""Tests of L{vos3000.sip.uri}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.errors import ParseError
from vos3000.sip.uri import Uri, parse_host, parse_uri


class UriTests(SynchronousTestCase):
    """URIs of RFC 3261 section 19.1 and RFC 3966."""

    def status_of(self, text: str) -> int:
        """The status of the refusal to read a text."""
        return self.assertRaises(ParseError, parse_uri, text).status

    def test_all_parts_are_read(self) -> None:
        """Every part lands in its field; the host is lower-cased."""
        self.assertEqual(
            parse_uri("SIPS:+1-2:pw@Example.COM:5061;transport=tcp;lr?a=b&c=d"),
            Uri(
                "sips",
                "+1-2",
                "pw",
                "example.com",
                5061,
                (("transport", "tcp"), ("lr", None)),
                "a=b&c=d",
            ),
        )

    def test_text_round_trips(self) -> None:
        """What was read is sent as it came."""
        for text in (
            "sip:example.com",
            "sip:100@192.0.2.1:5070;user=phone;lr",
            "sips:a:b@[2001:db8::1]:5061;transport=tls?Subject=x",
            "sip:user;par=u%40example.net@example.com",
            "tel:+1-201-555-0123;phone-context=example.com",
            "sip:@192.0.2.1",
        ):
            self.assertEqual(str(parse_uri(text)), text)

    def test_a_parameter_is_absent_empty_or_a_value(self) -> None:
        """None, an empty string and a value are told apart, in any case."""
        uri = parse_uri("sip:a@b;LR;Transport=UDP")
        self.assertIsNone(uri.param("maddr"))
        self.assertEqual(uri.param("lr"), "")
        self.assertEqual(uri.param("transport"), "UDP")

    def test_numbers_lose_separators_escapes_and_parameters(self) -> None:
        """A number is what is dialled; its plus stays, a name stays whole."""
        for user, number in (
            ("8613800138000", "8613800138000"),
            ("+1-(201)-555.0123", "+12015550123"),
            ("100;phone-context=x", "100"),
            ("%2B49151", "+49151"),
            ("john.doe", "john.doe"),
            ("*67#1", "*67#1"),
            ("1%0a2", "1%0a2"),
            ("1%c2%9b2", "1%c2%9b2"),
        ):
            self.assertEqual(parse_uri(f"sip:{user}@h").number, number)
        self.assertEqual(parse_uri("tel:+1-201").number, "+1201")
        self.assertEqual(parse_uri("sip:example.com").number, "")

    def test_unknown_schemes_are_416(self) -> None:
        """A scheme we do not speak is told apart from a malformed URI."""
        self.assertEqual(self.status_of("soap.beep://192.0.2.103:3002"), 416)
        self.assertEqual(self.status_of("nobodyKnows:opaque"), 416)

    def test_malformed_uris_are_400(self) -> None:
        """Nothing that is ambiguous or unprintable gets through."""
        for text in (
            "",
            "sip:",
            "sip:@",
            "nonsense",
            "<sip:a@b>",
            "sip:a@b c",
            "sip:a@b@c",
            "sip:a@b:0",
            "sip:a@b:65536",
            "sip:a@b:5x",
            "sip:a@b:",
            "sip:a@b;;lr",
            "sip:a\n@b",
            "sip:\u00e9@b",
            "sip:2001:db8::10",
            "sip:[2001:db8:::1]",
            "sip:[::1]x",
            "sip:[::1",
            "tel:",
        ):
            self.assertEqual(self.status_of(text), 400, text)

    def test_brackets_of_ipv6_are_put_back(self) -> None:
        """A host is held bare; an address that looks like a port is none."""
        self.assertEqual(parse_host("[2001:DB8::10:5070]"), ("2001:DB8::10:5070", None))
        self.assertEqual(parse_host("[::1]:5060"), ("::1", 5060))
