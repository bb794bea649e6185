"""
What the two configuration files have in common: numbered lines, mistakes that
are gathered before they are reported, and a few kinds of value.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vos3000.errors import ConfigError


def listed(text: str) -> tuple[str, ...]:
    """The entries of a comma list; none for an empty one."""
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def port(text: str) -> int:
    """
    Read a port number.

    @raise ValueError: If it is none.
    """
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise ValueError(f"{text!r} is no port, 1 to 65535 is")
    return int(text)


class Problems:
    """What is wrong with the files of one configuration."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, path: Path, line: int, text: str) -> None:
        """Note that C{line} of a file is wrong; 0 for the file as a whole."""
        self._lines.append(f"{path}:{line}: {text}" if line else f"{path}: {text}")

    def check(self) -> None:
        """
        Return if nothing was wrong.

        @raise ConfigError: With everything that was noted.
        """
        if self._lines:
            raise ConfigError(self._lines)


def lines(path: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    """
    The numbered lines of a file that say something, without outer blanks.

    Blank lines and lines that start with C{#} or C{;} say nothing; so does a
    file that does not exist.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return
    except OSError as error:
        problems.add(path, 0, f"cannot be read: {error.strerror}")
        return
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        problems.add(path, number, "is not UTF-8 text")
        return
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.strip()
        if line and line[0] not in "#;":
            yield number, line
