"""
What is wanted of the descriptions that one peer sends and is shown.
"""

from __future__ import annotations

from enum import IntEnum

import attrs


class Annex(IntEnum):
    """How annexb of G.729 and annexa of G.723 are written to a peer."""

    AUTO = 0
    """As the other side wrote it; an answer never says more than its offer."""
    YES = 1
    NO = 2
    ABSENT = 3
    """Not at all, which means yes (RFC 4856 2.1.5, 2.1.9)."""
    PASS = 4
    """As the other side wrote it, whatever was offered."""


@attrs.frozen(slots=True)
class Rules:
    """
    The wishes of one peer; none by default.

    @ivar codecs: The codecs it may use, by key and in order; empty for any.
    @ivar g729: What G.729 is called in what it is shown: one name, or several
        for the one payload type; empty to leave it.
    @ivar annexb: How annexb of G.729 is written to it.
    @ivar annexa: How annexa of G.723 is written to it.
    @ivar ptime: The packet time that it is asked for, ms; 0 to leave it.
    @ivar events: The payload type of telephone-event in offers to it; 0 to
        leave it.
    @ivar sends_events: Whether its telephone-events may go to the other side.
    @ivar takes_events: Whether it may be sent any.
    @ivar t38: Whether it may be offered, and offer, T.38.
    """

    codecs: tuple[str, ...] = ()
    g729: tuple[str, ...] = ()
    annexb: Annex = Annex.AUTO
    annexa: Annex = Annex.AUTO
    ptime: int = 0
    events: int = 0
    sends_events: bool = True
    takes_events: bool = True
    t38: bool = True


PLAIN = Rules()
"""The rules of a peer that wants nothing special."""
