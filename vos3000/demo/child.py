"""
The switch of the demonstration: C{twistd -n vos3000} in a process of its own.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

GRACE = 12.0
"""Seconds a switch has for its calls and records after SIGTERM."""

LOG = "demo-switch.log"

KEPT = 65536
"""Bytes of its output that are kept."""


def command(config: Path, state: Path, log: Path | None = None) -> list[str]:
    """
    The command line that starts the switch.

    @param log: Where its log goes; None for the standard output.
    """
    beside = str(Path(sys.executable).parent)
    twistd = shutil.which("twistd", path=beside) or shutil.which("twistd")
    run = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
    options = ["-n", "--pidfile=", *([f"--logfile={log}"] if log else [])]
    own = ["vos3000", "--config", str(config), "--state", str(state)]
    return [*([twistd] if twistd else run), *options, *own]


class Child(ProcessProtocol):
    """
    The process.

    @ivar ended: Fires when it is gone.
    @ivar output: The end of what it wrote to its standard output and error.
    """

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()
        self.output = b""
        self.running = True

    def start(
        self,
        reactor: IReactorProcess,
        arguments: list[str],
        environment: dict[str, str],
    ) -> None:
        """Start it."""
        reactor.spawnProcess(self, arguments[0], arguments, environment)

    def outReceived(self, data: bytes) -> None:
        """Keep the end of what it says."""
        self.output = (self.output + data)[-KEPT:]

    def errReceived(self, data: bytes) -> None:
        """Keep what it complains about, too."""
        self.outReceived(data)

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        self.running = False
        self.ended.callback(None)

    def stop(self, clock: IReactorTime) -> Deferred[None]:
        """
        Ask it to end, and make it end if it does not.

        @return: Fires when it is gone.
        """
        self._signal("TERM")
        kill = clock.callLater(GRACE, self._signal, "KILL")

        def gone(_: None) -> None:
            if kill.active():
                kill.cancel()

        return self.ended.addCallback(gone)

    def _signal(self, name: str) -> None:
        try:
            if self.running and self.transport is not None:
                self.transport.signalProcess(name)
        except ProcessExitedAlready:
            return
