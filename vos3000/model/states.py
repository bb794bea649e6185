"""
The states of a call as current calls and pushes show them.

One table for both (C{keepTime} of InfoCurrentCall, C{callState} of
CallStateReport); they have nothing to do with end reasons.
"""

from __future__ import annotations

from enum import IntEnum


class CallState(IntEnum):
    """
    What a call is doing (behaviour 8.1). The first half is H.323's, the
    second SIP's; each leg reports its own protocol's.
    """

    SETUP = -1
    CALL_PROCEEDING = -2
    CALL_PROCEEDING_RTP = -3
    PROGRESS = -4
    ALERTING = -5
    CONNECT = -6
    INVITE = -7
    TRYING = -8
    SESSION_PROGRESS = -9
    SESSION_PROGRESS_SDP = -10
    RINGING = -11
    OK = -12
    RELEASE = -13
    TRANSFERRING = -14
    TRANSFER_OK = -15
    TRANSFER_FAILED = -16
    TRANSFER_CANCELED = -17
    AUTHENTICATING = -18


class EndDirection(IntEnum):
    """Who ended a call (column enddirection)."""

    CALLER = 0
    CALLEE = 1
    SERVER = 2
