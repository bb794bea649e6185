"""
Making, checking and restoring backups, of either kind of database.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from vos3000.db.backup import manifest as manifests
from vos3000.db.backup import mariadb, sqlite
from vos3000.db.backup.archive import Progress, Reader, Writer
from vos3000.db.backup.manifest import BackupError, Manifest
from vos3000.db.backup.tally import Tally
from vos3000.db.dialects import Dialect

SUFFIX = ".vos3000.tar.gz"
"""How the names of backups end that are named by their time."""

_FORM = "%Y-%m-%dT%H:%M:%SZ"


def kind_of(kind: Dialect) -> str:
    """What a manifest calls a kind of database."""
    return "sqlite" if kind.path else "mysql"


def place_of(target: Path, now: float) -> Path:
    """Where a backup goes: into the file, or into one of its own in the directory."""
    if not target.is_dir():
        return target
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    return target / f"vos3000-{stamp}{SUFFIX}"


def make(kind: Dialect, place: Path, now: float, progress: Progress) -> Manifest:
    """
    Back a database up while others write to it; read the backup again.

    @param place: The file to be made.
    @param now: Seconds since the epoch.
    @raise BackupError: If that cannot be; no file is made then.
    @raise OSError: If the disk refuses; no file is made then.
    """
    if kind.path:
        archive = Writer(place)
        try:
            tally = sqlite.back_up(kind.path, archive, place.parent, progress)
        except BaseException:
            archive.abandon()
            raise
    else:
        archive, tally = mariadb.back_up(kind, lambda: Writer(place), progress)
    manifest = _manifest(kind, archive, tally, now)
    try:
        if not tally.revision:
            raise BackupError("the database has no tables of ours: nothing to back up")
        archive.finish(manifest)
    except BaseException:
        archive.abandon()
        raise
    return Reader(place, progress).check()


def _manifest(kind: Dialect, archive: Writer, tally: Tally, now: float) -> Manifest:
    return Manifest(
        version("vos3000"),
        kind_of(kind),
        tally.revision,
        datetime.fromtimestamp(now, UTC).strftime(_FORM),
        tally.journals,
        tally.tables,
        tally.books(),
        dict(archive.members),
    )


def verify(place: Path, progress: Progress) -> Manifest:
    """
    Check a backup as a restore would, without a database.

    @raise BackupError: If it could not be put back.
    """
    reader = Reader(place, progress)
    manifest = reader.check()
    if manifest.database == "sqlite":
        with tempfile.TemporaryDirectory(prefix="vos3000-verify-") as folder:
            copy = Path(folder) / sqlite.MEMBER
            sqlite.verify(reader, manifest, copy, progress)
    else:
        mariadb.verify(reader, manifest, progress)
    return manifest


def restore(
    kind: Dialect,
    place: Path,
    agreed: Callable[[Manifest], object],
    progress: Progress,
) -> str:
    """
    Put a backup in the place of a database that nobody uses, whole or not at all.

    @param agreed: Told what the backup is, before anything is changed; raises
        what it likes to have it stay so.
    @return: Where the old database is now; empty if there was none.
    @raise BackupError: If that cannot be; the old database is in its place then.
    """
    reader = Reader(place, progress)
    manifest = reader.check()
    manifests.check(manifest, kind_of(kind))
    agreed(manifest)
    if kind.path:
        aside = sqlite.put_back(Path(kind.path), reader, manifest, progress)
        return str(aside) if aside else ""
    prefix = mariadb.put_back(kind, reader, manifest, progress)
    return f"the tables {prefix}*" if prefix else ""
