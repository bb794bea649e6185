"""
The ladder of messages while they pass: a lane for each peer, and one for the switch.

Lanes cannot be known beforehand. Who comes first stands on the left of the switch,
whoever comes later on its right, in order; when there is no room for one more, a new
ladder begins.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import attrs

from vos3000.errors import ParseError
from vos3000.sip.dialog import host_port
from vos3000.sip.message import Request
from vos3000.sip.parser import parse
from vos3000.sip.transaction import Address
from vos3000.trace.lines import Shown
from vos3000.trace.seen import Seen

MARGIN = 21
"""Columns of time and call, in front of the first lane."""

TAIL = 16
"""Columns behind the last lane, for its name and for media."""

NARROWEST, WIDEST = 20, 34
"""Columns between two lanes."""

OWN = "vos3000"


@attrs.frozen(slots=True)
class Label:
    """
    What is written on an arrow.

    @ivar text: Method and number, or status and reason.
    @ivar kind: C{request}, or the first digit of the status.
    @ivar media: What a session description says, in short.
    """

    text: str
    kind: str
    media: str = ""


@attrs.frozen(slots=True)
class Line:
    """
    One line of a ladder.

    @ivar kind: As of its label; empty for the heads of lanes.
    """

    text: str
    kind: str = ""


def label_of(data: bytes) -> Label:
    """What a message is, as short as can be."""
    start = data.partition(b"\r\n")[0].decode("utf-8", "replace")
    body = data.partition(b"\r\n\r\n")[2]
    media = _media(body) if b"\nm=" in body else ""
    if start.startswith("SIP/2.0 "):
        return Label(start[8:], start[8:9], media)
    method = start.partition(" ")[0]
    number = f" {_number(data)}" if method in ("INVITE", "REGISTER") else ""
    return Label(f"{method}{number}".rstrip(), "request", media)


def _number(data: bytes) -> str:
    try:
        message = parse(data)
        if isinstance(message, Request):
            uri = message.to.uri if message.method == "REGISTER" else message.uri
            return uri.number
    except ParseError:
        pass
    return ""


def _media(body: bytes) -> str:
    """Address, port and formats of the first stream, and its direction."""
    host = media = direction = ""
    for line in body.decode("utf-8", "replace").splitlines():
        words = line[2:].split()
        if line.startswith("c=") and len(words) > 2 and not host:
            host = words[2]
        elif line.startswith("m=") and len(words) > 3:
            if media:
                break
            media = f"{words[0]} {{}}:{words[1]} {' '.join(words[3:])}"
        elif line in ("a=sendonly", "a=recvonly", "a=inactive"):
            direction = f" {line[2:]}"
    return media.replace("{}", host, 1) + direction


class Ladder:
    """
    Draws messages one after the other.

    @param width: Columns of the screen.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._lanes: list[Address] = []
        self._names: list[str] = []
        room = width - MARGIN - TAIL
        self._most = max(1, room // NARROWEST)
        self._step = min(WIDEST, room // self._most)

    def lines(self, shown: Shown) -> Iterator[Line]:
        """The lines that one more message adds."""
        seen = shown.seen
        if seen.there not in self._lanes:
            if len(self._lanes) >= self._most:
                self._lanes, self._names = [], []
                yield Line("")
            self._lanes.append(seen.there)
            self._names.append(" ".join([*shown.gateways, host_port(*seen.there)]))
            yield self._heads()
        label = label_of(seen.data)
        yield Line(self._arrow(shown, label), label.kind)

    def _heads(self) -> Line:
        """The names above the lanes."""
        names = [self._names[0], OWN, *self._names[1:]]
        step = self._step
        text = " " * MARGIN
        text += "".join(name[: step - 1].ljust(step) for name in names[:-1])
        return Line((text + names[-1])[: self._width], "head")

    def _arrow(self, shown: Shown, label: Label) -> str:
        seen = shown.seen
        lane = self._lanes.index(seen.there)
        # the lane of the switch is the second
        first, last = (0, 1) if lane == 0 else (1, lane + 1)
        rightwards = seen.came is (lane == 0)
        step = self._step
        shaft = _shaft(label.text, (last - first) * step - 1, rightwards)
        text = "".join("|".ljust(step) for _ in range(first)) + "|" + shaft
        lanes = len(self._lanes) + 1
        text += "".join("|".ljust(step) for _ in range(lanes - last))
        text = f"{_margin(seen, shown.call)}{text.rstrip()}"
        if label.media:
            text = f"{text} {label.media}"
        return text[: self._width] if len(text) > self._width else text


def _shaft(text: str, room: int, rightwards: bool) -> str:
    text = text[: room - 4]
    if rightwards:
        return f"- {text} ".ljust(room - 1, "-") + ">"
    return f"<- {text} ".ljust(room, "-")


def _margin(seen: Seen, call: int) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(seen.at))
    stamp = f"{clock}.{int(seen.at * 1000) % 1000:03}"
    number = f"#{call}" if call else seen.transport
    return f"{stamp} {number[:7]:<7} "
