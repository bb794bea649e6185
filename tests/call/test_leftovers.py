"""
What calls leave behind: nothing, not even for the garbage collector.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

from tests.call.build import LATE, CallTests, Up, final
from tests.peers import Callee, Caller
from tests.switch import ANSWER, CALLEE, CALLER, OFFER, SECOND, STRANGER, Switch


class GarbageTests(CallTests):
    """Objects of calls that are over go away by themselves."""

    def check(self, play: Callable[[Switch, str], object]) -> None:
        """Calls that go as C{play} says leave no cycles."""
        switch = self.switch()
        gc.collect()
        gc.disable()
        try:
            for number in range(10):
                play(switch, f"call-{number}")
                switch.taken()
                switch.advance(2 * LATE)
                switch.taken()
            found = gc.collect()
        finally:
            gc.enable()
        self.assertEqual(len(switch.cdrs), 10)
        self.assertLess(found, 10)

    def test_answered(self) -> None:
        """Of an answered call with a re-INVITE."""

        def play(switch: Switch, call_id: str) -> None:
            # past calls decide between the two gateways: keep the first
            switch.selector._attempts.update(first=0, second=1)
            up = Up(switch, call_id=call_id)
            up.caller.ask("INVITE", OFFER)
            up.callee.reply(up.passed(), 200, ANSWER)
            up.caller.ack(up.answer())
            switch.taken()
            up.caller.ask("BYE")
            up.callee.reply(up.passed(), 200)

        self.check(play)

    def test_canceled(self) -> None:
        """Of one that rings and is given up."""

        def play(switch: Switch, call_id: str) -> None:
            switch.selector._attempts.update(first=0, second=1)
            caller = Caller(switch, call_id=call_id)
            caller.invite()
            invite = switch.request(CALLEE)
            Callee(switch).reply(invite, 180)
            caller.cancel()
            Callee(switch).reply(invite, 487)
            caller.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]

        self.check(play)

    def test_failed(self) -> None:
        """Of one that two gateways refuse."""

        def play(switch: Switch, call_id: str) -> None:
            switch.selector._attempts.update(first=0, second=1)
            caller = Caller(switch, call_id=call_id)
            caller.invite()
            Callee(switch).reply(switch.request(CALLEE), 503)
            Callee(switch, SECOND).reply(switch.request(SECOND), 503)
            caller.ack(final(switch, CALLER))

        self.check(play)

    def test_silent(self) -> None:
        """Of one that nobody takes note of."""
        self.check(lambda switch, call_id: Caller(switch, call_id=call_id).invite())

    def test_stranger(self) -> None:
        """Of one that is not let in."""
        self.check(
            lambda switch, call_id: Caller(switch, STRANGER, call_id=call_id).invite()
        )


class AnsweredTests(CallTests):
    """What an answered call no longer needs is let go at once."""

    def test_legs(self) -> None:
        """Neither INVITE, nor offer, nor hunt, nor routes."""
        switch = self.switch()
        Up(switch)
        [call] = switch.registry
        self.assertIsNone(call.hunt)
        self.assertEqual(call.leg.content.body, b"")
        self.assertIsNone(call.leg._invite)  # type: ignore[attr-defined]
        self.assertIsNone(call.leg.asked)  # type: ignore[attr-defined]
        assert call.out is not None
        self.assertIsNone(call.out.user)
        self.assertIsNone(call.out._invite)  # type: ignore[attr-defined]
        self.assertFalse(switch.core.layer.busy())


class ForkTests(CallTests):
    """A gateway behind which several answer."""

    def test_second_fork(self) -> None:
        """The first to answer talks; the other gets ACK and BYE."""
        switch = self.switch()
        caller, callee, fork = Caller(switch), Callee(switch), Callee(switch)
        fork.tag = "fork"
        caller.invite()
        invite = switch.request(CALLEE)
        callee.reply(invite, 180)
        fork.reply(invite, 180)
        fork.reply(invite, 200, ANSWER)
        callee.reply(invite, 200, ANSWER)
        sent = [(m.method, m.to_tag) for m in switch.taken(CALLEE)]  # type: ignore[union-attr]
        self.assertEqual(
            sent, [("ACK", "fork"), ("ACK", callee.tag), ("BYE", callee.tag)]
        )
        caller.ack(final(switch, CALLER))
        fork.ask(invite, "BYE")
        self.assert_over(switch, -8, 1)

    def test_answer_again(self) -> None:
        """The callee's 200 that comes again gets its ACK again, no more."""
        switch = self.switch()
        up = Up(switch)
        up.callee.reply(up.invite, 200, ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assertEqual(switch.taken(CALLER), [])
