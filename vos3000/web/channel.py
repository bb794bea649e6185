"""
Requests and connections that are refused before they cost too much.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.server import Request

from vos3000.web import retcodes
from vos3000.web.dispatch import refused_body

LARGEST = 1 << 20
"""Bytes a request's body may have."""

TIMEOUT = 30.0
"""Seconds in which a request must have arrived, and between two requests."""

_TOO_LARGE = (
    b"HTTP/1.1 413 Content Too Large\r\n"
    b"Content-Type: application/json;charset=UTF-8\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s"
)


class KeepsChannels(Protocol):
    """
    What a channel needs of its site.

    @ivar channels: Those that are open, the longest unused one first.
    """

    channels: dict[LimitedChannel, None]


class LimitedRequest(Request):
    """
    A request that is refused before its body grows too large.
    """

    _over = False
    _size = 0

    def gotLength(self, length: int | None) -> None:
        """Refuse a body that is announced as too large."""
        super().gotLength(0)
        if length is not None and length > LARGEST:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Refuse a body that turns out to be too large."""
        if self._over:
            return
        self._size += len(data)
        if self._size > LARGEST:
            self._refuse()
        else:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """
        Serve the request. Its content type says nothing: some clients call
        their JSON a form, and form parsing must not touch it.
        """
        if self._over:
            return
        self.requestHeaders.removeHeader(b"content-type")
        super().requestReceived(command, path, version)

    def setHeader(self, name: Any, value: Any) -> None:
        """Set a header of the answer, unless it says which software this is."""
        if name != b"Server":
            super().setHeader(name, value)

    def _refuse(self) -> None:
        self._over = True
        body = refused_body(retcodes.TOO_LARGE).encode()
        self.channel.write(_TOO_LARGE % (len(body), body))
        self.channel.loseConnection()


class LimitedChannel(HTTPChannel):
    """
    A connection whose requests must arrive whole in L{TIMEOUT}, however
    steadily they drip in.

    @ivar site: Set by the site that made it.
    """

    site: KeepsChannels

    @property
    def idle(self) -> bool:
        """Whether no request has begun to arrive or is being answered."""
        return not self.requests

    def resetTimeout(self) -> None:
        """Data that arrives buys no more time."""

    def connectionMade(self) -> None:
        """Count the connection."""
        super().connectionMade()
        self.site.channels[self] = None

    def requestDone(self, request: Request) -> None:
        """A request was answered: the connection was used just now."""
        super().requestDone(request)
        channels = self.site.channels
        if self in channels:
            del channels[self]
            channels[self] = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Count it off again."""
        super().connectionLost(reason)
        self.site.channels.pop(self, None)

    def abandon(self) -> None:
        """Close the connection at once; it counts no more."""
        self.site.channels.pop(self, None)
        getattr(self.transport, "abortConnection", self.loseConnection)()
