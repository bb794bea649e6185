"""
What current calls show of a call (InfoCurrentCall).
"""

from __future__ import annotations

from vos3000.call.call import Call
from vos3000.instant import Instant
from vos3000.media.session import MediaSession, Side
from vos3000.model.current import CurrentCall
from vos3000.model.gateways import gateway_name
from vos3000.model.states import CallState


def current_of(call: Call, now: Instant) -> CurrentCall:
    """The call as it stands."""
    out, answered = call.out, call.answered_at
    talks = answered is not None and call.state is not CallState.TRANSFERRING
    caller_rtp = caller_codec = callee_rtp = callee_codec = ""
    if call.media is not None:
        caller_rtp, caller_codec = _described(call.media, Side.CALLER)
        if call.described:
            callee_rtp, callee_codec = _described(call.media, Side.CALLEE)
    return CurrentCall(
        call_id=call.id,
        caller_e164=call.caller,
        callee_e164=call.callee,
        caller_gateway=gateway_name(call.gateway),
        callee_gateway=gateway_name(call.route),
        connected_time=(answered or call.leg.arrived).wall,
        state=call.state,
        keep_time=now.since(answered) if answered and talks else int(call.state),
        codec=_in_use(caller_codec, callee_codec),
        caller_codec=caller_codec,
        callee_codec=callee_codec,
        caller_rtp=caller_rtp,
        callee_rtp=callee_rtp,
        caller_terminal=call.leg.product,
        callee_terminal=out.product if out else "",
        caller_ip=call.leg.peer[0],
        callee_ip=out.peer[0] if out else "",
        caller_local_ip=call.leg.local_host,
        callee_local_ip=out.local_host if out else "",
    )


def _in_use(caller: str, callee: str) -> str:
    """The callee's first codec that the caller has, too; empty before it spoke."""
    codecs = callee.split(",")
    both = (codec for codec in codecs if codec in caller.split(","))
    return next(both, codecs[0])


def _described(media: MediaSession, side: Side) -> tuple[str, str]:
    said = media.description(side)
    codecs = said.columns[1]
    return (f"{said.address}:{said.port}" if said.port else said.address), codecs
