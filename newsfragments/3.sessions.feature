Reliable provisional responses (RFC 3262) on either leg by the option sip100Rel, with offers and answers in PRACK; UPDATE before the answer (RFC 3311). UPDATE without a body is answered by the switch; one with an offer reaches a peer that does not know UPDATE as re-INVITE.

Session timers (RFC 4028) on either leg by the option sipTimer, with SS_SIP_SESSION_TTL, SS_SIP_SESSION_UPDATE_SEGMENT and SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP; SS_SIP_NO_TIMER_REINVITE_INTERVAL limits callers without them only.

sipRemoteRingSignal of mapping gateways (sipRemoteAlertingMethod of phones) has ringing told to the caller as 183 or as 180 with the callee's description.
