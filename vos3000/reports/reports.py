"""
The ways out for records, put together: what the parameters say, and how far each is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime

from vos3000.config import Endpoint
from vos3000.db.cdrfeed import CdrFeed
from vos3000.events import Events
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.reports.fileoutput import FileOutput, InThread
from vos3000.reports.files import Files
from vos3000.reports.follower import Counts, Follower
from vos3000.reports.forwarder import Forwarder, Wire
from vos3000.reports.place import PlaceFile
from vos3000.reports.textfiles import CSV, PIPE, FileSettings, Form, TextFiles

FOLDER = "cdr"
"""Where text files are, in the state directory."""


class Reports:
    """
    The followers of one switch.

    @param values: The system parameters as they are now.
    @param waiting: How many records wait to be written to the database.
    @param thread: Makes a thread for one way out, so that a disk that hangs
        holds up no other.
    @param listen: Opens a socket for a protocol.
    """

    def __init__(
        self,
        values: Callable[[], Mapping[str, Any]],
        feed: CdrFeed,
        waiting: Callable[[], int],
        state: Path,
        zone: tzinfo,
        files: Files,
        thread: Callable[[str], InThread],
        listen: Callable[[Wire], object],
        clock: IReactorTime,
        now: Now,
        events: Events,
        metrics: Metrics,
    ) -> None:
        self._values = values
        self._state = state
        self._zone = zone
        self._files = files
        self._thread = thread
        self._clock = clock
        self._now = now
        self._forwarder = Forwarder(
            self._place("realtime"), self._receiver, listen, clock, thread("realtime")
        )
        counts = Counts(
            metrics.labelled(
                "reports_passed_total", "Records that were passed on.", "output"
            ),
            metrics.labelled(
                "reports_failed_total", "Tries to pass records on.", "output"
            ),
        )
        outputs = (
            self._output("csv", CSV, self._csv),
            self._output("pipe", PIPE, self._pipe),
            self._forwarder,
        )
        self._followers = [
            Follower(output, feed, waiting, clock, events, counts) for output in outputs
        ]
        metrics.labelled_gauge(
            "reports_failing_seconds",
            "For how long records have not been passed on; 0 if they are.",
            "output",
            lambda: {each.name: each.failing for each in self._followers},
        )

    def _place(self, name: str) -> PlaceFile:
        return PlaceFile(self._files, self._state / f"cdr-{name}.place")

    def _output(
        self, name: str, form: Form, settings: Callable[[], FileSettings | None]
    ) -> FileOutput:
        files = TextFiles(
            form,
            self._state / FOLDER,
            self._place(name),
            self._files,
            self._zone,
            lambda: self._now().wall,
        )
        return FileOutput(name, files, settings, self._thread(name), self._clock)

    # What the parameters say

    def _csv(self) -> FileSettings | None:
        values = self._values()
        most = values["SERVER_CDR_FILE_WRITE_MAX"]
        if not most:
            return None
        return FileSettings(values["SERVER_CDR_FILE_WRITE_INTERVAL"], most)

    def _pipe(self) -> FileSettings | None:
        values = self._values()
        if not values["SS_CDR_RECORD_TO_FILE"]:
            return None
        return FileSettings(unanswered=values["SS_CDR_RECORD_NONCONNECT"])

    def _receiver(self) -> Endpoint | None:
        receiver: Endpoint | None = self._values()["SERVER_CDR_REAL_TIME_REPORT_SERVER"]
        return receiver

    # What the switch tells

    def passed_on(self) -> int | None:
        """
        Up to which record nobody needs the database any more; None if nobody
        does at all.
        """
        needed = [each.needed for each in self._followers]
        return min((number for number in needed if number is not None), default=None)

    def start(self) -> None:
        """Begin, where the last run ended."""
        for follower in self._followers:
            follower.start()

    def tuned(self) -> None:
        """The parameters may have changed."""
        self._forwarder.tuned()
        for follower in self._followers:
            follower.tuned()

    def wake(self) -> None:
        """Records were committed."""
        for follower in self._followers:
            follower.wake()

    async def stop(self) -> None:
        """End; the next start goes on from here."""
        stops = [Deferred.fromCoroutine(each.stop()) for each in self._followers]
        await DeferredList(stops)
