"""
What an interface of the web API is made of.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

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
