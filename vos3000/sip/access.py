"""
Answering challenges: our side of digest authentication (RFC 3261 section
22.2 and 22.3, RFC 8760).
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from vos3000.errors import ParseError
from vos3000.sip.digest import Challenge, answer, parse_challenge, strongest
from vos3000.sip.message import Response

CHALLENGES = {
    401: ("www-authenticate", "Authorization"),
    407: ("proxy-authenticate", "Proxy-Authorization"),
}
"""Status to the header of its challenges and to that of the credentials."""

CREDENTIALS = tuple(name for _, name in CHALLENGES.values())
"""The headers that hold credentials."""

MOST_CHALLENGES = 8
"""Challenges of one response that are looked at, and realms that are kept."""

Realm = tuple[str, str]
"""The header of the credentials, and the realm that they are for."""


@attrs.define(slots=True)
class _Known:
    """
    The challenge of one realm.

    @ivar count: How often its nonce was used.
    """

    challenge: Challenge
    cnonce: str
    count: int = 0


class Access:
    """
    A name and a password, and the challenges that they answer: those that one
    dialog, or one registration, has met. Once met, a challenge is answered in
    every further request without being asked for (22.3).

    @param token: Gives a fresh random text.
    """

    __slots__ = ("_known", "_password", "_token", "_user")

    def __init__(self, user: str, password: str, token: Callable[[], str]) -> None:
        self._user = user
        self._password = password
        self._token = token
        self._known: dict[Realm, _Known] = {}

    def learn(self, response: Response, tried: list[Realm], again: int) -> bool:
        """
        Take the challenges of a refusal.

        @param tried: The realms that this request was sent with credentials
            for; those of the response are added.
        @param again: How often one request may be challenged again after it was
            once.
        @return: Whether to send it once more. Credentials that were refused are
            not sent again, unless only their nonce was too old.
        """
        header, name = CHALLENGES[response.status]
        found = _by_realm(response, header)
        if not found or len(tried) > again:
            return False
        for realm, challenge in found.items():
            key = (name, realm)
            if key in tried and not challenge.stale:
                return False
            if key not in self._known and len(self._known) >= MOST_CHALLENGES:
                return False
            self._known[key] = _Known(challenge, self._token())
            tried.append(key)
        return True

    def lines(self, method: str, uri: str, body: bytes = b"") -> list[tuple[str, str]]:
        """
        The headers for one request; none as long as nobody asked for any.

        @param uri: Its Request-URI.
        """
        made = []
        for (name, _), known in self._known.items():
            known.count += 1
            given = answer(
                known.challenge,
                self._user,
                self._password,
                method,
                uri,
                known.cnonce,
                known.count,
                body,
            )
            made.append((name, str(given)))
        return made


def _by_realm(response: Response, header: str) -> dict[str, Challenge]:
    """The strongest challenge of each realm that can be answered."""
    offered: dict[str, list[Challenge]] = {}
    for value in response.all(header)[:MOST_CHALLENGES]:
        try:
            challenge = parse_challenge(value)
        except ParseError:
            continue
        offered.setdefault(challenge.realm, []).append(challenge)
    found = {realm: strongest(challenges) for realm, challenges in offered.items()}
    return {realm: best for realm, best in found.items() if best is not None}
