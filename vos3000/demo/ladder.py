"""
The ladder of a call: every message, in order, between three lanes.

Messages are noted where they touch the network: by the demonstration's own
user agents, as they send and receive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

WIDTH = 28
"""Columns between two lanes."""


@attrs.frozen(slots=True)
class Step:
    """
    One message.

    @ivar at: Seconds since the ladder began.
    @ivar agent: The user agent that saw it.
    @ivar sent: Whether the agent sent it; else the switch did.
    @ivar line: Its start line.
    """

    at: float
    agent: str
    sent: bool
    line: str

    @property
    def label(self) -> str:
        """The start line without what is the same in every message."""
        if self.line.startswith("SIP/2.0 "):
            return self.line[8:]
        method, _, rest = self.line.partition(" ")
        user = rest.removeprefix("sip:").partition("@")[0]
        return f"{method} {user}" if method == "INVITE" else method


class Ladder:
    """
    The messages of one call.

    @param seconds: A clock that does not step.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._begun = seconds()
        self.steps: list[Step] = []

    def restart(self) -> None:
        """Forget the last call; the clock begins at zero."""
        self._begun = self._seconds()
        self.steps = []

    def note(self, agent: str, sent: bool, data: bytes) -> None:
        """Add a message as it passes."""
        line = data.partition(b"\r\n")[0].decode("utf-8", "replace")
        self.steps.append(Step(self._seconds() - self._begun, agent, sent, line))

    def lines(self, caller: str) -> Iterator[str]:
        """
        The ladder as text, 80 columns wide: caller, switch, vendor.

        @param caller: The agent on the left; every other stands on the right.
        """
        yield f"{'ms':>7}  {caller:<{WIDTH}}  switch"
        for step in self.steps:
            milliseconds = f"{step.at * 1000:7.1f}  "
            if step.agent == caller:
                yield milliseconds + _arrow(step.label, step.sent) + "|"
            else:
                arrow = _arrow(step.label, not step.sent)
                yield f"{milliseconds}{' ' * WIDTH}|{arrow} {step.agent}"


def _arrow(label: str, right: bool) -> str:
    shaft = f"- {label[: WIDTH - 4]} ".ljust(WIDTH - 1, "-")
    return f"{shaft}>" if right else f"<{shaft}"
