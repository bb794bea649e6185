"""
What a gateway's fields must look like beyond their types.

A mistake here would show as calls that go nowhere, days later; so it is
refused at once, by the field's name, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vos3000.web.api import forms
from vos3000.web.api.forms import Check
from vos3000.web.retcodes import BAD_INPUT, refusal

EXTENSIONS: Mapping[str, Check] = {
    "sipLocalDomain": forms.local_domain,
    "sipInviteHeaders": forms.header_lines,
    "sipExtraHeaders": forms.header_names,
}
"""Texts that gateways of both kinds and phones have beside the interface's."""

MAPPING: Mapping[str, Check] = {
    "remoteIps": forms.sources,
    "rewriteRulesOutCallee": forms.rules,
    "rewriteRulesOutCaller": forms.rules,
    "callFailedSipCode": forms.pairs(699),
    "callFailedQ931CauseValue": forms.pairs(127),
    **EXTENSIONS,
    "sipRedirectServer": forms.server,
}
"""Texts of mapping gateways that have a form."""

ROUTING: Mapping[str, Check] = {
    "remoteIp": forms.host,
    "localIp": forms.address,
    "rewriteRulesInCaller": forms.rules,
    "rewriteRulesInCallee": forms.rules,
    "denyCallerCallee": forms.prefix_pairs,
    "externalNumberVerifyRewriteCaller": forms.rules,
    "externalNumberVerifyRewriteCallee": forms.rules,
    **EXTENSIONS,
    "stopSwitchSipCodes": forms.statuses,
    "transport": forms.transport,
    "registerName": forms.user,
    "registerAuthName": forms.user,
    "registerDomain": forms.host_port,
}
"""Texts of routing gateways that have a form."""

_PORTS = ("signalPort", "signalPortLocal")


def check(fields: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    """
    Check the fields that were sent.

    @raise ApiError: C{BAD_INPUT}, naming the field.
    """
    if not fields["name"].strip():
        raise refusal(BAD_INPUT, "name is empty")
    check_forms(fields, checks)
    for name in _PORTS:
        if not 0 <= fields.get(name, 0) <= 65535:
            raise refusal(BAD_INPUT, f"{name} must be 0 to 65535")


def check_forms(fields: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    """
    Check the texts that were sent.

    @raise ApiError: C{BAD_INPUT}, naming the field.
    """
    for name, look in checks.items():
        if name not in fields:
            continue
        try:
            look(fields[name])
        except ValueError as problem:
            raise refusal(BAD_INPUT, f"{name}: {problem}") from None


def check_durations(fields: Mapping[str, Any]) -> None:
    """
    The pair rule of the longest call: -1 (the system's) and 0 (none) stand in
    both or in neither, and the lower bound is not above the upper.

    @param fields: The whole record as it would be after the change.
    @raise ApiError: C{BAD_INPUT}.
    """
    lower, upper = fields["maxCallDurationLower"], fields["maxCallDurationUpper"]
    if lower < -1 or lower > upper or (lower <= 0 and lower != upper):
        raise refusal(
            BAD_INPUT,
            "maxCallDurationLower and maxCallDurationUpper must both be -1, both 0,"
            " or a range of seconds",
        )
