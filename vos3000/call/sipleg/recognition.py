"""
Who calls and who is called, as a caller's INVITE tells it.

A header that is missing, or cannot be read, says nothing: then the numbers are
those of From and of the request line.
"""

from __future__ import annotations

from vos3000.call.presented import (
    LONGEST_NUMBER,
    PLAIN,
    Forward,
    Presented,
    Withheld,
)
from vos3000.call.sipleg.terms import text
from vos3000.model.sipoptions import SipOptions
from vos3000.sip.forwarding import from_diversion, from_history
from vos3000.sip.identity import (
    HIDING,
    KNOWN,
    OBSCURING,
    calling_party,
    first_number,
    is_number,
    privacy_values,
    withholds,
)
from vos3000.sip.message import Request
from vos3000.sip.uri import Uri, plain_number

_TELLING = frozenset(
    (
        "privacy",
        "remote-party-id",
        "p-asserted-identity",
        "p-preferred-identity",
        "diversion",
        "history-info",
    )
)
"""Headers that say something of a caller; most INVITEs have none of them."""

_INVALID = "anonymous.invalid"


def callee_of(request: Request, domain: int) -> str:
    """
    The callee, from where the gateway says it stands.

    @param domain: sipCalleeE164Domain.
    """
    if domain == 1:
        return request.uri.number
    if domain == 2:
        return first_number(request.all("diversion")) or request.uri.number
    return request.to.uri.number or request.uri.number


def caller_of(request: Request, domain: int) -> str:
    """
    The caller, from where the gateway says it stands; else from From.

    @param domain: sipCallerE164Domain.
    """
    return _caller(request, domain) or request.from_.uri.number


def _caller(request: Request, domain: int) -> str:
    if domain == 1:
        party = calling_party(request.all("remote-party-id"))
        return "" if party is None else party.uri.number
    if domain == 2:
        number = plain_number(request.from_.display.strip())
        return number if is_number(number) else ""
    if domain == 3:
        return first_number(request.all("p-asserted-identity"))
    if domain == 4:
        return first_number(request.all("p-preferred-identity"))
    return ""


def presented_by(
    request: Request, options: SipOptions, forwards: bool, phone: bool = False
) -> Presented:
    """
    What the caller says of itself beside its number.

    @param phone: Whether it is a phone: of those nobody knows better who they
        are than we do, so that an identity of theirs goes nowhere (RFC 3325
        section 5).
    @param forwards: Whether it is asked who sent the call on, too
        (sipRecognizeForwardSignal, SS_RECOGNIZE_CALL_FORWARD_SIGNAL).
    """
    display = text(request.from_.display)
    if request.lacks(_TELLING):
        if options.honors_privacy and _is_anonymous(request.from_.uri):
            return Presented(display, Withheld.NUMBER)
        return Presented(display) if display else PLAIN
    privacy: tuple[str, ...] = ()
    withheld = Withheld.NOTHING
    if options.honors_privacy:
        if request.get("privacy") is not None:
            privacy = privacy_values(request.all("privacy"))
        withheld = _withheld(request, privacy)
    asserted = () if phone else tuple(request.all("p-asserted-identity"))
    preferred = () if phone else tuple(request.all("p-preferred-identity"))
    forwarded = _forwarded(request, options, privacy) if forwards else ()
    return Presented(display, withheld, forwarded, privacy, asserted, preferred)


def _forwarded(
    request: Request, options: SipOptions, privacy: tuple[str, ...]
) -> tuple[Forward, ...]:
    """Who sent the call on: as Diversion tells it, else History-Info."""
    diversions = from_diversion(request.all("diversion"))
    if not diversions:
        diversions = from_history(request.all("history-info"))
    withheld = "none" not in privacy and not OBSCURING.isdisjoint(privacy)
    return tuple(
        Forward(
            each.number[:LONGEST_NUMBER],
            each.reason[:LONGEST_NUMBER],
            each.counter,
            options.honors_privacy and (withheld or each.withheld),
        )
        for each in diversions
    )


def _withheld(request: Request, privacy: tuple[str, ...]) -> Withheld:
    if "none" in privacy:
        return Withheld.NOTHING
    if "critical" in privacy and not _possible(privacy):
        return Withheld.TOO_MUCH
    if not HIDING.isdisjoint(privacy) or _is_anonymous(request.from_.uri):
        return Withheld.NUMBER
    if request.get("remote-party-id") is not None:
        party = calling_party(request.all("remote-party-id"))
        if party is not None and withholds(party):
            return Withheld.NUMBER
    return Withheld.NOTHING


def _possible(privacy: tuple[str, ...]) -> bool:
    """
    Whether all that is asked for can be given (RFC 3323 section 5). Where media
    goes cannot be withheld: it goes from end to end.
    """
    return "session" not in privacy and KNOWN.issuperset(privacy)


def _is_anonymous(uri: Uri) -> bool:
    """Whether From itself says nothing (RFC 3323 section 4.1.1.3)."""
    return uri.host == _INVALID or (uri.user or "").lower() == "anonymous"
