"""
Hunts of any gateways that say anything: as docs/routing.md has it, which is told
here once more, from the outside.
"""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.peers import Callee, Caller
from tests.switch import ANSWER, CALLER, Switch
from vos3000.model.gateways import RoutingGateway
from vos3000.sip.message import Request, Response

DEFAULT_LIST = (486, 600, 603, 604, 606)
LONGEST = 500
"""Seconds after which every hunt of four gateways is over."""

Said = tuple[int, bytes]
Maybe = st.sampled_from([None, None, True, False])

STAGES = (
    "SS_SIP_TIMEOUT_INVITE",
    "SS_SIP_TIMEOUT_TRYING",
    "SS_SIP_TIMEOUT_SESSION_PROGRESS",
    "SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP",
    "SS_SIP_TIMEOUT_RINGING",
)
BUSY = "SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY"
RING = "SS_GATEWAY_SWITCH_UNTIL_CONNECT"
MEDIA = "SS_SIP_STOP_SWITCH_AFTER_SDP"
SILENCE = "SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT"
LIMIT = "SS_GATEWAY_SWITCH_LIMIT"
DEFAULTS = {
    **dict(zip(STAGES, ("10", "20", "20", "120", "120"), strict=True)),
    BUSY: "On",
    RING: "Off",
    MEDIA: "On",
    SILENCE: "Off",
    LIMIT: "None",
}


@attrs.frozen
class Way:
    """
    A gateway, and what it says when it is called.

    @ivar final: Its final status; 0 if it never says any.
    """

    ring: bool | None
    media: bool | None
    busy: bool | None
    codes: frozenset[int]
    allow: bool | None
    timeouts: tuple[int, int, int, int, int]
    said: tuple[Said, ...]
    final: int

    def gateway(self, place: int) -> RoutingGateway:
        """As the switch knows it."""
        return RoutingGateway(
            10 + place,
            f"g{place}",
            remote_ip=host(place),
            switch_on_ring=self.ring,
            switch_on_sdp=self.media,
            switch_on_busy=self.busy,
            stop_codes=self.codes,
            timeouts=self.timeouts,
            settings={"switchAllowErrorCode": self.allow},
        )

    @property
    def stage(self) -> int:
        """How far it comes."""
        places = {100: 1, 180: 4, 181: 2, 183: 2}
        return max([places[s] + (s == 183 and bool(b)) for s, b in self.said] + [0])


WAYS = st.builds(
    Way,
    Maybe,
    Maybe,
    Maybe,
    st.frozensets(st.sampled_from([404, 408, 480, 486, 503, 603]), max_size=2),
    Maybe,
    st.tuples(*[st.sampled_from([0, -1, 2, 5])] * 5),
    st.lists(
        st.sampled_from(
            [(100, b""), (180, b""), (181, b""), (183, b""), (183, ANSWER)]
        ),
        max_size=3,
    ).map(tuple),
    st.sampled_from([0, 0, 200, 404, 408, 480, 486, 500, 503, 600, 603]),
)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.sampled_from(["1", "6"]) for name in STAGES},
        **{name: st.sampled_from(["On", "Off"]) for name in (BUSY, RING, MEDIA)},
        SILENCE: st.sampled_from(["On", "Off"]),
        LIMIT: st.sampled_from(["None", "0", "1", "2"]),
    },
)


def host(place: int) -> str:
    """A gateway's address."""
    return f"192.0.2.{20 + place}"


def stops(way: Way, status: int, given: dict[str, str]) -> bool:
    """Whether a failure is the last: the first two rows of the page's table."""
    if way.final == 486 and way.busy is not None:
        return not way.busy
    if status in way.codes:
        return way.allow is not True
    if not way.final and way.stage == 0:
        return given[SILENCE] == "On"
    if way.codes and way.allow is not True:
        return False
    if way.final == 486:
        return given[BUSY] == "On"
    return status in DEFAULT_LIST


def expected(ways: list[Way], given: dict[str, str]) -> tuple[int, int, float]:
    """How many are tried, what the caller is told, and after how many seconds."""
    seconds, stays, status = 0.0, False, 0
    for place, way in enumerate(ways):
        if given[LIMIT] != "None" and place > int(given[LIMIT]):
            return place, status, seconds
        if any(s == 180 for s, _ in way.said):
            stays |= not (given[RING] == "On" if way.ring is None else way.ring)
        if any(body for _, body in way.said):
            stays |= not (given[MEDIA] == "Off" if way.media is None else way.media)
        status = way.final
        if not status:
            own = way.timeouts[way.stage]
            seconds += own if own > 0 else int(given[STAGES[way.stage]])
            status = 408 if way.stage < 3 else 480
        if status == 200 or stays or stops(way, status, given):
            return place + 1, status, seconds
    return len(ways), status, seconds


class HuntTests(SynchronousTestCase):
    """What the switch does, and what it should."""

    def play(self, switch: Switch, ways: list[Way]) -> tuple[int, int]:
        """Each gateway says what it says; how many were called, and the end."""
        called: list[int] = []
        for _ in range(LONGEST * 4):
            for place, way in enumerate(ways):
                if self.asked(Callee(switch, (host(place), 5060)), way):
                    called.append(place)
            for told in switch.taken(CALLER):
                if isinstance(told, Response) and told.status >= 200:
                    self.assertEqual(called, list(range(len(called))))
                    return len(called), told.status
            if all(address == CALLER for _, address in switch.channel.sent):
                switch.advance(0.25)
        raise AssertionError("the hunt never ends")

    def asked(self, peer: Callee, way: Way) -> bool:
        """Whether a gateway is called now; it says all that it has to say."""
        taken = peer.switch.taken(peer.address)
        requests = [each for each in taken if isinstance(each, Request)]
        for request in requests:
            if request.method == "CANCEL":
                peer.reply(request, 200)
        for request in requests:
            if request.method == "INVITE" and request.call_id not in self.known:
                self.known.add(request.call_id)
                self.answer(peer, request, way)
                return True
        return False

    def answer(self, peer: Callee, invite: Request, way: Way) -> None:
        """All that a gateway has to say."""
        for status, body in way.said:
            peer.reply(invite, status, body)
        if way.final:
            peer.reply(invite, way.final, ANSWER if way.final == 200 else b"")

    @settings(max_examples=60, deadline=None)
    @given(st.lists(WAYS, min_size=1, max_size=4), PARAMETERS)
    def test_as_told(self, ways: list[Way], parameters: dict[str, str]) -> None:
        """The gateways that are tried, the status, the time, and the record."""
        tried, status, seconds = expected(ways, {**DEFAULTS, **parameters})
        routing = [way.gateway(place) for place, way in enumerate(ways)]
        switch = Switch(routing=routing, parameters=parameters)
        self.known: set[str] = set()
        begun = switch.clock.seconds()
        Caller(switch).invite()
        self.assertEqual(self.play(switch, ways), (tried, status))
        took = switch.clock.seconds() - begun
        self.assertLess(abs(took - seconds), 1.0 + 0.25 * len(ways))
        if status != 200:
            (cdr,) = switch.cdrs
            self.assertEqual(cdr.calleegatewayid, f"g{tried - 1}")
