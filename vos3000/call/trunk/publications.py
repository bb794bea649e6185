"""
What gateways tell of themselves (sipAllowPublish): whether they are open, and
how many lines they have free.

VOS3000's own format is not known. Two are read: C{text/plain} of lines
C{capacity=5} and C{status=open}, and the presence document of RFC 3863, of
which the basic status counts.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import attrs

from vos3000.errors import ParseError
from vos3000.routing.availability import Availability
from vos3000.sip.core import UserAgentCore
from vos3000.sip.fields import parse_number
from vos3000.sip.publication import Compositor, NotPublished, Package
from vos3000.sip.transaction import ServerTransaction

MOST_LINES = 1_000_000

_PIDF = "{urn:ietf:params:xml:ns:pidf}"
_BASIC = f"{_PIDF}tuple/{_PIDF}status/{_PIDF}basic"
_STATUS = {"open": True, "closed": False}


@attrs.frozen(slots=True)
class Told:
    """
    What a gateway told.

    @ivar free: Lines that are free; None if it did not say.
    """

    is_open: bool = True
    free: int | None = None


def read_lines(body: bytes) -> Told:
    """
    Read lines of C{name=value}; other names are passed over.

    @raise ParseError: Malformed, or nothing of it is known.
    """
    found: dict[str, str] = {}
    for line in body.decode("utf-8", "replace").splitlines():
        name, equals, value = line.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), value.strip().lower())
    if not found.keys() & {"capacity", "status"}:
        raise ParseError("neither capacity nor status")
    status = _STATUS.get(found.get("status", "open"))
    if status is None:
        raise ParseError("a status that is neither open nor closed")
    capacity = found.get("capacity")
    free = None if capacity is None else parse_number(capacity, MOST_LINES)
    return Told(status, free)


def read_presence(body: bytes) -> Told:
    """
    Read a presence document: open if any of its tuples is.

    @raise ParseError: Malformed, or without a basic status. A document type
        is refused unread: its entities could fill the memory. So is UTF-16, in
        which it would be found under another spelling.
    """
    if b"<!" in body or b"\0" in body:
        raise ParseError("a document type, or a comment, in a presence document")
    try:
        root = ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError):
        raise ParseError("not XML") from None
    if root.tag != f"{_PIDF}presence":
        raise ParseError("not a presence document")
    said = [(each.text or "").strip().lower() for each in root.findall(_BASIC)]
    if not said or not set(said) <= _STATUS.keys():
        raise ParseError("no basic status that is open or closed")
    return Told("open" in said)


_PACKAGE = Package(
    ("presence", "capacity"),
    {"text/plain": read_lines, "application/pidf+xml": read_presence},
)


class Publications:
    """
    The gateways that may publish.

    @param longest: Gives SS_SIP_PUBLISH_EXPIRE, s.
    @param named: The names of the gateways at a host and port.
    """

    def __init__(
        self,
        core: UserAgentCore,
        availability: Availability,
        presence: Availability,
        longest: Callable[[], int],
        named: Callable[[str, int], frozenset[str]],
    ) -> None:
        self._sides = {"routing": availability, "mapping": presence}
        self._allowed = dict.fromkeys(self._sides, frozenset[str]())
        self._named = named
        self._core = core
        self._compositor = Compositor(
            core, _PACKAGE, longest, self._whose, self._changed
        )

    def load(self, side: str, names: frozenset[str]) -> None:
        """These gateways of a side may publish, and no other."""
        self._allowed[side] = names
        self._compositor.keep_only(frozenset().union(*self._allowed.values()))

    def _whose(self, transaction: ServerTransaction) -> str:
        """
        Which gateway tells of itself: the one at the source that may; where
        several do, the one whose name is the user of the Request-URI.
        """
        source, request = transaction.address, transaction.request
        there = self._named(*source)
        if not there:
            raise NotPublished(403)
        allowed = there & frozenset().union(*self._allowed.values())
        if not allowed:
            raise NotPublished(405)
        if len(allowed) == 1:
            return next(iter(allowed))
        if request.uri.number in allowed:
            return request.uri.number
        raise NotPublished(404, "which of several gateways")

    def _changed(self, name: str, told: Told | None) -> None:
        for side, availability in self._sides.items():
            if told is None:
                availability.unpublish(name)
            elif name in self._allowed[side]:
                availability.publish(name, told.is_open, told.free)
