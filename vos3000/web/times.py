"""
Times as clients write them: a day or a second in the server's time zone.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

_DAY = "%Y%m%d"
_SECOND = "%Y%m%d%H%M%S"


def _parse(text: str, zone: tzinfo) -> datetime:
    return datetime.strptime(text, _DAY if len(text) == 8 else _SECOND).replace(
        tzinfo=zone
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def begin_of(text: str, zone: tzinfo) -> int:
    """
    The first moment that C{text} covers.

    @param text: yyyyMMdd or yyyyMMddHHmmss, already checked.
    @return: UTC ms.
    """
    return _milliseconds(_parse(text, zone))


def end_of(text: str, zone: tzinfo) -> int:
    """
    The first moment after what C{text} covers: a day is covered whole, and so
    is a second.

    @return: UTC ms.
    """
    moment = _parse(text, zone)
    if len(text) == 8:
        return _milliseconds(moment + timedelta(days=1))
    return _milliseconds(moment) + 1000


def days(begin: str, end: str) -> int:
    """How many days of the calendar the two and what is between them touch."""
    first = datetime.strptime(begin[:8], _DAY)  # noqa: DTZ007
    last = datetime.strptime(end[:8], _DAY)  # noqa: DTZ007
    return (last - first).days + 1


def midnight(wall: int, zone: tzinfo) -> int:
    """
    The beginning of the day in which a moment lies.

    @param wall: UTC ms.
    @return: UTC ms.
    """
    day = datetime.fromtimestamp(wall / 1000, zone)
    return _milliseconds(day.replace(hour=0, minute=0, second=0, microsecond=0))


def hour(wall: int, zone: tzinfo) -> int:
    """The hour of the day (0 to 23) at a moment in UTC ms."""
    return datetime.fromtimestamp(wall / 1000, zone).hour
