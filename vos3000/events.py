"""
In-process publish and subscribe, and the facts that are published.

Facts are in the past tense, frozen and complete: a listener needs no look-up.
Publishing cannot fail: a listener's error is logged and costs nobody else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs
from twisted.logger import Logger

from vos3000.model.cdr import Cdr
from vos3000.model.states import CallState

E = TypeVar("E")


@attrs.frozen(slots=True)
class CallStateChanged:
    """
    A call took a step (the push CallStateReport).

    @ivar event_time: UTC ms.
    @ivar call_identifier: The caller's own call id (SIP Call-ID).
    @ivar reported: Whether the phones that the call is from or for have it pushed
        (callStateReport).
    """

    call_id: int
    state: CallState
    event_time: int
    caller_e164: str
    callee_e164: str
    caller_gateway: str
    callee_gateway: str
    caller_ip: str
    callee_ip: str
    caller_local_ip: str
    callee_local_ip: str
    call_identifier: str
    transaction_id: str = ""
    reported: bool = True


@attrs.frozen(slots=True)
class CallEnded:
    """
    A call is over; the record says how, whether or not it is kept.

    @ivar kept: Whether the rules let the record be written.
    @ivar detail: Why a refused call was refused, for an operator.
    """

    cdr: Cdr
    kept: bool
    detail: str = ""


@attrs.frozen(slots=True)
class PhoneOnlineChanged:
    """
    A phone came, moved, or is gone (the push PhoneOnline).

    @ivar event_time: UTC ms.
    """

    e164: str
    dids: tuple[str, ...]
    online: bool
    event_time: int
    local_ip: str
    local_port: int
    remote_ip: str
    product_id: str


@attrs.frozen(slots=True)
class StorageFailed:
    """The database refuses writes; records wait in the journal."""

    reason: str
    waiting: int


@attrs.frozen(slots=True)
class RecordsWaiting:
    """
    Too many records wait for the database (alarm 20006), or no longer.

    @ivar waiting: How many.
    @ivar many: Whether that is too many.
    """

    waiting: int
    many: bool


@attrs.frozen(slots=True)
class StorageRecovered:
    """The database takes writes again and nothing was lost."""

    waited: float


@attrs.frozen(slots=True)
class Cleaned:
    """The automatic clean-up has removed old rows of a table."""

    table: str
    rows: int


@attrs.frozen(slots=True)
class ReportFailed:
    """
    Records that are in the database cannot be passed on; they wait there.

    @ivar output: Which way: C{csv}, C{pipe} or C{realtime}.
    """

    output: str
    reason: str


@attrs.frozen(slots=True)
class ReportRecovered:
    """Records are passed on again, from where it had stopped."""

    output: str
    waited: float


@attrs.frozen(slots=True)
class GatewayOnlineChanged:
    """
    A gateway can be reached again, or can no longer.

    @ivar side: C{routing} or C{mapping}.
    @ivar why: Why it is offline; empty if it is online.
    @ivar event_time: UTC ms.
    """

    side: str
    gateway: str
    online: bool
    why: str
    event_time: int


class Events:
    """The listeners of one process."""

    _log = Logger()

    def __init__(self) -> None:
        self._listeners: dict[type, list[Callable[[Any], object]]] = {}

    def subscribe(self, kind: type[E], listener: Callable[[E], object]) -> None:
        """Call C{listener} with every event of exactly this type."""
        self._listeners.setdefault(kind, []).append(listener)

    def wanted(self, kind: type) -> bool:
        """Whether anybody listens: ask before building a costly event."""
        return kind in self._listeners

    def publish(self, event: object) -> None:
        """Tell every listener, in the order they subscribed."""
        for listener in self._listeners.get(type(event), ()):
            try:
                listener(event)
            except Exception:
                self._log.failure("a listener failed on {event!r}", event=event)
