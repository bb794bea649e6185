"""
A customer's gateway that places one call after the other.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from vos3000.demo.ladder import Ladder
from vos3000.demo.wire import Address, Wire
from vos3000.sip.message import Request, Response, build, respond

T1 = 0.5
"""Seconds to the first repetition of a request (RFC 3261 17.1.1.2)."""

TIMEOUT = 32.0
"""Seconds after which a call without a final answer is given up (64 * T1)."""


@attrs.define(slots=True)
class _Call:
    """
    The caller's side of one dialog.

    @ivar done: Fires with the final status, 408 where none came.
    @ivar peer: To, with the tag of who answered.
    @ivar target: Where requests inside the dialog go (Contact).
    """

    call_id: str
    callee: str
    caller: str
    branch: str
    tag: str
    talk: float
    done: Deferred[int]
    peer: str
    target: str
    status: int = 0
    repeat: IDelayedCall | None = None


class Caller:
    """
    A user agent client on one UDP socket.

    @param switch: Where the switch listens.
    @param token: Makes words that never come twice, for branches and tags.
    """

    def __init__(
        self,
        name: str,
        switch: Address,
        ladder: Ladder,
        clock: IReactorTime,
        token: Callable[[], str],
    ) -> None:
        self.wire = Wire(name, ladder, self._received)
        self._switch = switch
        self._clock = clock
        self._token = token
        self._call: _Call | None = None

    @property
    def call_id(self) -> str:
        """The Call-ID of the call placed last; empty before the first."""
        return self._call.call_id if self._call is not None else ""

    def place(self, caller: str, callee: str, talk: float) -> Deferred[int]:
        """
        Call a number and hang up some seconds after the answer.

        @param talk: Seconds between ACK and BYE.
        @return: Fires with the final SIP status when all is over; 408 if the
            switch did not answer within 32 s.
        """
        done: Deferred[int] = Deferred()
        host, port = self._switch
        target = f"sip:{callee}@{host}:{port}"
        call = self._call = _Call(
            call_id=f"{self._token()}@demo",
            callee=callee,
            caller=caller,
            branch=self._branch(),
            tag=self._token(),
            talk=talk,
            done=done,
            peer=f"<{target}>",
            target=target,
        )
        body = self.wire.media("8 0 18")
        self._keep_sending(call, self._request(call, "INVITE", 1, call.branch, body))
        return done.addTimeout(TIMEOUT, self._clock, self._timed_out)

    def _timed_out(self, result: object, timeout: float) -> int:
        self._stop_sending()
        return 408

    def _branch(self) -> str:
        return f"z9hG4bK{self._token()}"

    def _request(
        self, call: _Call, method: str, cseq: int, branch: str, body: bytes = b""
    ) -> bytes:
        host, port = self.wire.address
        me = f"sip:{call.caller}@{host}:{port}"
        headers = [
            ("Via", f"SIP/2.0/UDP {host}:{port};branch={branch};rport"),
            ("Max-Forwards", "70"),
            ("From", f"<{me}>;tag={call.tag}"),
            ("To", call.peer),
            ("Call-ID", call.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", f"<{me}>"),
            ("User-Agent", f"vos3000 demo {self.wire.name}"),
        ]
        start = f"{method} {call.target} SIP/2.0"
        return build(start, headers, body, "application/sdp" if body else None)

    def _keep_sending(self, call: _Call, data: bytes, wait: float = T1) -> None:
        self.wire.send(data, self._switch)
        call.repeat = self._clock.callLater(
            wait, self._keep_sending, call, data, wait * 2
        )

    def _stop_sending(self) -> None:
        call = self._call
        if call is not None and call.repeat is not None and call.repeat.active():
            call.repeat.cancel()

    def _received(self, message: Request | Response, address: Address) -> None:
        if isinstance(message, Request):
            self._requested(message, address)
            return
        call = self._call
        if call is None or message.call_id != call.call_id:
            return
        self._stop_sending()
        if message.status < 200:
            return
        if message.cseq_method == "BYE":
            self._finish(call)
        elif message.status < 300:
            self._answered(call, message)
        else:
            self._refused(call, message)

    def _answered(self, call: _Call, response: Response) -> None:
        again = bool(call.status)
        call.status = response.status
        call.peer = response.get("to") or call.peer
        if response.contact is not None:
            call.target = str(response.contact.uri)
        self.wire.send(self._request(call, "ACK", 1, self._branch()), self._switch)
        if not again:
            self._clock.callLater(call.talk, self._hang_up, call)

    def _refused(self, call: _Call, response: Response) -> None:
        call.status = response.status
        call.peer = response.get("to") or call.peer
        self.wire.send(self._request(call, "ACK", 1, call.branch), self._switch)
        self._finish(call)

    def _hang_up(self, call: _Call) -> None:
        if not call.done.called:
            self._keep_sending(call, self._request(call, "BYE", 2, self._branch()))

    def _finish(self, call: _Call) -> None:
        if not call.done.called:
            call.done.callback(call.status)

    def _requested(self, request: Request, address: Address) -> None:
        """Agree to everything; a BYE ends the call."""
        if request.method == "ACK":
            return
        self.wire.send(respond(request, 200), address)
        call = self._call
        if request.method == "BYE" and call and request.call_id == call.call_id:
            self._stop_sending()
            self._finish(call)
