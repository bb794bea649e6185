"""
Calls in progress: GetCurrentCall, DisconnectCurrentCall.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import attrs
from twisted.logger import Logger

from vos3000.db.changes import DONE, By, ChangeStore
from vos3000.model.current import CurrentCall
from vos3000.web.endpoint import Answering, Changing, Endpoint
from vos3000.web.requests import Fields
from vos3000.web.retcodes import BAD_INPUT, NOT_FOUND, refusal

_log = Logger()


class CallRegistry(Protocol):
    """What is needed of the calls of this process."""

    def __len__(self) -> int:
        """How many calls there are."""

    def current(self) -> Iterable[CurrentCall]:
        """Every call as it stands now."""

    def hang_up(self, call_id: int) -> bool:
        """End a call; whether there is one with this number."""


def _info(call: CurrentCall) -> Mapping[str, Any]:
    """A call as InfoCurrentCall; traffic and DTMF are zero without a relay."""
    return {
        "callerE164": call.caller_e164,
        "calleeE164": call.callee_e164,
        "callerGatewayId": call.caller_gateway,
        "calleeGatewayId": call.callee_gateway,
        "connectedTime": call.connected_time,
        "keepTime": call.keep_time,
        "callCodec": call.codec,
        "callerCodec": call.caller_codec,
        "calleeCodec": call.callee_codec,
        "callerRtpIp": call.caller_rtp,
        "calleeRtpIp": call.callee_rtp,
        "callerTerminal": call.caller_terminal,
        "calleeTerminal": call.callee_terminal,
        "callerLocalIp": call.caller_local_ip,
        "calleeLocalIp": call.callee_local_ip,
        "callId": call.call_id,
    }


def _wanted(call: CurrentCall, fields: Fields) -> bool:
    """Whether a call passes every filter that is set."""
    for name, value in (
        ("callerE164s", call.caller_e164),
        ("calleeE164s", call.callee_e164),
    ):
        if fields.get(name) and value not in fields[name]:
            return False
    for name, value in (
        ("gatewayMappingName", call.caller_gateway),
        ("gatewayRoutingName", call.callee_gateway),
    ):
        if fields.get(name) and value != fields[name]:
            return False
    return True


@attrs.frozen(slots=True)
class Calls:
    """
    The interfaces about calls in progress.

    @ivar changes: Where it is written who ended calls; None for nowhere.
    """

    calls: CallRegistry
    changes: ChangeStore | None = None

    def endpoints(self) -> list[Answering]:
        """What this module answers."""
        return [
            Endpoint("GetCurrentCall", self._get),
            Changing("DisconnectCurrentCall", self._disconnect),
        ]

    async def _get(self, fields: Fields) -> Mapping[str, Any]:
        found = (call for call in self.calls.current() if _wanted(call, fields))
        return {"infoCurrentCalls": [_info(call) for call in found]}

    async def _disconnect(self, fields: Fields, by: By) -> Mapping[str, Any]:
        """
        Hang up every call named; refused only if none of them is there, since
        calls end by themselves while a client makes up its list.
        """
        call_ids = fields["callIds"]
        if not call_ids:
            raise refusal(BAD_INPUT, "callIds is empty")
        ended = [each for each in dict.fromkeys(call_ids) if self.calls.hang_up(each)]
        if not ended:
            raise refusal(NOT_FOUND)
        if self.changes is not None:
            noted = self.changes.note(by, DONE, "calls ended", {}, {"callIds": ended})
            noted.addErrback(lambda failure: _log.failure("not noted", failure))
        return {}
