"""
Steps of admission that wait, and callers who do not.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from tests.call.build import CallTests, final
from tests.peers import Callee, Caller
from tests.switch import ANSWER, CALLEE, CALLER, Switch
from vos3000.call.call import Call
from vos3000.call.control import CallControl
from vos3000.model import causes
from vos3000.model.causes import CallRejected
from vos3000.model.states import EndDirection
from vos3000.routing.routes import Selection


class WaitingControl(CallControl):
    """Asks somebody outside about every call before it goes out."""

    asked: list[Deferred[None]]
    resumed: list[Call]
    late: bool
    stubborn = False

    async def _steps(self, call: Call) -> Selection:
        if self.late:
            selection = await super()._steps(call)
        question: Deferred[None] = Deferred()
        self.asked.append(question)
        try:
            await question
        except CancelledError:
            if not self.stubborn:
                raise
        self.resumed.append(call)
        if not self.late:
            selection = await super()._steps(call)
        return selection


class WaitingSwitch(Switch):
    """
    A switch whose admission waits.

    @param late: Whether it waits after everything was reserved, or before.
    """

    def __init__(self, late: bool, **settings: Any) -> None:
        super().__init__(**settings)
        self.control.__class__ = WaitingControl
        waiting = self.control
        assert isinstance(waiting, WaitingControl)
        waiting.asked, waiting.resumed, waiting.late = [], [], late
        self.waiting = waiting


class WaitingTests(CallTests):
    """A call whose admission waits."""

    def begin(self, late: bool = True) -> tuple[WaitingSwitch, Caller]:
        """A call that waits."""
        switch = WaitingSwitch(late)
        switch.watch()
        caller = Caller(switch)
        caller.invite()
        self.assertEqual(switch.taken(CALLEE), [])
        return switch, caller

    def test_goes_on(self) -> None:
        """Once the answer is there the call is placed, answered and billed."""
        for late in (False, True):
            switch, caller = self.begin(late)
            switch.waiting.asked[0].callback(None)
            callee = Callee(switch)
            callee.reply(switch.request(CALLEE), 200, ANSWER)
            caller.ack(final(switch, CALLER))
            switch.advance(10)
            caller.ask("BYE")
            self.assert_over(switch, -8, 0)

    def test_caller_gives_up(self) -> None:
        """The wait is canceled, nothing after it happens, all is given back."""
        switch, caller = self.begin()
        self.assertEqual(switch.lines_in.used("ingress"), 1)
        caller.cancel()
        self.assertEqual(self.lines(switch, CALLER), ["100", "200", "487"])
        self.assertEqual(switch.waiting.resumed, [])
        switch.waiting.asked[0].callback(None)
        self.assertEqual(switch.waiting.resumed, [])
        self.assertEqual(switch.taken(CALLEE), [])
        self.assert_over(switch, -7, 0)
        self.assert_idle(switch)

    def test_step_that_goes_on_all_the_same(self) -> None:
        """What it takes for a call that is over is given back."""
        for late in (False, True):
            switch, caller = self.begin(late)
            switch.waiting.stubborn = True
            caller.cancel()
            self.assertEqual(len(switch.waiting.resumed), 1)
            self.assertEqual(switch.taken(CALLEE), [])
            self.assert_over(switch, -7, 0)
            self.assert_idle(switch)

    def test_operator_and_shutdown(self) -> None:
        """The same, whoever ends it."""
        switch, _ = self.begin()
        switch.registry.hang_up(1)
        self.assert_over(switch, -1025, 2)
        self.assert_idle(switch)
        switch, _ = self.begin()
        switch.control.drain()
        self.assert_over(switch, -1032, 2)
        self.assert_idle(switch)

    def test_refused_after_the_wait(self) -> None:
        """A refusal is one, however late it comes."""
        switch, _ = self.begin()
        cause = causes.load()["LrnQueryFailed"]
        switch.waiting.asked[0].errback(CallRejected(cause, "no reply"))
        self.assertEqual(final(switch, CALLER).status, 503)
        self.assert_over(switch, -1027, EndDirection.SERVER)
        self.assertEqual(switch.ends[0].detail, "no reply")
        self.assert_idle(switch)

    def test_fails(self) -> None:
        """Any other failure is ours: 500, and logged."""
        switch, _ = self.begin()
        switch.waiting.asked[0].errback(ZeroDivisionError())
        self.assertEqual(final(switch, CALLER).status, 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assert_over(switch, -1035, 2)
        self.assert_idle(switch)

    def test_canceled_from_outside(self) -> None:
        """A wait that somebody else canceled is a failure of ours."""
        switch, _ = self.begin()
        switch.waiting.asked[0].cancel()
        self.assertEqual(final(switch, CALLER).status, 500)
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assert_over(switch, -1035, 2)
        self.assert_idle(switch)

    def test_no_gateway_after_the_wait(self) -> None:
        """A call that ends in the very turn that placed it."""
        switch, _ = self.begin()
        switch.gate._servers = lambda *place: ()
        switch.waiting.asked[0].callback(None)
        self.assertEqual(final(switch, CALLER).status, 408)
        self.assert_over(switch, -1015, 2)
        self.assert_idle(switch)
