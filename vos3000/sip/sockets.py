"""
What is asked of the system for the sockets of signalling: the class of service
of their packets, and to notice soon that a peer is gone.
"""

from __future__ import annotations

import socket
from contextlib import suppress

_ALIVE = (
    ("TCP_KEEPIDLE", 60),
    ("TCP_KEEPINTVL", 15),
    ("TCP_KEEPCNT", 3),
    ("TCP_USER_TIMEOUT", 20_000),
)
"""
A connection on which nothing was heard for a minute is probed, and one whose
peer acknowledges nothing for 20 s is dead: what waits on it fails then, and not
after the quarter of an hour that the system would go on trying.
"""


def mark(sock: socket.socket, tos: int) -> None:
    """
    Give the packets of a socket a class of service (SS_QOS_SIGNAL). A socket
    that is gone, or a system that forbids it, is no reason to stop.

    @param tos: The byte of the header: six bits of DSCP, two of ECN.
    """
    with suppress(OSError):
        sock.setsockopt(*_option(sock), tos)


def marking(sock: socket.socket) -> int:
    """The class of service that the packets of a socket have."""
    return sock.getsockopt(*_option(sock))


def _option(sock: socket.socket) -> tuple[int, int]:
    if sock.family == socket.AF_INET6:
        return socket.IPPROTO_IPV6, socket.IPV6_TCLASS
    return socket.IPPROTO_IP, socket.IP_TOS


def keep_alive(sock: socket.socket) -> None:
    """Send small segments at once, and notice a peer that is gone."""
    with suppress(OSError):  # it is gone already
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _ALIVE:
            option = getattr(socket, name, None)
            if option is not None:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
