"""
A call in progress, as the operator and the web interface see it.
"""

from __future__ import annotations

import attrs

from vos3000.model.states import CallState


@attrs.frozen(slots=True)
class CurrentCall:
    """
    One call at one moment; made when somebody asks.

    @ivar call_id: The call's number, a positive 32-bit integer.
    @ivar connected_time: When it was answered, or when it came in while it is
        not answered; UTC ms.
    @ivar keep_time: ms since the answer, 0 or more; while the call is not
        answered, or is being transferred, the (negative) state.
    @ivar codec: The codec in use.
    @ivar caller_codec: Codecs the caller offered, by comma.
    @ivar callee_codec: Codecs the callee offered, by comma.
    @ivar caller_rtp: Where the caller receives media, C{address:port}.
    @ivar callee_rtp: Where the callee receives media, C{address:port}.
    @ivar caller_terminal: Name of the caller's device (User-Agent).
    @ivar callee_terminal: Name of the callee's device.
    @ivar caller_ip: Signalling address of the caller.
    @ivar callee_ip: Signalling address of the callee; empty before it is called.
    @ivar caller_local_ip: Our address that the caller reached.
    @ivar callee_local_ip: Our address that the callee was called from.
    """

    call_id: int
    caller_e164: str
    callee_e164: str
    caller_gateway: str
    callee_gateway: str
    connected_time: int
    state: CallState
    keep_time: int
    codec: str = ""
    caller_codec: str = ""
    callee_codec: str = ""
    caller_rtp: str = ""
    callee_rtp: str = ""
    caller_terminal: str = ""
    callee_terminal: str = ""
    caller_ip: str = ""
    callee_ip: str = ""
    caller_local_ip: str = ""
    callee_local_ip: str = ""
