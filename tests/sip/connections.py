"""
Connections in memory, and a listener that takes and opens them.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionDone, TimeoutError
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import PEER, Rig
from vos3000.metrics import Metrics
from vos3000.sip.connection import Connection, Way
from vos3000.sip.connections import Connections
from vos3000.sip.parser import StreamParser
from vos3000.sip.tcp import Stream, StreamListener
from vos3000.sip.transaction import Address


class FakeConnection(StringTransport):
    """
    A TCP connection in memory.

    @ivar certificate: What the peer shows, if it is one of TLS.
    """

    def __init__(self, here: tuple[str, int] = ("192.0.2.1", 5060)) -> None:
        kind = IPv6Address if ":" in here[0] else IPv4Address
        super().__init__(hostAddress=kind("TCP", *here))
        self.aborting = False
        self.certificate: Any = None

    def abortConnection(self) -> None:  # noqa: N802
        """Note it."""
        self.aborting = True

    def getPeerCertificate(self) -> Any:  # noqa: N802
        """What the test gave."""
        return self.certificate


class FakeConnector:
    """Keeps the connections that are asked for, until the test opens them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, Any, Any]] = []
        self.stopped = 0
        self.wires: list[Any] = []

    def connectTCP(  # noqa: N802
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float,
        bindAddress: Any,  # noqa: N803
    ) -> FakeConnector:
        """Keep it."""
        self.asked.append((host, port, factory, bindAddress))
        return self

    def disconnect(self) -> None:
        """Count it."""
        self.stopped += 1

    def open(self, here: tuple[str, int] = ("192.0.2.1", 40001)) -> FakeConnection:
        """Open the oldest."""
        _, _, factory, _ = self.asked.pop(0)
        connection = FakeConnection(here)
        self.wires.append(factory.buildProtocol(None))
        self.wires[-1].makeConnection(connection)
        return connection

    def fail(self) -> None:
        """The oldest does not open."""
        _, _, factory, _ = self.asked.pop(0)
        factory.clientConnectionFailed(self, Failure(TimeoutError()))


class ListenerCase(SynchronousTestCase):
    """A listener with its connector."""

    def setUp(self) -> None:
        """A listener on port 5060."""
        self.rig = Rig()
        self.connector = FakeConnector()
        self.metrics = Metrics()
        self.connections = Connections(
            self.rig.reception,
            self.rig.timers,
            lambda peer: "192.0.2.1",
            self.metrics,
            self.rig.users.knows,
        )
        self.listener = StreamListener("TCP", self.connections, self.connector)
        self.listener.port = 5060

    def outgoing(self, address: Address, local: str = "") -> Connection:
        """The connection for a request of ours, which is opened."""
        found = self.connections.to(self.listener, Way("TCP", address, local))
        found.dial()
        return found

    def incoming(
        self, peer: tuple[str, int] = (PEER[0], 40000)
    ) -> tuple[Stream, FakeConnection]:
        """A peer connects."""
        kind = IPv6Address if ":" in peer[0] else IPv4Address
        wire = self.listener.buildProtocol(kind("TCP", *peer))
        assert wire is not None
        transport = FakeConnection()
        wire.makeConnection(transport)
        return wire, transport

    def taken(self, connection: FakeConnection) -> list[Any]:
        """The messages written since the last time."""
        data = connection.value()
        connection.clear()
        return StreamParser().feed(data)

    def lost(self, wire: Stream) -> None:
        """The peer closes."""
        wire.connectionLost(Failure(ConnectionDone()))

    def hear(self, data: bytes) -> None:
        """Bytes come on the connection that was opened last."""
        self.connector.wires[-1].dataReceived(data)

    def count(self) -> float:
        """Connections that are open, as the metric tells it."""
        for sample in self.metrics.samples():
            if sample.name == "sip_connections":
                assert isinstance(sample.value, int)
                return sample.value
        raise KeyError("sip_connections")
