"""
How much is sent to a source that may not be where a request came from.

The source of a datagram can be forged. If our answer were many times as long, anybody
could have us flood a third party at a small cost of his own; as it is, he may as well
send to it himself.
"""

from __future__ import annotations

from zlib import crc32

from vos3000.errors import ParseError
from vos3000.sip.matching import reply_address
from vos3000.sip.message import REASONS, Request, respond
from vos3000.sip.transaction import Address, Channel

RATIO = 1.5
"""Bytes of an answer for each of the request. A challenge with two algorithms has room
in the answer to a REGISTER of 400 bytes, with one in that to one of 250."""


def modest(size: int, data: bytes, channel: Channel) -> bool:
    """
    Whether an answer may go to a source that nobody knows. Who has a connection is
    where it says.

    @param size: Bytes of the request.
    """
    return channel.reliable or len(data) <= RATIO * size


def phrase(status: int, reason: str | None) -> str:
    """A reason phrase that tells more than the standard one, on one line."""
    standard = REASONS.get(status, "Refused")
    return f"{standard} - {' '.join(reason[:120].split())}" if reason else standard


def answer_statelessly(
    request: Request,
    size: int,
    status: int,
    text: str,
    channel: Channel,
    address: Address,
) -> bool:
    """
    Answer a request that could not be read to its end (8.2.7). Its
    retransmission gets the same answer; an ACK gets none.

    @param request: What could be read of it.
    @param size: Bytes that it had.
    @return: Whether an answer was sent.
    """
    if request.method == "ACK" or not request.get("via"):
        return False
    try:
        reply = reply_address(request, channel, address)
    except ParseError:
        reply = address
    tag = f"{crc32(request.call_id.encode('utf-8', 'surrogateescape')):08x}"
    data = respond(request, status, phrase(status, text), tag, received=address)
    if not modest(size, data, channel):
        return False
    channel.send(data, reply)
    return True
