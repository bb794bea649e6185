"""
Tests of GetCurrentCall, DisconnectCurrentCall and GetPerformance.
"""

from __future__ import annotations

from typing import Any

from tests.web.site import WebCase
from vos3000.model.current import CurrentCall
from vos3000.model.states import CallState


def call(call_id: int, **fields: Any) -> CurrentCall:
    """An answered call, with what is given changed."""
    given: dict[str, Any] = {
        "caller_e164": "4930123",
        "callee_e164": "442071234",
        "caller_gateway": "customer",
        "callee_gateway": "vendor",
        "connected_time": 1700000000123,
        "state": CallState.OK,
        "keep_time": 61234,
        "codec": "PCMA",
        "caller_codec": "PCMA,PCMU",
        "callee_codec": "PCMA",
        "caller_rtp": "192.0.2.1:4000",
        "callee_rtp": "198.51.100.1:5000",
        "caller_terminal": "Gateway 1",
        "callee_terminal": "Gateway 2",
        "caller_ip": "192.0.2.1",
        "callee_ip": "198.51.100.1",
        "caller_local_ip": "203.0.113.1",
        "callee_local_ip": "203.0.113.2",
    }
    return CurrentCall(call_id, **{**given, **fields})


class CurrentCallTests(WebCase):
    """Calls in progress."""

    def ids(self, **fields: Any) -> list[int]:
        found = self.do("GetCurrentCall", **fields)["infoCurrentCalls"]
        return [info["callId"] for info in found]

    def test_every_field(self) -> None:
        """A call with every field the manual has; traffic is zero, not absent."""
        self.switch.registry.calls = [call(7)]
        flow = '{"rtpPackets":0,"rtpBytes":0,"rtpDuration":0}'
        self.assertEqual(
            self.post("GetCurrentCall"),
            '{"retCode":0,"infoCurrentCalls":[{"callerE164":"4930123",'
            '"calleeE164":"442071234","callerGatewayId":"customer",'
            '"calleeGatewayId":"vendor","connectedTime":1700000000123,'
            '"keepTime":61234,"callCodec":"PCMA","callerCodec":"PCMA,PCMU",'
            '"calleeCodec":"PCMA","callerRtpIp":"192.0.2.1:4000",'
            '"calleeRtpIp":"198.51.100.1:5000","callerReceiveDtmf":0,'
            '"callerSendDtmf":0,"calleeReceiveDtmf":0,"calleeSendDtmf":0,'
            f'"callerInfoRtpFlowAudio":{flow},"calleeInfoRtpFlowAudio":{flow},'
            f'"callerInfoRtpFlowVideo":{flow},"calleeInfoRtpFlowVideo":{flow},'
            '"callerTerminal":"Gateway 1","calleeTerminal":"Gateway 2",'
            '"callerCryptoType":0,"calleeCryptoType":0,'
            '"callerLocalIp":"203.0.113.1","calleeLocalIp":"203.0.113.2",'
            '"callId":7}]}',
        )

    def test_ringing(self) -> None:
        """A call that is not answered shows its state as keepTime."""
        self.switch.registry.calls = [
            call(7, state=CallState.RINGING, keep_time=int(CallState.RINGING))
        ]
        (info,) = self.do("GetCurrentCall")["infoCurrentCalls"]
        self.assertEqual(info["keepTime"], -11)

    def test_filters(self) -> None:
        """Filters that are set apply together; empty ones are not set."""
        self.switch.registry.calls = [
            call(1),
            call(2, caller_e164="1"),
            call(3, callee_e164="2"),
            call(4, callee_gateway="other"),
            call(5, caller_gateway="other"),
        ]
        for fields, expected in (
            ({}, [1, 2, 3, 4, 5]),
            ({"callerE164s": [], "calleeE164s": []}, [1, 2, 3, 4, 5]),
            ({"accounts": ""}, [1, 2, 3, 4, 5]),
            ({"gatewayMappingName": ""}, [1, 2, 3, 4, 5]),
            ({"callerE164s": ["1", "4930123"], "calleeE164s": ["2"]}, [3]),
            ({"gatewayRoutingName": "other"}, [4]),
            ({"gatewayMappingName": "other"}, [5]),
            ({"gatewayMappingName": "none"}, []),
        ):
            self.assertEqual(self.ids(**fields), expected, fields)

    def test_disconnect(self) -> None:
        """Every call named is hung up once; one that is there is enough."""
        self.switch.registry.calls = [call(7)]
        self.assertEqual(
            self.post("DisconnectCurrentCall", '{"callIds":["7",8,7]}'),
            '{"retCode":0}',
        )
        self.assertEqual(self.switch.registry.hung_up, [7, 8])

    def test_disconnect_refused(self) -> None:
        """Calls that are not there, or none named."""
        self.assertEqual(
            self.post("DisconnectCurrentCall", '{"callIds":[8]}'),
            '{"retCode":-10007,"exception":"Not found, operation failed."}',
        )
        self.assertEqual(self.code("DisconnectCurrentCall", callIds=[]), -10124)
        self.assertEqual(self.code("DisconnectCurrentCall"), -10124)

    def test_performance(self) -> None:
        """Calls at once and records that wait."""
        self.switch.registry.calls = [call(7), call(8)]
        self.switch.queue.waiting = 5
        self.assertEqual(
            self.post("GetPerformance", "{}"),
            '{"retCode":0,"infoPerformance":{"callSize":2,"cdrQueueSize":5}}',
        )
