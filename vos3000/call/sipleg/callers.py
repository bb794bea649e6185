"""
Who an INVITE comes from, where its source address does not say it: a phone
that proves itself by digest, or a device that registered.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from vos3000.errors import ParseError
from vos3000.model.gateways import Device, MappingGateway, RegisterType, RoutingGateway
from vos3000.model.phones import Phone
from vos3000.routing.location import Binding, Location
from vos3000.routing.phones import Phones
from vos3000.security.auth import SIP_PORT, plain_host
from vos3000.security.directory import Directory
from vos3000.sip.challenger import Challenger, Outcome, Verdict
from vos3000.sip.message import Request
from vos3000.sip.transaction import Address, InviteServerTransaction


@attrs.frozen(slots=True)
class Identity:
    """
    What is known of a caller.

    @ivar origin: Whose call it is; None if that is not known, or not yet.
    @ivar verdict: What came of its credentials, if they were asked for.
    """

    origin: MappingGateway | None = None
    verdict: Verdict | None = None


_STRANGER = Identity()

_TO, _REQUEST_URI = 0, 1
"""Values of sipCalleeE164Domain."""


class Callers:
    """
    Finds callers that do not call from a gateway's address.

    Everybody is challenged alike, whether the user exists or not; but where
    there is nobody to prove himself, nobody is.
    """

    def __init__(
        self,
        phones: Phones,
        location: Location,
        directory: Directory,
        challenger: Challenger,
    ) -> None:
        self._phones = phones
        self._location = location
        self._directory = directory
        self._challenger = challenger
        self._gateways: dict[str, MappingGateway] = {}
        self._by_password: dict[str, MappingGateway] = {}

    def load(self, gateways: Iterable[MappingGateway]) -> None:
        """Replace all mapping gateways."""
        self._gateways = {
            gateway.name: gateway
            for gateway in gateways
            if gateway.register_type == RegisterType.DYNAMIC
        }
        self._by_password = {
            name: _protected(gateway) for name, gateway in self._gateways.items()
        }

    def gateway(self, name: str) -> MappingGateway | None:
        """The mapping gateway of that name, if it is one that registers."""
        return self._gateways.get(name)

    def knows(self, host: str, port: int) -> bool:
        """Whether a device is registered from there, or a static phone is there."""
        if self._location.at((host, port)) is not None:
            return True
        hosts = self._phones.static_hosts
        return bool(hosts) and plain_host(host) in hosts

    def binding(self, callee: RoutingGateway) -> Binding | None:
        """
        Where a phone or gateway is registered; None if it is offline, or if
        who is registered by that name is another.
        """
        found = self._directory.find(callee.name)
        if found is None:
            return None
        phone = callee.device is Device.PHONE
        its = found.phone if phone else found.routing
        return self._location.find(callee.name) if its else None

    def name_at(self, source: Address) -> str | None:
        """Which phone or gateway is registered from there, if it is one alone."""
        return self._location.only_at(source)

    def gateway_at(self, source: Address) -> str | None:
        """
        Which gateway is registered from there, likewise; a phone that has a
        gateway's name is no gateway.
        """
        name = self.name_at(source)
        found = None if name is None else self._directory.find(name)
        its = found is not None and (found.mapping or found.routing)
        return name if its else None

    def identify(self, transaction: InviteServerTransaction) -> Identity:
        """Who sent an INVITE that came from no gateway's address."""
        request, source = transaction.request, transaction.address
        origin = self._registered(transaction) or self._static(request, source)
        if origin is not None:
            return Identity(origin)
        if not len(self._directory):
            return _STRANGER
        verdict = self._challenger.check(request, source)
        if verdict.outcome is Outcome.PASSED:
            origin = self._named(verdict.user)
        return Identity(origin, verdict)

    def expects(self, user: str, source: Address) -> bool:
        """
        Whether who was challenged may well be somebody who can call: it is then
        an ordinary step, and no illegal call. A user is known by that name or
        number, or somebody is registered from there who may show another's.
        """
        if self._directory.find(user) is not None:
            return True
        if self._location.at(source) is not None:
            return True
        return self._phones.called(user) is not None

    def _registered(
        self, transaction: InviteServerTransaction
    ) -> MappingGateway | None:
        """
        The gateway that is registered from a source: it need not show its
        password for each call. Where others are registered from there, too,
        or it did so on another transport, nobody is taken for it.
        """
        source = transaction.address
        binding = self._location.at(source)
        if binding is None or self.name_at(source) is None:
            return None
        if binding.transport != transaction.channel.name.lower():
            return None
        its = self._is_gateway(binding.aor)
        return self._gateways.get(binding.aor) if its else None

    def _is_gateway(self, name: str) -> bool:
        """Whether the password of a name is that of its mapping gateway."""
        found = self._directory.find(name)
        return found is not None and found.mapping

    def _static(self, request: Request, source: Address) -> MappingGateway | None:
        """The phone of a fixed address that has the number of From."""
        if not self._phones.static_hosts:
            return None
        try:
            number = request.from_.uri.number
        except ParseError:
            return None
        phone = self._phones.called(number)
        if phone is None or phone.register_type != RegisterType.STATIC:
            return None
        return phone.origin if _is_at(phone, source) else None

    def _named(self, user: str) -> MappingGateway | None:
        """Whose password it was; who calls from a fixed address has none here."""
        phone = self._phones.get(user)
        if phone is None:
            return self._by_password.get(user) if self._is_gateway(user) else None
        return phone.origin if phone.register_type == RegisterType.DYNAMIC else None


def _protected(gateway: MappingGateway) -> MappingGateway:
    """
    The gateway as it calls by password: not To, which anybody on the way can
    change, but the Request-URI says whom; the digest covers that.
    """
    if gateway.callee_domain != _TO:
        return gateway
    return attrs.evolve(gateway, callee_domain=_REQUEST_URI)


def _is_at(phone: Phone, source: Address) -> bool:
    """Whether a phone of a fixed address may send from C{source}."""
    host = plain_host(source[0])
    if host != phone.route.remote_ip:
        return False
    return not phone.origin.by_port or source[1] == (
        phone.route.signal_port or SIP_PORT
    )
