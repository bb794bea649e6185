"""
Messages as lines of JSON, from the switch to the command that shows them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import attrs

from vos3000.trace.legs import Followed
from vos3000.trace.seen import Seen


@attrs.frozen(slots=True)
class Shown:
    """
    A message and what the switch knows of it.

    @ivar call: The number of its call; 0 if it is in none.
    @ivar gateways: The names of the gateways at its peer's address.
    """

    seen: Seen
    call: int = 0
    gateways: tuple[str, ...] = ()


def write(seen: Seen, followed: Followed | None, gateways: frozenset[str]) -> bytes:
    """A message as one line."""
    value = {
        "at": seen.at,
        "came": seen.came,
        "transport": seen.transport,
        "here": seen.here,
        "there": seen.there,
        "callId": seen.call_id,
        "call": 0 if followed is None else followed.number,
        "gateways": sorted(gateways),
        "data": base64.b64encode(seen.data).decode("ascii"),
    }
    return json.dumps(value).encode() + b"\n"


def lost(count: int) -> bytes:
    """The line that says how many messages found no room."""
    return json.dumps({"lost": count}).encode() + b"\n"


def read(line: bytes) -> Shown | int:
    """
    Read a line.

    @return: The message, or how many were lost.
    @raise ValueError: It is no such line.
    """
    value: Mapping[str, Any] = json.loads(line)
    try:
        if "lost" in value:
            return int(value["lost"])
        seen = Seen(
            float(value["at"]),
            bool(value["came"]),
            str(value["transport"]),
            (str(value["here"][0]), int(value["here"][1])),
            (str(value["there"][0]), int(value["there"][1])),
            base64.b64decode(value["data"]),
            str(value["callId"]),
        )
        return Shown(seen, int(value["call"]), tuple(value["gateways"]))
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"no line of a trace: {error}") from error
