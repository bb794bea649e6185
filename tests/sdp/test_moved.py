"""What of a description that comes again is news to the far end."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.sdp.moved import moved

BODY = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)
THEIRS = BODY.replace(b" 8 0 101", b" 0 8 101")
KEYS = BODY + (
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:aaaa|2^20\r\n"
    b"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:bbbb\r\n"
)
ICE = BODY + (
    b"a=ice-ufrag:u\r\na=ice-pwd:p\r\na=candidate:1 1 UDP 1 192.0.2.9 4000 typ host\r\n"
    b"a=setup:actpass\r\n"
)


class MovedTests(SynchronousTestCase):
    """Elsewhere, another way, other keys, another codec; and nothing else."""

    def test_news(self) -> None:
        """Each of them."""
        for before, old, new in (
            (BODY, b"m=audio 4000", b"m=audio 4002"),
            (BODY, b"c=IN IP4 192.0.2.9", b"c=IN IP4 192.0.2.8"),
            (BODY, b"RTP/AVP 8 0", b"RTP/AVP 0"),
            (BODY, b"RTP/AVP 8 0 101", b"RTP/SAVP 8 0 101"),
            (BODY, b"m=audio 4000 RTP/AVP 8 0 101", b"m=image 4000 udptl t38"),
            (BODY, b"a=rtpmap", b"a=sendonly\r\na=rtpmap"),
            (BODY, b"a=rtpmap", b"a=inactive\r\na=rtpmap"),
            (KEYS, b"inline:aaaa", b"inline:cccc"),
            (ICE, b"ice-pwd:p", b"ice-pwd:q"),
        ):
            after = before.replace(old, new)
            self.assertNotEqual(after, before)
            self.assertTrue(moved(before, after, THEIRS), new)

    def test_no_news(self) -> None:
        """Another version, fewer codecs, suites and candidates, another tag."""
        for before, old, new, theirs in (
            (BODY, b"o=- 1 1", b"o=- 1 2", THEIRS),
            (BODY, b" 8 0 101", b" 8 101", THEIRS),
            (BODY, b" 8 0 101", b" 0 101", BODY.replace(b" 8 0 101", b" 0 101")),
            (BODY, b"a=rtpmap", b"a=sendrecv\r\na=rtpmap", THEIRS),
            (BODY, b"a=rtpmap", b"a=ptime:30\r\na=rtpmap", THEIRS),
            (KEYS, KEYS[KEYS.index(b"a=crypto:2") :], b"", THEIRS),
            (KEYS, b"a=crypto:1", b"a=crypto:9", THEIRS),
            (ICE, ICE[ICE.index(b"a=candidate") :], b"a=setup:active\r\n", THEIRS),
            (BODY, b"", b"", b""),
        ):
            after = before.replace(old, new) if old else before
            self.assertFalse(moved(before, after, theirs), new)
