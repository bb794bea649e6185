"""
Registrations over a restart: e_registration.

A registrar answers at once and its bindings are in memory; what changed is
written behind, a batch a second, each binding as it is by then. A database
that is down costs nothing but what a restart would have brought back, so
nobody waits for it and nobody is told but the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from vos3000.db.cursor import Cursor
from vos3000.db.pool import Pool
from vos3000.errors import StorageError
from vos3000.metrics import Metrics
from vos3000.model.bindings import Binding, Key

GATHER = 1.0
"""Seconds a change waits for company."""

RETRY = 5.0
"""Seconds until the database is tried again that refused."""

LIMIT = 500
"""Bindings of one transaction, so that records wait for none for long."""

_COLUMNS = (
    *("aor", "flow", "contact", "path", "transport", "remoteip", "remoteport"),
    *("localip", "localport", "callid", "cseq", "productid", "registertime"),
    *("updatetime", "expiretime", "mark"),
)
_NAMES = ", ".join(_COLUMNS)
_INSERT = (
    f"INSERT INTO e_registration ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))})"
)
_DELETE = "DELETE FROM e_registration WHERE aor = ? AND flow = ?"
_BETWEEN = "\n"
"""Between the routes of a Path; no header value holds it."""


class RegistrationStore:
    """
    Keeps the bindings of one switch.
    """

    _log = Logger()

    def __init__(self, pool: Pool, clock: IReactorTime, metrics: Metrics) -> None:
        self._pool = pool
        self._clock = clock
        self._changed: dict[Key, Binding | None] = {}
        self._timer: IDelayedCall | None = None
        self._writing: Deferred[None] | None = None
        self._failing = False
        self._closed = False
        self._written = metrics.counter(
            "db_registration_written_total", "Changes of bindings that were committed."
        )
        metrics.gauge(
            "db_registrations_waiting",
            "Changes of bindings not yet written.",
            lambda: len(self._changed),
        )

    def load(self) -> Deferred[list[Binding]]:
        """
        Every binding as it was written last, those that ended meanwhile too;
        where they can be reached is left open (C{named}, C{channel}).

        @return: Fails with L{StorageError}.
        """
        return self._pool.read("registration_load", self._load)

    def note(self, key: Key, binding: Binding | None) -> None:
        """A binding changed; None if it is gone. Never waits."""
        self._changed[key] = binding
        if self._timer is None and self._writing is None and not self._closed:
            self._timer = self._clock.callLater(GATHER, self._write)

    async def close(self, seconds: float) -> None:
        """
        Write what waits, in C{seconds} at most; what is left then is lost.

        @raise StorageError: If there is such.
        """
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        until = self._clock.seconds() + seconds
        while self._changed or self._writing is not None:
            if self._writing is None:
                self._write()
            if self._writing is not None:
                await self._written_by(self._writing, until)
            if self._failing:
                raise StorageError("the database refused them")

    async def _written_by(self, writing: Deferred[None], until: float) -> None:
        waiting: Deferred[None] = Deferred()
        writing.chainDeferred(waiting)
        left = max(0.0, until - self._clock.seconds())
        try:
            await waiting.addTimeout(left, self._clock)
        except DeferredTimeout:
            raise StorageError("the database did not take them in time") from None

    def _write(self) -> None:
        """Write a batch of what changed."""
        self._timer = None
        keys = list(self._changed)[:LIMIT]
        batch = {key: self._changed.pop(key) for key in keys}
        done: Deferred[None] = Deferred()
        self._writing = done
        written = self._pool.calls("registration_write", self._put, batch)
        written.addCallbacks(self._wrote, self._refused, (batch,), errbackArgs=(batch,))
        written.addCallback(lambda _: done.callback(None))

    def _wrote(self, _: object, batch: dict[Key, Binding | None]) -> None:
        self._written.value += len(batch)
        if self._failing:
            self._failing = False
            self._log.info("registrations are written again")
        self._go_on(GATHER if len(batch) < LIMIT else 0.0)

    def _refused(self, failure: Failure, batch: dict[Key, Binding | None]) -> None:
        """Keep the batch, but for what changed again meanwhile."""
        self._changed = {**batch, **self._changed}
        if not self._failing:
            self._failing = True
            self._log.error(
                "registrations cannot be written, a restart would lose them: {why}",
                why=failure.value,
            )
        self._go_on(RETRY)

    def _go_on(self, seconds: float) -> None:
        self._writing = None
        if self._changed and not self._closed:
            self._timer = self._clock.callLater(seconds, self._write)

    # Interactions

    def _put(self, cursor: Cursor, batch: dict[Key, Binding | None]) -> None:
        seal = self._pool.dialect.secrets.seal
        cursor.executemany(_DELETE, list(batch))
        rows = [_row(binding, seal) for binding in batch.values() if binding]
        if rows:
            cursor.executemany(_INSERT, rows)

    def _load(self, cursor: Cursor) -> list[Binding]:
        cursor.execute(f"SELECT {_NAMES} FROM e_registration ORDER BY updatetime")
        return list(_bindings(cursor.fetchall(), self._pool.dialect.secrets.open))


def _row(binding: Binding, seal: Callable[[str], str]) -> tuple[Any, ...]:
    """
    A binding's row. What tells its password from others is sealed as that is:
    in clear it would tell those who guess when they are right.
    """
    return (
        binding.aor,
        binding.flow,
        _stored(binding.contact),
        _stored(_BETWEEN.join(binding.path)),
        binding.transport,
        *binding.remote,
        *binding.local,
        _stored(binding.call_id),
        binding.cseq,
        _stored(binding.product),
        binding.registered,
        binding.updated,
        binding.expires,
        seal(binding.mark),
    )


def _stored(text: str) -> str:
    """What came from the network, as valid UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _bindings(
    rows: Iterable[Sequence[Any]], opened: Callable[[str], str]
) -> Iterable[Binding]:
    for row in rows:
        aor, flow, contact, path, transport, *rest = row
        host, port, here, there, call_id, cseq, product, *times = rest
        registered, updated, expires, mark = times
        yield Binding(
            aor=aor,
            flow=flow,
            contact=contact or "",
            transport=transport,
            remote=(host, port),
            local=(here, there),
            named=None,
            call_id=call_id,
            cseq=cseq,
            registered=registered,
            updated=updated,
            expires=expires,
            path=tuple(path.split(_BETWEEN)) if path else (),
            product=product,
            mark=opened(mark),
        )
