"""
Writing a long answer no faster than its reader takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.logger import Logger
from twisted.web.http import Request
from zope.interface import implementer

PATIENCE = 60.0
"""Seconds a client may leave an answer unread."""


def abort(request: Request) -> None:
    """Cut a client off, where the connection is still there."""
    cut = getattr(request.transport, "abortConnection", None)
    if cut is not None:
        cut()


@implementer(IPushProducer)
class AnswerProducer:
    """
    Writes an answer piece by piece, one in each turn of the reactor, so that
    calls are served between two pieces.

    It rests while the client does not read; one that stops reading for
    L{PATIENCE} is cut off.

    @param pieces: The body, made while it is read.
    @param clock: Where turns and patience come from.
    """

    _log = Logger()

    def __init__(
        self, request: Request, pieces: Iterator[str], clock: IReactorTime
    ) -> None:
        self._request = request
        self._pieces = pieces
        self._clock = clock
        self._next: IDelayedCall | None = None

    def start(self) -> None:
        """Begin to write; the request's headers must be set."""
        self._request.notifyFinish().addErrback(lambda _: self.stopProducing())
        self._request.registerProducer(self, True)
        self._wait(0, self._write)

    def resumeProducing(self) -> None:
        """The client reads (IPushProducer)."""
        self._wait(0, self._write)

    def pauseProducing(self) -> None:
        """The client does not read (IPushProducer)."""
        self._wait(PATIENCE, self._abort)

    def stopProducing(self) -> None:
        """The client is gone (IPushProducer)."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        """Do one thing next, and nothing else."""
        self.stopProducing()
        self._next = self._clock.callLater(seconds, self._turn, then)

    def _turn(self, then: Callable[[], None]) -> None:
        self._next = None
        then()

    def _write(self) -> None:
        try:
            piece = next(self._pieces, None)
        except Exception:
            self._log.failure("an answer broke off")
            self._abort()
            return
        if piece is None:
            self._request.unregisterProducer()
            self._request.finish()
            return
        self._wait(0, self._write)
        self._request.write(piece.encode("utf-8", "replace"))

    def _abort(self) -> None:
        """Cut the client off, so that it cannot take a part for the whole."""
        self._request.unregisterProducer()
        abort(self._request)
