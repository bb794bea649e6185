"""
Who may ask: a list of addresses for each path.

A rule covers its path and everything below it, and a request is let in if
any rule that covers its path names its address. The machine itself always
may; nobody else does without a rule (table e_web_access_control).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)
from urllib.parse import unquote

from twisted.logger import Logger

from vos3000.db.settings import AccessRule
from vos3000.web.dispatch import canonical

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

LOCAL = AccessRule("/", ("127.0.0.1", "::1"))
"""What holds without any row, and beside all rows."""


def segments(path: bytes) -> tuple[str, ...]:
    """
    The parts of a request's path, the last one by the contract's name.

    Empty parts are dropped, so that no spelling of a path escapes its rule.
    """
    parts = [unquote(part) for part in path.decode("latin-1").split("/")]
    parts = [part for part in parts if part]
    if parts:
        parts[-1] = canonical(parts[-1])
    return tuple(parts)


def networks(text: str) -> Iterable[Network]:
    """
    An address, CIDR block or range as networks.

    @raise ValueError: If it is none of them.
    """
    first, dash, last = text.partition("-")
    if not dash:
        return (ip_network(text.strip(), strict=False),)
    low, high = ip_address(first.strip()), ip_address(last.strip())
    if isinstance(low, IPv4Address) and isinstance(high, IPv4Address):
        return summarize_address_range(low, high)
    if isinstance(low, IPv6Address) and isinstance(high, IPv6Address):
        return summarize_address_range(low, high)
    raise ValueError(f"{text!r} is no range of addresses")


def _address(host: str) -> Address | None:
    """The address of a peer; an IPv4 address seen through an IPv6 socket too."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def is_address(host: str) -> bool:
    """Whether C{host} is an IP address and no name."""
    return _address(host) is not None


def is_local(host: str) -> bool:
    """Whether the peer C{host} is this machine, by one of its L{LOCAL} names."""
    address = _address(host)
    return address is not None and str(address) in LOCAL.addresses


class Access:
    """The rules in force."""

    _log = Logger()

    def __init__(self) -> None:
        self._rules: list[tuple[tuple[str, ...], list[Network]]] = []
        self._devices: list[tuple[str, list[Network]]] = []
        self.load(())

    def load(self, rules: Sequence[AccessRule]) -> None:
        """
        Use these rules, and L{LOCAL}, from now on.

        An entry that is no address lets nobody in, and is logged.
        """
        self._rules = [
            (segments(rule.path.encode()), self._read(rule)) for rule in (LOCAL, *rules)
        ]
        self._devices = [
            (rule.device, networks)
            for rule, (_, networks) in zip(rules, self._rules[1:], strict=True)
            if rule.device
        ]

    def _read(self, rule: AccessRule) -> list[Network]:
        found: list[Network] = []
        for text in rule.addresses:
            try:
                found.extend(networks(text))
            except ValueError:
                self._log.error(
                    "access rule for {path}: {text} is no address",
                    path=rule.path,
                    text=text,
                )
        return found

    def knows(self, host: str) -> bool:
        """Whether the peer C{host} may use any path at all."""
        return self.allows((), host)

    def who(self, host: str) -> str:
        """What the list of changes calls the peer C{host}."""
        address = _address(host)
        for device, networks in self._devices:
            if address is not None and any(address in each for each in networks):
                return f"{device} {host}"
        return f"web {host}"

    def allows(self, path: tuple[str, ...], host: str) -> bool:
        """
        Whether the peer C{host} may use C{path}.

        @param path: As L{segments} reads it; empty for the root, which
            anybody may see who may see anything.
        """
        address = _address(host)
        if address is None:
            return False
        return any(
            address in network
            for start, networks in self._rules
            if not path or path[: len(start)] == start
            for network in networks
        )
