"""
The transaction layer (RFC 3261 section 17, with RFC 6026's corrections).

Four machines, each a table with a row for every arrow of its figure. A pair of
state and input that is not in a table is ignored: it is a message that came
late, or a timer that a message overtook.

What is left of a transaction once it has done its work is not an object but a
few bytes: the response that answers a retransmitted request, the ACK that
answers a retransmitted 2xx. They stand in dicts of two generations that are
swapped every 32 s (64*T1), so that no finished transaction costs a timer.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol

from vos3000.metrics import Counter
from vos3000.sip.hopwise import ack_of
from vos3000.sip.message import Request, Response
from vos3000.timers import Timer, TimerWheel

Address = tuple[str, int]

ANYWHERE: Address = ("", 0)
"""An address of ours where any will do; either half may be left open."""

SECURE = frozenset(("TLS", "WSS"))
"""Transports that nobody on the way can read (26.2)."""

_PORTS = {"TLS": 5061, "WS": 80, "WSS": 443}


def default_port(transport: str) -> int:
    """
    Where a peer listens that names no port (18.2.2, 19.1.2; RFC 7118 5.3).

    @param transport: As it stands in Via.
    """
    return _PORTS.get(transport, 5060)


class Channel(Protocol):
    """
    A way to send bytes: a datagram socket, or one connection.

    @ivar name: The transport as it stands in Via.
    @ivar reliable: Whether it is a connection.
    """

    name: str
    reliable: bool

    @property
    def closed(self) -> bool:
        """Whether it was a connection and is gone."""

    def send(self, data: bytes, address: Address) -> None:
        """Send, or lose silently: retransmission is the transaction's work."""

    def live(self, address: Address) -> Channel:
        """
        The channel for a new request: this one, or what takes its place if
        it was a connection and is closed. Asked of reliable channels only.
        """

    def local(self, address: Address) -> Address:
        """Our own host and port as the peer at C{address} can reach them."""

    def waited(self) -> float:
        """Seconds that the message read last had waited to be read."""

    def welcome(self, idle: float = 0.0) -> None:
        """
        Its peer proved who it is: if it is a connection, no limit of strangers
        holds for it any more.

        @param idle: Seconds without a message that it is to be kept open for.
        """


class ServerUser(Protocol):
    """Who answers an INVITE, as its server transaction sees it."""

    def canceled(self, cancel: Request) -> None:
        """A CANCEL matched while no final response was sent."""

    def unacknowledged(self) -> None:
        """A 2xx was sent over and over and no ACK came (13.3.1.4)."""


class ClientUser(Protocol):
    """Who sent a request, as its client transaction sees it."""

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """A response other than a retransmission came."""

    def timed_out(self, transaction: ClientTransaction) -> None:
        """No response came in time, or the channel failed."""


class Layer(Protocol):
    """What the machines need of the transaction layer."""

    timers: TimerWheel
    retransmitted: Counter

    def resend(self) -> tuple[float, ...]:
        """The waits between retransmissions (SS_SIP_RESEND_INTERVAL), s."""

    def retire(self, transaction: ServerTransaction, data: bytes) -> None:
        """Keep only C{data} of it, for its retransmissions; empty absorbs them."""

    def forget(self, transaction: ClientTransaction) -> None:
        """Its responses are no longer awaited."""

    def acknowledged(
        self,
        transaction: ClientTransaction,
        data: bytes,
        to_tag: str | None,
        channel: Channel,
        address: Address,
    ) -> None:
        """
        Keep only the ACK of it, for retransmissions of the response.

        @param to_tag: The tag of the 2xx; None where the call was refused.
        """


class State(IntEnum):
    """The states of figures 5 to 8 and of RFC 6026."""

    CALLING = 1
    TRYING = 2
    PROCEEDING = 3
    ACCEPTED = 4
    COMPLETED = 5
    CONFIRMED = 6
    TERMINATED = 7


class Input(IntEnum):
    """What happens to a transaction."""

    REQUEST = 1
    ACK = 2
    PROVISIONAL = 3
    SUCCESS = 4
    FAILURE = 5
    RESEND = 6
    EXPIRE = 7


LONGEST_ANSWER = 800
"""Bytes of an answer to a stranger that is sent again."""


def _kind(status: int) -> Input:
    if status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if status < 300 else Input.FAILURE


_Rows = dict[tuple[State, Input], tuple[Callable[[Any, Any], None], State]]


class _Resending:
    """
    The one timer of a transaction: it sends again after each wait of the
    schedule (SS_SIP_RESEND_INTERVAL) and expires after the last.
    """

    __slots__ = ("_layer", "_timer", "_tries", "state")

    FIRST = State.TRYING
    _table: _Rows

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._timer: Timer | None = None
        self._tries = 0
        self.state = self.FIRST

    def receive(self, given: Input, message: Any = None) -> None:
        """Take one input; a pair that is not in the table is ignored."""
        row = self._table.get((self.state, given))
        if row is not None:
            action, self.state = row
            action(self, message)

    def _start(self) -> None:
        self._timer = self._layer.timers.later(self._layer.resend()[0], _tick, self)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ticked(self) -> None:
        schedule = self._layer.resend()
        self._timer = None
        self._tries += 1
        if self._tries > len(schedule):
            self.receive(Input.EXPIRE)
            return
        wait = schedule[min(self._tries, len(schedule) - 1)]
        self._timer = self._layer.timers.later(wait, _tick, self)
        self.receive(Input.RESEND)


def _tick(transaction: _Resending) -> None:
    transaction._ticked()


class ServerTransaction(_Resending):
    """
    A request that came, until it is answered.

    @ivar key: Its place in the layer.
    @ivar request: The request.
    @ivar address: Where it came from.
    @ivar reply: Where responses go (18.2.2).
    @ivar arrived: What the transport stamped the request with.
    @ivar user: Who answers it; set by the core for an INVITE.
    """

    __slots__ = (
        "_last",
        "address",
        "arrived",
        "channel",
        "key",
        "merge_key",
        "reply",
        "request",
        "user",
    )

    def __init__(
        self,
        layer: Layer,
        key: str,
        request: Request,
        channel: Channel,
        address: Address,
        reply: Address,
        arrived: Any,
    ) -> None:
        _Resending.__init__(self, layer)
        self.key = key
        self.request = request
        self.channel = channel
        self.address = address
        self.reply = reply
        self.arrived = arrived
        self.user: ServerUser | None = None
        self.merge_key = ""
        self._last = b""

    @property
    def answered(self) -> bool:
        """Whether a final response was sent."""
        return self.state > State.PROCEEDING

    def send(self, status: int, data: bytes) -> None:
        """
        Send a response.

        @param status: Its status code.
        @param data: The response as it goes out.
        """
        self.receive(_kind(status), data)

    def _send(self, data: bytes) -> None:
        self._last = data
        self.channel.send(data, self.reply)

    def _again(self, _: object) -> None:
        if self._last:
            self.channel.send(self._last, self.reply)

    def _absorb(self, _: object) -> None:
        """Nothing to do: the message only had to be recognized."""


class InviteServerTransaction(ServerTransaction):
    """
    An INVITE that came (17.2.1, figure 7; RFC 6026 7.1).

    The 2xx is sent again here until its ACK comes, which the RFC leaves to the
    core: the schedule is the same and the transaction has the timer.
    """

    __slots__ = ()
    FIRST = State.PROCEEDING

    def send_once(self, data: bytes) -> None:
        """
        Refuse a stranger: send a final response and keep no transaction, so
        that a flood holds bounded memory. Nor is a long answer kept: a short
        retransmission would cause many times its size.
        """
        if self._last:
            self.receive(Input.FAILURE, data)
        elif self.state is State.PROCEEDING:
            self.state = State.COMPLETED
            self.channel.send(data, self.reply)
            self._layer.retire(self, data if len(data) <= LONGEST_ANSWER else b"")

    def _finish(self, data: bytes) -> None:
        self._send(data)
        self._start()

    def _resend(self, _: object) -> None:
        if self.state is State.ACCEPTED or not self.channel.reliable:
            self.channel.send(self._last, self.reply)

    def _acked(self, _: object) -> None:
        self._stop()
        self._layer.retire(self, b"")

    def _unacknowledged(self, _: object) -> None:
        self._layer.retire(self, b"")
        if self.user is not None:
            self.user.unacknowledged()

    def _expired(self, _: object) -> None:
        self._layer.retire(self, b"")


class RequestServerTransaction(ServerTransaction):
    """A request other than INVITE that came (17.2.2, figure 8)."""

    __slots__ = ()

    def _complete(self, data: bytes) -> None:
        self._send(data)
        self._layer.retire(self, data)


class ClientTransaction(_Resending):
    """
    A request that was sent, until its final response.

    @ivar key: Its place in the layer: branch and method.
    @ivar data: The request as it went out.
    @ivar user: Who sent it.
    """

    __slots__ = ("address", "channel", "data", "key", "user")

    def __init__(
        self,
        layer: Layer,
        key: str,
        data: bytes,
        channel: Channel,
        address: Address,
        user: ClientUser,
    ) -> None:
        _Resending.__init__(self, layer)
        self.key = key
        self.data = data
        self.channel = channel
        self.address = address
        self.user: ClientUser | None = user

    def start(self) -> None:
        """Send the request."""
        self.channel.send(self.data, self.address)
        self._start()

    def failed(self) -> None:
        """The channel cannot carry the request (8.1.3.1, 17.1.4)."""
        self.receive(Input.EXPIRE)

    def _deliver(self, response: Response) -> None:
        if self.user is not None:
            self.user.responded(self, response)

    def _resend(self, _: object) -> None:
        if not self.channel.reliable:
            self._layer.retransmitted.value += 1
            self.channel.send(self.data, self.address)

    def _expired(self, _: object) -> None:
        self._stop()
        self._layer.forget(self)
        user, self.user = self.user, None
        if user is not None:
            user.timed_out(self)


class InviteClientTransaction(ClientTransaction):
    """
    An INVITE that was sent (17.1.1, figure 5; RFC 6026 7.2).

    Its user builds the ACK of a 2xx and hands it to L{acknowledge}; the ACK of
    another final response is built here by the layer.
    """

    __slots__ = ()
    FIRST = State.CALLING

    def acknowledge(
        self, data: bytes, to_tag: str, channel: Channel, address: Address
    ) -> None:
        """
        Send the ACK of the 2xx, and again whenever that 2xx comes again.

        @param data: The ACK as it goes out.
        @param to_tag: The tag of the 2xx: one with another tag is a fork's.
        """
        channel.send(data, address)
        self._layer.acknowledged(self, data, to_tag, channel, address)

    def _answered(self, response: Response) -> None:
        self._stop()
        self._deliver(response)

    def _refused(self, response: Response) -> None:
        self._stop()
        ack = ack_of(self.data, response)
        self.channel.send(ack, self.address)
        self._layer.acknowledged(self, ack, None, self.channel, self.address)
        self._deliver(response)

    def _unanswered(self, _: object) -> None:
        # A callee that answers later still is told that nobody is there.
        self._layer.acknowledged(self, b"", None, self.channel, self.address)
        self._expired(None)


class RequestClientTransaction(ClientTransaction):
    """A request other than INVITE that was sent (17.1.2, figure 6)."""

    __slots__ = ()

    def _complete(self, response: Response) -> None:
        self._stop()
        self._layer.forget(self)
        self._deliver(response)


_Invited = InviteServerTransaction
InviteServerTransaction._table = {
    # RFC 3261 17.2.1, figure 7
    (State.PROCEEDING, Input.REQUEST): (_Invited._again, State.PROCEEDING),
    (State.PROCEEDING, Input.PROVISIONAL): (_Invited._send, State.PROCEEDING),
    (State.PROCEEDING, Input.FAILURE): (_Invited._finish, State.COMPLETED),
    (State.COMPLETED, Input.REQUEST): (_Invited._again, State.COMPLETED),
    (State.COMPLETED, Input.RESEND): (_Invited._resend, State.COMPLETED),
    (State.COMPLETED, Input.ACK): (_Invited._acked, State.CONFIRMED),
    (State.COMPLETED, Input.EXPIRE): (_Invited._expired, State.TERMINATED),
    # RFC 6026 7.1: a retransmitted INVITE is absorbed after a 2xx
    (State.PROCEEDING, Input.SUCCESS): (_Invited._finish, State.ACCEPTED),
    (State.ACCEPTED, Input.REQUEST): (_Invited._absorb, State.ACCEPTED),
    # RFC 3261 13.3.1.4: the 2xx is sent again until the ACK comes
    (State.ACCEPTED, Input.RESEND): (_Invited._resend, State.ACCEPTED),
    (State.ACCEPTED, Input.ACK): (_Invited._acked, State.TERMINATED),
    (State.ACCEPTED, Input.EXPIRE): (_Invited._unacknowledged, State.TERMINATED),
}

_Requested = RequestServerTransaction
RequestServerTransaction._table = {
    # RFC 3261 17.2.2, figure 8
    (State.TRYING, Input.REQUEST): (_Requested._absorb, State.TRYING),
    (State.TRYING, Input.PROVISIONAL): (_Requested._send, State.PROCEEDING),
    (State.TRYING, Input.SUCCESS): (_Requested._complete, State.COMPLETED),
    (State.TRYING, Input.FAILURE): (_Requested._complete, State.COMPLETED),
    (State.PROCEEDING, Input.REQUEST): (_Requested._again, State.PROCEEDING),
    (State.PROCEEDING, Input.PROVISIONAL): (_Requested._send, State.PROCEEDING),
    (State.PROCEEDING, Input.SUCCESS): (_Requested._complete, State.COMPLETED),
    (State.PROCEEDING, Input.FAILURE): (_Requested._complete, State.COMPLETED),
}

_Inviting = InviteClientTransaction
InviteClientTransaction._table = {
    # RFC 3261 17.1.1, figure 5
    (State.CALLING, Input.RESEND): (_Inviting._resend, State.CALLING),
    (State.CALLING, Input.EXPIRE): (_Inviting._unanswered, State.TERMINATED),
    (State.CALLING, Input.PROVISIONAL): (_Inviting._answered, State.PROCEEDING),
    (State.CALLING, Input.FAILURE): (_Inviting._refused, State.COMPLETED),
    (State.PROCEEDING, Input.PROVISIONAL): (_Inviting._deliver, State.PROCEEDING),
    (State.PROCEEDING, Input.FAILURE): (_Inviting._refused, State.COMPLETED),
    # its user gave up, or the connection is gone
    (State.PROCEEDING, Input.EXPIRE): (_Inviting._unanswered, State.TERMINATED),
    # RFC 6026 7.2: after a 2xx the transaction lives on for its ACK
    (State.CALLING, Input.SUCCESS): (_Inviting._answered, State.ACCEPTED),
    (State.PROCEEDING, Input.SUCCESS): (_Inviting._answered, State.ACCEPTED),
}

_Requesting = RequestClientTransaction
RequestClientTransaction._table = {
    # RFC 3261 17.1.2, figure 6
    (State.TRYING, Input.RESEND): (_Requesting._resend, State.TRYING),
    (State.TRYING, Input.EXPIRE): (_Requesting._expired, State.TERMINATED),
    (State.TRYING, Input.PROVISIONAL): (_Requesting._deliver, State.PROCEEDING),
    (State.TRYING, Input.SUCCESS): (_Requesting._complete, State.COMPLETED),
    (State.TRYING, Input.FAILURE): (_Requesting._complete, State.COMPLETED),
    (State.PROCEEDING, Input.RESEND): (_Requesting._resend, State.PROCEEDING),
    (State.PROCEEDING, Input.EXPIRE): (_Requesting._expired, State.TERMINATED),
    (State.PROCEEDING, Input.PROVISIONAL): (_Requesting._deliver, State.PROCEEDING),
    (State.PROCEEDING, Input.SUCCESS): (_Requesting._complete, State.COMPLETED),
    (State.PROCEEDING, Input.FAILURE): (_Requesting._complete, State.COMPLETED),
}
