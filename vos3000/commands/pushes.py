"""
The command push-replay: reports that nobody took are posted again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS

from vos3000.commands.context import Complaint, Setup, console, shared
from vos3000.config import Push, base_url
from vos3000.parameters import push_url
from vos3000.push import agents
from vos3000.push.poster import Poster
from vos3000.push.replay import Replayed, files, replay

DEAD_LETTERS = "dead-letters.jsonl"


@click.command(name="push-replay")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--url", help="Base address, instead of the configured one.")
@shared
def push_replay(setup: Setup, file: Path | None, url: str | None) -> None:
    """
    Post the dead letters again, oldest first.

    They are pushes that were given up after all retries. FILE is the
    dead-letter file; without it, that of the state directory and what was
    put aside of it. It stops at the first one that is not taken; that one and
    all after it are kept for the next time. The switch may run meanwhile.
    """
    base = _base(setup, url)
    if not base:
        raise Complaint(
            "there is nowhere to post to: set [push] url in"
            f" {setup.config.directory / 'vos3000.conf'}, or give --url"
        )
    if file is not None and file.exists() and not file.is_file():
        raise Complaint(f"{file} is no file of dead letters, and was left alone")
    paths = files(file or setup.config.state.dir / DEAD_LETTERS)
    if not paths:
        console().print("no dead letters")
        return
    results: list[Replayed] = []

    def main(reactor: Any) -> Deferred[None]:
        # A connection for each: consumers that close theirs after an answer
        # would lose the next letter, and here one that is lost ends it all.
        policy = BrowserLikePolicyForHTTPS()
        agent = Agent(reactor, policy, connectTimeout=agents.CONNECT)
        poster = Poster(agent, reactor, base)
        return Deferred.fromCoroutine(_all(paths, poster, results))

    try:
        react(main)
    except SystemExit as end:
        if end.code:
            raise
    _tell(results)


def _base(setup: Setup, url: str | None) -> str:
    """Where to post to; empty for nowhere."""
    config, known = setup.load()
    values = known.values
    if url is None and setup.has_database():
        with setup.pool() as pool:
            values = setup.parameters(pool)
    return push_url(config.push if url is None else Push(_checked(url)), values)


def _checked(url: str) -> str:
    try:
        return base_url(url)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url") from None


async def _all(paths: list[Path], poster: Poster, results: list[Replayed]) -> None:
    """Replay file after file, up to the first letter that is not taken."""
    for path in paths:
        result = await replay(path, poster)
        results.append(result)
        if result.problem:
            return


def _tell(results: list[Replayed]) -> None:
    delivered = sum(result.delivered for result in results)
    unreadable = sum(result.unreadable for result in results)
    console().print(f"{delivered} pushes delivered")
    if unreadable:
        console().print(f"{unreadable} lines are no letters and were left")
    problem = next((result.problem for result in results if result.problem), "")
    if problem:
        raise Complaint(
            f"stopped, {results[-1].left} are left: {problem.rstrip('.')}."
            " Run this again when the consumer takes pushes"
        )
