"""
What tests of phones' calls share.
"""

from __future__ import annotations

from typing import Any

from tests.call.build import CallTests
from tests.peers import Caller
from tests.phones import HALL, PhonePeer
from tests.switch import (
    CALLER,
    Switch,
)
from vos3000.sip.message import Response

OFFLINE = -1002
BUSY = -1003
ILLEGAL = -9


class PhoneCallTests(CallTests):
    """What tests of phones' calls have in common."""

    def switch(self, **settings: Any) -> Switch:
        """A switch with the phones 1001 and 1002."""
        switch = super().switch(**settings)
        switch.phone("1001")
        switch.phone("1002", dids="2221,2222")
        return switch

    def phones(self, switch: Switch) -> tuple[PhonePeer, PhonePeer]:
        """Both, registered."""
        one, two = PhonePeer(switch), PhonePeer(switch, "1002", HALL)
        one.register()
        two.register()
        switch.taken()
        return one, two

    def from_gateway(self, switch: Switch, callee: str, **caller: Any) -> Caller:
        """A call from the mapping gateway."""
        peer = Caller(switch, callee=callee, **caller)
        peer.invite()
        return peer

    def refused(
        self, switch: Switch, status: int, code: int, direction: int = 2
    ) -> Response:
        """The gateway's call is over like this; returns the refusal."""
        trying, response = switch.taken(CALLER)
        assert isinstance(trying, Response)
        assert isinstance(response, Response)
        self.assertEqual((trying.status, response.status), (100, status))
        cdr = switch.cdrs[-1]
        self.assertEqual((cdr.endreason, cdr.enddirection), (code, direction))
        return response
