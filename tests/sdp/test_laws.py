"""
What holds for every description and every pair of wishes, however strange.
"""

from __future__ import annotations

from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.sdp.devices import DEVICES
from vos3000.errors import MediaRefused, ParseError
from vos3000.sdp.adapt import (
    adapt_answer,
    adapt_offer,
    completed,
    declined,
    limits_of,
)
from vos3000.sdp.nat import with_address
from vos3000.sdp.offer import rejected
from vos3000.sdp.rules import PLAIN, Annex, Rules
from vos3000.sdp.session import MAX_LINES, Session, parse, serialize
from vos3000.sdp.streams import Limits, formats, parameter

NAMES = (
    *("PCMU/8000", "G729/8000", "G729A/8000", "iLBC/8000", "G723/8000", "red/8000"),
    *("telephone-event/8000", "telephone-event/48000", "CN/8000", "opus/48000/2"),
    *("H264/90000", "rtx/90000", "x-new/8000"),
)
FMTPS = ("annexb=no", "annexb=yes;x=1", "ANNEXB = No", "annexa=no", "97/97", "apt=98")
KEYS = ("pcmu", "pcma", "g729", "g723", "ilbc", "opus", "h264", "xnew")


@st.composite
def _streams(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["audio", "audio", "video", "image", "text"]))
    port = draw(st.sampled_from([0, 9, 4000]))
    if kind == "image":
        return f"m=image {port} udptl t38\n"
    static = draw(st.lists(st.sampled_from([0, 4, 8, 13, 18, 34]), max_size=4))
    dynamic = draw(st.lists(st.integers(96, 104), max_size=5, unique=True))
    numbers = [*static, *dynamic] or [0]
    lines = [f"m={kind} {port} RTP/AVP {' '.join(map(str, numbers))}", "b=AS:64"]
    lines += [f"a=rtpmap:{number} {draw(st.sampled_from(NAMES))}" for number in dynamic]
    for number in numbers:
        for text in draw(st.lists(st.sampled_from(FMTPS), max_size=2)):
            lines.append(f"a=fmtp:{number} {text}")
    lines += draw(
        st.lists(
            st.sampled_from(["a=ptime:20", "a=maxptime:60", "a=mid:0", "a=sendonly"]),
            max_size=3,
            unique=True,
        )
    )
    return "\n".join(lines) + "\n"


_HEAD = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"
SESSIONS = st.lists(_streams(), max_size=4).map(
    lambda streams: parse((_HEAD + "".join(streams)).encode())
)
RULES = st.builds(
    Rules,
    codecs=st.lists(st.sampled_from(KEYS), max_size=4, unique=True).map(tuple),
    g729=st.sampled_from([(), ("G729",), ("G729a",), ("G729", "G729a")]),
    annexb=st.sampled_from(Annex),
    annexa=st.sampled_from(Annex),
    ptime=st.sampled_from([0, 20, 30, 90]),
    events=st.sampled_from([0, 96, 101, 127]),
    t38=st.booleans(),
)


def dynamic(payload: str) -> bool:
    """Whether a payload type says nothing without its rtpmap."""
    return 96 <= int(payload) <= 127


class LawTests(SynchronousTestCase):
    """Laws of adaptation."""

    def assert_sound(self, session: Session, before: Session) -> None:
        """
        As many streams, of the same kinds; every dynamic type named, no line
        for a type that is not there; readable again.
        """
        self.assertEqual(
            [media.kind for media in session.media],
            [media.kind for media in before.media],
        )
        self.assertEqual(parse(serialize(session)), session)
        for media in session.media:
            if media.kind == "image":
                continue
            for each in formats(media):
                if dynamic(each.payload) and not rejected(media):
                    self.assertNotEqual(each.encoding, "", media)
            for name in ("rtpmap", "fmtp"):
                for value in media.attributes(name):
                    self.assertIn(value.partition(" ")[0], media.formats)

    def assert_kept(self, shown: Session, made: Session, events: int) -> None:
        """
        What stays of an offer says the same as before, but for the annexes and
        the number of telephone-event.
        """
        for now, was in zip(shown.media, made.media, strict=True):
            if now.kind not in ("audio", "video") or rejected(now):
                continue
            before = {each.payload: each for each in formats(was)}
            for each in formats(now):
                given = before.get(each.payload)
                if given is None or given.key != each.key:
                    self.assertEqual(each.key, "telephoneevent")
                    self.assertEqual(each.payload, str(events))
                    continue
                if each.key == "rtx":
                    self.assertEqual(each.parameters, given.parameters)
                for name in ("x", "apt"):
                    self.assertEqual(
                        parameter(each.parameters, name),
                        parameter(given.parameters, name),
                    )

    @settings(max_examples=200, deadline=None)
    @given(SESSIONS, RULES, RULES)
    def test_offers(self, made: Session, maker: Rules, reader: Rules) -> None:
        """Sound, nothing lost, and the same when it is done twice."""
        try:
            shown = adapt_offer(made, maker, reader)
        except MediaRefused:
            return
        self.assert_sound(shown, made)
        self.assert_kept(shown, made, reader.events)
        self.assertEqual(adapt_offer(shown, maker, reader), shown)
        if reader.codecs:
            for media in shown.media:
                if media.kind in ("audio", "video") and not rejected(media):
                    keys = [each.key for each in formats(media)]
                    self.assertTrue(set(keys) & set(reader.codecs))

    @settings(max_examples=200, deadline=None)
    @given(SESSIONS, SESSIONS, RULES, RULES)
    def test_answers(
        self, made: Session, given: Session, caller: Rules, callee: Rules
    ) -> None:
        """Sound, one stream for each of the offer's, and stable."""
        try:
            shown = adapt_offer(made, caller, callee)
            limits = limits_of(made, shown)
            answer = completed(given, shown)
            told = adapt_answer(answer, limits, callee, caller)
        except MediaRefused:
            return
        self.assertEqual(len(told.media), len(made.media))
        self.assert_sound(told, answer)
        self.assertEqual(adapt_answer(told, limits, callee, caller), told)
        for offered, taken in zip(shown.media, told.media, strict=True):
            if rejected(offered):
                self.assertTrue(rejected(taken))

    @given(SESSIONS)
    def test_refusals(self, made: Session) -> None:
        """An answer that takes nothing answers everything."""
        answer = declined(made)
        self.assertTrue(all(rejected(media) for media in answer.media))
        self.assert_sound(answer, made)
        self.assertEqual(len(completed(answer, made).media), len(made.media))

    @given(SESSIONS)
    def test_no_wishes(self, made: Session) -> None:
        """Who wants nothing gets what was sent."""
        self.assertIs(adapt_offer(made, PLAIN, PLAIN), made)


class HostileTests(SynchronousTestCase):
    """Descriptions that were made to hurt."""

    RULES = Rules(
        ("pcmu", "g729"), ("G729", "G729a"), Annex.NO, Annex.NO, 20, 96, t38=False
    )

    def _adapt(self, body: bytes) -> None:
        """As a call does it; nothing but the two known errors comes out."""
        try:
            made = parse(body)
            shown = adapt_offer(made, PLAIN, self.RULES)
            limits = limits_of(made, shown)
            serialize(adapt_answer(shown, limits, self.RULES, PLAIN))
        except (ParseError, MediaRefused):
            pass

    @settings(max_examples=300, deadline=None)
    @given(
        st.sampled_from(sorted(DEVICES.values())),
        st.lists(
            st.tuples(
                st.integers(0, 1200),
                st.sampled_from(["cut", "double", "replace", "insert"]),
                st.binary(max_size=6),
            ),
            max_size=6,
        ),
    )
    def test_damaged_descriptions(
        self, body: bytes, damage: list[tuple[int, str, bytes]]
    ) -> None:
        """Bytes lost, doubled, replaced and put in between."""
        for place, what, junk in damage:
            at = place % (len(body) + 1)
            if what == "cut":
                body = body[:at] + body[at + len(junk) * 8 :]
            elif what == "double":
                body = body[:at] + body[max(0, at - 60) :]
            else:
                skipped = len(junk) if what == "replace" else 0
                body = body[:at] + junk + body[at + skipped :]
        self._adapt(body)
        with_address(body, "203.0.113.9")

    def test_time_is_bounded(self) -> None:
        """The largest description there can be, in each shape, within a second."""
        many = MAX_LINES - 10
        head = _HEAD.encode() + b"m=audio 4 RTP/AVP"
        numbers = b"".join(b" %d" % number for number in range(12_000))
        maps = b"".join(b"a=rtpmap:%d PCMU/8000\n" % n for n in range(many))
        for body in (
            head + numbers + b"\n",
            head + numbers[:20_000] + b"\n" + maps,
            head + b" 18" * 20_000 + b"\n",
            head + b" 18\n" + b"a=fmtp:18 " + b"annexb=yes;" * 5_000 + b"\n",
            head + b" 0\n" + b"a=fmtp:0 annexb=no\n" * many,
            head + b" 0\n" + b"c=IN IP4 10.0.0.1\n" * many,
            head + b" 97\na=rtpmap:97 red/8000\na=fmtp:97 " + b"0/" * 20_000 + b"\n",
            (_HEAD + "m=audio 4 RTP/AVP 3\na=mid:x\n" * 64).encode(),
        ):
            begin = process_time()
            self._adapt(body)
            with_address(body, "203.0.113.9")
            self.assertLess(process_time() - begin, 1.0, body[:80])

    def test_limits_are_as_many_as_streams(self) -> None:
        """Somebody who hands over others is told at once."""
        session = parse(DEVICES["Cisco"])
        self.assertRaises(
            ValueError, adapt_answer, session, (Limits(), Limits()), PLAIN, PLAIN
        )
