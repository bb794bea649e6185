"""
The extensions that an INVITE of ours offers, and what a callee wants of them
before it takes one (421, 422).
"""

from __future__ import annotations

from vos3000.call.leg import Headers
from vos3000.call.sipleg.lifetime import offered
from vos3000.sip.hopwise import lines_of
from vos3000.sip.message import Response
from vos3000.sip.reliable import TAG as RELIABLE
from vos3000.sip.session_timer import LONGEST, shortest_of
from vos3000.sip.session_timer import TAG as TIMER

MOST_NUMBERS = 10
"""Highest CSeq after which an INVITE is sent again because of them."""

_SUPPORTED: dict[tuple[bool, bool], Headers] = {
    (False, False): (),
    (False, True): (("Supported", TIMER),),
    (True, False): (("Supported", RELIABLE),),
    (True, True): (("Supported", f"{RELIABLE}, {TIMER}"),),
}


def extensions(reliable: bool, timer: bool, ttl: int) -> Headers:
    """
    What an INVITE says of extensions.

    @param reliable: Whether provisional responses may be reliable.
    @param timer: Whether the session may have a timer.
    @param ttl: The lifetime that it would have, s.
    """
    headers = _SUPPORTED[reliable, timer]
    return headers + offered(ttl) if timer else headers


def demanded(invite: bytes, response: Response) -> Headers:
    """
    What has to be added to an INVITE for who refused it for want of that, and
    is offered in it; nothing if there is no such thing.
    """
    if response.status == 421:
        return _required(invite, response)
    return _longer(invite, response) if response.status == 422 else ()


def _required(invite: bytes, response: Response) -> Headers:
    """
    Reliable responses are to be required (RFC 3261 21.4.15), and nothing else
    is, and they were not yet.
    """
    said = lines_of(invite, ("Supported", "Require"))
    wanted = [tag.lower() for tag in response.all("require")]
    if wanted != [RELIABLE] or any(name == "Require" for name, _ in said):
        return ()
    supported = any(RELIABLE in value for _, value in said)
    return (("Require", RELIABLE),) if supported else ()


def _longer(invite: bytes, response: Response) -> Headers:
    """The session is to be longer than was asked for (RFC 4028 7.3)."""
    asked = dict(lines_of(invite, ("Min-SE", "Session-Expires")))
    wanted = shortest_of(response)
    if "Min-SE" not in asked or not int(asked["Min-SE"]) < wanted <= LONGEST:
        return ()
    expires = max(int(asked["Session-Expires"]), wanted)
    return (("Session-Expires", str(expires)), ("Min-SE", str(wanted)))
