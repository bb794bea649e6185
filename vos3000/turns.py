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

MOST_DATAGRAMS = 2048
"""Datagrams that are read at once, at most."""

LONGEST = 0.005
"""Seconds after which no further one is."""

PATIENCE = 10
"""Turns in a row that left datagrams unread: then it is more than a burst."""

MOST_ACCEPTED = 16
"""Connections that are accepted at once: one on TLS takes 0.3 ms."""

_NONE = (BlockingIOError, InterruptedError, ConnectionRefusedError)
"""What tells that there is no datagram; the last that one of ours did not arrive."""


class DatagramPort(udp.Port):
    """
    As Twisted's, but others have their turn soon.

    Where more comes than can be served, for longer than a burst, only half of each
    turn is for everybody; the rest is for those whom the protocol does not skip. To
    throw a datagram away takes a twentieth of the time of refusing it, so that a
    flood of strangers' is read as fast as it comes, and known peers' stand in no
    queue behind it.
    """

    _log = Logger()
    _behind = 0

    def doRead(self) -> None:  # noqa: N802
        """Read what is there, for a while."""
        protocol: Any = self.protocol
        received, skips = protocol.datagramReceived, _nobody
        read, largest = self.socket.recvfrom, self.maxPacketSize
        v6 = self.addressFamily == socket.AF_INET6
        seconds = cast(IReactorTime, self.reactor).seconds
        now = seconds()
        half, end = now + LONGEST / 2, now + LONGEST
        if self._behind >= PATIENCE:
            skips = getattr(protocol, "skips", _nobody)
        for _ in range(MOST_DATAGRAMS):
            try:
                data, address = read(largest)
            except _NONE:
                self._behind = 0
                return
            if v6:
                address = address[:2]
            try:
                if now < half or not skips(address):
                    received(data, address)
            except Exception:
                self._log.failure("a datagram was not served")
            now = seconds()
            if now > end:
                break
        self._behind += 1


def _nobody(address: Any) -> bool:
    """Nobody is skipped."""
    return False


class StreamPort(tcp.Port):
    """As Twisted's, but others have their turn soon."""

    def doRead(self) -> None:  # noqa: N802
        """Accept connections, but not all that wait."""
        self.numberAccepts = min(self.numberAccepts, MOST_ACCEPTED)
        super().doRead()
