"""
Offer and answer: what one description allows the next to say (RFC 3264).

Pure functions over sessions. They say what is wrong, one sentence each, and
leave to the caller whether that ends a call: a B2BUA passes on what two
devices settled between them.
"""

from __future__ import annotations

from collections.abc import Iterator

from vos3000.sdp.session import Media, Session

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

_ANSWERS = {
    # RFC 3264 6.1: what each offered direction may be answered with
    "sendrecv": frozenset(DIRECTIONS),
    "sendonly": frozenset({"recvonly", "inactive"}),
    "recvonly": frozenset({"sendonly", "inactive"}),
    "inactive": frozenset({"inactive"}),
}


def rejected(media: Media) -> bool:
    """Whether a stream is refused or taken away: port zero (RFC 3264 6, 8.2)."""
    return media.port == 0


def direction(session: Session, media: Media) -> str:
    """
    Which way a stream flows, seen from who sent C{session}.

    The stream's own attribute comes before the session's (RFC 8866 6.7).
    """
    for part in (media, session):
        for name in DIRECTIONS:
            if part.attributes(name):
                return name
    return "sendrecv"


def held(session: Session) -> bool:
    """
    Whether every stream asks the other side to be silent (RFC 3264 8.4).

    The address 0.0.0.0 of RFC 2543 counts too.
    """
    return bool(session.media) and all(
        direction(session, media) in ("sendonly", "inactive")
        or _address(session, media) == "0.0.0.0"
        for media in session.media
        if not rejected(media)
    )


def _address(session: Session, media: Media) -> str:
    connection = media.connections[0] if media.connections else session.connection
    return connection.address if connection is not None else ""


def accepted(offer: Session, answer: Session) -> Iterator[tuple[Media, Media]]:
    """The streams that both sides want, offered and answered side by side."""
    for offered, answered in zip(offer.media, answer.media, strict=False):
        if not rejected(offered) and not rejected(answered):
            yield offered, answered


def answer_problems(offer: Session, answer: Session) -> tuple[str, ...]:
    """
    Everything by which C{answer} is no answer to C{offer} (RFC 3264 6).
    """
    if len(answer.media) != len(offer.media):
        offered, answered = len(offer.media), len(answer.media)
        return (f"{answered} streams answer {offered} (RFC 3264 6)",)
    pairs = enumerate(zip(offer.media, answer.media, strict=True), 1)
    return tuple(
        f"stream {number}: {problem}"
        for number, (asked, given) in pairs
        for problem in _stream_problems(offer, asked, answer, given)
    )


def _stream_problems(
    offer: Session, offered: Media, answer: Session, answered: Media
) -> Iterator[str]:
    if answered.kind != offered.kind:
        yield f"{answered.kind} answers {offered.kind} (RFC 3264 6)"
    if rejected(answered):
        return
    if rejected(offered):
        yield "it was offered with port 0 and may not be accepted (RFC 3264 6)"
    if answered.protocol != offered.protocol:
        yield f"{answered.protocol} answers {offered.protocol} (RFC 3264 6)"
    offers, answers = direction(offer, offered), direction(answer, answered)
    if answers not in _ANSWERS[offers]:
        yield f"{answers} answers {offers} (RFC 3264 6.1)"
    if not set(answered.formats) & set(offered.formats):
        yield "no format of the offer is accepted (RFC 3264 6.1)"


def offer_problems(before: Session, offer: Session) -> tuple[str, ...]:
    """
    Everything by which C{offer} may not follow C{before} from the same side
    of the same dialog (RFC 3264 8).
    """
    problems = []
    if len(offer.media) < len(before.media):
        problems.append("streams are taken away, not set to port 0 (RFC 3264 8)")
    was, now = before.origin, offer.origin
    if (was.username, was.session_id) != (now.username, now.session_id):
        problems.append("the origin names another session (RFC 3264 8)")
    elif now.version == was.version and offer != before:
        problems.append("it changed and its version did not (RFC 3264 8)")
    elif now.version not in (was.version, was.version + 1):
        problems.append(
            f"version {now.version} follows {was.version} (RFC 3264 8: one more)"
        )
    return tuple(problems)
