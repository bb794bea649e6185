"""
Kamailio as a carrier's edge proxy: what is behind it is reached through it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.children import free_port
from tests.certificates import Authority
from tests.interop.kamailio import Kamailio
from tests.interop.program import Program
from tests.sipp.case import (
    BY_CALLEE,
    BY_CALLER,
    OPENING,
    ORDINARY,
    TALK,
    Calls,
    SharedCalls,
)
from tests.sipp.runner import Party, sipp
from tests.sipp.shared import Running


class ProxyTests(SharedCalls):
    """
    A vendor whose gateway stands behind a proxy that stays in the path.
    """

    async def proxy(self, callee: Party, **fields: Any) -> Program:
        """A proxy in front of C{callee}, and the route to it."""
        self.parties(callee)
        edge = Kamailio(free_port(), f"{callee.host}:{callee.port}")
        program = edge.start(Path(self.mktemp()))
        self.addCleanup(program.stop)
        await program.hears("kamailio is listening")
        self.carrier.create(OPENING)
        self.carrier.route("a", edge.port, **fields)
        return program

    async def test_call_through_a_proxy(self) -> None:
        """ACK and BYE take the route that the proxy recorded."""
        callee = Party("callee-answers")
        edge = await self.proxy(callee)
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=TALK)
        self.assertRegex(edge.output, "inside ACK")
        self.assertRegex(edge.output, "inside BYE")
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_paid(self.carrier, row)

    async def test_callee_hangs_up_through_a_proxy(self) -> None:
        """The callee's BYE comes by way of the proxy and is the call's end."""
        callee = Party("callee-hangs-up")
        edge = await self.proxy(callee)
        await self.call(self.carrier, self.caller("caller-hears-bye"), callee)
        self.assertRegex(edge.output, "inside BYE")
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLEE)
        self.assert_paid(self.carrier, row)

    async def test_reinvites_through_a_proxy(self) -> None:
        """Offers in both directions pass the proxy."""
        callee = Party("callee-reinvites")
        edge = await self.proxy(callee)
        caller = self.caller("caller-reinvites")
        await self.call(self.carrier, caller, callee, hold=TALK // 3)
        self.assertRegex(edge.output, "inside INVITE")
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)


class RegistrarTests(SharedCalls):
    """
    A carrier that wants to be registered with, and to see a password for each call.
    """

    PASSWORD = "carriers-secret"

    async def carrier_edge(self, callee: Party, password: str) -> Program:
        """A carrier's edge with a password, and the route that has C{password}."""
        self.parties(callee)
        edge = Kamailio(free_port(), f"{callee.host}:{callee.port}", self.PASSWORD)
        program = edge.start(Path(self.mktemp()))
        self.addCleanup(program.stop)
        await program.hears("kamailio is listening")
        self.carrier.create(OPENING)
        self.carrier.route("a", edge.port, password=password)
        self.carrier.column("a", "registername", "switch")
        name = self.carrier.gateway("a")
        self.carrier.switch.post("ModifyGatewayRouting", name=name, registerType=2)
        return program

    def online(self) -> dict[str, Any]:
        """What the switch says of the route."""
        (found,) = self.carrier.switch.post(
            "GetGatewayRoutingOnline", names=[self.carrier.gateway("a")]
        )["infoGatewayRoutingOnlines"]
        return dict(found)

    async def test_registers_and_calls_with_its_password(self) -> None:
        """REGISTER and INVITE are challenged, answered, and the call is paid."""
        callee = Party("callee-answers")
        edge = await self.carrier_edge(callee, self.PASSWORD)
        await edge.hears("registered switch")
        await self.pause(0.2)
        found = self.online()
        self.assertEqual(found["registerName"], "switch")
        self.assertGreater(found["registerTime"], 0)
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=TALK)
        self.assertRegex(edge.output, "asked for a password: INVITE")
        self.assertRegex(edge.output, "authenticated switch INVITE")
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_paid(self.carrier, row)

    async def test_wrong_password_is_no_route(self) -> None:
        """Without a registration no call goes there, and it is rarely asked."""
        callee = Party("callee-answers")
        edge = await self.carrier_edge(callee, "wrong")
        await edge.hears("asked for a password: REGISTER")
        await self.pause(2)
        self.assertNotIn("registered switch", edge.output)
        self.assertLess(edge.output.count("asked for a password"), 6)
        await self.call(self.carrier, self.caller("caller-refused", 503))
        self.assert_free(self.carrier, await self.record(self.carrier))

    async def test_unregisters_when_the_switch_ends(self) -> None:
        """The carrier does not send calls to a switch that is gone."""
        running = Running()
        self.addCleanup(running.stop)
        self.carrier = running.carrier()
        edge = await self.carrier_edge(Party("callee-answers"), self.PASSWORD)
        await edge.hears("registered switch")
        running.child.terminate()
        await edge.hears(
            r"registered switch \S+ expires 0|registered switch .*expires=0"
        )


class SecureTests(Calls):
    """
    A carrier that is called by TLS, and calls nobody but by TLS.
    """

    def setUp(self) -> None:
        """A switch with a certificate, and one for the carrier's edge."""
        sipp()
        directory = Path(self.mktemp()).absolute()
        self.directory = directory / "edge"
        self.directory.mkdir(parents=True)
        trust = Authority(now=datetime.now(UTC))
        trust.write(directory, "127.0.0.1").rename(self.directory / "edge.pem")
        lines = (
            f"tls = 127.0.0.1:{free_port()}",
            f"tls_certificate = {trust.write(directory, '127.0.0.1')}",
            f"tls_ca = {trust.write_itself(directory)}",
        )
        running = Running(sip_lines="\n".join(lines))
        self.addCleanup(running.stop)
        self.carrier = running.carrier()
        self.carrier.create(OPENING)

    async def test_calls_over_tls(self) -> None:
        """INVITE and ACK go out by TLS, the callee's BYE comes back by it."""
        callee = Party("callee-hangs-up")
        self.parties(callee)
        behind = f"{callee.host}:{callee.port}"
        carrier = Kamailio(free_port(), behind, tls=free_port())
        edge = carrier.start(self.directory)
        self.addCleanup(edge.stop)
        await edge.hears("kamailio is listening")
        self.carrier.route("a", carrier.tls)
        self.carrier.column("a", "transport", "tls")
        caller = Party("caller-hears-bye", self.carrier.address)
        await self.call(self.carrier, caller, callee)
        self.assertRegex(edge.output, "by tls: INVITE")
        self.assertRegex(edge.output, r"inside BYE sips?:\S+transport=tls")
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLEE)
        self.assert_paid(self.carrier, row)
