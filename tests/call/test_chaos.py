"""
Whatever peers do, and in whatever order: nothing is left of a call, each that was
answered has its record, and the records say what the accounts lost.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from tests.call.build import LATE, CallTests
from tests.call.chaos import Chaos
from tests.call.chaotic import PHONES
from tests.switch import Switch
from vos3000.journal.entries import Kind, read
from vos3000.journal.frames import Frame
from vos3000.journal.history import History
from vos3000.model.states import CallState

RUNS = 16
CALLS = 40
SETUPS = "call_setups_total"
_ANSWERED = (CallState.OK, CallState.CONNECT)


class ChaosTests(CallTests):
    """Runs of peers that lose, repeat, mix up and contradict."""

    def test_runs(self) -> None:
        """All of them, each by its seed."""
        answered, fees = 0, Decimal(0)
        for seed in range(RUNS):
            chaos = Chaos(seed, CALLS)
            chaos.run()
            for _ in range(3):
                chaos.switch.advance(LATE)
                chaos.switch.channel.sent.clear()
            with self.subTest(seed=seed):
                self.check(chaos)
            answered += len(chaos.answered)
            fees += sum(each.fee for each in chaos.switch.cdrs)
        self.assertGreater(answered, RUNS * CALLS / 8)
        self.assertGreater(fees, 1)

    def check(self, chaos: Chaos) -> None:
        """What holds after each."""
        switch, account = chaos.switch, chaos.account
        self.assertEqual(switch.left(), {})
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assert_balanced(switch)
        self.assertGreaterEqual(chaos.lowest + account.customer.limit_money, 0)
        recorded = Counter(each.callercallid for each in switch.cdrs)
        # who calls may have taken the place of a callee
        recorded.update(each.calleecallid for each in switch.cdrs)
        for call_id in chaos.answered - chaos.named:
            self.assertGreaterEqual(recorded[call_id], 1, call_id)
        identifiers = {each.softswitchcallid for each in switch.cdrs}
        self.assertEqual(len(identifiers), len(switch.cdrs))
        talks = {each.call_id for each in switch.states if each.state in _ANSWERED}
        self.assertLessEqual(talks, identifiers)
        for e164 in PHONES:
            self.assertEqual(switch.phone_lines.used(e164), 0)
        setups = [s.value for s in switch.metrics.samples() if s.name == SETUPS]
        self.assertEqual(setups, [len(switch.ends)])
        self.check_journal(switch)

    def check_journal(self, switch: Switch) -> None:
        """The journal leaves no start anything to complete, and ends calls once."""
        history = History()
        frames = [
            Frame(number, 0, kind, text)
            for number, (kind, text) in enumerate(switch.journal.entries, 1)
        ]
        history.take(frames)
        self.assertEqual((history.interrupted(), history.unread), ([], 0))
        said: dict[int, list[int]] = {}
        for frame in frames:
            if frame.kind != Kind.ALIVE:
                said.setdefault(read(frame.text)[0], []).append(frame.kind)
        for call, kinds in said.items():
            *before, over = kinds
            self.assertIn(over, (Kind.END, Kind.GONE), call)
            self.assertFalse({Kind.END, Kind.GONE} & {*before}, call)
            # what was refused before it went out is an END and nothing else
            self.assertEqual(before[:1], [Kind.SETUP] * bool(before), call)
