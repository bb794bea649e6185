"""
What comes on connections, a piece at a time.

A read brings up to 64 KiB, which may be hundreds of messages or thousands of
keep-alives. Who sends so much would hold up everybody else for as long as all of it
takes, and a hundred who do so a hundred times as long. So all connections together have
a share of each turn of the reactor; what is left waits for the next one, and its
connections are not read meanwhile.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

PIECE = 4096
"""Bytes that are served at once: of the smallest messages about forty."""

SHARE = 0.005
"""Seconds of a turn after which all else waits for the next one."""


class Reader(Protocol):
    """
    Who serves the bytes of one connection.

    @ivar connection: Says whether it is a stranger's.
    @ivar transport: Twisted's, once it is connected.
    """

    connection: Any
    transport: Any

    def serve(self, data: bytes) -> None:
        """Bytes came; how they are cut into pieces makes no difference."""


class Shares:
    """
    Bytes that were read and wait to be served: one piece of each connection in turn,
    known peers' before strangers', of whom there is one piece in each turn at least.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: dict[Reader, bytes] = {}
        self._known: deque[Reader] = deque()
        self._strangers: deque[Reader] = deque()
        self._spent = 0.0
        self._next: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def came(self, reader: Reader, data: bytes) -> None:
        """Bytes were read: they are served now, or as soon as there is time."""
        waiting = self._waiting
        if reader in waiting:
            # TLS may have more in hand than it was read for
            waiting[reader] += data
            return
        while self._next is None:
            data = self._serve(reader, data)
            if not data or reader.transport.disconnecting:
                return
        reader.transport.pauseProducing()
        self._wait(reader, data)

    def forget(self, reader: Reader) -> None:
        """The connection is gone."""
        self._waiting.pop(reader, None)

    def _wait(self, reader: Reader, data: bytes) -> None:
        self._waiting[reader] = data
        stranger = reader.connection.stranger
        (self._strangers if stranger else self._known).append(reader)

    def _serve(self, reader: Reader, data: bytes) -> bytes:
        """Serve one piece; gives the rest."""
        clock = self._clock
        begun = clock.seconds()
        reader.serve(data[:PIECE])
        self._spent += clock.seconds() - begun
        if self._spent > SHARE and self._next is None:
            self._next = clock.callLater(0, self._turn)
        return data[PIECE:]

    def _turn(self) -> None:
        self._next, self._spent = None, 0.0
        while self._known and self._next is None:
            self._one(self._known.popleft())
        if self._strangers:
            self._one(self._strangers.popleft())
        while self._strangers and self._next is None:
            self._one(self._strangers.popleft())

    def _one(self, reader: Reader) -> None:
        """Serve a piece of what waits of one connection, if it is still there."""
        if reader not in self._waiting:
            return
        try:
            self._again(reader, self._waiting[reader])
        except Exception:
            self._log.failure("bytes of a connection were not served")
            self.forget(reader)
            reader.transport.abortConnection()

    def _again(self, reader: Reader, data: bytes) -> None:
        rest = self._serve(reader, data)
        transport = reader.transport
        if reader not in self._waiting:
            return  # it is gone
        if rest and not transport.disconnecting:
            self._wait(reader, rest)
            return
        self.forget(reader)
        if not transport.disconnecting:
            transport.resumeProducing()
