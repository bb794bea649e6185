"""
What the options of both peers make of the descriptions of one call.
"""

from __future__ import annotations

from vos3000.errors import MediaRefused, ParseError
from vos3000.sdp.adapt import (
    adapt_answer,
    adapt_offer,
    completed,
    declined,
    is_complete,
    limits_of,
)
from vos3000.sdp.rules import Rules
from vos3000.sdp.session import Session, parse, serialize
from vos3000.sdp.streams import FREE, Limits


class Terms:
    """
    The rules of both sides, and what the offer that waits demands.

    Sides are numbers: 0 and 1. Nothing is kept of descriptions once they are
    answered, but what a later answer has to keep to.
    """

    __slots__ = ("_limits", "_read", "_rules")

    def __init__(self, caller: Rules, callee: Rules) -> None:
        self._rules = (caller, callee)
        self._read: tuple[bytes, Session] | None = None
        self._limits: tuple[Limits, ...] = ()

    def meet(self, callee: Rules) -> None:
        """Another callee is tried."""
        self._rules = (self._rules[0], callee)

    def seat(self, side: int, rules: Rules) -> None:
        """Another peer takes the place of one side."""
        pair = list(self._rules)
        pair[side] = rules
        self._rules = (pair[0], pair[1])

    def forget(self) -> None:
        """The offer that waited is settled."""
        self._read = None

    def offer(self, side: int, body: bytes) -> bytes:
        """
        An offer from C{side} as the other side may see it.

        It is read once, whichever number of routes it is shown to.

        @raise MediaRefused: If it leaves nothing, or cannot be read: then nobody
            can say what is in it.
        """
        if self._read is None or self._read[0] != body:
            self._read = (body, _parsed(body))
        made = self._read[1]
        shown = adapt_offer(made, self._rules[side], self._rules[1 - side])
        self._limits = limits_of(made, shown)
        return body if shown is made else serialize(shown)

    def answer(self, side: int, body: bytes, offer: bytes) -> bytes:
        """
        An answer from C{side} as the other side may see it.

        @param offer: What it answers, as C{side} was shown it; empty if nobody
            offered.
        @raise MediaRefused: If it takes nothing that may be used, or cannot be
            read.
        """
        self._read = None
        given = answer = _parsed(body)
        if offer and not is_complete(answer, len(self._limits)):
            answer = completed(answer, _parsed(offer))
        limits = self._limits
        if len(limits) != len(answer.media):
            # nobody offered: what it answers is its own affair
            limits = (FREE,) * len(answer.media)
        maker, reader = self._rules[side], self._rules[1 - side]
        shown = adapt_answer(answer, limits, maker, reader)
        return body if shown is given else serialize(shown)


def mended(answer: bytes, offer: bytes) -> bytes:
    """
    An answer that has too many streams or too few, with as many as its offer
    (RFC 3264 6); as it is, if either cannot be read.
    """
    try:
        return serialize(completed(parse(answer), parse(offer)))
    except ParseError:
        return answer


def refusal(offer: bytes) -> bytes:
    """
    The answer that refuses every stream of C{offer}; empty if that cannot be
    read.
    """
    try:
        return serialize(declined(parse(offer)))
    except ParseError:
        return b""


def _parsed(body: bytes) -> Session:
    try:
        return parse(body)
    except ParseError as error:
        raise MediaRefused(str(error)) from error
