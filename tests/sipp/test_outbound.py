"""
Towards the vendors: SIPp challenges, redirects, pauses, registers and publishes.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.sipp.case import OPENING, ORDINARY, TALK, Calls
from tests.sipp.runner import Outcome, Party, sipp
from tests.sipp.shared import Carrier, Running, Shared

PARAMETERS = {"SS_SIP_RESEND_INTERVAL": "0.2,0.2,0.2"}
"""So that nobody waits for long for those who never answer."""


class Silent:
    """A port of 127.0.0.1 where nobody answers."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]

    def heard(self) -> list[bytes]:
        """The first line of what came."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(65535).partition(b" ")[0])
            except BlockingIOError:
                return found

    def close(self) -> None:
        """Let the port go."""
        self._socket.close()


class OutboundCalls(Calls):
    """What they have in common."""

    carrier: Carrier

    def callee(self, party: Party, suffix: str = "a", **fields: Any) -> Party:
        """A vendor's gateway, with a route to it."""
        self.parties(party)
        self.carrier.route(suffix, party.port, **fields)
        return party

    def caller(self, scenario: str = "caller-answered", status: int = 0) -> Party:
        """The customer's gateway."""
        return Party(scenario, self.carrier.address, status=status)

    def silent(self) -> Silent:
        """A port without an answer, for this test."""
        silent = Silent()
        self.addCleanup(silent.close)
        return silent

    def begin(self, party: Party) -> Deferred[Outcome]:
        """Start a party that no call waits for."""
        return party.start(Path(self.mktemp()))

    def assert_good(self, outcome: Outcome) -> None:
        """It ended as its scenario says."""
        self.assertEqual(outcome.status, 0, f"{outcome.scenario}: {outcome.errors}")

    def routing(self) -> dict[str, dict[str, Any]]:
        """The routing gateways that are online, by name."""
        answer = self.carrier.switch.post("GetGatewayRoutingOnline")
        return {one["name"]: one for one in answer["infoGatewayRoutingOnlines"]}

    async def until(self, seen: Callable[[], bool], seconds: float = 15.0) -> None:
        """Wait for something to be so."""
        end = time.monotonic() + seconds
        while not seen():
            self.assertLess(time.monotonic(), end, "it did not happen")
            await self.pause(0.1)


class OutboundTests(OutboundCalls):
    """Calls through one switch that stays up."""

    shared = Shared(parameters=PARAMETERS)

    def setUp(self) -> None:
        """A carrier of this test's own; no SIPp, no test passes."""
        sipp()
        self.carrier = self.shared.running().carrier()
        self.carrier.create(OPENING)

    async def test_challenged(self) -> None:
        """401: the call is authenticated, its ACK and its BYE too; one record."""
        await self.challenged("callee-challenges")

    async def test_challenged_by_a_proxy(self) -> None:
        """407 likewise."""
        await self.challenged("callee-challenges-proxy")

    async def challenged(self, scenario: str) -> None:
        """A vendor asks who calls."""
        name = self.carrier.gateway("a")
        party = Party(scenario, values={"user": name})
        callee = self.callee(party, password="secret")
        await self.call(self.carrier, self.caller(), callee, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, calleegatewayid=name)
        self.assert_paid(self.carrier, row)

    async def test_redirection_followed(self) -> None:
        """The contact gets the call; the record names the gateway."""
        target = Party("callee-answers")
        self.parties(target)
        to = f"<sip:{self.carrier.number}@127.0.0.1:{target.port}>"
        redirects = Party("callee-redirects", values={"contact": to})
        self.callee(redirects, sipFollowRedirect=True)
        await self.call(self.carrier, self.caller(), redirects, target, hold=TALK)
        row = await self.record(self.carrier)
        name = self.carrier.gateway("a")
        self.assert_columns(row, endreason=ORDINARY, calleegatewayid=name)
        self.assert_paid(self.carrier, row)

    async def test_redirection_refused(self) -> None:
        """Without the option the next gateway gets the call."""
        nobody = self.silent()
        to = f"<sip:{self.carrier.number}@127.0.0.1:{nobody.port}>"
        redirects = Party("callee-redirects", values={"contact": to})
        self.callee(redirects, priority=1)
        answers = self.callee(Party("callee-answers"), "b", priority=2)
        await self.call(self.carrier, self.caller(), redirects, answers, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(row, calleegatewayid=self.carrier.gateway("b"))
        self.assert_paid(self.carrier, row)
        self.assertEqual(nobody.heard(), [])

    async def test_pause(self) -> None:
        """After 503 with Retry-After the next call goes elsewhere at once."""
        pauses = self.callee(Party("callee-pauses"), priority=1)
        answers = self.callee(Party("callee-answers"), "b", priority=2)
        await self.call(self.carrier, self.caller(), pauses, answers, hold=100)
        name = self.carrier.gateway("a")
        left = self.routing()[name]["retryAfter"]
        self.assertTrue(100_000 < left <= 120_000, left)
        printed = self.carrier.switch.command(
            "route-test", "--json", "--from", self.carrier.address, "1",
            self.carrier.number,
        )  # fmt: skip
        self.assertIn("s by Retry-After", printed)
        again = Party("callee-answers", port=answers.port)
        self.addCleanup(again.stop)
        await self.call(self.carrier, self.caller(), again, hold=100)

    async def test_media_stops_the_hunt(self) -> None:
        """SS_SIP_STOP_SWITCH_AFTER_SDP; switchAllowSdp of the gateway."""
        for allowed in (False, True):
            self.carrier = self.shared.running().carrier()
            self.carrier.create(OPENING)
            nobody = self.silent()
            described = Party("callee-describes-refuses", status=503)
            switching = {"switchAllowSdp": True} if allowed else {}
            self.callee(described, priority=1, **switching)
            if allowed:
                other = self.callee(
                    Party("callee-refuses", status=404), "b", priority=2
                )
                caller = self.caller("caller-hears-media", 404)
                await self.call(self.carrier, caller, described, other)
            else:
                self.carrier.route("b", nobody.port, priority=2)
                caller = self.caller("caller-hears-media", 503)
                await self.call(self.carrier, caller, described)
            self.assertEqual(nobody.heard(), [])

    async def test_status_that_stops_the_hunt(self) -> None:
        """stopSwitchSipCodes of a gateway: its 503 goes back to the caller."""
        nobody = self.silent()
        refuses = Party("callee-refuses", status=503)
        self.callee(refuses, priority=1)
        self.carrier.column("a", "stopswitchsipcodes", "503")
        self.carrier.route("b", nobody.port, priority=2)
        await self.call(self.carrier, self.caller("caller-refused", 503), refuses)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=503, fee=0)
        self.assert_columns(row, calleegatewayid=self.carrier.gateway("a"))
        self.assertEqual(nobody.heard(), [])

    async def test_limit_of_a_stage(self) -> None:
        """timeoutTrying of the gateway: CANCEL, then the next one."""
        tries = Party("callee-tries")
        self.callee(tries, priority=1, timeoutTrying=1)
        other = self.callee(Party("callee-answers"), "b", priority=2)
        began = time.monotonic()
        await self.call(self.carrier, self.caller(), tries, other, hold=TALK)
        self.assertLess(time.monotonic() - began, 10)
        self.assert_paid(self.carrier, await self.record(self.carrier))

    async def test_options(self) -> None:
        """A silent gateway goes offline; one answer brings it back."""
        nobody = Silent()
        name = self.carrier.gateway("a")
        self.carrier.route("a", nobody.port, sipOptionsPeriod=1)
        self.assertIn(name, self.routing())
        await self.until(lambda: name not in self.routing())
        self.assertEqual(set(nobody.heard()), {b"OPTIONS"})
        await self.call(self.carrier, self.caller("caller-refused", 503))
        self.assertEqual(set(nobody.heard()) - {b"OPTIONS"}, set())
        nobody.close()
        answers = Party("options-answers", port=nobody.port)
        self.addCleanup(answers.stop)
        self.assert_good(await self.begin(answers))
        self.assertIn(name, self.routing())

    async def test_publish(self) -> None:
        """A gateway says that it is closed: its calls are refused at once."""
        nobody = self.silent()
        self.carrier.route("a", nobody.port, sipAllowPublish=True)
        says = Party("gateway-publishes", values={"state": "status=closed"})
        self.parties(says)
        target = self.carrier.switch.port
        outcome = await says.start(Path(self.mktemp()), target=target)
        self.assert_good(outcome)
        await self.call(self.carrier, self.caller("caller-refused", 503))
        self.assertEqual(nobody.heard(), [])
        self.carrier.switch.post(
            "ModifyGatewayRouting", name=self.carrier.gateway("a"), lockType=3
        )

    def ask_at(self, port: int) -> None:
        """Let a redirect server name the routes of the customer's calls."""
        server = f"127.0.0.1:{port}"
        name = self.carrier.gateway("in")
        self.carrier.switch.post(
            "ModifyGatewayMapping", name=name, sipRedirectServer=server
        )

    async def test_redirect_server(self) -> None:
        """It is asked first; its contact is the route, though not the first one."""
        nobody = self.silent()
        self.carrier.route("a", nobody.port, priority=1)
        answers = self.callee(Party("callee-answers"), "b", priority=2)
        to = f"<sip:4711@127.0.0.1:{answers.port}>"
        server = Party("callee-redirects", values={"contact": to})
        self.parties(server)
        self.ask_at(server.port)
        await self.call(self.carrier, self.caller(), server, answers, hold=TALK)
        row = await self.record(self.carrier)
        name = self.carrier.gateway("b")
        self.assert_columns(row, calleegatewayid=name, calleetogatewaye164="4711")
        self.assert_paid(self.carrier, row)
        self.assertEqual(nobody.heard(), [])

    async def test_redirect_server_names_several(self) -> None:
        """Its contacts are tried in the order of their q, whatever theirs is."""
        first = self.callee(Party("callee-refuses", status=503))
        second = self.callee(Party("callee-answers"), "b")
        contacts = ((second, "0.2"), (first, "0.9"))
        to = ", ".join(f"<sip:1@127.0.0.1:{p.port}>;q={q}" for p, q in contacts)
        server = Party("callee-redirects", values={"contact": to})
        self.parties(server)
        self.ask_at(server.port)
        caller = self.caller()
        await self.call(self.carrier, caller, server, first, second, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(row, calleegatewayid=self.carrier.gateway("b"))
        self.assert_paid(self.carrier, row)

    async def test_silent_redirect_server(self) -> None:
        """After two seconds the call takes its ordinary way."""
        nobody = self.silent()
        self.ask_at(nobody.port)
        answers = self.callee(Party("callee-answers"))
        await self.call(self.carrier, self.caller(), answers, hold=TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))
        self.assertEqual(set(nobody.heard()), {b"INVITE"})

    async def test_failing_redirect_server(self) -> None:
        """503 of the server: likewise, at once; 404 refuses the call."""
        server = Party("callee-refuses", status=503)
        self.parties(server)
        self.ask_at(server.port)
        answers = self.callee(Party("callee-answers"))
        await self.call(self.carrier, self.caller(), server, answers, hold=TALK)
        self.assert_paid(self.carrier, await self.record(self.carrier))
        again = Party("callee-refuses", port=server.port, status=404)
        self.addCleanup(again.stop)
        await self.call(self.carrier, self.caller("caller-refused", 404), again)


class RegistrationTests(OutboundCalls):
    """A switch of its own, which ends."""

    async def test_life(self) -> None:
        """Challenged, too brief, granted, refreshed; unregistered on SIGTERM."""
        sipp()
        running = Running(parameters=PARAMETERS)
        self.addCleanup(running.stop)
        self.carrier = running.carrier()
        self.carrier.create(OPENING)
        registrar = Party("registrar-lives", values={"user": "auth-7"})
        self.parties(registrar)
        ended = self.begin(registrar)
        await self.pause(0.3)
        self.assertEqual(self.routing(), {})
        self.carrier.switch.post(
            "CreateGatewayRouting",
            name="peer",
            prefix="86",
            protocol=1,
            registerType=2,
            remoteIp="127.0.0.1",
            signalPort=registrar.port,
            password="secret",
            registerName="trunk",
            registerAuthName="auth-7",
            registerDomain="carrier.example",
        )
        await self.until(lambda: "peer" in self.routing())
        first = self.routing()["peer"]
        self.assertEqual(first["registerName"], "trunk")
        self.assertGreater(first["registerTime"], 0)
        await self.until(
            lambda: self.routing()["peer"]["updateTime"] > first["updateTime"]
        )
        self.assertEqual(self.routing()["peer"]["registerTime"], first["registerTime"])
        running.child.terminate()
        self.assert_good(await ended)
        self.assertEqual(running.child.wait(10.0), 0)

    async def test_registrar_is_gone(self) -> None:
        """A switch that stops does not wait for it for long."""
        nobody = self.silent()
        running = Running()
        self.addCleanup(running.stop)
        self.carrier = running.carrier()
        self.carrier.switch.post(
            "CreateGatewayRouting", name="peer", prefix="86", protocol=1,
            registerType=2, remoteIp="127.0.0.1", signalPort=nobody.port,
            registerName="trunk",
        )  # fmt: skip
        await self.pause(0.5)
        self.assertEqual(set(nobody.heard()), {b"REGISTER"})
        began = time.monotonic()
        running.child.terminate()
        self.assertEqual(running.child.wait(10.0), 0)
        self.assertLess(time.monotonic() - began, 8.0)
