"""
Calls that transfers joined, one behind the other.
"""

from __future__ import annotations

from vos3000.call.call import Call
from vos3000.call.leg import Leg
from vos3000.model.causes import EndCause, EndCauses
from vos3000.phone.joint import Joint

MOST_JOINED = 20
"""Calls of one talk. What one end asks passes through all of them, and each is paid
for: nobody needs so many, but two phones that transfer each other could make them."""


def joined(call: Call) -> list[Call]:
    """A call, and all that are joined with it."""
    calls = [call]
    for leg in (call.leg, call.out):
        far: Leg | None = leg
        while isinstance(far, Joint) and far.partner is not None:
            partner, following = far.partner, far.partner.call
            if following is None or following in calls:
                break
            calls.append(following)
            far = following.out if following.leg is partner else following.leg
    return calls


def changing(call: Call) -> bool:
    """
    Whether somebody is about to leave a talk, or to be replaced in it: at whichever
    end, for the other end is being told whom it will talk to.
    """
    return any(each.moving is not None for each in joined(call))


def obstacle(call: Call, other: Call | None, causes: EndCauses) -> EndCause | None:
    """
    Why two calls cannot be joined; None if they can. If they are one talk already,
    nobody would be left in it who could end it.

    @param other: The one that is to be joined; None for one yet to be placed.
    """
    calls = joined(call)
    if other in calls:
        return causes.by_sip(603)
    more = 1 if other is None else len(joined(other))
    return causes.by_sip(483) if len(calls) + more > MOST_JOINED else None
