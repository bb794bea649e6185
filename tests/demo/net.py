"""A network of demonstration user agents in memory."""

from __future__ import annotations

from itertools import count
from typing import Any, cast

import attrs
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from vos3000.demo.wire import Address, Wire

DELAY = 0.001
"""Seconds that a datagram travels."""


@attrs.define
class Net:
    """Wires by port; a datagram to any other port is lost."""

    clock: Clock = attrs.field(factory=Clock)
    wires: dict[int, Wire] = attrs.field(factory=dict)
    lost: list[tuple[bytes, Address]] = attrs.field(factory=list)

    def plug(self, wire: Wire, port: int) -> None:
        """Give a wire its port."""
        self.wires[port] = wire
        wire.transport = cast(Any, _Transport(self, port))

    def carry(self, data: bytes, source: Address, target: Address) -> None:
        """Deliver a datagram a little later."""
        wire = self.wires.get(target[1])
        if wire is None:
            self.lost.append((data, target))
        else:
            self.clock.callLater(DELAY, wire.datagramReceived, data, source)

    def run(self, seconds: float) -> None:
        """Let time pass in steps of a millisecond."""
        self.clock.pump([DELAY] * round(seconds / DELAY))


@attrs.define
class _Transport:
    net: Net
    port: int

    def getHost(self) -> IPv4Address:
        return IPv4Address("UDP", "127.0.0.1", self.port)

    def write(self, data: bytes, address: Address) -> None:
        self.net.carry(data, ("127.0.0.1", self.port), address)


def tokens() -> Any:
    """A maker of words that never come twice."""
    numbers = count(1)
    return lambda: f"t{next(numbers)}"
