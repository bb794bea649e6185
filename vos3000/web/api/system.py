"""
The switch itself: GetPerformance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import attrs

from vos3000.web.api.calls import CallRegistry
from vos3000.web.endpoint import Endpoint
from vos3000.web.requests import Fields


class CdrQueue(Protocol):
    """What is needed of the CDR writer."""

    @property
    def waiting(self) -> int:
        """Records that are not in the database yet."""


@attrs.frozen(slots=True)
class System:
    """The interfaces about the switch itself."""

    calls: CallRegistry
    cdrs: CdrQueue

    def endpoints(self) -> list[Endpoint]:
        """What this module answers."""
        return [Endpoint("GetPerformance", self._performance)]

    async def _performance(self, fields: Fields) -> Mapping[str, Any]:
        figures = {"callSize": len(self.calls), "cdrQueueSize": self.cdrs.waiting}
        return {"infoPerformance": figures}
