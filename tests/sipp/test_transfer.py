"""
Transfers with SIPp in all three places: who hears what, and what it costs.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from bench.ledger import records
from tests.sipp.case import OPENING, ORDINARY, SharedCalls
from tests.sipp.runner import Outcome, Party
from tests.sipp.shared import COST, PERIOD, RETAIL
from vos3000.model import causes

_TAGS = r".*?^From: [^\n]*;tag=(\S+)$.*?^To: [^\n]*;tag=(\S+)$.*?^Call-ID: (\S+)$"
_ACK = re.compile(rf"(?ms)^ACK {_TAGS}")
_RINGING = re.compile(rf"(?ms)^SIP/2.0 180 {_TAGS}")


class TransferTests(SharedCalls):
    """
    One party calls a second and connects it to a third.
    """

    def begin(self, allowed: bool = True) -> tuple[Party, Party]:
        """The second, and who will transfer it."""
        carrier = self.carrier
        carrier.create(OPENING)
        way_in = carrier.gateway("in")
        if allowed:
            carrier.switch.post(
                "ModifyGatewayMapping", name=way_in, enableCallTransfer=True
            )
        return self.callee("callee-transferred"), self.caller("caller-refers")

    def third(self, scenario: str, status: int = 0) -> Party:
        """The third, with numbers of its own."""
        party, carrier = Party(scenario, status=status), self.carrier
        self.parties(party)
        carrier.switch.post(
            "CreateGatewayRouting",
            name=carrier.gateway("c"),
            prefix=self.number[:6],
            protocol=1,
            registerType=0,
            remoteIp="127.0.0.1",
            signalPort=party.port,
            clearingAccount=carrier.vendor,
        )
        return party

    @property
    def number(self) -> str:
        """The third's number."""
        return f"{self.carrier.number[:5]}9550100"

    async def ended(self, *ends: Deferred[Outcome]) -> None:
        """Every party went as its scenario says."""
        outcomes: list[Outcome] = await gatherResults(ends)
        bad = [f"{o.scenario}: {o.status}\n{o.errors}" for o in outcomes if o.status]
        self.assertEqual("\n".join(bad), "")

    async def rows(self, **columns: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """The records of both calls, with the balances that go with them."""
        carrier = self.carrier
        first = await self.record_of(carrier, carrier.number)
        second = await self.record_of(carrier, self.number)
        fee, cost = int(RETAIL * 1_000_000), int(COST * 1_000_000)
        for row in (first, second):
            self.assert_columns(
                row,
                customeraccount=carrier.customer,
                agentaccount=carrier.vendor,
                callergatewayid=carrier.gateway("in"),
                endreason=ORDINARY,
                holdtime=row["holdtime"],
                feetime=PERIOD,
                fee=fee,
                agentfee=cost,
            )
            self.assertGreaterEqual(row["holdtime"], 2)
        self.assertEqual(carrier.money(carrier.customer), OPENING - 2 * RETAIL)
        self.assertEqual(carrier.money(carrier.vendor), Decimal(0) - 2 * COST)
        return first, second

    async def test_blind(self) -> None:
        """REFER with a number: 202, three NOTIFYs, BYE; the others talk."""
        second, first = self.begin()
        third = self.third("callee-target")
        first.values = {"refer": f"sip:{self.number}@127.0.0.1"}
        self.parties(first)
        carrier, directory = self.carrier, Path(self.mktemp())
        ends = [second.start(directory / "second"), third.start(directory / "third")]
        await self.pause(0.3)
        ends.append(
            first.start(
                directory / "first", target=carrier.switch.port, number=carrier.number
            )
        )
        await self.ended(*ends)
        one, two = await self.rows()
        self.assert_columns(one, enddirection=1, calleegatewayid=carrier.gateway("a"))
        self.assert_columns(two, enddirection=0, calleegatewayid=carrier.gateway("c"))
        self.assertEqual(two["calleroriginalcallid"], one["callercallid"])

    async def test_attended(self) -> None:
        """REFER with the Replaces of another call: both are joined."""
        await self.attended(
            "callee-consulted", "caller-consults", "caller-refers-attended", _ACK
        )

    async def test_ringing(self) -> None:
        """The other call still rings: its INVITE ends, and both are joined."""
        await self.attended(
            "callee-consulted-late",
            "caller-consults-ringing",
            "caller-refers-ringing",
            _RINGING,
        )

    async def attended(
        self, called: str, consults: str, refers: str, sign: re.Pattern[str]
    ) -> None:
        """
        One party with two calls joins them.

        @param called: The scenario of who is consulted, C{consults} that of the call
            to it, C{refers} that of the call that REFER comes in.
        @param sign: The message of the call to it after which it is referred to.
        """
        second, first = self.begin()
        third = self.third(called)
        consulting = self.caller(consults)
        first.scenario = refers
        self.parties(first, consulting)
        carrier, directory = self.carrier, Path(self.mktemp())
        port = carrier.switch.port
        ends = [second.start(directory / "second"), third.start(directory / "third")]
        await self.pause(0.3)
        where = directory / "consulting"
        ends.append(consulting.start(where, target=port, number=self.number))
        first.values = {"refer": await self.refer_to(where / "messages.log", sign)}
        ends.append(
            first.start(directory / "first", target=port, number=carrier.number)
        )
        await self.ended(*ends)
        one, two = await self.rows()
        self.assert_columns(one, enddirection=1)
        self.assert_columns(two, enddirection=0)

    async def in_vain(self, scenario: str, status: int, *third: Party) -> None:
        """
        A blind transfer that fails: the first call goes on until who wanted it
        hangs up, and is all that is paid for.
        """
        second, first = self.begin(bool(third))
        second.scenario, first.scenario = "callee-answers", scenario
        first.status = status
        first.values = {"refer": f"sip:{self.number}@127.0.0.1"}
        parties = [self.third(each.scenario, each.status) for each in third]
        await self.call(self.carrier, first, second, *parties)
        row = await self.record(self.carrier)
        fee, cost = int(RETAIL * 1_000_000), int(COST * 1_000_000)
        self.assert_columns(
            row, endreason=ORDINARY, enddirection=0, fee=fee, agentfee=cost
        )
        self.assertEqual(self.carrier.money(self.carrier.customer), OPENING - RETAIL)
        self.assertEqual(self.carrier.money(self.carrier.vendor), -COST)

    async def failed(self, reason: int) -> None:
        """The record of the call that the transfer placed: it cost nothing."""
        self.assert_columns(
            await self.record_of(self.carrier, self.number),
            endreason=reason,
            calleegatewayid=self.carrier.gateway("c"),
            customeraccount=self.carrier.customer,
            holdtime=0,
            fee=0,
            agentfee=0,
        )

    async def test_busy(self) -> None:
        """The third is busy: 486 in the last NOTIFY, and both talk on."""
        third = Party("callee-refuses", status=486)
        await self.in_vain("caller-refers-in-vain", 486, third)
        await self.failed(486)

    async def test_no_answer(self) -> None:
        """The third only rings, and is cancelled when its time is up."""
        cause = causes.load()["ResponseTimeout"]
        await self.in_vain("caller-refers-to-ringing", cause.sip, Party("callee-rings"))
        await self.failed(cause.code)

    async def test_not_allowed(self) -> None:
        """Without the option it is 603, and nobody is called."""
        await self.in_vain("caller-refers-refused", 603)
        self.assertEqual(records(self.carrier.switch.state, self.number), [])

    async def refer_to(self, messages: Path, sign: re.Pattern[str]) -> str:
        """Whom to refer to, once the other call has come so far."""
        for _ in range(50):
            if written(messages, sign) is not None:
                break
            await self.pause(0.1)
        found = written(messages, sign)
        assert found is not None
        theirs, ours, call_id = found.groups()
        dialog = f"{call_id};to-tag={ours};from-tag={theirs}"
        escaped = dialog.replace(";", "%3B").replace("=", "%3D").replace("@", "%40")
        return f"sip:{self.number}@127.0.0.1?Replaces={escaped}"


def written(messages: Path, sign: re.Pattern[str]) -> re.Match[str] | None:
    """
    The dialog in what SIPp wrote down of its messages: the tags of From and To,
    and the Call-ID, of the first one that C{sign} describes.
    """
    text = messages.read_text("utf-8") if messages.exists() else ""
    return sign.search(text.replace("\r", ""))
