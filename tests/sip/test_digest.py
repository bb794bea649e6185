"""Digest authentication: the RFCs' own examples, both directions, bad input."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.errors import ParseError
from vos3000.sip.digest import (
    Challenge,
    Credentials,
    answer,
    hash_name,
    parse_challenge,
    parse_credentials,
    secret,
    strongest,
    verify,
)

_NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
_RFC7616 = (
    ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
    ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
)
_RFC2617 = (
    'Digest username="Mufasa",\r\n realm="testrealm@host.com",'
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html",'
    ' qop=auth, nc=00000001, cnonce="0a4f113b",'
    ' response="6629fae49393a05397450978507c4ef1",'
    ' opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)


class VectorTests(SynchronousTestCase):
    """What the specifications compute, we compute."""

    def test_rfc7616(self) -> None:
        """Section 3.9.1: MD5 and SHA-256 with qop auth."""
        for algorithm, expected in _RFC7616:
            challenge = Challenge(
                "http-auth@example.org", _NONCE, algorithm, ("auth", "auth-int")
            )
            made = answer(
                challenge,
                "Mufasa",
                "Circle of Life",
                "GET",
                "/dir/index.html",
                _CNONCE,
            )
            self.assertEqual(
                (made.response, made.qop, made.nc), (expected, "auth", "00000001")
            )

    def test_rfc2617(self) -> None:
        """Section 3.5, its value read and checked."""
        given = parse_credentials(_RFC2617)
        hashed = secret("", "Mufasa", "testrealm@host.com", "Circle Of Life")
        self.assertEqual(hashed, "939e7578ed9e3c518a452acee763bce9")
        self.assertTrue(verify(given, hashed, "GET"))
        self.assertFalse(verify(given, hashed, "PUT"))

    def test_rfc2069(self) -> None:
        """Section 2.4 as its errata has it: no qop, no count."""
        challenge = Challenge(
            "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093"
        )
        made = answer(
            challenge, "Mufasa", "CircleOfLife", "GET", "/dir/index.html", "unused"
        )
        self.assertEqual(made.response, "1949323746fe6a43ef61f9606e7febea")
        self.assertNotIn("cnonce", str(made))
        self.assertNotIn("nc=", str(made))

    def test_sip_example(self) -> None:
        """An INVITE of draft-smith-sipping-auth-examples-01."""
        given = Credentials(
            "bob",
            "biloxi.com",
            "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            "sip:bob@biloxi.com",
            "89eb0059246c02b2f6ee02c7961d5ea3",
            cnonce="0a4f113b",
            qop="auth",
            nc="00000001",
        )
        self.assertTrue(
            verify(given, secret("MD5", "bob", "biloxi.com", "zanzibar"), "INVITE")
        )


class DirectionTests(SynchronousTestCase):
    """What answer makes, verify takes, through the text between them."""

    _QUALITIES = ((), ("auth",), ("auth-int",), ("auth-int", "auth"))

    def test_every_combination(self) -> None:
        """Each algorithm with each quality, whatever is in the names."""
        for algorithm in (
            "",
            "MD5",
            "md5-sess",
            "SHA-256",
            "SHA-256-sess",
            "SHA-512-256",
        ):
            for qop in self._QUALITIES:
                offered = parse_challenge(
                    str(Challenge('a "realm\\', "n", algorithm, qop, "o"))
                )
                made = answer(
                    offered, 'ü",=\\', "p:w", "INVITE", "sip:1@x", "c", 7, b"body"
                )
                given = parse_credentials(str(made))
                self.assertEqual(given, made)
                hashed = secret(algorithm, given.username, given.realm, "p:w")
                self.assertTrue(verify(given, hashed, "INVITE", b"body"))
                self.assertFalse(verify(given, hashed, "BYE", b"body"))
                self.assertEqual(
                    verify(given, hashed, "INVITE", b"other"), given.qop != "auth-int"
                )

    def test_secret_is_not_shown(self) -> None:
        """Credentials in a log do not help anybody to guess."""
        self.assertNotIn("6629fae4", repr(parse_credentials(_RFC2617)))


class ChoiceTests(SynchronousTestCase):
    """Which challenge is answered."""

    def test_strongest_hash(self) -> None:
        """SHA-256 before MD5, in whatever order they come."""
        weak, strong = Challenge("r", "1"), Challenge("r", "2", "SHA-256")
        self.assertIs(strongest([weak, strong]), strong)
        self.assertIs(strongest([strong, weak]), strong)

    def test_unknown_ones_are_passed_over(self) -> None:
        """An algorithm or a quality that we do not know; then there is none."""
        odd = [Challenge("r", "1", "WHIRLPOOL"), Challenge("r", "1", "", ("privacy",))]
        known = Challenge("r", "2", "MD5-sess", ("privacy", "auth"))
        self.assertIs(strongest([*odd, known]), known)
        self.assertIsNone(strongest(odd))
        for challenge in odd:
            self.assertRaises(
                ValueError, answer, challenge, "u", "p", "INVITE", "sip:x", "c"
            )

    def test_names(self) -> None:
        """Algorithms are known in any case."""
        self.assertEqual(hash_name("sha-256-SESS"), "SHA-256")
        self.assertEqual(hash_name(""), "MD5")
        self.assertIsNone(hash_name("token"))


class BadInputTests(SynchronousTestCase):
    """What cannot be read is refused, quickly."""

    def test_credentials(self) -> None:
        """Another scheme, missing parts, doubles, open quotes, length."""
        whole = _RFC2617
        for bad in (
            "",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            'NoOneKnowsThisScheme opaque-data="here"',
            "Digest",
            whole.replace('username="Mufasa"', 'user="Mufasa"'),
            whole.replace("nc=00000001", "nc=zzz"),
            whole.replace("nc=00000001", "nc=000000001"),
            whole.replace('cnonce="0a4f113b",', ""),
            whole + ', nonce="again"',
            whole[:-1],
            whole + ", =",
            whole + ", " + ", ".join(f"p{n}=1" for n in range(40)),
            whole + ", x=" + "y" * 5000,
        ):
            self.assertRaises(ParseError, parse_credentials, bad)

    def test_challenge(self) -> None:
        """A challenge names realm and nonce."""
        for bad in (
            'Digest realm="x"',
            'Digest nonce="x"',
            'Digest realm="x", nonce=""',
        ):
            self.assertRaises(ParseError, parse_challenge, bad)

    def test_liberal(self) -> None:
        """White space and empty elements anywhere, names in any case."""
        found = parse_challenge(
            'digest ,  REALM = "r" ,, Nonce=n , STALE=TRUE, qop="auth, auth-int",'
        )
        self.assertEqual(
            found, Challenge("r", "n", "", ("auth", "auth-int"), None, True)
        )

    def test_unknown_algorithm_proves_nothing(self) -> None:
        """Credentials of an algorithm or quality that we do not know are wrong."""
        given = parse_credentials(_RFC2617 + ", algorithm=ROT13")
        self.assertFalse(verify(given, "x", "GET"))
        given = parse_credentials(_RFC2617.replace("qop=auth", "qop=auth-conf"))
        self.assertFalse(verify(given, "x", "GET"))
        given = parse_credentials(_RFC2617.replace("6629fae4", "\udcff629fae"))
        self.assertFalse(verify(given, "x", "GET"))
