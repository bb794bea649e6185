"""
The system parameters in the shape in which each engine wants them.

Built once whenever parameters change, so that a call reads attributes and
parses nothing.
"""

from __future__ import annotations

from vos3000.billing.settings import BillingSettings
from vos3000.call.control import CallSettings
from vos3000.call.hunting import StageTimeouts
from vos3000.call.sipleg.settings import SipSettings
from vos3000.parameters import ParameterValues
from vos3000.phone.shown import TransferSettings
from vos3000.routing.keepalive import KeepAliveSettings
from vos3000.routing.quality import QualitySettings
from vos3000.routing.selector import SwitchSettings
from vos3000.security.suspension import SuspensionSettings
from vos3000.sip.challenger import ChallengeSettings
from vos3000.sip.register import RegisterSettings
from vos3000.sip.registrar import RegistrarSettings

_ORIGINAL = "Original caller"
"""Whose number transfers show, as the parameters say it."""


class InForce:
    """
    What is in force now.

    @ivar billing: For L{vos3000.billing}.
    @ivar calls: For L{vos3000.call.control}.
    @ivar stages: The limits of an attempt's stages.
    @ivar switching: When a hunt stops.
    @ivar sip: For the legs that speak SIP.
    @ivar challenges: How requests without a right password are challenged.
    @ivar suspension: When who sends them is not listened to.
    @ivar registrar: What registrations are granted.
    @ivar keep_alive: What keeps the way to devices behind NAT open.
    @ivar registering: For our own registrations.
    @ivar publish_expire: Seconds that a gateway's published state is valid.
    @ivar redirect_timeout: Seconds that a redirect server has for its answer.
    @ivar quality: Over which time gateways are judged.
    @ivar transfers: Whose number transfers show.
    @ivar resend: Seconds between retransmissions.
    @ivar answers_strangers: Whether unknown sources get any answer.
    @ivar signal_tos: The class of service of signaling's packets.
    @ivar reset_connections: Whether connections end with a reset.
    """

    def __init__(self, values: ParameterValues) -> None:
        self.load(values)

    def load(self, values: ParameterValues) -> None:
        """Take over new values; calls that are up keep what they began with."""
        self.values = values
        self.billing = BillingSettings.from_parameters(
            {name: values.setting(name).text for name in values}
        )
        self.calls = CallSettings(
            max_duration=values["SS_MAXCALLDURATION"],
            unsupervised=values["SS_SIP_NO_TIMER_REINVITE_INTERVAL"],
            most_per_second=values["SS_MAX_CPS"] or 0,
        )
        self.stages = StageTimeouts(
            invite=values["SS_SIP_TIMEOUT_INVITE"],
            trying=values["SS_SIP_TIMEOUT_TRYING"],
            progress=values["SS_SIP_TIMEOUT_SESSION_PROGRESS"],
            progress_sdp=values["SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP"],
            ringing=values["SS_SIP_TIMEOUT_RINGING"],
        )
        self.switching = SwitchSettings(
            stop_after_user_busy=values["SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY"],
            until_connect=values["SS_GATEWAY_SWITCH_UNTIL_CONNECT"],
            limit=values["SS_GATEWAY_SWITCH_LIMIT"],
            stop_after_sdp=values["SS_SIP_STOP_SWITCH_AFTER_SDP"],
            stop_after_invite_timeout=values[
                "SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT"
            ],
        )
        self.sip = SipSettings(
            session_ttl=values["SS_SIP_SESSION_TTL"],
            session_segments=values["SS_SIP_SESSION_UPDATE_SEGMENT"],
            early_hangup=values["SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP"],
            display_from=values["SS_SIP_E164_DISPLAY_FROM"],
            invite_use_contact=values["SS_SIP_ROUTING_GATEWAY_INVITE_USE_CONTACT"],
            registered_privacy=values["SS_SIP_USER_AGENT_PRIVACY"],
            recognizes_forward=values["SS_RECOGNIZE_CALL_FORWARD_SIGNAL"],
            authentication_retry=values["SS_SIP_AUTHENTICATION_RETRY"],
        )
        self._load_registration(values)
        self.registering = RegisterSettings(
            expire=values["SS_SIP_USER_AGENT_EXPIRE"] or 0,
            retry_delay=values["SS_SIP_USER_AGENT_RETRY_DELAY"],
            unregister=values["SS_SIP_USER_AGENT_SEND_UNREGISTER"],
            authentication_retry=values["SS_SIP_AUTHENTICATION_RETRY"],
        )
        self.publish_expire: int = values["SS_SIP_PUBLISH_EXPIRE"]
        self.redirect_timeout: int = values["SS_SIP_REDIRECT_TIMEOUT"]
        self.quality = QualitySettings(
            window=values["SS_GATEWAY_QUALITY_RESERVE_TIME"],
            slices=values["SS_GATEWAY_QUALITY_RESERVE_SEPARATE"],
        )
        self.resend: tuple[float, ...] = values["SS_SIP_RESEND_INTERVAL"]
        self.transfers = TransferSettings(
            values["SS_CALL_TRANSFER_NORMAL_DISPLAY"] == _ORIGINAL,
            values["SS_CALL_TRANSFER_ASK_DISPLAY"] == _ORIGINAL,
        )
        self.forward_shows_caller: bool = values[
            "SS_CALL_FORWARD_USING_ORIGINAL_CALLER"
        ]
        self.answers_strangers: bool = values["SS_REPLY_UNAUTHORIZED"]
        self.signal_tos: int = values["SS_QOS_SIGNAL"]
        self.reset_connections: bool = values["SS_TCP_CLOSE_RESET"]

    def _load_registration(self, values: ParameterValues) -> None:
        self.challenges = ChallengeSettings(
            status=int(values["SS_SIP_AUTHENTICATION_CODE"]),
            retry=values["SS_SIP_AUTHENTICATION_RETRY"],
            timeout=values["SS_SIP_AUTHENTICATION_TIMEOUT"],
        )
        self.suspension = SuspensionSettings(
            most=values["SS_AUTHENTICATION_MAX_RETRY"],
            seconds=values["SS_AUTHENTICATION_FAILED_SUSPEND"],
            enabled=values["SS_ENDPOINTREGISTERSUSPEND"],
        )
        self.registrar = RegistrarSettings(
            longest=values["SS_ENDPOINT_EXPIRE"],
            replace=values["SS_ENDPOINT_REGISTER_REPLACE"],
            flow_timer=values["SS_ENDPOINTTIMETOLIVE"],
        )
        message: str = values["SS_SIP_NAT_KEEP_ALIVE_MESSAGE"]
        self.keep_alive = KeepAliveSettings(
            message=message.replace("\\r", "\r").replace("\\n", "\n").encode(),
            period=values["SS_SIP_NAT_KEEP_ALIVE_PERIOD"],
            pause=values["SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL"] / 1000,
            batch=values["SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME"],
        )
