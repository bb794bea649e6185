"""Session timers: what is agreed on, and the machine that watches it."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.errors import ParseError
from vos3000.sip.message import Message
from vos3000.sip.parser import parse
from vos3000.sip.session_timer import (
    Input,
    Session,
    SessionTimer,
    State,
    Wish,
    accepted,
    agreed,
    shortest_of,
    wish_of,
)
from vos3000.timers import TimerWheel

_ALIVE = (State.OFF, State.OURS, State.ASKING, State.RETRYING, State.THEIRS)
_TABLE = {
    **{(state, Input.AGREE_OURS): State.OURS for state in _ALIVE},
    **{(state, Input.AGREE_THEIRS): State.THEIRS for state in _ALIVE},
    **{(state, Input.STOP): State.OVER for state in _ALIVE},
    (State.OURS, Input.DUE): State.ASKING,
    (State.ASKING, Input.FAIL): State.RETRYING,
    (State.RETRYING, Input.AGAIN): State.ASKING,
    (State.ASKING, Input.DUE): State.OVER,
    (State.RETRYING, Input.DUE): State.OVER,
    (State.THEIRS, Input.DUE): State.OVER,
}


class Watched:
    """A session of 100 s, refreshed after 50, given up after 90."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.timers = TimerWheel(self.clock)
        self.told: list[tuple[str, int]] = []
        self.timer = SessionTimer(self)

    def limits(self, interval: int) -> tuple[float, float]:
        """Half of it, and nine tenths."""
        return interval / 2, interval * 0.9

    def refresh(self) -> None:
        """A refresh is to be sent."""
        self.told.append(("refresh", round(self.clock.seconds())))

    def expired(self) -> None:
        """It is over."""
        self.told.append(("expired", round(self.clock.seconds())))

    def bring(self, state: State) -> None:
        """Into a state, by what leads there."""
        timer = self.timer
        if state in (State.OURS, State.ASKING, State.RETRYING):
            timer.agree(Session(100, True))
        elif state is State.THEIRS:
            timer.agree(Session(100, False))
        if state in (State.ASKING, State.RETRYING):
            timer.receive(Input.DUE)
        if state is State.RETRYING:
            timer.failed(5)
        if state is State.OVER:
            timer.stop()
        assert timer.state is state

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.pump([1 / 16] * int(seconds * 16))


class MachineTests(SynchronousTestCase):
    """The machine, as a table."""

    def test_every_state_with_every_input(self) -> None:
        """It is in the table, or nothing happens."""
        for state, given_ in itertools.product(State, Input):
            rig = Watched()
            rig.bring(state)
            before = list(rig.told), len(rig.timers)
            rig.timer.receive(given_, 5)
            after = _TABLE.get((state, given_))
            self.assertIs(rig.timer.state, after or state, (state, given_))
            if after is None:
                self.assertEqual((rig.told, len(rig.timers)), before, (state, given_))

    @settings(
        max_examples=200,
        deadline=None,
        derandomize=True,
        database=None,
        # named twice, it may be run twice
        suppress_health_check=(HealthCheck.differing_executors,),
    )
    @given(st.lists(st.sampled_from(["ours", "theirs", "fail", "wait"]), max_size=30))
    def test_laws(self, script: list[str]) -> None:
        """It ends at most once; nothing runs once it is over."""
        rig = Watched()
        for step in script:
            if step == "fail":
                rig.timer.failed(3)
            elif step == "wait":
                rig.advance(20)
            else:
                rig.timer.agree(Session(100, step == "ours"))
            self.assertLessEqual(len(rig.timers), 2)
        names = [name for name, _ in rig.told]
        self.assertLessEqual(names.count("expired"), 1)
        rig.timer.stop()
        self.assertEqual(len(rig.timers), 0)
        if "expired" in names:
            self.assertEqual(names[-1], "expired")

    def test_ours(self) -> None:
        """It is refreshed in time; each refresh begins it anew."""
        rig = Watched()
        rig.timer.agree(Session(100, True))
        rig.advance(51)
        rig.timer.agree(Session(100, True))
        rig.advance(51)
        self.assertEqual([name for name, _ in rig.told], ["refresh", "refresh"])
        self.assertEqual(rig.told[0][1], 50)

    def test_ours_unanswered(self) -> None:
        """A refresh that nobody answers does not keep it."""
        rig = Watched()
        rig.timer.agree(Session(100, True))
        rig.advance(200)
        self.assertEqual(rig.told, [("refresh", 50), ("expired", 90)])

    def test_ours_declined(self) -> None:
        """It is tried again until it is over."""
        rig = Watched()
        rig.timer.agree(Session(100, True))
        for _ in range(20):
            rig.advance(10)
            rig.timer.failed(15)
        told = [("refresh", 50), ("refresh", 75), ("expired", 90)]
        self.assertEqual(rig.told, told)

    def test_theirs(self) -> None:
        """Refreshes of the peer keep it, and nothing else does."""
        rig = Watched()
        for _ in range(3):
            rig.timer.agree(Session(100, False))
            rig.advance(80)
        rig.advance(80)
        self.assertEqual(rig.told, [("expired", 250)])


def _message(*headers: str) -> Message:
    lines = [
        "SIP/2.0 200 OK",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        "From: <sip:a@192.0.2.1>;tag=a",
        "To: <sip:b@192.0.2.2>;tag=b",
        "Call-ID: c",
        "CSeq: 1 INVITE",
        *headers,
    ]
    return parse("\r\n".join(lines).encode() + b"\r\n\r\n")


class HeaderTests(SynchronousTestCase):
    """Session-Expires, Min-SE, Supported (sections 4 and 5)."""

    def test_read(self) -> None:
        """Full and compact form; parameters that nobody knows are passed over."""
        for line, wish in (
            ("Session-Expires: 1800", Wish(False, 1800)),
            ("x: 1800;refresher=UAS", Wish(False, 1800, "uas")),
            ("Session-Expires: 90 ; refresher = uac;x", Wish(False, 90, "uac")),
        ):
            self.assertEqual(wish_of(_message(line)), wish)
        message = _message("Supported: 100rel, Timer", "Min-SE: 300;x=1")
        self.assertEqual(wish_of(message), Wish(True, shortest=300))
        self.assertIsNone(wish_of(_message("Min-SE: 300", "Supported: 100rel")))

    def test_min_se_below_its_minimum(self) -> None:
        """90 is the least (section 5)."""
        wish = wish_of(_message("Session-Expires: 100", "Min-SE: 10"))
        self.assertEqual(wish, Wish(False, 100))

    def test_malformed(self) -> None:
        """Session-Expires is an error, Min-SE as if it were not there."""
        for value in ("", "x", "-1", "1.5", "99999999999", "90;;"):
            with self.assertRaises(ParseError):
                wish_of(_message(f"Session-Expires: {value}"))
            self.assertEqual(shortest_of(_message(f"Min-SE: {value}")), 0)
        self.assertEqual(shortest_of(_message()), 0)
        self.assertEqual(shortest_of(_message("Min-SE: 120")), 120)

    def test_too_short(self) -> None:
        """Only who supports timers is told (section 9)."""
        self.assertTrue(Wish(True, 89).too_short)
        for wish in (Wish(True, 90), Wish(False, 89), Wish(True)):
            self.assertFalse(wish.too_short)


class NegotiationTests(SynchronousTestCase):
    """Section 9, table 2, and section 7.2."""

    def test_refresher(self) -> None:
        """Who refreshes, by what the sender knows and says."""
        for supported, refresher, ours, refresh in (
            (False, "", True, True),
            (False, "", False, True),
            (False, "uas", False, True),
            (True, "", True, True),
            (True, "", False, False),
            (True, "uac", True, False),
            (True, "uas", False, True),
            (True, "nobody", True, True),
        ):
            wish = Wish(supported, 600, refresher)
            self.assertEqual(accepted(wish, 600, ours).ours, refresh, wish)

    def test_interval(self) -> None:
        """
        Ours, but not more than was asked for nor less than is allowed: 4 s, whoever
        asks for less, and up to a day, however long it wants to be waited for.
        """
        for expires, shortest, ttl, interval in (
            (0, 90, 600, 600),
            (0, 900, 600, 900),
            (1800, 90, 600, 600),
            (300, 90, 600, 300),
            (1800, 900, 600, 900),
            (60, 90, 600, 60),
            (1, 90, 600, 4),
            (1 << 30, 1 << 30, 600, 86_400),
            (0, 1 << 30, 600, 86_400),
        ):
            wish = Wish(True, expires, "", shortest)
            self.assertEqual(accepted(wish, ttl).interval, interval, wish)

    def test_answer(self) -> None:
        """The 2xx says who refreshes; without Session-Expires nobody does."""
        self.assertEqual(agreed(Wish(True, 600, "uac")), Session(600, True))
        self.assertEqual(agreed(Wish(True, 600, "uas")), Session(600, False))
        self.assertEqual(agreed(Wish(False, 600)), Session(600, True))
        self.assertEqual(agreed(Wish(True, 5, "uas")), Session(90, False))
        self.assertEqual(agreed(Wish(True, 1 << 30, "uas")), Session(86_400, False))
        self.assertIsNone(agreed(Wish(True)))
        self.assertIsNone(agreed(None))
