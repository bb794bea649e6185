"""
Number groups: CreateLimitE164Group, ModifyLimitE164Group, DeleteLimitE164Group,
GetLimitE164Group, CreateLimitE164, DeleteLimitE164, GetLimitE164.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from vos3000.db.changes import By
from vos3000.db.numbergroups import Named, NumberGroupStore
from vos3000.model.limits import comma_list
from vos3000.web.endpoint import Answering, Changing, Endpoint, Refresh
from vos3000.web.requests import Fields
from vos3000.web.retcodes import BAD_INPUT, refusal

_NUMBER = re.compile(r"[0-9A-Za-z+*#]{1,64}")
"""What a group may hold; a comma stands between numbers in queries."""


def _checked(number: str) -> str:
    if _NUMBER.fullmatch(number) is None:
        raise refusal(BAD_INPUT, f"e164 {number!r} is no number")
    return number


@attrs.frozen(slots=True)
class NumberGroups:
    """
    The interfaces about number groups.

    Numbers that are in a group already get the new memo; to take out one that
    is not in it is no mistake.
    """

    store: NumberGroupStore
    refresh: Refresh

    def endpoints(self) -> list[Answering]:
        """What this module answers."""
        return [
            Changing("CreateLimitE164Group", self._create),
            Changing("ModifyLimitE164Group", self._modify),
            Changing("DeleteLimitE164Group", self._delete),
            Endpoint("GetLimitE164Group", self._get),
            Changing("CreateLimitE164", self._add),
            Changing("DeleteLimitE164", self._remove),
            Endpoint("GetLimitE164", self._numbers),
        ]

    async def _changed(self) -> Mapping[str, Any]:
        await self.refresh("e_limit_e164")
        return {}

    async def _create(self, fields: Fields, by: By) -> Mapping[str, Any]:
        if not fields["name"]:
            raise refusal(BAD_INPUT, "name is empty")
        await self.store.create(fields["name"], fields.get("memo", ""), by)
        return await self._changed()

    async def _modify(self, fields: Fields, by: By) -> Mapping[str, Any]:
        if "memo" in fields:
            await self.store.note(fields["name"], fields["memo"], by)
        else:
            await self.store.numbers(fields["name"])
        return {}

    async def _delete(self, fields: Fields, by: By) -> Mapping[str, Any]:
        await self.store.delete(fields["name"], by)
        return await self._changed()

    async def _get(self, fields: Fields) -> Mapping[str, Any]:
        groups = await self.store.groups()
        if names := frozenset(fields.get("names", ())):
            groups = [group for group in groups if group.name in names]
        infos = [{"name": group.name, "memo": group.memo} for group in groups]
        return {"infoLimitE164Groups": infos}

    async def _add(self, fields: Fields, by: By) -> Mapping[str, Any]:
        numbers = [
            Named(_checked(info["e164"]), info.get("memo", ""))
            for info in fields["infoLimitE164s"]
        ]
        await self.store.add(fields["limitE164GroupName"], numbers, by)
        return await self._changed()

    async def _remove(self, fields: Fields, by: By) -> Mapping[str, Any]:
        await self.store.remove(fields["limitE164GroupName"], fields["e164s"], by)
        return await self._changed()

    async def _numbers(self, fields: Fields) -> Mapping[str, Any]:
        only = comma_list(fields.get("e164", ""))
        found = await self.store.numbers(fields["limitE164GroupName"], only)
        infos = [{"e164": each.name, "memo": each.memo} for each in found]
        return {"infoLimitE164s": infos}
