"""Tests of L{vos3000.demo.play}: a switch that does not come up."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import Terminal
from tests.demo.net import tokens
from vos3000.commands.context import Complaint, Setup
from vos3000.demo.child import LOG
from vos3000.demo.consumer import Consumer
from vos3000.demo.play import PATIENCE, Play
from vos3000.demo.show import Show
from vos3000.model import causes


class PlayedReactor(Clock):
    """
    A reactor whose processes only pretend, and whose threads run at once.

    @ivar spawned: The command line of each process.
    @ivar triggers: What runs before the shutdown.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[list[str]] = []
        self.triggers: list[Callable[[], Any]] = []

    def addSystemEventTrigger(
        self, phase: str, event: str, call: Callable[[], Any]
    ) -> None:
        """Remember what to run."""
        self.triggers.append(call)

    def spawnProcess(
        self, protocol: Any, executable: str, args: list[str], env: Any
    ) -> None:
        """Remember the command line."""
        self.spawned.append(args)
        protocol.transport = self

    def signalProcess(self, name: str) -> None:
        """The process does not listen."""

    def getThreadPool(self) -> PlayedReactor:
        """The pool is this object, too."""
        return self

    def callInThreadWithCallback(
        self, told: Callable[[bool, Any], None], function: Any, *given: Any
    ) -> None:
        """Run it now."""
        try:
            result = function(*given)
        except Exception:
            told(False, Failure())
        else:
            told(True, result)

    def callFromThread(self, function: Any, *given: Any) -> None:
        """Run it now."""
        function(*given)


class StartTests(SynchronousTestCase):
    """The start of the demonstration."""

    def setUp(self) -> None:
        """A switch at which nobody listens."""
        self.terminal = Terminal(self.mktemp())
        self.terminal.switch.answers["GetPerformance"] = ConnectionRefusedError()
        terminal, self.reactor = self.terminal, PlayedReactor()
        self.screen = io.StringIO()
        screen = Console(file=self.screen)
        self.play = Play(
            self.reactor,
            Setup(terminal.config, terminal.state, terminal.switch.connect),
            Show(screen, causes.load(), ZoneInfo("UTC"), False),
            Consumer(),
            tokens(),
            False,
        )
        self.done = Deferred.fromCoroutine(self.play.run(False))

    def test_switch_goes_away(self) -> None:
        """The end of its log says why."""
        (self.terminal.state / LOG).write_text("a\nno room left\n")
        self.reactor.advance(1)
        self.play.child.errReceived(b"last words\n")
        self.play.child.processEnded(Failure(ProcessDone(1)))
        self.reactor.advance(1)
        error = self.failureResultOf(self.done, Complaint).value
        self.assertIn("did not start", error.message)
        self.assertIn("no room left", error.message)
        self.assertIn("last words", error.message)

    def test_switch_never_serves(self) -> None:
        """Patience ends after half a minute."""
        self.reactor.pump([0.1] * round(PATIENCE / 0.1 - 1))
        self.assertNoResult(self.done)
        self.reactor.pump([0.1] * 2)
        error = self.failureResultOf(self.done, Complaint).value
        self.assertIn("does not answer", error.message)

    def test_told_to_end(self) -> None:
        """Ctrl-C while it starts is no mistake, and waits for the process."""
        self.assertEqual(self.reactor.spawned[0][-5], "vos3000")
        (stop,) = self.reactor.triggers
        stopped = stop()
        self.assertNoResult(stopped)
        self.play.child.processEnded(Failure(ProcessDone(0)))
        self.reactor.advance(0.1)
        self.successResultOf(stopped)
        self.successResultOf(self.done)
        self.assertIn("goodbye", self.screen.getvalue())
        self.assertEqual(self.reactor.getDelayedCalls(), [])
