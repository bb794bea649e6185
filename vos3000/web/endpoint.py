"""
What an interface of the web API is made of.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from vos3000.db.changes import By
from vos3000.web.requests import Fields

Refresh = Callable[[str], Awaitable[None]]
"""
Hands a table's rows, or one phone, to the engines; done when the next call sees
them.
"""


@attrs.frozen(slots=True)
class Endpoint:
    """
    One interface that is built.

    @ivar name: Its name in the contract.
    @ivar answer: Takes the typed fields of a request and returns the fields
        of the answer, without C{retCode}; raises what refuses the request.
    """

    name: str
    answer: Callable[[Fields], Awaitable[Mapping[str, Any]]]

    async def asked(self, fields: Fields, by: By) -> Mapping[str, Any]:
        """The answer; who asks is all the same."""
        return await self.answer(fields)


@attrs.frozen(slots=True)
class Changing:
    """
    One interface that changes something.

    @ivar name: Its name in the contract.
    @ivar answer: Like L{Endpoint.answer}; it is told who asks, too.
    """

    name: str
    answer: Callable[[Fields, By], Awaitable[Mapping[str, Any]]]

    async def asked(self, fields: Fields, by: By) -> Mapping[str, Any]:
        """The answer."""
        return await self.answer(fields, by)


Answering = Endpoint | Changing
"""An interface that is built."""
