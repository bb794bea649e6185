"""Tests of L{vos3000.sdp.adapt}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sdp.build import description
from tests.sdp.devices import ASTERISK, CISCO, DEVICES, FAX, LINPHONE, WEBRTC
from vos3000.errors import MediaRefused
from vos3000.sdp.adapt import (
    adapt_answer,
    adapt_offer,
    completed,
    declined,
    is_complete,
    limits_of,
)
from vos3000.sdp.codecs import keys_of
from vos3000.sdp.rules import PLAIN, Annex, Rules
from vos3000.sdp.session import Session, parse, serialize


def only(*names: str) -> Rules:
    """The rules of a peer that may use these codecs."""
    return Rules(codecs=keys_of(names))


def offered(body: bytes, reader: Rules, maker: Rules = PLAIN) -> str:
    """An offer as the reader is shown it."""
    return serialize(adapt_offer(parse(body), maker, reader)).decode()


def answered(
    offer: bytes, answer: bytes, caller: Rules = PLAIN, callee: Rules = PLAIN
) -> str:
    """
    The callee's answer as the caller is shown it.

    @param offer: As the caller made it.
    """
    made = parse(offer)
    limits = limits_of(made, adapt_offer(made, caller, callee))
    return serialize(adapt_answer(parse(answer), limits, callee, caller)).decode()


def streams(text: str) -> list[str]:
    """The m= lines."""
    return [line[2:] for line in text.splitlines() if line.startswith("m=")]


def attributes(text: str, *names: str) -> list[str]:
    """The a= lines with these names."""
    kept = tuple(f"a={name}" for name in names)
    return [line[2:] for line in text.splitlines() if line.startswith(kept)]


class OfferedCodecTests(SynchronousTestCase):
    """sipCodecs: which codecs a peer is offered, and in which order."""

    def test_nothing_wanted_changes_nothing(self) -> None:
        """Not even the object."""
        for body in DEVICES.values():
            session = parse(body)
            self.assertIs(adapt_offer(session, PLAIN, PLAIN), session)

    def test_the_list_is_the_order(self) -> None:
        """What the list lacks goes, with its lines; events and noise stay."""
        text = offered(CISCO, only("G711u", "G729A"))
        self.assertEqual(streams(text), ["audio 17234 RTP/AVP 0 18 101 19"])
        self.assertEqual(
            attributes(text, "rtpmap", "fmtp"),
            [
                "rtpmap:18 G729/8000",
                "fmtp:18 annexb=no",
                "rtpmap:0 PCMU/8000",
                "rtpmap:101 telephone-event/8000",
                "fmtp:101 0-15",
                "rtpmap:19 CN/8000",
            ],
        )
        self.assertIn("a=ptime:20\r\n", text)

    def test_the_makers_list_counts_too(self) -> None:
        """Only what both may use; the order is the reader's, else the maker's."""
        both = offered(ASTERISK, only("PCMA", "PCMU"), only("GSM", "PCMU", "PCMA"))
        self.assertEqual(streams(both), ["audio 12044 RTP/AVP 8 0 101"])
        makers = offered(ASTERISK, PLAIN, only("GSM", "PCMU"))
        self.assertEqual(streams(makers), ["audio 12044 RTP/AVP 3 0 101"])

    def test_names_as_operators_write_them(self) -> None:
        """One codec has many names."""
        for name, payload in (
            ("G.711U", "0"),
            ("ulaw", "0"),
            ("PCMU", "0"),
            ("G711alaw", "8"),
            ("alaw", "8"),
            ("g729a", "18"),
            ("G729AB", "18"),
            ("G.723.1", "4"),
            ("G723", "4"),
        ):
            text = offered(CISCO, only(name))
            self.assertEqual(
                streams(text), [f"audio 17234 RTP/AVP {payload} 101 19"], name
            )
        text = offered(CISCO, only("G711"))
        self.assertEqual(streams(text), ["audio 17234 RTP/AVP 8 0 101 19"])

    def test_names_nobody_knows_are_compared_as_they_are(self) -> None:
        """A codec of tomorrow can be listed today."""
        body = description("audio 4 RTP/AVP 96 97|a=rtpmap:96 Lyra-2/8000")
        text = offered(body, only("LYRA2"))
        self.assertEqual(streams(text), ["audio 4 RTP/AVP 96"])

    def test_static_types_need_no_name(self) -> None:
        """G.729 by number only, as Linphone has it (RFC 3551 6)."""
        text = offered(LINPHONE, only("G729"))
        self.assertEqual(
            streams(text),
            ["audio 7078 RTP/AVP 18 101 99 100", "video 0 RTP/AVP 96"],
        )
        self.assertIn("a=fmtp:18 annexb=yes\r\n", text)

    def test_a_number_means_what_its_stream_says(self) -> None:
        """96 is opus in one stream and VP8 in the other."""
        text = offered(LINPHONE, only("VP8", "opus"))
        self.assertEqual(
            streams(text),
            ["audio 7078 RTP/AVP 96 101 99 100", "video 9078 RTP/AVP 96"],
        )
        self.assertEqual(
            attributes(text, "rtcp-fb"),
            ["rtcp-fb:* trr-int 5000", "rtcp-fb:* ccm tmmbr", "rtcp-fb:96 nack pli"],
        )

    def test_what_refers_to_a_codec_goes_with_it(self) -> None:
        """Redundancy of opus and retransmission of VP8 mean nothing alone."""
        text = offered(WEBRTC, only("PCMA", "H264"))
        self.assertEqual(
            streams(text),
            [
                "audio 9 UDP/TLS/RTP/SAVPF 8 13 110 126",
                "video 9 UDP/TLS/RTP/SAVPF 102 103",
            ],
        )
        text = offered(WEBRTC, only("opus", "VP8"))
        self.assertEqual(
            streams(text),
            [
                "audio 9 UDP/TLS/RTP/SAVPF 111 63 13 110 126",
                "video 9 UDP/TLS/RTP/SAVPF 96 97",
            ],
        )

    def test_refused_stream_keeps_its_place(self) -> None:
        """Port 0, its mid, and out of the bundle (RFC 8843 7.3.3)."""
        text = offered(WEBRTC, only("PCMU"))
        self.assertEqual(streams(text)[1], "video 0 UDP/TLS/RTP/SAVPF 96")
        self.assertIn("a=group:BUNDLE 0\r\n", text)
        video = text[text.index("m=video") :]
        self.assertEqual(
            video.splitlines()[1:],
            ["c=IN IP4 0.0.0.0", "a=mid:1", "a=rtpmap:96 VP8/90000"],
        )

    def test_security_lines_pass(self) -> None:
        """ICE and DTLS are between the ends."""
        text = offered(WEBRTC, only("PCMU"))
        for name in ("ice-ufrag:4ZcD", "setup:actpass", "rtcp-mux", "fingerprint"):
            self.assertIn(f"a={name}", text)

    def test_nothing_in_common_is_refused(self) -> None:
        """Before anything is sent."""
        session = parse(CISCO)
        error = self.assertRaises(
            MediaRefused, adapt_offer, session, PLAIN, only("iLBC")
        )
        self.assertEqual(str(error), "nothing of audio may be used")
        self.assertRaises(
            MediaRefused, adapt_offer, session, only("PCMA"), only("PCMU")
        )

    def test_events_alone_are_no_call(self) -> None:
        """A stream needs a codec."""
        session = parse(
            description("audio 4 RTP/AVP 101 13|a=rtpmap:101 telephone-event/8000")
        )
        self.assertRaises(MediaRefused, adapt_offer, session, PLAIN, only("PCMU"))

    def test_streams_that_were_off_stay_off(self) -> None:
        """An offer without any stream in use is passed on."""
        session = parse(description("audio 0 RTP/AVP 8"))
        self.assertIs(adapt_offer(session, PLAIN, only("PCMU")), session)

    def test_bundled_streams_are_in_use(self) -> None:
        """bundle-only has port 0 and means yes (RFC 8843 6)."""
        body = description(
            "audio 9 RTP/AVP 0|a=mid:a",
            "video 0 RTP/AVP 31|a=mid:v|a=bundle-only",
            lines="a=group:BUNDLE a v\n",
        )
        text = offered(body, only("PCMU", "H261"))
        self.assertIn("a=bundle-only", text)
        text = offered(body, only("PCMU"))
        self.assertNotIn("a=bundle-only", text)
        self.assertIn("a=group:BUNDLE a\r\n", text)

    def test_other_streams_are_none_of_the_lists_business(self) -> None:
        """Text and applications pass; so does the fax, which has its own switch."""
        body = description(
            "audio 4 RTP/AVP 0",
            "text 6 RTP/AVP 98|a=rtpmap:98 t140/1000",
            "application 9 UDP/BFCP *",
            "image 8 udptl t38",
        )
        self.assertEqual(streams(offered(body, only("PCMU"))), streams(body.decode()))


class AnsweredCodecTests(SynchronousTestCase):
    """What answers are left of."""

    def test_order_is_the_answerers(self) -> None:
        """It chose; only what may not be used goes."""
        answer = description("audio 6 RTP/AVP 8 18 0")
        text = answered(CISCO, answer, only("G729", "PCMU", "PCMA"))
        self.assertEqual(streams(text), ["audio 6 RTP/AVP 8 18 0"])
        text = answered(CISCO, answer, only("G729", "PCMU"))
        self.assertEqual(streams(text), ["audio 6 RTP/AVP 18 0"])

    def test_nothing_allowed_is_no_answer(self) -> None:
        """A callee that takes what it was not offered."""
        session = parse(description("audio 6 RTP/AVP 3"))
        limits = limits_of(parse(CISCO), parse(CISCO))
        self.assertRaises(
            MediaRefused, adapt_answer, session, limits, PLAIN, only("PCMU")
        )

    def test_refusal_is_an_answer(self) -> None:
        """Port 0 is what the callee says, not what we make of it."""
        text = answered(CISCO, description("audio 0 RTP/AVP 18"), only("PCMU"))
        self.assertEqual(streams(text), ["audio 0 RTP/AVP 18"])

    def test_what_was_not_offered_is_not_accepted(self) -> None:
        """A stream that we refused in its offer stays refused (RFC 3264 6)."""
        offer = description("audio 4 RTP/AVP 0", "video 6 RTP/AVP 31")
        answer = description("audio 8 RTP/AVP 0", "video 10 RTP/AVP 31")
        text = answered(offer, answer, callee=only("PCMU"))
        self.assertEqual(streams(text), ["audio 8 RTP/AVP 0", "video 0 RTP/AVP 31"])


class NumberOfStreamsTests(SynchronousTestCase):
    """Every m= line of an offer has one in the answer, in its place."""

    def _completed(self, answer: bytes, offer: bytes) -> list[str]:
        return streams(serialize(completed(parse(answer), parse(offer))).decode())

    def test_good_answer_is_itself(self) -> None:
        """As nearly all are."""
        offer, answer = parse(WEBRTC), parse(LINPHONE)
        self.assertIs(completed(answer, offer), answer)

    def test_missing_streams_were_refused(self) -> None:
        """They get port 0, wherever they are missing."""
        audio, video = "audio 6 RTP/AVP 8", "video 7 RTP/AVP 102"
        self.assertEqual(
            self._completed(description(audio), LINPHONE), [audio, "video 0 RTP/AVP 96"]
        )
        self.assertEqual(
            self._completed(description(video), LINPHONE), ["audio 0 RTP/AVP 96", video]
        )

    def test_names_come_from_the_offer(self) -> None:
        """Some answer by number alone; the offer says what it means."""
        answer = parse(description("audio 6 RTP/AVP 96 100", "video 0 RTP/AVP 96"))
        self.assertFalse(is_complete(answer, 2))
        told = completed(answer, parse(LINPHONE))
        self.assertEqual(
            told.media[0].attributes("rtpmap"),
            ("96 opus/48000/2", "100 telephone-event/8000"),
        )
        self.assertEqual(told.media[1].attributes("rtpmap"), ("96 VP8/90000",))
        self.assertTrue(is_complete(told, 2))

    def test_superfluous_streams_go(self) -> None:
        """They answer nothing."""
        answer = description("audio 6 RTP/AVP 8", "image 9 udptl t38")
        self.assertEqual(self._completed(answer, CISCO), ["audio 6 RTP/AVP 8"])

    def test_declined_refuses_all(self) -> None:
        """The answer that takes nothing."""
        text = serialize(declined(parse(WEBRTC))).decode()
        self.assertEqual(
            streams(text),
            ["audio 0 UDP/TLS/RTP/SAVPF 111", "video 0 UDP/TLS/RTP/SAVPF 96"],
        )
        self.assertNotIn("BUNDLE", text)


class NameTests(SynchronousTestCase):
    """sipG729SendMode: what G.729 is called."""

    def _maps(self, body: bytes, *names: str) -> list[str]:
        text = offered(body, Rules(g729=names))
        self.assertEqual(streams(text)[0], streams(body.decode())[0])
        return attributes(text, "rtpmap:18", "fmtp:18")

    def test_either_name(self) -> None:
        """Both directions, and both at once for the one number."""
        written = CISCO.replace(b"G729/8000", b"G729A/8000")
        fmtp = "fmtp:18 annexb=no"
        self.assertEqual(self._maps(written, "G729"), ["rtpmap:18 G729/8000", fmtp])
        self.assertEqual(self._maps(CISCO, "G729a"), ["rtpmap:18 G729a/8000", fmtp])
        both = ["rtpmap:18 G729/8000", "rtpmap:18 G729a/8000", fmtp]
        self.assertEqual(self._maps(CISCO, "G729", "G729a"), both)

    def test_number_without_a_name(self) -> None:
        """18 says G.729; another name has to be written."""
        fmtp = "fmtp:18 annexb=yes"
        self.assertEqual(self._maps(LINPHONE, "G729"), [fmtp])
        self.assertEqual(
            sorted(self._maps(LINPHONE, "G729a")), [fmtp, "rtpmap:18 G729a/8000"]
        )

    def test_number_of_its_own(self) -> None:
        """Some give G729a a dynamic number; it keeps it."""
        body = description("audio 4 RTP/AVP 99|a=rtpmap:99 G729a/8000/1")
        text = offered(body, Rules(g729=("G729",)))
        self.assertIn("a=rtpmap:99 G729/8000/1\r\n", text)

    def test_twice_is_once(self) -> None:
        """What has both names gets no third."""
        rules = Rules(g729=("G729", "G729a"))
        once = offered(CISCO, rules)
        self.assertEqual(offered(once.encode(), rules), once)


class AnnexTests(SynchronousTestCase):
    """sipG729Annexb and sipG723Annexa (RFC 4856, RFC 7261)."""

    def _offer(self, mode: Annex, fmtp: str) -> list[str]:
        body = description(f"audio 4 RTP/AVP 18|a=rtpmap:18 G729/8000{fmtp}")
        return attributes(offered(body, Rules(annexb=mode)), "fmtp")

    def _answer(self, mode: Annex, offer: str, answer: str) -> list[str]:
        caller = Rules(annexb=mode)
        made = description(f"audio 4 RTP/AVP 18|a=rtpmap:18 G729/8000{offer}")
        given = description(f"audio 6 RTP/AVP 18|a=rtpmap:18 G729/8000{answer}")
        return attributes(answered(made, given, caller), "fmtp")

    def test_offers(self) -> None:
        """Each mode against each way of writing it."""
        no, yes, none = "|a=fmtp:18 annexb=no", "|a=fmtp:18 annexb=yes", ""
        for mode, given, expected in (
            (Annex.AUTO, no, ["fmtp:18 annexb=no"]),
            (Annex.AUTO, none, []),
            (Annex.PASS, yes, ["fmtp:18 annexb=yes"]),
            (Annex.YES, no, ["fmtp:18 annexb=yes"]),
            (Annex.YES, none, ["fmtp:18 annexb=yes"]),
            (Annex.NO, yes, ["fmtp:18 annexb=no"]),
            (Annex.NO, none, ["fmtp:18 annexb=no"]),
            (Annex.ABSENT, no, []),
            (Annex.ABSENT, none, []),
        ):
            self.assertEqual(self._offer(mode, given), expected, (mode, given))

    def test_answers(self) -> None:
        """An answer to no is no, unless the operator wants it otherwise."""
        no, yes, none = "|a=fmtp:18 annexb=no", "|a=fmtp:18 annexb=yes", ""
        for mode, offer, answer, expected in (
            (Annex.AUTO, no, none, ["fmtp:18 annexb=no"]),
            (Annex.AUTO, no, yes, ["fmtp:18 annexb=no"]),
            (Annex.AUTO, none, none, []),
            (Annex.AUTO, yes, no, ["fmtp:18 annexb=no"]),
            (Annex.PASS, no, none, []),
            (Annex.YES, none, no, ["fmtp:18 annexb=yes"]),
            (Annex.YES, no, none, ["fmtp:18 annexb=no"]),
            (Annex.NO, yes, yes, ["fmtp:18 annexb=no"]),
            (Annex.ABSENT, no, no, []),
        ):
            self.assertEqual(
                self._answer(mode, offer, answer), expected, (mode, offer, answer)
            )

    def test_what_we_offered_binds_too(self) -> None:
        """A callee that was told no will not send it, whatever it answers."""
        made = description("audio 4 RTP/AVP 18")
        text = answered(made, made, callee=Rules(annexb=Annex.NO))
        self.assertEqual(attributes(text, "fmtp"), ["fmtp:18 annexb=no"])

    def test_several_lines_are_one(self) -> None:
        """A format has one fmtp line (RFC 8866 6.15): none escapes the option."""
        twice = "|a=fmtp:18 annexb=yes|a=fmtp:18 annexb=yes"
        self.assertEqual(self._offer(Annex.NO, twice), ["fmtp:18 annexb=no"])
        self.assertEqual(self._offer(Annex.ABSENT, twice), [])
        other = "|a=fmtp:18 x=1|a=fmtp:18 annexb=yes"
        self.assertEqual(self._offer(Annex.NO, other), ["fmtp:18 x=1;annexb=no"])

    def test_g723(self) -> None:
        """annexa of G.723, beside its other parameters."""
        text = offered(CISCO, Rules(annexa=Annex.NO))
        self.assertEqual(attributes(text, "fmtp:4"), ["fmtp:4 bitrate=6.3;annexa=no"])
        text = offered(CISCO, Rules(annexa=Annex.ABSENT))
        self.assertEqual(attributes(text, "fmtp:4"), ["fmtp:4 bitrate=6.3"])


class PacketTimeTests(SynchronousTestCase):
    """sipPtime."""

    def _times(self, body: bytes, ptime: int) -> list[str]:
        return attributes(offered(body, Rules(ptime=ptime)), "ptime", "maxptime")

    def test_asked_for(self) -> None:
        """In place of what stood there, or anew; in audio only."""
        self.assertEqual(self._times(CISCO, 30), ["ptime:30"])
        self.assertEqual(self._times(LINPHONE, 30), ["ptime:30"])
        self.assertEqual(self._times(FAX, 30), [])

    def test_no_longer_than_can_be_taken(self) -> None:
        """maxptime is a limit of who wrote it (RFC 8866 6.5)."""
        self.assertEqual(self._times(ASTERISK, 30), ["ptime:30", "maxptime:150"])
        self.assertEqual(self._times(ASTERISK, 200), ["ptime:150", "maxptime:150"])

    def test_of_answers_too(self) -> None:
        """Both directions go by what the peer is shown."""
        text = answered(CISCO, description("audio 6 RTP/AVP 8"), Rules(ptime=40))
        self.assertEqual(attributes(text, "ptime"), ["ptime:40"])


class EventNumberTests(SynchronousTestCase):
    """dtmfSendPayloadTypeSIP."""

    def test_offers_are_renumbered(self) -> None:
        """m= line, rtpmap and fmtp together."""
        text = offered(CISCO, Rules(events=96))
        self.assertEqual(streams(text), ["audio 17234 RTP/AVP 18 8 0 4 96 19"])
        self.assertEqual(
            attributes(text, "rtpmap:96", "fmtp:96", "rtpmap:101", "fmtp:101"),
            ["rtpmap:96 telephone-event/8000", "fmtp:96 0-15"],
        )

    def test_what_refers_to_it_follows(self) -> None:
        """Redundancy of keys names their number (RFC 2198 5)."""
        body = description(
            "audio 4 RTP/AVP 0 98 101|a=rtpmap:98 red/8000|a=fmtp:98 101/101"
            "|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-15"
        )
        text = offered(body, Rules(events=96))
        self.assertEqual(streams(text), ["audio 4 RTP/AVP 0 98 96"])
        self.assertEqual(attributes(text, "fmtp"), ["fmtp:98 96/96", "fmtp:96 0-15"])

    def test_number_in_use_stays(self) -> None:
        """96 is opus here; what has the number already keeps it."""
        for number in (96, 100):
            session = parse(LINPHONE)
            self.assertIs(adapt_offer(session, PLAIN, Rules(events=number)), session)

    def test_of_several_clocks_the_telephones_is_meant(self) -> None:
        """8000, as RFC 4733 7.1.1 has it beside G.711."""
        text = offered(WEBRTC, Rules(events=101))
        self.assertIn("111 63 9 0 8 13 110 101", streams(text)[0])

    def test_answers_are_not(self) -> None:
        """The number in an answer is what the answerer receives by."""
        text = answered(CISCO, CISCO, Rules(events=96))
        self.assertEqual(text.encode(), serialize(parse(CISCO)))


class FaxTests(SynchronousTestCase):
    """sipT38."""

    def test_refused_beside_audio(self) -> None:
        """Port 0 in the offer, whichever side has it off."""
        body = description("audio 4 RTP/AVP 0", "image 6 udptl t38")
        expected = ["audio 4 RTP/AVP 0", "image 0 udptl t38"]
        self.assertEqual(streams(offered(body, Rules(t38=False))), expected)
        self.assertEqual(streams(offered(body, PLAIN, Rules(t38=False))), expected)

    def test_alone_it_is_refused_whole(self) -> None:
        """A re-INVITE for fax gets 488."""
        audio_off = description("audio 0 RTP/AVP 0", "image 6 udptl t38")
        for body in (FAX, audio_off):
            session = parse(body)
            self.assertRaises(
                MediaRefused, adapt_offer, session, PLAIN, Rules(t38=False)
            )

    def test_passes_otherwise(self) -> None:
        """A list of codecs is not about fax."""
        session: Session = parse(FAX)
        self.assertIs(adapt_offer(session, only("G729"), only("PCMU")), session)
