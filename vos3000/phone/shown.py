"""
Whose number is shown to whom a transfer connects somebody to.
"""

from __future__ import annotations

import attrs

from vos3000.call.call import Call
from vos3000.call.control import CallControl
from vos3000.call.leg import Headers, Leg
from vos3000.call.presented import HIDDEN, PLAIN, Presented, Withheld
from vos3000.model.gateways import Device, MappingGateway

_OWN = 2
"""The number of who transfers; 1 is the original caller's, 0 is as the system
parameter says."""


@attrs.frozen(slots=True)
class TransferSettings:
    """
    The system parameters of transfers.

    @ivar normal_shows_caller: SS_CALL_TRANSFER_NORMAL_DISPLAY: whether a blind
        transfer shows the original caller, and not who transfers.
    @ivar ask_shows_caller: SS_CALL_TRANSFER_ASK_DISPLAY: the same of an attended
        one.
    """

    normal_shows_caller: bool = True
    ask_shows_caller: bool = True


def blind(
    call: Call, leg: Leg, origin: MappingGateway, settings: TransferSettings
) -> Presented:
    """
    Whom the one that is called now is shown: who called in the call that is
    transferred, or who transfers it (callTransferNormalDisplay).

    @param leg: The side of the call that transfers it.
    @param origin: As whom it calls.
    """
    default = settings.normal_shows_caller
    if leg is call.leg:
        hidden = call.leg.presented.withheld is not Withheld.NOTHING
        return HIDDEN if hidden else PLAIN
    if not _original(origin, "callTransferNormalDisplay", default):
        return PLAIN
    return _caller_of(call)


def attended(
    call: Call, leg: Leg, origin: MappingGateway | None, settings: TransferSettings
) -> Presented | None:
    """
    Whom the one that was consulted is shown from now on
    (callTransferAskDisplay); None for no change: it was called by who transfers.

    @param origin: As whom who transfers may call; None for a gateway that only
        takes calls.
    """
    default = settings.ask_shows_caller
    if leg is call.leg or not _original(origin, "callTransferAskDisplay", default):
        return None
    return _caller_of(call)


def introduction(control: CallControl, call: Call, shown: Presented | None) -> Headers:
    """
    What tells the callee of an answered call that it talks to somebody else now.

    @param shown: Whom it is shown; None for who called it, as it was told then.
    """
    out = call.out
    if out is None:
        return ()
    if shown is None:
        return out.introducing(call.caller_out, call.leg.presented)
    return out.introducing(control.shown_to(call, shown.shown), shown)


def _original(origin: MappingGateway | None, name: str, default: bool) -> bool:
    """Whether a phone's setting, or the system's, is the original caller."""
    mode = 0
    if origin is not None and origin.device is Device.PHONE:
        mode = origin.settings.get(name) or 0
    return mode != _OWN if mode else default


def _caller_of(call: Call) -> Presented:
    hidden = call.leg.presented.withheld is not Withheld.NOTHING
    withheld = Withheld.NUMBER if hidden else Withheld.NOTHING
    return Presented(withheld=withheld, shown=call.caller)
