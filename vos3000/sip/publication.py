"""
State that others publish (PUBLISH, RFC 3903): the event state compositor.

One publication is held for each resource: a new one without SIP-If-Match takes
the place of the one before it, whoever made that. So the memory is bounded by
the number of resources.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import attrs

from vos3000.errors import ParseError, VosError
from vos3000.sip.core import UserAgentCore
from vos3000.sip.fields import parse_number
from vos3000.sip.message import Request
from vos3000.sip.transaction import ServerTransaction
from vos3000.timers import Timer

SHORTEST = 30
"""Seconds below which a publication is not worth its refreshes (423)."""

LARGEST = 8192
"""Octets of a document that is read."""

_ENDLESS = 1 << 32

S = TypeVar("S")


class NotPublished(VosError):
    """
    A PUBLISH is not taken.

    @ivar status: What answers it.
    @ivar headers: What that answer needs.
    """

    def __init__(
        self, status: int, reason: str = "", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers


@attrs.frozen(slots=True)
class Package(Generic[S]):
    """
    What may be published.

    @ivar events: Names of the event packages (489).
    @ivar types: Media types to the function that reads such a document; it
        raises L{ParseError} (400).
    """

    events: tuple[str, ...]
    types: dict[str, Callable[[bytes], S]]


@attrs.define(slots=True)
class _Publication:
    """What is held of one resource."""

    etag: str
    event: str
    timer: Timer


class Compositor(Generic[S]):
    """
    Takes publications (section 6).

    @param longest: Gives the seconds that a publication lasts at most, and
        where nobody says how long (SS_SIP_PUBLISH_EXPIRE).
    @param resource: Whose state a request publishes; raises L{NotPublished}
        for who may not.
    @param changed: Hears each new state, and None where it holds no longer.
    """

    def __init__(
        self,
        core: UserAgentCore,
        package: Package[S],
        longest: Callable[[], int],
        resource: Callable[[ServerTransaction], str],
        changed: Callable[[str, S | None], object],
    ) -> None:
        self._core = core
        self._package = package
        self._longest = longest
        self._resource = resource
        self._changed = changed
        self._held: dict[str, _Publication] = {}
        core.serve("PUBLISH", self._published)

    def _published(self, transaction: ServerTransaction) -> None:
        core = self._core
        try:
            resource = self._resource(transaction)
            headers = self._take(transaction.request, resource)
        except NotPublished as error:
            if error.status == 403:
                core.turn_away(transaction, 403)
                return
            text = str(error) or None
            core.refuse(transaction, error.status, text, error.headers)
        else:
            core.answer(transaction, 200, headers)

    def _take(self, request: Request, resource: str) -> list[tuple[str, str]]:
        """
        The steps of section 6.

        @return: The headers of the 200.
        """
        event = (request.get("event") or "").partition(";")[0].strip().lower()
        if event not in self._package.events:
            allowed = ", ".join(self._package.events)
            raise NotPublished(489, headers=(("Allow-Events", allowed),))
        held = self._matched(request, resource, event)
        seconds = self._lifetime(request)
        if held is None and not request.body:
            raise NotPublished(400, "nothing is published")
        state = self._read(request) if request.body else None
        if seconds == 0:
            self._remove(resource)
        else:
            self._keep(resource, event, seconds)
            if state is not None:
                self._changed(resource, state)
        etag = self._held[resource].etag if seconds else self._core.tokens.random()
        return [("SIP-ETag", etag), ("Expires", str(seconds))]

    def _matched(
        self, request: Request, resource: str, event: str
    ) -> _Publication | None:
        """The publication that SIP-If-Match names; None for a new one (4.3)."""
        values = request.all("sip-if-match")
        if not values:
            return None
        held = self._held.get(resource)
        if len(values) > 1:
            raise NotPublished(400, "several SIP-If-Match")
        if held is None or held.etag != values[0] or held.event != event:
            raise NotPublished(412)
        return held

    def _lifetime(self, request: Request) -> int:
        longest = self._longest()
        text = request.get("expires")
        if text is None:
            return longest
        try:
            asked = parse_number(text, _ENDLESS)
        except ParseError:
            raise NotPublished(400, "a malformed Expires") from None
        shortest = min(SHORTEST, longest)
        if 0 < asked < shortest:
            raise NotPublished(423, headers=(("Min-Expires", str(shortest)),))
        return min(asked, longest)

    def _read(self, request: Request) -> S:
        types = self._package.types
        kind = (request.get("content-type") or "").partition(";")[0].strip().lower()
        if kind not in types:
            raise NotPublished(415, headers=(("Accept", ", ".join(types)),))
        if (request.get("content-encoding") or "identity").lower() != "identity":
            raise NotPublished(415, headers=(("Accept-Encoding", "identity"),))
        if len(request.body) > LARGEST:
            raise NotPublished(413)
        try:
            return types[kind](request.body)
        except ParseError as error:
            raise NotPublished(400, str(error)) from None

    def _keep(self, resource: str, event: str, seconds: int) -> None:
        """Each 200 has a new entity tag (section 6, step 8)."""
        held = self._held.get(resource)
        if held is not None:
            held.timer.cancel()
        timer = self._core.timers.later(seconds, self._remove, resource)
        self._held[resource] = _Publication(self._core.tokens.random(), event, timer)

    def _remove(self, resource: str) -> None:
        held = self._held.pop(resource, None)
        if held is not None:
            held.timer.cancel()
            self._changed(resource, None)

    def keep_only(self, resources: frozenset[str]) -> None:
        """Forget what others published."""
        for resource in self._held.keys() - resources:
            self._remove(resource)
