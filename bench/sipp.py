"""
Load from SIPp: a caller and a callee around the switch, and their counts.

Resent messages are counted at both ends: what SIPp itself sent again and what
it received again from the switch, so that none is counted twice.
"""

from __future__ import annotations

import csv
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import attrs

from bench.children import LOAD_CORE, Child

_SCENARIOS = Path(__file__).parent / "scenarios"
_BUFFER = 4 * 1024 * 1024
_DRAIN = 8.0


@attrs.frozen(slots=True)
class Load:
    """
    What one run asks for.

    @ivar rate: Calls started in a second.
    @ivar calls: Calls in all.
    @ivar hold: Seconds between ACK and BYE.
    """

    rate: int
    calls: int
    hold: float = 1.0

    @property
    def seconds(self) -> float:
        """How long the run takes when all goes well."""
        return self.calls / self.rate + self.hold


@attrs.frozen(slots=True)
class Tally:
    """
    What became of a run's calls.

    @ivar succeeded: Calls that went through to the 200 for the BYE.
    @ivar failed: Calls that did not, or rang no bell: unfinished ones included.
    @ivar resent: Messages sent more than once, by anyone.
    @ivar seconds: From the first INVITE to the last call's end.
    """

    calls: int
    succeeded: int
    failed: int
    resent: int
    seconds: float

    @property
    def clean(self) -> bool:
        """Under 0.1 % of the calls failed and under 1 % messages resent."""
        return self.failed * 1000 < self.calls and self.resent * 100 < self.calls


def _last_row(path: Path) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines, delimiter=";"))
    return dict(zip(rows[0], rows[-1], strict=False)) if len(rows) > 1 else {}


class Sipp:
    """
    One SIPp at work in a directory of its own.
    """

    def __init__(self, scenario: str, port: int, arguments: list[str]) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="bench-sipp-")
        self._path = Path(self._directory.name)
        common = ["-i", "127.0.0.1", "-p", str(port), "-nostdin", "-timer_resol", "1"]
        statistics = ["-trace_stat", "-stf", "stat.csv", "-fd", "1", "-trace_counts"]
        scenarios = ["-sf", str(_SCENARIOS / scenario)]
        buffers = ["-buff_size", str(_BUFFER)]
        self.child = Child(
            ["sipp", *arguments, *scenarios, *common, *statistics, *buffers],
            LOAD_CORE,
            self._path,
            self._path / "screen",
        )

    def count(self, name: str) -> int:
        """A cumulative count of SIPp's statistics, at most 1 s old."""
        return int(_last_row(self._path / "stat.csv").get(name, 0))

    def messages(self, ending: str) -> int:
        """The sum of all message counts whose name ends so."""
        row = _last_row(next(self._path.glob("*_counts.csv")))
        return sum(int(value) for name, value in row.items() if name.endswith(ending))

    def history(self, name: str) -> list[tuple[float, int]]:
        """A message's count, second by second, each with its time."""
        path = next(self._path.glob("*_counts.csv"))
        with path.open(newline="", encoding="utf-8") as lines:
            header, *rows = csv.reader(lines, delimiter=";")
        place = header.index(name)
        return [(float(row[0].rpartition("\t")[2]), int(row[place])) for row in rows]

    def text(self, name: str) -> str:
        """What it wrote into a file."""
        return (self._path / name).read_text("utf-8", "replace")

    def finish(self) -> None:
        """Let it end its calls, write its last counts and end."""
        self.child.signal(signal.SIGUSR1)
        self.child.wait(6.0)

    def close(self) -> None:
        """End it if it runs, and remove what it wrote."""
        self.child.stop(3.0)
        self._directory.cleanup()


class Pair:
    """
    A caller and a callee, one on each side of the switch.

    @ivar target: UDP port of the switch.
    """

    def __init__(self, target: int, caller_port: int, callee_port: int) -> None:
        self.target = target
        self._caller_port = caller_port
        self._callee_port = callee_port

    def run(self, load: Load, held: Callable[[], object] | None = None) -> Tally:
        """
        Place the calls and wait for their end, for a bounded time.

        @param held: Called when every call should be up.
        """
        callee = Sipp("callee.xml", self._callee_port, [])
        try:
            time.sleep(0.3)
            caller = Sipp("caller.xml", self._caller_port, self._arguments(load))
            try:
                return self._watch(load, held, caller, callee)
            finally:
                caller.close()
        finally:
            callee.close()

    def _arguments(self, load: Load) -> list[str]:
        limit = load.seconds + _DRAIN
        return [
            f"127.0.0.1:{self.target}",
            *("-r", str(load.rate), "-m", str(load.calls), "-l", str(load.calls)),
            *("-d", str(round(load.hold * 1000)), "-timeout", f"{limit:.0f}s"),
        ]

    def _watch(
        self,
        load: Load,
        held: Callable[[], object] | None,
        caller: Sipp,
        callee: Sipp,
    ) -> Tally:
        begun = time.monotonic()
        if held is not None:
            time.sleep(load.calls / load.rate + 2.0)
            held()
        caller.child.wait(begun + load.seconds + _DRAIN + 10.0 - time.monotonic())
        seconds = time.monotonic() - begun
        time.sleep(0.2)
        callee.finish()
        succeeded = caller.count("SuccessfulCall(C)")
        resent = caller.messages("_Retrans") + callee.messages("_Retrans")
        failed = load.calls - min(succeeded, caller.messages("180_Recv"))
        return Tally(load.calls, succeeded, failed, resent, seconds)
