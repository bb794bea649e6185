"""
The transports of SIP on real sockets of loopback, without a switch above them.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from tests.sip.rig import FakeClient, Rig, ask
from vos3000.config import Sip
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.ports import Ports
from vos3000.sip.transaction import Address, Channel
from vos3000.timers import TimerWheel
from vos3000.transports import Transports


class Real:
    """Transports on loopback."""

    def __init__(self, sip: Sip) -> None:
        self.rig = Rig()
        self.rig.users.known = {"127.0.0.1", "::1"}
        self.ports = Ports()
        self._branches = 0
        self.timers = TimerWheel(IReactorTime(reactor))
        self.all = Transports(
            reactor,
            self.rig.reception,
            self.timers,
            self.rig.users.knows,
            instants(time.time, time.monotonic),
            Metrics(),
        )
        self.all.open(self.ports, sip)
        self.ports.check()
        self.ports.start()

    @property
    def connections(self) -> list[Any]:
        """All that are open."""
        return list(self.all.connections)

    def open_ports(self) -> list[Any]:
        """The sockets that listen."""
        return list(self.ports._open)

    @property
    def port(self) -> int:
        """Where the last of them listens; 5060 if none does."""
        ports = self.open_ports()
        return int(ports[-1].getHost().port) if ports else 5060

    def ask(self, channel: Channel | None, there: Address) -> FakeClient:
        """Send an OPTIONS to another one, which answers it."""
        assert channel is not None
        self._branches += 1
        branch = f"z9hG4bKo{self._branches}{id(self)}"
        via = f"SIP/2.0/{channel.name} 127.0.0.1:{self.port};branch={branch};alias"
        data = ask("OPTIONS", branch, via=via, call_id=branch)
        user = FakeClient()
        self.rig.layer.send(branch, "OPTIONS", data, channel, there, user)
        return user

    async def answered(self, user: FakeClient) -> list[int]:
        """What was heard in the end."""
        await self.until(lambda: user.heard or user.timeouts)
        return user.heard

    async def until(self, true: Any) -> None:
        """Let the sockets work, for at most five seconds."""
        for _ in range(500):
            if true():
                return
            await deferLater(IReactorTime(reactor), 0.01)
        raise AssertionError("it did not happen")

    async def stop(self) -> None:
        """Close everything."""
        await gatherResults([each for each in self.ports.close() if each is not None])
        await self.until(self._ended)
        self.timers.stop()

    def _ended(self) -> bool:
        for each in self.connections:
            each.abort()
        return not self.connections
