"""
What is told of a call, from what it went through: its record once it is over,
and each step before.
"""

from __future__ import annotations

from vos3000.call.call import Call, Ended
from vos3000.events import CallStateChanged
from vos3000.instant import Instant
from vos3000.media.session import Side
from vos3000.model.cdr import Cdr
from vos3000.model.gateways import Device, Protocol, gateway_name

NOBODY_PAYS = -1
"""billingmode of a call from an unknown source."""

PHONE_PAYS = 0
"""billingmode of a call that a platform phone's account pays for."""

GATEWAY_PAYS = 1
"""billingmode of a call that the mapping gateway's account pays for."""

INFO = 255
"""Characters that calleroriginalinfo holds."""

TEXT = 64
"""Characters that most columns hold."""

_DEVICE: dict[int, int] = {Protocol.H323: 0, Protocol.SIP: 1}
"""Our values of callertype and calleetype: how the device signals."""


def record_of(call: Call, ended: Ended, softswitch: str) -> Cdr:
    """
    Fill the record of C{call}.

    @param softswitch: What C{softswitchname} says.
    """
    leg, answered = call.leg, call.answered_at
    cdr = Cdr(
        callere164=call.caller,
        calleraccesse164=call.caller_access,
        calleee164=call.callee,
        calleeaccesse164=call.callee_access,
        callerip=leg.peer[0],
        callergatewayid=gateway_name(call.gateway),
        callerproductid=leg.product,
        callertogatewaye164=call.caller_out,
        callertype=_DEVICE[leg.protocol],
        billingmode=_billing_mode(call),
        starttime=(answered or ended.when).wall,
        stoptime=ended.when.wall,
        callerpdd=(call.rang or ended.when).since(leg.arrived),
        softswitchname=softswitch,
        softswitchcallid=call.id,
        callercallid=leg.identifier[:TEXT],
        enddirection=int(ended.direction),
        endreason=ended.cause.code,
        sipreasonheader=ended.reason[:TEXT],
    )
    cdr.calleroriginalcallid, cdr.calleroriginalinfo = leg.original
    if call.forwarded:
        told = ", ".join(map(str, call.forwarded))
        cdr.calleroriginalinfo = told[:INFO]
    if answered is not None:
        # The wall clock may step during a call; its length may not.
        cdr.stoptime = answered.wall + ended.when.since(answered)
    _callee_side(cdr, call, ended)
    _media(cdr, call)
    _money(cdr, call, ended)
    return cdr


def begun(call: Call, now: Instant, softswitch: str) -> dict[str, object]:
    """
    What the record of a call says that has just gone out: the columns that are
    known, by name.
    """
    leg, meter = call.leg, call.meter
    return {
        "callere164": call.caller,
        "calleraccesse164": call.caller_access,
        "calleee164": call.callee,
        "calleeaccesse164": call.callee_access,
        "callerip": leg.peer[0],
        "callergatewayid": gateway_name(call.gateway),
        "callerproductid": leg.product,
        "callertype": _DEVICE[leg.protocol],
        "billingmode": _billing_mode(call),
        "starttime": now.wall,
        "stoptime": now.wall,
        "softswitchname": softswitch,
        "softswitchcallid": call.id,
        "callercallid": leg.identifier[:TEXT],
        "customeraccount": meter.customer.account if meter else "",
        "customername": meter.customer.name if meter else "",
    }


def _billing_mode(call: Call) -> int:
    payer = call.payer or call.gateway
    if payer is None:
        return NOBODY_PAYS
    return PHONE_PAYS if payer.device is Device.PHONE else GATEWAY_PAYS


def _callee_side(cdr: Cdr, call: Call, ended: Ended) -> None:
    route, out = call.route, call.out
    if route is None:
        return
    cdr.calleegatewayid = gateway_name(route)
    cdr.calleetogatewaye164 = call.callee_out
    cdr.calleetype = _DEVICE[route.protocol]
    if call.dialed is not None:
        cdr.calleepdd = (call.callee_rang or ended.when).since(call.dialed)
    if out is not None:
        cdr.calleeip = out.peer[0]
        cdr.calleeproductid = out.product
        cdr.calleecallid = out.identifier[:TEXT]


def _media(cdr: Cdr, call: Call) -> None:
    if call.media is None:
        return
    cdr.callerrtpip, cdr.callercodec = call.media.description(Side.CALLER).columns
    if call.described:
        cdr.calleertpip, cdr.calleecodec = call.media.description(Side.CALLEE).columns
    cdr.rtpforward = call.media.rtp_forward


def _money(cdr: Cdr, call: Call, ended: Ended) -> None:
    meter, settlement = call.meter, ended.settlement
    payer = call.payer or call.gateway
    if meter is not None:
        cdr.customeraccount = meter.customer.account
        cdr.customername = meter.customer.name
    elif payer is not None:
        cdr.customeraccount = payer.account
    if settlement is None:
        return
    cdr.holdtime = settlement.holdtime
    cdr.feetime = settlement.charge.seconds
    cdr.fee = settlement.charge.fee
    cdr.callerareacode = settlement.area_code[:TEXT]
    cdr.calllevel = settlement.call_level
    cdr.agentfeetime = settlement.clearing.seconds
    cdr.agentfee = settlement.clearing.fee
    cdr.agentaccount = settlement.clearing_account
    cdr.agentname = settlement.clearing_name
    cdr.calleeareacode = settlement.clearing_area_code[:TEXT]


def step_of(call: Call, wall: int, reported: bool) -> CallStateChanged:
    """
    The step that a call took, for those who are told of each.

    @param reported: Whether the phones in the call have it pushed.
    """
    leg, out = call.leg, call.out
    return CallStateChanged(
        call_id=call.id,
        state=call.state,
        event_time=wall,
        caller_e164=call.caller,
        callee_e164=call.callee,
        caller_gateway=gateway_name(call.gateway),
        callee_gateway=gateway_name(call.route),
        caller_ip=leg.peer[0],
        callee_ip=out.peer[0] if out else "",
        caller_local_ip=leg.local_host,
        callee_local_ip=out.local_host if out else "",
        call_identifier=leg.identifier,
        reported=reported,
    )
