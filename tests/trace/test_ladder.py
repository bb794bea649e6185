"""Messages as lines, and as a ladder."""

from __future__ import annotations

import os
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import PEER, ask
from tests.switch import ANSWER
from tests.trace.build import seen
from vos3000.sip.message import Request, respond
from vos3000.sip.parser import parse
from vos3000.sip.transaction import Address
from vos3000.trace.ladder import Label, Ladder, label_of
from vos3000.trace.lines import Shown, lost, read, write

VENDOR = ("192.0.2.20", 5060)
THIRD = ("192.0.2.30", 5060)


def _answer(status: int, body: bytes = b"") -> bytes:
    request = parse(ask())
    assert isinstance(request, Request)
    kind = "application/sdp" if body else None
    return respond(request, status, None, "t", (), body, kind)


class LineTests(SynchronousTestCase):
    """From the switch to the command."""

    def test_round_trip(self) -> None:
        """Bytes that are no text included."""
        message = seen(b"INFO x SIP/2.0\r\nCall-ID: 1\r\n\r\n\xff\x00", came=False)
        line = write(message, None, frozenset(("b", "a")))
        self.assertEqual(line.count(b"\n"), 1)
        self.assertEqual(read(line), Shown(message, 0, ("a", "b")))
        self.assertEqual(read(lost(7)), 7)

    def test_what_is_no_line(self) -> None:
        """Of another release, or of another program."""
        for line in (b"{}", b"[]", b"x", b'{"at": 1}', b'{"lost": null}'):
            self.assertRaises(ValueError, read, line)


class LabelTests(SynchronousTestCase):
    """What is written on an arrow."""

    def test_labels(self) -> None:
        """Method and number, status and reason."""
        for data, text, kind in (
            (ask(), "INVITE 2000", "request"),
            (ask("BYE"), "BYE", "request"),
            (ask("REGISTER"), "REGISTER 2000", "request"),
            (_answer(180), "180 Ringing", "1"),
            (_answer(486), "486 Busy Here", "4"),
            (b"INVITE nonsense", "INVITE", "request"),
            (b"\xff\xfe", "\ufffd\ufffd", "request"),
        ):
            found = label_of(data)
            self.assertEqual((found.text, found.kind), (text, kind))

    def test_media(self) -> None:
        """Where it goes, and in what; its direction."""
        self.assertEqual(
            label_of(_answer(200, ANSWER)),
            Label("200 OK", "2", "audio 192.0.2.20:6000 8 101"),
        )
        held = ANSWER + b"a=sendonly\r\n"
        found = label_of(_answer(200, held)).media
        self.assertEqual(found, "audio 192.0.2.20:6000 8 101 sendonly")
        video = b"m=video 7000 RTP/AVP 96\r\na=inactive\r\n"
        self.assertEqual(
            label_of(_answer(200, ANSWER + video)).media, "audio 192.0.2.20:6000 8 101"
        )


class LadderTests(SynchronousTestCase):
    """Arrows between lanes."""

    def setUp(self) -> None:
        """Times are shown as in the zone of who looks."""
        before = os.environ.get("TZ")
        self.addCleanup(self._zone, before)
        self._zone("UTC")

    def _zone(self, zone: str | None) -> None:
        if zone is None:
            os.environ.pop("TZ", None)
        else:
            os.environ["TZ"] = zone
        time.tzset()

    def draw(
        self, width: int, *messages: tuple[bytes, bool, Address, int]
    ) -> list[str]:
        """The lines of some messages."""
        ladder = Ladder(width)
        names = {PEER: ("ingress",), VENDOR: ("first",)}
        found = []
        for data, came, there, call in messages:
            message = Shown(seen(data, came, there), call, names.get(there, ()))
            found += [line.text for line in ladder.lines(message)]
        return found

    def test_a_call(self) -> None:
        """The caller on the left, the switch, the vendor on the right."""
        found = self.draw(
            80,
            (ask(), True, PEER, 12),
            (_answer(100), False, PEER, 12),
            (ask(), False, VENDOR, 12),
            (_answer(200, ANSWER), True, VENDOR, 12),
        )
        self.assertEqual(
            found,
            [
                "                     ingress 192.0.2.10:5 vos3000",
                "12:00:00.250 #12     |- INVITE 2000 ----->|",
                "12:00:00.250 #12     |<- 100 Trying ------|",
                "                     ingress 192.0.2.10:5 vos3000              "
                "first 192.0.2.20:",
                "12:00:00.250 #12     |                    |- INVITE 2000 ----->|",
                "12:00:00.250 #12     |                    |<- 200 OK ----------|"
                " audio 192.0.2.2",
            ],
        )

    def test_lanes_are_crossed(self) -> None:
        """To the third peer, past the second."""
        *_, last = self.draw(
            130,
            (ask(), True, PEER, 1),
            (ask(), False, VENDOR, 1),
            (ask(), False, THIRD, 1),
        )
        _, _, shaft = last.partition("|")
        self.assertEqual(shaft.count("|"), 2)
        self.assertTrue(shaft.endswith("->|"))
        self.assertEqual(shaft.index("|-"), shaft.index("|"))

    def test_no_room_for_another_lane(self) -> None:
        """A new ladder begins."""
        found = self.draw(
            70,
            (ask(), True, PEER, 1),
            (ask(), False, VENDOR, 1),
            (ask(), False, THIRD, 1),
        )
        self.assertEqual(found[-3], "")
        self.assertIn("192.0.2.30", found[-2])
        self.assertNotIn("192.0.2.10", found[-2])
        self.assertTrue(all(len(line) <= 70 for line in found))

    def test_outside_of_calls(self) -> None:
        """The transport stands where the call would."""
        *_, last = self.draw(80, (ask("OPTIONS"), True, PEER, 0))
        self.assertTrue(last.startswith("12:00:00.250 UDP     |- OPTIONS"))

    def test_long_labels_are_cut(self) -> None:
        """No arrow is longer than its lane."""
        long = ask(uri=f"sip:{'1' * 200}@192.0.2.1")
        *_, last = self.draw(60, (long, True, PEER, 1))
        self.assertLessEqual(len(last), 60)
        self.assertTrue(last.endswith("1 >|"))
