"""
Addresses of gateways that are known by a host name.

Names are resolved when the table is loaded and again every minute, never
while a call waits: a call sees the address that is known by then. Names that
cannot be resolved keep their last address.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from twisted.logger import Logger
from zope.interface import implementer

from vos3000.timers import TimerWheel

REFRESH = 60.0
"""Seconds between two look-ups of a name."""


def is_address(host: str) -> bool:
    """
    Whether C{host} is an address, and no name: a socket looks up whatever
    else it is given, and everything waits meanwhile.
    """
    if ":" not in host and not host[-1:].isdigit():
        return False
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except (OSError, ValueError):
        return False
    return True


class Hosts:
    """
    The names in use and their addresses.

    @param resolver: Asks the system; the reactor's nameResolver.
    """

    _log = Logger()

    def __init__(
        self, resolver: Callable[[], IHostnameResolver], timers: TimerWheel
    ) -> None:
        self._resolver = resolver
        self._timers = timers
        self._known: dict[str, str] = {}
        self._wanted: frozenset[str] = frozenset()
        self._asking: set[str] = set()
        self._running = False

    def load(self, hosts: Iterable[str]) -> None:
        """Look these up from now on; addresses among them need no look-up."""
        self._wanted = frozenset(h for h in hosts if h and not is_address(h))
        self._known = {h: a for h, a in self._known.items() if h in self._wanted}
        for host in self._wanted - self._known.keys():
            self._ask(host)
        if self._wanted and not self._running:
            self._running = True
            self._timers.later(REFRESH, self._again)

    def _again(self, _: object) -> None:
        for host in self._wanted:
            self._ask(host)
        self._running = bool(self._wanted)
        if self._running:
            self._timers.later(REFRESH, self._again)

    def _ask(self, host: str) -> None:
        if host in self._asking:
            return
        self._asking.add(host)
        self._resolver().resolveHostName(_Receiver(self, host), host)

    def resolved(self, host: str, address: str | None) -> None:
        """A look-up is done."""
        self._asking.discard(host)
        if host not in self._wanted:
            return
        if address is not None:
            self._known[host] = address
        elif host not in self._known:
            self._log.warn("the host name {host} cannot be resolved", host=host)

    def found(self, address: str) -> bool:
        """Whether a name in use leads to C{address}."""
        return address in self._known.values()

    def names(self, address: str) -> list[str]:
        """The names in use that lead to C{address}."""
        return [name for name, found in self._known.items() if found == address]

    def address(self, host: str) -> str | None:
        """The address of C{host}, if it is known by now."""
        if is_address(host):
            return host
        return self._known.get(host)


@implementer(IResolutionReceiver)
class _Receiver:
    """Takes the first address of one look-up."""

    def __init__(self, hosts: Hosts, host: str) -> None:
        self._hosts = hosts
        self._host = host
        self._found: str | None = None

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:  # noqa: N802, N803
        """See C{IResolutionReceiver}."""

    def addressResolved(self, address: IAddress) -> None:  # noqa: N802
        """The first one counts."""
        if self._found is None:
            self._found = getattr(address, "host", None)

    def resolutionComplete(self) -> None:  # noqa: N802
        """No more will come."""
        self._hosts.resolved(self._host, self._found)
