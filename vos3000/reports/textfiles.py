"""
Text files of records, each of a span of time.

A file is written under a name that nobody looks for, C{...part}, and given its own
when its time is over: whoever reads it sees all of it, and it never changes again.
How far it has got is kept beside it, after what the disk has: after a crash the
part is cut back to that, and what follows is made again from the database. So each
record stands in one file, once.

    place kept -> part written -> part synced -> place kept
    part synced -> name kept -> renamed -> place kept

A name that was kept is given at the next start, if the part is still there.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
from twisted.logger import Logger

from vos3000.db.days import day_of
from vos3000.model.cdr import Cdr
from vos3000.reports.files import Files
from vos3000.reports.forms import Line, csv_line, pipe_line
from vos3000.reports.place import Place, PlaceFile

LINGER = 2_000
"""Milliseconds after its time that a file waits for the last of its records."""

KEEPING = 10_000
"""Milliseconds after which what was written is synced, and the place kept."""


@attrs.frozen(slots=True)
class FileSettings:
    """
    @ivar seconds: What time a file is of.
    @ivar most: How many are kept; 0 for all.
    @ivar unanswered: Whether calls that were not answered are in it.
    """

    seconds: int = 3600
    most: int = 0
    unanswered: bool = True


@attrs.frozen(slots=True)
class Form:
    """
    A kind of text files.

    @ivar name: What they are called, by the beginning of their time (strftime).
    @ivar suffix: What their names end with.
    @ivar part: The name of the one that is not finished.
    @ivar line: Makes a line of a record.
    """

    name: str
    suffix: str
    part: str
    line: Line

    def ours(self, name: str) -> bool:
        """Whether C{name} is one of theirs."""
        digits = re.sub("(%[a-zA-Z])+", r"\\d+", self.name)
        return bool(re.fullmatch(rf"{digits}(_\d+)?{re.escape(self.suffix)}", name))


CSV = Form("cdr_%Y%m%d%H%M%S", ".csv", "cdr.csv.part", csv_line)
"""The copy of the server: SERVER_CDR_FILE_WRITE_INTERVAL, ..._MAX."""

PIPE = Form("%Y%m%d%H", ".txt", "cdr.txt.part", pipe_line)
"""The hourly files of the softswitch: SS_CDR_RECORD_TO_FILE."""


class TextFiles:
    """
    The files of one form. Everything may wait for the disk, is for one thread,
    and raises OSError when the disk refuses: then nothing has happened, or it is
    found when the same is asked for again.

    @param folder: Where they are.
    @param zone: Whose hours they are of.
    @param now: UTC ms.
    """

    _log = Logger()

    def __init__(
        self,
        form: Form,
        folder: Path,
        kept: PlaceFile,
        files: Files,
        zone: datetime.tzinfo,
        now: Callable[[], int],
    ) -> None:
        self._form = form
        self._folder = folder
        self._kept = kept
        self._files = files
        self._zone = zone
        self._now = now
        self._part = folder / form.part
        self._place = Place()
        self._saved = self._place
        self._saved_at = 0
        self._opened = False

    @property
    def reached(self) -> int:
        """The last record that was dealt with."""
        return self._place.reached

    @property
    def needed(self) -> int:
        """Records above this number may have to be read again."""
        return self._place.finished

    def open(self, newest: int) -> None:
        """
        Go on where the last run ended; without one, behind the newest record.

        @param newest: The highest number of a record.
        """
        place = self._kept.load()
        self._opened = True
        if place is None:
            self._save(Place(newest, newest))
            return
        self._place = self._saved = place
        self._saved_at = self._now()
        if place.reached > newest:
            self._log.error(
                "{part}: it has record {reached}, the database has {newest}: was a"
                " backup put back? It goes on with the next record",
                part=self._part,
                reached=place.reached,
                newest=newest,
            )
            finished = min(place.finished, newest)
            self._save(attrs.evolve(place, reached=newest, finished=finished))

    def take(self, records: Sequence[Cdr], settings: FileSettings) -> None:
        """
        Put records into files. Where L{reached} is below the last of them then,
        what follows it has to be given again.

        @param records: In the order of their numbers.
        """
        self._files.make(self._folder)
        if self._in_order(settings):
            now = self._now()
            fresh = [cdr for cdr in records if cdr.flowno > self._place.reached]
            while fresh:
                taken = self._put(fresh, now, settings)
                if not taken:
                    self._finish(settings)
                fresh = fresh[taken:]
        self._keep()

    def rest(self, settings: FileSettings, complete: bool) -> None:
        """
        There is no record to take now.

        @param complete: Whether no record waits for the database either.
        """
        if self._place.begin or self._place.name:
            self._files.make(self._folder)
            over = self._now() >= self._place.end + LINGER
            if self._in_order(settings) and self._place.begin and complete and over:
                self._finish(settings)
        self._keep()

    def finish(self, settings: FileSettings) -> None:
        """No more files are wanted: finish the last, and forget how far we were."""
        if not self._opened:
            self._place = self._kept.load() or Place()
        if self._place.begin or self._place.name:
            self._files.make(self._folder)
            if self._in_order(settings) and self._place.begin:
                self._finish(settings)
        self._files.remove(self._part)
        self._kept.forget()
        self._opened = False

    def close(self) -> None:
        """Let the next start begin here."""
        if self._opened:
            self._keep(always=True)

    # The unfinished file

    def _in_order(self, settings: FileSettings) -> bool:
        """
        Whether the part is what it should be. If somebody removed it, what was
        in it is made again.
        """
        if self._place.name:
            self._give_name(settings)
        place = self._place
        if not place.begin or self._files.size(self._part) >= place.size:
            return True
        self._log.error(
            "{part} is gone or cut short: what was in it is made again, from record"
            " {finished} on",
            part=self._part,
            finished=place.finished,
        )
        self._save(place.without_part())
        return False

    def _put(self, fresh: Sequence[Cdr], now: int, settings: FileSettings) -> int:
        """
        Write the records that belong to one file.

        @return: How many; 0 if the file's time is over.
        """
        place = self._place
        begin, end = place.begin, place.end
        lines: list[bytes] = []
        count = 0
        for cdr in fresh:
            moment = min(cdr.stoptime, now)
            if begin and moment >= end:
                break
            count += 1
            if settings.unanswered or answered(cdr):
                if not begin:
                    begin, end = self._time(moment, now, settings.seconds)
                lines.append(self._form.line(cdr))
        data = b"".join(lines)
        if data:
            self._files.write(self._part, data, place.size)
        if count:
            reached = fresh[count - 1].flowno
            self._place = attrs.evolve(
                place,
                finished=place.finished if begin else reached,
                reached=reached,
                begin=begin,
                end=end,
                size=place.size + len(data),
            )
        return count

    def _time(self, moment: int, now: int, seconds: int) -> tuple[int, int]:
        """The time of the file for what ended then; a finished one stays as it is."""
        if moment < self._place.until:
            moment = now
        day = day_of(moment, self._zone)
        begin = moment - (moment - day.begin) % (seconds * 1000)
        return begin, min(begin + seconds * 1000, day.end)

    # Finishing it

    def _finish(self, settings: FileSettings) -> None:
        # what stands behind the place's size was written before a crash
        self._files.write(self._part, b"", self._place.size)
        self._files.sync(self._part)
        self._save(attrs.evolve(self._place, name=self._free_name()))
        self._give_name(settings)

    def _give_name(self, settings: FileSettings) -> None:
        """Without a part the name was given by the run before."""
        if self._files.size(self._part) >= 0:
            self._files.rename(self._part, self._folder / self._place.name)
        self._save(self._place.done())
        self._remove_oldest(settings.most)

    def _free_name(self) -> str:
        """A clock that was put back makes an hour come twice."""
        place, form = self._place, self._form
        begin = datetime.datetime.fromtimestamp(place.begin // 1000, self._zone)
        stem = begin.strftime(form.name)
        name, number = stem + form.suffix, 1
        while name == place.last or self._files.size(self._folder / name) >= 0:
            number += 1
            name = f"{stem}_{number}{form.suffix}"
        return name

    def _remove_oldest(self, most: int) -> None:
        if most:
            ours = [n for n in self._files.names(self._folder) if self._form.ours(n)]
            for name in ours[:-most]:
                self._files.remove(self._folder / name)

    # Keeping the place

    def _keep(self, always: bool = False) -> None:
        place = self._place
        if place == self._saved:
            return
        if always or abs(self._now() - self._saved_at) >= KEEPING:
            if place.size:
                self._files.sync(self._part)
            self._save(place)

    def _save(self, place: Place) -> None:
        self._kept.save(place)
        self._place = self._saved = place
        self._saved_at = self._now()


def answered(cdr: Cdr) -> bool:
    """Whether the call was; that of one which was not begins when it ends."""
    return cdr.holdtime > 0 or cdr.stoptime > cdr.starttime
