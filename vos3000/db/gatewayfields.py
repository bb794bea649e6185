"""
Every field of a gateway: the web interface's name, kind and default.

The names and kinds are those of MappingGatewayFields and
RoutingGatewayFields of the interface's contract; a column is its field's name
in lower case. The defaults are ours where the contract is silent
(docs/storage.md says why). Nothing here knows SQL.
"""

from __future__ import annotations

from typing import Any

import attrs

from vos3000.model.money import ZERO

TEXT = "text"
LONG = "long"
INT = "int"
BIG = "big"
BOOL = "bool"
PRICE = "price"
LIST = "list"
JSON = "json"
SECRET = "secret"


@attrs.frozen(slots=True)
class Field:
    """
    One field of a gateway.

    @ivar name: The interface's name.
    @ivar kind: How it is stored: one of the kinds of this module.
    @ivar default: What a gateway made without it has; None for "not set".
    """

    name: str
    kind: str
    default: Any

    @property
    def column(self) -> str:
        """The column's name."""
        return self.name.lower()


CORE = frozenset(
    (
        "name",
        "password",
        "customerPassword",
        "lockType",
        "callLevel",
        "capacity",
        "priority",
        "gatewayGroups",
        "registerType",
        "remoteIps",
        "account",
        "prefix",
        "prefixStyle",
        "remoteIp",
        "localIp",
        "protocol",
        "signalPort",
        "clearingAccount",
        "softswitchName",
        "memo",
    )
)
"""What stands in the gateway's own row; all else in its row of settings."""

MAPPING: tuple[Field, ...] = (
    Field("name", TEXT, ""),
    Field("password", SECRET, ""),
    Field("lockType", INT, 0),
    Field("callLevel", INT, 5),
    Field("capacity", INT, 0),
    Field("priority", INT, 0),
    Field("gatewayGroups", LONG, ""),
    Field("routingGatewayGroupsAllow", BOOL, False),
    Field("routingGatewayGroups", LONG, ""),
    Field("registerType", INT, 0),
    Field("remoteIps", LONG, ""),
    Field("callerE164CheckEnable", BOOL, False),
    Field("callerE164CheckCity", BOOL, True),
    Field("callerE164CheckMobile", BOOL, True),
    Field("callerE164CheckOther", BOOL, True),
    Field("calleeE164CheckEnable", BOOL, False),
    Field("calleeE164CheckCity", BOOL, True),
    Field("calleeE164CheckMobile", BOOL, True),
    Field("calleeE164CheckOther", BOOL, True),
    Field("customerPassword", SECRET, ""),
    Field("rtpForwardType", INT, 0),
    Field("mediaCheckDirection", INT, 0),
    Field("calleeE164Restrict", INT, 0),
    Field("maxCallDurationLower", INT, -1),
    Field("maxCallDurationUpper", INT, -1),
    Field("allowPhoneBilling", BOOL, False),
    Field("allowBindedE164Billing", BOOL, False),
    Field("enablePhoneSetting", BOOL, False),
    Field("denySameCityCodesAllow", BOOL, False),
    Field("denySameCityCodes", LONG, ""),
    Field("checkMobileAreaAllow", BOOL, False),
    Field("checkMobileArea", LONG, ""),
    Field("calloutCalleePrefixesAllow", BOOL, False),
    Field("calloutCalleePrefixes", LONG, ""),
    Field("calloutCallerPrefixesAllow", BOOL, False),
    Field("calloutCallerPrefixes", LONG, ""),
    Field("rewriteRulesOutCallee", LONG, ""),
    Field("rewriteRulesOutCaller", LONG, ""),
    Field("rewriteRulesInMobileAreaAllow", BOOL, False),
    Field("rewriteRulesInMobileArea", LONG, ""),
    Field("timeoutCallProceeding", INT, -1),
    Field("sipResponseAddressMethod", INT, 0),
    Field("sipRequestAddressMethod", INT, 0),
    Field("dtmfSendMethodH323", INT, 0),
    Field("dtmfSendMethodSIP", INT, 0),
    Field("dtmfReceiveMethod", INT, 0),
    Field("dtmfSendPayloadTypeH323", INT, 101),
    Field("dtmfSendPayloadTypeSIP", INT, 101),
    Field("dtmfReceivePayloadType", INT, 101),
    Field("q931ProgressIndicator", INT, -1),
    Field("account", TEXT, ""),
    Field("callFailedQ931CauseValue", TEXT, ""),
    Field("callFailedSipCode", TEXT, ""),
    Field("sipRemoteRingSignal", INT, 0),
    Field("sipCalleeE164Domain", INT, 0),
    Field("sipCallerE164Domain", INT, 0),
    Field("h323CalleeE164Domain", INT, 0),
    Field("h323CallerE164Domain", INT, 0),
    Field("memo", TEXT, ""),
    Field("sipAuthenticationMethod", INT, 0),
    Field("h323FastStart", BOOL, True),
    Field("h323H245Tunneling", BOOL, True),
    Field("h323H245InSetup", BOOL, False),
    Field("h323AutoCallProceeding", BOOL, False),
    Field("h323CallProceedingFromSIPTrying", BOOL, True),
    Field("h323AlertingFromSIP183Sdp", BOOL, True),
    Field("h323T38", BOOL, True),
    Field("sipTimer", BOOL, True),
    Field("sip100Rel", BOOL, True),
    Field("sipT38", BOOL, True),
    Field("sipPrivacySupport", BOOL, None),
    Field("groupE164Change", BOOL, False),
    Field("callerAllowLength", INT, 0),
    Field("calleeAllowLength", INT, 0),
    Field("callerLimitE164GroupsAllow", BOOL, False),
    Field("callerLimitE164Groups", TEXT, ""),
    Field("calleeLimitE164GroupsAllow", BOOL, False),
    Field("calleeLimitE164Groups", TEXT, ""),
    Field("minProfitPercentEnable", BOOL, False),
    Field("minProfitPercent", INT, 0),
    Field("maxSecondRatesEnable", BOOL, False),
    Field("maxSecondRates", PRICE, ZERO),
    Field("firstRoutePolicy", INT, 0),
    Field("secondRoutePolicy", INT, 0),
    Field("h323G729SendMode", INT, 0),
    Field("sipG729SendMode", INT, 0),
    Field("sipG729Annexb", INT, 0),
    Field("sipG723Annexa", INT, 0),
    Field("h323CodecAssign", BOOL, False),
    Field("h323Codecs", LIST, ()),
    Field("sipCodecAssign", BOOL, False),
    Field("sipCodecs", LIST, ()),
    Field("audioCodecTranscodingEnable", BOOL, False),
    Field("rtpIncludeDtmfInband", BOOL, False),
    Field("rtpNeedDtmfInband", BOOL, False),
    Field("forwardSignalRewriteE164GroupEnable", BOOL, False),
    Field("forwardSignalRewriteE164Group", TEXT, ""),
    Field("softswitchName", TEXT, ""),
    Field("lrnEnable", BOOL, False),
    Field("lrnEatPrefixLength", INT, 0),
    Field("lrnFailureAction", INT, 1),
    Field("lrnInterstateBillingPrefix", TEXT, ""),
    Field("lrnUndeterminedBillingPrefix", TEXT, ""),
    Field("language", TEXT, ""),
    Field("mediaRecord", BOOL, None),
    Field("dynamicBlackListInStandalone", BOOL, None),
    Field("calculateRouteQuality", INT, None),
    Field("proportionCalleePrefixs", JSON, None),
)
"""MappingGatewayFields, in the contract's order."""

ROUTING: tuple[Field, ...] = (
    Field("name", TEXT, ""),
    Field("prefix", TEXT, ""),
    Field("prefixStyle", INT, 0),
    Field("password", SECRET, ""),
    Field("customerPassword", SECRET, ""),
    Field("gatewayGroups", TEXT, ""),
    Field("capacity", INT, 0),
    Field("lockType", INT, 0),
    Field("priority", INT, 0),
    Field("registerType", INT, 0),
    Field("remoteIp", TEXT, ""),
    Field("rtpForwardType", INT, 0),
    Field("encrypt", BOOL, False),
    Field("protocol", INT, 1),
    Field("signalPort", INT, 0),
    Field("localIp", TEXT, ""),
    Field("mediaCheckDirection", INT, 0),
    Field("maxCallDurationLower", INT, -1),
    Field("maxCallDurationUpper", INT, -1),
    Field("calleeE164Restrict", INT, 0),
    Field("callerE164CheckEnable", BOOL, False),
    Field("callerE164CheckCity", BOOL, True),
    Field("callerE164CheckMobile", BOOL, True),
    Field("callerE164CheckOther", BOOL, True),
    Field("calleeE164CheckEnable", BOOL, False),
    Field("calleeE164CheckCity", BOOL, True),
    Field("calleeE164CheckMobile", BOOL, True),
    Field("calleeE164CheckOther", BOOL, True),
    Field("callinCallerPrefixesAllow", BOOL, False),
    Field("callinCallerPrefixes", LONG, ""),
    Field("callinCalleePrefixesAllow", BOOL, False),
    Field("callinCalleePrefixes", LONG, ""),
    Field("callinForwardPrefixesAllow", BOOL, False),
    Field("callinForwardPrefixes", LONG, ""),
    Field("rewriteRulesInCaller", LONG, ""),
    Field("rewriteRulesInCallee", LONG, ""),
    Field("rewriteRulesInMobileAreaAllow", BOOL, False),
    Field("rewriteRulesInMobileArea", LONG, ""),
    Field("timeoutSetup", INT, 0),
    Field("timeoutCallProceeding", INT, 0),
    Field("timeoutCallProceedingOlc", INT, 0),
    Field("timeoutAlerting", INT, 0),
    Field("timeoutInvite", INT, 0),
    Field("timeoutTrying", INT, 0),
    Field("timeoutSessionProgressSdp", INT, 0),
    Field("timeoutSessionProgress", INT, 0),
    Field("timeoutRinging", INT, 0),
    Field("denyCallerCalleeAllow", BOOL, False),
    Field("denyCallerCallee", LONG, ""),
    Field("denySameCityCodesAllow", BOOL, False),
    Field("denySameCityCodes", LONG, ""),
    Field("checkMobileAreaAllow", BOOL, False),
    Field("checkMobileArea", LONG, ""),
    Field("switchAllowRing", BOOL, None),
    Field("switchAllowSdp", BOOL, None),
    Field("switchAllowRtp", BOOL, None),
    Field("switchAllowBusy", BOOL, None),
    Field("switchAllowErrorCode", BOOL, None),
    Field("sipResponseAddressMethod", INT, 0),
    Field("sipRequestAddressMethod", INT, 0),
    Field("dtmfSendMethodH323", INT, 0),
    Field("dtmfSendMethodSIP", INT, 0),
    Field("dtmfReceiveMethod", INT, 0),
    Field("dtmfSendPayloadTypeH323", INT, 101),
    Field("dtmfSendPayloadTypeSIP", INT, 101),
    Field("dtmfReceivePayloadType", INT, 101),
    Field("q931NumberingPlan", INT, -1),
    Field("q931NumberType", INT, -1),
    Field("q931PresentationIndicator", INT, -1),
    Field("q931ScreeningIndicator", INT, -1),
    Field("clearingAccount", TEXT, ""),
    Field("h323FastStart", BOOL, True),
    Field("h323H245Tunneling", BOOL, True),
    Field("h323H245InSetup", BOOL, False),
    Field("h323T38", BOOL, True),
    Field("sipTimer", BOOL, True),
    Field("sip100Rel", BOOL, True),
    Field("sipT38", BOOL, True),
    Field("sipDisplay", BOOL, True),
    Field("sipRemotePartyId", BOOL, False),
    Field("sipPrivacy", INT, None),
    Field("sipPPreferredIdentity", INT, None),
    Field("sipPAssertedIdentity", INT, None),
    Field("groupE164Change", BOOL, False),
    Field("callerAllowLength", INT, 0),
    Field("calleeAllowLength", INT, 0),
    Field("callerLimitE164GroupsAllow", BOOL, False),
    Field("callerLimitE164Groups", TEXT, ""),
    Field("calleeLimitE164GroupsAllow", BOOL, False),
    Field("calleeLimitE164Groups", TEXT, ""),
    Field("h323G729SendMode", INT, 0),
    Field("sipG729SendMode", INT, 0),
    Field("sipG729Annexb", INT, 0),
    Field("sipG723Annexa", INT, 0),
    Field("h323CodecAssign", BOOL, False),
    Field("h323Codecs", LIST, ()),
    Field("sipCodecAssign", BOOL, False),
    Field("sipCodecs", LIST, ()),
    Field("audioCodecTranscodingEnable", BOOL, False),
    Field("rtpIncludeDtmfInband", BOOL, False),
    Field("rtpNeedDtmfInband", BOOL, False),
    Field("feerateRestrict", BOOL, False),
    Field("leastCostRouting", BOOL, False),
    Field("minProfitPercentEnable", BOOL, False),
    Field("minProfitPercent", INT, 0),
    Field("maxSecondRatesEnable", BOOL, False),
    Field("maxSecondRates", PRICE, ZERO),
    Field("enablePhoneDisplay", BOOL, False),
    Field("clearingAccountUseCalloutE164", BOOL, False),
    Field("softswitchName", TEXT, ""),
    Field("forwardSignalRewriteE164GroupEnable", BOOL, None),
    Field("forwardSignalRewriteE164Group", TEXT, None),
    Field("memo", TEXT, ""),
    Field("dynamicBlackListInStandalone", BOOL, None),
    Field("mediaRecord", BOOL, None),
    Field("externalNumberVerifyBits", BIG, None),
    Field("externalNumberVerifyRewriteCaller", TEXT, None),
    Field("externalNumberVerifyRewriteCallee", TEXT, None),
    Field("scheduledCallinPrefixes", JSON, None),
    Field("rewriteRulesInCallerUseE164GroupEnable", BOOL, None),
    Field("rewriteRulesInCallerUseE164Group", TEXT, None),
    Field("rewriteRulesInCallerUseE164Line", INT, None),
    Field("signalPortLocal", INT, None),
    Field("calculateRouteQuality", INT, None),
)
"""RoutingGatewayFields, in the contract's order."""

SIP_MORE: tuple[Field, ...] = (
    Field("sipLocalDomain", TEXT, ""),
    Field("sipInviteHeaders", LONG, ""),
    Field("sipExtraHeaders", LONG, ""),
    Field("sipReason", INT, 0),
    Field("sipAllowPublish", BOOL, False),
    Field("sipOptionsPeriod", INT, 0),
    Field("sipPtime", INT, 0),
    Field("sipSdpIpFirst", BOOL, False),
    Field("enableCallTransfer", BOOL, False),
)
"""
SIP settings of either kind of gateway that VOS3000 has outside its interface, or
that are ours (docs/sip.md tells what each does).
"""

_MORE: tuple[Field, ...] = (
    Field("maxCallRate", INT, 0),
    Field("maxCallRateUnit", INT, 1),
    Field("scheduledCapacity", LONG, ""),
)

MAPPING_MORE: tuple[Field, ...] = (
    *_MORE,
    Field("tryProtectRouteDelay", INT, -1),
    *SIP_MORE,
    Field("sipRecognizeForwardSignal", BOOL, False),
    Field("sipRedirectServer", TEXT, ""),
)
"""Settings of a mapping gateway outside VOS3000's interface."""

ROUTING_MORE: tuple[Field, ...] = (
    *_MORE,
    Field("stopSwitchSipCodes", LONG, ""),
    Field("transport", TEXT, "udp"),
    *SIP_MORE,
    Field("sipSendForwardSignal", INT, 0),
    Field("sipFollowRedirect", BOOL, False),
    Field("sipUserPhone", BOOL, False),
    Field("sipTlsVerify", BOOL, True),
    Field("registerName", TEXT, ""),
    Field("registerAuthName", TEXT, ""),
    Field("registerDomain", TEXT, ""),
    Field("registerExpire", INT, 0),
)
"""Settings of a routing gateway outside VOS3000's interface."""
