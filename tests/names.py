"""
A name service in memory.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from vos3000.sip.locate import Naptr, Srv
from vos3000.sip.lookup import Answer, Unanswered


class FakeNames:
    """
    Answers at once, or when the test says so.

    @ivar asked: Every question, as C{kind name}.
    @ivar silent: Questions that get no answer; C{*} for all.
    @ivar ttl: Seconds for which answers hold.
    """

    def __init__(self) -> None:
        self.records: dict[str, list[Any]] = {}
        self.asked: list[str] = []
        self.silent: set[str] = set()
        self.ttl = 300.0
        self.held: list[Deferred[None]] | None = None

    def naptr_of(self, name: str, *records: Naptr) -> None:
        """Set the NAPTR records of a name."""
        self.records[f"NAPTR {name}"] = list(records)

    def srv_of(self, name: str, *records: Srv) -> None:
        """Set its SRV records."""
        self.records[f"SRV {name}"] = list(records)

    def addresses_of(self, name: str, *hosts: str) -> None:
        """Set its addresses."""
        self.records[f"A {name}"] = list(hosts)

    def go_on(self) -> None:
        """Answer what was held back."""
        held, self.held = self.held or [], []
        for each in held:
            each.callback(None)

    async def _answer(self, kind: str, name: str) -> Answer:
        question = f"{kind} {name}"
        self.asked.append(question)
        if self.held is not None:
            wait: Deferred[None] = Deferred()
            self.held.append(wait)
            await wait
        if question in self.silent or "*" in self.silent:
            raise Unanswered(f"no answer to {question}")
        return Answer(tuple(self.records.get(question, ())), self.ttl)

    async def naptr(self, name: str) -> Answer:
        """See L{vos3000.sip.lookup.Names}."""
        return await self._answer("NAPTR", name)

    async def srv(self, name: str) -> Answer:
        """See L{vos3000.sip.lookup.Names}."""
        return await self._answer("SRV", name)

    async def addresses(self, name: str) -> Answer:
        """See L{vos3000.sip.lookup.Names}."""
        return await self._answer("A", name)
