"""
Call detail records: GetCdr.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any

import attrs
from twisted.internet.defer import Deferred, DeferredSemaphore

from vos3000.db.cdrs import CdrQuery, CdrReader, CdrStore
from vos3000.instant import Now
from vos3000.model.cdr import Cdr
from vos3000.web import times
from vos3000.web.endpoint import Endpoint
from vos3000.web.pages import Pages, Rows
from vos3000.web.requests import Fields
from vos3000.web.retcodes import BAD_INPUT, BUSY, QUERY_TOO_LONG, refusal

AT_ONCE = 4
"""Queries that may be answered at once; each keeps one page in memory."""

WAITING = 8
"""Queries that may wait for that; any more are told to try again."""


@attrs.frozen(slots=True)
class CdrLimits:
    """
    What a query may ask for.

    @ivar most_days: SERVER_QUERY_CDR_MAX_DAY_INTERVAL; 0 for no limit.
    @ivar denied_hours: SERVER_QUERY_CDR_DENY_TIME, hours 0 to 23.
    """

    most_days: int = 31
    denied_hours: frozenset[int] = frozenset()


def _info(cdr: Cdr) -> Mapping[str, Any]:
    """A record as InfoCdr."""
    return {
        "callerE164": cdr.callere164,
        "callerAccessE164": cdr.calleraccesse164,
        "callerProductId": cdr.callerproductid,
        "callerToGatewayE164": cdr.callertogatewaye164,
        "callerGateway": cdr.callergatewayid,
        "callerip": cdr.callerip,
        "calleeE164": cdr.calleee164,
        "calleeAccessE164": cdr.calleeaccesse164,
        "calleeProductId": cdr.calleeproductid,
        "calleeToGatewayE164": cdr.calleetogatewaye164,
        "calleeGateway": cdr.calleegatewayid,
        "calleeip": cdr.calleeip,
        "start": cdr.starttime,
        "stop": cdr.stoptime,
        "holdTime": cdr.holdtime,
        "feeTime": cdr.feetime,
        "fee": cdr.fee,
        "feePrefix": cdr.callerareacode,
        "suiteFee": cdr.suitefee,
        "suiteFeeTime": cdr.suitefeetime,
        "agentFee": cdr.agentfee,
        "agentFeeTime": cdr.agentfeetime,
        "agentFeePrefix": cdr.calleeareacode,
        "agentSuiteFee": cdr.agentsuitefee,
        "agentSuiteFeeTime": cdr.agentsuitefeetime,
        "callLevel": cdr.calllevel,
        "account": cdr.customeraccount,
        "accountName": cdr.customername,
        "agentAccount": cdr.agentaccount,
        "agentName": cdr.agentname,
        "endDirection": cdr.enddirection,
        "endReason": cdr.endreason,
        "calleeBilling": cdr.billingtype,
        "billingType": cdr.billingtype,
        "billingMode": cdr.billingmode,
        "flowNo": cdr.flowno,
    }


@attrs.frozen(slots=True)
class Cdrs:
    """
    The interfaces about records.

    @ivar limits: The system parameters as they stand now.
    @ivar zone: The zone in which days begin.
    """

    store: CdrStore
    limits: Callable[[], CdrLimits]
    now: Now
    zone: tzinfo
    _turns: DeferredSemaphore = attrs.field(
        init=False, factory=lambda: DeferredSemaphore(AT_ONCE)
    )

    def endpoints(self) -> list[Endpoint]:
        """What this module answers."""
        return [Endpoint("GetCdr", self._get)]

    async def _get(self, fields: Fields) -> Mapping[str, Any]:
        query = self._query(fields)
        if len(self._turns.waiting) >= WAITING:
            raise refusal(BUSY)
        await self._turns.acquire()
        pages = self._pages(self.store.reader(query))
        try:
            if (first := pages.fetch()) is not None:
                await first
        except BaseException:
            pages.close()
            raise
        return {"infoCdrs": pages}

    def _pages(self, reader: CdrReader) -> Pages:
        """The records of a query, one page in memory at a time."""

        def fetch() -> Deferred[Rows] | None:
            if reader.ended:
                return None
            return reader.next().addCallback(lambda page: list(map(_info, page)))

        return Pages(fetch, self._turns.release)

    def _query(self, fields: Fields) -> CdrQuery:
        """
        What is asked for, if it may be asked for now.

        @raise ApiError: BAD_INPUT or QUERY_TOO_LONG.
        """
        begin, end = fields["beginTime"], fields["endTime"]
        for name in ("accounts", "beginTime", "endTime"):
            if not fields[name]:
                raise refusal(BAD_INPUT, f"{name} is empty")
        first, last = times.begin_of(begin, self.zone), times.end_of(end, self.zone)
        if last <= first:
            raise refusal(BAD_INPUT, "endTime is before beginTime")
        limits = self.limits()
        if limits.most_days and times.days(begin, end) > limits.most_days:
            raise refusal(QUERY_TOO_LONG)
        if times.hour(self.now().wall, self.zone) in limits.denied_hours:
            raise refusal(QUERY_TOO_LONG, "not at this hour of the day")
        return CdrQuery(
            accounts=tuple(fields["accounts"]),
            caller=fields.get("callerE164", ""),
            callee=fields.get("calleeE164", ""),
            caller_gateway=fields.get("callerGateway", ""),
            callee_gateway=fields.get("calleeGateway", ""),
            begin_ms=first,
            end_ms=last,
        )
