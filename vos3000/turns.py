"""
Sockets that give others a turn: what one read, or one wave of connections, may take.

Twisted's datagram port reads up to 256 KiB at once. That is thousands of small
datagrams, half a second of work; empty ones it does not count at all. And of new
connections it accepts more and more at once the more there are.
"""

from __future__ import annotations

import socket
from typing import Any, cast

from twisted.internet import tcp, udp
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

MOST_DATAGRAMS = 256
"""Datagrams that are read at once, at most."""

LONGEST = 0.005
"""Seconds after which no further one is."""

MOST_ACCEPTED = 16
"""Connections that are accepted at once: one on TLS takes 0.3 ms."""

_NONE = (BlockingIOError, InterruptedError, ConnectionRefusedError)
"""What tells that there is no datagram; the last that one of ours did not arrive."""


class DatagramPort(udp.Port):
    """As Twisted's, but others have their turn soon."""

    _log = Logger()

    def doRead(self) -> None:  # noqa: N802
        """Read what is there, for a while."""
        received: Any = self.protocol.datagramReceived
        read, largest = self.socket.recvfrom, self.maxPacketSize
        v6 = self.addressFamily == socket.AF_INET6
        seconds = cast(IReactorTime, self.reactor).seconds
        end = seconds() + LONGEST
        for _ in range(MOST_DATAGRAMS):
            try:
                data, address = read(largest)
            except _NONE:
                return
            try:
                received(data, address[:2] if v6 else address)
            except Exception:
                self._log.failure("a datagram was not served")
            if seconds() > end:
                return


class StreamPort(tcp.Port):
    """As Twisted's, but others have their turn soon."""

    def doRead(self) -> None:  # noqa: N802
        """Accept connections, but not all that wait."""
        self.numberAccepts = min(self.numberAccepts, MOST_ACCEPTED)
        super().doRead()
