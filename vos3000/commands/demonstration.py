"""
The command demo: a working switch, and three calls through it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import react

from vos3000 import config as configuration
from vos3000.commands.context import Complaint, Setup, console, shared
from vos3000.config import Config
from vos3000.demo import ports
from vos3000.demo.child import command
from vos3000.demo.consumer import Consumer
from vos3000.demo.play import Play, configure
from vos3000.demo.show import Show
from vos3000.errors import VosError
from vos3000.model import causes

WIDTH = 80
"""Columns of what is not printed on a terminal."""


@click.command()
@click.option("--no-demo", is_flag=True, help="Only serve; no carrier, no calls.")
@shared
def demo(setup: Setup, no_demo: bool) -> None:
    """
    Start a switch, and show what it does.

    Starts `twistd -n vos3000` on its default ports, makes a demonstration
    carrier, places three calls over UDP (answered; failed over; refused for
    no balance) and shows for each the SIP ladder, the record, the charge, the
    balance and the pushes. Then it serves until Ctrl-C.

    State is kept in a directory that is removed at the end, unless --state
    names one. Without --config it takes the packaged files, whatever is in
    /etc/vos3000, and hears the pushes itself; with --config, that
    configuration's ports are used and the pushes go where it says.
    --no-demo is `twistd -n vos3000` with a check of the ports before it.
    """
    if no_demo:
        serve(setup)
        return
    work = Path(tempfile.mkdtemp(prefix="vos3000-demo-"))
    try:
        _play(setup, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def serve(setup: Setup) -> None:
    """
    Become the switch.

    @raise Complaint: If a port is in use.
    """
    config = setup.config
    _check(config)
    screen = console()
    for transport, setting, endpoints in ports.listeners(config):
        for endpoint in endpoints:
            screen.print(f"{transport.upper()} {endpoint}  ({setting})")
    screen.print(f"state in {config.state.dir}; Ctrl-C ends it", style="bold")
    config.state.dir.mkdir(parents=True, exist_ok=True)
    arguments = command(config.directory, config.state.dir)
    os.execv(arguments[0], arguments)


def _check(config: Config) -> None:
    problems = ports.problems(config)
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise Complaint(f"the switch cannot listen:\n{lines}")


def _play(setup: Setup, work: Path) -> None:
    port = _free_port()
    listens = setup.directory is None
    if listens:
        directory = work / "etc"
        directory.mkdir()
        configure(configuration.packaged(), directory, f"http://127.0.0.1:{port}/")
        setup.directory = directory
    temporary = setup.state is None
    if setup.state is None:
        setup.state = work / "state"
    config = setup.config
    _check(config)
    if not any(":" not in endpoint.host for endpoint in config.sip.udp):
        raise Complaint(
            "the demonstration calls over UDP and IPv4: give [sip] udp in"
            f" {config.directory / 'vos3000.conf'} such an address, or --no-demo"
        )
    screen = console(width=WIDTH)
    show = Show(screen, causes.load(), config.state.zone, listens)

    def main(reactor: Any) -> Deferred[None]:
        play = Play(reactor, setup, show, Consumer(), _token, listens)
        if listens:
            play.listen(port)
        return ensureDeferred(_told(play.run(temporary)))

    react(main)


async def _told(work: Coroutine[Any, Any, None]) -> None:
    """Tell what went wrong, and end with status 1."""
    try:
        await work
    except VosError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(1) from None
    except Complaint as error:
        error.show()
        raise SystemExit(error.exit_code) from None


def _token() -> str:
    """A word for branches and tags that never comes twice."""
    return secrets.token_hex(6)


def _free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
