"""
Mapping gateways (traffic in) and routing gateways (traffic out).

The values name the settings that call control acts on. Every other field of
the web interface is stored with the row and kept in C{settings} under the
interface's own name, so that a record read can be written back unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import attrs

from vos3000.model.sipoptions import ORDINARY, SipOptions

_NOTHING: Mapping[str, Any] = {}


class LockType(IntEnum):
    """What a lock forbids (lockType of a gateway)."""

    UNLOCKED = 0
    OUTGOING = 1
    INCOMING = 2
    ALL = 3


class Device(IntEnum):
    """
    What kind of device a gateway's value stands for.

    A platform phone calls and is called the same way as a gateway, so call
    control sees it as one (L{vos3000.model.phones.Phone}).
    """

    GATEWAY = 0
    PHONE = 1
    FORWARD = 2
    """A phone that sends a call on; only callees are one."""


class RegisterType(IntEnum):
    """How we know where a device is (registerType)."""

    STATIC = 0
    DYNAMIC = 1
    """It registers with us."""
    REGISTERS = 2
    """We register with it (routing gateways)."""
    IMS = 3


class Protocol(IntEnum):
    """How a gateway signals (protocol of a routing gateway)."""

    H323 = 0
    SIP = 1


@attrs.frozen(slots=True)
class MappingGateway:
    """
    A customer's gateway: who sends calls, and which account pays for them.

    @ivar remote_ips: Source addresses: each an address, C{address:port} (for
        C{by_port}), a CIDR block or a range C{a-b}.
    @ivar by_port: Whether a source is known by address and port
        (sipAuthenticationMethod 1).
    @ivar capacity: Most calls at once; 0 or less for no limit.
    @ivar account: Account number that pays; empty for none.
    @ivar rewrite_callee: Rules for the callee (rewriteRulesOutCallee).
    @ivar rewrite_caller: Rules for the caller (rewriteRulesOutCaller).
    @ivar failed_sip_codes: callFailedSipCode, C{from:to} pairs.
    @ivar max_duration: (lower, upper) of the longest call in seconds;
        (-1, -1) for the system's, (0, 0) for none.
    @ivar timeout_call_proceeding: Most seconds without ringing or answer;
        -1 for the system's, 0 for none.
    @ivar password: What it registers with.
    @ivar call_rate: (calls, seconds): most new calls in that time
        (maxCallRate, maxCallRateUnit); (0, 1) for no limit.
    @ivar sip: How SIP is spoken with it.
    @ivar device: What it is.
    @ivar fee_rate_group: Its private rate group; empty for the account's.
    """

    id: int
    name: str
    remote_ips: tuple[str, ...] = ()
    by_port: bool = False
    register_type: int = 0
    lock_type: int = LockType.UNLOCKED
    call_level: int = 5
    capacity: int = 0
    priority: int = 0
    account: str = ""
    rewrite_callee: str = ""
    rewrite_caller: str = ""
    callee_domain: int = 0
    caller_domain: int = 0
    failed_sip_codes: str = ""
    failed_q931_causes: str = ""
    max_duration: tuple[int, int] = (-1, -1)
    timeout_call_proceeding: int = -1
    memo: str = ""
    password: str = attrs.field(default="", repr=False)
    call_rate: tuple[int, int] = (0, 1)
    sip: SipOptions = ORDINARY
    device: Device = Device.GATEWAY
    fee_rate_group: str = ""
    settings: Mapping[str, Any] = attrs.field(default=_NOTHING, eq=False, repr=False)


@attrs.frozen(slots=True)
class Registration:
    """
    As whom we register with another platform.

    @ivar name: The user of our address of record (registerName).
    @ivar auth_name: The user name of the digest (registerAuthName, else name).
    @ivar domain: Its domain (registerDomain); empty for the gateway's address.
    @ivar expire: Seconds asked for; 0 for SS_SIP_USER_AGENT_EXPIRE.
    """

    name: str
    auth_name: str
    domain: str = ""
    expire: int = 0


@attrs.frozen(slots=True)
class RoutingGateway:
    """
    A vendor's gateway: where calls go, and which account is owed for them.

    @ivar prefixes: Number prefixes it serves.
    @ivar continues: Whether shorter prefixes follow after this one's gateways
        failed (prefixStyle 1).
    @ivar remote_ip: Where to call: an address or a host name.
    @ivar signal_port: The port there; 0 for the protocol's own.
    @ivar local_ip: Our own address that it sees; empty for any.
    @ivar local_port: The port of ours that it sees (signalPortLocal); 0 for any.
    @ivar capacity: Most calls at once; 0 or less for no limit.
    @ivar clearing_account: Account number that is charged; empty for none.
    @ivar clearing_uses_callout: Whether the clearing rate is found by the
        number after the dial rules (clearingAccountUseCalloutE164).
    @ivar timeouts: Seconds for INVITE, Trying, SessionProgress,
        SessionProgress with SDP, Ringing; 0 for the system's.
    @ivar stop_codes: SIP statuses that end the hunt here
        (stopswitchsipcodes); empty for the default list.
    @ivar switch_on_ring: switchAllowRing; None for the system's.
    @ivar switch_on_sdp: switchAllowSdp; None for the system's.
    @ivar switch_on_busy: switchAllowBusy; None for the system's.
    @ivar transport: C{udp}, C{tcp}, C{tls}, C{ws} or C{wss}, or C{auto} for what
        its name servers say.
    @ivar password: What it registers with, or what we register with there.
    @ivar call_rate: (calls, seconds): most new calls in that time
        (maxCallRate, maxCallRateUnit); (0, 1) for no limit.
    @ivar registration: What we register as (C{register_type} 2).
    @ivar sip: How SIP is spoken with it.
    @ivar device: What it is.
    """

    id: int
    name: str
    prefixes: tuple[str, ...] = ("",)
    continues: bool = False
    protocol: int = Protocol.SIP
    register_type: int = 0
    remote_ip: str = ""
    signal_port: int = 0
    local_ip: str = ""
    local_port: int = 0
    lock_type: int = LockType.UNLOCKED
    capacity: int = 0
    priority: int = 0
    clearing_account: str = ""
    clearing_uses_callout: bool = False
    rewrite_callee: str = ""
    rewrite_caller: str = ""
    max_duration: tuple[int, int] = (-1, -1)
    timeouts: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    stop_codes: frozenset[int] = frozenset()
    switch_on_ring: bool | None = None
    switch_on_sdp: bool | None = None
    switch_on_busy: bool | None = None
    transport: str = "udp"
    memo: str = ""
    password: str = attrs.field(default="", repr=False)
    call_rate: tuple[int, int] = (0, 1)
    registration: Registration | None = None
    sip: SipOptions = ORDINARY
    device: Device = Device.GATEWAY
    settings: Mapping[str, Any] = attrs.field(default=_NOTHING, eq=False, repr=False)

    @property
    def local(self) -> tuple[str, int]:
        """Our own address that it sees, as far as it is given."""
        return self.local_ip, self.local_port


def gateway_name(device: MappingGateway | RoutingGateway | None) -> str:
    """The name that records and lists show; phones and nobody have none."""
    if device is None or device.device is not Device.GATEWAY:
        return ""
    return device.name
