"""
The demonstration itself: starts a switch, makes a carrier, places calls.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.internet.utils import getProcessOutputAndValue
from twisted.web.server import Site

from vos3000.commands.context import Complaint, Setup, wait
from vos3000.commands.remote import Switch
from vos3000.config import Config
from vos3000.db.cdrs import CdrStore
from vos3000.demo import carrier
from vos3000.demo.caller import Caller
from vos3000.demo.carrier import CALLS, Placement
from vos3000.demo.child import LOG, Child, command
from vos3000.demo.consumer import Consumer
from vos3000.demo.ladder import Ladder
from vos3000.demo.show import Show
from vos3000.demo.vendor import Manner, Vendor
from vos3000.errors import VosError
from vos3000.model.cdr import Cdr

T = TypeVar("T")

_ANY = {"0.0.0.0": "127.0.0.1"}

_READ = 'vos3000_db_interaction_total{name="rate_all"}'

PATIENCE = 30.0
"""Seconds until a switch must serve."""

STEP = 0.1
"""Seconds between two looks at what is waited for."""


@attrs.define(slots=True)
class Play:
    """
    One demonstration.

    @ivar reactor: Runs it all.
    @ivar setup: Where the switch's configuration and state are.
    @ivar token: Makes words that never come twice.
    @ivar consumer: Hears the pushes.
    @ivar listens: Whether the pushes come to it.
    @ivar stopping: Whether the process has been told to end.
    """

    reactor: Any
    setup: Setup
    show: Show
    consumer: Consumer
    token: Callable[[], str]
    listens: bool
    child: Child = attrs.field(factory=Child)
    stopping: bool = False

    @property
    def _config(self) -> Config:
        return self.setup.config

    def listen(self, port: int) -> None:
        """Let the consumer listen at the port the switch was told."""
        self.reactor.listenTCP(port, Site(self.consumer), interface="127.0.0.1")

    async def run(self, temporary: bool) -> None:
        """
        Play it, and stay until the process is told to end.

        @param temporary: Whether the state goes away at the end.
        @raise Complaint: If the switch does not start, or goes away.
        """
        self.reactor.addSystemEventTrigger("before", "shutdown", self._stop)
        try:
            await self._play(temporary)
        except (VosError, Complaint):
            if not self.stopping:
                raise

    async def _play(self, temporary: bool) -> None:
        await self._start()
        self.show.say("the switch serves; now the demonstration carrier:")
        ladder = Ladder(self.reactor.seconds)
        caller = await self._carrier(ladder)
        for placement in CALLS:
            await self._place(placement, caller, ladder)
        self.show.serving(self._config, temporary)
        await self.child.ended
        raise Complaint(f"the switch has ended by itself; {self._last_words()}")

    def _stop(self) -> Deferred[None] | None:
        self.stopping = True
        if not self.child.running:
            return None
        self.show.say("")
        return self.child.stop(self.reactor).addCallback(
            lambda _: self.show.say("the switch has written its records; goodbye")
        )

    async def _start(self) -> None:
        config = self._config
        config.state.dir.mkdir(parents=True, exist_ok=True)
        log = config.state.dir.absolute() / LOG
        arguments = command(config.directory, config.state.dir, log)
        self.show.say("starting: twistd -n vos3000")
        self.child.start(self.reactor, arguments, dict(os.environ))
        for _ in range(round(PATIENCE / STEP)):
            await self._sleep(STEP)
            if not self.child.running:
                raise Complaint(f"the switch did not start; {self._last_words()}")
            try:
                await self._ask("GetPerformance", {})
                return
            except Complaint:
                continue
        raise Complaint(f"the switch does not answer; {self._last_words()}")

    def _last_words(self) -> str:
        """What the process said, and the end of its log."""
        log = self._config.state.dir / LOG
        tail = (
            log.read_text("utf-8", "replace").splitlines()[-15:] if log.exists() else []
        )
        said = self.child.output.decode("utf-8", "replace").strip().splitlines()[-15:]
        return "\n".join([f"this is what it said ({log}):", *tail, *said])

    async def _carrier(self, ladder: Ladder) -> Caller:
        """The user agents on their sockets, and the carrier they belong to."""
        await self._import_rates()
        vendors = [
            Vendor(name, manner, ladder, self.reactor, self.token)
            for name, manner in (
                (carrier.REFUSING, Manner(refusal=503)),
                (carrier.ANSWERING, Manner()),
            )
        ]
        for vendor in vendors:
            self.reactor.listenUDP(0, vendor.wire, interface="127.0.0.1")
        ports = [vendor.wire.address[1] for vendor in vendors]
        await self._thread(
            carrier.load, Switch(self._config, self.setup.connect).ask, *ports
        )
        self.show.carrier()
        listen = next(e for e in self._config.sip.udp if ":" not in e.host)
        switch = (_ANY.get(listen.host, listen.host), listen.port)
        caller = Caller("customer", switch, ladder, self.reactor, self.token)
        self.reactor.listenUDP(0, caller.wire, interface="127.0.0.1")
        return caller

    async def _import_rates(self) -> None:
        """
        C{vos3000 import-rates}, as an operator would; returns when the switch
        has read the rates it was told of.
        """
        before = await self._rates_read()
        path = self._config.state.dir / "demo-rates.csv"
        path.write_text(carrier.RATES, "ascii")
        config, state = self._config.directory, self._config.state.dir
        arguments = ["--config", str(config), "--state", str(state), str(path)]
        output, errors, status = await getProcessOutputAndValue(
            sys.executable,
            ["-m", "vos3000.cli", "import-rates", *arguments],
            env=dict(os.environ),
            reactor=self.reactor,
        )
        if status:
            raise Complaint(errors.decode("utf-8", "replace").strip())
        self.show.say(output.decode("utf-8", "replace").strip())
        for _ in range(round(PATIENCE / STEP)):
            if await self._rates_read() > before:
                return
            await self._sleep(STEP)
        raise Complaint(f"the switch does not read its tables; {self._last_words()}")

    async def _rates_read(self) -> float:
        """How often the switch has read all rates."""
        numbers = await self._thread(Switch(self._config, self.setup.connect).metrics)
        return numbers.get(_READ, 0.0)

    async def _place(
        self, placement: Placement, caller: Caller, ladder: Ladder
    ) -> None:
        before = await self._balance()
        ladder.restart()
        status = await caller.place(
            carrier.CALLER_NUMBER, placement.callee, placement.talk
        )
        record = await self._until(lambda: self._record(caller.call_id), 10.0)
        if self.listens:
            await self._until(lambda: self.consumer.over(caller.call_id) or None, 5.0)
        after = await self._balance()
        states = self.consumer.states(caller.call_id)
        self.show.call(placement, ladder, record, (before, after), states)
        if status not in placement.expected:
            raise Complaint(
                f"the call ended with SIP status {status},"
                f" not {' or '.join(map(str, placement.expected))};"
                f" {self._last_words()}"
            )

    def _record(self, call_id: str) -> Cdr | None:
        with self.setup.pool() as pool:
            recent = wait(CdrStore(pool, self._config.state.zone).recent(10))
        return next((cdr for cdr in recent if cdr.callercallid == call_id[:64]), None)

    async def _balance(self) -> Any:
        return await self._thread(
            carrier.balance,
            Switch(self._config, self.setup.connect).ask,
            carrier.CUSTOMER,
        )

    async def _until(self, look: Callable[[], T | None], patience: float) -> T | None:
        """Look until there is something, or patience ends."""
        for _ in range(round(patience / STEP)):
            found = look()
            if found is not None:
                return found
            await self._sleep(STEP)
        return None

    def _sleep(self, seconds: float) -> Deferred[None]:
        return deferLater(self.reactor, seconds)

    def _ask(self, name: str, request: Mapping[str, Any]) -> Deferred[Any]:
        return self._thread(Switch(self._config, self.setup.connect).ask, name, request)

    def _thread(self, function: Callable[..., T], *given: Any) -> Deferred[T]:
        """Run what blocks where it does not disturb the user agents."""
        pool = self.reactor.getThreadPool()
        return deferToThreadPool(self.reactor, pool, function, *given)


def configure(source: Path, target: Path, url: str) -> None:
    """
    Copy a configuration, with another push address.

    @param source: The packaged configuration.
    """
    for name in ("vos3000.conf", "mbx2008.conf"):
        path = source / name
        text = path.read_text("utf-8") if path.exists() else ""
        if name == "vos3000.conf":
            text = text.replace("[push]\n", f"[push]\nurl = {url}\n", 1)
        (target / name).write_text(text, "utf-8")
