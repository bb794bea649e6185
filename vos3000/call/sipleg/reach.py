"""
How a device that registered is reached: the address, the connection, the
Request-URI and the routes of the INVITE.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from vos3000.errors import ParseError
from vos3000.model.gateways import Device, RoutingGateway
from vos3000.routing.location import Binding
from vos3000.sip.fields import parse_name_addr
from vos3000.sip.hosts import is_address
from vos3000.sip.outside import Target
from vos3000.sip.transaction import Address, Channel, default_port
from vos3000.sip.uri import parse_uri
from vos3000.values import fixed

ChannelTo = Callable[[str, Address, Address], Channel | None]
"""From transport, address and our own address to what a request goes out on."""


@fixed
class Reach:
    """
    How a callee is reached.

    @ivar targets: Where it may be, best first.
    @ivar contact: Its own Contact, which is called as it stands; empty to call
        a number at the target.
    @ivar user: Whether the number stands in that Contact in place of its user:
        gateways need it to know whom to call.
    @ivar routes: Values of Route (RFC 3327).
    """

    targets: tuple[Target, ...]
    contact: str = ""
    user: bool = False
    routes: tuple[str, ...] = ()

    def uri(self, callee: str) -> str:
        """
        The Request-URI.

        @param callee: The URI of the number at the target.
        """
        if not self.contact:
            return callee
        if not self.user:
            return self.contact
        try:
            user = parse_uri(callee).user
            return str(attrs.evolve(parse_uri(self.contact), user=user))
        except ParseError:
            return callee


def registered(
    gateway: RoutingGateway, binding: Binding, channel_to: ChannelTo
) -> Reach | None:
    """
    The way to a device that registered; None if there is none just now.

    It goes back the way its REGISTER came: by the same socket, or by the
    connection, which a NAT lets through; only who asks for it is sent requests
    where its Contact says (sipRequestAddress).
    """
    address = _address(gateway, binding)
    channel: Channel | None = binding.channel
    if channel is None:
        channel = channel_to(binding.transport, address, binding.local)
    elif channel.reliable:
        channel = channel.live(address)
    if channel is None:
        return None
    return Reach(
        ((channel, address),),
        binding.contact,
        gateway.device is Device.GATEWAY,
        binding.path,
    )


def _address(gateway: RoutingGateway, binding: Binding) -> Address:
    if not binding.path:
        return binding.address(gateway.sip.request_address)
    host, port = binding.remote
    try:
        first = parse_name_addr(binding.path[0]).uri
    except ParseError:
        return binding.remote
    if is_address(first.host) and first.host == host and binding.transport == "udp":
        # The proxy may listen elsewhere than it sends from.
        return host, first.port or default_port("UDP")
    return host, port
