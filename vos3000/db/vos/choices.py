"""
The values that fields with a meaning for each of their numbers have, and what stands
for one without.
"""

from __future__ import annotations

_ROUTE = (0, 1, 2)
_RELAY = (0, 1, 2, 3)
_DTMF_H323 = (0, 10, 20, 30, 40, 60)
_DTMF_SIP = (0, 10, 50, 60)
_DTMF_RECEIVE = (0, 10, 20, 30)
_LEVELS = (1, 2, 4, 5)
_ANNEX = (0, 1, 2, 3, 4)
_SYSTEM = (0, 1, 2)
"""By system parameter, on, off."""

CHOICES: dict[str, tuple[int, ...]] = {
    "balanceNotEnoughAlarm": _SYSTEM,
    "calculateRouteQuality": _SYSTEM,
    "callForwardDisplay": (0, 1, 2),
    "callLevel": _LEVELS,
    "callRemainingTimePrompts": (0, 1, 2, 3),
    "callTransferAskDisplay": (0, 1, 2),
    "callTransferNormalDisplay": (0, 1, 2),
    "calleeE164Restrict": (0, 1, 2),
    "dtmfReceiveMethod": _DTMF_RECEIVE,
    "dtmfSIPSendMethod": _DTMF_SIP,
    "dtmfSendMethodH323": _DTMF_H323,
    "dtmfSendMethodSIP": _DTMF_SIP,
    "firstRoutePolicy": _ROUTE,
    "firstRoutingPolicy": _ROUTE,
    "h323CalleeE164Domain": (0, 1),
    "h323CallerE164Domain": (0, 1, 2),
    "h323G729SendMode": (0, 1, 2, 3),
    "ivrCallbackBillingMode": (0, 1, 2, 3),
    "ivrCallbackMergeBillingMode": (0, 1, 2),
    "ivrDirectMergeBillingMode": (0, 1, 2),
    "ivrEquipmentType": (-1, 1, 2, 3),
    "ivrSecondBillingMode": (0, 1, 3),
    "lockType": (0, 1, 2, 3),
    "lrnFailureAction": (0, 1),
    "mediaCheckDirection": (0, 1, 2, 3),
    "noBillingToPhone": _SYSTEM,
    "prefixStyle": (0, 1),
    "protocol": (0, 1),
    "q931NumberType": (-1, 0, 1, 2, 3, 4, 6, 7),
    "q931NumberingPlan": (-1, 0, 1, 3, 4, 8, 9, 15),
    "q931PresentationIndicator": (-1, 0, 1, 2, 3, 4),
    "q931ProgressIndicator": (-1, 0, 1, 2, 3, 4, 5, 8),
    "q931ScreeningIndicator": (-1, 0, 1, 2, 3, 4),
    "registerType": (0, 1, 2, 3),
    "rtpForwardType": _RELAY,
    "rtpInterruptDetection": (0, 1, 2, 3),
    "rtpRelay": _RELAY,
    "secondRoutePolicy": _ROUTE,
    "secondRoutingPolicy": _ROUTE,
    "sipAuthenticationMethod": (0, 1),
    "sipCalleeE164Domain": (0, 1, 2),
    "sipCallerE164Domain": (0, 1, 2, 3, 4),
    "sipG723Annexa": _ANNEX,
    "sipG729Annexb": _ANNEX,
    "sipG729SendMode": (0, 1, 2, 3),
    "sipPAssertedIdentity": (0, 1, 2),
    "sipPPreferredIdentity": (0, 1, 2),
    "sipPrivacy": (0, 1, 2, 3),
    "sipRemoteAlertingMethod": (0, 1, 2),
    "sipRemoteRingSignal": (0, 1, 2),
    "sipRequestAddress": (0, 1, 2),
    "sipRequestAddressMethod": (0, 1, 2),
    "sipResponseAddress": (0, 1, 2),
    "sipResponseAddressMethod": (0, 1, 2),
    "unableToConnectVoicePrompts": _SYSTEM,
    "useCallerPhoneDisplay": _SYSTEM,
    "useRoutingGatewayNotOnline": _SYSTEM,
    "voiceMailAudioType": (0, 1),
}
"""By the interface's names; the meanings are those of the interface's contract."""

CAREFUL = {"lockType": 3, "callLevel": 1}
"""
What stands for a value nobody knows where the default would let calls through: the
device is locked, its calls stay on the net.
"""

RATE_TYPES = _LEVELS
ACCOUNT_TYPES = (0, 1, 2)
CUSTOMER_LOCKS = (0, 1)
PAYMENT_TYPES = (0, 1, 2, 3)
PAY_WAYS = (0, 2, 5)
CONSUMPTION_TYPES = (0, 1, 2, 3)
