"""Tests of L{vos3000.media.session}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sdp.build import PHONE, description
from vos3000.errors import MediaRefused
from vos3000.media.session import DirectMedia, MediaSession, Side
from vos3000.model.sipoptions import ORDINARY, SipOptions
from vos3000.sdp.describe import NOTHING
from vos3000.sdp.origin import replace_origin

CALLER, CALLEE = Side.CALLER, Side.CALLEE
BUSY_VENDOR = description("audio 4 RTP/AVP 18")
GOOD_VENDOR = description("audio 6 RTP/AVP 8")


class DirectMediaTests(SynchronousTestCase):
    """Media end to end."""

    def setUp(self) -> None:
        """A call whose sides know us by different addresses."""
        self.media: MediaSession = DirectMedia(5, "192.0.2.5", "10.0.0.1", ORDINARY)
        self.media.toward(5, "198.51.100.5", "198.51.100.6", ORDINARY)

    def test_offer_goes_to_the_other_side(self) -> None:
        """The callee sees the caller's description under our address there."""
        self.assertEqual(
            self.media.offer(CALLER, PHONE),
            replace_origin(PHONE, 5, 1, "198.51.100.5"),
        )

    def test_second_vendor_raises_the_callers_version(self) -> None:
        """Early media of one vendor, then another's answer: 1, then 2."""
        self.media.offer(CALLER, PHONE)
        early = self.media.answer(CALLEE, BUSY_VENDOR)
        answer = self.media.answer(CALLEE, GOOD_VENDOR)
        self.assertIn(b"o=- 5 1 IN IP4 192.0.2.5\r\n", early)
        self.assertIn(b"o=- 5 2 IN IP4 192.0.2.5\r\n", answer)

    def test_sides_count_apart(self) -> None:
        """An offer from the callee leaves the callee's own version alone."""
        self.media.offer(CALLER, PHONE)
        self.media.answer(CALLEE, GOOD_VENDOR)
        self.media.offer(CALLEE, GOOD_VENDOR.replace(b" 6 ", b" 8 "))
        again = self.media.answer(CALLER, PHONE)
        self.assertIn(b"o=- 5 1 IN IP4 198.51.100.5\r\n", again)

    def test_description_is_the_latest(self) -> None:
        """Records show what each side described last."""
        self.assertEqual(self.media.description(CALLEE), NOTHING)
        self.media.offer(CALLER, PHONE)
        self.media.answer(CALLEE, BUSY_VENDOR)
        self.assertEqual(self.media.description(CALLEE).codecs, ("G729",))
        self.media.answer(CALLEE, GOOD_VENDOR)
        self.assertEqual(self.media.description(CALLEE).codecs, ("PCMA",))
        self.assertEqual(self.media.description(CALLEE).port, 6)
        self.assertEqual(self.media.description(CALLER).address, "10.0.0.1")

    def test_an_offer_waits_for_its_answer(self) -> None:
        """Until the other side answers, or declines."""
        self.assertIs(self.media.offerer, None)
        self.media.offer(CALLER, PHONE)
        self.assertIs(self.media.offerer, CALLER)
        self.media.answer(CALLEE, GOOD_VENDOR)
        self.assertIs(self.media.offerer, None)
        self.media.offer(CALLEE, BUSY_VENDOR)
        self.assertIs(self.media.offerer, CALLEE)
        self.media.declined()
        self.assertIs(self.media.offerer, None)

    def test_declined_offer_leaves_what_was_agreed(self) -> None:
        """Records and refreshes show what holds (RFC 3261 14.1)."""
        self.media.offer(CALLER, PHONE)
        self.media.answer(CALLEE, GOOD_VENDOR)
        for _ in range(2):
            self.media.offer(CALLEE, BUSY_VENDOR)
        self.assertEqual(self.media.description(CALLEE).codecs, ("G729",))
        self.media.declined()
        self.assertEqual(self.media.description(CALLEE).codecs, ("PCMA",))
        self.media.declined()
        self.assertEqual(self.media.description(CALLEE).codecs, ("PCMA",))

    def test_last_is_what_a_side_holds(self) -> None:
        """A refresh repeats it, version and all (RFC 4028 7.4)."""
        self.assertEqual(self.media.last(CALLEE), b"")
        offer = self.media.offer(CALLER, PHONE)
        answer = self.media.answer(CALLEE, GOOD_VENDOR)
        for _ in range(2):
            self.assertEqual(self.media.last(CALLEE), offer)
            self.assertEqual(self.media.last(CALLER), answer)

    def test_last_after_a_declined_offer_counts_on(self) -> None:
        """What was shown and declined had its version, too (RFC 3264 8)."""
        self.media.offer(CALLER, PHONE)
        self.media.answer(CALLEE, GOOD_VENDOR)
        hold = self.media.offer(CALLER, PHONE.replace(b"sendrecv", b"sendonly"))
        self.media.declined()
        last = self.media.last(CALLEE)
        self.assertIn(b"o=- 5 2 IN", hold)
        self.assertIn(b"o=- 5 3 IN", last)
        self.assertIn(b"a=sendrecv", last)

    def test_nothing_passes_through_here(self) -> None:
        """The record's rtpforward is 0, and closing twice is harmless."""
        self.assertEqual(self.media.rtp_forward, 0)
        self.media.close()
        self.media.close()

    def test_news_behind_a_nat(self) -> None:
        """The address that the far end was told counts, and all its streams."""
        media = DirectMedia(5, "192.0.2.5", "192.0.2.7", ORDINARY)
        media.toward(5, "198.51.100.5", "198.51.100.6", ORDINARY)
        both = description("audio 4 RTP/AVP 8", "video 6 RTP/AVP 31")
        one = description("audio 4 RTP/AVP 8")
        media.offer(CALLER, both)
        media.answer(CALLEE, one)
        self.assertFalse(media.moved(CALLER, both))
        self.assertFalse(media.moved(CALLEE, one))
        self.assertTrue(media.moved(CALLER, both.replace(b" 4 ", b" 8 ")))
        self.assertTrue(media.moved(CALLEE, one.replace(b" 4 ", b" 8 ")))


class TermsTests(SynchronousTestCase):
    """Media whose peers have options."""

    def setUp(self) -> None:
        """A caller that may use A-law."""
        options = SipOptions(codecs=("PCMA",))
        self.media: MediaSession = DirectMedia(5, "192.0.2.5", "192.0.2.7", options)
        self.media.toward(5, "198.51.100.5", "198.51.100.6", ORDINARY)

    def test_refused_offer_was_not_made(self) -> None:
        """What was agreed, and who waits, is as before."""
        self.media.offer(CALLER, PHONE)
        self.media.answer(CALLEE, GOOD_VENDOR)
        self.assertRaises(MediaRefused, self.media.offer, CALLEE, BUSY_VENDOR)
        self.assertIs(self.media.offerer, None)
        self.assertEqual(self.media.description(CALLEE).codecs, ("PCMA",))

    def test_refused_answer_leaves_the_offer_waiting(self) -> None:
        """Until somebody declines it."""
        self.media.offer(CALLER, PHONE)
        self.assertRaises(MediaRefused, self.media.answer, CALLEE, BUSY_VENDOR)
        self.assertIs(self.media.offerer, CALLER)

    def test_refusal_answers_every_stream(self) -> None:
        """Of the offer at hand, or of the last one; under our origin."""
        offer = description("audio 4 RTP/AVP 8", "video 6 RTP/AVP 31")
        self.media.offer(CALLER, offer)
        for refusal in (self.media.refusal(CALLER), self.media.refusal(CALLER, offer)):
            self.assertIn(b"m=audio 0 RTP/AVP 8\r\n", refusal)
            self.assertIn(b"m=video 0 RTP/AVP 31\r\n", refusal)
            self.assertIn(b"o=- 5 1 IN IP4 192.0.2.5\r\n", refusal)
        self.assertEqual(self.media.refusal(CALLEE, b"nothing"), b"")

    def test_answer_to_nothing(self) -> None:
        """An ACK may hold what nobody asked for."""
        answer = self.media.answer(CALLEE, GOOD_VENDOR)
        self.assertIn(b"m=audio 6 RTP/AVP 8\r\n", answer)

    def test_last_is_as_it_was_shown(self) -> None:
        """A refresh repeats the offer that the callee saw, not the caller's."""
        offer = self.media.offer(CALLER, PHONE)
        self.assertIn(b"m=audio 6000 RTP/AVP 8 101\r\n", offer)
        self.assertEqual(self.media.last(CALLEE), offer)
