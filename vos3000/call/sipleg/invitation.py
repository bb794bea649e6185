"""
What our INVITE says beside its dialog: whom it calls, and what else it tells.
"""

from __future__ import annotations

from vos3000.call.leg import Headers, Setup
from vos3000.call.sipleg.headers import further
from vos3000.call.sipleg.identity import forwarding, identities
from vos3000.call.sipleg.settings import SipSettings
from vos3000.model.gateways import RoutingGateway
from vos3000.sip.dialog import place
from vos3000.sip.hosts import is_address
from vos3000.sip.identity import address_of
from vos3000.sip.transaction import Address, Channel


def uri_of(
    number: str, gateway: RoutingGateway, channel: Channel, address: Address
) -> str:
    """
    Whom to call at the gateway: by its own name if it has one, whatever that
    leads to (RFC 3263 section 4), else by its address.
    """
    name = gateway.remote_ip
    if name and name != address[0] and not is_address(name):
        address = (name, gateway.signal_port)
    there = place(address, channel.name)
    return address_of(number, there, gateway.sip.user_phone)


def told_by(
    setup: Setup,
    gateway: RoutingGateway,
    settings: SipSettings,
    here: str,
    target: str,
) -> Headers:
    """
    The headers that not every INVITE has.

    @param here: Our address as the gateway sees it.
    @param target: The Request-URI.
    """
    options = gateway.sip
    presented = setup.caller_leg.presented
    headers = identities(setup.caller, presented, gateway, settings, here)
    if setup.forwarded:
        headers += forwarding(setup, options, here, target)
    if options.invite_headers or options.extra_headers:
        facts = setup.facts()
        facts["local-ip"] = here
        headers += further(options, setup.caller_leg, facts)
    return headers
