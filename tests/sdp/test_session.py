"""Tests of L{vos3000.sdp.session}."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.sdp.build import PHONE, description
from vos3000.errors import ParseError
from vos3000.sdp import session
from vos3000.sdp.describe import describe

_WORD = st.text("abcXYZ019-._", min_size=1, max_size=9)
_VALUE = st.text("abc XYZ:=;/019é", max_size=20).filter(lambda t: "\r" not in t)
_CONNECTION = st.builds(
    session.Connection,
    st.sampled_from(["IP4", "IP6"]),
    _WORD,
    st.sampled_from(["", "/127", "/127/3"]),
)
_ATTRIBUTES = st.lists(st.tuples(st.just("a"), _VALUE), max_size=4).map(tuple)
_MEDIA = st.builds(
    session.Media,
    kind=_WORD,
    port=st.integers(0, 65535),
    protocol=_WORD,
    formats=st.lists(_WORD, min_size=1, max_size=4).map(tuple),
    count=st.integers(1, 9),
    connections=st.lists(_CONNECTION, max_size=2).map(tuple),
    lines=_ATTRIBUTES,
)
_SESSIONS = st.builds(
    session.Session,
    origin=st.builds(
        session.Origin,
        _WORD,
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1),
        st.sampled_from(["IP4", "IP6"]),
        _WORD,
    ),
    name=_VALUE,
    connection=st.none() | _CONNECTION,
    lines=_ATTRIBUTES.map(lambda lines: (("t", "0 0"), *lines)),
    media=st.lists(_MEDIA, max_size=3).map(tuple),
)


class RoundTripTests(SynchronousTestCase):
    """Text to values and back."""

    def test_phone_offer_comes_back_byte_by_byte(self) -> None:
        """A description in the order of RFC 8866 is written as it was read."""
        self.assertEqual(session.serialize(session.parse(PHONE)), PHONE)

    @given(_SESSIONS)
    def test_every_session_survives(self, value: session.Session) -> None:
        """What is written reads as the same value."""
        self.assertEqual(session.parse(session.serialize(value)), value)

    def test_unknown_lines_are_kept(self) -> None:
        """A letter that no RFC defines stays, behind what precedes it."""
        body = description(lines="x=one\na=two\n")
        lines = session.parse(session.serialize(session.parse(body))).lines
        self.assertEqual(set(lines), {("t", "0 0"), ("x", "one"), ("a", "two")})


class ToleranceTests(SynchronousTestCase):
    """What the field sends is accepted, and written as it should be."""

    def test_bare_line_feeds_are_accepted(self) -> None:
        """LF alone ends a line (RFC 8866 5)."""
        self.assertEqual(
            session.parse(PHONE.replace(b"\r\n", b"\n")), session.parse(PHONE)
        )

    def test_missing_name_and_time_are_supplied(self) -> None:
        """Without s= and t= a description is read, and written with both."""
        body = PHONE.replace(b"s=-\r\n", b"").replace(b"t=0 0\r\n", b"")
        self.assertEqual(session.serialize(session.parse(body)), PHONE)

    def test_lines_out_of_order_are_put_right(self) -> None:
        """A c= behind the t= is found."""
        body = PHONE.replace(
            b"c=IN IP4 10.0.0.1\r\nt=0 0\r\n", b"t=0 0\r\nc=IN IP4 10.0.0.1\r\n"
        )
        self.assertEqual(session.serialize(session.parse(body)), PHONE)

    def test_user_name_with_blanks_is_one_word(self) -> None:
        """Some put their product's name there."""
        body = PHONE.replace(b"o=user1 ", b"o=SIP Gateway 4 ")
        origin = session.parse(body).origin
        self.assertEqual(origin.username, "SIP-Gateway-4")
        self.assertEqual(origin.session_id, 53655765)

    def test_zero_bytes_at_the_end_are_dropped(self) -> None:
        """Of strings that were sent with their terminator."""
        self.assertEqual(session.parse(PHONE + b"\0\0"), session.parse(PHONE))


class RefusalTests(SynchronousTestCase):
    """What cannot be understood is refused."""

    def _refused(self, body: bytes, words: str) -> None:
        error = self.assertRaises(ParseError, session.parse, body)
        self.assertIn(words, str(error))

    def test_limits_come_first(self) -> None:
        """Size, lines and streams are bounded before anything is read."""
        self._refused(b"v=0\r\n" + b"x" * 65536, "too large")
        self._refused(b"v=0\n" * 2001, "lines")
        self._refused(description(*["audio 1 RTP/AVP 0"] * 65), "streams")
        self._refused(description("audio 1 RTP/AVP" + " 0" * 257), "formats")

    def test_garbage_is_no_description(self) -> None:
        """Neither nothing nor noise nor another version is read."""
        self._refused(b"", "v=0")
        self._refused(b"\x00\xff\xfe", "not a line")
        self._refused(PHONE.replace(b"v=0", b"v=1"), "v=0")

    def test_broken_lines_name_themselves(self) -> None:
        """The message shows the line that is wrong."""
        self._refused(b"v=0\r\ns=-\r\n", "o= line")
        self._refused(PHONE.replace(b"2353687637", b"x"), "o=")
        self._refused(PHONE.replace(b"o=user1 ", b"o="), "origin")
        self._refused(PHONE.replace(b"c=IN IP4", b"c=IP4"), "connection")
        self._refused(PHONE.replace(b"6000", b"70000"), "70000")
        self._refused(PHONE.replace(b"6000", b"-1"), "m=")
        self._refused(description("audio 1"), "stream")

    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_or_refused(self, body: bytes) -> None:
        """Nothing but ParseError comes out, and the quick reader is silent."""
        describe(body)
        try:
            session.parse(b"v=0\r\n" + body)
        except ParseError:
            pass


class ReadingTests(SynchronousTestCase):
    """What records need of a description."""

    def test_address_and_codecs_of_first_audio(self) -> None:
        """Tones are no codec; names are the registry's spelling."""
        value = session.parse(PHONE)
        self.assertEqual(session.media_address(value), ("10.0.0.1", 6000))
        self.assertEqual(session.codecs(value), ("PCMA", "PCMU", "G729", "iLBC"))

    def test_stream_connection_comes_before_session(self) -> None:
        """A c= below the m= wins (RFC 8866 5.7)."""
        body = description(
            "video 2 RTP/AVP 31", "audio 4000/2 RTP/AVP 0 13|c=IN IP6 2001:db8::1"
        )
        value = session.parse(body)
        self.assertEqual(session.media_address(value), ("2001:db8::1", 4000))
        self.assertEqual(session.codecs(value), ("PCMU",))

    def test_no_audio_is_nothing(self) -> None:
        """A fax offer has no audio address and no codecs."""
        value = session.parse(description("image 9 udptl t38"))
        self.assertEqual(session.media_address(value), ("", 0))
        self.assertEqual(session.codecs(value), ())

    def test_quick_reader_says_the_same(self) -> None:
        """The call path's reader and the whole parser agree."""
        for body in (
            PHONE,
            PHONE.replace(b"\r\n", b"\n"),
            description("audio 4000/2 RTP/AVP 0 13|c=IN IP4 192.0.2.9/127"),
            description("video 2 RTP/AVP 31", "audio 7 RTP/SAVP 96|a=rtpmap:96 Q/8"),
        ):
            value, quick = session.parse(body), describe(body)
            self.assertEqual((quick.address, quick.port), session.media_address(value))
            self.assertEqual(quick.codecs, session.codecs(value))
