"""
Messages to the command that follows them: C{POST /trace}, from this machine only.

The answer has no end: a line of JSON for each message, an empty one now and then so
that both sides know that the other is there.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from vos3000.trace.legs import Followed
from vos3000.trace.lines import lost, write
from vos3000.trace.seen import Seen
from vos3000.trace.tap import Tap, Watcher
from vos3000.trace.wanted import Named, Place, Wanted
from vos3000.web.access import is_local
from vos3000.web.stream import PATIENCE, abort

MOST_WAITING = 2000
"""Messages that wait for a reader; those beyond are lost, and counted."""

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of them: strangers may send large ones, as many as they like."""

ALIVE = 3.0
"""Seconds between two signs of life."""

_LONGEST = 4096


def wanted(body: bytes) -> Wanted:
    """
    Read what a watcher asks for.

    @raise ValueError: It is not understood.
    """
    value = json.loads(body or b"{}")
    if not isinstance(value, Mapping):
        raise ValueError("an object is needed")
    texts = {name: str(value.get(name) or "") for name in _NAMES}
    place = texts.pop("address")
    return Wanted(**texts, place=Place.read(place) if place else None)


_NAMES = ("number", "call", "gateway", "address")


class TraceResource(Resource):
    """
    Where messages are followed.

    @param named: The names of the gateways at a host and port.
    """

    isLeaf = True

    def __init__(self, tap: Tap, named: Named, clock: IReactorTime) -> None:
        super().__init__()
        self._tap = tap
        self._named = named
        self._clock = clock

    def render_POST(self, request: Request) -> int | bytes:
        """Begin to follow."""
        if not is_local(getattr(request.getClientAddress(), "host", "")):
            return _refusal(request, 403, "only this machine may follow messages")
        body = b"" if request.content is None else request.content.read(_LONGEST)
        try:
            asked = wanted(body)
        except (ValueError, RecursionError) as error:
            return _refusal(request, 400, str(error))
        reader = Reader(request, self._named, self._clock)
        watcher = Watcher(asked, self._named, reader.take)
        if not self._tap.watch(watcher):
            return _refusal(request, 503, "as many follow already as may")
        reader.start(lambda: self._tap.leave(watcher))
        return NOT_DONE_YET


def _refusal(request: Request, status: int, reason: str) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", b"text/plain;charset=UTF-8")
    return reason.encode() + b"\n"


@implementer(IPushProducer)
class Reader:
    """
    Who reads what a watcher is told, as fast or as slowly as it can.
    """

    def __init__(self, request: Request, named: Named, clock: IReactorTime) -> None:
        self._request = request
        self._named = named
        self._clock = clock
        self._waiting: deque[tuple[Seen, Followed | None]] = deque()
        self._size = 0
        self._lost = 0
        self._reads = True
        self._over: Callable[[], object] | None = None
        self._next: IDelayedCall | None = None

    def start(self, over: Callable[[], object]) -> None:
        """
        Begin to write.

        @param over: Called when nobody reads any more.
        """
        self._over = over
        request = self._request
        request.setHeader(b"Content-Type", b"application/x-ndjson")
        request.setHeader(b"Cache-Control", b"no-store")
        request.notifyFinish().addErrback(lambda _: self.stopProducing())
        request.registerProducer(self, True)
        self._sign()

    def _sign(self) -> None:
        """A sign of life."""
        self._request.write(b"\n")
        self._next = self._clock.callLater(ALIVE, self._sign)

    def take(self, seen: Seen, followed: Followed | None) -> None:
        """A message for the reader."""
        if self._reads:
            self._write(seen, followed)
        elif len(self._waiting) < MOST_WAITING and self._size < MOST_BYTES:
            self._size += len(seen.data)
            self._waiting.append((seen, followed))
        else:
            self._lost += 1

    def _write(self, seen: Seen, followed: Followed | None) -> None:
        self._request.write(write(seen, followed, self._named(*seen.there)))

    def pauseProducing(self) -> None:
        """The reader is slow (IPushProducer); it has some time to come back."""
        self._reads = False
        self._wait(PATIENCE, self._abort)

    def resumeProducing(self) -> None:
        """The reader reads on (IPushProducer)."""
        self._reads = True
        self._wait(ALIVE, self._sign)
        while self._reads and self._waiting:
            seen, followed = self._waiting.popleft()
            self._size -= len(seen.data)
            self._write(seen, followed)
        if self._reads and self._lost:
            count, self._lost = self._lost, 0
            self._request.write(lost(count))

    def stopProducing(self) -> None:
        """The reader is gone (IPushProducer)."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        over, self._over = self._over, None
        if over is not None:
            over()

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = self._clock.callLater(seconds, then)

    def _abort(self) -> None:
        self._next = None
        self.stopProducing()
        self._request.unregisterProducer()
        abort(self._request)
