"""
The transaction layer: finds the transaction of each message, or makes one.

What is left of a transaction once it has done its work is not an object but a
few bytes: the response that answers a retransmitted request, the ACK that
answers a retransmitted 2xx. They stand in dicts of two generations that are
swapped every 32 s (64*T1), so that no finished transaction costs a timer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar
from zlib import crc32

from vos3000.errors import ParseError
from vos3000.metrics import Metrics
from vos3000.sip.matching import reply_address, server_key
from vos3000.sip.message import Request, Response, respond
from vos3000.sip.modest import modest
from vos3000.sip.transaction import (
    Address,
    Channel,
    ClientTransaction,
    ClientUser,
    Input,
    InviteClientTransaction,
    InviteServerTransaction,
    RequestClientTransaction,
    RequestServerTransaction,
    ServerTransaction,
    State,
)
from vos3000.timers import TimerWheel

PERIOD = 16.0
"""Seconds of a generation of finished transactions: each is remembered for two
of them at least (64*T1)."""

MOST_SERVER_TRANSACTIONS = 100_000
"""Requests under way at most: here a flood ends."""

LONGEST_KEPT = 2048
"""Bytes of an answer that is sent again. A forged retransmission must not cause
many times its size, nor a table of answers hold gigabytes."""

MOST_REMEMBERED = 65_536
"""Finished transactions per generation; a flood makes the older go sooner."""

MOST_KEPT = 32 * 1024 * 1024
"""Bytes of the answers of one generation, and of what they are found by. Answers to
strangers are as long as those like to have them."""

AT_THE_DOOR = frozenset(("INVITE", "REGISTER", "SUBSCRIBE", "MESSAGE", "PUBLISH"))
"""Methods that ask for new work. What goes on with what there is, or ends it, is
never turned away, nor is OPTIONS, by which peers see whether we live."""

V = TypeVar("V")

Kept = tuple[str | None, bytes, Channel, Address]
"""Tag of the response, its ACK, and where that goes."""


class Core(Protocol):
    """What stands above the transactions."""

    def request(self, transaction: ServerTransaction) -> None:
        """A new request other than ACK came."""

    def knows(self, address: Address) -> bool:
        """Whether a source belongs to anybody."""

    def ack(self, request: Request) -> None:
        """An ACK that belongs to no transaction came: it answers a 2xx."""

    def stray(self, response: Response, channel: Channel, address: Address) -> bytes:
        """
        A 2xx came that no transaction waits for: another fork answered.

        @return: The ACK that was sent; empty if there was none.
        """


class Door(Protocol):
    """Who may turn new work away before anything is made of it."""

    def delay(self, waited: float, call: bool, host: str, port: int) -> int:
        """
        Seconds after which a new request may be sent again; 0 lets it in, and
        less drops it.

        @param waited: Seconds since it arrived.
        @param call: Whether it is an INVITE.
        @param host: Where it came from, and C{port}.
        """


class Generations(Generic[V]):
    """A dict that forgets what is older than two to three periods."""

    __slots__ = ("_middle", "_new", "_old")

    def __init__(self) -> None:
        self._new: dict[str, V] = {}
        self._middle: dict[str, V] = {}
        self._old: dict[str, V] = {}

    def __len__(self) -> int:
        return len(self._new) + len(self._middle) + len(self._old)

    def __setitem__(self, key: str, value: V) -> None:
        if len(self._new) >= MOST_REMEMBERED:
            self.turn()
        self._new[key] = value

    def get(self, key: str) -> V | None:
        """The value, if it is not forgotten yet."""
        value = self._new.get(key)
        if value is None:
            value = self._middle.get(key)
            if value is None:
                value = self._old.get(key)
        return value

    def turn(self) -> None:
        """Forget the oldest generation."""
        self._old = self._middle
        self._middle = self._new
        self._new = {}


class TransactionLayer:
    """
    All transactions of one switch.

    @param timers: The wheel for retransmissions.
    @param resend: Gives the waits between retransmissions
        (SS_SIP_RESEND_INTERVAL), in seconds.
    @param core: Takes what the transactions do not.
    @ivar most: Requests under way, beyond which further ones are dropped.
    @ivar door: Asked about each new request of L{AT_THE_DOOR}.
    """

    def __init__(
        self,
        timers: TimerWheel,
        resend: Callable[[], tuple[float, ...]],
        core: Core,
        metrics: Metrics,
    ) -> None:
        self.timers = timers
        self.resend = resend
        self.most = MOST_SERVER_TRANSACTIONS
        self.door: Door | None = None
        self._core = core
        self._server: dict[str, ServerTransaction] = {}
        self._client: dict[str, ClientTransaction] = {}
        self._merging: dict[str, InviteServerTransaction] = {}
        self._answers: Generations[bytes] = Generations()
        self._kept = 0
        self._replies: Generations[Address] = Generations()
        self._acks: Generations[Kept] = Generations()
        self.retransmitted = metrics.counter(
            "sip_retransmitted_requests_total",
            "Requests sent again for want of a reply",
        )
        self._absorbed = metrics.counter(
            "sip_absorbed_requests_total", "Retransmitted requests that were absorbed"
        )
        self._late = metrics.counter(
            "sip_unmatched_responses_total", "Responses that no transaction awaited"
        )
        self._dropped = metrics.counter(
            "sip_dropped_requests_total", "Requests dropped: too many under way"
        )
        self._measure(metrics)
        timers.later(PERIOD, self._turn)

    def _measure(self, metrics: Metrics) -> None:
        metrics.gauge(
            "sip_server_transactions",
            "Requests received and not yet finished",
            lambda: len(self._server),
        )
        metrics.gauge(
            "sip_client_transactions",
            "Requests sent and not yet finished",
            lambda: len(self._client),
        )
        metrics.gauge(
            "sip_lingering_transactions",
            "Finished transactions still remembered",
            lambda: len(self._answers) + len(self._acks),
        )

    def _turn(self, _: object) -> None:
        self._kept = 0
        self._answers.turn()
        self._replies.turn()
        self._acks.turn()
        self.timers.later(PERIOD, self._turn)

    def receive(
        self,
        message: Request | Response,
        channel: Channel,
        address: Address,
        now: Callable[[], Any],
    ) -> None:
        """
        Take a message from the transport.

        @param address: Where it came from.
        @param now: Tells when it came; a new request is stamped with it.
        @raise ParseError: If a header that tells its transaction is malformed.
        """
        if isinstance(message, Response):
            self._response(message, channel, address)
            return
        key = server_key(message, address[0])
        transaction = self._server.get(key)
        if transaction is not None:
            self._again(transaction, message)
            return
        last = self._answers.get(key)
        if last is not None:
            self._absorbed.value += 1
            if last and message.method != "ACK":
                self._repeat(key, last, message, channel, address)
        elif message.method == "ACK":
            self._core.ack(message)
        elif len(self._server) >= self.most:
            self._dropped.value += 1
        elif self.door is None or self._lets_in(key, message, channel, address):
            self._new(key, message, channel, address, now())

    def _repeat(
        self, key: str, last: bytes, request: Request, channel: Channel, source: Address
    ) -> None:
        """Answer again, unless a stranger's repetition is shorter than what it was."""
        if modest(request.size, last, channel) or self._core.knows(source):
            channel.send(last, self._replies.get(key) or source)

    def _lets_in(
        self, key: str, request: Request, channel: Channel, address: Address
    ) -> bool:
        """
        Whether a new request is taken. One that is not gets 503 with Retry-After
        and no transaction: only its answer is kept, for its retransmissions.
        """
        if request.method not in AT_THE_DOOR or request.to_tag or self.door is None:
            return True
        call = request.method == "INVITE"
        delay = self.door.delay(channel.waited(), call, *address)
        if delay == 0:
            return True
        data = b""
        if delay > 0:
            reply = reply_address(request, channel, address)
            data = _come_back(request, delay, address)
            if modest(request.size, data, channel) or self._core.knows(address):
                channel.send(data, reply)
        self._keep(key, data)
        return False

    def _keep(self, key: str, answer: bytes) -> None:
        """Keep what answers a retransmission; the older go sooner in a flood."""
        self._kept += len(key) + len(answer)
        if self._kept > MOST_KEPT:
            self._kept = len(key) + len(answer)
            self._answers.turn()
        self._answers[key] = answer

    def _again(self, transaction: ServerTransaction, request: Request) -> None:
        if request.method != "ACK":
            self._absorbed.value += 1
            transaction.receive(Input.REQUEST)
        elif transaction.state is State.ACCEPTED:
            self._core.ack(request)
        else:
            transaction.receive(Input.ACK)

    def _new(
        self,
        key: str,
        request: Request,
        channel: Channel,
        address: Address,
        arrived: Any,
    ) -> None:
        kind = _SERVERS.get(request.method, RequestServerTransaction)
        reply = reply_address(request, channel, address)
        transaction = kind(self, key, request, channel, address, reply, arrived)
        self._server[key] = transaction
        self._core.request(transaction)

    def merged(self, transaction: InviteServerTransaction) -> bool:
        """
        Whether this INVITE came already by another path (8.2.2.2); if not, it
        is remembered until it is finished.
        """
        request = transaction.request
        key = f"{request.call_id} {request.cseq} {request.from_tag}"
        if key in self._merging:
            return True
        self._merging[key] = transaction
        transaction.merge_key = key
        return False

    def invite_of(self, cancel: Request, host: str) -> InviteServerTransaction | None:
        """
        The INVITE that this CANCEL means (9.2), if it is still here.

        @param host: Where the CANCEL came from.
        """
        found = self._server.get(server_key(cancel, host, "INVITE"))
        return found if isinstance(found, InviteServerTransaction) else None

    def _response(self, response: Response, channel: Channel, address: Address) -> None:
        key = f"{response.branch} {response.cseq_method}"
        transaction = self._client.get(key)
        status = response.status
        if transaction is not None:
            if status < 200:
                transaction.receive(Input.PROVISIONAL, response)
            elif status < 300:
                transaction.receive(Input.SUCCESS, response)
            else:
                transaction.receive(Input.FAILURE, response)
            return
        kept = self._acks.get(key)
        if kept is None or status < 200:
            self._late.value += 1
        else:
            self._repeated(key, kept, response, channel, address)

    def _repeated(
        self,
        key: str,
        kept: Kept,
        response: Response,
        channel: Channel,
        address: Address,
    ) -> None:
        """A final response to an INVITE that had one: acknowledge it (again)."""
        tag, ack, out, to = kept
        if response.status < 300:
            theirs = _tag(response)
            if theirs != tag:
                self._forked(f"{key} {theirs}", response, channel, address)
                return
        elif tag is not None:
            ack = b""
        if ack:
            out.send(ack, to)
        else:
            self._late.value += 1

    def _forked(
        self, key: str, response: Response, channel: Channel, address: Address
    ) -> None:
        """A 2xx of another fork; acknowledged once, and again if it comes again."""
        kept = self._acks.get(key)
        if kept is None:
            ack = self._core.stray(response, channel, address)
            self._acks[key] = (None, ack, channel, address)
        elif kept[1]:
            channel.send(kept[1], address)

    def invite(
        self,
        branch: str,
        data: bytes,
        channel: Channel,
        address: Address,
        user: ClientUser,
    ) -> InviteClientTransaction:
        """Send an INVITE. Its user hears nothing before this has returned."""
        if channel.reliable:
            channel = channel.live(address)
        key = f"{branch} INVITE"
        transaction = InviteClientTransaction(self, key, data, channel, address, user)
        self._client[key] = transaction
        transaction.start()
        return transaction

    def send(
        self,
        branch: str,
        method: str,
        data: bytes,
        channel: Channel,
        address: Address,
        user: ClientUser,
    ) -> RequestClientTransaction:
        """
        Send a request other than INVITE and ACK. Its user hears nothing
        before this has returned.
        """
        if channel.reliable:
            channel = channel.live(address)
        key = f"{branch} {method}"
        transaction = RequestClientTransaction(self, key, data, channel, address, user)
        self._client[key] = transaction
        transaction.start()
        return transaction

    def retire(self, transaction: ServerTransaction, data: bytes) -> None:
        """
        Keep only C{data} of it, for its retransmissions; empty absorbs them,
        and so does an answer that is too long to be kept.
        """
        if self._server.pop(transaction.key, None) is not None:
            kept = data if len(data) <= LONGEST_KEPT else b""
            self._keep(transaction.key, kept)
            reply = transaction.reply
            if reply != transaction.address and not transaction.channel.reliable:
                self._replies[transaction.key] = reply
        if transaction.merge_key:
            self._merging.pop(transaction.merge_key, None)

    def drop(self, transaction: ServerTransaction) -> None:
        """Forget a request as if it never came."""
        self._server.pop(transaction.key, None)
        self._merging.pop(transaction.merge_key, None)

    def forget(self, transaction: ClientTransaction) -> None:
        """Its responses are no longer awaited."""
        self._client.pop(transaction.key, None)

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
        self._client.pop(transaction.key, None)
        self._acks[transaction.key] = (to_tag, data, channel, address)

    def knows(self, address: Address) -> bool:
        """Whether a source belongs to anybody."""
        return self._core.knows(address)

    def busy(self) -> bool:
        """Whether any request still waits for its response, or for its ACK."""
        return bool(self._client or self._server)

    def channel_lost(self, channel: Channel) -> None:
        """A connection closed: what awaits a response on it will get none."""
        lost = [t for t in self._client.values() if t.channel is channel]
        for transaction in lost:
            transaction.failed()


_SERVERS: dict[str, type[ServerTransaction]] = {"INVITE": InviteServerTransaction}


def _come_back(request: Request, delay: int, source: Address) -> bytes:
    """
    A 503 that names a time (21.5.4). Like any answer without a transaction its
    tag is made of the request (8.2.7).
    """
    tag = f"{crc32(request.call_id.encode('utf-8', 'surrogateescape')):08x}"
    later = (("Retry-After", str(delay)),)
    return respond(request, 503, None, tag, later, received=source)


def _tag(response: Response) -> str:
    """The tag of To; empty if there is none or it cannot be read."""
    try:
        return response.to_tag or ""
    except ParseError:
        return ""
