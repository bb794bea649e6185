"""
Gateways that cannot be called just now are left out, and told why.
"""

from __future__ import annotations

from tests.call.build import CallTests, final
from tests.call.test_again import AgainTests, at
from tests.call.test_failover import second
from tests.peers import Callee, Caller
from tests.switch import CALLEE, CALLER, SECOND, Switch, routing_gateway
from vos3000.sip.message import Request

OTHER = ("192.0.2.31", 5080)


class RetryAfterTests(AgainTests):
    """Retry-After of a refusal (RFC 3261 20.33)."""

    def refuse(self, status: int, value: str) -> Switch:
        """The first gateway refuses a call so; the second does, too."""
        switch, _, callee, invite = self.begin()
        callee.reply(invite, status, b"", [("Retry-After", value)])
        other = switch.request(SECOND)
        Callee(switch, SECOND).reply(other, 500)
        switch.taken()
        return switch

    def next(self, switch: Switch, name: str) -> tuple[str, ...]:
        """Who gets the next call: the names of those that got an INVITE."""
        caller = Caller(switch, call_id=name)
        caller.invite()
        places = {CALLEE: "first", SECOND: "second"}
        found = [n for a, n in places.items() if "INVITE" in self.lines(switch, a)]
        caller.cancel()
        switch.taken()
        return tuple(found)

    def test_next_call_goes_elsewhere(self) -> None:
        """503 with Retry-After disables it for so long, and no longer."""
        switch = self.refuse(503, "20 (overload)")
        self.assertEqual(self.next(switch, "call-2"), ("second",))
        status = switch.availability.status("first")
        self.assertEqual((status.pause, status.online), (20_000, True))
        left_out = switch.selector.select("2000", None).left_out
        self.assertEqual(left_out[0].reason, "disabled for 20 s by Retry-After")
        switch.advance(19.75)
        self.assertEqual(self.next(switch, "call-3"), ("second",))
        switch.advance(0.5)
        self.assertEqual(self.next(switch, "call-4"), ("first",))

    def test_of_500(self) -> None:
        """500 likewise."""
        self.assertEqual(self.next(self.refuse(500, "20"), "call-2"), ("second",))

    def test_of_other_refusals(self) -> None:
        """480 and 404 are about a callee, and say nothing of the gateway."""
        for status in (404, 413, 480):
            switch = self.refuse(status, "20")
            self.assertEqual(self.next(switch, "call-2"), ("first",), status)

    def test_malformed(self) -> None:
        """What cannot be read disables nothing."""
        for value in ("soon", "-5", "0", "1e3"):
            switch = self.refuse(503, value)
            self.assertEqual(self.next(switch, "call-2"), ("first",), value)

    def test_contact_of_a_redirection(self) -> None:
        """It is somebody else's pause."""
        switch, _, callee, invite = self.begin()
        self.redirect(callee, invite, at(OTHER))
        moved = switch.request(OTHER)
        Callee(switch, OTHER).reply(moved, 503, b"", [("Retry-After", "20")])
        self.assertEqual(switch.availability.status("first").pause, 0)

    def test_all_disabled(self) -> None:
        """No route is left, for a reason of its own."""
        switch = self.refuse(503, "20")
        switch.availability.pause("second", 20)
        caller = Caller(switch, call_id="call-2")
        caller.invite()
        self.assertEqual(final(switch, CALLER).status, 503)
        self.assertIn("by Retry-After", switch.ends[-1].detail)
        self.assert_over(switch, -1026, 2, calls=2)


class MeanwhileTests(CallTests):
    """Something is learned of a gateway while a hunt is on."""

    def test_disabled_after_it_was_selected(self) -> None:
        """It is passed over when its turn comes."""
        third = second(id=4, name="third", remote_ip="192.0.2.22")
        switch = self.switch(routing=[routing_gateway(), second(), third])
        Caller(switch).invite()
        switch.taken(CALLER)
        invite = switch.request(CALLEE)
        switch.availability.pause("second", 60)
        Callee(switch).reply(invite, 503)
        self.assertEqual(self.lines(switch, SECOND), [])
        last = switch.request(("192.0.2.22", 5060))
        self.assertIsInstance(last, Request)
        self.assertEqual(switch.lines_out.used("third"), 1)
