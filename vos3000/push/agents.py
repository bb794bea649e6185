"""
The HTTP client that carries pushes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.ssl import Certificate
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseNeverReceived,
    _HTTP11ClientFactory,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

IDLE = 2
"""
Seconds an idle connection is kept: less than any common server keeps it, so
that a push does not meet a connection that is just being closed.
"""

CONNECT = 5.0
"""Seconds to connect."""

_CLOSED = (ConnectionDone, ConnectionLost)


class _Quiet(_HTTP11ClientFactory):
    """Does not log its start and its end: that were two lines for each push."""

    noisy = False


@implementer(IAgent)
@attrs.frozen(slots=True)
class Kept:
    """
    Asks on connections that are kept. One that the server has closed without a word,
    as servers of HTTP/1.0 do, fails when it is used again: then the request goes out
    once more, on a connection of its own.

    @ivar kept: Asks on kept connections.
    @ivar fresh: Asks on new ones.
    @ivar close: Closes what is kept.
    """

    kept: IAgent
    fresh: IAgent
    close: Callable[[], Deferred[None]]

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803
    ) -> Deferred[IResponse]:
        """Ask (IAgent); the body is written again where that is needed."""
        asking = self._request(method, uri, headers, bodyProducer)
        return Deferred.fromCoroutine(asking)

    async def _request(self, *given: Any) -> IResponse:
        try:
            return await self.kept.request(*given)
        except (ResponseNeverReceived, RequestTransmissionFailed) as error:
            if not all(each.check(*_CLOSED) for each in error.reasons):
                raise
        return await self.fresh.request(*given)


def make(reactor: IReactorTCP, at_once: int, trust: Certificate | None = None) -> Kept:
    """
    An agent that keeps connections and checks certificates.

    A server must prove by its certificate that it is the host in the URL
    (service_identity, RFC 6125); otherwise nothing is sent to it.

    @param at_once: Connections to keep for reuse.
    @param trust: The certificates to trust; the system's without it.
    """
    policy = BrowserLikePolicyForHTTPS(trust)

    kept, fresh = HTTPConnectionPool(reactor), HTTPConnectionPool(reactor, False)
    kept.maxPersistentPerHost = at_once
    kept.cachedConnectionTimeout = IDLE
    kept.retryAutomatically = False
    kept._factory = fresh._factory = _Quiet
    return Kept(
        Agent(reactor, policy, connectTimeout=CONNECT, pool=kept),
        Agent(reactor, policy, connectTimeout=CONNECT, pool=fresh),
        kept.closeCachedConnections,
    )
