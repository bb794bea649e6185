"""
The exchanges of RFC 3264 section 10 and RFC 4317, through a switch's media.

Each is played with no option set, when every stream passes as it is, and with
options that change nothing of what matters, when each is read and written
again. What either side is shown must follow RFC 3264 both times.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sdp.build import description
from vos3000.media.session import DirectMedia, Side
from vos3000.model.sipoptions import ORDINARY, SipOptions
from vos3000.sdp.offer import answer_problems, held, offer_problems
from vos3000.sdp.session import Session, parse

A, B = Side.CALLER, Side.CALLEE
EVENTS = "RTP/AVP 110|a=rtpmap:110 telephone-event/8000"
ILBC = "|a=rtpmap:97 iLBC/8000"

# Who speaks, and the streams of the description; offers and answers in turn.
Exchange = list[tuple[Side, list[str]]]

RFC3264_10_1: Exchange = [
    (A, ["audio 49170 RTP/AVP 0", "video 51372 RTP/AVP 31", "video 53000 RTP/AVP 32"]),
    (B, ["audio 49920 RTP/AVP 0", "video 0 RTP/AVP 31", "video 53000 RTP/AVP 32"]),
    (
        B,
        [
            "audio 65422 RTP/AVP 0",
            "video 0 RTP/AVP 31",
            "video 53000 RTP/AVP 32",
            f"audio 51434 {EVENTS}|a=recvonly",
        ],
    ),
    (
        A,
        [
            "audio 49170 RTP/AVP 0",
            "video 0 RTP/AVP 31",
            "video 53000 RTP/AVP 32",
            f"audio 53122 {EVENTS}|a=sendonly",
        ],
    ),
]
"""Basic exchange: a stream refused, a port changed, a stream added."""

RFC3264_10_2: Exchange = [
    (A, ["audio 62986 RTP/AVP 0 4 18|a=inactive"]),
    (B, ["audio 54344 RTP/AVP 0 4|a=inactive"]),
    (A, ["audio 62986 RTP/AVP 4"]),
    (B, ["audio 54344 RTP/AVP 4"]),
]
"""One of several codecs: agreed on while nothing flows, then taken."""

RFC4317_2_1: Exchange = [
    (A, [f"audio 49170 RTP/AVP 0 8 97{ILBC}", "video 51372 RTP/AVP 31 32"]),
    (B, ["audio 49174 RTP/AVP 0", "video 49170 RTP/AVP 32"]),
]
"""Audio and video: one codec of each is taken."""

RFC4317_2_2: Exchange = [
    (A, [f"audio 49170 RTP/AVP 0 8 97{ILBC}", "video 51372 RTP/AVP 31 32"]),
    (B, ["audio 49172 RTP/AVP 0 8", "video 0 RTP/AVP 31"]),
    (A, ["audio 51372 RTP/AVP 0", "video 0 RTP/AVP 31"]),
    (B, ["audio 49172 RTP/AVP 0", "video 0 RTP/AVP 31"]),
]
"""Audio and video: two audio codecs are taken and one is settled on."""

RFC4317_3_1: Exchange = [
    (A, [f"audio 49170 RTP/AVP 0 97{ILBC}"]),
    (B, [f"audio 49172 RTP/AVP 97{ILBC}|a=sendrecv"]),
    (B, [f"audio 49172 RTP/AVP 97{ILBC}|a=sendonly"]),
    (A, [f"audio 49170 RTP/AVP 97{ILBC}|a=recvonly"]),
    (B, [f"audio 49172 RTP/AVP 97{ILBC}"]),
    (A, [f"audio 49170 RTP/AVP 97{ILBC}"]),
]
"""Hold and unhold by the answerer."""

RFC4317_4_2: Exchange = [
    (A, [f"audio 49170 RTP/AVP 97{ILBC}"]),
    (B, [f"audio 49172 RTP/AVP 97{ILBC}"]),
    (B, [f"audio 49172 RTP/AVP 97{ILBC}", "video 51168 RTP/AVP 31"]),
    (A, [f"audio 49170 RTP/AVP 97{ILBC}", "video 49168 RTP/AVP 31"]),
]
"""Video is added."""

RFC4317_4_4: Exchange = [
    (A, [f"audio 49170 RTP/AVP 97{ILBC}", "video 51168 RTP/AVP 31"]),
    (B, [f"audio 49174 RTP/AVP 97{ILBC}", "video 49170 RTP/AVP 31"]),
    (B, [f"audio 49174 RTP/AVP 97{ILBC}", "video 0 RTP/AVP 31"]),
    (A, [f"audio 49170 RTP/AVP 97{ILBC}", "video 0 RTP/AVP 31"]),
]
"""Video is taken away again."""

RFC4317_5_1: Exchange = [
    (A, []),
    (B, []),
    (A, ["audio 49170 RTP/AVP 0"]),
    (B, ["audio 49172 RTP/AVP 0"]),
]
"""No stream at first, as a controller of two parties begins."""

EXAMPLES = {
    "3264 10.1": RFC3264_10_1,
    "3264 10.2": RFC3264_10_2,
    "4317 2.1": RFC4317_2_1,
    "4317 2.2": RFC4317_2_2,
    "4317 3.1": RFC4317_3_1,
    "4317 4.2": RFC4317_4_2,
    "4317 4.4": RFC4317_4_4,
    "4317 5.1": RFC4317_5_1,
}


def streams(session: Session) -> list[str]:
    """The m= lines."""
    return [str(media) for media in session.media]


class ExampleTests(SynchronousTestCase):
    """Every exchange, seen from both sides."""

    def play(self, exchange: Exchange, options: SipOptions) -> list[Session]:
        """
        Pass each description on; what it became. As one side of two dialogs
        we must follow RFC 3264 towards each.
        """
        media = DirectMedia(7, "192.0.2.5", "192.0.2.10", options)
        media.toward(7, "192.0.2.5", "192.0.2.20", options)
        shown: list[Session] = []
        last: dict[Side, Session] = {}
        for number, (side, lines) in enumerate(exchange):
            body = description(*lines, version=number + 1)
            passes = media.answer if number % 2 else media.offer
            told = parse(passes(side, body))
            self.assertEqual(streams(told), streams(parse(body)))
            if side in last:
                self.assertEqual(offer_problems(last[side], told), (), lines)
            if number % 2:
                self.assertEqual(answer_problems(shown[-1], told), (), lines)
            last[side] = told
            shown.append(told)
        self.assertIs(media.offerer, None)
        return shown

    def test_as_it_is(self) -> None:
        """With no option set."""
        for name, exchange in EXAMPLES.items():
            with self.subTest(name):
                self.play(exchange, ORDINARY)

    def test_read_and_written(self) -> None:
        """With options that ask for a packet time and T.38 off."""
        options = SipOptions(ptime=20, t38=False, dtmf_payload=110)
        for name, exchange in EXAMPLES.items():
            with self.subTest(name):
                self.play(exchange, options)

    def test_hold_arrives(self) -> None:
        """Who is held sees it; who comes back, too."""
        shown = self.play(RFC4317_3_1, ORDINARY)
        self.assertEqual(
            [held(each) for each in shown], [False, False, True, False, False, False]
        )


class AssignedTests(SynchronousTestCase):
    """The same with codecs that one side may not use."""

    def media(self, *codecs: str) -> DirectMedia:
        """A call whose callee has a list."""
        media = DirectMedia(7, "192.0.2.5", "192.0.2.10", ORDINARY)
        options = SipOptions(codecs=codecs)
        media.toward(7, "192.0.2.5", "192.0.2.20", options)
        return media

    def test_offer_is_cut_and_answered_whole(self) -> None:
        """RFC 4317 2.1 without video: the caller gets its two m= lines back."""
        media = self.media("iLBC", "PCMU")
        offer = description(*RFC4317_2_1[0][1])
        shown = parse(media.offer(A, offer))
        self.assertEqual(
            streams(shown), ["audio 49170 RTP/AVP 97 0", "video 0 RTP/AVP 31"]
        )
        answer = description(f"audio 49174 RTP/AVP 97{ILBC}")
        told = parse(media.answer(B, answer))
        self.assertEqual(
            streams(told), ["audio 49174 RTP/AVP 97", "video 0 RTP/AVP 31"]
        )
        self.assertEqual(answer_problems(parse(offer), told), ())

    def test_stream_added_later(self) -> None:
        """RFC 4317 4.2: the callee adds video that it may not use."""
        media = self.media("iLBC")
        for number, (side, lines) in enumerate(RFC4317_4_2):
            passes = media.answer if number % 2 else media.offer
            told = parse(passes(side, description(*lines)))
        self.assertEqual(
            streams(told), ["audio 49170 RTP/AVP 97", "video 0 RTP/AVP 31"]
        )
