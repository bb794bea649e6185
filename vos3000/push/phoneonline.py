"""
The push PhoneOnline: phones that come and go.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from vos3000.events import Events, PhoneOnlineChanged
from vos3000.instant import Now
from vos3000.push.letter import Letter
from vos3000.push.outbox import Outbox

PAGE = "PhoneOnline"

_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def report(event: PhoneOnlineChanged) -> dict[str, Any]:
    """The document of one change, by the interface's names."""
    return {
        "e164": event.e164,
        "dids": list(event.dids),
        "online": event.online,
        "eventTime": event.event_time,
        "localIp": event.local_ip,
        "localPort": event.local_port,
        "remoteIp": event.remote_ip,
        "productId": event.product_id,
    }


class PhoneOnlinePusher:
    """
    Turns the coming and going of phones into letters, in order for each phone.

    @param enabled: EXTERNAL_WEB_SEND_PHONE_ONLINE.
    @param now: The time that is written on letters.
    @param numbers: The numbers of letters.
    """

    def __init__(
        self,
        outbox: Outbox,
        enabled: Callable[[], bool],
        now: Now,
        numbers: Iterator[int],
    ) -> None:
        self._outbox = outbox
        self._enabled = enabled
        self._now = now
        self._numbers = numbers

    def listen(self, events: Events) -> None:
        """Push every change that is published from now on."""
        events.subscribe(PhoneOnlineChanged, self._changed)

    def _changed(self, event: PhoneOnlineChanged) -> None:
        if not self._enabled():
            return
        body = _write(report(event)).encode("utf-8", "replace")
        key = f"phone {event.e164}"
        letter = Letter(key, PAGE, body, self._now().wall, next(self._numbers))
        self._outbox.add(letter)
