"""
The lines of whatever calls and is called: gateways by name, phones by number.
"""

from __future__ import annotations

from vos3000.model.gateways import Device, MappingGateway, RoutingGateway
from vos3000.routing.capacity import Capacity
from vos3000.routing.phones import Phones


class PhoneLines:
    """
    The calls of each phone: from it, to it, and both together (lineCallOut,
    lineCallIn, lineCapacity).
    """

    __slots__ = ("_called", "_calling", "_phones")

    def __init__(self, phones: Phones) -> None:
        self._phones = phones
        self._calling = Capacity()
        self._called = Capacity()

    def used(self, e164: str) -> int:
        """How many calls a phone has."""
        return self._calling.used(e164) + self._called.used(e164)

    def may_ring(self, e164: str) -> bool:
        """Whether a phone can take one more call."""
        return self._free(e164, self._called, incoming=True)

    def call(self, e164: str) -> bool:
        """Take a line for a call from a phone, if there is one."""
        free = self._free(e164, self._calling, incoming=False)
        return free and self._calling.acquire(e164, 0)

    def ring(self, e164: str) -> bool:
        """Take a line for a call to a phone, if there is one."""
        free = self._free(e164, self._called, incoming=True)
        return free and self._called.acquire(e164, 0)

    def _free(self, e164: str, side: Capacity, incoming: bool) -> bool:
        phone = self._phones.get(e164)
        if phone is None:
            return False
        limit = phone.line_in if incoming else phone.line_out
        if 0 < limit <= side.used(e164):
            return False
        return not 0 < phone.lines <= self.used(e164)

    def called_off(self, e164: str) -> None:
        """A call from a phone is over."""
        self._calling.release(e164)

    def rung_off(self, e164: str) -> None:
        """A call to a phone is over."""
        self._called.release(e164)


class LinesIn:
    """The lines of callers."""

    __slots__ = ("_gateways", "_phones")

    def __init__(self, gateways: Capacity, phones: PhoneLines) -> None:
        self._gateways = gateways
        self._phones = phones

    def acquire(self, origin: MappingGateway) -> bool:
        """Take a line of a caller, if there is one."""
        if origin.device is Device.PHONE:
            return self._phones.call(origin.name)
        return self._gateways.acquire(origin.name, origin.capacity)

    def release(self, origin: MappingGateway) -> None:
        """Give it back."""
        if origin.device is Device.PHONE:
            self._phones.called_off(origin.name)
        else:
            self._gateways.release(origin.name)


class LinesOut:
    """The lines of callees."""

    __slots__ = ("_gateways", "_phones")

    def __init__(self, gateways: Capacity, phones: PhoneLines) -> None:
        self._gateways = gateways
        self._phones = phones

    def acquire(self, route: RoutingGateway) -> bool:
        """Take a line of a callee, if there is one."""
        if route.device is Device.PHONE:
            return self._phones.ring(route.name)
        if route.device is Device.FORWARD:
            # it takes a line of the phone as a caller
            return True
        return self._gateways.acquire(route.name, route.capacity)

    def release(self, route: RoutingGateway) -> None:
        """Give it back."""
        if route.device is Device.PHONE:
            self._phones.rung_off(route.name)
        elif route.device is Device.GATEWAY:
            self._gateways.release(route.name)
