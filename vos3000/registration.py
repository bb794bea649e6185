"""
Who registers with us, put together: passwords, challenges, suspension, the
registrar and the location service.
"""

from __future__ import annotations

from collections.abc import Callable

from vos3000.config import Sip
from vos3000.events import Events
from vos3000.inforce import InForce
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.routing.location import Binding, Key, Location
from vos3000.security.directory import Directory
from vos3000.security.suspension import Suspension
from vos3000.sip import digest
from vos3000.sip.challenger import Challenger, Nonces
from vos3000.sip.core import UserAgentCore
from vos3000.sip.registrar import EXTENSIONS, Registrar
from vos3000.timers import TimerWheel


class Registration:
    """
    Everything between a REGISTER and a binding.

    @param gateway: Whether a host and port belong to a gateway.
    @param token: Gives a fresh random text.
    @ivar keep: Hears of each binding that changes, so that it is stored.
    """

    def __init__(
        self,
        sip: Sip,
        core: UserAgentCore,
        timers: TimerWheel,
        now: Now,
        in_force: InForce,
        events: Events,
        metrics: Metrics,
        gateway: Callable[[str, int], bool],
        token: Callable[[], str],
    ) -> None:
        self._gateway = gateway
        self.keep: Callable[[Key, Binding | None], object] = _nowhere
        self.directory = Directory(sip.realm, digest.secret, sip.digest)
        self.location = Location(
            timers,
            now,
            events,
            self.directory.dids,
            lambda key, binding: self.keep(key, binding),
            metrics,
        )
        self.suspension = Suspension(
            lambda: in_force.suspension, lambda: now().mono, self._exempt, metrics
        )
        self.challenger = Challenger(
            sip.realm,
            lambda: in_force.challenges,
            self.directory,
            self.suspension,
            Nonces((token() + token()).encode(), now),
            token(),
            now,
            metrics,
            sip.digest,
        )
        registrar = Registrar(
            core,
            self.challenger,
            self.location,
            Binding,
            self._registers,
            lambda: in_force.registrar,
            now,
        )
        core.extensions.update(EXTENSIONS)
        core.serve("REGISTER", registrar)

    def _exempt(self, user: str, host: str) -> bool:
        """Who is not suspended with its host; see L{Suspension}."""
        return self.location.registered(user, host) or self._gateway(host, 0)

    def _registers(self, user: str) -> bool:
        found = self.directory.find(user)
        return found is not None and found.registers


def _nowhere(key: Key, binding: Binding | None) -> None:
    """Until there is a store: bindings live as long as the process."""
