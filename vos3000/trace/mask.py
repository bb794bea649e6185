"""
What nobody reads in a trace: the answers to challenges, which can be guessed from,
and the keys of encrypted media.
"""

from __future__ import annotations

import re

_SECRET = re.compile(
    rb"""
    (\n (?:proxy-)?authorization [ \t]* : [ \t]* basic [ \t]+ )  ([^\r\n]+)
  | (\n (?:proxy-)?authorization [ \t]* : (?:[^\r\n]|\r\n[ \t])*?
       \b response [ \t]* = [ \t]* "? )  ([0-9a-z]+)
  | (\n a=crypto: [^\r\n]*? inline: )  ([^\r\n|]+)
    """,
    re.IGNORECASE | re.VERBOSE,
)


def masked(data: bytes) -> bytes:
    """The message with every secret overwritten by as many asterisks."""
    lowered = data.lower()
    if b"authorization" not in lowered and b"inline:" not in lowered:
        return data
    return _SECRET.sub(_starred, data)


def _starred(found: re.Match[bytes]) -> bytes:
    groups = [group for group in found.groups() if group is not None]
    return groups[0] + b"*" * len(groups[1])
