"""
Where SIP and call control meet: INVITEs become legs, routes become INVITEs.
"""

from __future__ import annotations

from collections.abc import Callable

from vos3000.call.leg import InboundLeg, OutboundLeg, OutboundUser, Setup
from vos3000.call.sipleg.inbound import SipInboundLeg
from vos3000.call.sipleg.outbound import SipOutboundLeg
from vos3000.call.sipleg.stranger import SipStrangerLeg
from vos3000.call.sipleg.terms import SipLegs
from vos3000.model.gateways import RoutingGateway
from vos3000.sip.outside import Target
from vos3000.sip.transaction import InviteServerTransaction
from vos3000.sip.transport import Transport
from vos3000.sip.uri import Uri

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
        targets = self.targets(gateway)
        if not targets:
            return None
        return SipOutboundLeg(self.legs, gateway, targets, setup, user)

    def targets(self, gateway: RoutingGateway) -> tuple[Target, ...]:
        """Where a gateway can be reached now, best first."""
        port = gateway.signal_port or DEFAULT_PORT
        return self.places(gateway.remote_ip, port, gateway.transport, gateway.local_ip)

    def locate(self, uri: Uri, local: str) -> tuple[Target, ...]:
        """
        Where a URI leads to; see L{vos3000.call.sipleg.again.Locate}. A name
        is not looked up for it: it leads somewhere if a gateway has it too.
        """
        transport = (uri.param("transport") or "udp").lower()
        port = uri.port or DEFAULT_PORT
        if uri.scheme == "sips" or transport not in ("udp", "tcp"):
            return ()
        return self.places(uri.host, port, transport, local)

    def places(
        self, name: str, port: int, transport: str, local: str
    ) -> tuple[Target, ...]:
        """
        Where a name or an address leads to now, best first.

        @param local: Our own address that must be used; empty for any.
        """
        host = self._resolve(name)
        if host is None:
            return ()
        address = (host, port)
        channel = self._transport().channel(transport, address, local)
        return () if channel is None else ((channel, address),)
