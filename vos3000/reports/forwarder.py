"""
Sending each record to SERVER_CDR_REAL_TIME_REPORT_SERVER.

A record is a datagram, which the receiver answers with a datagram that holds the
record's C{flowno}. One record is under way at a time and sent again until it is
answered: the receiver gets them in order, whatever the network loses. It may get
one twice, because an answer can be lost as well, and takes it by its number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import DatagramProtocol

from vos3000.config import Endpoint
from vos3000.model.cdr import Cdr
from vos3000.reports.fileoutput import InThread
from vos3000.reports.forms import datagram
from vos3000.reports.place import Place, PlaceFile

DELAYS = (0.5, 1.0, 2.0, 2.0, 2.0, 2.0)
"""Seconds that each sending of a record has until the next; then there is an alarm,
and it begins again."""

KEEPING = 1.0
"""Seconds after which how far we are is kept."""

_AROUND = b" \t\r\n\x00\"'"
"""What may stand around the number in an answer."""


class Wire(DatagramProtocol):
    """
    The socket that talks with one receiver.

    @param heard: Told what comes from it.
    """

    noisy = False

    def __init__(self, target: Endpoint, heard: Callable[[bytes], None]) -> None:
        self.target = target
        self._heard = heard

    def startProtocol(self) -> None:  # noqa: N802
        """From now on the system lets through only what the receiver sends."""
        transport: Any = self.transport
        transport.connect(self.target.host, self.target.port)

    def datagramReceived(self, datagram: bytes, addr: object) -> None:  # noqa: N802
        """An answer."""
        self._heard(datagram)

    def connectionRefused(self) -> None:  # noqa: N802
        """Nobody is there: that is silence, and told as that."""

    def send(self, data: bytes) -> None:
        """Send a datagram."""
        transport: Any = self.transport
        transport.write(data)

    def close(self) -> None:
        """Close the socket."""
        transport: Any = self.transport
        transport.stopListening()


@attrs.define(slots=True, eq=False)
class _Waiting:
    """The record that is under way."""

    flowno: int
    answer: Deferred[bool]
    timer: IDelayedCall


class Forwarder:
    """
    The way to the receiver.

    @param target: Where it is, as the parameters say now; None for nowhere.
    @param listen: Opens a socket for a protocol.
    """

    name = "realtime"
    patience = 0.0

    def __init__(
        self,
        kept: PlaceFile,
        target: Callable[[], Endpoint | None],
        listen: Callable[[Wire], object],
        clock: IReactorTime,
        in_thread: InThread,
    ) -> None:
        self._kept = kept
        self._target = target
        self._listen = listen
        self._clock = clock
        self._in_thread = in_thread
        self._wire: Wire | None = None
        self._waiting: _Waiting | None = None
        self._opened = False
        self._saved = -1
        self._saved_at = 0.0
        self.reached = 0

    @property
    def needed(self) -> int:
        """Records above this number may have to be read again."""
        return max(0, self._saved)

    def wanted(self) -> bool:
        """Whether there is a receiver."""
        return self._target() is not None

    def tuned(self) -> None:
        """The parameters may have changed: begin again at another receiver."""
        if self._wire is not None and self._wire.target != self._target():
            self._hang_up()

    async def open(self, newest: int) -> None:
        """Go on behind the last record that was answered."""
        place = await self._in_thread(self._kept.load)
        reached = newest if place is None else min(place.reached, newest)
        await self._save(reached)
        self.reached = reached
        self._opened = True

    async def take(self, records: list[Cdr]) -> None:
        """
        Send records until each is answered.

        @raise OSError: If one is not.
        """
        for cdr in records:
            target = self._target()
            if target is None or not await self._deliver(cdr, target):
                return
            self.reached = cdr.flowno
            if self._clock.seconds() - self._saved_at >= KEEPING:
                await self._save(self.reached)

    async def rest(self, complete: bool) -> None:
        """Keep how far we are."""
        await self._save(self.reached)

    async def give_up(self) -> None:
        """There is no receiver any more."""
        self._hang_up()
        self._opened = False
        self._saved = -1
        await self._in_thread(self._kept.forget)

    async def close(self) -> None:
        """Keep how far we are, and close the socket."""
        self._hang_up()
        if self._opened:
            await self._save(self.reached)

    async def _save(self, reached: int) -> None:
        self._saved_at = self._clock.seconds()
        if reached != self._saved:
            await self._in_thread(lambda: self._kept.save(Place(reached, reached)))
            self._saved = reached

    # One record

    async def _deliver(self, cdr: Cdr, target: Endpoint) -> bool:
        """Whether it was answered; False if the receiver is another one now."""
        data = datagram(cdr)
        for delay in DELAYS:
            if await self._ask(data, cdr.flowno, delay, target):
                return True
            if self._target() != target:
                return False
        raise TimeoutError(f"{target} does not answer record {cdr.flowno}")

    def _ask(
        self, data: bytes, flowno: int, delay: float, target: Endpoint
    ) -> Deferred[bool]:
        """Send once; whether an answer came in time."""
        wire = self._wire
        if wire is None:
            wire = Wire(target, self._heard)
            self._listen(wire)
            self._wire = wire
        wire.send(data)
        timer = self._clock.callLater(delay, self._answered, False)
        answer: Deferred[bool] = Deferred(lambda _: self._forget())
        self._waiting = _Waiting(flowno, answer, timer)
        return answer

    def _heard(self, data: bytes) -> None:
        waiting = self._waiting
        if waiting is not None and data.strip(_AROUND) == b"%d" % waiting.flowno:
            self._answered(True)

    def _forget(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and waiting.timer.active():
            waiting.timer.cancel()

    def _answered(self, result: bool) -> None:
        waiting = self._waiting
        if waiting is not None:
            self._forget()
            waiting.answer.callback(result)

    def _hang_up(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        self._answered(False)
