"""
A consumer of pushes in memory: an IAgent that records what it is sent and
answers as the test says.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from zope.interface import implementer


@implementer(IResponse)
class Answered:
    """A response whose body is there already."""

    version = ("HTTP", 1, 1)
    phrase = b""
    headers = Headers()
    request = None
    previousResponse = None

    def __init__(self, code: int, body: bytes, complete: bool = True) -> None:
        self.code = code
        self.length = len(body)
        self._body = body
        self._complete = complete
        self.transport = StringTransport()

    def deliverBody(self, protocol: Any) -> None:
        """Hand the body over."""
        protocol.makeConnection(self.transport)
        if self._body:
            protocol.dataReceived(self._body)
        if self._complete:
            protocol.connectionLost(Failure(ResponseDone()))

    def setPreviousResponse(self, response: Any) -> None:
        """There is none."""


@implementer(IAgent)
class Consumer:
    """
    @ivar sent: URL and body of every request, in the order they came.
    @ivar waiting: Requests that are not answered yet, with C{manual}.
    """

    def __init__(self, code: int = 200, body: bytes = b'{"retCode":0}') -> None:
        self.code = code
        self.body = body
        self.manual = False
        self.error: Exception | None = None
        self.complete = True
        self.sent: list[tuple[str, bytes]] = []
        self.headers: list[Headers] = []
        self.waiting: list[Deferred[Any]] = []
        self.cancelled = 0

    def request(
        self, method: bytes, uri: bytes, headers: Any = None, bodyProducer: Any = None
    ) -> Deferred[Any]:
        """Take one request."""
        assert method == b"POST"
        written = StringTransport()
        bodyProducer.startProducing(written)
        assert bodyProducer.length == len(written.value())
        self.sent.append((uri.decode(), written.value()))
        self.headers.append(headers)
        answer: Deferred[Any] = Deferred(self._cancel)
        if self.manual:
            self.waiting.append(answer)
        else:
            self.answer(answer)
        return answer

    def _cancel(self, answer: Deferred[Any]) -> None:
        self.cancelled += 1

    def answer(self, request: Deferred[Any]) -> None:
        """Answer one request as the settings say."""
        if self.error is not None:
            request.errback(Failure(self.error))
        else:
            request.callback(Answered(self.code, self.body, self.complete))

    def answer_next(self) -> None:
        """Answer the request that has waited longest."""
        self.answer(self.waiting.pop(0))
