"""Messages as they pass, for the tests of who watches them."""

from __future__ import annotations

from tests.sip.rig import HERE, PEER, ask
from vos3000.sip.transaction import Address
from vos3000.trace.seen import Seen, call_id_of

AT = 1_772_366_400.25
"""2026-03-01 12:00:00.250 UTC."""


def seen(
    data: bytes | None = None,
    came: bool = True,
    there: Address = PEER,
    here: Address = HERE,
    transport: str = "UDP",
    at: float = AT,
) -> Seen:
    """An INVITE that came from the peer, but for what is given."""
    data = ask() if data is None else data
    return Seen(at, came, transport, here, there, data, call_id_of(data))
