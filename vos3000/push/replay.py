"""
Posting a dead-letter file again, once its consumer is back.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import attrs
from twisted.internet.defer import CancelledError, Deferred

from vos3000.errors import ParseError
from vos3000.push.deadletters import KEPT
from vos3000.push.letter import Letter, parse_line
from vos3000.push.poster import Poster


@attrs.frozen(slots=True)
class Replayed:
    """
    @ivar delivered: Letters the consumer took.
    @ivar left: Letters still in the file.
    @ivar unreadable: Lines that are no letters; they stay in the file.
    @ivar problem: Why it stopped early; empty if it did not.
    """

    delivered: int
    left: int
    unreadable: int
    problem: str = ""


def files(path: Path) -> list[Path]:
    """The dead-letter files that there are, oldest first: C{.4} ... C{path}."""
    aside = [path.with_name(f"{path.name}.{n}") for n in range(KEPT, 0, -1)]
    candidates = (*aside, path)
    left = [p.with_name(p.name + ".replay") for p in candidates]
    pairs = zip(candidates, left, strict=True)
    return [p for p, replayed in pairs if p.exists() or replayed.exists()]


def _nothing(delivered: int) -> None:
    """Progress that nobody wants to see."""


def replay(
    path: Path, poster: Poster, progress: Callable[[int], object] = _nothing
) -> Deferred[Replayed]:
    """
    Post every letter of a dead-letter file, in the order they were written.

    The file is taken away first, so that a running switch goes on in a fresh
    one. It stops at the first letter that is not taken: that one and what
    follows it are kept in C{path} with C{.replay} appended, and a later replay
    begins with them.

    @param progress: Told how many are delivered, after each.
    @return: What became of the letters; fails with C{OSError} only.
    """
    return Deferred.fromCoroutine(_replay(path, poster, progress))


async def _replay(
    path: Path, poster: Poster, progress: Callable[[int], object]
) -> Replayed:
    taken = path.with_name(path.name + ".replay")
    content = _take(path, taken)
    letters, bad = _parse(content)
    delivered, problem = 0, ""
    try:
        for letter in letters:
            await poster.post(letter.page, letter.body)
            delivered += 1
            progress(delivered)
    except CancelledError:
        raise
    except Exception as failure:
        problem = f"{type(failure).__name__}: {failure}"
    finally:
        _keep(taken, len(content), bad, letters[delivered:])
    return Replayed(delivered, len(letters) - delivered, len(bad), problem)


def _take(path: Path, taken: Path) -> bytes:
    """Move the file away and read it, and what an earlier replay left."""
    if path.exists():
        if taken.exists():
            with open(taken, "ab") as file:
                file.write(path.read_bytes())
            path.unlink()
        else:
            os.replace(path, taken)
    return taken.read_bytes() if taken.exists() else b""


def _parse(content: bytes) -> tuple[list[Letter], list[bytes]]:
    """The letters of a file in the order they were written, and other lines."""
    letters: list[Letter] = []
    bad: list[bytes] = []
    for line in content.splitlines():
        try:
            letters.append(parse_line(line))
        except ParseError:
            bad.append(line + b"\n")
    letters.sort(key=lambda letter: (letter.time, letter.number))
    return letters, bad


def _keep(taken: Path, size: int, bad: list[bytes], letters: list[Letter]) -> None:
    """
    Leave what is still to be posted; no file if there is nothing.

    @param size: The bytes that were read: what a running switch wrote behind
        them while the file was moved is kept, too.
    """
    late = taken.read_bytes()[size:] if taken.exists() else b""
    kept = b"".join(bad) + b"".join(x.line("replay") for x in letters) + late
    if not kept:
        taken.unlink(missing_ok=True)
        return
    fresh = taken.with_name(taken.name + ".new")
    fresh.write_bytes(kept)
    os.replace(fresh, taken)
