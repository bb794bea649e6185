"""
Whether the ports are free, asked before anything is started.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

from vos3000.config import Config, Endpoint, Endpoints

_KINDS = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}


def listeners(config: Config) -> Iterator[tuple[str, str, Endpoints]]:
    """Transport, setting and addresses of everything the switch opens."""
    yield "udp", "[sip] udp", config.sip.udp
    yield "tcp", "[sip] tcp", config.sip.tcp
    yield "tcp", "[http] listen", config.http.listen


def problems(config: Config) -> list[str]:
    """One line for each address that cannot be had, with the setting it is of."""
    return [
        f"{transport.upper()} {endpoint} {reason}: stop what uses it"
        f" (`ss -lnp{transport[0]} 'sport = {endpoint.port}'`), or set {setting} in a"
        " vos3000.conf and give its directory: --config DIR, or"
        ' make run ARGS="--config DIR"'
        for transport, setting, endpoints in listeners(config)
        for endpoint in endpoints
        if (reason := _refusal(transport, endpoint))
    ]


def _refusal(transport: str, endpoint: Endpoint) -> str:
    """Why an address cannot be had; empty if it can."""
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    with socket.socket(family, _KINDS[transport]) as probe:
        if transport == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((endpoint.host, endpoint.port))
        except OSError as error:
            used = error.errno == errno.EADDRINUSE
            return "is in use" if used else f"cannot be had ({error.strerror})"
    return ""
