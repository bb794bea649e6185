"""
Writing a long answer no faster than its reader takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request
from zope.interface import implementer

from vos3000.web.answers import Piece

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
    L{PATIENCE} is cut off. It rests as well while a piece is being fetched.

    @param pieces: The body, made while it is read.
    @param clock: Where turns and patience come from.
    @param close: Called when no more of the body will be read.
    """

    _log = Logger()

    def __init__(
        self,
        request: Request,
        pieces: Iterator[Piece],
        clock: IReactorTime,
        close: Callable[[], object],
    ) -> None:
        self._request = request
        self._pieces = pieces
        self._clock = clock
        self._close = close
        self._next: IDelayedCall | None = None
        self._fetching = False
        self._reads = True
        self._over = False

    def start(self) -> None:
        """Begin to write; the request's headers must be set."""
        self._request.notifyFinish().addErrback(lambda _: self.stopProducing())
        self._request.registerProducer(self, True)
        self._wait(0, self._write)

    def resumeProducing(self) -> None:
        """The client reads (IPushProducer)."""
        self._reads = True
        self._cancel()
        if not self._fetching:
            self._wait(0, self._write)

    def pauseProducing(self) -> None:
        """The client does not read (IPushProducer)."""
        self._reads = False
        self._wait(PATIENCE, self._abort)

    def stopProducing(self) -> None:
        """The client is gone (IPushProducer)."""
        self._end()

    def _end(self) -> None:
        """Make nothing more."""
        self._over = True
        self._cancel()
        self._close()

    def _cancel(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        """Do one thing next, and nothing else."""
        self._cancel()
        self._next = self._clock.callLater(seconds, self._turn, then)

    def _turn(self, then: Callable[[], None]) -> None:
        self._next = None
        then()

    def _write(self) -> None:
        try:
            piece = next(self._pieces, None)
        except Exception:
            self._broke_off(Failure())
            return
        if piece is None:
            self._end()
            self._request.unregisterProducer()
            self._request.finish()
        elif isinstance(piece, str):
            self._wait(0, self._write)
            self._request.write(piece.encode("utf-8", "replace"))
        else:
            self._fetching = True
            piece.addCallbacks(self._fetched, self._broke_off)

    def _fetched(self, _: None) -> None:
        """The next piece can be made: now, or when the client reads again."""
        self._fetching = False
        if self._reads and not self._over:
            self._wait(0, self._write)

    def _broke_off(self, failure: Failure) -> None:
        self._log.failure("an answer broke off", failure)
        if not self._over:
            self._abort()

    def _abort(self) -> None:
        """Cut the client off, so that it cannot take a part for the whole."""
        self._end()
        self._request.unregisterProducer()
        abort(self._request)
