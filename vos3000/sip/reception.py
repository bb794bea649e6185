"""
What every channel does with what it read (RFC 3261 section 18.1.2, 18.2.1).

A message is stamped, parsed and handed to the transaction layer here, and
nothing else happens per message: no Deferred, no log line, no allocation that
the parser does not make.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.logger import Logger

from vos3000.errors import ParseError
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.sip import stun
from vos3000.sip.layer import TransactionLayer
from vos3000.sip.message import Request, Response
from vos3000.sip.modest import answer_statelessly
from vos3000.sip.parser import parse
from vos3000.sip.transaction import Address, Channel

LocalHost = Callable[[str], str]
"""Which of our addresses a peer sees: from its host to ours."""


class Tap(Protocol):
    """Sees every message as it passes."""

    def received(self, data: bytes, channel: Channel, address: Address) -> None:
        """A message came from C{address}, well formed or not. Never raises."""

    def sent(self, data: bytes, channel: Channel, address: Address) -> None:
        """A message goes out to C{address}. Never raises."""


class Reception:
    """
    What every channel does with bytes it read: stamp, parse, hand on.

    @ivar now: Stamps each new request.
    @ivar watchers: Told of each connection that is gone.
    @ivar alive: Told of each keep-alive, by transport and source; says whether
        anybody is registered from there.
    @param answers: Whether a source gets an answer to what cannot be read.
    @ivar tap: Who sees the messages; None for nobody.
    """

    _log = Logger()

    def __init__(
        self,
        layer: TransactionLayer,
        answers: Callable[[Address], bool],
        now: Now,
        metrics: Metrics,
    ) -> None:
        self._layer = layer
        self._answers = answers
        self.now = now
        self.watchers: list[Callable[[Channel], None]] = []
        self.tap: Tap | None = None
        self.alive: Callable[[str, Address], bool] = _nobody
        self.received = metrics.counter(
            "sip_received_messages_total", "SIP messages received"
        )
        self._malformed = metrics.counter(
            "sip_malformed_messages_total", "Messages that could not be read"
        )
        self._answered = metrics.counter(
            "sip_malformed_answered_total", "Malformed requests that got an answer"
        )
        self._skipped = metrics.counter(
            "sip_skipped_datagrams_total",
            "Datagrams of unknown sources thrown away in a flood",
        )
        self.failed_sends = metrics.counter(
            "sip_failed_sends_total", "Messages the network refused to take"
        )

    def datagram(self, data: bytes, channel: Channel, address: Address) -> None:
        """Take one datagram."""
        if self.tap is not None:
            self.tap.received(data, channel, address)
        try:
            message = parse(data)
        except ParseError as error:
            self.received.value += 1
            self.malformed(error, None, channel, address, len(data))
            return
        self.message(message, channel, address)

    def skips(self, address: Address) -> bool:
        """Whether nobody is known at a source that wants our time in a flood."""
        unknown = not self._layer.knows(address)
        self._skipped.value += unknown
        return unknown

    def streamed(
        self, message: Request | Response, channel: Channel, address: Address
    ) -> None:
        """Take one message that was cut out of a stream."""
        if self.tap is not None:
            self.tap.received(message.data(), channel, address)
        self.message(message, channel, address)

    def stun(self, data: bytes, channel: Channel, address: Address) -> None:
        """
        Take a datagram that is no SIP but may be STUN, and answer it if a
        device is registered from there (RFC 5626 section 4.4.2): nobody can
        have our answers sent to others.
        """
        try:
            request = stun.parse(data)
        except ParseError:
            self._malformed.value += 1
            return
        if self.alive(channel.name, address):
            channel.send(stun.answer(request, address), address)

    def pinged(self, channel: Channel, address: Address) -> None:
        """A double CRLF came on a connection: it is answered (section 4.4.1)."""
        channel.send(b"\r\n", address)
        self.alive(channel.name, address)

    def message(
        self, message: Request | Response, channel: Channel, address: Address
    ) -> None:
        """Take one message that could be read. Never raises."""
        self.received.value += 1
        try:
            self._layer.receive(message, channel, address, self.now)
        except ParseError as error:
            self.malformed(error, message, channel, address, message.size)
        except Exception:
            self._log.failure("a message of {host} was not served", host=address[0])

    def malformed(
        self,
        error: ParseError,
        message: Request | Response | None,
        channel: Channel,
        address: Address,
        size: int = 0,
    ) -> None:
        """
        Count what cannot be read, and answer it if it is a request.

        @param message: What could be read of it, if not the error says so.
        @param size: Bytes of a datagram.
        """
        self._malformed.value += 1
        request = getattr(error, "request", None) or message
        if not isinstance(request, Request) or not self._answers(address):
            return
        status, text = error.status, str(error)
        if answer_statelessly(request, size, status, text, channel, address):
            self._answered.value += 1

    def lost(self, channel: Channel) -> None:
        """What was sent on a connection gets no response."""
        self._layer.channel_lost(channel)

    def closed(self, channel: Channel) -> None:
        """A connection is gone."""
        for watcher in self.watchers:
            watcher(channel)


def _nobody(transport: str, address: Address) -> bool:
    """Nobody registers here."""
    return False
