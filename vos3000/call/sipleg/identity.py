"""
Who calls and who is called, as our INVITE to a gateway tells it.

A gateway that is sent P-Asserted-Identity, P-Preferred-Identity or
Remote-Party-ID is trusted: it may know a number that is withheld from the
callee, if it is told with it that it is. Any other learns nothing of it.
"""

from __future__ import annotations

from functools import lru_cache

import attrs

from vos3000.call.leg import Headers, Setup
from vos3000.call.presented import Presented
from vos3000.call.sipleg.settings import SipSettings
from vos3000.errors import ParseError
from vos3000.model.gateways import Device, RoutingGateway
from vos3000.model.sipoptions import (
    ForwardSignal,
    IdentityMode,
    PrivacyMode,
    SipOptions,
)
from vos3000.sip.fields import NameAddr
from vos3000.sip.forwarding import Diversion, diversion_values, history_value
from vos3000.sip.hosts import is_address
from vos3000.sip.identity import (
    ANONYMOUS,
    ANONYMOUS_FROM,
    address_of,
    addresses,
    named,
    names_a_number,
    remote_party_id,
)
from vos3000.sip.uri import bracketed, parse_host

MOST_IDENTITIES = 2
"""Values of P-Asserted-Identity: a sip and a tel URI (RFC 3325 section 9.1)."""

_REGISTERED = {"Id": PrivacyMode.ID, "None": PrivacyMode.NONE}
"""SS_SIP_USER_AGENT_PRIVACY, but for Ignore."""


def caller_in(
    setup: Setup, options: SipOptions, settings: SipSettings, here: str
) -> str:
    """
    From, without its tag: anonymous where the caller has no number or asks for
    it to be withheld (RFC 3323 section 4.1.1.3).

    @param here: Our address as the gateway sees it.
    """
    presented = setup.caller_leg.presented
    if presented.withheld or not _shown(setup.caller):
        return ANONYMOUS_FROM
    host = _host(options, here)
    return _identity(setup.caller, presented, options, settings, host)


def identities(
    caller: str,
    presented: Presented,
    gateway: RoutingGateway,
    settings: SipSettings,
    here: str,
) -> Headers:
    """
    Privacy and the headers that tell the caller beside From.

    @param caller: Its number as the gateway is shown it; empty for none.
    """
    options = gateway.sip
    mode = _privacy_mode(gateway, settings)
    if not (mode or trusted(options)):
        return ()
    if not caller and gateway.device is Device.PHONE:
        # callerIdDisplay
        return ()
    host = _host(options, here)
    ours = ""
    if _shown(caller):
        ours = _identity(caller, presented, options, settings, host)
    asserted = _values(options.p_asserted, presented.asserted, ours, host)
    preferred = _values(options.p_preferred, presented.preferred, ours, host)
    privacy = _privacy(mode, presented, bool(asserted or preferred))
    if presented.withheld and "id" not in privacy:
        asserted = preferred = []
    headers = [("P-Asserted-Identity", value) for value in asserted]
    headers += [("P-Preferred-Identity", value) for value in preferred]
    if privacy:
        headers.append(("Privacy", ";".join(privacy)))
    if ours and options.remote_party_id:
        uri = address_of(caller, host, options.user_phone)
        display = _display(caller, presented, options, settings)
        withheld = bool(presented.withheld) or "id" in privacy
        value = remote_party_id(display, uri, withheld)
        headers.append(("Remote-Party-ID", value))
    return tuple(headers)


def forwarding(setup: Setup, options: SipOptions, here: str, target: str) -> Headers:
    """
    Who sent the call on, in the headers that the gateway knows
    (sipSendForwardSignal). A number that is withheld is told to a trusted
    gateway only.

    @param target: The Request-URI.
    """
    host, forwarded = _host(options, here), setup.forwarded
    diversions = [
        Diversion(each.number, each.reason, each.counter, each.withheld)
        for each in forwarded
    ]
    uris = [
        ANONYMOUS
        if each.withheld and not trusted(options)
        else address_of(each.number, host, options.user_phone)
        for each in forwarded
    ]
    headers: Headers = ()
    if options.sends_forward & ForwardSignal.DIVERSION:
        values = diversion_values(diversions, uris)
        headers = tuple(("Diversion", value) for value in values)
    if options.sends_forward & ForwardSignal.HISTORY_INFO:
        headers += (("History-Info", history_value(diversions, uris, target)),)
    return headers


def trusted(options: SipOptions) -> bool:
    """Whether a gateway may know what is withheld from the callee."""
    return bool(options.p_asserted or options.p_preferred or options.remote_party_id)


def _shown(number: str) -> bool:
    return bool(number) and number.lower() != "anonymous"


def _host(options: SipOptions, here: str) -> str:
    """The host of our identities: sipLocalDomain, else our address."""
    return (options.local_domain and domain(options.local_domain)) or bracketed(here)


@lru_cache(1024)
def domain(text: str) -> str:
    """A sipLocalDomain as it stands in a URI; empty if it is no host."""
    if is_address(text):
        return bracketed(text)
    try:
        host, port = parse_host(text)
    except ParseError:
        return ""
    return bracketed(host) if port is None else ""


def _identity(
    caller: str,
    presented: Presented,
    options: SipOptions,
    settings: SipSettings,
    host: str,
) -> str:
    uri = address_of(caller, host, options.user_phone)
    return named(_display(caller, presented, options, settings), uri)


def _display(
    caller: str, presented: Presented, options: SipOptions, settings: SipSettings
) -> str:
    """
    The caller's name as the gateway is told it (sipDisplay). A name that is a
    number would carry the number past the rules: then it is the one sent out.
    """
    if not options.display:
        return ""
    if settings.display_from == "Caller":
        return caller
    display = presented.display
    return caller if display and names_a_number(display) else display


def _privacy_mode(gateway: RoutingGateway, settings: SipSettings) -> PrivacyMode | None:
    """sipPrivacy, else SS_SIP_USER_AGENT_PRIVACY where we are registered."""
    mode = gateway.sip.privacy
    if mode is None and gateway.registration is not None:
        return _REGISTERED.get(settings.registered_privacy)
    return mode


def _privacy(
    mode: PrivacyMode | None, presented: Presented, identified: bool
) -> tuple[str, ...]:
    """
    The values of Privacy; none for no such header. A gateway that gets a number
    which is withheld is told so, unless it is set to something else.
    """
    if mode is PrivacyMode.NONE:
        return ("none",)
    if mode is PrivacyMode.ID:
        return ("id",)
    if mode is PrivacyMode.OMIT:
        return ()
    values = presented.privacy if mode is PrivacyMode.PASS else ()
    if presented.withheld and identified and "id" not in values:
        return (*values, "id")
    return values


def _values(
    mode: IdentityMode, theirs: tuple[str, ...], ours: str, host: str
) -> list[str]:
    if mode is IdentityMode.CALLER:
        return [ours] if ours else []
    if mode is IdentityMode.PASS:
        return [_passed(each, host) for each in addresses(theirs)[:MOST_IDENTITIES]]
    return []


def _passed(identity: NameAddr, host: str) -> str:
    """
    Another's identity as it is passed on: where it names the peer's address
    instead of a domain, ours stands in its place.
    """
    uri = identity.uri
    if uri.host and is_address(uri.host):
        uri = attrs.evolve(uri, host=host.strip("[]"), port=None)
    return named(identity.display, str(attrs.evolve(uri, headers="")))
