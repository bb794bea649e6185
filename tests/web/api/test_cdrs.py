"""
Tests of GetCdr, over the real store.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.rows import cdr
from tests.web.site import WebCase
from vos3000.web.api.cdrs import CdrLimits

MIDNIGHT = 1_772_294_400_000
"""2026-03-01 00:00:00 in Shanghai, UTC ms."""


class GetCdrTests(WebCase):
    """GetCdr."""

    def flows(self, **fields: Any) -> list[int]:
        request = {
            "accounts": ["1000"],
            "beginTime": "20260301",
            "endTime": "20260301",
            **fields,
        }
        found = self.do("GetCdr", **request)["infoCdrs"]
        return [info["flowNo"] for info in found]

    def test_every_field(self) -> None:
        """A record with every field the manual has, amounts exact."""
        self.switch.record(
            cdr(
                starttime=MIDNIGHT,
                stoptime=MIDNIGHT + 60_123,
                fee=Decimal("0.060001"),
                calleraccesse164="030123",
                callertogatewaye164="0049",
                calleetogatewaye164="0044",
                callerproductid="A",
                calleeproductid="B",
                callerareacode="44",
                calleeareacode="4420",
                calllevel=5,
                agentfee=Decimal("0.02"),
                agentfeetime=61,
                agentaccount="2000",
                agentname="vendor",
                enddirection=1,
                endreason=-8,
            )
        )
        self.assertEqual(
            self.post(
                "GetCdr",
                '{"accounts":["1000"],"beginTime":"20260301","endTime":"20260301"}',
            ),
            '{"retCode":0,"infoCdrs":[{"callerE164":"4930123",'
            '"callerAccessE164":"030123","callerProductId":"A",'
            '"callerToGatewayE164":"0049","callerGateway":"customer",'
            '"callerip":"192.0.2.1","calleeE164":"442071234",'
            '"calleeAccessE164":"00442071234","calleeProductId":"B",'
            '"calleeToGatewayE164":"0044","calleeGateway":"vendor",'
            f'"calleeip":"198.51.100.1","start":{MIDNIGHT},"stop":{MIDNIGHT + 60123},'
            '"holdTime":60,"feeTime":60,"fee":0.060001,"feePrefix":"44",'
            '"suiteFee":0.0,"suiteFeeTime":0,"agentFee":0.02,"agentFeeTime":61,'
            '"agentFeePrefix":"4420","agentSuiteFee":0.0,"agentSuiteFeeTime":0,'
            '"callLevel":5,"account":"1000","accountName":"one thousand",'
            '"agentAccount":"2000","agentName":"vendor","endDirection":1,'
            '"endReason":-8,"calleeBilling":0,"billingMode":1,"flowNo":1,'
            '"billingType":0}]}',
        )

    def test_days_of_the_zone(self) -> None:
        """A day is the zone's, from its first to its last millisecond."""
        day = 86_400_000
        self.switch.record(
            cdr(starttime=MIDNIGHT - 1),
            cdr(starttime=MIDNIGHT),
            cdr(starttime=MIDNIGHT + day - 1),
            cdr(starttime=MIDNIGHT + day),
        )
        self.assertEqual(self.flows(), [2, 3])
        self.assertEqual(self.flows(beginTime="20260228"), [1, 2, 3])
        self.assertEqual(self.flows(endTime="20260302"), [2, 3, 4])

    def test_seconds(self) -> None:
        """Times of 14 digits are seconds, the last one whole."""
        self.switch.record(
            cdr(starttime=MIDNIGHT + 999),
            cdr(starttime=MIDNIGHT + 1000),
            cdr(starttime=MIDNIGHT + 2999),
            cdr(starttime=MIDNIGHT + 3000),
        )
        self.assertEqual(
            self.flows(beginTime="20260301000001", endTime="20260301000002"), [2, 3]
        )
        self.assertEqual(self.flows(beginTime="20260301000003"), [4])

    def test_filters(self) -> None:
        """Filters are exact and apply together; null and empty ones do not."""
        self.switch.record(
            cdr(starttime=MIDNIGHT),
            cdr(starttime=MIDNIGHT, callere164="1"),
            cdr(starttime=MIDNIGHT, calleee164="2"),
            cdr(starttime=MIDNIGHT, callergatewayid="g"),
            cdr(starttime=MIDNIGHT, calleegatewayid="g"),
            cdr(starttime=MIDNIGHT, customeraccount="1001"),
        )
        for fields, expected in (
            ({}, [1, 2, 3, 4, 5]),
            ({"callerE164": None, "calleeE164": ""}, [1, 2, 3, 4, 5]),
            ({"accounts": ["1000", 1001]}, [1, 2, 3, 4, 5, 6]),
            ({"callerE164": "1"}, [2]),
            ({"calleeE164": 2}, [3]),
            ({"callerGateway": "g"}, [4]),
            ({"calleeGateway": "g"}, [5]),
            ({"callerE164": "1", "calleeE164": "2"}, []),
        ):
            self.assertEqual(self.flows(**fields), expected, fields)

    def test_missing(self) -> None:
        """Missing fields: the captured code, with the empty list."""
        for body, text in (
            ("{}", "accounts is missing"),
            ('{"accounts":""}', "accounts is missing"),
            (
                '{"accounts":[],"beginTime":"20260301","endTime":"20260301"}',
                "accounts is empty",
            ),
            ('{"accounts":["1"],"beginTime":"20260301"}', "endTime is missing"),
            (
                '{"accounts":["1"],"beginTime":"","endTime":"20260301"}',
                "beginTime is empty",
            ),
            (
                '{"accounts":["1"],"beginTime":"20260302","endTime":"20260301"}',
                "endTime is before beginTime",
            ),
            (
                '{"accounts":["1"],"beginTime":"2026-3-1","endTime":"20260301"}',
                "beginTime must be a time as yyyyMMdd or yyyyMMddHHmmss",
            ),
        ):
            self.assertEqual(
                self.post("GetCdr", body),
                f'{{"retCode":-10124,"exception":"Input parameter error: {text}",'
                '"infoCdrs":[]}',
            )

    def test_interval(self) -> None:
        """31 days may be asked for at once, 32 may not; 0 lifts the limit."""
        self.assertEqual(self.flows(beginTime="20260130"), [])
        body = '{"accounts":["1"],"beginTime":"20260129","endTime":"20260301"}'
        self.assertEqual(
            self.post("GetCdr", body),
            '{"retCode":-10033,"exception":"Over the limitation of inquiry interval,'
            ' please contact system administrator","infoCdrs":[]}',
        )
        self.switch.limits = CdrLimits(most_days=0)
        self.assertEqual(self.post("GetCdr", body), '{"retCode":0,"infoCdrs":[]}')

    def test_denied_hour(self) -> None:
        """In a denied hour of the zone queries are refused; after it they are not."""
        self.switch.limits = CdrLimits(denied_hours=frozenset({20}))
        body = '{"accounts":["1"],"beginTime":"20260301","endTime":"20260301"}'
        self.assertEqual(
            self.post("GetCdr", body),
            '{"retCode":-20004,"exception":"CDR queries are refused at this hour of'
            ' the day","infoCdrs":[]}',
        )
        self.switch.clock.advance(3600)
        self.assertEqual(self.post("GetCdr", body), '{"retCode":0,"infoCdrs":[]}')
