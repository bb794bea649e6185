"""The four machines at work: whatever comes, in whatever order."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import GIVEN_UP, PEER, FakeClient, FakeLeg, Rig, ask, reply
from vos3000.sip.message import Request
from vos3000.sip.parser import parse
from vos3000.sip.transaction import (
    ClientTransaction,
    Input,
    InviteClientTransaction,
    InviteServerTransaction,
    RequestClientTransaction,
    RequestServerTransaction,
    ServerTransaction,
    State,
)


def _request(data: bytes) -> Request:
    request = parse(data)
    assert isinstance(request, Request)
    return request


_Machine = ServerTransaction | ClientTransaction


def _machines(rig: Rig) -> dict[type[object], Callable[[], _Machine]]:
    invite = _request(ask())
    other = _request(ask("INFO"))
    layer, channel = rig.layer, rig.channel

    def invited() -> _Machine:
        made = InviteServerTransaction(layer, "k", invite, channel, PEER, PEER, None)
        made.user = FakeLeg(rig)
        return made

    def requested() -> _Machine:
        return RequestServerTransaction(layer, "k", other, channel, PEER, PEER, None)

    def inviting() -> _Machine:
        return layer.invite("z9hG4bKi", ask(), channel, PEER, FakeClient())

    def requesting() -> _Machine:
        data = ask("INFO")
        return layer.send("z9hG4bKr", "INFO", data, channel, PEER, FakeClient())

    return {
        InviteServerTransaction: invited,
        RequestServerTransaction: requested,
        InviteClientTransaction: inviting,
        RequestClientTransaction: requesting,
    }


def _message(machine: _Machine, given: Input) -> object:
    """What comes with an input: bytes to send, or a response that came."""
    status = {Input.PROVISIONAL: 180, Input.SUCCESS: 200, Input.FAILURE: 486}.get(given)
    if status is None:
        return None
    if isinstance(machine, ServerTransaction):
        return b"response"
    return parse(reply(_request(machine.data), status))


_ENDS = (State.COMPLETED, State.CONFIRMED, State.TERMINATED)
_KINDS = (
    InviteServerTransaction,
    RequestServerTransaction,
    InviteClientTransaction,
    RequestClientTransaction,
)


class AnyOrderTests(SynchronousTestCase):
    """Any inputs one after the other; the single steps are in test_figures."""

    @settings(max_examples=300, deadline=None)
    @given(
        kind=st.sampled_from(_KINDS),
        transport=st.sampled_from(("UDP", "TCP")),
        inputs=st.lists(st.sampled_from(Input), max_size=12),
    )
    def test_machines_stay_in_their_tables(
        self, kind: type[_Machine], transport: str, inputs: list[Input]
    ) -> None:
        """Each input does what the table says or nothing, and never raises."""
        rig = Rig(transport)
        machine = _machines(rig)[kind]()
        for each in inputs:
            row = machine._table.get((machine.state, each))
            before = machine.state
            sent = len(rig.channel.sent)
            machine.receive(each, _message(machine, each))
            self.assertEqual(machine.state, before if row is None else row[1])
            if row is None:
                self.assertEqual(len(rig.channel.sent), sent)
        rig.advance(GIVEN_UP + 1)
        if isinstance(machine, InviteClientTransaction):
            machine.receive(Input.EXPIRE)
        self.assertEqual(len(rig.timers), 1)

    def test_ends_have_no_way_out(self) -> None:
        """What is over stays over."""
        for kind in _KINDS:
            for (state, _), (_, after) in kind._table.items():
                if state in _ENDS:
                    self.assertIn(after, _ENDS)
                self.assertIsNot(state, State.TERMINATED)
