"""
The command that follows messages: trace.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from vos3000.commands.context import Setup, console, printable, shared
from vos3000.commands.remote import Switch
from vos3000.sip.dialog import host_port
from vos3000.trace.ladder import Ladder, Line
from vos3000.trace.lines import Shown, read
from vos3000.trace.pcap import PcapWriter

_STYLES = {
    "head": "bold",
    "request": "cyan",
    "1": "yellow",
    "2": "green",
    "3": "magenta",
    "4": "red",
    "5": "red",
    "6": "red",
}


@click.command()
@click.option("--number", help="Calls from or to it; 4420* for all that begin so.")
@click.option("--call", help="One call: its id in `vos3000 calls`, or a Call-ID.")
@click.option("--gateway", help="What passes a gateway or phone.")
@click.option("--address", help="Calls of a peer: its address, with port, or a block.")
@click.option(
    "--pcap",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the messages to a file for Wireshark.",
)
@click.option("--full", is_flag=True, help="Print the messages, not a ladder.")
@click.option("--duration", type=float, help="End after so many seconds.")
@click.option("--count", type=click.IntRange(1), help="End after so many messages.")
@shared
def trace(
    setup: Setup,
    number: str | None,
    call: str | None,
    gateway: str | None,
    address: str | None,
    pcap: Path | None,
    full: bool,
    duration: float | None,
    count: int | None,
) -> None:
    """
    Follow the signaling of the running switch, live, until Ctrl-C.

    A call is shown whole, with both its legs, from the first message on that fits
    all that was asked for. Answers to challenges and keys are masked.
    """
    switch = Switch(setup.config, setup.connect)
    asked = {"number": number, "call": call, "gateway": gateway, "address": address}
    lines = switch.follow({name: value for name, value in asked.items() if value})
    next(lines)
    screen, remarks = console(), console(stderr=True)
    remarks.print(f"following {switch.address}; Ctrl-C ends it")
    show = _Messages(screen) if full else _Drawing(screen)
    with ExitStack() as stack:
        writer = None
        if pcap is not None:
            writer = PcapWriter(stack.enter_context(pcap.open("wb")))
        seen = 0
        try:
            for message in _until(lines, setup, duration):
                if isinstance(message, int):
                    remarks.print(f"{message} messages came too fast and are missing")
                    continue
                show.show(message)
                if writer is not None:
                    writer.write(message.seen)
                seen += 1
                if seen == count:
                    break
        except KeyboardInterrupt:
            pass
    if pcap is not None:
        remarks.print(f"{seen} messages in {pcap}")


def _until(
    lines: Iterator[bytes], setup: Setup, duration: float | None
) -> Iterator[Shown | int]:
    """The messages among the lines, until the time is over."""
    begun = setup.now()
    for line in lines:
        if duration is not None and setup.now() - begun >= duration:
            return
        if line.strip():
            yield read(line)


class _Drawing:
    """Messages as a ladder."""

    def __init__(self, screen: Console) -> None:
        self._screen = screen
        self._ladder = Ladder(screen.width)

    def show(self, shown: Shown) -> None:
        """Add one message."""
        for line in self._ladder.lines(shown):
            _print(self._screen, line)


class _Messages:
    """Messages as they are."""

    def __init__(self, screen: Console) -> None:
        self._screen = screen

    def show(self, shown: Shown) -> None:
        """Print one message below a line that says whose it is."""
        seen = shown.seen
        stamp = time.strftime("%H:%M:%S", time.localtime(seen.at))
        head = (
            f"--- {stamp}.{int(seen.at * 1000) % 1000:03} {seen.transport}"
            f" {host_port(*seen.source)} -> {host_port(*seen.destination)}"
        )
        if shown.call:
            head += f" call {shown.call}"
        if shown.gateways:
            head += f" ({', '.join(shown.gateways)})"
        _print(self._screen, Line(head, "head"))
        text = seen.data.decode("utf-8", "replace").replace("\r\n", "\n")
        _print(self._screen, Line(printable(text)))


def _print(screen: Console, line: Line) -> None:
    style = _STYLES.get(line.kind, "")
    screen.print(Text(printable(line.text), style), crop=False, soft_wrap=True)
