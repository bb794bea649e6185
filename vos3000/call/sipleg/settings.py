"""
The system parameters that SIP legs depend on.
"""

from __future__ import annotations

import attrs


@attrs.frozen(slots=True)
class SipSettings:
    """
    What holds for every leg whose peer has no setting of its own.

    @ivar session_ttl: SS_SIP_SESSION_TTL, s.
    @ivar session_segments: SS_SIP_SESSION_UPDATE_SEGMENT: the lifetime divided
        by this is how often a session is refreshed.
    @ivar early_hangup: SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP, s.
    @ivar display_from: SS_SIP_E164_DISPLAY_FROM.
    @ivar invite_use_contact: SS_SIP_ROUTING_GATEWAY_INVITE_USE_CONTACT.
    @ivar registered_privacy: SS_SIP_USER_AGENT_PRIVACY.
    @ivar recognizes_forward: SS_RECOGNIZE_CALL_FORWARD_SIGNAL.
    @ivar authentication_retry: SS_SIP_AUTHENTICATION_RETRY: how often a request
        of ours may be challenged again after it was once.
    """

    session_ttl: int = 600
    session_segments: int = 2
    early_hangup: int = 0
    display_from: str = "Ignore"
    invite_use_contact: bool = False
    registered_privacy: str = "Ignore"
    recognizes_forward: bool = False
    authentication_retry: int = 2
