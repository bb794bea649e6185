"""
What the kernel knows of a socket's queue: how long what we read has waited, how
much is left, what was lost. Linux tells it; elsewhere there is nothing to know.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import termios

_STAMP_OF_LAST = 0x8907
"""SIOCGSTAMPNS (socket(7)): when the datagram read last came in, to the ns."""

_MEMORY = 55
"""SO_MEMINFO: nine numbers of the queue; the last counts what found no room."""

_STAMP = struct.Struct("@ll")
_NUMBERS = struct.Struct("@9I")
_INT = struct.Struct("@i")
_LONGEST = 60_000
"""Milliseconds. An age beyond that is a wall clock that stepped."""


def begin(fd: int) -> None:
    """Have the kernel stamp datagrams: it does so once it was asked for a stamp."""
    age(fd, 0)


def age(fd: int, wall: int) -> float:
    """
    Seconds since the datagram that was read last came in; 0 if nobody knows.

    @param wall: Now, milliseconds since 1970.
    """
    try:
        stamp = fcntl.ioctl(fd, _STAMP_OF_LAST, bytes(_STAMP.size))
    except OSError:
        return 0.0
    seconds, nanoseconds = _STAMP.unpack(stamp)
    late = wall - seconds * 1000 - nanoseconds // 1_000_000
    return late / 1000 if 0 < late < _LONGEST else 0.0


def unread(fd: int) -> int:
    """Bytes that came on a connection and were not read yet."""
    try:
        left: int = _INT.unpack(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]
    except OSError:
        return 0
    return left


def lost(sock: socket.socket) -> int:
    """Datagrams that found no room in the queue since the socket was opened."""
    try:
        numbers = sock.getsockopt(socket.SOL_SOCKET, _MEMORY, _NUMBERS.size)
        count: int = _NUMBERS.unpack(numbers)[8]
    except (OSError, struct.error):
        return 0
    return count
