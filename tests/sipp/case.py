"""
What tests with SIPp share: parties, a call between them, and its record.

The classes here have no tests of their own; a module of tests takes them as bases.
"""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from bench.children import free_port
from bench.ledger import records
from tests.sipp.runner import Outcome, Party, sipp
from tests.sipp.shared import COST, PERIOD, RETAIL, Carrier, Shared

OPENING = Decimal(10)
"""The customer's money before the call."""

TALK = 1500
"""Milliseconds of talk that are two seconds of holdtime and one period."""

BY_CALLER, BY_CALLEE, BY_SERVER = 0, 1, 2
ORDINARY = -8
GAVE_UP = -7
ILLEGAL = -9
MILLION = 1_000_000


class Calls(TestCase):
    """
    Parties, and a call's record.
    """

    timeout = 40

    def parties(self, *parties: Party) -> None:
        """Give each party that has none a port, and end it with the test."""
        for party in parties:
            party.port = party.port or free_port()
            self.addCleanup(party.stop)

    async def pause(self, seconds: float) -> None:
        """Let other processes work."""
        await deferLater(IReactorTime(reactor), seconds)

    async def call(
        self,
        carrier: Carrier,
        caller: Party,
        *callees: Party,
        hold: int = 0,
        target: int = 0,
    ) -> None:
        """
        Place one call, and see both sides end as their scenarios say.

        @param target: The port on 127.0.0.1 that is called; 0 for the switch's.
        """
        self.parties(caller)
        directory = Path(self.mktemp())
        ended = [
            callee.start(directory / f"callee-{place}")
            for place, callee in enumerate(callees)
        ]
        await self.pause(0.3)
        target = target or carrier.switch.port
        where = directory / "caller"
        begun = caller.start(where, target=target, number=carrier.number, hold=hold)
        outcomes: list[Outcome] = await gatherResults([begun, *ended])
        bad = [f"{o.scenario}: {o.status}\n{o.errors}" for o in outcomes if o.status]
        if bad:
            told = carrier.switch.log.read_text("utf-8", "replace").splitlines()
            self.fail("\n".join([*bad, "the switch's log:", *told[-30:]]))

    async def record(self, carrier: Carrier) -> dict[str, Any]:
        """The one record of the carrier's call, when it is committed."""
        return await self.record_of(carrier, carrier.number)

    async def record_of(self, carrier: Carrier, callee: str) -> dict[str, Any]:
        """The one record of a call to a number, when it is committed."""
        end = time.monotonic() + 5
        found = records(carrier.switch.state, callee)
        while not found and time.monotonic() < end:
            await self.pause(0.1)
            found = records(carrier.switch.state, callee)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def assert_columns(self, row: dict[str, Any], **expected: object) -> None:
        """Compare the columns that matter here."""
        self.assertEqual({name: row[name] for name in expected}, expected)

    def assert_paid(self, carrier: Carrier, row: dict[str, Any]) -> None:
        """One period was charged to the customer and owed to the vendor."""
        fee, cost = int(RETAIL * MILLION), int(COST * MILLION)
        self.assert_columns(row, holdtime=2, feetime=PERIOD, fee=fee, agentfee=cost)
        self.assertEqual(carrier.money(carrier.customer), OPENING - RETAIL)
        self.assertEqual(carrier.money(carrier.vendor), -COST)

    def assert_free(self, carrier: Carrier, row: dict[str, Any]) -> None:
        """Nothing was charged."""
        self.assert_columns(row, holdtime=0, feetime=0, fee=0, agentfee=0)
        self.assertEqual(carrier.money(carrier.customer), OPENING)
        self.assertEqual(carrier.money(carrier.vendor), 0)


class SharedCalls(Calls):
    """
    Calls through one switch that stays up.
    """

    shared = Shared()

    def setUp(self) -> None:
        """A carrier of this test's own; no SIPp, no test passes."""
        sipp()
        self.carrier = self.shared.running().carrier()

    def callee(self, scenario: str, suffix: str = "a", **fields: Any) -> Party:
        """A vendor's gateway that plays a scenario, with a route to it."""
        status = fields.pop("status", 0)
        transport = fields.pop("transport", "udp")
        party = Party(scenario, status=status, transport=transport)
        self.parties(party)
        self.carrier.route(suffix, party.port, **fields)
        return party

    def caller(self, scenario: str, status: int = 0, transport: str = "udp") -> Party:
        """The customer's gateway."""
        address = self.carrier.address
        return Party(scenario, address, status=status, transport=transport)
