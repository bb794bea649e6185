"""
Which digest algorithms a sender is asked for (RFC 8760).

All of them, the strongest first, would be right. But devices that know MD5
only and give up when they are offered anything else are in use by the
thousand (RFC 3261 tells them to pass over what they do not know; baresip 1
does not). So a sender that comes back without credentials, as if it had never
been answered, is asked for MD5 alone, and so is one that has used MD5.
"""

from __future__ import annotations

from collections import OrderedDict

from vos3000.instant import Now
from vos3000.sip.digest import Credentials, hash_name

USUAL = ("SHA-256", "MD5")
"""What is asked for, what we prefer first (RFC 8760 section 2.3)."""

WEAK = "MD5"
"""What every device knows."""

PATIENCE = 5.0
"""Seconds in which the same request again is a retransmission, or its answer
was lost; after them the sender did not understand."""

MOST = 50_000
"""Senders that are remembered; a further one makes the oldest unknown."""

_LONGEST = 128
"""Characters of a user that are kept."""


class Algorithms:
    """
    What each sender is asked for.

    @param offered: What is asked for and taken, in this order.
    """

    def __init__(self, offered: tuple[str, ...], now: Now) -> None:
        self._offered = offered
        self._weak = (WEAK,) if WEAK in offered else offered
        self._now = now
        self._known: OrderedDict[tuple[str, str], tuple[str, ...] | float] = (
            OrderedDict()
        )

    def __len__(self) -> int:
        return len(self._known)

    def taken(self, algorithm: str) -> bool:
        """Whether credentials by this algorithm are looked at."""
        return hash_name(algorithm) in self._offered

    def asked(self, user: str, host: str, given: Credentials | None) -> tuple[str, ...]:
        """
        What a sender is asked for now.

        @param given: The credentials that it sent and that do not do.
        """
        if given is not None:
            return self._like(given.algorithm)
        key = user[:_LONGEST], host
        known = self._known.get(key)
        if isinstance(known, tuple):
            return known
        now = self._now().mono
        if known is None:
            self._keep(key, now)
        elif now - known >= PATIENCE:
            self._keep(key, self._weak)
            return self._weak
        return self._offered

    def used(self, user: str, host: str, algorithm: str) -> None:
        """A sender's credentials were good."""
        self._keep((user[:_LONGEST], host), self._like(algorithm))

    def _like(self, algorithm: str) -> tuple[str, ...]:
        """What a sender that used C{algorithm} is asked for."""
        return self._weak if hash_name(algorithm) == WEAK else self._offered

    def _keep(self, key: tuple[str, str], value: tuple[str, ...] | float) -> None:
        self._known.pop(key, None)
        if len(self._known) >= MOST:
            self._known.popitem(last=False)
        self._known[key] = value
