"""
The push CallStateReport: every step of every call whose phones have it reported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from vos3000.events import CallStateChanged, Events
from vos3000.instant import Now
from vos3000.model.states import CallState
from vos3000.push.letter import Letter
from vos3000.push.outbox import Outbox

PAGE = "CallStateReport"

_NOT_TOLD = frozenset(
    (
        CallState.TRANSFERRING,
        CallState.TRANSFER_OK,
        CallState.TRANSFER_FAILED,
        CallState.TRANSFER_CANCELED,
    )
)
"""What the interface has no value for: how transfers go on."""

_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def report(event: CallStateChanged) -> dict[str, Any]:
    """
    The document of one step, by the interface's names.

    Gateways and the transaction are left out where the call has none.
    """
    document: dict[str, Any] = {
        "callId": event.call_id,
        "callState": int(event.state),
        "eventTime": event.event_time,
        "callerE164": event.caller_e164,
        "calleeE164": event.callee_e164,
        "callerGatewayId": event.caller_gateway,
        "calleeGatewayId": event.callee_gateway,
        "callerIp": event.caller_ip,
        "calleeIp": event.callee_ip,
        "callerLocalIp": event.caller_local_ip,
        "calleeLocalIp": event.callee_local_ip,
        "transactionId": event.transaction_id,
        "callIdentifier": event.call_identifier,
    }
    for name in ("callerGatewayId", "calleeGatewayId", "transactionId"):
        if not document[name]:
            del document[name]
    return document


class CallStatePusher:
    """
    Turns the steps of calls into letters.

    Made only where a base address is configured: without a listener nobody
    builds the events.

    @param now: The time that is written on letters.
    @param numbers: The numbers of letters.
    """

    def __init__(self, outbox: Outbox, now: Now, numbers: Iterator[int]) -> None:
        self._outbox = outbox
        self._now = now
        self._numbers = numbers

    def listen(self, events: Events) -> None:
        """Push the steps that are published from now on."""
        events.subscribe(CallStateChanged, self._changed)

    def _changed(self, event: CallStateChanged) -> None:
        if not event.reported or event.state in _NOT_TOLD:
            return
        body = _write(report(event)).encode("utf-8", "replace")
        letter = Letter(
            str(event.call_id), PAGE, body, self._now().wall, next(self._numbers)
        )
        self._outbox.add(letter)
