"""
Platform phones: CreatePhone, ModifyPhone, DeletePhone, GetPhone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from vos3000.db.changes import By
from vos3000.db.phones import PhoneStore
from vos3000.instant import Now
from vos3000.web.api import phonechecks
from vos3000.web.endpoint import Answering, Changing, Endpoint, Refresh
from vos3000.web.requests import Fields
from vos3000.web.retcodes import MISSING, refusal


@attrs.frozen(slots=True)
class Phones:
    """
    The interfaces about phones.

    @ivar changed: Hands one phone to the engines.
    @ivar password: Makes a password that nobody can guess.
    """

    store: PhoneStore
    refresh: Refresh
    changed: Refresh
    now: Now
    password: Callable[[], str]

    def endpoints(self) -> list[Answering]:
        """What this module answers."""
        return [
            Changing("CreatePhone", self._create),
            Changing("ModifyPhone", self._modify),
            Changing("DeletePhone", self._delete),
            Endpoint("GetPhone", self._get),
        ]

    async def _create(self, fields: Fields, by: By) -> Mapping[str, Any]:
        phonechecks.check(fields)
        answer = {}
        if not fields.get("password"):
            answer["password"] = fields["password"] = self.password()
        opens = fields["autoCreateAccount"]
        await self.store.create(fields, self.now().wall if opens else None, by)
        if opens:
            await self.refresh("e_customer")
        await self.changed(fields["e164"])
        return answer

    async def _modify(self, fields: Fields, by: By) -> Mapping[str, Any]:
        """Change what was sent, of nested records as well."""
        phonechecks.check(fields)
        seen = fields.get("version") or None
        await self.store.modify(fields["e164"], fields, by, seen)
        await self.changed(fields["e164"])
        return {}

    async def _delete(self, fields: Fields, by: By) -> Mapping[str, Any]:
        await self.store.delete(fields["e164"], by)
        await self.changed(fields["e164"])
        return {}

    async def _get(self, fields: Fields) -> Mapping[str, Any]:
        e164s, accounts = fields.get("e164s"), fields.get("accounts")
        if not (e164s or accounts):
            raise refusal(MISSING)
        versions = fields.get("versions", False)
        named = e164s or (), accounts or ()
        records = await self.store.fetch(*named, versions=versions)
        answer: dict[str, Any] = {"infoPhones": records}
        if versions:
            answer["versions"] = ",".join(record["version"] for record in records)
        return answer


def passwords(
    length: Callable[[], int], more: Callable[[], str], choose: Callable[[int], int]
) -> Callable[[], str]:
    """
    Make a source of passwords of letters and digits.

    @param length: Their characters, as it is now (SERVER_PASSWORD_LENGTH).
    @param more: Further signs they may have (SERVER_TERMINAL_ADDITIONAL_CHARACTERS).
    @param choose: Randomness: from C{n} to 0..n-1.
    """

    def password() -> str:
        signs = _SIGNS + more()
        return "".join(signs[choose(len(signs))] for _ in range(length()))

    return password


_SIGNS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
