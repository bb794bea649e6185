"""
Calls beyond a rate, and a switch that could not read in time: a gateway on a real
socket, a process that is stopped for a while.
"""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet import reactor
from twisted.internet.interfaces import IReactorUDP
from twisted.internet.protocol import DatagramProtocol

from tests.sip.rig import ask
from tests.sipp.case import OPENING, Calls
from tests.sipp.shared import Carrier, Running
from vos3000.sip.message import Response
from vos3000.sip.parser import parse


class Gateway(DatagramProtocol):
    """A gateway that calls and keeps what it hears."""

    noisy = False

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.heard: dict[str, list[Response]] = {}
        self.port: Any = IReactorUDP(reactor).listenUDP(0, self, carrier.address)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        """An answer."""
        message = parse(datagram)
        if isinstance(message, Response):
            self.heard.setdefault(message.call_id, []).append(message)

    def call(self, call_id: str) -> bytes:
        """Send an INVITE; returns it, to be sent again."""
        number = self._carrier.number
        data = ask(
            branch=f"z9hG4bK{call_id}",
            uri=f"sip:{number}@127.0.0.1",
            sent_by=f"{self._carrier.address}:{self.port.getHost().port}",
            call_id=call_id,
        ).replace(b"sip:2000@192.0.2.1", f"sip:{number}@127.0.0.1".encode())
        self.send(data)
        return data

    def send(self, data: bytes) -> None:
        """Send it to the switch."""
        self.port.write(data, ("127.0.0.1", self._carrier.switch.port))

    def first(self, call_id: str) -> Response:
        """The first answer to a call."""
        return self.heard[call_id][0]


class ThrottleTests(Calls):
    """A switch of its own, and a vendor that never answers."""

    def setUp(self) -> None:
        """It serves."""
        self.running = Running()
        self.addCleanup(self.running.stop)
        self.carrier = self.running.carrier()
        self.carrier.create(OPENING)
        self.carrier.route("a", 9)
        self.gateway = Gateway(self.carrier)
        self.addCleanup(self.gateway.port.stopListening)

    async def test_a_gateway_beyond_its_rate(self) -> None:
        """503 until the next call may come, without a record; the same again."""
        name = self.carrier.gateway("in")
        rate = {"maxCallRate": 2, "maxCallRateUnit": 2}
        self.carrier.switch.post("ModifyGatewayMapping", name=name, **rate)
        for call_id in ("one", "two"):
            self.gateway.call(call_id)
        await self.pause(0.2)
        refused = self.gateway.call("three")
        await self.pause(0.2)
        self.gateway.send(refused)
        await self.pause(0.2)
        self.assertEqual(self.gateway.first("one").status, 100)
        self.assertEqual(self.gateway.first("two").status, 100)
        answers = self.gateway.heard["three"]
        told = [(each.status, each.get("retry-after")) for each in answers]
        self.assertEqual(told, [(503, "2"), (503, "2")])
        self.assertEqual(answers[0].to_tag, answers[1].to_tag)
        await self.pause(2)
        self.gateway.call("four")
        await self.pause(0.2)
        self.assertEqual(self.gateway.first("four").status, 100)

    async def test_calls_that_waited_too_long(self) -> None:
        """The kernel knows how long; who comes after it is served at once."""
        self.running.child.signal(signal.SIGSTOP)
        self.gateway.call("stale")
        await self.pause(0.8)
        self.running.child.signal(signal.SIGCONT)
        await self.pause(0.3)
        answer = self.gateway.first("stale")
        self.assertEqual(answer.status, 503)
        self.assertIn(int(answer.get("retry-after") or 0), range(1, 6))
        self.gateway.call("fresh")
        await self.pause(0.3)
        self.assertEqual(self.gateway.first("fresh").status, 100)

    async def test_a_pause_is_no_overload(self) -> None:
        """A quarter of a second that nobody was served costs nobody a call."""
        self.running.child.signal(signal.SIGSTOP)
        for number in range(20):
            self.gateway.call(f"call-{number}")
        await self.pause(0.25)
        self.running.child.signal(signal.SIGCONT)
        await self.pause(0.3)
        first = [self.gateway.first(f"call-{number}").status for number in range(20)]
        self.assertEqual(first, [100] * 20)
