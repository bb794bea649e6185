"""
Writing an answer no faster than its reader takes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IPullProducer, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request
from zope.interface import implementer

PATIENCE = 60.0
"""Seconds a client may leave a piece of an answer unread."""


@implementer(IPullProducer)
class AnswerProducer:
    """
    Writes an answer piece by piece, the next when the last is on its way.

    Between two pieces the reactor serves the calls. A client that stops
    reading is cut off after L{PATIENCE}.
    """

    _log = Logger()

    def __init__(
        self, request: Request, pieces: Iterator[str], clock: IReactorTime
    ) -> None:
        self._request = request
        self._pieces = pieces
        self._clock = clock
        self._call: IDelayedCall | None = None

    def start(self) -> None:
        """Begin to write; the request's headers must be set."""
        self._request.notifyFinish().addBoth(self._gone)
        self._request.registerProducer(self, False)

    def resumeProducing(self) -> None:
        """Write the next piece (IPullProducer)."""
        self._hurry()
        try:
            piece = next(self._pieces, None)
        except Exception:
            self._log.failure("an answer broke off")
            self._abort()
            return
        if piece is not None:
            self._request.write(piece.encode("utf-8", "replace"))
            return
        self._request.unregisterProducer()
        self._request.finish()

    def stopProducing(self) -> None:
        """The connection is gone (IPullProducer)."""
        self._rest()

    def _hurry(self) -> None:
        """Wait for the reader anew."""
        if self._call is None:
            self._call = self._clock.callLater(PATIENCE, self._abort)
        else:
            self._call.reset(PATIENCE)

    def _rest(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _abort(self) -> None:
        """Cut the client off, so that it cannot take a part for the whole."""
        self._rest()
        self._request.unregisterProducer()
        abort = getattr(self._request.transport, "abortConnection", None)
        if abort is not None:
            abort()

    def _gone(self, reason: Failure | None) -> None:
        self._rest()
        if isinstance(reason, Failure) and not reason.check(ConnectionDone):
            self._log.debug("a client left: {reason}", reason=reason.value)
