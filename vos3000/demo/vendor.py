"""
A vendor's gateway that answers calls, or refuses all of them.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from vos3000.demo.ladder import Ladder
from vos3000.demo.wire import Address, Wire
from vos3000.sip.message import Request, Response, respond

T1 = 0.5
"""Seconds to the first repetition of an answer (RFC 3261 13.3.1.4)."""


@attrs.frozen(slots=True)
class Manner:
    """
    What a vendor does with a call.

    @ivar refusal: The SIP status that refuses every call; 0 answers them.
    @ivar ring: Seconds until it rings.
    @ivar answer: Seconds until it answers, counted from the INVITE.
    """

    refusal: int = 0
    ring: float = 0.05
    answer: float = 0.3


@attrs.frozen(slots=True)
class _Ringing:
    """
    An INVITE that was not acknowledged yet.

    @ivar timers: What is still to be sent.
    """

    request: Request
    tag: str
    timers: list[IDelayedCall]


class Vendor:
    """
    A user agent server on one UDP socket.

    @param token: Makes words that never come twice, for tags.
    """

    def __init__(
        self,
        name: str,
        manner: Manner,
        ladder: Ladder,
        clock: IReactorTime,
        token: Callable[[], str],
    ) -> None:
        self.wire = Wire(name, ladder, self._received)
        self._manner = manner
        self._clock = clock
        self._token = token
        self._calls: dict[str, _Ringing] = {}

    def _received(self, message: Request | Response, address: Address) -> None:
        if not isinstance(message, Request):
            return
        if message.method == "INVITE":
            self._invited(message, address)
        elif message.method == "ACK":
            self._forget(message.call_id)
        elif message.method == "CANCEL":
            self._cancelled(message, address)
        else:
            self.wire.send(respond(message, 200, to_tag=self._token()), address)

    def _forget(self, call_id: str) -> _Ringing | None:
        call = self._calls.pop(call_id, None)
        if call is not None:
            for timer in call.timers:
                if timer.active():
                    timer.cancel()
        return call

    def _cancelled(self, request: Request, address: Address) -> None:
        """RFC 3261 9.2: 200 for the CANCEL, 487 for the INVITE."""
        self.wire.send(respond(request, 200, to_tag=self._token()), address)
        call = self._forget(request.call_id)
        if call is not None:
            self.wire.send(respond(call.request, 487, to_tag=call.tag), address)

    def _invited(self, request: Request, address: Address) -> None:
        if request.call_id in self._calls:
            return
        tag, manner = self._token(), self._manner
        self.wire.send(respond(request, 100), address)
        if manner.refusal:
            refusal = respond(request, manner.refusal, to_tag=tag)
            self.wire.send(refusal, address)
            return
        headers = self._headers()
        ring = respond(request, 180, to_tag=tag, headers=headers)
        body = self.wire.media("8")
        answer = respond(
            request, 200, None, tag, headers, body, content_type="application/sdp"
        )
        call = _Ringing(request, tag, [])
        self._calls[request.call_id] = call
        self._later(call, manner.ring, self.wire.send, ring, address)
        self._later(call, manner.answer, self._answer, call, answer, address, T1)

    def _later(
        self, call: _Ringing, delay: float, what: Callable[..., None], *given: object
    ) -> None:
        call.timers.append(self._clock.callLater(delay, what, *given))

    def _headers(self) -> list[tuple[str, str]]:
        host, port = self.wire.address
        return [
            ("Contact", f"<sip:{host}:{port}>"),
            ("Server", f"vos3000 demo {self.wire.name}"),
        ]

    def _answer(
        self, call: _Ringing, answer: bytes, address: Address, wait: float
    ) -> None:
        """Answer, and again until the ACK comes (RFC 3261 13.3.1.4)."""
        self.wire.send(answer, address)
        if wait <= 64 * T1:
            self._later(call, wait, self._answer, call, answer, address, wait * 2)
