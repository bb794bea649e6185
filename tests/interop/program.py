"""
A program that a test talks to: what it says is waited for, what it must do is typed.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

_COLORS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_SECONDS = 15.0


def find(name: str, package: str) -> str:
    """
    The path of a program.

    @raise RuntimeError: If it is not installed: the tests fail, none is skipped.
    """
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        raise RuntimeError(
            f"{name} is missing, nothing was tested: apt-get install {package}"
        )
    return path


class Program(ProcessProtocol):
    """
    One running program.

    @ivar output: Everything it printed so far, without colors.
    @ivar ended: Fires with its exit status when it is over.
    """

    def __init__(self, *argv: str) -> None:
        self.output = ""
        self.ended: Deferred[int] = Deferred()
        self._argv = argv
        self._waiting: list[tuple[re.Pattern[str], int, Deferred[re.Match[str]]]] = []
        self._status: int | None = None

    def start(self, directory: Path, pty: bool = False, **environment: str) -> None:
        """
        Run it.

        @param pty: Whether it wants a terminal.
        """
        directory.mkdir(parents=True, exist_ok=True)
        given = {**os.environ, "HOME": str(directory.absolute()), **environment}
        IReactorProcess(reactor).spawnProcess(
            self, self._argv[0], self._argv, given, str(directory), usePTY=pty
        )

    def say(self, text: str) -> None:
        """Type a line."""
        assert self.transport is not None
        self.transport.write(f"{text}\n".encode())

    def press(self, keys: str) -> None:
        """Press keys, without the one that ends a line."""
        assert self.transport is not None
        self.transport.write(keys.encode())

    def hears(
        self, pattern: str, seconds: float = _SECONDS, since: int = 0
    ) -> Deferred[re.Match[str]]:
        """
        Wait until it has printed something.

        @param since: Where in L{output} to begin.
        @return: The match. Fails with all that it printed if it ends first, or
            says nothing of the kind in time.
        """
        wanted = re.compile(pattern)
        result: Deferred[re.Match[str]] = Deferred()
        self._waiting.append((wanted, since, result))
        self._look()
        clock = IReactorTime(reactor)
        return result.addTimeout(seconds, clock, lambda *_: self._missed(pattern))

    def _missed(self, pattern: str) -> Failure:
        said = self.output[-6000:]
        return Failure(TimeoutError(f"{self._argv[0]} never said {pattern!r}:\n{said}"))

    def _look(self) -> None:
        for waiting in list(self._waiting):
            wanted, since, result = waiting
            found = wanted.search(self.output, since)
            if found is None and self._status is None:
                continue
            self._waiting.remove(waiting)
            if result.called:
                continue
            if found is not None:
                result.callback(found)
            else:
                result.errback(self._missed(wanted.pattern))

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803
        """It printed something."""
        self.output += _COLORS.sub("", data.decode("utf-8", "replace"))
        self._look()

    def processEnded(self, reason: Failure) -> None:  # noqa: N802
        """It is over."""
        code = getattr(reason.value, "exitCode", None)
        self._status = -1 if code is None else code
        self._look()
        self.ended.callback(self._status)

    def stop(self) -> Deferred[int]:
        """
        End it, with the processes that it started; it is killed if it does not
        end in time.

        @return: Fires with its exit status when it is over.
        """
        self._signal("TERM")
        clock = IReactorTime(reactor)
        killing = clock.callLater(3, self._signal, "KILL")
        return self.over().addBoth(_canceling(killing))

    def over(self) -> Deferred[int]:
        """Fires with its exit status when it is over; may be asked often."""
        result: Deferred[int] = Deferred()

        def tell(status: int) -> int:
            if not result.called:
                result.callback(status)
            return status

        self.ended.addCallback(tell)
        return result

    def _signal(self, name: str) -> None:
        try:
            if self.transport is not None and self.transport.pid:
                self.transport.signalProcess(name)
        except ProcessExitedAlready:
            return


def _canceling(call: IDelayedCall) -> Callable[[int], int]:
    def done(status: int) -> int:
        if call.active():
            call.cancel()
        return status

    return done
