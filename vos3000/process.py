"""
The process that twistd made around the switch, and whoever waits at the
terminal for its start.

twistd reports only what an C{Exception} says, cut to 100 bytes and with a
traceback; with a C{SystemExit} a daemon's parent would wait for ever.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, NoReturn

from twisted.logger import Logger


class Process:
    """
    What a start that fails needs of its process.

    @param twistd: twistd's options, as they are when the service is made:
        before a daemon leaves its terminal.
    """

    _log = Logger()

    def __init__(self, twistd: MutableMapping[str, Any]) -> None:
        self._twistd = twistd
        self._daemon = not twistd.get("nodaemon")
        self._terminal = _copy(2)

    def refuse(self, message: str) -> NoReturn:
        """
        Do not start: say why where the operator looks, and leave nothing.

        @raise SystemExit: Always, with status 1.
        """
        if self._daemon or self._twistd.get("logfile") or self._twistd.get("syslog"):
            self._log.critical("{message}", message=message)
        with suppress(OSError):
            os.write(self._terminal, f"{message}\n".encode(errors="replace"))
        self._release_terminal()
        self._remove_pid()
        waiting = self._twistd.get("statusPipe")
        if waiting is not None:
            os.write(waiting, b"1 vos3000 does not start")
            os.close(waiting)
        raise SystemExit(1)

    def serve(self) -> None:
        """
        Nobody waits at the terminal any longer. When all is done a signal that
        comes late changes nothing: without this it would be the exit status.
        """
        atexit.register(_ignore_signals)
        self._release_terminal()

    def _release_terminal(self) -> None:
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1

    def fail(self) -> None:
        """Make the exit status 1, once twistd has done everything else."""
        atexit.register(_exit, 1)

    def _remove_pid(self) -> None:
        path = self._twistd.get("pidfile")
        if not path:
            return
        try:
            os.unlink(path)
        except OSError as error:
            self._log.warn("{path} is left over: {error}", path=path, error=error)


def _copy(handle: int) -> int:
    """The same file under another number; -1 if it is closed."""
    try:
        return os.dup(handle)
    except OSError:
        return -1


def _ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def _exit(status: int) -> None:
    """Nothing else makes twistd end with a status of our choice."""
    sys.stdout.flush()
    os._exit(status)
