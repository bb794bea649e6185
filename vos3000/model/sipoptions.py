"""
How one peer wants SIP spoken: the signaling options of a gateway or a phone.

The values are the settings of the web interface (and of the tables, where the
interface has none), made ready once when the tables are read. What a peer
leaves to the system is resolved where it is used.
"""

from __future__ import annotations

from enum import IntEnum

import attrs


class AddressFrom(IntEnum):
    """
    Where a message goes (sipRequestAddressMethod, sipResponseAddressMethod).

    For requests the named place is Contact, for responses Via.
    """

    SOURCE = 0
    """Where the peer's own request came from, address and port."""
    NAMED_PORT = 1
    """The address it came from, with the port that the peer names."""
    NAMED = 2
    """The address and port that the peer names."""


class RemoteRing(IntEnum):
    """How ringing is told to the caller (sipRemoteRingSignal)."""

    PASS = 0
    PROGRESS_SDP = 1
    RINGING_SDP = 2


class PrivacyMode(IntEnum):
    """What Privacy a routing gateway is sent (sipPrivacy)."""

    OMIT = 0
    PASS = 1
    ID = 2
    NONE = 3


class IdentityMode(IntEnum):
    """What P-Asserted- or P-Preferred-Identity a gateway is sent."""

    OMIT = 0
    PASS = 1
    CALLER = 2


class ReasonMode(IntEnum):
    """What Reason (RFC 3326) a gateway is sent when we refuse or hang up."""

    OMIT = 0
    PASS = 1
    """The other side's, if it gave one."""
    OURS = 2
    """The other side's, else one made of the end reason's Q.850 cause."""


class ForwardSignal(IntEnum):
    """How a gateway is told that a call was forwarded; bits."""

    OMIT = 0
    DIVERSION = 1
    HISTORY_INFO = 2
    BOTH = 3


class G729Mode(IntEnum):
    """How G.729 and G.729A are written (sipG729SendMode)."""

    AUTO = 0
    G729 = 1
    G729A = 2
    BOTH = 3


class AnnexMode(IntEnum):
    """How annexb of G.729 and annexa of G.723 are written."""

    AUTO = 0
    YES = 1
    NO = 2
    ABSENT = 3
    PASS = 4


class KeysFrom(IntEnum):
    """How key presses of a peer may come (dtmfReceiveMethod)."""

    ANY = 0
    EVENTS = 10
    """In telephone-event only (RFC 4733)."""
    SIGNALING = 20
    """In INFO only."""
    NONE = 30


class KeysTo(IntEnum):
    """How key presses may go to a peer (dtmfSendMethodSIP)."""

    ANY = 0
    EVENTS = 10
    INFO = 50
    NONE = 60


@attrs.frozen(slots=True, cache_hash=True)
class SipOptions:
    """
    The options of one peer; those that only one kind of peer has do nothing
    for the others.

    @ivar timer: Session timers, RFC 4028 (sipTimer, sipTimerSupport).
    @ivar rel100: Reliable provisional responses, RFC 3262 (sip100Rel,
        sip100RelSupport).
    @ivar t38: Whether T.38 may be offered (sipT38, sipT38Support).
    @ivar request_address: sipRequestAddressMethod, sipRequestAddress.
    @ivar response_address: sipResponseAddressMethod, sipResponseAddress.
    @ivar remote_ring: sipRemoteRingSignal, sipRemoteAlertingMethod.
    @ivar honors_privacy: Whether the peer's Privacy is honored
        (sipPrivacySupport).
    @ivar display: Whether the caller's display name is sent (sipDisplay).
    @ivar remote_party_id: Whether Remote-Party-ID is sent (sipRemotePartyId).
    @ivar privacy: sipPrivacy; None where a gateway has none of its own.
    @ivar p_preferred: sipPPreferredIdentity.
    @ivar p_asserted: sipPAssertedIdentity.
    @ivar user_phone: Whether C{user=phone} is added (sipUserPhone).
    @ivar local_domain: The host of From, and of our identities, instead of our
        address (sipLocalDomain).
    @ivar invite_headers: Lines C{Name: value} with variables that are added to
        each INVITE (sipInviteHeaders).
    @ivar extra_headers: Which headers of the other side are let through to
        this one: C{*} for all, or names by comma (sipExtraHeaders).
    @ivar reason: sipReason.
    @ivar recognizes_forward: Whether Diversion and History-Info of the peer
        mark a call as forwarded (sipRecognizeForwardSignal).
    @ivar sends_forward: sipSendForwardSignal.
    @ivar allows_publish: sipAllowPublish.
    @ivar options_period: Seconds between OPTIONS that check whether the peer
        is there; 0 for none (sipOptionsPeriod).
    @ivar allows_transfer: Whether a REFER of the peer is carried out
        (enableCallTransfer; callTransfer of a phone).
    @ivar redirect_server: The SIP redirect server that a call of this peer is
        first sent to: C{host[:port][;transport=...]} (sipRedirectServer).
    @ivar follows_redirect: Whether a 3xx of the peer is followed
        (sipFollowRedirect).
    @ivar codecs: The codecs it may use, in order; empty for any (sipCodecs,
        where sipCodecAssign is on).
    @ivar g729_mode: sipG729SendMode.
    @ivar g729_annexb: sipG729Annexb.
    @ivar g723_annexa: sipG723Annexa.
    @ivar ptime: Packet time that is asked for, ms; 0 leaves it (sipPtime).
    @ivar dtmf_payload: Payload type of telephone-event in what we send it; 0
        leaves it (dtmfSendPayloadTypeSIP).
    @ivar keys_from: dtmfReceiveMethod.
    @ivar keys_to: dtmfSendMethodSIP, dtmfSIPSendMethod.
    @ivar sdp_ip_first: Whether media goes where a description says although
        the peer is behind a NAT (sipSdpIpFirst).
    @ivar tls_verify: Whether its certificate must be good and name it
        (sipTlsVerify).
    """

    timer: bool = True
    rel100: bool = True
    t38: bool = True
    request_address: AddressFrom = AddressFrom.SOURCE
    response_address: AddressFrom = AddressFrom.SOURCE
    remote_ring: RemoteRing = RemoteRing.PASS
    honors_privacy: bool = True
    display: bool = True
    remote_party_id: bool = False
    privacy: PrivacyMode | None = None
    p_preferred: IdentityMode = IdentityMode.OMIT
    p_asserted: IdentityMode = IdentityMode.OMIT
    user_phone: bool = False
    local_domain: str = ""
    invite_headers: str = ""
    extra_headers: str = ""
    reason: ReasonMode = ReasonMode.OMIT
    recognizes_forward: bool = False
    sends_forward: ForwardSignal = ForwardSignal.OMIT
    allows_publish: bool = False
    options_period: int = 0
    allows_transfer: bool = False
    redirect_server: str = ""
    follows_redirect: bool = False
    codecs: tuple[str, ...] = ()
    g729_mode: G729Mode = G729Mode.AUTO
    g729_annexb: AnnexMode = AnnexMode.AUTO
    g723_annexa: AnnexMode = AnnexMode.AUTO
    ptime: int = 0
    dtmf_payload: int = 0
    keys_from: KeysFrom = KeysFrom.ANY
    keys_to: KeysTo = KeysTo.ANY
    sdp_ip_first: bool = False
    tls_verify: bool = True


ORDINARY = SipOptions()
"""The options of a peer that sets none."""
