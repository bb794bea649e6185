"""
The extensions of SIP that we understand, by their option tags (RFC 3261 19.2).
"""

from __future__ import annotations

from vos3000.sip.message import Message

EXTENSIONS = frozenset(("100rel", "norefersub", "replaces", "timer"))
"""
What a peer may require of us: reliable provisional responses (RFC 3262), the
place of one side of a call (RFC 3891), transfers that it is not told of (RFC
4488), session timers (RFC 4028).
"""


def names(message: Message, header: str, token: str) -> bool:
    """
    Whether a header that lists tokens names one.

    @param header: Its key, as of Supported, Require or Allow.
    @param token: Lower case.
    """
    if message.get(header) is None:
        return False
    return token in [one.lower() for one in message.all(header)]
