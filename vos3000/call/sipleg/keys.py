"""
Key presses that travel in INFO: from whom they are taken and to whom they go
(dtmfReceiveMethod, dtmfSendMethodSIP).

Without a relay a key cannot be turned from INFO into telephone-event or back.
What must not go the way it came is refused with 415, so that its sender knows
that it was not heard and may send it the other way.
"""

from __future__ import annotations

from vos3000.call.leg import Content, Exchange, Kind
from vos3000.model.sipoptions import KeysFrom, KeysTo, SipOptions

REFUSED = 415

_KEYS = frozenset(("application/dtmf-relay", "application/dtmf"))
"""The media types in which devices tell key presses."""

_FROM = frozenset((KeysFrom.ANY, KeysFrom.SIGNALING))
_TO = frozenset((KeysTo.ANY, KeysTo.INFO))


def is_key(content: Content) -> bool:
    """Whether it is a key press."""
    return content.type.partition(";")[0].strip().lower() in _KEYS


def unheard(options: SipOptions, content: Content) -> bool:
    """Whether it is a key press that is not taken from the peer."""
    return options.keys_from not in _FROM and is_key(content)


def untold(options: SipOptions, exchange: Exchange) -> bool:
    """Whether it is a key press that the peer is not to be sent."""
    if options.keys_to in _TO or exchange.kind is not Kind.INFO:
        return False
    return is_key(exchange.content)
