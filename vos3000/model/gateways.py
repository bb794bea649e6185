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

_NOTHING: Mapping[str, Any] = {}


class LockType(IntEnum):
    """What a lock forbids (lockType of a gateway)."""

    UNLOCKED = 0
    OUTGOING = 1
    INCOMING = 2
    ALL = 3


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
    settings: Mapping[str, Any] = attrs.field(default=_NOTHING, eq=False, repr=False)


@attrs.frozen(slots=True)
class RoutingGateway:
    """
    A vendor's gateway: where calls go, and which account is owed for them.

    @ivar prefixes: Number prefixes it serves.
    @ivar continues: Whether shorter prefixes follow after this one's gateways
        failed (prefixStyle 1).
    @ivar remote_ip: Where to call: an address or a host name.
    @ivar signal_port: The port there; 0 for the protocol's own.
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
    @ivar transport: C{udp} or C{tcp}.
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
    settings: Mapping[str, Any] = attrs.field(default=_NOTHING, eq=False, repr=False)
