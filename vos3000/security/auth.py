"""
Who calls: the mapping gateway that a source address belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv6Address,
    ip_address,
    ip_network,
)

import attrs

from vos3000.model.gateways import MappingGateway

SIP_PORT = 5060
MOST_REMEMBERED = 10_000

_MAPPED = "::ffff:"


@attrs.frozen(slots=True)
class _Source:
    """
    One entry of remoteIps.

    @ivar first: The lowest address, and C{last} the highest.
    @ivar port: The port behind a single address; None for none.
    """

    first: IPv4Address | IPv6Address
    last: IPv4Address | IPv6Address
    port: int | None = None


@attrs.frozen(slots=True)
class _Block:
    """A CIDR block or a range, as numbers."""

    version: int
    first: int
    last: int
    gateway: MappingGateway

    def order(self) -> tuple[int, int, int]:
        """Narrow blocks first, then as single addresses."""
        return self.last - self.first, self.gateway.priority, self.gateway.id


@attrs.frozen(slots=True)
class _Sources:
    """Everything that is known of sources; swapped in whole."""

    by_port: dict[tuple[str, int], MappingGateway] = attrs.Factory(dict)
    by_address: dict[str, MappingGateway] = attrs.Factory(dict)
    blocks: tuple[_Block, ...] = ()
    remembered: dict[str, MappingGateway | None] = attrs.Factory(dict)


class Authenticator:
    """
    Finds the mapping gateway of a source.

    An address with its port comes first, then the address, then the narrowest
    block or range. Where two gateways claim the same source, the one with the
    smaller priority number has it, then the one with the smaller id.

    Locked gateways are found too, for screening has to name them. Gateways
    that register are not known by address.

    @ivar problems: What could not be used, one line each, for the operator.
    """

    def __init__(self) -> None:
        self._sources = _Sources()
        self.problems: tuple[str, ...] = ()

    def load(self, gateways: Iterable[MappingGateway]) -> None:
        """Replace all gateways; a bad entry costs nothing but itself."""
        sources = _Sources()
        blocks: list[_Block] = []
        problems: list[str] = []
        static = [gateway for gateway in gateways if gateway.register_type == 0]
        for gateway in sorted(
            static, key=lambda gateway: (gateway.priority, gateway.id)
        ):
            for text in gateway.remote_ips:
                try:
                    source = _source(text)
                    owner = _enter(gateway, source, sources, blocks)
                except ValueError as error:
                    problems.append(f"{gateway.name}: remoteIps {text!r}: {error}")
                    continue
                if owner is not gateway:
                    problems.append(
                        f"{gateway.name}: remoteIps {text!r}: calls from there "
                        f"are taken for {owner.name}"
                    )
        ordered = tuple(sorted(blocks, key=_Block.order))
        self._sources = attrs.evolve(sources, blocks=ordered)
        self.problems = tuple(problems)

    def mapping_gateway(self, host: str, port: int) -> MappingGateway | None:
        """
        The gateway that sends from C{host} and C{port}; None if none does.

        @param host: An address as the socket gave it.
        """
        sources = self._sources
        gateway = _exact(sources, host, port)
        if gateway is None and ":" in host:
            host = plain_host(host)
            gateway = _exact(sources, host, port)
        if gateway is not None or not sources.blocks:
            return gateway
        return _in_blocks(sources, host)


def _exact(sources: _Sources, host: str, port: int) -> MappingGateway | None:
    if sources.by_port:
        gateway = sources.by_port.get((host, port))
        if gateway is not None:
            return gateway
    return sources.by_address.get(host)


def first_address(gateway: MappingGateway) -> str:
    """
    An address that a gateway may call from, of the first entry of its remoteIps that
    is one; empty if it has none.
    """
    for text in gateway.remote_ips:
        try:
            source = _source(text)
        except ValueError:
            continue
        # a network's own address is often nobody's
        return str(source.first + (source.first != source.last))
    return ""


def plain_host(host: str) -> str:
    """An IPv6 source as it stands in the table: no zone, no mapped IPv4."""
    host = host.partition("%")[0].lower()
    if host.startswith(_MAPPED) and "." in host:
        return host[len(_MAPPED) :]
    try:
        return str(_plain(ip_address(host)))
    except ValueError:
        return host


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if isinstance(mapped, IPv4Address) else address


def _in_blocks(sources: _Sources, host: str) -> MappingGateway | None:
    remembered = sources.remembered
    if host in remembered:
        return remembered[host]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    number, version = int(address), address.version
    found = None
    for block in sources.blocks:
        if block.first <= number <= block.last and block.version == version:
            found = block.gateway
            break
    if len(remembered) >= MOST_REMEMBERED:
        remembered.clear()
    remembered[host] = found
    return found


def _enter(
    gateway: MappingGateway,
    source: _Source,
    sources: _Sources,
    blocks: list[_Block],
) -> MappingGateway:
    """
    Enter one source; gateways come in the order of their claims.

    @return: The gateway that has the source now.
    @raise ValueError: If a block is to be known by port.
    """
    if source.first == source.last:
        host = str(source.first)
        if gateway.by_port:
            key = host, SIP_PORT if source.port is None else source.port
            return sources.by_port.setdefault(key, gateway)
        return sources.by_address.setdefault(host, gateway)
    if gateway.by_port:
        raise ValueError("a block has no port, but the gateway is known by port")
    first, last = int(source.first), int(source.last)
    blocks.append(_Block(source.first.version, first, last, gateway))
    return gateway


def _source(text: str) -> _Source:
    """
    One entry: an address, one with a port, a CIDR block or a range.

    @raise ValueError: If it is none of these; the message says why.
    """
    text = text.strip()
    if "/" in text:
        block = ip_network(text, strict=False)
        if block.version == 6 and block.prefixlen >= 96:
            return _range(str(block[0]), str(block[-1]))
        return _Source(block[0], block[-1])
    if "-" in text:
        low, _, high = text.partition("-")
        return _range(low, high)
    host, port = _host_port(text)
    address = _plain(ip_address(host))
    return _Source(address, address, port)


def _range(low: str, high: str) -> _Source:
    first, last = (_plain(ip_address(end.strip().strip("[]"))) for end in (low, high))
    if first.version != last.version:
        raise ValueError("a range within one kind of address is needed")
    if int(first) > int(last):
        raise ValueError("the range ends before it begins")
    return _Source(first, last)


def _host_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise AddressValueError("the brackets do not hold an IPv6 address")
        return host, _port(rest[1:]) if rest else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, _port(port)
    return text, None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise ValueError(f"{text!r} is no port")
    return int(text)
