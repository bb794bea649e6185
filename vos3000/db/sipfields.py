"""
From a peer's fields, under the names of its kind, to its SIP options.

Gateways and phones call the same things by different names (webapi.json,
phone-vs-gateway-names). What no option can mean was not written by us and
counts as the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, TypeVar

import attrs

from vos3000.model.sipoptions import (
    ORDINARY,
    AddressFrom,
    AnnexMode,
    ForwardSignal,
    G729Mode,
    IdentityMode,
    KeysFrom,
    KeysTo,
    PrivacyMode,
    ReasonMode,
    RemoteRing,
    SipOptions,
)

E = TypeVar("E", bound=IntEnum)

USUAL_DTMF_PAYLOAD = 101
"""What VOS3000 calls telephone-event unless told otherwise."""

_PHONE_NAMES = {
    "sipTimer": "sipTimerSupport",
    "sip100Rel": "sip100RelSupport",
    "sipT38": "sipT38Support",
    "sipRemoteRingSignal": "sipRemoteAlertingMethod",
    "sipRequestAddressMethod": "sipRequestAddress",
    "sipResponseAddressMethod": "sipResponseAddress",
    "enableCallTransfer": "callTransfer",
    "dtmfSendMethodSIP": "dtmfSIPSendMethod",
}
"""What gateways call it, and phones."""


def gateway_options(fields: Mapping[str, Any]) -> SipOptions:
    """The options of a mapping or routing gateway."""
    return _options(_Fields(fields, {}))


def phone_options(fields: Mapping[str, Any]) -> SipOptions:
    """
    The options of a phone.

    @param fields: Its own, with those of its additional settings and of its
        services beside them.
    """
    return _options(_Fields(fields, _PHONE_NAMES))


@attrs.frozen(slots=True)
class _Fields:
    fields: Mapping[str, Any]
    names: Mapping[str, str]

    def get(self, name: str) -> Any:
        """The field's value; None if the kind has no such field."""
        return self.fields.get(self.names.get(name, name))

    def flag(self, name: str, default: bool = False) -> bool:
        """A switch."""
        value = self.get(name)
        return default if value is None else bool(value)

    def text(self, name: str) -> str:
        """A text."""
        return (self.get(name) or "").strip()

    def number(self, name: str, highest: int) -> int:
        """A number from 0 on; 0 if it is out of range."""
        value = self.get(name) or 0
        return value if 0 < value <= highest else 0

    def dtmf_payload(self) -> int:
        """
        The payload type of telephone-event; 0 for VOS3000's own default, which
        everybody has who never thought of it.
        """
        value = self.number("dtmfSendPayloadTypeSIP", 127)
        return 0 if value == USUAL_DTMF_PAYLOAD else value

    def choice(self, name: str, kind: type[E], default: E) -> E:
        """One of several meanings."""
        value = self.get(name)
        try:
            return default if value is None else kind(value)
        except ValueError:
            return default


def _options(given: _Fields) -> SipOptions:
    privacy = given.get("sipPrivacy")
    choice, flag = given.choice, given.flag
    options = SipOptions(
        timer=flag("sipTimer", True),
        rel100=flag("sip100Rel", True),
        t38=flag("sipT38", True),
        request_address=choice(
            "sipRequestAddressMethod", AddressFrom, AddressFrom.SOURCE
        ),
        response_address=choice(
            "sipResponseAddressMethod", AddressFrom, AddressFrom.SOURCE
        ),
        remote_ring=choice("sipRemoteRingSignal", RemoteRing, RemoteRing.PASS),
        honors_privacy=flag("sipPrivacySupport", True),
        display=flag("sipDisplay", True),
        remote_party_id=flag("sipRemotePartyId"),
        privacy=None
        if privacy is None
        else choice("sipPrivacy", PrivacyMode, PrivacyMode.OMIT),
        p_preferred=choice("sipPPreferredIdentity", IdentityMode, IdentityMode.OMIT),
        p_asserted=choice("sipPAssertedIdentity", IdentityMode, IdentityMode.OMIT),
        user_phone=flag("sipUserPhone"),
        local_domain=given.text("sipLocalDomain"),
        invite_headers=given.text("sipInviteHeaders"),
        extra_headers=given.text("sipExtraHeaders"),
        reason=choice("sipReason", ReasonMode, ReasonMode.OMIT),
        recognizes_forward=flag("sipRecognizeForwardSignal"),
        sends_forward=choice("sipSendForwardSignal", ForwardSignal, ForwardSignal.OMIT),
        allows_publish=flag("sipAllowPublish"),
        options_period=given.number("sipOptionsPeriod", 86_400),
        allows_transfer=flag("enableCallTransfer"),
        redirect_server=given.text("sipRedirectServer"),
        follows_redirect=flag("sipFollowRedirect"),
        codecs=tuple(given.get("sipCodecs") or ()) if flag("sipCodecAssign") else (),
        g729_mode=choice("sipG729SendMode", G729Mode, G729Mode.AUTO),
        g729_annexb=choice("sipG729Annexb", AnnexMode, AnnexMode.AUTO),
        g723_annexa=choice("sipG723Annexa", AnnexMode, AnnexMode.AUTO),
        ptime=given.number("sipPtime", 1000),
        dtmf_payload=given.dtmf_payload(),
        keys_from=choice("dtmfReceiveMethod", KeysFrom, KeysFrom.ANY),
        keys_to=choice("dtmfSendMethodSIP", KeysTo, KeysTo.ANY),
        sdp_ip_first=flag("sipSdpIpFirst"),
        tls_verify=flag("sipTlsVerify", True),
    )
    # Peers without options of their own share one value.
    return ORDINARY if options == ORDINARY else options
