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
from vos3000.sip.parser import StreamParser
from vos3000.sip.tcp import TcpChannel, TcpListener


class FakeConnection(StringTransport):
    """A TCP connection in memory."""

    def __init__(self, here: tuple[str, int] = ("192.0.2.1", 5060)) -> None:
        kind = IPv6Address if ":" in here[0] else IPv4Address
        super().__init__(hostAddress=kind("TCP", *here))
        self.aborting = False

    def abortConnection(self) -> None:  # noqa: N802
        """Note it."""
        self.aborting = True

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802
        """Taken."""

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802
        """Taken."""


class FakeConnector:
    """Keeps the connections that are asked for, until the test opens them."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, Any, Any]] = []
        self.stopped = 0

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
        factory.buildProtocol(None).makeConnection(connection)
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
        self.listener = TcpListener(
            self.rig.reception,
            self.rig.timers,
            self.connector,
            lambda peer: "192.0.2.1",
            self.metrics,
            self.rig.users.knows,
        )
        self.listener.port = 5060

    def incoming(
        self, peer: tuple[str, int] = (PEER[0], 40000)
    ) -> tuple[TcpChannel, FakeConnection]:
        """A peer connects."""
        kind = IPv6Address if ":" in peer[0] else IPv4Address
        channel = self.listener.buildProtocol(kind("TCP", *peer))
        assert channel is not None
        connection = FakeConnection()
        channel.makeConnection(connection)
        return channel, connection

    def taken(self, connection: FakeConnection) -> list[Any]:
        """The messages written since the last time."""
        data = connection.value()
        connection.clear()
        return StreamParser().feed(data)

    def lost(self, channel: TcpChannel) -> None:
        """The peer closes."""
        channel.connectionLost(Failure(ConnectionDone()))

    def connections(self) -> float:
        """As the metric tells it."""
        for sample in self.metrics.samples():
            if sample.name == "sip_connections":
                assert isinstance(sample.value, int)
                return sample.value
        raise KeyError("sip_connections")
