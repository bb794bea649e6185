"""
What a phone's fields must look like beyond their types.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vos3000.model.limits import comma_list
from vos3000.web.api import forms
from vos3000.web.api.forms import Check
from vos3000.web.api.gatewaychecks import EXTENSIONS, check_forms
from vos3000.web.retcodes import BAD_INPUT, refusal

_OWN: Mapping[str, Check] = {
    "e164": forms.number,
    "displayNumber": forms.shown,
    "rewriteRulesOutCallee": forms.rules,
    "rewriteRulesInCallee": forms.rules,
    "rewriteRulesInCaller": forms.rules,
    "dids": forms.numbers,
}
_ADDITIONAL: Mapping[str, Check] = {
    "ip": forms.address,
    "localIp": forms.address,
    **EXTENSIONS,
    "sipRedirectServer": forms.server,
}

_FORWARDS = (
    "unconditionalForwardE164",
    "busyForwardE164",
    "noAnswerForwardE164",
    "offlineForwardE164",
)


def check(fields: Mapping[str, Any]) -> None:
    """
    Check the fields that were sent, nested ones too.

    @raise ApiError: C{BAD_INPUT}, naming the field.
    """
    check_forms(fields, _OWN)
    if fields["e164"] in comma_list(fields.get("dids")):
        raise refusal(BAD_INPUT, f"dids: {fields['e164']!r} is the phone's own number")
    additional = fields.get("infoPhoneAdditional") or {}
    check_forms(additional, _ADDITIONAL)
    if not 0 <= additional.get("port", 0) <= 65535:
        raise refusal(BAD_INPUT, "port must be 0 to 65535")
    if additional.get("callDurationLimit", 0) < -1:
        raise refusal(BAD_INPUT, "callDurationLimit must be -1, 0 or seconds")
    _check_forwards(fields.get("infoPhoneValueAdded") or {})


def _check_forwards(services: Mapping[str, Any]) -> None:
    """The numbers that calls are sent on to."""
    for name in _FORWARDS:
        check_forms(services.get(name) or {}, {"e164": forms.numbers})
    for rule in services.get("infoPhoneValueAddedPeriodForwardings") or ():
        check_forms(rule.get("forwardE164") or {}, {"e164": forms.numbers})
