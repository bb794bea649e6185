"""Tests of L{vos3000.sdp.offer}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sdp.build import description
from vos3000.sdp.offer import (
    accepted,
    answer_problems,
    direction,
    held,
    offer_problems,
)
from vos3000.sdp.session import Session, parse

AUDIO = "audio 4000 RTP/AVP 8 0"
VIDEO = "video 4002 RTP/AVP 31"


def made(*streams: str, version: int = 1, lines: str = "") -> Session:
    """The session that these m= lines make."""
    return parse(description(*streams, version=version, lines=lines))


class AnswerTests(SynchronousTestCase):
    """What may answer an offer (RFC 3264 6)."""

    def _problem(self, offer: Session, answer: Session, words: str) -> None:
        (problem,) = answer_problems(offer, answer)
        self.assertIn(words, problem)

    def test_good_answer(self) -> None:
        """One codec taken and the video refused is a good answer."""
        offer = made(AUDIO, VIDEO)
        answer = made("audio 9 RTP/AVP 0", "video 0 RTP/AVP 31")
        self.assertEqual(answer_problems(offer, answer), ())
        ((offered, answered),) = accepted(offer, answer)
        self.assertEqual((offered.port, answered.port), (4000, 9))

    def test_streams_are_counted(self) -> None:
        """An answer has as many m= lines as its offer."""
        self._problem(made(AUDIO, VIDEO), made(AUDIO), "1 streams answer 2")

    def test_streams_are_matched(self) -> None:
        """Kind, transport and formats belong together."""
        offer = made(AUDIO)
        self._problem(offer, made("video 4 RTP/AVP 8"), "video answers audio")
        self._problem(offer, made("audio 4 RTP/SAVP 8"), "RTP/SAVP answers")
        self._problem(offer, made("audio 4 RTP/AVP 18"), "no format")

    def test_port_zero_is_not_accepted(self) -> None:
        """A stream that was not offered cannot be taken."""
        self._problem(made("audio 0 RTP/AVP 8"), made(AUDIO), "port 0")

    def test_directions(self) -> None:
        """Who is told to listen may not send."""
        offer = made(AUDIO + "|a=sendonly")
        self._problem(offer, made(AUDIO), "sendrecv answers sendonly")
        self.assertEqual(answer_problems(offer, made(AUDIO + "|a=recvonly")), ())


class OfferTests(SynchronousTestCase):
    """What may follow an earlier description (RFC 3264 8)."""

    def test_good_offers(self) -> None:
        """The same again, a change with the next version, one stream more."""
        before = made(AUDIO)
        for offer in (
            before,
            made(AUDIO + "|a=sendonly", version=2),
            made(AUDIO, VIDEO, version=2),
        ):
            self.assertEqual(offer_problems(before, offer), ())

    def test_bad_offers(self) -> None:
        """Streams stay, the session stays, the version counts by one."""
        before = made(AUDIO, VIDEO)
        other = parse(description(AUDIO, VIDEO).replace(b"o=a 7", b"o=a 8"))
        for offer, words in (
            (made(AUDIO, version=2), "taken away"),
            (made(AUDIO + "|a=sendonly", VIDEO), "version did not"),
            (made(AUDIO, VIDEO, version=3), "version 3 follows 1"),
            (other, "another session"),
        ):
            self.assertIn(words, " ".join(offer_problems(before, offer)))


class DirectionTests(SynchronousTestCase):
    """Which way a stream flows."""

    def test_stream_before_session(self) -> None:
        """The stream's own attribute wins; without any it flows both ways."""
        value = made(AUDIO, VIDEO + "|a=recvonly", lines="a=inactive\n")
        names = [direction(value, media) for media in value.media]
        self.assertEqual(names, ["inactive", "recvonly"])
        plain = made(AUDIO)
        self.assertEqual(direction(plain, plain.media[0]), "sendrecv")

    def test_hold(self) -> None:
        """A call is held by sendonly, inactive or the address 0.0.0.0."""
        self.assertTrue(held(made(AUDIO + "|a=sendonly")))
        self.assertTrue(held(made(AUDIO + "|c=IN IP4 0.0.0.0")))
        self.assertTrue(held(made(AUDIO + "|a=inactive", "video 0 RTP/AVP 31")))
        self.assertFalse(held(made(AUDIO)))
