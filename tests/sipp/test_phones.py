"""
Platform phones and gateways that register, played by SIPp: calls, records,
charges, balances, and what another system hears of them.
"""

from __future__ import annotations

import json
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from bench.children import free_port
from tests.sipp.case import (
    BY_CALLER,
    BY_SERVER,
    ILLEGAL,
    MILLION,
    OPENING,
    ORDINARY,
    TALK,
    SharedCalls,
)
from tests.sipp.runner import Party
from tests.sipp.shared import CALLER, PERIOD, RETAIL, Running, at_the_end

PASSWORD = "password"
"""What SIPp's registering phone takes."""

OFFLINE = -1002
HUNG_UP = -13
"""The last callState."""


class Consumer:
    """
    Another system, which takes pushes in a thread of its own.

    @ivar taken: Page and document of each, in the order in which they came.
    """

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        taken = self.taken

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802
                size = int(self.headers["Content-Length"])
                page = self.path.rpartition("/")[2]
                taken.append((page, json.loads(self.rfile.read(size))))
                self.send_response(200)
                self.send_header("Content-Length", "13")
                self.end_headers()
                self.wfile.write(b'{"retCode":0}')

            def log_message(self, format: str, *args: Any) -> None:
                """Quietly."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def stop(self) -> None:
        """No more."""
        self._server.shutdown()
        self._server.server_close()


class _Shared:
    """One switch that pushes, and its consumer, until the reactor ends."""

    def __init__(self) -> None:
        self._running: Running | None = None
        self.consumer: Consumer

    def running(self) -> Running:
        """The one switch."""
        if self._running is None:
            self.consumer = Consumer()
            self._running = Running(
                more=f"\n[push]\nurl = {self.consumer.url}\n",
                # SIPp 3.6 reads the first challenge only, and knows no SHA-256.
                sip_lines="digest = MD5",
                parameters={"EXTERNAL_WEB_SEND_PHONE_ONLINE": "On"},
            )
            at_the_end(self._running.stop, self.consumer.stop)
        return self._running


class PhoneTests(SharedCalls):
    """
    Phones of one customer.
    """

    shared = _Shared()  # type: ignore[assignment]

    def setUp(self) -> None:
        """A customer with money."""
        super().setUp()
        self.carrier.create(OPENING)

    def number(self, last: int) -> str:
        """A number that has a rate."""
        return f"86{self.carrier.serial:03d}5550{last:03d}"

    def make(self, last: int, **fields: Any) -> str:
        """Make a phone; its number."""
        given = {
            "e164": self.number(last),
            "account": self.carrier.customer,
            "password": PASSWORD,
            "autoCreateAccount": False,
        }
        self.carrier.switch.post("CreatePhone", **{**given, **fields})
        return self.number(last)

    async def register(self, user: str) -> int:
        """Register a device, and end it; the port it will be found at."""
        party = Party("register", "127.0.0.1", free_port())
        self.addCleanup(party.stop)
        where = Path(self.mktemp())
        port = self.carrier.switch.port
        outcome = await party.start(where, target=port, number=user)
        self.assertEqual(outcome.status, 0, outcome.errors)
        return party.port

    def phone(self, scenario: str, user: str, status: int = 0, port: int = 0) -> Party:
        """A phone that calls."""
        values = {"user": user, "password": PASSWORD}
        return Party(scenario, port=port, status=status, values=values)

    def rung(self, port: int, target: str, caller: str, called: str = "") -> Party:
        """A device that is called where it registered."""
        values = {"target": target, "caller": caller, "called": called or target}
        return Party("phone-answers", port=port, values=values)

    async def talk(self, caller: Party, callee: Party, number: str) -> dict[str, Any]:
        """One call to C{number} that both sides see through; its record."""
        callee_ends = callee.start(Path(self.mktemp()))
        self.parties(caller, callee)
        await self.pause(0.3)
        where, port = Path(self.mktemp()), self.carrier.switch.port
        begun = caller.start(where, target=port, number=number, hold=TALK)
        for outcome in (await begun, await callee_ends):
            self.assertEqual(outcome.status, 0, f"{outcome.scenario}: {outcome.errors}")
        return await self.record_of(self.carrier, number)

    async def fail_to_call(self, caller: Party, number: str) -> dict[str, Any]:
        """One call that is refused as its scenario says; its record."""
        self.parties(caller)
        where, port = Path(self.mktemp()), self.carrier.switch.port
        outcome = await caller.start(where, target=port, number=number)
        self.assertEqual(outcome.status, 0, f"{outcome.scenario}: {outcome.errors}")
        return await self.record_of(self.carrier, number)

    def assert_phone_paid(self, row: dict[str, Any], mode: int) -> None:
        """One period was charged to the customer, and nobody is owed."""
        fee = int(RETAIL * MILLION)
        self.assert_columns(
            row,
            billingmode=mode,
            customeraccount=self.carrier.customer,
            agentaccount="",
            agentfee=0,
            calleegatewayid="",
            holdtime=2,
            feetime=PERIOD,
            fee=fee,
            enddirection=BY_CALLER,
            endreason=ORDINARY,
        )
        self.assertEqual(self.carrier.money(self.carrier.customer), OPENING - RETAIL)

    async def test_sent_on(self) -> None:
        """A phone sends a gateway's call on to a vendor: two records, both charged."""
        here, there = self.number(1), self.carrier.number
        forwards = {"unconditionalForward": True}
        record = {**forwards, "unconditionalForwardE164": {"e164": there}}
        self.make(1, infoPhoneValueAdded=record)
        callee, caller = self.callee("callee-answers"), self.caller("caller-sent-on")
        first = await self.talk(caller, callee, here)
        own = await self.record_of(self.carrier, there)
        self.assert_columns(first, calleegatewayid="", calleetogatewaye164=there)
        self.assert_columns(
            own,
            callere164=here,
            billingmode=0,
            calleegatewayid=self.carrier.gateway("a"),
            calleroriginalinfo=f"{here} (unconditional)",
        )
        fee = int(RETAIL * MILLION)
        for row in (first, own):
            self.assert_columns(
                row,
                holdtime=2,
                fee=fee,
                enddirection=BY_CALLER,
                endreason=ORDINARY,
                customeraccount=self.carrier.customer,
            )
        self.assertEqual(
            self.carrier.money(self.carrier.customer), OPENING - 2 * RETAIL
        )

    async def pushed(self, e164: str, count: int = 1) -> list[dict[str, Any]]:
        """What was told of a phone, once there is so much."""
        found: list[dict[str, Any]] = []
        for _ in range(50):
            taken = list(self.shared.consumer.taken)  # type: ignore[attr-defined]
            found = [
                body
                for page, body in taken
                if page == "PhoneOnline" and body["e164"] == e164
            ]
            if len(found) >= count:
                break
            await self.pause(0.1)
        self.assertEqual(len(found), count, found)
        return found

    async def steps(self, callee: str) -> list[dict[str, Any]]:
        """The steps of a call that were pushed, once it is over."""
        taken = self.shared.consumer.taken  # type: ignore[attr-defined]
        for _ in range(50):
            found = [
                body
                for page, body in taken
                if page == "CallStateReport" and body["calleeE164"] == callee
            ]
            if found and found[-1]["callState"] == HUNG_UP:
                break
            await self.pause(0.1)
        return found

    async def test_phone_to_phone(self) -> None:
        """
        Both register, one calls the other by its password: status, record,
        charge, balance, online list and push.
        """
        one, two = self.make(101), self.make(102)
        port_one, port_two = await self.register(one), await self.register(two)
        (online,) = self.carrier.switch.post("GetPhoneOnline", e164s=[one])[
            "infoPhoneOnlines"
        ]
        self.assertEqual(online["productId"], "sipp/phone")
        caller = self.phone("phone-calls", one, port=port_one)
        row = await self.talk(caller, self.rung(port_two, two, one), two)
        self.assert_phone_paid(row, mode=0)
        self.assert_columns(
            row,
            callere164=one,
            calleraccesse164=one,
            calleee164=two,
            callergatewayid="",
            callerip="127.0.0.1",
            calleeip="127.0.0.1",
            callerproductid="phone/1",
            calleeproductid="phone/2",
        )
        (told,) = await self.pushed(two)
        taken = self.shared.consumer.taken  # type: ignore[attr-defined]
        self.assertNotIn(two, [body.get("calleeE164") for _, body in taken])
        self.assertEqual(
            list(told),
            [
                *("e164", "dids", "online", "eventTime"),
                *("localIp", "localPort", "remoteIp", "productId"),
            ],
        )
        self.assertEqual(
            (told["online"], told["localPort"], told["remoteIp"], told["dids"]),
            (True, self.carrier.switch.port, "127.0.0.1", []),
        )

    async def test_deleted_phone_is_gone(self) -> None:
        """A phone that is deleted is offline at once, told as gone, and unknown."""
        one, two = self.make(101), self.make(102)
        await self.register(two)
        self.carrier.switch.post("DeletePhone", e164=two)
        told = await self.pushed(two, 2)
        self.assertEqual([each["online"] for each in told], [True, False])
        listed = self.carrier.switch.post("GetAllPhoneOnline")["e164s"]
        self.assertNotIn(two, listed)
        row = await self.fail_to_call(self.phone("phone-refused", one, 503), two)
        self.assert_columns(row, endreason=-1011, enddirection=BY_SERVER, fee=0)

    async def test_gateway_to_did(self) -> None:
        """
        A gateway calls a further number of a phone; the gateway pays, and the phone's
        calls are reported.
        """
        reports = {"callStateReport": True}
        two = self.make(102, dids=self.number(200), infoPhoneAdditional=reports)
        port = await self.register(two)
        self.carrier.switch.post(
            "ModifyGatewayMapping",
            name=self.carrier.gateway("in"),
            calleeE164Restrict=1,
        )
        did = self.number(200)
        caller = Party("caller-answered", self.carrier.address)
        row = await self.talk(caller, self.rung(port, two, CALLER, did), did)
        self.assert_phone_paid(row, mode=1)
        self.assert_columns(
            row, callergatewayid=self.carrier.gateway("in"), calleee164=did
        )
        (told,) = await self.pushed(two)
        self.assertEqual(told["dids"], [did])
        steps = await self.steps(did)
        states = [step["callState"] for step in steps]
        self.assertEqual((states[0], states[-2:]), (-7, [-12, HUNG_UP]))
        self.assertEqual(len({step["callId"] for step in steps}), 1)
        for step in steps:
            self.assertEqual(step["callerGatewayId"], self.carrier.gateway("in"))
            self.assertNotIn("calleeGatewayId", step)

    async def test_offline(self) -> None:
        """480 for a phone that is not registered; nothing is charged."""
        one, two = self.make(101), self.make(102)
        row = await self.fail_to_call(self.phone("phone-refused", one, 480), two)
        self.assert_columns(
            row,
            billingmode=0,
            callere164=one,
            customeraccount=self.carrier.customer,
            endreason=OFFLINE,
            enddirection=BY_SERVER,
            fee=0,
        )
        self.assertEqual(self.carrier.money(self.carrier.customer), OPENING)

    async def test_do_not_disturb(self) -> None:
        """486 for a phone that does not want to be disturbed."""
        services = {"doNotDisturb": True}
        one, two = self.make(101), self.make(102, infoPhoneValueAdded=services)
        await self.register(two)
        row = await self.fail_to_call(self.phone("phone-refused", one, 486), two)
        self.assert_columns(row, endreason=-1003, enddirection=BY_SERVER, fee=0)

    async def test_wrong_password(self) -> None:
        """Challenged again, then refused; the record is nobody's."""
        one, two = self.make(101, password="another"), self.make(102)
        row = await self.fail_to_call(self.phone("phone-guesses", one), two)
        self.assert_columns(
            row,
            billingmode=-1,
            callere164=one,
            customeraccount="",
            endreason=ILLEGAL,
            enddirection=BY_SERVER,
            fee=0,
        )
        self.assertEqual(self.carrier.money(self.carrier.customer), OPENING)

    async def test_gateway_that_registers(self) -> None:
        """A trunk registers, is called there by number, and its vendor is owed."""
        name = self.carrier.gateway("trunk")
        self.carrier.switch.post(
            "CreateGatewayRouting",
            name=name,
            prefix=self.number(300),
            registerType=1,
            password=PASSWORD,
            clearingAccount=self.carrier.vendor,
        )
        one, called = self.make(101), self.number(300)
        port = await self.register(name)
        gateways = self.carrier.switch.post("GetGatewayRoutingOnline", names=[name])
        (online,) = gateways["infoGatewayRoutingOnlines"]
        self.assertGreater(online["registerTime"], 0)
        row = await self.talk(
            self.phone("phone-calls", one), self.rung(port, called, one), called
        )
        self.assert_columns(row, calleegatewayid=name, billingmode=0)
        self.assert_paid(self.carrier, row)
        self.assertEqual(self.carrier.money(self.carrier.vendor), Decimal("-0.30"))
