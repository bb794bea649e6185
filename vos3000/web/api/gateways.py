"""
Gateways: Create, Modify, Delete and Get of GatewayMapping and GatewayRouting.

The two kinds have the same four interfaces, so there is one class for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from vos3000.billing.accounts import Accounts
from vos3000.db.changes import By
from vos3000.db.gateways import GatewayStore
from vos3000.web.api import gatewaychecks
from vos3000.web.api.gatewaychecks import Check
from vos3000.web.endpoint import Answering, Changing, Endpoint, Refresh
from vos3000.web.requests import Fields

_NO_DURATIONS = {"maxCallDurationLower": -1, "maxCallDurationUpper": -1}


@attrs.frozen(slots=True)
class GatewayNoun:
    """
    How the interface speaks of one kind of gateway.

    @ivar name: What follows the verb in the interfaces' names.
    @ivar answers: The field of the answer that holds them.
    @ivar table: The table to refresh after a change.
    @ivar account: The field that names an account.
    @ivar account_name: The read-only field with that account's name.
    @ivar checks: The texts that have a form.
    """

    name: str
    answers: str
    table: str
    account: str
    account_name: str
    checks: Mapping[str, Check]


MAPPING = GatewayNoun(
    "GatewayMapping",
    "infoGatewayMappings",
    "e_gatewaymapping",
    "account",
    "accountName",
    gatewaychecks.MAPPING,
)
"""Mapping gateways: traffic in."""

ROUTING = GatewayNoun(
    "GatewayRouting",
    "infoGatewayRoutings",
    "e_gatewayrouting",
    "clearingAccount",
    "clearingAccountName",
    gatewaychecks.ROUTING,
)
"""Routing gateways: traffic out."""


@attrs.frozen(slots=True)
class Gateways:
    """
    The interfaces about gateways of one kind.

    @ivar accounts: Where the names of accounts are found.
    """

    noun: GatewayNoun
    store: GatewayStore[Any]
    accounts: Accounts
    refresh: Refresh

    def endpoints(self) -> list[Answering]:
        """What this module answers."""
        name = self.noun.name
        return [
            Changing(f"Create{name}", self._create),
            Changing(f"Modify{name}", self._modify),
            Changing(f"Delete{name}", self._delete),
            Endpoint(f"Get{name}", self._get),
        ]

    async def _create(self, fields: Fields, by: By) -> Mapping[str, Any]:
        gatewaychecks.check(fields, self.noun.checks)
        gatewaychecks.check_durations({**_NO_DURATIONS, **fields})
        await self.store.create(fields, by)
        await self.refresh(self.noun.table)
        return {}

    async def _modify(self, fields: Fields, by: By) -> Mapping[str, Any]:
        """
        Change what was sent. Clients send whole records as they read them, or
        the name and one field; both come out right.
        """
        name = fields["name"]
        gatewaychecks.check(fields, self.noun.checks)
        if not _NO_DURATIONS.keys().isdisjoint(fields):
            for record in await self.store.fetch([name]):
                gatewaychecks.check_durations({**record, **fields})
        await self.store.modify(name, fields, by, fields.get("version") or None)
        await self.refresh(self.noun.table)
        return {}

    async def _delete(self, fields: Fields, by: By) -> Mapping[str, Any]:
        await self.store.delete(fields["name"], by)
        await self.refresh(self.noun.table)
        return {}

    async def _get(self, fields: Fields) -> Mapping[str, Any]:
        versions = fields.get("versions", False)
        records = await self.store.fetch(fields.get("names") or None, versions)
        for record in records:
            account = self.accounts.get(record[self.noun.account])
            name = account.customer.name if account is not None else ""
            record[self.noun.account_name] = name
        answer: dict[str, Any] = {self.noun.answers: records}
        if versions:
            answer["versions"] = ",".join(record["version"] for record in records)
        return answer
