"""
The HTTP client that carries pushes.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTCP
from twisted.internet.ssl import Certificate
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    HTTPConnectionPool,
    _HTTP11ClientFactory,
)

IDLE = 2
"""
Seconds an idle connection is kept: less than any common server keeps it, so
that a push does not meet a connection that is just being closed.
"""

CONNECT = 5.0
"""Seconds to connect."""


class _Quiet(_HTTP11ClientFactory):
    """Does not log its start and its end: that were two lines for each push."""

    noisy = False


def make(reactor: IReactorTCP, at_once: int, trust: Certificate | None = None) -> Agent:
    """
    An agent that keeps connections and checks certificates.

    A server must prove by its certificate that it is the host in the URL
    (service_identity, RFC 6125); otherwise nothing is sent to it.

    @param at_once: Connections to keep for reuse.
    @param trust: The certificates to trust; the system's without it.
    """
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = at_once
    pool.cachedConnectionTimeout = IDLE
    pool.retryAutomatically = False
    pool._factory = _Quiet
    policy = BrowserLikePolicyForHTTPS(trust)
    return Agent(reactor, policy, connectTimeout=CONNECT, pool=pool)
