"""
Tests of GetCdr, over the real store.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.rows import cdr
from tests.web.site import WebCase
from vos3000.db.cdrs import PAGE
from vos3000.errors import StorageError
from vos3000.web.api.cdrs import AT_ONCE, WAITING, CdrLimits
from vos3000.web.dispatch import LONGEST
from vos3000.web.retcodes import BUSY, TIMEOUT
from vos3000.web.stream import PATIENCE

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
            '{"retCode":-10033,"exception":"Over the limitation of inquiry interval,'
            ' please contact system administrator: not at this hour of the day",'
            '"infoCdrs":[]}',
        )
        self.switch.clock.advance(3600)
        self.assertEqual(self.post("GetCdr", body), '{"retCode":0,"infoCdrs":[]}')


class LongAnswerTests(WebCase):
    """GetCdr of more records than are read at once."""

    REQUEST = b'{"accounts":["1000"],"beginTime":"20260301","endTime":"20260301"}'

    def setUp(self) -> None:
        super().setUp()
        self.reads = 0
        record = cdr(starttime=MIDNIGHT)
        self.switch.record(*[record] * (2 * PAGE + 1))
        self.switch.connection.set_trace_callback(self.trace)

    def trace(self, statement: str) -> None:
        """Count the pages that are read."""
        self.reads += "ORDER BY flowno LIMIT" in statement

    def begin(self) -> tuple[Any, StringTransport]:
        """Ask, and read nothing yet beyond the first bytes."""
        channel, transport = self.switch.connect()
        head = b"POST /external/server/GetCdr HTTP/1.1\r\nHost: a\r\n"
        length = b"Content-Length: %d\r\n\r\n" % len(self.REQUEST)
        channel.dataReceived(head + length + self.REQUEST)
        channel.pauseProducing()
        return channel, transport

    def finish(self, channel: Any) -> None:
        """Read everything."""
        channel.resumeProducing()
        for _ in range(100):
            self.switch.clock.advance(0)

    def flows(self, transport: StringTransport) -> list[int]:
        """The numbers of the records in an answer."""
        self.assertTrue(transport.value().endswith(b"\r\n0\r\n\r\n"))
        return [int(n) for n in re.findall(rb'"flowNo":(\d+)', transport.value())]

    def test_pages_are_read_as_they_are_sent(self) -> None:
        """One page is in memory, and the next is read when that one was sent."""
        channel, transport = self.begin()
        self.switch.clock.advance(PATIENCE / 2)
        self.assertEqual(self.reads, 1)
        self.finish(channel)
        self.assertEqual(self.reads, 3)
        self.assertEqual(self.flows(transport), list(range(1, 2 * PAGE + 2)))

    def test_client_leaves(self) -> None:
        """Nothing more is read for a client that is gone."""
        channel, _ = self.begin()
        channel.connectionLost(Failure(ConnectionDone()))
        self.switch.clock.advance(PATIENCE)
        self.assertEqual(self.reads, 1)
        self.assertEqual(self.switch.clock.getDelayedCalls(), [])

    def test_database_fails_meanwhile(self) -> None:
        """An answer that cannot be finished does not look finished."""
        channel, transport = self.begin()
        self.switch.connection.execute("DROP TABLE e_cdr")
        self.finish(channel)
        self.assertFalse(transport.value().endswith(b"0\r\n\r\n"))
        self.assertEqual(len(self.flushLoggedErrors(StorageError)), 1)

    def test_few_at_once(self) -> None:
        """Some are answered at once, some wait, the rest are to try again."""
        some = [self.begin() for _ in range(AT_ONCE)]
        waiting = [self.begin() for _ in range(WAITING)]
        self.assertEqual(self.reads, AT_ONCE)
        self.assertEqual(json.loads(self.post("GetCdr", self.REQUEST))["retCode"], BUSY)
        some[0][0].connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.reads, AT_ONCE + 1)
        for channel, _ in [*some[1:], *waiting]:
            self.finish(channel)
        self.assertEqual(len(self.flows(waiting[-1][1])), 2 * PAGE + 1)

    def test_answered_too_late(self) -> None:
        """A query that waited too long gives its place up."""
        some = [self.begin() for _ in range(AT_ONCE)]
        _, late = self.begin()
        self.switch.clock.advance(LONGEST / 2)
        for channel, _ in some:
            channel.pauseProducing()
        self.switch.clock.advance(LONGEST / 2)
        self.assertEqual(late.value().count(b'{"retCode":%d' % TIMEOUT), 1)
        for channel, _ in some:
            channel.connectionLost(Failure(ConnectionDone()))
        again = [self.begin() for _ in range(AT_ONCE)]
        for channel, transport in again:
            self.finish(channel)
            self.assertEqual(len(self.flows(transport)), 2 * PAGE + 1)
