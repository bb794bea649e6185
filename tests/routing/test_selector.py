"""The order of routes, what is left out, and what ends a hunt."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.events import Events
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model import causes
from vos3000.model.gateways import LockType, MappingGateway, Protocol, RoutingGateway
from vos3000.routing.availability import Availability
from vos3000.routing.capacity import Capacity
from vos3000.routing.routes import Selection
from vos3000.routing.selector import Selector, SwitchSettings

CALLEE = "90080001"

GATEWAYS = st.fixed_dictionaries(
    {
        "prefixes": st.sampled_from([("",), ("9",), ("90", "9"), ("9008",), ("8",)]),
        "continues": st.booleans(),
        "priority": st.integers(0, 1),
        "capacity": st.integers(-1, 3),
        "lock_type": st.sampled_from([LockType.UNLOCKED, LockType.ALL]),
    }
)


def gateway(number: int, name: str = "", **changes: Any) -> RoutingGateway:
    """A usable routing gateway of all numbers."""
    fields = {"remote_ip": "192.0.2.1", **changes}
    return RoutingGateway(id=number, name=name or f"gw{number}", **fields)


def customer(**settings: Any) -> MappingGateway:
    """A mapping gateway with these settings."""
    return MappingGateway(id=1, name="customer", settings=settings)


def names(selection: Selection) -> list[str]:
    """The gateways in the order in which they are tried."""
    return [route.gateway.name for route in selection.routes]


def reasons(selection: Selection) -> dict[str, str]:
    """Why gateways were left out."""
    return {out.gateway.name: out.reason for out in selection.left_out}


class SelectorCase(SynchronousTestCase):
    """What the tests of the selector have in common."""

    def setUp(self) -> None:
        """A selector without gateways."""
        self.causes = causes.load()
        self.capacity = Capacity()
        self.settings = SwitchSettings()
        self.clock = Clock()
        self.availability = Availability(
            "routing",
            instants(self.clock.seconds, self.clock.seconds),
            self.capacity.used,
            Events(),
            Metrics(),
        )
        self.selector = Selector(
            self.capacity, self.availability, self.causes, lambda: self.settings
        )

    def select(
        self,
        *gateways: RoutingGateway,
        mapping: MappingGateway | None = None,
        caller: str | None = None,
        callee: str = CALLEE,
    ) -> Selection:
        """Load the gateways and select."""
        self.selector.load(gateways)
        return self.selector.select(callee, mapping, caller)


class PrefixTests(SelectorCase):
    """Prefixes and what follows them."""

    def example(self, continues: bool) -> list[str]:
        """The vendor's worked example."""
        err = gateway(9, "err", prefixes=("9008",), continues=continues)
        others = [
            gateway(1, "gw.101", prefixes=("9",), priority=1, continues=True),
            gateway(2, "gw.102", prefixes=("90",), priority=1, continues=True),
            gateway(3, "gw.103", prefixes=("9008",), priority=1, continues=True),
        ]
        return names(self.select(*others, err))

    def test_terminating(self) -> None:
        """After a terminating gateway's prefix no shorter one follows."""
        self.assertEqual(self.example(continues=False), ["err", "gw.103"])

    def test_carrying_through(self) -> None:
        """Shorter prefixes follow where all gateways of the longer let them."""
        expected = ["err", "gw.103", "gw.102", "gw.101"]
        self.assertEqual(self.example(continues=True), expected)

    def test_one_terminating_gateway_is_enough(self) -> None:
        """Wherever it stands in the order of its prefix."""
        selection = self.select(
            gateway(1, prefixes=("90",), continues=True),
            gateway(2, prefixes=("90",), priority=9),
            gateway(3, prefixes=("9",)),
        )
        self.assertEqual(names(selection), ["gw1", "gw2"])

    def test_empty_prefix_serves_all(self) -> None:
        """A gateway without prefixes is the last resort of every number."""
        selection = self.select(gateway(1), gateway(2, prefixes=("9",), continues=True))
        self.assertEqual(names(selection), ["gw2", "gw1"])

    def test_no_prefix(self) -> None:
        """A number that no prefix fits has no route, and nothing is left out."""
        selection = self.select(gateway(1, prefixes=("8", "900800012")))
        self.assertEqual(selection, Selection((), ()))

    def test_gateway_comes_once(self) -> None:
        """A gateway of several prefixes is tried at its longest only."""
        selection = self.select(
            gateway(1, prefixes=("9", "9008", "9"), continues=True),
            gateway(2, prefixes=("9",)),
        )
        found = [(route.gateway.name, route.prefix) for route in selection.routes]
        self.assertEqual(found, [("gw1", "9008"), ("gw2", "9")])

    def test_full_gateway_still_terminates(self) -> None:
        """A full gateway counts as failed: shorter prefixes do not follow."""
        self.capacity.acquire("gw1", 1)
        selection = self.select(
            gateway(1, prefixes=("90",), capacity=1), gateway(2, prefixes=("9",))
        )
        self.assertEqual(names(selection), [])
        self.assertEqual(reasons(selection), {"gw1": "full"})

    def test_locked_gateway_does_not_terminate(self) -> None:
        """A gateway that the operator took out is as if it were not there."""
        selection = self.select(
            gateway(1, prefixes=("90",), lock_type=LockType.ALL),
            gateway(2, prefixes=("9",)),
        )
        self.assertEqual(names(selection), ["gw2"])

    def test_gateway_that_does_not_serve_the_number_does_not_terminate(self) -> None:
        """Its limits on numbers make room for shorter prefixes."""
        selection = self.select(
            gateway(1, prefixes=("90",), settings={"calleeAllowLength": 1 << 11}),
            gateway(2, prefixes=("9",)),
        )
        self.assertEqual(names(selection), ["gw2"])


class OrderTests(SelectorCase):
    """The order below one prefix."""

    def test_priority_first(self) -> None:
        """The smaller number is tried first, whatever the load."""
        self.capacity.acquire("gw1", 2)
        selection = self.select(gateway(2, priority=2), gateway(1, capacity=2))
        self.assertEqual(names(selection), ["gw1", "gw2"])

    def test_load_ratio(self) -> None:
        """Of the same priority the one with the smaller part in use."""
        for name in ("gw1", "gw2", "gw2"):
            self.capacity.acquire(name, 0)
        selection = self.select(gateway(1, capacity=2), gateway(2, capacity=10))
        self.assertEqual(names(selection), ["gw2", "gw1"])

    def test_no_limit_is_no_load(self) -> None:
        """A gateway without a limit counts as empty."""
        for _ in range(9):
            self.capacity.acquire("gw2", 0)
        self.capacity.acquire("gw1", 100)
        selection = self.select(gateway(1, capacity=100), gateway(2, capacity=-1))
        self.assertEqual(names(selection), ["gw2", "gw1"])

    def test_past_calls(self) -> None:
        """Of the same load the one with fewer calls so far."""
        gateways = gateway(1), gateway(2), gateway(3)
        self.select(*gateways)
        for name in ("gw1", "gw1", "gw2"):
            self.selector.attempted(name)
        selection = self.selector.select(CALLEE, None)
        self.assertEqual(names(selection), ["gw3", "gw2", "gw1"])

    def test_past_calls_outlive_a_load(self) -> None:
        """Gateways that stay keep their count."""
        self.select(gateway(1), gateway(2))
        self.selector.attempted("gw1")
        self.assertEqual(names(self.select(gateway(1), gateway(2))), ["gw2", "gw1"])

    def test_id_last(self) -> None:
        """Of two alike the smaller id."""
        selection = self.select(gateway(2), gateway(1), gateway(3))
        self.assertEqual(names(selection), ["gw1", "gw2", "gw3"])


class LawTests(SelectorCase):
    """What holds for all tables."""

    @given(st.lists(GATEWAYS, max_size=8), st.lists(st.integers(0, 7), max_size=9))
    def test_definition(self, given_: list[dict[str, Any]], calls: list[int]) -> None:
        """Routes are the definition's, and each fitting gateway is accounted for."""
        self.setUp()
        gateways = [gateway(n, **fields) for n, fields in enumerate(given_)]
        for call in calls:
            self.capacity.acquire(f"gw{call}", 0)
        selection = self.select(*gateways)
        self.assertEqual(names(selection), self.defined(gateways))
        told = names(selection) + list(reasons(selection))
        self.assertEqual(len(told), len(set(told)))

    def defined(self, gateways: list[RoutingGateway]) -> list[str]:
        """The routes, prefix by prefix, as docs/routing.md tells them."""
        order: list[str] = []
        for length in range(len(CALLEE), -1, -1):
            prefix = CALLEE[:length]
            level = [one for one in gateways if self.longest(one) == prefix]
            level = [one for one in level if one.lock_type == LockType.UNLOCKED]
            free = [one for one in level if not self.ratio(one) >= 1]
            free.sort(key=lambda one: (one.priority, self.ratio(one), one.id))
            order += [one.name for one in free]
            if not all(one.continues for one in level):
                break
        return order

    def longest(self, one: RoutingGateway) -> str | None:
        """The longest of its prefixes that fits."""
        fitting = [prefix for prefix in one.prefixes if CALLEE.startswith(prefix)]
        return max(fitting, key=len, default=None)

    def ratio(self, one: RoutingGateway) -> float:
        """Its calls by its limit."""
        if one.capacity <= 0:
            return 0.0
        return self.capacity.used(one.name) / one.capacity


class LeftOutTests(SelectorCase):
    """Gateways that are not tried, and the reason."""

    def test_each_reason(self) -> None:
        """Whatever keeps a gateway out is told beside it."""
        self.capacity.acquire("full", 1)
        selection = self.select(
            gateway(1, "locked", lock_type=LockType.ALL),
            gateway(2, "incoming", lock_type=LockType.INCOMING),
            gateway(3, "h323", protocol=Protocol.H323),
            gateway(4, "dynamic", register_type=1),
            gateway(5, "upstream", register_type=2),
            gateway(6, "nowhere", remote_ip=""),
            gateway(7, "full", capacity=1),
            gateway(8, "good"),
        )
        self.assertEqual(names(selection), ["good"])
        expected = {
            "locked": "locked",
            "incoming": "locked",
            "h323": "H.323 is not in this release",
            "dynamic": "not registered",
            "upstream": "not registered",
            "nowhere": "no address",
            "full": "full",
        }
        self.assertEqual(reasons(selection), expected)

    def test_prefix_is_told(self) -> None:
        """The prefix that led to the gateway stands beside the reason."""
        selection = self.select(gateway(1, prefixes=("90",), remote_ip=""))
        self.assertEqual(selection.left_out[0].prefix, "90")

    def test_allowed_groups(self) -> None:
        """Only gateways in one of the groups are tried."""
        mapping = customer(routingGatewayGroups="a, b", routingGatewayGroupsAllow=True)
        selection = self.select(
            gateway(1, settings={"gatewayGroups": "b,c"}),
            gateway(2, settings={"gatewayGroups": "c"}),
            gateway(3),
            mapping=mapping,
        )
        self.assertEqual(names(selection), ["gw1"])
        expected = {"gw2": "group not allowed", "gw3": "group not allowed"}
        self.assertEqual(reasons(selection), expected)

    def test_forbidden_groups(self) -> None:
        """Gateways in one of the groups are not tried."""
        mapping = customer(routingGatewayGroups="a", routingGatewayGroupsAllow=False)
        selection = self.select(
            gateway(1, settings={"gatewayGroups": "a,c"}), gateway(2), mapping=mapping
        )
        self.assertEqual(names(selection), ["gw2"])
        self.assertEqual(reasons(selection), {"gw1": "group forbidden"})

    def test_no_groups_are_all_groups(self) -> None:
        """An empty list limits nothing, whatever the flag says."""
        for text in ("", " , ", None):
            mapping = customer(
                routingGatewayGroups=text, routingGatewayGroupsAllow=True
            )
            self.assertEqual(names(self.select(gateway(1), mapping=mapping)), ["gw1"])

    def test_callee_prefixes(self) -> None:
        """The list of callee prefixes, as allowed and as forbidden ones."""
        for allow, reason in [(True, "not allowed"), (False, "forbidden")]:
            fields = {
                "callinCalleePrefixes": "8" if allow else "900",
                "callinCalleePrefixesAllow": allow,
            }
            selection = self.select(gateway(1, settings=fields))
            self.assertEqual(reasons(selection), {"gw1": f"callee: prefix {reason}"})

    def test_caller_prefixes(self) -> None:
        """The list of caller prefixes holds where a caller is known."""
        fields = {"callinCallerPrefixes": "44", "callinCallerPrefixesAllow": True}
        one = gateway(1, settings=fields)
        self.assertEqual(
            reasons(self.select(one, caller="33123")),
            {"gw1": "caller: prefix not allowed"},
        )
        self.assertEqual(names(self.select(one, caller="44123")), ["gw1"])
        self.assertEqual(names(self.select(one)), ["gw1"])

    def test_pairs(self) -> None:
        """denyCallerCallee: forbidden pairs, or the only ones, by their prefixes."""
        pairs = "025:010, 021:900"
        deny = gateway(1, settings={"denyCallerCallee": pairs})
        both = {"denyCallerCallee": pairs, "denyCallerCalleeAllow": True}
        allow = gateway(2, settings=both)
        selection = self.select(deny, allow, caller="0211")
        self.assertEqual(names(selection), ["gw2"])
        self.assertEqual(reasons(selection), {"gw1": "pair forbidden"})
        selection = self.select(deny, allow, caller="0251")
        self.assertEqual(names(selection), ["gw1"])
        self.assertEqual(reasons(selection), {"gw2": "pair not allowed"})
        self.assertEqual(names(self.select(deny, allow)), ["gw1", "gw2"])
        one = gateway(1, settings={"denyCallerCallee": "x,,"})
        self.assertEqual(names(self.select(one, caller="0211")), ["gw1"])

    def test_scheduled(self) -> None:
        """scheduledCallinPrefixes hold in their hours only."""
        rule = {"days": [0], "beginTime": 0, "endTime": 3600, "action": 0, "type": 1}
        fields = {"scheduledCallinPrefixes": [{**rule, "prefixes": ["900"]}]}
        selection = self.select(gateway(1, settings=fields), gateway(2))
        self.assertEqual(names(selection), ["gw2"])
        self.assertEqual(reasons(selection), {"gw1": "callee: forbidden at this time"})
        later = {**fields["scheduledCallinPrefixes"][0], "days": [1]}
        fields = {"scheduledCallinPrefixes": [later]}
        self.assertEqual(names(self.select(gateway(1, settings=fields))), ["gw1"])

    def test_lengths(self) -> None:
        """The masks of callee and caller lengths."""
        callee = gateway(1, settings={"calleeAllowLength": 1 << 9})
        caller = gateway(2, settings={"callerAllowLength": 1 << 9})
        expected = {
            "gw1": "callee: length not allowed",
            "gw2": "caller: length not allowed",
        }
        self.assertEqual(reasons(self.select(callee, caller, caller="12")), expected)


class StopTests(SelectorCase):
    """What ends a hunt."""

    def stopping(self, one: RoutingGateway) -> set[int]:
        """The end reasons that end the hunt at C{one}."""
        return {c.code for c in self.causes if self.selector.stops(one, c)}

    def test_default_list(self) -> None:
        """Busy and the refusals that hold everywhere; all else goes on."""
        busy = self.causes["CalleeBusy"].code
        expected = {486, 600, 603, 604, 606, 17, busy}
        self.assertEqual(self.stopping(gateway(1)), expected)

    def test_own_list_replaces(self) -> None:
        """A gateway's list stands in place of the default."""
        found = self.stopping(gateway(1, stop_codes=frozenset((404, 503))))
        device = {code for code in found if code >= 300}
        self.assertEqual(device, {404, 503})
        self.assertNotIn(17, found)

    def test_own_list_for_other_protocols(self) -> None:
        """Its statuses hold for causes that are told by them."""
        found = self.stopping(gateway(1, stop_codes=frozenset((486,))))
        self.assertEqual(found, {486, 17, self.causes["CalleeBusy"].code})

    def test_listed_codes_may_be_allowed(self) -> None:
        """With switchAllowErrorCode the list names what may be tried elsewhere."""
        one = gateway(
            1,
            stop_codes=frozenset((603, 486)),
            settings={"switchAllowErrorCode": True},
        )
        self.assertEqual(self.stopping(one), {600, 604, 606})

    def test_busy_by_the_gateway(self) -> None:
        """switchAllowBusy wins over the list and the system."""
        allowed = gateway(1, switch_on_busy=True, stop_codes=frozenset((486,)))
        self.assertEqual(self.stopping(allowed), set())
        self.settings = SwitchSettings(stop_after_user_busy=False)
        forbidden = gateway(1, switch_on_busy=False)
        self.assertTrue(self.selector.stops(forbidden, self.causes.by_sip(486)))

    def test_busy_by_the_system(self) -> None:
        """SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY off lets busy be tried again."""
        self.settings = SwitchSettings(stop_after_user_busy=False)
        self.assertEqual(self.stopping(gateway(1)), {600, 603, 604, 606})

    def test_no_reply_by_the_system(self) -> None:
        """SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT ends it there."""
        self.settings = SwitchSettings(stop_after_invite_timeout=True)
        code = self.causes["ConnectionTimeout"].code
        self.assertIn(code, self.stopping(gateway(1)))

    def test_after_ring(self) -> None:
        """The gateway decides, else SS_GATEWAY_SWITCH_UNTIL_CONNECT."""
        may = self.selector.may_switch_after_ring
        self.assertFalse(may(gateway(1)))
        self.assertTrue(may(gateway(1, switch_on_ring=True)))
        self.settings = SwitchSettings(until_connect=True)
        self.assertTrue(may(gateway(1)))
        self.assertFalse(may(gateway(1, switch_on_ring=False)))

    def test_after_sdp(self) -> None:
        """The gateway decides, else SS_SIP_STOP_SWITCH_AFTER_SDP."""
        may = self.selector.may_switch_after_sdp
        self.assertTrue(may(gateway(1)))
        self.assertFalse(may(gateway(1, switch_on_sdp=False)))
        self.settings = SwitchSettings(stop_after_sdp=True)
        self.assertFalse(may(gateway(1)))
        self.assertTrue(may(gateway(1, switch_on_sdp=True)))
