"""
Where SIP and call control meet: INVITEs become legs, routes become INVITEs.
"""

from __future__ import annotations

from collections.abc import Callable

from vos3000.call.leg import InboundLeg, Leg, OutboundLeg, OutboundUser, Setup
from vos3000.call.sipleg.callers import Callers
from vos3000.call.sipleg.inbound import SipInboundLeg
from vos3000.call.sipleg.outbound import SipOutboundLeg
from vos3000.call.sipleg.reach import Reach, registered
from vos3000.call.sipleg.referral import leg_of
from vos3000.call.sipleg.stranger import SipStrangerLeg
from vos3000.call.sipleg.terms import SipLegs
from vos3000.model.gateways import MappingGateway, RegisterType, RoutingGateway
from vos3000.sip.avoided import Avoided
from vos3000.sip.challenger import Outcome
from vos3000.sip.locate import Target as Located
from vos3000.sip.locate import place_of
from vos3000.sip.outside import Target
from vos3000.sip.refer import replaces_of
from vos3000.sip.transaction import Address, InviteServerTransaction
from vos3000.sip.transport import Transport
from vos3000.sip.uri import Uri

Servers = Callable[[str, str, int], tuple[Located, ...]]
"""From name, transport and port to where they lead now, best first."""


class SipGate:
    """
    Takes new calls from the core and places calls on SIP routes.

    @param whose: The gateway that a source's host and port belong to.
    @param exceeds: Seconds until a gateway may call again; 0 for now.
    @param knows: Whether they belong to any gateway or device that we know.
    @param answers_strangers: SS_REPLY_UNAUTHORIZED.
    @param incoming: Call control's entrance.
    @param servers: Where names lead, by what is known now.
    @ivar avoided: Servers that failed a moment ago.
    @ivar callers: Who calls from elsewhere. Set before the first message comes.
    @ivar replaces: Takes a caller that wants the place of a side of a call, that
        side, and whether only before the call is answered. Set likewise.
    """

    def __init__(
        self,
        transport: Callable[[], Transport],
        whose: Callable[[str, int], MappingGateway | None],
        exceeds: Callable[[MappingGateway], int],
        knows: Callable[[str, int], bool],
        answers_strangers: Callable[[], bool],
        incoming: Callable[[InboundLeg], None],
        servers: Servers,
        avoided: Avoided,
    ) -> None:
        self._transport = transport
        self._whose = whose
        self._exceeds = exceeds
        self.knows = knows
        self.answers_strangers = answers_strangers
        self._incoming = incoming
        self._servers = servers
        self.avoided = avoided
        self.legs: SipLegs
        self.callers: Callers
        self.replaces: Callable[[InboundLeg, Leg | None, bool], None]

    def invited(self, transaction: InviteServerTransaction) -> None:
        """A new INVITE came that the core has no objection to."""
        origin = self._whose(*transaction.address)
        if origin is not None:
            self._enter(transaction, origin)
        else:
            self._unplaced(transaction)

    def _enter(
        self, transaction: InviteServerTransaction, origin: MappingGateway
    ) -> None:
        """
        A known caller has a new call, or takes the place of one side of another.

        @raise ParseError: If the side cannot be read.
        """
        request = transaction.request
        if request.get("replaces") is None:
            self._incoming(SipInboundLeg(self.legs, transaction, origin))
            return
        replaces = replaces_of(request)
        if replaces is not None:
            replaced = leg_of(self.legs.core, replaces)
            leg = SipInboundLeg(self.legs, transaction, origin)
            self.replaces(leg, replaced, replaces.early_only)

    def _unplaced(self, transaction: InviteServerTransaction) -> None:
        """It comes from no gateway's address: who is it?"""
        caller, core = self.callers.identify(transaction), self.legs.core
        verdict = caller.verdict
        if caller.origin is not None:
            if verdict is not None:
                transaction.channel.welcome()
            if self.knows(*transaction.address) or core.admits(transaction):
                self._proven(transaction, caller.origin)
            return
        if verdict is not None and verdict.outcome is Outcome.CHALLENGED:
            # Before it is looked who there is: the time would tell it.
            core.refuse(transaction, verdict.status, headers=verdict.headers)
            if self.callers.expects(verdict.user, transaction.address):
                return
        self._incoming(SipStrangerLeg(self.legs, transaction, verdict))

    def _proven(
        self, transaction: InviteServerTransaction, origin: MappingGateway
    ) -> None:
        """Now it is known who it is: whether he may call again already is, too."""
        delay = self._exceeds(origin)
        if delay > 0:
            later = [("Retry-After", str(delay))]
            self.legs.core.refuse(transaction, 503, headers=later)
        else:
            self._enter(transaction, origin)

    def dial(
        self, gateway: RoutingGateway, setup: Setup, user: OutboundUser
    ) -> OutboundLeg | None:
        """Place a call; None if the callee's address or our own is missing."""
        reach = self._reach(gateway)
        if reach is None:
            return None
        return SipOutboundLeg(self.legs, gateway, reach, setup, user)

    def _reach(self, gateway: RoutingGateway) -> Reach | None:
        """How a callee is reached just now; None if it is not."""
        if gateway.register_type == RegisterType.DYNAMIC:
            binding = self.callers.binding(gateway)
            if binding is None:
                return None
            return registered(gateway, binding, self._transport().channel)
        targets = self.targets(gateway)
        return Reach(targets) if targets else None

    def targets(self, gateway: RoutingGateway) -> tuple[Target, ...]:
        """Where a gateway can be reached now, best first."""
        return self.places(
            gateway.remote_ip,
            gateway.signal_port,
            gateway.transport,
            gateway.local,
            gateway.sip.tls_verify,
        )

    def locate(self, uri: Uri, local: Address) -> tuple[Target, ...]:
        """Where a URI leads to; see L{vos3000.call.sipleg.again.Locate}."""
        place = place_of(uri)
        if place is None:
            return ()
        return self.places(place.name, place.port, place.transport, local)

    def places(
        self, name: str, port: int, transport: str, local: Address, verify: bool = True
    ) -> tuple[Target, ...]:
        """
        Where a name or an address leads to now, best first. What failed a moment
        ago comes last.

        @param port: 0 if none is named.
        @param local: Our own address that must be used, as far as it is given.
        @param verify: Whether a certificate must be good, and name whom we call.
        """
        found: list[Target] = []
        channel_to = self._transport().channel
        for kind, address in self._servers(name, transport, port):
            domain = "" if address[0] == name else name
            channel = channel_to(kind, address, local, domain, verify)
            if channel is not None:
                found.append((channel, address))
        return tuple(self.avoided.last(found, _address))


def _address(target: Target) -> Address:
    return target[1]
