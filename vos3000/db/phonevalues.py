"""
From a phone's fields to the value that call control works with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vos3000.db import phonefields
from vos3000.db.gatewayfields import LIST
from vos3000.db.sipfields import phone_options
from vos3000.model.forwards import forwards_of
from vos3000.model.gateways import (
    Device,
    MappingGateway,
    RegisterType,
    RoutingGateway,
)
from vos3000.model.limits import comma_list
from vos3000.model.phones import Phone
from vos3000.model.sipoptions import SipOptions

_ON = 1
"""The value of a setting whose 0 leaves it to the system and whose 2 is off."""

_DEFAULTS = {
    field.name: list(field.default) if field.kind == LIST else field.default
    for field in (
        *phonefields.PHONE,
        *phonefields.ADDITIONAL,
        *phonefields.ADDITIONAL_MORE,
        *phonefields.SERVICES,
    )
}
_SECRET = frozenset(("password", "customerPassword"))


def phone(
    number: int,
    own: Mapping[str, Any],
    additional: Mapping[str, Any],
    services: Mapping[str, Any],
) -> Phone:
    """
    The phone's value.

    @param number: Its id.
    @param own: The fields of PhoneFields, by the interface's names.
    @param additional: Those of InfoPhoneAdditional and ours beside them.
    @param services: Those of InfoPhoneValueAdded.
    """
    every = {**own, **additional, **services}
    # Phones are many and mostly alike: what is as ever is not kept.
    settings = {
        name: value
        for name, value in every.items()
        if value != _DEFAULTS[name] and name not in _SECRET
    }
    sip = phone_options(every)
    return Phone(
        id=number,
        e164=own["e164"],
        origin=_origin(number, every, sip, settings),
        route=_route(number, every, sip, settings),
        dids=comma_list(own["dids"]),
        password=own["password"],
        register_type=additional["registerType"],
        display_number=own["displayNumber"],
        line_in=own["lineCallIn"],
        line_out=own["lineCallOut"],
        lines=own["lineCapacity"],
        unreachable_by_gateway=additional["useRoutingGatewayNotOnline"] == _ON,
        forwards=forwards_of(services),
        settings=settings,
    )


def _duration(every: Mapping[str, Any]) -> tuple[int, int]:
    """The bounds of its longest call (callDurationLimit)."""
    limit = every["callDurationLimit"]
    return (-1, -1) if limit < 0 else (limit, limit)


def _origin(
    number: int,
    every: Mapping[str, Any],
    sip: SipOptions,
    settings: Mapping[str, Any],
) -> MappingGateway:
    """The phone as a caller."""
    return MappingGateway(
        id=number,
        name=every["e164"],
        remote_ips=(every["ip"],) if every["ip"] else (),
        by_port=every["sipAuthenticationMethod"] == 1,
        register_type=every["registerType"],
        lock_type=every["lockType"],
        call_level=every["callLevel"],
        capacity=every["lineCallOut"],
        account=every["account"],
        rewrite_callee=every["rewriteRulesOutCallee"],
        # What its digest protects, unlike To.
        callee_domain=1,
        max_duration=_duration(every),
        memo=every["memo"],
        password=every["password"],
        sip=sip,
        device=Device.PHONE,
        fee_rate_group=every["feerateGroup"],
        settings=settings,
    )


def _route(
    number: int,
    every: Mapping[str, Any],
    sip: SipOptions,
    settings: Mapping[str, Any],
) -> RoutingGateway:
    """The phone as a callee."""
    static = every["registerType"] == RegisterType.STATIC
    return RoutingGateway(
        id=number,
        name=every["e164"],
        protocol=every["protocol"],
        register_type=every["registerType"],
        remote_ip=every["ip"] if static else "",
        signal_port=every["port"] if static else 0,
        local_ip=every["localIp"],
        lock_type=every["lockType"],
        capacity=every["lineCallIn"],
        rewrite_callee=every["rewriteRulesInCallee"],
        rewrite_caller=every["rewriteRulesInCaller"],
        max_duration=_duration(every),
        memo=every["memo"],
        password=every["password"],
        sip=sip,
        device=Device.PHONE,
        settings=settings,
    )
