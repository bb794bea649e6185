"""The machine of our own registrations: every state with every input."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.switch import CALLEE, Switch
from vos3000.sip.message import Request, respond
from vos3000.sip.register import (
    _TRANSITIONS,
    Identity,
    Input,
    RegisterSettings,
    Registration,
    State,
)

IDENTITY = Identity("sip:h", "sip:a@h", "a", "1")

STEPS = st.one_of(
    st.sampled_from([200, 200, 302, 401, 403, 408, 423, 503]),
    st.sampled_from(["start", "stop", "stop"]),
    st.floats(min_value=0.1, max_value=130),
)


class Listener:
    """Keeps what it was told last."""

    up = False

    def registered(self) -> None:
        """It is."""
        self.up = True

    def unregistered(self, why: str) -> None:
        """It is not."""
        self.up = False


class MachineTests(SynchronousTestCase):
    """A machine on a wire that is played."""

    def setUp(self) -> None:
        """One that has not begun."""
        self.switch = Switch()
        self.listener = Listener()
        self.machine = self.make()

    def make(self) -> Registration:
        """A machine."""
        switch = self.switch
        target = (switch.channel, CALLEE)
        return Registration(
            switch.core,
            IDENTITY,
            lambda: (target,),
            lambda uri: (target,),
            None,
            RegisterSettings,
            lambda count: 0,
            self.listener,
        )

    def tearDown(self) -> None:
        """Whatever happened, it stops and leaves nothing."""
        self.machine.stop()
        self.switch.advance(30)
        self.assertIs(self.machine.state, State.UNREGISTERED)
        self.assertEqual(self.switch.left(), {})

    def test_every_state_with_every_input(self) -> None:
        """It goes where the table says, or stays."""
        for state in State:
            for given_ in Input:
                machine = self.make()
                machine.state = state
                machine.receive(given_)
                row = _TRANSITIONS.get((state, given_))
                after = {state if row is None else row[1]}
                if given_ is Input.STOP and row is not None:
                    # there was nothing to take back
                    after = {State.UNREGISTERED}
                self.assertIn(machine.state, after, (state, given_))
                machine.stop()
                self.switch.advance(30)

    def answer(self, status: int) -> None:
        """Answer the last REGISTER, if one waits for it."""
        taken = self.switch.taken(CALLEE)
        if not taken or not isinstance(taken[-1], Request):
            return
        request = taken[-1]
        headers = {
            200: [("Contact", f"{request.get('contact')};expires=60")],
            302: [("Contact", "<sip:192.0.2.20>")],
            423: [("Min-Expires", "120")],
        }.get(status, [])
        self.switch.receive(respond(request, status, None, "r", headers), CALLEE)

    def test_what_a_registrar_says(self) -> None:
        """It stands in the log and on the operator's screen, and does nothing there."""
        machine = self.machine = self.make()
        machine.start()
        request = self.switch.request(CALLEE)
        data = respond(request, 403, "No\x1b[2J\x9b", "r")
        self.switch.receive(data, CALLEE)
        self.assertEqual(machine.why, "403 No[2J")

    @settings(max_examples=60, deadline=None)
    @given(st.lists(STEPS, max_size=25))
    def test_whatever_happens(self, steps: list[int | str | float]) -> None:
        """
        It always waits for exactly one thing, and tells the truth: it counts as
        registered only while a registrar has promised so.
        """
        machine = self.machine = self.make()
        self.listener.up = False
        for step in steps:
            if step == "start":
                machine.start()
            elif step == "stop":
                machine.stop()
                self.listener.up = False
            elif isinstance(step, int):
                self.answer(step)
            elif isinstance(step, float):
                self.switch.advance(step)
            timer = machine._timer is not None
            asked = machine._transaction is not None
            idle = machine.state is State.UNREGISTERED
            self.assertEqual([timer, asked, idle].count(True), 1, machine.state)
            self.assertEqual(self.listener.up, machine._lapse is not None)
        machine.stop()
        self.switch.advance(30)
        self.assertEqual(self.switch.left(), {})
