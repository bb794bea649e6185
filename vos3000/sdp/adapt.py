"""
Offers and answers as the other side may see them.

A back-to-back user agent that does not touch media can still say which codecs
are offered, in which order, and how they are written. What it takes out of an
offer the other side never hears of; every m= line keeps its place, refused
ones with port 0 (RFC 3264 6, 8.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from vos3000.errors import MediaRefused
from vos3000.sdp import streams
from vos3000.sdp.codecs import G723, G729
from vos3000.sdp.offer import rejected
from vos3000.sdp.rules import Rules
from vos3000.sdp.session import Line, Media, Session
from vos3000.sdp.streams import FREE, Limits


@attrs.frozen(slots=True)
class _Pair:
    """
    What the wishes of both sides come to, for what C{reader} is shown.

    @ivar events: Whether the reader may send the maker telephone-events.
    @ivar allowed: The codecs that both may use, in the reader's order, or else
        in the maker's; None for any.
    """

    reader: Rules
    allowed: tuple[str, ...] | None
    t38: bool
    events: bool


def _pair(maker: Rules, reader: Rules) -> _Pair:
    allowed: tuple[str, ...] | None = reader.codecs or maker.codecs or None
    if reader.codecs and maker.codecs:
        allowed = tuple(key for key in reader.codecs if key in maker.codecs)
    events = maker.takes_events and reader.sends_events
    return _Pair(reader, allowed, maker.t38 and reader.t38, events)


def adapt_offer(offer: Session, maker: Rules, reader: Rules) -> Session:
    """
    An offer as C{reader} may see it; the same object if nothing changes.

    @param maker: The wishes of who offers.
    @raise MediaRefused: If all that was offered is refused.
    """
    pair = _pair(maker, reader)
    adapted = [_offered(media, pair) for media in offer.media]
    return _with_media(offer, adapted)


def adapt_answer(
    answer: Session, limits: Sequence[Limits], maker: Rules, reader: Rules
) -> Session:
    """
    An answer as C{reader} may see it; the same object if nothing changes.

    Its order is the answerer's choice and stays.

    @param limits: What the offer demands, of L{limits_of}; the answer has as many
        streams (L{completed}).
    @param maker: The wishes of who answers.
    @raise MediaRefused: If all that was taken is refused.
    """
    pair = _pair(maker, reader)
    adapted = [
        _answered(media, pair, bound)
        for media, bound in zip(answer.media, limits, strict=True)
    ]
    return _with_media(answer, adapted)


def _offered(media: Media, pair: _Pair) -> Media:
    if not _wanted(media):
        return media
    if not streams.governed(media):
        return media if pair.t38 or media.kind != "image" else streams.refused(media)
    was = streams.formats(media)
    found = was if pair.events else streams.without_events(was)
    if pair.allowed is not None:
        found = streams.chosen(found, pair.allowed)
    if was and not found:
        return streams.refused(media)
    if pair.allowed is not None:
        found = streams.ordered(found, pair.allowed)
    numbers = {}
    if pair.reader.events:
        numbers = streams.renumbered(found, pair.reader.events)
    return _shown(media, was, found, pair.reader, FREE, numbers)


def _answered(media: Media, pair: _Pair, limits: Limits) -> Media:
    if not _wanted(media):
        return media
    if limits.refused:
        return streams.refused(media)
    if not streams.governed(media):
        return media if pair.t38 or media.kind != "image" else streams.refused(media)
    was = streams.formats(media)
    found = was if pair.events else streams.without_events(was)
    if pair.allowed is not None:
        found = streams.chosen(found, pair.allowed)
    if was and not found:
        return streams.refused(media)
    return _shown(media, was, found, pair.reader, limits, None)


def _wanted(media: Media) -> bool:
    """Whether a stream is in use (RFC 8843 6: bundle-only has port 0, too)."""
    return media.port != 0 or bool(media.attributes("bundle-only"))


def _shown(
    media: Media,
    was: list[streams.Format],
    found: list[streams.Format],
    reader: Rules,
    limits: Limits,
    numbers: dict[str, str] | None,
) -> Media:
    """
    A stream with these formats as C{reader} wants it written.

    @param numbers: Payload types that change, in an offer; None for an answer.
    """
    found = streams.dressed(found, reader, limits, numbers is None)
    if reader.g729 or numbers or found != was:
        shown = streams.rewritten(media, found, reader.g729, numbers or {})
        media = media if shown == media else shown
    if reader.ptime and media.kind == "audio":
        media = streams.timed(media, reader.ptime)
    return media


def _with_media(session: Session, adapted: list[Media]) -> Session:
    """
    The session with these streams.

    @raise MediaRefused: If it had streams and has none any more.
    """
    pairs = list(zip(session.media, adapted, strict=True))
    if all(was is now for was, now in pairs):
        return session
    if not any(map(_wanted, adapted)):
        kinds = ", ".join(media.kind for media in session.media if _wanted(media))
        raise MediaRefused(f"nothing of {kinds} may be used")
    gone = {
        mid
        for was, now in pairs
        if was is not now and rejected(now)
        for mid in was.attributes("mid")
    }
    lines = _ungrouped(session.lines, gone) if gone else session.lines
    return attrs.evolve(session, lines=lines, media=tuple(adapted))


def _ungrouped(lines: tuple[Line, ...], gone: set[str]) -> tuple[Line, ...]:
    """Refused streams are in no group (RFC 8843 7.3.3, RFC 5888 9.2)."""
    return tuple(
        ("a", " ".join(word for word in value.split() if word not in gone))
        if letter == "a" and value.startswith("group:")
        else (letter, value)
        for letter, value in lines
    )


def limits_of(made: Session, shown: Session) -> tuple[Limits, ...]:
    """
    What the answer to an offer has to keep to.

    @param made: The offer as its maker wrote it.
    @param shown: The same as the answerer was shown it.
    """
    return tuple(
        _limits(was, now) for was, now in zip(made.media, shown.media, strict=True)
    )


def _limits(made: Media, shown: Media) -> Limits:
    if not _wanted(shown):
        return Limits(refused=True)
    if not (_names_annex(made) or _names_annex(shown)):
        return FREE
    found = streams.formats(made)
    if shown is not made:
        found += streams.formats(shown)
    annexb = streams.says_no(found, G729, "annexb")
    annexa = streams.says_no(found, G723, "annexa")
    return Limits(False, annexb, annexa) if annexb or annexa else FREE


def _names_annex(media: Media) -> bool:
    """Whether it is worth looking closer: most streams say nothing of it."""
    return media.kind == "audio" and any("annex" in v.lower() for _, v in media.lines)


def is_complete(answer: Session, streams_offered: int) -> bool:
    """
    Whether an answer can be read without its offer: it has as many streams,
    and every dynamic payload type is named.
    """
    return len(answer.media) == streams_offered and not any(
        streams.nameless(media) for media in answer.media
    )


def completed(answer: Session, offer: Session) -> Session:
    """
    The answer with one stream for each of the offer's, in the same order
    (RFC 3264 6); the same object if it is so already.

    A stream that is missing was refused. Streams that answer none go. Payload
    types that the answer does not name are called as in the offer.
    """
    answer = _aligned(answer, offer)
    media = [
        streams.named(given, offered)
        for given, offered in zip(answer.media, offer.media, strict=True)
    ]
    if all(was is now for was, now in zip(answer.media, media, strict=True)):
        return answer
    return attrs.evolve(answer, media=tuple(media))


def _aligned(answer: Session, offer: Session) -> Session:
    if [m.kind for m in answer.media] == [m.kind for m in offer.media]:
        return answer
    given = list(answer.media)
    media = []
    for offered in offer.media:
        place = next((i for i, m in enumerate(given) if m.kind == offered.kind), None)
        if place is None:
            media.append(streams.refused(offered))
        else:
            media.append(given[place])
            del given[: place + 1]
    return attrs.evolve(answer, media=tuple(media))


def declined(offer: Session) -> Session:
    """The answer that refuses every stream of C{offer} (RFC 3264 6)."""
    return attrs.evolve(
        offer,
        lines=tuple(line for line in offer.lines if line[0] == "t"),
        media=tuple(map(streams.refused, offer.media)),
    )
