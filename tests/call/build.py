"""
Calls as most tests need them, on the switch in memory of L{tests.switch}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.peers import Callee, Caller
from tests.switch import ANSWER, CALLEE, CALLER, Switch, start_line
from vos3000.sip.message import Request, Response

LATE = 40.0
"""Seconds after which the last message of anything is answered or given up."""


class Up:
    """
    An answered call.

    @ivar invite: The INVITE that the callee got.
    @ivar ok: The 200 that the caller got.
    """

    def __init__(
        self,
        switch: Switch,
        ack: bool = True,
        headers: Iterable[str] = (),
        **caller: Any,
    ) -> None:
        self.switch = switch
        self.caller = Caller(switch, **caller)
        self.callee = Callee(switch)
        self.caller.invite(headers=headers)
        switch.taken(CALLER)
        self.invite = switch.request(CALLEE)
        self.callee.reply(self.invite, 180)
        switch.taken(CALLER)
        self.callee.reply(self.invite, 200, ANSWER)
        self.ok = switch.response(CALLER)
        self.ack = switch.request(CALLEE)
        if ack:
            self.caller.ack(self.ok)

    def asked(self) -> Request:
        """The one request that the caller got."""
        return self.switch.request(CALLER)

    def passed(self) -> Request:
        """The one request that the callee got."""
        return self.switch.request(CALLEE)

    def answer(self) -> Response:
        """The one final response that the caller got."""
        return final(self.switch, CALLER)

    def result(self) -> Response:
        """The one final response that the callee got."""
        return final(self.switch, CALLEE)


def final(switch: Switch, address: tuple[str, int]) -> Response:
    """The one message sent there beside provisional ones: a final response."""
    taken = [
        each
        for each in switch.taken(address)
        if not isinstance(each, Response) or each.status >= 200
    ]
    assert len(taken) == 1, [start_line(each) for each in taken]
    assert isinstance(taken[0], Response), start_line(taken[0])
    return taken[0]


class CallTests(SynchronousTestCase):
    """What tests of calls have in common."""

    def switch(self, **settings: Any) -> Switch:
        """A switch whose states and ends are watched."""
        switch = Switch(**settings)
        switch.watch()
        return switch

    def lines(self, switch: Switch, address: tuple[str, int]) -> list[str]:
        """Method or status of what was sent there since the last time."""
        return [
            each.method if isinstance(each, Request) else f"{each.status}"
            for each in switch.taken(address)
        ]

    def states(self, switch: Switch) -> list[int]:
        """The states that were published."""
        return [int(each.state) for each in switch.states]

    def assert_over(
        self, switch: Switch, code: int, direction: int, calls: int = 1
    ) -> None:
        """
        Every call is over, with one record each, of which the last says why;
        nothing is held any more and the accounts moved by what records say.
        """
        self.assertEqual(len(switch.registry), 0, "calls are up")
        self.assertEqual(len(switch.cdrs), calls, "records")
        cdr = switch.cdrs[-1]
        self.assertEqual((cdr.endreason, cdr.enddirection), (code, direction))
        self.assert_balanced(switch)

    def assert_balanced(self, switch: Switch) -> None:
        """Records and movements agree with the balances, to the cent."""
        fees = {"acme": sum(each.fee for each in switch.cdrs)}
        fees["vendor"] = sum(each.agentfee for each in switch.cdrs)
        moved: dict[str, Any] = {"acme": 0, "vendor": 0}
        for entry in switch.records.entries:
            for movement in entry.movements:
                moved[movement.account] -= movement.amount
        for name, fee in fees.items():
            account = switch.accounts.get(name)
            if account is not None:
                self.assertEqual(moved[name], fee, name)
                self.assertEqual(account.customer.money - account.money, fee, name)

    def assert_gone(self, switch: Switch) -> None:
        """Every call is over, charged right, and forgotten."""
        self.assertEqual(len(switch.registry), 0, "calls are up")
        self.assert_balanced(switch)
        self.assert_idle(switch)

    def assert_idle(self, switch: Switch) -> None:
        """After the last message is answered or given up, nothing is held."""
        switch.advance(LATE)
        self.assertEqual(switch.left(), {})
