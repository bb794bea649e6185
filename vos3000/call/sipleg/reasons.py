"""
Why a call ended: the Reason header (RFC 3326) from one side to the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from vos3000.call.leg import Headers
from vos3000.model.causes import EndCause
from vos3000.model.sipoptions import ReasonMode
from vos3000.sip.message import Message
from vos3000.sip.why import Q850, SIP, Reason, line_of, parse_reasons

LONGEST = 512
"""Characters of a peer's Reason that are looked at; the record holds 64."""


def said_in(message: Message) -> str:
    """What the Reason of a message says; empty if there is none."""
    if message.get("reason") is None:
        return ""
    said = ", ".join(message.all("reason"))
    return said.encode("utf-8", "surrogateescape").decode("utf-8", "replace")[:LONGEST]


def told(mode: ReasonMode, cause: EndCause | None, reason: str) -> Headers:
    """
    The Reason of a request that ends a call, as its peer is to be told it.

    @param mode: sipReason.
    @param cause: Why the call ended; None if that is nobody's concern.
    @param reason: What the side that ended it said.
    """
    if mode is ReasonMode.OMIT or cause is None:
        return ()
    return _header(mode, parse_reasons(reason), cause.q850)


def told_in_refusal(
    mode: ReasonMode, cause: EndCause, reason: str, q850: int
) -> Headers:
    """
    The Reason of a final response. It may hold what RFC 6432 allows there,
    which C{SIP} is not: the status itself says it.

    @param q850: What the gateway's own map puts in place of any Q.850 cause;
        0 for nothing (callFailedQ931CauseValue).
    """
    if mode is ReasonMode.OMIT:
        return ()
    reasons: Iterable[Reason] = parse_reasons(reason)
    reasons = [each for each in reasons if not each.is_of(SIP)]
    if q850:
        reasons = [Reason(Q850, q850) if each.is_of(Q850) else each for each in reasons]
    return _header(mode, reasons, q850 or cause.q850)


def _header(mode: ReasonMode, reasons: Iterable[Reason], q850: int) -> Headers:
    line = line_of(reasons)
    if not line and mode is ReasonMode.OURS:
        line = str(Reason(Q850, q850))
    return (("Reason", line),) if line else ()
