"""
A message as it passed.
"""

from __future__ import annotations

import re

import attrs

from vos3000.sip.transaction import Address

_CALL_ID = re.compile(rb"\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)


@attrs.frozen(slots=True)
class Seen:
    """
    One SIP message, whole.

    @ivar at: When it passed, seconds since 1970.
    @ivar came: Whether it came in; else we sent it.
    @ivar transport: As in a Via: UDP, TCP ...
    @ivar here: Our own host and port.
    @ivar there: The peer's.
    @ivar data: The bytes.
    @ivar call_id: Its Call-ID; empty if it has none.
    """

    at: float
    came: bool
    transport: str
    here: Address
    there: Address
    data: bytes
    call_id: str

    @property
    def source(self) -> Address:
        """Where it came from."""
        return self.there if self.came else self.here

    @property
    def destination(self) -> Address:
        """Where it went."""
        return self.here if self.came else self.there


def call_id_of(data: bytes) -> str:
    """The Call-ID of a message that need not be well formed; empty for none."""
    found = _CALL_ID.search(data)
    return "" if found is None else found[1].strip().decode("utf-8", "surrogateescape")
