"""
One push on its way, and its line in the dead-letter file.
"""

from __future__ import annotations

import json

import attrs

from vos3000.errors import ParseError


@attrs.define(slots=True, eq=False)
class Letter:
    """
    What is to be posted.

    @ivar key: Letters with one key are delivered in order: the call's number.
    @ivar page: The name that is appended to the base address.
    @ivar body: The JSON document.
    @ivar time: When it was written, UTC ms.
    @ivar number: Its number among all letters of this process; with C{time}
        it says which of two came first.
    @ivar tries: How often it was posted in vain.
    """

    key: str
    page: str
    body: bytes
    time: int
    number: int
    tries: int = 0

    def line(self, reason: str) -> bytes:
        """
        Its line in the dead-letter file.

        @param reason: Why it was given up, for the operator.
        """
        head = {
            "time": self.time,
            "number": self.number,
            "key": self.key,
            "page": self.page,
            "tries": self.tries,
            "reason": reason,
        }
        return json.dumps(head)[:-1].encode() + b', "body": ' + self.body + b"}\n"


def parse_line(line: bytes) -> Letter:
    """
    The letter that L{Letter.line} wrote.

    @raise ParseError: If it is no such line, such as one cut short.
    """
    try:
        found = json.loads(line)
        body = json.dumps(found["body"], ensure_ascii=False, separators=(",", ":"))
        return Letter(
            str(found["key"]),
            str(found["page"]),
            body.encode(),
            int(found["time"]),
            int(found["number"]),
        )
    except (ValueError, KeyError, TypeError) as problem:
        raise ParseError(f"no dead letter: {problem!r}") from None
