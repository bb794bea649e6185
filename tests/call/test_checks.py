"""OPTIONS that check whether gateways are there (sipOptionsPeriod)."""

from __future__ import annotations

from typing import Any

import attrs

from tests.call.build import CallTests
from tests.peers import Callee, Caller
from tests.switch import (
    CALLEE,
    CALLER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.events import GatewayOnlineChanged
from vos3000.model.gateways import RegisterType
from vos3000.model.sipoptions import SipOptions
from vos3000.sip.message import Request

CHECKED = SipOptions(options_period=60)
OTHER = ("192.0.2.31", 5080)
NEXT = 54.25
"""Seconds to the next check: the period less a tenth, chance giving nothing."""
SILENCE = 20.0
"""Seconds after which an OPTIONS was sent often enough."""


class CheckTests(CallTests):
    """Checks of a routing gateway."""

    def begin(self, **settings: Any) -> Switch:
        """A switch that checks its first gateway, some time before a check."""
        given = {"sip": CHECKED, **settings}
        switch = self.switch(routing=[routing_gateway(**given)])
        self.told: list[GatewayOnlineChanged] = []
        switch.events.subscribe(GatewayOnlineChanged, self.told.append)
        return switch

    def asked(self, switch: Switch, address: tuple[str, int] = CALLEE) -> Request:
        """The OPTIONS that was sent there."""
        request = switch.request(address)
        self.assertEqual(request.method, "OPTIONS")
        return request

    def fail_once(self, switch: Switch) -> None:
        """A check without an answer."""
        switch.advance(SILENCE)
        self.assertEqual(set(self.lines(switch, CALLEE)), {"OPTIONS"})

    def assert_standing(self, switch: Switch, why: str) -> None:
        """Why the first gateway is left out; empty if it is called."""
        self.assertEqual(switch.availability.obstacle("first"), why)
        left_out = switch.selector.select("2000", None).left_out
        self.assertEqual([each.reason for each in left_out], [why] if why else [])

    def test_the_request(self) -> None:
        """It is well formed, in no dialog, and asks no user."""
        switch = self.begin()
        switch.advance(0.25)
        request = self.asked(switch)
        self.assertEqual(request.uri_text, "sip:192.0.2.20:5060")
        self.assertIsNone(request.to_tag)
        self.assertTrue(request.from_tag)
        self.assertEqual(request.max_forwards, 70)
        self.assertEqual(request.get("accept"), "application/sdp")
        assert request.contact is not None
        self.assertEqual(str(request.contact.uri), "sip:192.0.2.1:5060")

    def test_regularly(self) -> None:
        """Once answered, it is asked again after the period."""
        switch = self.begin()
        calls = set()
        for _ in range(4):
            switch.advance(0.25)
            request = self.asked(switch)
            calls.add(request.call_id)
            Callee(switch).reply(request, 200)
            switch.advance(NEXT - 0.5)
            self.assertEqual(switch.taken(CALLEE), [])
            switch.advance(0.25)
        self.assertEqual(len(calls), 4)
        self.assertEqual(self.told, [])
        self.assertIs(switch.availability.status("first").answers, True)

    def test_offline_and_online(self) -> None:
        """Two without an answer; then one with."""
        switch = self.begin()
        self.assert_standing(switch, "")
        self.fail_once(switch)
        self.assert_standing(switch, "")
        switch.advance(9)
        self.fail_once(switch)
        self.assert_standing(switch, "does not answer OPTIONS")
        self.assertEqual([each.online for each in self.told], [False])
        switch.advance(NEXT)
        switch.taken()
        caller = Caller(switch)
        caller.invite()
        self.assertEqual(self.lines(switch, CALLER), ["100", "503"])
        self.fail_once(switch)
        switch.advance(NEXT)
        Callee(switch).reply(self.last(switch), 200)
        self.assert_standing(switch, "")
        self.assertEqual([each.online for each in self.told], [False, True])

    def last(self, switch: Switch) -> Request:
        """The last OPTIONS that was sent, perhaps more than once."""
        request = switch.taken(CALLEE)[-1]
        assert isinstance(request, Request)
        return request

    def test_refusals(self) -> None:
        """A refusal shows that somebody is there; 408 and 503 show the contrary."""
        for status, answers in (
            (302, True),
            (401, True),
            (404, True),
            (405, True),
            (481, True),
            (500, True),
            (501, True),
            (603, True),
            (408, False),
            (503, False),
        ):
            switch = self.begin()
            switch.advance(0.25)
            for _ in range(2):
                Callee(switch).reply(self.asked(switch), status)
                switch.advance(9.25)
                if answers:
                    break
            self.assertIs(switch.availability.status("first").answers, answers, status)

    def test_one_failure_is_forgotten(self) -> None:
        """Failures count in a row."""
        switch = self.begin()
        for _ in range(3):
            switch.advance(0.25)
            Callee(switch).reply(self.asked(switch), 503)
            switch.advance(9.25)
            Callee(switch).reply(self.asked(switch), 200)
            switch.advance(NEXT - 0.25)
        self.assert_standing(switch, "")
        self.assertEqual(self.told, [])

    def test_all_addresses(self) -> None:
        """A gateway is there if one of its addresses answers."""
        switch = self.begin()
        one = switch.gate.places
        switch.gate.places = lambda *given: one(*given) + one(*OTHER, *given[2:])  # type: ignore[method-assign]
        switch.advance(0.25)
        Callee(switch).reply(self.asked(switch), 503)
        Callee(switch, OTHER).reply(self.asked(switch, OTHER), 200)
        self.assertIs(switch.availability.status("first").answers, True)
        switch.advance(5)
        self.assertEqual(switch.taken(), [])

    def test_without_an_address(self) -> None:
        """A name that leads nowhere counts as no answer."""
        switch = self.begin()
        switch.gate._servers = lambda *place: ()
        switch.advance(10)
        self.assertEqual(switch.taken(), [])
        self.assert_standing(switch, "does not answer OPTIONS")

    def test_no_period_no_check(self) -> None:
        """Others are never asked, nor are those whose place is not known."""
        for settings in (
            {"sip": SipOptions()},
            {"register_type": RegisterType.DYNAMIC},
            {"protocol": 0},
        ):
            switch = self.begin(**settings)
            switch.advance(120)
            self.assertEqual(switch.taken(), [], settings)
            self.assertEqual(switch.left(), {})

    def test_read_again(self) -> None:
        """A gateway that stays as it is keeps its turn."""
        switch = self.begin()
        switch.advance(0.25)
        Callee(switch).reply(self.asked(switch), 200)
        for _ in range(10):
            switch.trunks.load_routing([routing_gateway(sip=CHECKED)])
        switch.advance(1)
        self.assertEqual(switch.taken(), [])
        self.assertEqual(len(switch.timers), 2)

    def test_changed(self) -> None:
        """One that moved is asked there; one that is gone no more."""
        switch = self.begin()
        self.fail_once(switch)
        moved = routing_gateway(sip=CHECKED, remote_ip=OTHER[0], signal_port=OTHER[1])
        switch.trunks.load_routing([moved])
        switch.advance(0.25)
        self.asked(switch, OTHER)
        self.assertEqual(switch.taken(CALLEE), [])
        switch.trunks.load_routing([routing_gateway()])
        switch.advance(120)
        self.assertEqual(switch.taken(), [])
        self.assertEqual(switch.left(), {})

    def test_checked_no_more(self) -> None:
        """A gateway that was offline is called again once it is not checked."""
        switch = self.begin()
        for _ in range(2):
            self.fail_once(switch)
            switch.advance(9.25)
        self.assert_standing(switch, "does not answer OPTIONS")
        switch.trunks.load_routing([routing_gateway()])
        self.assert_standing(switch, "")

    def test_stop(self) -> None:
        """Nothing is left, whether a request is under way or not."""
        for seconds in (0.0, 0.25):
            switch = self.begin()
            switch.advance(seconds)
            switch.trunks.stop()
            self.assertEqual(switch.left(), {})


class MappingTests(CallTests):
    """Checks of a mapping gateway: shown and told, nothing more."""

    def begin(self, *addresses: str, by_port: bool = False) -> Switch:
        """A switch that checks its mapping gateway."""
        gateway = mapping_gateway(sip=CHECKED, remote_ips=addresses, by_port=by_port)
        return self.switch(mapping=[gateway])

    def places(self, switch: Switch) -> list[tuple[str, int]]:
        """Where OPTIONS go to, one after the other."""
        found = []
        switch.advance(0.25)
        while switch.channel.sent:
            address = switch.channel.sent[0][1]
            request = switch.request(address)
            found.append(address)
            Callee(switch, address).reply(request, 503)
        return found

    def test_offline(self) -> None:
        """It is told; its calls are taken all the same."""
        told: list[GatewayOnlineChanged] = []
        switch = self.begin(CALLER[0])
        switch.events.subscribe(GatewayOnlineChanged, told.append)
        switch.advance(SILENCE + 9.25 + SILENCE)
        self.assertEqual([(e.side, e.gateway, e.online) for e in told],
                         [("mapping", "ingress", False)])  # fmt: skip
        self.assertFalse(switch.presence.status("ingress").online)
        switch.taken()
        Caller(switch).invite()
        self.assertEqual(self.lines(switch, CALLEE), ["INVITE"])

    def test_single_addresses(self) -> None:
        """Blocks and ranges have no place; ports count where they are known."""
        given = ("192.0.2.0/24", CALLER[0], "192.0.2.11:5070", "192.0.2.1-192.0.2.9")
        places = self.places(self.begin(*given))
        self.assertEqual(places, [CALLER, ("192.0.2.11", 5060)])
        places = self.places(self.begin(*given, by_port=True))
        self.assertEqual(places, [CALLER, ("192.0.2.11", 5070)])
        places = self.places(self.begin("2001:db8::1", "[2001:db8::2]:5070"))
        self.assertEqual(places, [("2001:db8::1", 5060), ("2001:db8::2", 5060)])

    def test_nowhere(self) -> None:
        """One that is known by blocks only is not checked."""
        switch = self.begin("192.0.2.0/24")
        switch.advance(120)
        self.assertEqual(switch.taken(), [])

    def test_checks_of_both_sides(self) -> None:
        """A gateway of the same name on the other side is another one."""
        switch = self.switch(
            mapping=[attrs.evolve(mapping_gateway(sip=CHECKED), name="first")]
        )
        switch.advance(SILENCE + 9.25 + SILENCE)
        self.assertFalse(switch.presence.status("first").online)
        self.assertTrue(switch.availability.status("first").online)
        self.assertEqual(switch.taken(SECOND), [])
