"""What is let in, and what has the last word about it."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.metrics import Metrics
from vos3000.model import causes
from vos3000.model.causes import CallRejected
from vos3000.model.gateways import MappingGateway
from vos3000.security.throttle import Throttle


class ThrottleTests(SynchronousTestCase):
    """Calls that come and calls that are counted."""

    def setUp(self) -> None:
        """One gateway of one call a second."""
        self.clock = Clock()
        self.clock.advance(100)
        self.most = 0
        self.load(call_rate=(1, 1))

    def load(self, **settings: Any) -> None:
        """A throttle that knows this gateway."""
        self.gateway = MappingGateway(1, "gw", **settings)
        self.throttle = Throttle(
            lambda host, port: self.gateway if host == "known" else None,
            lambda address: address[0] == "known",
            lambda: self.most,
            self.clock.seconds,
            causes.load(),
            Metrics(),
        )
        self.throttle.load([self.gateway])

    def delay(self, host: str = "known", call: bool = True) -> int:
        """What a request is told that comes on time."""
        return self.throttle.delay(0.0, call, host, 5060)

    def refusal(self) -> str:
        """What a call is refused with; empty if it is counted."""
        try:
            self.throttle.admit(self.gateway)
        except CallRejected as rejected:
            return rejected.cause.name
        return ""

    def test_what_is_let_in_is_not_counted_yet(self) -> None:
        """An INVITE may still be challenged, or be refused for its form."""
        self.assertEqual([self.delay(), self.delay()], [0, 0])
        self.assertEqual(self.refusal(), "")
        self.assertEqual(self.delay(), 1)

    def test_admission_has_the_last_word(self) -> None:
        """Two that were let in while there was room for one."""
        self.assertEqual([self.refusal(), self.refusal()], ["", "CallRateExceeded"])
        self.clock.advance(1)
        self.assertEqual(self.refusal(), "")

    def test_the_switch_s_rate(self) -> None:
        """Holds for gateways without a rate; a refusal counts for neither."""
        self.load()
        self.most = 1
        self.assertEqual([self.refusal(), self.refusal()], ["", "CallRateExceeded"])
        self.assertEqual(self.delay(), 1)
        self.load(call_rate=(1, 1))
        self.most = 1
        self.throttle.admit(MappingGateway(2, "other"))
        self.assertEqual(self.refusal(), "CallRateExceeded")
        self.most = 0
        self.assertEqual(self.refusal(), "")

    def test_only_calls_have_a_rate(self) -> None:
        """And only those of gateways: others are refused for what they are."""
        self.throttle.admit(self.gateway)
        self.assertEqual(self.delay(call=False), 0)
        self.assertEqual(self.delay("stranger"), 0)

    def test_long_units(self) -> None:
        """Retry-After is when the next call may come, in whole seconds."""
        self.load(call_rate=(1, 60))
        self.throttle.admit(self.gateway)
        self.clock.advance(0.5)
        self.assertEqual(self.delay(), 60)
        self.clock.advance(59.25)
        self.assertEqual(self.delay(), 1)

    def test_overload(self) -> None:
        """Who gets an answer is told to come back; who does not, nothing."""
        delays = [self.throttle.delay(1.0, False, "known", 5060) for _ in range(6)]
        self.assertEqual(delays, [1, 2, 3, 4, 5, 1])
        self.assertLess(self.throttle.delay(1.0, True, "stranger", 5060), 0)
