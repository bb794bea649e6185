"""Reads the sets of torture messages in tests/wire and what is said of them."""

from __future__ import annotations

import csv
import hashlib
import re
from pathlib import Path

import attrs

from vos3000.errors import ParseError
from vos3000.sip.message import MessageError, Request, Response
from vos3000.sip.parser import parse, validate

_WIRE = Path(__file__).parent.parent / "wire"

ABOVE = frozenset(("200", "401", "403", "404", "405", "406", "407", "415", "420"))
"""Answers that are not the codec's to give: to it the message is in order."""

SYNTAX = frozenset((400, 414, 416, 420, 500, 501, 505, 513))
"""What C{accept} does not mean: the message is said to be malformed."""

_TOP_VIA = re.compile(rb"(\r\n(?:via|v)[ \t]*:)(?:[^\r\n]|\r\n[ \t])*", re.IGNORECASE)
_FOLD = re.compile(rb"\r\n[ \t]+")
_COMPACT = {"v": "via", "i": "call-id", "f": "from", "t": "to"}


@attrs.frozen(slots=True)
class Torture:
    """
    One message and its row of the index.

    @ivar expect: What may be answered: codes, C{4xx}, C{accept}, C{none}.
    """

    name: str
    valid: bool
    expect: tuple[str, ...]
    sha256: str
    data: bytes

    @property
    def intact(self) -> bool:
        """Whether the bytes are those the index speaks of."""
        return hashlib.sha256(self.data).hexdigest() == self.sha256

    def routable(self, host: str, port: int) -> bytes:
        """
        The message with its top Via replaced by its sender's own, so that an
        answer can find its way back whatever stood there.
        """
        via = f" SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK-{self.name}"
        data, count = _TOP_VIA.subn(rb"\g<1>" + via.encode(), self.data, count=1)
        assert count == 1, self.name
        return data

    def agrees(self, status: int | None) -> bool:
        """
        Whether the index allows this final answer.

        @param status: None for no answer at all.
        """
        if status is None or "none" in self.expect:
            return status is None and "none" in self.expect
        if "accept" in self.expect and status not in SYNTAX:
            return True
        return str(status) in self.expect or (
            "4xx" in self.expect and 400 <= status < 500
        )

    @property
    def outcome(self) -> str:
        """
        What the codec makes of it: C{accept}, C{none} (no answer), or the
        status to answer.
        """
        try:
            message = parse(self.data)
            if isinstance(message, Response):
                return "none"
            validate(message)
        except MessageError as error:
            return "none" if error.request is None else str(error.status)
        except ParseError as error:
            return str(error.status)
        return "accept"

    @property
    def allowed(self) -> frozenset[str]:
        """The outcomes that agree with the index."""
        allowed = set(self.expect)
        if allowed & (ABOVE | {"483", "481", "501"}) and self.valid:
            allowed.add("accept")
        return frozenset(allowed)


def torture(folder: str) -> dict[str, Torture]:
    """The messages of a folder of tests/wire by name."""
    found = {}
    with (_WIRE / folder / "index.tsv").open(encoding="utf-8", newline="") as index:
        for row in csv.DictReader(index, delimiter="\t"):
            name = row["name"]
            found[name] = Torture(
                name,
                row["valid"] == "valid",
                tuple(row["expect"].split(",")),
                row["sha256"],
                (_WIRE / folder / f"{name}.dat").read_bytes(),
            )
    return found


def request_of(case: Torture) -> Request:
    """The request that a message is."""
    message = parse(case.data)
    assert isinstance(message, Request)
    return message


def headers(data: bytes) -> dict[str, list[str]]:
    """
    The headers of a message by their long names, for messages that no parser may
    take: unfolded, without blanks, hops told apart.
    """
    found: dict[str, list[str]] = {}
    head = _FOLD.sub(b"", data.partition(b"\r\n\r\n")[0])
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        key = name.strip().lower().decode()
        key = _COMPACT.get(key, key)
        text = "".join(value.decode("utf-8", "replace").split())
        found.setdefault(key, []).extend(text.split(",") if key == "via" else [text])
    return found
