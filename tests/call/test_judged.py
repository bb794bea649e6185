"""
How calls count for the figures of their gateways (behaviour.md 8.3).
"""

from __future__ import annotations

from decimal import Decimal

from tests.call.build import CallTests, final
from tests.call.test_failover import HuntTests, second
from tests.peers import Callee, Caller
from tests.phones import PhonePeer
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    SECOND,
    Switch,
    routing_gateway,
)
from vos3000.routing.quality import Figures

NONE = Decimal(0)
ALL = Decimal(1)


class JudgedTests(HuntTests):
    """Calls and attempts, each counted once."""

    def figures(self, switch: Switch, name: str) -> tuple[Decimal, Decimal, Decimal]:
        """Reply, connect and answer rate of a routing gateway."""
        found = switch.quality_out.figures(name)
        return found.responded, found.connected, found.asr

    def test_answered(self) -> None:
        """Counted when it is over, with its seconds, for both sides."""
        switch, caller, callee, invite = self.begin()
        callee.reply(invite, 200, ANSWER)
        caller.ack(final(switch, CALLER))
        switch.advance(90.5)
        self.assertEqual(switch.quality_out.figures("first"), Figures())
        caller.ask("BYE")
        expected = Figures(ALL, 90, ALL, ALL)
        self.assertEqual(switch.quality_out.figures("first"), expected)
        self.assertEqual(switch.quality_in.figures("ingress"), expected)
        self.assertEqual(switch.quality_out.figures("second"), Figures())

    def test_attempts(self) -> None:
        """Each gateway that was tried has its own; the caller's has one call."""
        third = second(id=4, name="third", remote_ip="192.0.2.22")
        switch, caller, callee, invite = self.begin(
            routing=[routing_gateway(), second(), third]
        )
        callee.reply(invite, 503)
        switch.advance(10.25)
        self.assertEqual(self.figures(switch, "first"), (ALL, NONE, NONE))
        self.assertEqual(self.figures(switch, "second"), (NONE, NONE, NONE))
        last = switch.request(("192.0.2.22", 5060))
        Callee(switch, ("192.0.2.22", 5060)).reply(last, 180)
        switch.taken()
        caller.cancel()
        self.assertEqual(self.figures(switch, "third"), (ALL, ALL, NONE))
        self.assertEqual(
            switch.quality_in.figures("ingress"), Figures(NONE, 0, ALL, ALL)
        )

    def test_what_is_a_reply(self) -> None:
        """100, 183 and any refusal; what is connected: ringing and busy."""
        for replies, expected in (
            ((100,), (ALL, NONE, NONE)),
            ((183,), (ALL, NONE, NONE)),
            ((404,), (ALL, NONE, NONE)),
            ((486,), (ALL, ALL, NONE)),
            ((180, 480), (ALL, ALL, NONE)),
            ((), (NONE, NONE, NONE)),
        ):
            switch, caller, callee, invite = self.begin(routing=[routing_gateway()])
            for status in replies:
                callee.reply(invite, status)
            caller.cancel()
            self.assertEqual(self.figures(switch, "first"), expected, replies)
            self.assertEqual(switch.quality_out._windows["first"][-1].calls, 1)

    def test_connection_lost(self) -> None:
        """No reply at all."""
        switch, _, _, _ = self.begin(routing=[routing_gateway()])
        switch.core.layer.channel_lost(switch.channel)
        self.assertEqual(self.figures(switch, "first"), (NONE, NONE, NONE))
        self.assertEqual(switch.quality_out._windows["first"][-1].calls, 1)

    def test_refused_before(self) -> None:
        """A call without a route counts for the caller's gateway only."""
        switch = self.switch(routing=[routing_gateway(prefixes=("9",))])
        Caller(switch).invite()
        self.assertEqual(switch.quality_in._windows["ingress"][-1].calls, 1)
        self.assertEqual(switch.quality_out._windows, {})

    def test_strangers_are_not_counted(self) -> None:
        """No table grows by those whom nobody knows."""
        switch = self.switch()
        Caller(switch, ("198.51.100.66", 5060)).invite()
        self.assertEqual(switch.quality_in._windows, {})


class PhoneTests(CallTests):
    """Phones have no figures."""

    def test_phone_to_phone(self) -> None:
        """Neither side is a gateway."""
        switch = self.switch()
        switch.phone("1001")
        switch.phone("1002")
        one, two = PhonePeer(switch), PhonePeer(switch, "1002", SECOND)
        one.register()
        two.register()
        switch.taken()
        one.call("1002")
        two.answers(two.rings())
        switch.taken(CALLEE)
        switch.control.drain()
        self.assertEqual(switch.quality_in._windows, {})
        self.assertEqual(switch.quality_out._windows, {})
