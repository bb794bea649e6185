"""
What comes on connections, a piece at a time.

A read brings up to 64 KiB, which may be hundreds of messages or thousands of
keep-alives. Who sends so much would hold up everybody else for as long as all of it
takes, and a hundred who do so a hundred times as long. So all connections together have
a share of each turn of the reactor; what is left waits for the next one, and its
connections are not read meanwhile.
"""

from __future__ import annotations

from collections import OrderedDict
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

    @ivar transport: Twisted's, once it is connected.
    """

    transport: Any

    def serve(self, data: bytes) -> None:
        """Bytes came; how they are cut into pieces makes no difference."""


class Shares:
    """
    Bytes that were read and wait to be served: one piece of each connection in turn.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: OrderedDict[Reader, bytes] = OrderedDict()
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
        waiting[reader] = data
        reader.transport.pauseProducing()

    def forget(self, reader: Reader) -> None:
        """The connection is gone."""
        self._waiting.pop(reader, None)

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
        waiting = self._waiting
        while waiting and self._next is None:
            reader, data = waiting.popitem(last=False)
            waiting[reader] = data
            try:
                self._again(reader, data)
            except Exception:
                self._log.failure("bytes of a connection were not served")
                self.forget(reader)
                reader.transport.abortConnection()

    def _again(self, reader: Reader, data: bytes) -> None:
        """A piece of what waits; the rest waits behind the others."""
        rest = self._serve(reader, data)
        waiting, transport = self._waiting, reader.transport
        if reader not in waiting:
            return  # it is gone
        waiting[reader] = rest
        if transport.disconnecting:
            self.forget(reader)
        elif not rest:
            self.forget(reader)
            transport.resumeProducing()
