"""Reads the sets of torture messages in tests/wire and what is said of them."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import attrs

from vos3000.errors import ParseError
from vos3000.sip.message import MessageError, Request, Response
from vos3000.sip.parser import parse, validate

_WIRE = Path(__file__).parent.parent / "wire"

ABOVE = frozenset(("200", "401", "403", "404", "405", "406", "407", "415", "420"))
"""Answers that are not the codec's to give: to it the message is in order."""


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
