"""
From a peer's SIP options to what is wanted of its descriptions.
"""

from __future__ import annotations

from functools import lru_cache

from vos3000.model.sipoptions import (
    ORDINARY,
    G729Mode,
    KeysFrom,
    KeysTo,
    SipOptions,
)
from vos3000.sdp.codecs import BESIDE, keys_of
from vos3000.sdp.rules import PLAIN, Annex, Rules

_NO_CODECS = BESIDE | {"t38"}
"""In a list of codecs they say nothing: fax has sipT38, the others always pass."""

_DYNAMIC = range(96, 128)
"""Payload types that may be given to telephone-event (RFC 3551 6)."""

_NAMES: dict[G729Mode, tuple[str, ...]] = {
    G729Mode.AUTO: (),
    G729Mode.G729: ("G729",),
    G729Mode.G729A: ("G729a",),
    G729Mode.BOTH: ("G729", "G729a"),
}


def rules_of(options: SipOptions) -> Rules:
    """
    The rules of a peer; C{PLAIN} itself where its options say nothing.
    """
    return PLAIN if options is ORDINARY else _rules_of(options)


@lru_cache(maxsize=4096)
def _rules_of(options: SipOptions) -> Rules:
    """Pure, and asked for twice a call: there are as many values as peers."""
    rules = Rules(
        codecs=tuple(k for k in keys_of(options.codecs) if k not in _NO_CODECS),
        g729=_NAMES[options.g729_mode],
        annexb=Annex(options.g729_annexb),
        annexa=Annex(options.g723_annexa),
        ptime=options.ptime,
        events=options.dtmf_payload if options.dtmf_payload in _DYNAMIC else 0,
        sends_events=options.keys_from in (KeysFrom.ANY, KeysFrom.EVENTS),
        takes_events=options.keys_to in (KeysTo.ANY, KeysTo.EVENTS),
        t38=options.t38,
    )
    return PLAIN if rules == PLAIN else rules
