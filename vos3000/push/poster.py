"""
One attempt to deliver one letter.
"""

from __future__ import annotations

import json
from io import BytesIO
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from vos3000.errors import VosError

TIMEOUT = 5.0
"""Seconds a consumer has to answer."""

LARGEST = 1 << 16
"""Bytes of an answer that are read."""

_HEADERS = {
    b"content-type": [b"application/json;charset=UTF-8"],
    b"user-agent": [b"vos3000"],
}


class NotDelivered(VosError):
    """The consumer answered, but not as one who has taken the letter."""


@implementer(IBodyProducer)
class _Written:
    """A body that is short enough to be written at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Write it (IBodyProducer)."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """All is written already (IBodyProducer)."""

    def resumeProducing(self) -> None:
        """All is written already (IBodyProducer)."""

    def stopProducing(self) -> None:
        """All is written already (IBodyProducer)."""


class _Body(Protocol):
    """Collects an answer's body up to L{LARGEST} and drops the rest."""

    def __init__(self, done: Deferred[bytes]) -> None:
        self._done = done
        self._data = BytesIO()

    def dataReceived(self, data: bytes) -> None:
        """Keep what is within the limit."""
        self._data.write(data[: LARGEST - self._data.tell()])

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The body is complete, or broke off."""
        if self._done.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self._done.callback(self._data.getvalue())
        else:
            self._done.errback(reason)


def _read(response: IResponse) -> Deferred[bytes]:
    """
    The first L{LARGEST} bytes of an answer's body; cancelling drops the
    connection.
    """

    def cancel(_: Deferred[bytes]) -> None:
        abort = getattr(body.transport, "abortConnection", None)
        if abort is not None:
            abort()

    done: Deferred[bytes] = Deferred(cancel)
    body = _Body(done)
    response.deliverBody(body)
    return done


def ret_code(body: bytes) -> int:
    """
    The C{retCode} of a consumer's answer; 0 where it says nothing readable.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return 0
    code = document.get("retCode", 0) if isinstance(document, dict) else 0
    if isinstance(code, str):
        try:
            return int(code)
        except ValueError:  # not a number, or one of thousands of digits
            return 0
    return code if isinstance(code, int) else 0


class Poster:
    """
    Posts bodies to one base address.

    @param agent: Makes the requests.
    @param base: What the page's name is appended to, as it is written; only a
        base without any path gets its slash.
    @param suffix: Follows the page's name, such as C{.jsp}.
    @param timeout: Seconds for connecting, asking and the whole answer.
    """

    def __init__(
        self,
        agent: IAgent,
        clock: IReactorTime,
        base: str,
        suffix: str = "",
        timeout: float = TIMEOUT,
    ) -> None:
        self._agent = agent
        self._clock = clock
        parts = urlsplit(base)
        self._base = base if parts.path or parts.query else base + "/"
        self._suffix = suffix
        self._timeout = timeout

    def post(self, page: str, body: bytes) -> Deferred[int]:
        """
        Post C{body} once.

        @return: A Deferred of the consumer's C{retCode}: it has the letter.
            Fails with L{NotDelivered} for any HTTP status but 2xx, and with
            what the agent fails with.
        """
        attempt = Deferred.fromCoroutine(self._post(page, body))
        return attempt.addTimeout(self._timeout, self._clock)

    async def _post(self, page: str, body: bytes) -> int:
        url = f"{self._base}{page}{self._suffix}".encode()
        headers = Headers(_HEADERS)
        response = await self._agent.request(b"POST", url, headers, _Written(body))
        answer = await _read(response)
        if not 200 <= response.code < 300:
            raise NotDelivered(f"HTTP {response.code}")
        return ret_code(answer)
