"""
The composition root: every object of the switch, made once, started in order.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any, NoReturn

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from vos3000 import parameters as registry
from vos3000.config import Config
from vos3000.db.autoclean import AutoClean
from vos3000.db.backlog import Backlog
from vos3000.db.callnumbers import CallNumbers
from vos3000.db.cdrfeed import CdrFeed
from vos3000.db.cdrmover import CdrMover
from vos3000.db.cdrs import CdrStore
from vos3000.db.cdrwriter import CdrWriter
from vos3000.db.changes import ChangeStore
from vos3000.db.customers import CustomerStore
from vos3000.db.dialects import dialect
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.numbergroups import NumberGroupStore
from vos3000.db.outside import OutsideStore
from vos3000.db.phones import PhoneStore
from vos3000.db.pool import thread_pool
from vos3000.db.rates import RateStore
from vos3000.db.registrations import RegistrationStore
from vos3000.db.secrets import sealer
from vos3000.db.settings import AccessStore, ParameterStore
from vos3000.db.trouble import told
from vos3000.db.upgrade import prepare
from vos3000.errors import ConfigError, StorageError, VosError
from vos3000.events import Events, StorageFailed, StorageRecovered
from vos3000.inforce import InForce
from vos3000.instant import instants
from vos3000.interfaces import Interfaces
from vos3000.journal.folder import Folder
from vos3000.journal.keeping import Bounds
from vos3000.journaled import DiskThread, Journaled
from vos3000.metrics import Metrics
from vos3000.model import causes
from vos3000.model.accounts import Movement
from vos3000.parameters import Parameters
from vos3000.ports import Ports
from vos3000.process import Process
from vos3000.reports.files import Files
from vos3000.reports.forwarder import Wire
from vos3000.reports.reports import Reports
from vos3000.signaling import Signaling
from vos3000.statedir import StateDir
from vos3000.tables import Engines, Stores, Tables
from vos3000.timers import TimerWheel
from vos3000.tracing import Tracing
from vos3000.transports import serving
from vos3000.watch import Watch

LAST_MESSAGES = 3.0
"""Seconds that the last BYEs may take to be answered when the switch stops."""

LAST_RECORDS = 2.5
"""Seconds that the last records may take to be written; what is left stands in the
journal for the next start."""

LAST_REGISTRATIONS = 1.0
"""Seconds that the last changes of registrations may take to be written."""

LAST_STATEMENTS = 1.5
"""Seconds that the database may take to close. All four together, and what a
locked database still holds a thread for, stay below ten seconds."""

SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread of the database gives way to the reactor."""


def make(
    config: Config, parameters: Parameters, reactor: Any, process: Process
) -> IService:
    """
    Build the switch; nothing is opened before it starts.

    @param reactor: What runs it.
    @param process: What runs that.
    """
    return Switch(config, parameters, reactor, process)


COLLECTOR = (5000, 2, 10_000)
"""When garbage is collected. What connections leave behind is cyclic: of 50,000
objects a pass takes 35 ms, of 5000 it takes 3; twice as many of what calls hold, 5."""


class Switch(Service):
    """
    One switch process.
    """

    _log = Logger()

    def __init__(
        self, config: Config, parameters: Parameters, reactor: Any, process: Process
    ) -> None:
        self._config = config
        self._process = process
        self._database = dialect(config.database_url)
        self._state = StateDir(config.state.dir, self._database.path)
        self._parameters = parameters
        self._reactor = reactor
        self._ports = Ports()
        self._metrics = Metrics()
        self._events = Events()
        self._now = instants(time.time, time.monotonic)
        self._in_force = InForce(parameters.values)
        self._causes = causes.load()
        self._stopping = False
        self._reading = True
        self._read_again = False
        self._problem = "starting"
        self._refused = ""
        self._events.subscribe(StorageFailed, self._storage_failed)
        self._events.subscribe(StorageRecovered, self._storage_recovered)

    # Start

    def privilegedStartService(self) -> None:  # noqa: N802
        """
        Open the sockets while ports below 1024 may be had.

        @raise SystemExit: If the switch cannot start; it has been told why.
        """
        # Twisted's timers follow the wall clock: one that is set back by an
        # hour would stop every timer for an hour.
        self._reactor.seconds = time.monotonic
        self._timers = TimerWheel(self._reactor)
        # Twisted puts these back when it ends; until it begins they wait for it.
        self._take_signals()
        try:
            self._state.take()
            self._make_storage()
            self._make_signaling()
            self._interfaces.open(self._ports)
            self._ports.check()
        except ConfigError as error:
            self._refuse("".join(f"\n  {problem}" for problem in error.problems))
        except (VosError, OSError) as error:
            self._refuse(f" {error}")

    def _refuse(self, why: str) -> NoReturn:
        self._ports.close()
        self._state.release()
        self._process.refuse(f"vos3000 does not start:{why}")

    def _make_storage(self) -> None:
        state = self._config.state.dir
        url = self._config.database_url
        prepare(url)
        zone = self._config.state.zone
        self._pool = thread_pool(url, self._reactor, self._metrics, time.monotonic)
        self._pool.dialect.secrets = sealer(state)
        customers = CustomerStore(self._pool)
        self._stores = Stores(
            customers,
            GatewayStore(self._pool, MAPPING),
            GatewayStore(self._pool, ROUTING),
            RateStore(self._pool),
            ParameterStore(self._pool),
            AccessStore(self._pool),
            PhoneStore(self._pool, customers),
            NumberGroupStore(self._pool),
            ChangeStore(self._pool),
        )
        self._cdrs = CdrStore(self._pool, zone)
        self._disk = DiskThread(self._reactor, "journal")
        self._journaled = Journaled(
            Folder(state / "journal"),
            self._disk,
            lambda: os.urandom(8).hex(),
            self._reactor,
            self._now,
            self._metrics,
            keep=Bounds(
                self._config.state.journal_keep_hours * 3600,
                self._config.state.journal_keep_mib * 1024 * 1024,
            ),
        )
        self._writer = CdrWriter(
            self._pool,
            self._reactor,
            self._events,
            self._metrics,
            self._journaled.journal,
            state,
        )
        self._backlog = Backlog(
            self._reactor, lambda: self._writer.waiting, self._events, self._metrics
        )
        self._mover = CdrMover(
            self._pool, self._reactor, self._now, self._metrics, zone
        )
        self._auto_clean = AutoClean(
            self._pool, self._reactor, self._now, self._events, self._metrics, zone
        )
        self._reports = self._make_reports(state, zone)
        self._auto_clean.passed_on = self._reports.passed_on
        self._call_numbers = CallNumbers(self._pool, random.SystemRandom().randrange)
        self._registrations = RegistrationStore(
            self._pool, self._reactor, self._metrics
        )

    def _make_reports(self, state: Path, zone: tzinfo) -> Reports:
        """Their threads may hang on disks that are not ours: nobody waits for them."""
        return Reports(
            lambda: self._in_force.values,
            CdrFeed(self._pool),
            lambda: self._writer.waiting,
            state,
            zone,
            Files(),
            lambda name: DiskThread(self._reactor, name, daemon=True),
            self._listen_udp,
            self._reactor,
            self._now,
            self._events,
            self._metrics,
        )

    def _listen_udp(self, wire: Wire) -> None:
        interface = "::" if ":" in wire.target.host else ""
        self._reactor.listenUDP(0, wire, interface=interface)

    def _make_signaling(self) -> None:
        choose = random.SystemRandom().randrange
        self._signaling = Signaling(
            self._reactor,
            self._now,
            self._timers,
            self._in_force,
            self._causes,
            self._writer,
            self._journaled.journal,
            self._call_numbers,
            choose,
            _tokens(),
            self._events,
            self._metrics,
            self._config.sip,
            self._config.state.zone,
        )
        self._signaling.registration.keep = self._registrations.note
        self._writer.on_committed = self._committed
        self._tables = self._make_tables()
        self._watch = Watch(
            OutsideStore(self._pool),
            self._tables,
            self._stores.changes,
            self._reactor,
            self._now,
            self._metrics,
        )
        self._tracing = Tracing(
            self._signaling,
            self._config.hep,
            time.time,
            self._metrics,
        )
        self._interfaces = Interfaces(
            self._config,
            self._in_force,
            self._stores,
            self._cdrs,
            self._signaling,
            self._tracing,
            self._writer,
            self._tables.refresh,
            self._tables.refresh_phone,
            self._why_not,
            self._now,
            choose,
            self._events,
            self._metrics,
            self._reactor,
        )
        self._signaling.open(self._ports, self._config.sip)

    def _make_tables(self) -> Tables:
        signaling = self._signaling
        return Tables(
            self._stores,
            Engines(
                customers=signaling.accounts.load,
                mapping=signaling.load_mapping,
                routing=signaling.load_routing,
                rates=signaling.rates.load,
                parameters=self._replace_parameters,
                access=lambda rules: self._interfaces.access.load(rules),
                phones=signaling.load_phones,
                phone=signaling.put_phone,
                numbers=signaling.rewriting.groups.load,
                check=self._parameters.mistakes,
                moved=signaling.accounts.moved,
            ),
        )

    def _committed(self, movements: tuple[Movement, ...]) -> None:
        self._signaling.accounts.committed(movements)
        self._reports.wake()

    def _replace_parameters(self, database: Mapping[str, str]) -> None:
        for problem in self._parameters.replace(database):
            self._log.error("{problem}", problem=problem)
        self._in_force.load(self._parameters.values)
        self._signaling.tune()
        self._reports.tuned()

    def startService(self) -> None:  # noqa: N802
        """Read the tables, then hear from the sockets."""
        super().startService()
        self._process.serve()
        self._reactor.callWhenRunning(self._take_signals)
        Deferred.fromCoroutine(self._start()).addErrback(self._not_started)

    async def _start(self) -> None:
        interrupted = self._causes["RestartRecovery"]
        await self._journaled.open(self._pool, self._writer, interrupted)
        await self._call_numbers.start()
        seen = await self._watch.marks()
        await self._tables.load()
        await self._watch.settled(seen)
        if self._stopping:
            return
        self._journaled.finish(self._writer, self._in_force.billing, interrupted)
        self._journaled.journal.turned = self._signaling.call_journal.turned
        self._signaling.call_journal.start()
        self._warn_about_money()
        self._mover.start()
        self._auto_clean.start()
        self._reports.start()
        self._backlog.start()
        self._interfaces.start()
        self._signaling.restore(await self._registrations.load())
        if self._stopping:
            return
        self._tracing.start()
        self._watch.start()
        sys.setswitchinterval(SWITCH_INTERVAL)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTOR)
        self._problem = ""
        self._ports.start()
        sip, http = self._config.sip, self._config.http
        self._log.info(
            "serving: {sip}, HTTP {http}; state in {state}",
            sip=serving(sip),
            http=", ".join(map(str, http.listen)) or "off",
            state=self._config.state.dir,
        )
        self._was_read()

    def _not_started(self, failure: Failure) -> None:
        if self._stopping:
            return
        error = failure.value
        why = str(error)
        cause = None if error is None else error.__cause__
        if isinstance(cause, self._database.errors):
            why = told(self._database.place, cause, self._database.path)
        if failure.check(VosError, OSError):
            self._log.critical("vos3000 does not start: {why}", why=why)
        else:
            self._log.failure("vos3000 does not start", failure)
        self._process.fail()
        self._reactor.stop()

    def _warn_about_money(self) -> None:
        if not self._in_force.billing.record_server_hang_up:
            self._log.warn(
                "SERVER_BILLING_RECORD_SERVER_HANG_UP is off: calls that the server"
                " ends leave no record and are not charged; see the metrics"
                " billing_forgone_total and billing_forgone_micros_total"
            )

    def _storage_failed(self, event: StorageFailed) -> None:
        self._refused = f"records cannot be written: {event.reason}"

    def _storage_recovered(self, event: StorageRecovered) -> None:
        self._refused = ""

    def _why_not(self) -> str:
        """Why the switch does not serve as it should; empty if it does."""
        trouble = self._journaled.journal.trouble
        if self._problem or not trouble:
            return self._problem or self._refused
        return f"the journal cannot be written: {trouble}"

    # Signals

    def _take_signals(self) -> None:
        """
        SIGTERM and SIGINT end the process with status 0 once every call is
        recorded, however often they come; SIGHUP reads everything again.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._told_to_reload)

    def _told_to_stop(self, number: int, frame: object) -> None:
        if not self._stopping:
            self._reactor.callFromThread(self._stop_reactor)

    def _stop_reactor(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._reactor.stop()

    def _told_to_reload(self, number: int, frame: object) -> None:
        if not self._read_again and not self._stopping:
            self._read_again = True
            self._reactor.callFromThread(self._reload_when_free)

    def _reload_when_free(self) -> None:
        """Read again; what was told meanwhile is one more reading after it."""
        if self._reading or self._stopping:
            return
        self._reading, self._read_again = True, False
        read = Deferred.fromCoroutine(self._reload()).addErrback(self._not_reloaded)
        read.addCallback(self._was_read)

    def _was_read(self, result: object = None) -> None:
        self._reading = False
        if self._read_again:
            self._reload_when_free()

    async def _reload(self) -> None:
        """Read both files and all tables again; calls go on."""
        config, fresh = registry.read(
            self._config.directory, self._config.state.dir, os.environ, root=False
        )
        transports = self._signaling.transports
        material = transports.read(config.sip)

        def files() -> None:
            transports.use(material)
            self._parameters.adopt(fresh)

        seen = await self._watch.marks()
        await self._tables.replace(files)
        await self._watch.settled(seen)
        self._log.info("configuration and tables were read again")

    def _not_reloaded(self, failure: Failure) -> None:
        if self._stopping:
            return
        error = failure.value
        if isinstance(error, ConfigError):
            for problem in error.problems:
                self._log.error("not reloaded: {problem}", problem=problem)
        elif isinstance(error, StorageError):
            self._log.error("not reloaded: {why}", why=error)
        else:
            self._log.failure("not reloaded", failure)

    # Stop

    def stopService(self) -> Deferred[None]:  # noqa: N802
        """End every call, write every record, close everything."""
        super().stopService()
        self._stopping = True
        self._problem = "stopping"
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._log.info(
            "stopping: {calls} calls are ended", calls=len(self._signaling.registry)
        )
        self._signaling.control.drain()
        self._signaling.trunks.stop()
        messages = Deferred.fromCoroutine(self._last_messages())
        await DeferredList([messages, self._interfaces.stop()], consumeErrors=True)
        closed = [_deferred(port) for port in self._ports.close()]
        await DeferredList(closed, consumeErrors=True)
        self._mover.stop()
        self._auto_clean.stop()
        self._backlog.stop()
        self._signaling.registration.stop()
        self._watch.stop()
        self._signaling.transports.connections.close()
        self._tracing.stop()
        self._signaling.call_journal.stop()
        await self._writer.close(LAST_RECORDS)
        await self._reports.stop()
        try:
            await self._registrations.close(LAST_REGISTRATIONS)
        except VosError as error:
            self._log.warn("registrations were not written: {why}", why=error)
        self._timers.stop()
        await self._journaled.journal.close()
        self._disk.stop()
        closing = self._pool.close().addTimeout(LAST_STATEMENTS, self._reactor)
        await closing.addErrback(lambda _: self._log.warn("the database is locked"))
        self._state.release()

    async def _last_messages(self) -> None:
        until = time.monotonic() + LAST_MESSAGES
        while self._signaling.busy() and time.monotonic() < until:
            await deferLater(self._reactor, 0.05)


def _deferred(value: Any) -> Deferred[Any]:
    if isinstance(value, Deferred):
        return value
    done: Deferred[Any] = Deferred()
    done.callback(value)
    return done


def _tokens() -> Callable[[], str]:
    """
    Make a source of texts of sixteen letters and digits that nobody can guess.

    Random bytes come from the system 2 KiB at a time: seven calls of it for
    each call of ours cost 8 us.
    """
    left: list[str] = []

    def token() -> str:
        if not left:
            text = os.urandom(2048).hex()
            left.extend(text[i : i + 16] for i in range(0, len(text), 16))
        return left.pop()

    return token
