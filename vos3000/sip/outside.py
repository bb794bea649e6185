"""
Requests of ours that belong to no dialog (RFC 3261 section 8.1.1).
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from vos3000.sip.aim import reachable
from vos3000.sip.dialog import MAX_FORWARDS, contact_of, via_of
from vos3000.sip.message import build
from vos3000.sip.transaction import Address, Channel

Target = tuple[Channel, Address]
"""Where a request goes: on what, and to whom."""


def believed(targets: Iterable[Target], source: str) -> tuple[Target, ...]:
    """
    The places that a peer at C{source} may send us to: nobody out in the world leads
    us to our own machine or the networks around it, not by a name either.
    """
    return tuple(each for each in targets if reachable(each[1][0], source))


@attrs.frozen(slots=True)
class Asked:
    """
    Whom a series of requests is for, and who asks: what they share.

    @ivar uri: The Request-URI.
    @ivar local: From, with its tag.
    @ivar remote: To.
    """

    uri: str
    local: str
    remote: str
    call_id: str

    def request(
        self,
        method: str,
        cseq: int,
        branch: str,
        target: Target,
        headers: Iterable[tuple[str, str]] = (),
        contact: str | None = None,
    ) -> bytes:
        """
        Build one of them.

        @param contact: Our Contact; None for where we are as the peer sees it.
        """
        channel, address = target
        return build(
            f"{method} {self.uri} SIP/2.0",
            [
                ("Via", via_of(channel, address, branch)),
                ("Max-Forwards", str(MAX_FORWARDS)),
                ("From", self.local),
                ("To", self.remote),
                ("Call-ID", self.call_id),
                ("CSeq", f"{cseq} {method}"),
                ("Contact", contact or contact_of(channel, address)),
                *headers,
            ],
        )
