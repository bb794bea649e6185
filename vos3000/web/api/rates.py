"""
Rate groups and rates: CreateFeeRateGroup, GetFeeRateGroup, GetFeeRate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from vos3000.db.changes import By
from vos3000.db.rates import RateStore
from vos3000.model.rates import Rate
from vos3000.web.endpoint import Answering, Changing, Endpoint
from vos3000.web.requests import Fields
from vos3000.web.retcodes import BAD_INPUT, refusal

FAKE_MINUTE = 60
"""Seconds that are announced as a minute, where nobody says otherwise."""


def _info(rate: Rate) -> Mapping[str, Any]:
    """A rate as InfoFeeRate."""
    return {
        "feePrefix": rate.prefix,
        "areaCode": rate.area_code,
        "type": rate.type,
        "areaName": rate.area_name,
        "infoFeeRateSections": [
            {"fee": section.fee, "time": section.time, "position": position}
            for position, section in enumerate(rate.sections)
        ],
        "fee": rate.fee,
        "period": rate.period,
        "lockType": rate.lock_type,
        "ivrFee": rate.ivr_fee,
        "ivrPeriod": rate.ivr_period,
    }


@attrs.frozen(slots=True)
class Rates:
    """
    The interfaces about rates.

    No engine need hear of a new group: it has no rates yet.
    """

    store: RateStore

    def endpoints(self) -> list[Answering]:
        """What this module answers."""
        return [
            Changing("CreateFeeRateGroup", self._create_group),
            Endpoint("GetFeeRateGroup", self._get_groups),
            Endpoint("GetFeeRate", self._get),
        ]

    async def _create_group(self, fields: Fields, by: By) -> Mapping[str, Any]:
        if not fields["name"]:
            raise refusal(BAD_INPUT, "name is empty")
        minute = fields.get("fakeMinute", FAKE_MINUTE)
        if minute < 1:
            raise refusal(BAD_INPUT, "fakeMinute must be 1 or more")
        memo = fields.get("memo", "")
        await self.store.create_group(fields["name"], minute, memo, by)
        return {}

    async def _get_groups(self, fields: Fields) -> Mapping[str, Any]:
        groups = await self.store.groups()
        if names := frozenset(fields.get("names", ())):
            groups = [group for group in groups if group.name in names]
        infos = [{"name": group.name, "memo": group.memo} for group in groups]
        return {"infoFeeRateGroups": infos}

    async def _get(self, fields: Fields) -> Mapping[str, Any]:
        codes = fields.get("areaCodes", ())
        rates = await self.store.find(fields["feeRateGroup"], codes)
        return {"infoFeeRates": map(_info, rates)}
