"""
Who guesses passwords, or looks for users, and is not listened to for a while.

Failures are counted by user and source together, so that nobody can lock a
user out from elsewhere. A source that fails as many users, or asks for many
and shows a password for none, is suspended as a whole, but for users that are
registered from there: in an office behind one address, what one infected
machine does takes no working phone from the air.

Questions, which are never answered, can be forged over UDP; wrong answers cannot. So a
source that only seems to have asked too much is not shut out: who shows that it gets
our answers is listened to, and one a second is told how to show it.

Addresses of IPv6 count by their /64: a peer has all of it for its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import TypeVar

import attrs
from twisted.logger import Logger

from vos3000.metrics import Metrics

MOST_PAIRS = 10_000
"""Users with failures, each from one source, that are remembered."""

MOST_SOURCES = 10_000
"""Sources with failures that are remembered."""

MOST_ASKED = 20_000
"""Users that were challenged and have not answered yet."""

MOST_USERS = 20
"""Users of one source without a right password before it is suspended."""

MOST_AT_ONCE = 64
"""How many of them are counted at once when their time is over."""

ANSWER_TIME = 10.0
"""Seconds after which a challenge that nobody answered counts against its source."""

BETWEEN = 1.0
"""Seconds between two challenges to a source that seems to have asked too much."""

WINDOW = 600.0
"""Seconds in which the users of one source are counted together."""

LINES = 10
"""Suspensions, and first wrong passwords, that the log tells at once."""

QUIET = 1.0
"""Seconds until it may tell one more: from forged addresses one source a
datagram could be suspended."""

_LONGEST = 128
"""Characters of a user that are kept."""

K = TypeVar("K")
V = TypeVar("V")


@attrs.frozen(slots=True)
class SuspensionSettings:
    """
    When a sender is suspended.

    @ivar most: SS_AUTHENTICATION_MAX_RETRY: wrong passwords that are borne; 0
        for any number.
    @ivar seconds: SS_AUTHENTICATION_FAILED_SUSPEND.
    @ivar enabled: SS_ENDPOINTREGISTERSUSPEND.
    """

    most: int = 6
    seconds: float = 180.0
    enabled: bool = True


@attrs.define(slots=True)
class _Pair:
    """The failures of one user from one source."""

    failures: int = 0
    last: float = 0.0
    until: float = 0.0


@attrs.define(slots=True)
class _Lines:
    """
    How many lines of one kind the log may have now.

    @ivar untold: Those that it had no room for.
    """

    counted: float
    left: float = float(LINES)
    untold: int = 0

    def room(self, now: float) -> bool:
        """Whether one more may be told; it is counted either way."""
        self.left = min(LINES, self.left + (now - self.counted) / QUIET)
        self.counted = now
        if self.left < 1:
            self.untold += 1
            return False
        self.left -= 1
        return True

    def more(self) -> str:
        """What to say of those that were not told before this one."""
        more, self.untold = self.untold, 0
        return f" ({more} before it were not told)" if more else ""


@attrs.define(slots=True)
class _Source:
    """
    The users of one source that never showed a right password.

    @ivar wrong: Those of them that showed a wrong one: they were certainly there.
    @ivar sure: Whether it is suspended for such alone.
    @ivar challenge: When it may be challenged again if it is not.
    """

    since: float
    users: set[int] = attrs.Factory(set)
    wrong: set[int] = attrs.Factory(set)
    until: float = 0.0
    sure: bool = False
    challenge: float = 0.0


class WrongPasswords:
    """
    Says the first time that a user fails at a source: whoever looks for a phone
    that does not come online looks into the log.

    @param now: Seconds of a clock that never steps.
    """

    _log = Logger()

    def __init__(self, now: float) -> None:
        self._lines = _Lines(now)

    def tell(self, user: str, host: str, now: float) -> None:
        """A user failed that had not failed there for a while."""
        if self._lines.room(now):
            self._log.warn(
                "{user!r} at {host} has a wrong password, or there is no such phone"
                " or gateway that registers{more}",
                user=user,
                host=host,
                more=self._lines.more(),
            )


class Suspension:
    """
    Counts failures, and says who is suspended.

    @param seconds: A clock that never steps.
    @param exempt: Whether a user, at a host, stays when the host is suspended:
        it is registered from there, or the host is a gateway.
    """

    _log = Logger()

    def __init__(
        self,
        settings: Callable[[], SuspensionSettings],
        seconds: Callable[[], float],
        exempt: Callable[[str, str], bool],
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._seconds = seconds
        self._exempt = exempt
        self._pairs: OrderedDict[tuple[str, str], _Pair] = OrderedDict()
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._asked: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._suspensions = _Lines(seconds())
        self._wrong = WrongPasswords(seconds())
        self._count = metrics.labelled(
            "security_suspensions_total", "Senders suspended", "what"
        )
        self._barred = metrics.counter(
            "security_barred_requests_total", "Requests of suspended senders"
        )
        metrics.gauge("security_suspended", "Senders suspended now", self._suspended)

    def barred(self, user: str, host: str, there: bool = False) -> bool:
        """
        Whether nothing is taken from this user there, or from there.

        @param there: Whether it showed that it gets our answers there.
        """
        now, source = self._seconds(), network(host)
        self._unanswered(now)
        pair = self._pairs.get((user[:_LONGEST], source))
        barred = pair is not None and pair.until > now
        if not barred:
            record = self._sources.get(source)
            barred = record is not None and record.until > now
            barred = barred and not self._exempt(user, host)
            if barred and record is not None and not record.sure:
                barred = not there and _waits(record, now)
        self._barred.value += barred
        return barred

    def asked(self, user: str, host: str) -> None:
        """Somebody there says to be this user and is challenged."""
        if self._settings().enabled:
            key = user[:_LONGEST], network(host)
            _put(self._asked, key, self._asked.get(key, self._seconds()), MOST_ASKED)

    def failed(self, user: str, host: str) -> None:
        """A password was wrong, and it was certainly sent from there."""
        settings = self._settings()
        now, source = self._seconds(), network(host)
        key = user[:_LONGEST], source
        self._asked.pop(key, None)
        pair = self._pairs.pop(key, None)
        if pair is None or now - pair.last > settings.seconds:
            pair = _Pair()
        _put(self._pairs, key, pair, MOST_PAIRS)
        pair.failures += 1
        pair.last = now
        if pair.failures == 1:
            self._wrong.tell(key[0], host, now)
        if not (settings.enabled and settings.most):
            return
        if pair.failures >= settings.most:
            pair.failures = 0
            pair.until = now + settings.seconds
            self._tell("user", f"{key[0]!r} at {source}", "wrong passwords")
        self._against(source, key[0], now, True)

    def passed(self, user: str, host: str) -> None:
        """A password was right."""
        key = user[:_LONGEST], network(host)
        self._asked.pop(key, None)
        self._pairs.pop(key, None)
        record = self._sources.get(key[1])
        if record is not None:
            record.users.discard(hash(key[0]))
            record.wrong.discard(hash(key[0]))

    def _unanswered(self, now: float) -> None:
        """
        Count the challenges that nobody answered in time; of the thousands that a
        flood leaves some for each request, for all at once would stop every call.
        """
        asked = self._asked
        for _ in range(min(len(asked), MOST_AT_ONCE)):
            key = next(iter(asked))
            if now - asked[key] < ANSWER_TIME:
                return
            del asked[key]
            self._against(key[1], key[0], now, False)

    def _against(self, source: str, user: str, now: float, sure: bool) -> None:
        """
        One more user of a source that did not show a right password.

        @param sure: Whether it was certainly there.
        """
        settings = self._settings()
        record = self._sources.get(source)
        if record is None or now > max(record.since + WINDOW, record.until):
            record = _Source(now)
            self._sources.pop(source, None)
            _put(self._sources, source, record, MOST_SOURCES)
        record.users.add(hash(user))
        if sure:
            record.wrong.add(hash(user))
        if len(record.users) >= MOST_USERS and settings.enabled and settings.most:
            lasts = record.sure and record.until > now
            record.sure = lasts or len(record.wrong) >= MOST_USERS
            record.users.clear()
            record.wrong.clear()
            record.until = now + settings.seconds
            self._tell("source", source, f"{MOST_USERS} users and no right password")

    def _tell(self, what: str, who: str, why: str) -> None:
        self._count.add(what)
        if self._suspensions.room(self._seconds()):
            self._log.warn(
                "{who} is suspended for {seconds:.0f} s: {why}{more}",
                who=who,
                seconds=self._settings().seconds,
                why=why,
                more=self._suspensions.more(),
            )

    def _suspended(self) -> int:
        now = self._seconds()
        pairs = sum(pair.until > now for pair in self._pairs.values())
        return pairs + sum(each.until > now for each in self._sources.values())


def _waits(record: _Source, now: float) -> bool:
    """Whether a source has to wait for its next challenge; else it has it now."""
    if now < record.challenge:
        return True
    record.challenge = now + BETWEEN
    return False


def _put(table: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """
    Enter a value; the oldest goes where there are too many. An ordinary dict
    would look for it among all that went before: 40 us in a flood.
    """
    if key not in table and len(table) >= most:
        table.popitem(last=False)
    table[key] = value


def network(host: str) -> str:
    """What an address counts by: itself, or its /64."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    first = int(address) >> 64 << 64
    return f"{IPv6Address(first)}/64"
