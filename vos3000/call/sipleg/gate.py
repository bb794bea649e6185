"""
Where SIP and call control meet: INVITEs become legs, routes become INVITEs.
"""

from __future__ import annotations

from collections.abc import Callable

from vos3000.call.leg import InboundLeg, OutboundLeg, OutboundUser, Setup
from vos3000.call.sipleg.inbound import SipInboundLeg
from vos3000.call.sipleg.outbound import SipOutboundLeg
from vos3000.call.sipleg.shared import SipLegs
from vos3000.call.sipleg.stranger import SipStrangerLeg
from vos3000.model.gateways import RoutingGateway
from vos3000.sip.transaction import InviteServerTransaction
from vos3000.sip.transport import Transport

DEFAULT_PORT = 5060


class SipGate:
    """
    Takes new calls from the core and places calls on SIP routes.

    @param knows: Whether a source's host and port belong to any gateway.
    @param answers_strangers: SS_REPLY_UNAUTHORIZED.
    @param incoming: Call control's entrance.
    @param resolve: The address of a host name, if it is known by now.
    """

    def __init__(
        self,
        transport: Callable[[], Transport],
        knows: Callable[[str, int], bool],
        answers_strangers: Callable[[], bool],
        incoming: Callable[[InboundLeg], None],
        resolve: Callable[[str], str | None],
    ) -> None:
        self._transport = transport
        self.knows = knows
        self.answers_strangers = answers_strangers
        self._incoming = incoming
        self._resolve = resolve
        self.legs: SipLegs

    def invited(self, transaction: InviteServerTransaction) -> None:
        """A new INVITE came that the core has no objection to."""
        leg: InboundLeg
        if self.knows(*transaction.address):
            leg = SipInboundLeg(self.legs, transaction)
        else:
            leg = SipStrangerLeg(self.legs, transaction)
        self._incoming(leg)

    def dial(
        self, gateway: RoutingGateway, setup: Setup, user: OutboundUser
    ) -> OutboundLeg | None:
        """Place a call; None if the gateway's address or our own is missing."""
        host = self._resolve(gateway.remote_ip)
        if host is None:
            return None
        address = (host, gateway.signal_port or DEFAULT_PORT)
        channel = self._transport().channel(
            gateway.transport, address, gateway.local_ip
        )
        if channel is None:
            return None
        return SipOutboundLeg(self.legs, gateway, channel, address, setup, user)
