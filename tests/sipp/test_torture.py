"""
The torture messages of RFC 4475 and RFC 5118 at a switch process, on real sockets:
raw and with a routable Via, all from one gateway, one after the other.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IReactorTime, IReactorUDP
from twisted.internet.protocol import DatagramProtocol
from twisted.trial.unittest import TestCase

from tests.sip.torture import Torture, torture
from tests.sipp.case import SharedCalls

CASES = (*torture("rfc4475").values(), *torture("rfc5118").values())

PORTS = (5060, 5050, 5070, 6050, 19823)
"""Where their Vias want answers; what is sent comes from the first."""

PATIENCE = 0.4
"""Seconds in which an answer must be there; on loopback it takes one millisecond."""


class Socket(DatagramProtocol):
    """One port of the gateway; tells the test what it hears."""

    noisy = False

    def __init__(self, test: TortureTests) -> None:
        self._test = test

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        """Something came."""
        self._test.hears(datagram)


class TortureTests(TestCase):
    """One process takes them all."""

    timeout = 90

    def setUp(self) -> None:
        """A gateway, and a socket on each port that a Via names."""
        self.carrier = SharedCalls.shared.running().carrier()
        self.carrier.create(Decimal(10))
        self._seen: set[bytes] = set()
        self._final: Deferred[int | None] | None = None
        udp = IReactorUDP(reactor)
        for port in PORTS:
            there = self.carrier.address
            opened = udp.listenUDP(port, Socket(self), interface=there)
            self.addCleanup(opened.stopListening)
            if port == PORTS[0]:
                self._socket = opened

    def hears(self, data: bytes) -> None:
        """The switch said something: an answer is new unless it came before."""
        if data in self._seen or data.startswith(b"SIP/2.0 1"):
            return
        self._seen.add(data)
        final, self._final = self._final, None
        if final is not None:
            final.callback(int(data[8:11]))

    async def ask(self, data: bytes) -> int | None:
        """Send one message; the status of its final answer, None for silence."""
        self._final = final = Deferred()
        self._socket.write(data, ("127.0.0.1", self.carrier.switch.port))
        clock = IReactorTime(reactor)
        limit = clock.callLater(PATIENCE, self._silence, final)
        status: int | None = await final
        try:
            limit.cancel()
        except (AlreadyCalled, AlreadyCancelled):
            self._final = None
        return status

    def _silence(self, final: Deferred[int | None]) -> None:
        if self._final is final:
            self._final = None
            final.callback(None)

    async def _wrong(self, case: Torture, form: str, data: bytes) -> list[str]:
        status = await self.ask(data)
        if case.agrees(status):
            return []
        return [f"{case.name} {form}: {status}, allowed {','.join(case.expect)}"]

    async def test_all_are_answered_as_the_index_says(self) -> None:
        """61 raw and 61 with a routable Via, and the process is well after it."""
        wrong = []
        for case in CASES:
            wrong += await self._wrong(case, "raw", case.data)
            routable = case.routable(self.carrier.address, PORTS[0])
            wrong += await self._wrong(case, "routable", routable)
        self.assertEqual(wrong, [])
        self.carrier.switch.post("GetPerformance")
        told = self.carrier.switch.log.read_text("utf-8", "replace")
        self.assertNotIn("Traceback", told)
