"""
Every system parameter of failover and of an attempt's stages, and every setting
of a gateway's that goes before it: each by itself, at the wire.
"""

from __future__ import annotations

from typing import Any

from tests.call.test_failover import HuntTests, second
from tests.peers import Callee
from tests.switch import ANSWER, CALLER, SECOND, Switch, routing_gateway
from vos3000.model.gateways import RoutingGateway
from vos3000.sip.message import Request

STAGES = (
    ("SS_SIP_TIMEOUT_INVITE", 0, b"", 10),
    ("SS_SIP_TIMEOUT_TRYING", 100, b"", 20),
    ("SS_SIP_TIMEOUT_SESSION_PROGRESS", 183, b"", 20),
    ("SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP", 183, ANSWER, 120),
    ("SS_SIP_TIMEOUT_RINGING", 180, b"", 120),
)
"""Each stage's parameter, what brings an attempt there, and the default."""

ON = {"SS_GATEWAY_SWITCH_UNTIL_CONNECT": "On", "SS_SIP_STOP_SWITCH_AFTER_SDP": "Off"}
"""So that no stage ends the hunt."""


class StageTests(HuntTests):
    """SS_SIP_TIMEOUT_*, and timeoutInvite to timeoutRinging."""

    def lasts(
        self, stage: int, seconds: int, switch: Switch, invite: Request
    ) -> Request:
        """The attempt is given up after so many seconds in its stage, not before."""
        _, status, body, _ = STAGES[stage]
        if status:
            Callee(switch).reply(invite, status, body)
        switch.advance(seconds - 0.25)
        self.assertEqual(switch.taken(SECOND), [], stage)
        switch.advance(0.5)
        return self.assert_went_on(switch)

    def test_each_parameter(self) -> None:
        """It sets its own stage and no other."""
        for place, (name, *_) in enumerate(STAGES):
            for stage, (*_, default) in enumerate(STAGES):
                switch, _, _, invite = self.begin(parameters={**ON, name: "7"})
                self.lasts(stage, 7 if stage == place else default, switch, invite)

    def test_each_own_value(self) -> None:
        """It sets its own stage; 0 and less leave the others to the system."""
        for rest in (0, -1):
            for place in range(len(STAGES)):
                own = tuple(5 if place == each else rest for each in range(5))
                gateways = [routing_gateway(timeouts=own), second()]
                for stage, (*_, default) in enumerate(STAGES):
                    switch, _, _, invite = self.begin(routing=gateways, parameters=ON)
                    self.lasts(stage, 5 if stage == place else default, switch, invite)

    def test_own_before_the_systems(self) -> None:
        """Shorter or longer."""
        names = {name: "9" for name, *_ in STAGES}
        for own in (4, 14):
            gateways = [routing_gateway(timeouts=(own,) * 5), second()]
            for stage in range(len(STAGES)):
                switch, _, _, invite = self.begin(
                    routing=gateways, parameters={**ON, **names}
                )
                self.lasts(stage, own, switch, invite)

    def test_no_longer_than_the_invite_is_sent(self) -> None:
        """SS_SIP_RESEND_INTERVAL ends the first stage, too; a longer list does not."""
        gateways = [routing_gateway(timeouts=(30, 0, 0, 0, 0)), second()]
        for parameters, seconds in (({}, 19.5), ({"SS_SIP_RESEND_INTERVAL": "20"}, 30)):
            switch, *_ = self.begin(routing=gateways, parameters=parameters)
            switch.advance(seconds - 0.5)
            self.assertEqual(switch.taken(SECOND), [])
            switch.advance(1)
            self.assert_went_on(switch)

    def test_a_change_is_in_force_for_the_next_attempt(self) -> None:
        """The one under way keeps what it began with."""
        switch, _, _, invite = self.begin(parameters=ON)
        switch.parameters.replace({**ON, "SS_SIP_TIMEOUT_TRYING": "3"})
        switch.in_force.load(switch.parameters.values)
        other = self.lasts(1, 20, switch, invite)
        Callee(switch, SECOND).reply(other, 100)
        switch.advance(3.25)
        self.assert_over(switch, -1001, 2)


class SwitchTests(HuntTests):
    """SS_GATEWAY_SWITCH_*, SS_SIP_STOP_SWITCH_AFTER_SDP, and their settings."""

    BUSY = ((486, b""),)
    RANG = ((180, b""), (503, b""))
    MEDIA = ((183, ANSWER), (503, b""))

    def goes_on(
        self,
        said: tuple[tuple[int, bytes], ...],
        parameters: dict[str, str],
        **first: Any,
    ) -> bool:
        """Whether the next gateway is tried after what the first one said."""
        gateways = [routing_gateway(**first), second()]
        switch, _, callee, invite = self.begin(routing=gateways, parameters=parameters)
        for status, body in said:
            callee.reply(invite, status, body)
        went = bool(switch.taken(SECOND))
        last = self.lines(switch, CALLER)[-1:]
        self.assertEqual(last != [str(said[-1][0])], went, (said, parameters, first))
        return went

    def test_each(self) -> None:
        """
        The parameter either way, and the gateway's own setting before it.
        """
        for name, own, said, goes in (
            ("SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY", "busy", self.BUSY, "Off"),
            ("SS_GATEWAY_SWITCH_UNTIL_CONNECT", "ring", self.RANG, "On"),
            ("SS_SIP_STOP_SWITCH_AFTER_SDP", "sdp", self.MEDIA, "Off"),
        ):
            for value in ("On", "Off"):
                given = {name: value}
                self.assertIs(self.goes_on(said, given), value == goes, given)
                for allowed in (True, False):
                    setting = {f"switch_on_{own}": allowed}
                    self.assertIs(self.goes_on(said, given, **setting), allowed)

    def test_defaults(self) -> None:
        """None of the three is tried elsewhere."""
        for said in (self.BUSY, self.RANG, self.MEDIA):
            self.assertFalse(self.goes_on(said, {}))

    def test_busy_stops_also_until_connect(self) -> None:
        """SS_GATEWAY_SWITCH_UNTIL_CONNECT says nothing of busy users."""
        self.assertFalse(self.goes_on(((180, b""), (486, b"")), ON))
        both = {**ON, "SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY": "Off"}
        self.assertTrue(self.goes_on(((180, b""), (486, b"")), both))

    def test_ringing_stops_although_busy_does_not(self) -> None:
        """Who rang and is busy then was there: each rule counts by itself."""
        off = {"SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY": "Off"}
        self.assertFalse(self.goes_on(((180, b""), (486, b"")), off))

    def test_ringing_with_media(self) -> None:
        """180 with a description is both: either rule ends the hunt."""
        said = ((180, ANSWER), (503, b""))
        for until, stop, goes in (
            ("On", "Off", True),
            ("On", "On", False),
            ("Off", "Off", False),
        ):
            given = {
                "SS_GATEWAY_SWITCH_UNTIL_CONNECT": until,
                "SS_SIP_STOP_SWITCH_AFTER_SDP": stop,
            }
            self.assertIs(self.goes_on(said, given), goes, given)

    def test_own_list(self) -> None:
        """
        stopSwitchSipCodes, and what switchAllowErrorCode makes of it: unset or
        false it names what ends the hunt, true what does not.
        """
        for allow, status, goes in (
            (None, 404, False),
            (None, 600, True),
            (None, 503, True),
            (False, 603, False),
            (False, 600, True),
            (True, 404, True),
            (True, 503, True),
            (True, 603, True),
            (True, 600, False),
        ):
            own = {
                "stop_codes": frozenset((404, 603)),
                "settings": {"switchAllowErrorCode": allow},
            }
            went = self.goes_on(((status, b""),), {}, **own)
            self.assertIs(went, goes, (allow, status))

    def test_limit(self) -> None:
        """SS_GATEWAY_SWITCH_LIMIT: moves after the first attempt; None for any."""
        hosts = [f"192.0.2.2{n}" for n in range(5)]
        gateways = [
            RoutingGateway(10 + n, f"g{n}", remote_ip=host)
            for n, host in enumerate(hosts)
        ]
        for limit, tried in (("None", 5), ("0", 1), ("1", 2), ("3", 4), ("9", 5)):
            switch, _, callee, invite = self.begin(
                routing=gateways, parameters={"SS_GATEWAY_SWITCH_LIMIT": limit}
            )
            callee.reply(invite, 503)
            asked = 1
            for host in hosts[1:]:
                for each in switch.taken((host, 5060)):
                    assert isinstance(each, Request)
                    Callee(switch, (host, 5060)).reply(each, 503)
                    asked += each.method == "INVITE"
            self.assertEqual(asked, tried, limit)
            self.assert_over(switch, 503, 1)
