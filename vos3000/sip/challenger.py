"""
Who sends a request: the digest that we ask for (RFC 3261 section 22).

Nonces are stateless: a nonce holds when it was made and how often its sender
had been wrong by then, and a code that binds both to the sender's address. So
a flood of requests costs no memory, and credentials that were seen on the
wire, or a failure that somebody wants another to be blamed for, are worth
nothing from anywhere else.

Only a nonce that was used with the right password is remembered, with its
highest count: none is taken twice (RFC 7616 section 3.4.5). Credentials
without a count (RFC 2069) are taken once for each nonce.

A user that does not exist is challenged and refused exactly as one whose
password is wrong.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from hashlib import blake2b
from hmac import compare_digest
from typing import Protocol
from urllib.parse import unquote

import attrs

from vos3000.errors import ParseError
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.sip.algorithms import USUAL, Algorithms
from vos3000.sip.digest import (
    Challenge,
    Credentials,
    hash_name,
    parse_credentials,
    verify,
)
from vos3000.sip.message import Request
from vos3000.sip.transaction import Address
from vos3000.sip.uri import Uri, parse_uri

LIFETIME = 300.0
"""Seconds in which a nonce may be used again, its count rising."""

MOST_NONCES = 100_000
"""Nonces in use that are remembered; a further one makes the oldest stale."""

MOST_CREDENTIALS = 4
"""Credentials of one request that are looked at."""

_ONCE = 1 << 32
"""Above every count."""

_AT_ONCE = 16
"""Nonces that are forgotten for each that is used."""

_MAC = 12
_STAMP = 6
_NONCE_TEXT = 32

_HEADERS = ("authorization", "proxy-authorization")


class Secrets(Protocol):
    """What stands for passwords: L{vos3000.security.directory}."""

    def secret(self, user: str, algorithm: str) -> str | None:
        """
        H(A1) of a user.

        @param algorithm: C{MD5} or C{SHA-256}.
        @return: None if there is no such user.
        """


class Guard(Protocol):
    """Who may try at all: L{vos3000.security.suspension}."""

    def barred(self, user: str, host: str, there: bool) -> bool:
        """
        Whether nothing is taken from this user there, or from there.

        @param there: Whether it has a nonce that was sent there.
        """

    def asked(self, user: str, host: str) -> None:
        """Somebody there says to be this user and is challenged."""

    def failed(self, user: str, host: str) -> None:
        """A password was wrong, and it was certainly sent from there."""

    def passed(self, user: str, host: str) -> None:
        """A password was right."""


@attrs.frozen(slots=True)
class ChallengeSettings:
    """
    How we challenge.

    @ivar status: SS_SIP_AUTHENTICATION_CODE: 401 or 407.
    @ivar retry: SS_SIP_AUTHENTICATION_RETRY: how often wrong credentials are
        challenged again before the request is refused.
    @ivar timeout: SS_SIP_AUTHENTICATION_TIMEOUT: seconds in which a challenge
        must be answered; afterwards it is made again, C{stale}.
    """

    status: int = 401
    retry: int = 2
    timeout: float = 10.0


class Outcome(Enum):
    """What came of a request's credentials."""

    PASSED = 1
    CHALLENGED = 2
    REFUSED = 3


@attrs.frozen(slots=True)
class Verdict:
    """
    What to do with a request.

    @ivar user: Who sent it; who it says to be unless C{outcome} is PASSED.
    @ivar status: What to answer unless it is PASSED.
    @ivar headers: What that answer needs.
    """

    outcome: Outcome
    user: str
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()


@attrs.frozen(slots=True)
class _Issued:
    """What a nonce of ours says: when, and after how many wrong tries."""

    at: float
    tries: int


class Nonces:
    """
    Makes nonces, reads them, and takes each count once.

    @param key: Random bytes of this process: nonces do not outlive it.
    @param most: Nonces in use that are remembered.
    """

    def __init__(self, key: bytes, now: Now, most: int = MOST_NONCES) -> None:
        self._key = key
        self._now = now
        self._most = most
        self._serial = 0
        self._used: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._floor = -1.0

    def __len__(self) -> int:
        return len(self._used)

    def make(self, host: str, tries: int = 0) -> str:
        """A fresh nonce for the sender at C{host}."""
        self._serial = (self._serial + 1) & 0xFFFFFFFFFF
        stamp = int(self._now().mono * 1000) & 0xFFFFFFFFFFFF
        body = stamp.to_bytes(_STAMP) + bytes((tries,)) + self._serial.to_bytes(5)
        return urlsafe_b64encode(body + self._mac(body, host)).decode()

    def _mac(self, body: bytes, host: str) -> bytes:
        data = body + host.encode()
        return blake2b(data, key=self._key, digest_size=_MAC).digest()

    def read(self, nonce: str, host: str) -> _Issued | None:
        """What a nonce says; None if we did not give it to C{host}."""
        if len(nonce) != _NONCE_TEXT or not nonce.isascii():
            return None
        try:
            data = urlsafe_b64decode(nonce)
        except ValueError:
            return None
        body = data[:_MAC]
        if not compare_digest(data[_MAC:], self._mac(body, host)):
            return None
        return _Issued(int.from_bytes(body[:_STAMP]) / 1000, body[_STAMP])

    def take(self, nonce: str, issued: _Issued, count: int, timeout: float) -> bool:
        """
        Use a nonce with a count.

        @param timeout: Seconds in which it must be used the first time.
        @return: False if it is too old, or the count was used already.
        """
        now = self._now().mono
        used = self._used.get(nonce)
        if used is None:
            fresh = issued.at > self._floor and now - issued.at <= timeout
        else:
            fresh = now - issued.at <= LIFETIME and count > used[1]
        if fresh:
            self._used[nonce] = (issued.at, count)
            self._forget(now)
        return fresh

    def _forget(self, now: float) -> None:
        """
        Forget nonces that are too old anyway; of one that is forgotten for want
        of room, and of all older ones, no first use is taken.
        """
        for _ in range(min(len(self._used), _AT_ONCE)):
            oldest = next(iter(self._used))
            issued = self._used[oldest][0]
            if len(self._used) > self._most:
                self._floor = max(self._floor, issued)
            elif now - issued <= LIFETIME:
                return
            del self._used[oldest]


class Challenger:
    """
    Checks the credentials of requests, and challenges those without.

    @param realm: The one realm of this switch.
    @param settings: What is in force.
    @param dummy: Stands for the password of users that do not exist.
    @param algorithms: What is asked for, in this order.
    """

    def __init__(
        self,
        realm: str,
        settings: Callable[[], ChallengeSettings],
        secrets: Secrets,
        guard: Guard,
        nonces: Nonces,
        dummy: str,
        now: Now,
        metrics: Metrics,
        algorithms: tuple[str, ...] = USUAL,
    ) -> None:
        self.realm = realm
        self._algorithms = Algorithms(algorithms, now)
        self._settings = settings
        self._secrets = secrets
        self._guard = guard
        self._nonces = nonces
        self._dummy = dummy
        self._count = metrics.labelled(
            "sip_authentications_total", "What came of requests' credentials", "outcome"
        )
        metrics.gauge("sip_nonces", "Nonces in use", lambda: len(nonces))

    def check(self, request: Request, source: Address) -> Verdict:
        """
        Who sent a request.

        @param source: Where it came from.
        """
        host, guard = source[0], self._guard
        given = self._given(request)
        user = claimed(request) if given is None else given.username
        issued = None if given is None else self._nonces.read(given.nonce, host)
        if guard.barred(user, host, issued is not None):
            return self._refused(user, "suspended")
        if given is None or issued is None:
            # Whether the password is right is not said before the sender shows
            # that it gets our answers: else guessing costs an attacker nothing.
            guard.asked(user, host)
            return self._challenged(user, host, given, stale=given is not None)
        if not self._right(given, request):
            guard.failed(user, host)
            if issued.tries >= self._settings().retry:
                return self._refused(user, "wrong")
            return self._challenged(user, host, given, issued.tries + 1)
        return self._passed(given, issued, request, host)

    def _passed(
        self, given: Credentials, issued: _Issued, request: Request, host: str
    ) -> Verdict:
        """The password is right: what remains is that it is meant for this."""
        user, count = given.username, given.count if given.qop else _ONCE
        timeout = self._settings().timeout
        if not self._nonces.take(given.nonce, issued, count, timeout):
            return self._challenged(user, host, given, issued.tries, stale=True)
        if not _means(given, request):
            self._count.add("other request")
            return Verdict(Outcome.REFUSED, user, 400)
        self._guard.passed(user, host)
        self._algorithms.used(user, host, given.algorithm)
        self._count.add("passed")
        return Verdict(Outcome.PASSED, user)

    def _given(self, request: Request) -> Credentials | None:
        """The credentials for our realm, by an algorithm that we asked for."""
        for name in _HEADERS:
            for value in request.all(name)[:MOST_CREDENTIALS]:
                try:
                    given = parse_credentials(value)
                except ParseError:
                    continue
                known = self._algorithms.taken(given.algorithm)
                if given.realm == self.realm and known:
                    return given
        return None

    def _right(self, given: Credentials, request: Request) -> bool:
        """In the same time, whether or not there is such a user."""
        algorithm = hash_name(given.algorithm) or ""
        hashed = self._secrets.secret(given.username, algorithm)
        good = verify(given, hashed or self._dummy, request.method, request.body)
        return good and hashed is not None

    def _challenged(
        self,
        user: str,
        host: str,
        given: Credentials | None,
        tries: int = 0,
        stale: bool = False,
    ) -> Verdict:
        self._count.add("stale" if stale else "challenged")
        algorithms = self._algorithms.asked(user, host, given)
        return Verdict(
            Outcome.CHALLENGED,
            user,
            self._settings().status,
            self._headers(host, algorithms, tries, stale),
        )

    def _headers(
        self, host: str, algorithms: tuple[str, ...], tries: int, stale: bool
    ) -> tuple[tuple[str, str], ...]:
        proxy = self._settings().status == 407
        name = "Proxy-Authenticate" if proxy else "WWW-Authenticate"
        nonce = self._nonces.make(host, min(tries, 255))
        return tuple(
            (name, str(Challenge(self.realm, nonce, algorithm, ("auth",), None, stale)))
            for algorithm in algorithms
        )

    def _refused(self, user: str, why: str) -> Verdict:
        self._count.add(why)
        return Verdict(Outcome.REFUSED, user, 403)


def claimed(request: Request) -> str:
    """
    Who the sender of a request without credentials says to be: the user of To
    in a REGISTER, else of From; empty if that cannot be read.
    """
    try:
        party = request.to if request.method == "REGISTER" else request.from_
    except ParseError:
        return ""
    return user_of(party.uri)


def user_of(uri: Uri) -> str:
    """The user of an address of record: escapes undone, parameters cut off."""
    return unquote((uri.user or "").partition(";")[0])


def _means(given: Credentials, request: Request) -> bool:
    """
    Whether credentials were made for this Request-URI (RFC 7616 section 3.4.6).

    The users are compared: proxies on the way change hosts, ports and
    parameters, but who moves a call to another number pays with another's
    money. A REGISTER names only a domain.
    """
    if request.method == "REGISTER" or given.uri == request.uri_text:
        return True
    try:
        return user_of(parse_uri(given.uri)) == user_of(request.uri)
    except ParseError:
        return False
