"""What nobody reads in a trace."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import ask
from vos3000.trace.mask import masked

_DIGEST = (
    'Digest username="1000", realm="vos3000", nonce="abc", uri="sip:x", '
    'response="0123456789abcdef0123456789abcdef", algorithm=MD5'
)


class MaskTests(SynchronousTestCase):
    """Secrets are overwritten, byte for byte."""

    def mask(self, *headers: str, body: bytes = b"") -> bytes:
        """What is left of a message with these headers."""
        data = ask("REGISTER", headers=headers, body=body)
        found = masked(data)
        self.assertEqual(len(found), len(data))
        return found

    def test_answers_to_challenges(self) -> None:
        """In either header, in every spelling; all else of them stays."""
        for name in ("Authorization", "Proxy-Authorization", "AUTHORIZATION "):
            found = self.mask(f"{name}: {_DIGEST}")
            self.assertNotIn(b"0123456789abcdef", found)
            self.assertIn(b'response="' + b"*" * 32 + b'", algorithm=MD5', found)
            self.assertIn(b'username="1000", realm="vos3000", nonce="abc"', found)

    def test_odd_spellings(self) -> None:
        """Without quotes, with blanks, in upper case, folded, twice."""
        for text in (
            "response=0123abcd",
            'RESPONSE = "0123ABCD"',
            'nonce="x",\r\n response="0123abcd"',
        ):
            found = self.mask(f"Authorization: Digest {text}")
            self.assertNotIn(b"0123", found)
        found = self.mask(f"Authorization: {_DIGEST}", f"Authorization: {_DIGEST}")
        self.assertNotIn(b"0123456789", found)

    def test_passwords_that_are_only_encoded(self) -> None:
        """Basic, which nobody should use, but some do."""
        found = self.mask("Authorization: Basic QWxhZGRpbjpvcGVu")
        self.assertNotIn(b"QWxhZ", found)

    def test_keys_of_media(self) -> None:
        """SDES (RFC 4568)."""
        line = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0a2V5|2^20|1:4"
        found = self.mask(body=b"v=0\r\nm=audio 4 RTP/SAVP 8\r\n" + line + b"\r\n")
        self.assertNotIn(b"c2Vjc", found)
        self.assertIn(b"inline:************|2^20|1:4", found)

    def test_all_else_stays(self) -> None:
        """Byte for byte, bytes that are no text included."""
        for data in (
            ask(),
            ask(headers=["Subject: response=0123 inline:x"]),
            ask(headers=['WWW-Authenticate: Digest nonce="1"'], body=b"\xff\x00\n"),
        ):
            self.assertEqual(masked(data), data)
