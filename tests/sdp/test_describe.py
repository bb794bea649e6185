"""Tests of L{vos3000.sdp.describe}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sdp.build import PHONE, description
from vos3000.sdp.describe import NOTHING, Description, describe


class DescribeTests(SynchronousTestCase):
    """The quick reader of the call path."""

    def test_phone_offer(self) -> None:
        """Address, port and codecs of an ordinary offer."""
        self.assertEqual(
            describe(PHONE),
            Description("10.0.0.1", 6000, ("PCMA", "PCMU", "G729", "iLBC")),
        )

    def test_columns_fit_their_width(self) -> None:
        """A record's columns take 64 characters (varchar(64))."""
        wide = Description("10.0.0.1", 1, ("PCMA",) * 20)
        self.assertEqual(wide.columns, ("10.0.0.1", ("PCMA," * 13)[:64]))

    def test_next_stream_is_left_alone(self) -> None:
        """The video's rtpmap does not name the audio's codec."""
        body = description(
            "audio 4 RTP/AVP 96", "video 6 RTP/AVP 96|a=rtpmap:96 VP8/90000"
        )
        self.assertEqual(describe(body), Description("192.0.2.1", 4, ()))

    def test_fax_takes_the_place_of_audio(self) -> None:
        """After a re-INVITE the record shows T.38, beside audio that is off too."""
        fax = Description("192.0.2.1", 6, ("T38",))
        for streams in (
            ["image 6 udptl t38"],
            ["audio 0 RTP/AVP 0", "image 6 udptl t38"],
        ):
            self.assertEqual(describe(description(*streams)), fax)
        both = describe(description("audio 4 RTP/AVP 0", "image 6 udptl t38"))
        self.assertEqual(both.codecs, ("PCMU",))
        for port in ("0", "x", "1234567"):
            off = describe(description(f"image {port} udptl t38"))
            self.assertEqual(off, NOTHING)

    def test_codecs_are_bounded(self) -> None:
        """Hundreds of payload types cost no more than a few."""
        many = " ".join(str(n) for n in range(96, 600))
        maps = "".join(f"|a=rtpmap:{n} X{n}/8000" for n in range(96, 600))
        found = describe(description(f"audio 4 RTP/AVP {many}{maps}"))
        self.assertEqual(len(found.codecs), 32)

    def test_garbage_is_nothing(self) -> None:
        """It never raises: a call goes on whatever its media say."""
        for body in (
            b"",
            b"\nm=audio ",
            b"\nm=audio x RTP/AVP 0",
            b"\nm=audio 1 RTP/AVP",
            b"\xff" * 50,
        ):
            self.assertEqual(describe(body), NOTHING)
        self.assertEqual(
            describe(b"v=0\nc=IN IP4\nm=audio 1 RTP/AVP 0 \xff"),
            Description("", 1, ("PCMU",)),
        )
