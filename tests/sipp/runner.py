"""
SIPp as caller and as callee, run by the reactor, and how each ended.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template

import attrs
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

SCENARIOS = Path(__file__).parent / "scenarios"
_MISSING = "SIPp is missing, nothing was tested: apt-get install sip-tester"
_SECONDS = 20


def sipp() -> str:
    """
    The path of SIPp.

    @raise RuntimeError: If it is not installed: the tests fail, none is skipped.
    """
    program = shutil.which("sipp")
    if program is None:
        raise RuntimeError(_MISSING)
    return program


@attrs.frozen(slots=True)
class Outcome:
    """
    How one SIPp ended.

    @ivar status: Its exit status: 0 when every call went as its scenario says.
    @ivar errors: What it found wrong.
    """

    scenario: str
    status: int
    errors: str


class Sipp(ProcessProtocol):
    """
    One SIPp at work on one call.

    @ivar ended: Fires with the L{Outcome} when it is over.
    """

    def __init__(
        self,
        scenario: str,
        directory: Path,
        status: int,
        transport: str,
        values: Mapping[str, object],
    ) -> None:
        self.ended: Deferred[Outcome] = Deferred()
        self._scenario = scenario
        self._directory = directory
        # of its Contact; sippy knows none of SIPp's own writing, UDP
        where = "" if transport == "udp" else f";transport={transport}"
        given = {name: str(value) for name, value in values.items()}
        self._values = {"status": str(status), "transport": where, **given}
        self._output: list[bytes] = []

    def start(self, reactor: IReactorProcess, arguments: list[str]) -> None:
        """
        Run the scenario once.

        @param arguments: What SIPp needs besides the scenario.
        """
        program = sipp()
        self._directory.mkdir(parents=True)
        scenario = self._directory / f"{self._scenario}.xml"
        text = (SCENARIOS / scenario.name).read_text("utf-8")
        filled = Template(text).safe_substitute(self._values)
        scenario.write_text(filled, "utf-8")
        common = ["-sf", scenario.name, "-m", "1", "-nostdin", "-timer_resol", "1"]
        errors = ["-trace_err", "-error_file", "errors.log"]
        errors += ["-trace_msg", "-message_file", "messages.log"]
        limit = ["-timeout", f"{_SECONDS}s", "-timeout_error"]
        argv = ["sipp", *arguments, *common, *errors, *limit]
        directory = str(self._directory)
        reactor.spawnProcess(self, program, argv, env=None, path=directory)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Keep the screen, in case it ends badly."""
        self._output.append(data)

    def processEnded(self, reason: Failure) -> None:
        """Tell how it ended."""
        status = getattr(reason.value, "exitCode", None)
        log = self._directory / "errors.log"
        errors = log.read_text("utf-8", "replace") if log.exists() else ""
        screen = b"".join(self._output).decode("utf-8", "replace")
        outcome = Outcome(self._scenario, -1 if status is None else status, errors)
        if outcome.status and not errors:
            outcome = attrs.evolve(outcome, errors=screen[-2000:])
        self.ended.callback(outcome)

    def kill(self) -> None:
        """End it, if it runs."""
        try:
            if self.transport is not None and self.transport.pid:
                self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            return


@attrs.define(slots=True)
class Party:
    """
    One side of a call.

    @ivar scenario: Name of its file, without the ending.
    @ivar host: The loopback address that it uses.
    @ivar transport: C{udp} or C{tcp}.
    @ivar status: What C{$status} in its scenario stands for; C{$transport} is the
        parameter of its Contact.
    @ivar values: What other words with a C{$} in its scenario stand for.
    """

    scenario: str
    host: str = "127.0.0.1"
    port: int = 0
    transport: str = "udp"
    status: int = 0
    values: Mapping[str, object] = attrs.field(factory=dict)
    _sipp: Sipp | None = attrs.field(default=None, init=False)

    def start(
        self, directory: Path, *, target: int = 0, number: str = "", hold: int = 0
    ) -> Deferred[Outcome]:
        """
        Start it: as a caller when there is a target, else as a callee.

        @param target: The switch's port on 127.0.0.1.
        @param number: The number that is called.
        @param hold: Milliseconds between ACK and BYE.
        @return: How it ended.
        """
        arguments = ["-i", self.host, "-bind_local", "-p", str(self.port)]
        arguments += ["-t", {"udp": "u1", "tcp": "t1"}[self.transport]]
        if target:
            arguments.insert(0, f"127.0.0.1:{target}")
            arguments += ["-s", number, "-d", str(hold)]
            if "password" in self.values:
                # SIPp's own URI names only the host: it would open any number.
                arguments += ["-auth_uri", f"{number}@127.0.0.1:{target}"]
        self._sipp = Sipp(
            self.scenario, directory, self.status, self.transport, self.values
        )
        self._sipp.start(IReactorProcess(reactor), arguments)
        return self._sipp.ended

    def stop(self) -> None:
        """End it, if it runs."""
        if self._sipp is not None:
            self._sipp.kill()
