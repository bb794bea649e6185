"""
What it changes of a call that a platform phone calls, or is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vos3000.model.causes import CallRejected, EndCauses
from vos3000.model.gateways import Device, MappingGateway, RoutingGateway
from vos3000.model.phones import Phone
from vos3000.routing.lines import LinesIn
from vos3000.routing.phones import Phones
from vos3000.routing.rewriting import Rewriting
from vos3000.routing.routes import Selection
from vos3000.security.screening import Screening


class Calling(Protocol):
    """
    A call, as far as phones matter to it (L{vos3000.call.call.Call}).

    @ivar caller: The caller's billing number, and C{callee} the callee's.
    @ivar phone: The phone that calls, if its settings hold.
    @ivar holds_phone_line: Whether it counts against the limits of a phone
        that calls through a gateway.
    """

    caller: str
    callee: str
    phone: Phone | None
    holds_phone_line: bool

    @property
    def payer(self) -> MappingGateway | None:
        """Whose account pays, once that is known."""


_ON = 1
"""The value of a setting whose 0 leaves it to the system and whose 2 is off."""


class PhoneTerms:
    """
    On whose terms a call goes out, where its caller may be a phone.
    """

    def __init__(
        self,
        phones: Phones,
        screening: Screening,
        rewriting: Rewriting,
        lines: LinesIn,
        causes: EndCauses,
    ) -> None:
        self._phones = phones
        self._screening = screening
        self._rewriting = rewriting
        self._lines = lines
        self._exceeded = causes["LineExceeded"]

    def enter(self, call: Calling, gateway: MappingGateway) -> None:
        """
        The billing numbers are known: find the phone whose settings hold from
        here on. It is the device itself, or the one that has the caller's
        number where the gateway goes on with phones' settings
        (enablePhoneSetting).

        @raise CallRejected: If such a phone is locked or has no line left.
        """
        if gateway.device is Device.PHONE:
            call.phone = self._phones.get(gateway.name)
            call.caller = gateway.name
        elif gateway.settings.get("enablePhoneSetting"):
            self._behind(call)

    def _behind(self, call: Calling) -> None:
        """The caller may be a phone behind the gateway."""
        phone = self._phones.get(call.caller)
        if phone is None:
            return
        origin = phone.origin
        self._screening.check(origin, call.caller, call.callee)
        if not self._lines.acquire(origin):
            raise CallRejected(self._exceeded, f"phone {phone.e164} has no line left")
        call.phone, call.holds_phone_line = phone, True
        call.callee = self._rewriting.rewrite(origin.rewrite_callee, call.callee)[:64]

    def payer(self, call: Calling, gateway: MappingGateway) -> MappingGateway:
        """
        Whose account pays: the device's, or that of the phone with the caller's
        number where the gateway allows it (allowPhoneBilling).

        @raise CallRejected: If that phone is locked: nothing is taken from it.
        """
        if gateway.settings.get("allowPhoneBilling"):
            phone = self._phones.get(call.caller)
            if phone is not None:
                self._screening.check_lock(phone.origin)
                return phone.origin
        return gateway

    def reported(self, call: Calling) -> bool:
        """
        Whether the steps of a call are pushed (callStateReport): of one from a
        phone, or to a phone's number, if either of them has it so; of one between
        gateways always.
        """
        ends = (call.phone, self._phones.called(call.callee))
        wishes = [
            end.settings.get("callStateReport") for end in ends if end is not None
        ]
        return not wishes or any(wishes)


def origin_of(call: Calling, gateway: MappingGateway) -> MappingGateway:
    """Whose routing groups and call level hold."""
    return gateway if call.phone is None else call.phone.origin


def is_free(call: Calling, selection: Selection) -> bool:
    """
    Whether a phone calls another and pays nothing for it (noBillingToPhone).
    Where a gateway pays, a number that it shows in From saves it nothing.
    """
    phone, payer = call.phone, call.payer
    if phone is None or phone.settings.get("noBillingToPhone") != _ON:
        return False
    if payer is None or payer.device is not Device.PHONE:
        return False
    return selection.routes[0].gateway.device is not Device.GATEWAY


def caller_for(
    call: Calling,
    route: RoutingGateway,
    rewrite: Callable[[str, str], str],
    shown: str = "",
) -> str:
    """
    The caller as a callee is told it; empty for a phone that is to be told
    none (callerIdDisplay).

    @param rewrite: Applies number rules.
    @param shown: What is shown in place of the caller's own numbers.
    """
    settings, caller, phone = route.settings, call.caller, call.phone
    called_phone = route.device is Device.PHONE
    if called_phone and settings.get("callerIdDisplay") is False:
        return ""
    if shown:
        caller = shown
    elif phone is not None and phone.display_number:
        if called_phone:
            shows = settings.get("useCallerPhoneDisplay") == _ON
        else:
            shows = bool(settings.get("enablePhoneDisplay"))
        if shows:
            caller = phone.display_number
    return rewrite(route.rewrite_caller, caller)[:64]
