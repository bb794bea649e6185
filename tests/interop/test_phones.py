"""
Softphones of other people register with a password, call and are called.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from bench.children import free_port
from tests.certificates import Authority
from tests.interop.baresip import Baresip
from tests.interop.linphone import Linphone
from tests.interop.program import Program
from tests.sipp.case import BY_CALLER, MILLION, OPENING, ORDINARY, SharedCalls
from tests.sipp.runner import Party
from tests.sipp.shared import PERIOD, RETAIL, Running, Shared
from vos3000.sip.algorithms import PATIENCE

PASSWORD = "correct-horse-battery"


MD5 = Shared("digest = MD5")
"""A switch that asks for MD5: this baresip knows no more."""


class Softphone(Protocol):
    """What the tests ask of any softphone."""

    user: str
    program: Program

    def dial(self, number: str) -> None:
        """Call."""

    def hang_up(self) -> None:
        """End the call."""


class PhoneCalls(SharedCalls):
    """
    Phones of one customer.
    """

    timeout = 90

    def setUp(self) -> None:
        """A customer with money."""
        super().setUp()
        self.carrier.create(OPENING)
        self.where = f"127.0.0.1:{self.carrier.switch.port}"

    def phone(self, last: int, **fields: Any) -> str:
        """
        Make a phone.

        @return: Its number.
        """
        number = f"86{self.carrier.serial:03d}5550{last:03d}"
        self.carrier.switch.post(
            "CreatePhone",
            e164=number,
            account=self.carrier.customer,
            password=PASSWORD,
            callLevel=5,
            autoCreateAccount=False,
            **fields,
        )
        return number

    async def baresip(
        self, number: str, transport: str = "udp", authority: str = ""
    ) -> Baresip:
        """
        A baresip that has registered.

        @param authority: The file of who must vouch for the switch.
        """
        phone = Baresip(
            number, self.where, free_port(), PASSWORD, transport, authority=authority
        )
        phone.start(Path(self.mktemp()))
        self.addCleanup(phone.program.stop)
        await phone.registered()
        return phone

    async def linphone(
        self, number: str, transport: str = "udp", authority: str = ""
    ) -> Linphone:
        """A linphone that has registered."""
        phone = Linphone(
            number, self.where, free_port(), PASSWORD, transport, authority
        )
        phone.start(Path(self.mktemp()))
        self.addCleanup(phone.program.stop)
        await phone.ready()
        phone.register()
        await self.online(number)
        return phone

    async def online(self, number: str) -> dict[str, Any]:
        """Wait until the switch knows where a phone is; what it says of it."""
        for _ in range(100):
            found = self.carrier.switch.post("GetPhoneOnline", e164s=[number])
            if found["infoPhoneOnlines"]:
                (online,) = found["infoPhoneOnlines"]
                return dict(online)
            await self.pause(0.1)
        self.fail(f"{number} never registered")

    async def talk(self, caller: Softphone, callee: str) -> dict[str, Any]:
        """
        Let one phone call another number and hang up after a second.

        @return: The record.
        """
        caller.dial(callee)
        try:
            await self.answered(callee)
        except self.failureException as error:
            raise self.failureException(f"{error}\n{caller.program.output}") from None
        await self.pause(1.2)
        caller.hang_up()
        return await self.record_of(self.carrier, callee)

    async def answered(self, callee: str) -> None:
        """Wait until the switch has an answered call to a number."""
        for _ in range(80):
            found = self.carrier.switch.post("GetCurrentCall")["infoCurrentCalls"]
            if any(c["calleeE164"] == callee and c["keepTime"] >= 0 for c in found):
                return
            await self.pause(0.1)
        self.fail(f"{callee} never answered")

    def assert_phone_paid(self, row: dict[str, Any], caller: str, callee: str) -> None:
        """The caller's account paid one period; nobody is owed for the callee."""
        self.assert_columns(
            row,
            callere164=caller,
            calleee164=callee,
            endreason=ORDINARY,
            enddirection=BY_CALLER,
            billingmode=0,
            feetime=PERIOD,
            fee=int(RETAIL * MILLION),
            agentfee=0,
            customeraccount=self.carrier.customer,
        )
        self.assertEqual(self.carrier.money(self.carrier.customer), OPENING - RETAIL)


class PhoneTests(PhoneCalls):
    """
    Phones of one switch.
    """

    shared = MD5

    async def test_baresip_calls_linphone(self) -> None:
        """One on UDP, one on TCP, each with its password."""
        first, second = self.phone(1), self.phone(2)
        caller = await self.baresip(first)
        callee = await self.linphone(second)
        row = await self.talk(caller, callee.user)
        self.assert_phone_paid(row, first, second)

    async def test_linphone_calls_baresip_over_tcp(self) -> None:
        """Calls come and go on the connection that the phone opened."""
        first, second = self.phone(1), self.phone(2)
        callee = await self.baresip(second, "tcp")
        caller = await self.linphone(first, "tcp")
        row = await self.talk(caller, callee.user)
        self.assert_phone_paid(row, first, second)

    async def test_gateway_calls_baresip(self) -> None:
        """A mapping gateway's call to a DID of a phone rings the phone."""
        did = self.carrier.number
        number = self.phone(1, dids=did)
        await self.baresip(number)
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, hold=1500)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_columns(row, fee=int(RETAIL * MILLION), billingmode=1)

    async def test_baresip_calls_a_gateway(self) -> None:
        """A phone's call leaves by a routing gateway."""
        number = self.phone(1)
        callee = Party("callee-answers-anyone")
        self.parties(callee)
        self.carrier.route("a", callee.port)
        ended = callee.start(Path(self.mktemp()))
        caller = await self.baresip(number)
        row = await self.talk(caller, self.carrier.number)
        self.assertEqual((await ended).status, 0, (await ended).errors)
        self.assert_columns(row, billingmode=0, fee=int(RETAIL * MILLION))
        self.assert_columns(row, calleegatewayid=self.carrier.gateway("a"))

    async def test_hold_and_digits(self) -> None:
        """
        Hold and resumption reach the other end as offers; a digit arrives by the
        number of telephone-event that both were told.
        """
        first, second = self.phone(1), self.phone(2)
        callee, caller = await self.baresip(second), await self.baresip(first)
        caller.dial(second)
        await self.answered(second)
        offered = "got re-INVITE .SDP Offer"
        caller.press("x")
        await callee.program.hears(offered)
        held = len(callee.program.output)
        caller.press("X")
        await callee.program.hears(offered, since=held)
        caller.press("5")
        await callee.program.hears("received event: '5' .end=1")
        await self.pause(0.5)
        caller.hang_up()
        row = await self.record_of(self.carrier, second)
        self.assert_phone_paid(row, first, second)

    async def test_baresip_transfers_a_call(self) -> None:
        """Blind: it is out when the third has answered."""
        first, second, third = self.phone(1), self.phone(2), self.phone(3)
        callee, target = await self.baresip(second), await self.baresip(third)
        caller = await self.baresip(first)
        caller.dial(second)
        await self.answered(second)
        caller.transfer(third)
        await self.answered(third)
        await caller.program.hears("audio: destroyed")
        await self.talk_on(callee, target, first)

    async def test_linphone_joins_two_calls(self) -> None:
        """Attended: it puts one on hold, asks another, and connects both."""
        first, second, third = self.phone(1), self.phone(2), self.phone(3)
        callee, target = await self.baresip(second), await self.baresip(third)
        caller = await self.linphone(first)
        caller.dial(second)
        await self.answered(second)
        caller.hold()
        await caller.program.hears("is now paused")
        caller.dial(third)
        await caller.program.hears("established .* for call 2")
        caller.join(1, 2)
        await caller.program.hears("Call 1 .* ended")
        await caller.program.hears("Call 2 .* ended")
        await self.talk_on(callee, target, first)

    async def talk_on(self, callee: Baresip, target: Baresip, payer: str) -> None:
        """
        Who was called first and who was called then talk, and the first hangs up.
        Both calls are the payer's, to the cent.
        """
        await self.pause(1.2)
        callee.hang_up()
        await target.program.hears("audio: destroyed")
        paid = 0
        for phone in (callee, target):
            row = await self.record_of(self.carrier, phone.user)
            periods = -(-row["holdtime"] // PERIOD)
            fee = int(periods * RETAIL * MILLION)
            self.assert_columns(row, callere164=payer, endreason=ORDINARY, fee=fee)
            self.assert_columns(row, customeraccount=self.carrier.customer)
            paid += fee
        left = OPENING - self.carrier.money(self.carrier.customer)
        self.assertEqual(left * MILLION, paid)

    async def test_unregistered_phone_is_offline(self) -> None:
        """What quits unregisters, and a call to it is refused with 480."""
        number = self.phone(1, dids=self.carrier.number)
        phone = await self.baresip(number)
        found = await self.online(number)
        self.assertEqual(found["e164"], number)
        self.assertIn("baresip", found["productId"])
        phone.quit()
        await phone.program.over()
        online = self.carrier.switch.post("GetPhoneOnline", e164s=[number])
        self.assertEqual(online["infoPhoneOnlines"], [])
        await self.call(self.carrier, self.caller("caller-refused", 480))
        self.assert_free(self.carrier, await self.record(self.carrier))


class OldPhoneTests(PhoneCalls):
    """
    The same with the ordinary settings.
    """

    async def test_phone_that_knows_no_sha_256_registers(self) -> None:
        """
        baresip gives up when it is asked for SHA-256 beside MD5. When it tries
        again, here after it was started again, it is asked for MD5 alone.
        """
        number = self.phone(1)
        phone = Baresip(number, self.where, free_port(), PASSWORD)
        phone.start(Path(self.mktemp()))
        self.addCleanup(phone.program.stop)
        await phone.program.hears("Function not implemented")
        await phone.program.stop()
        await self.pause(PATIENCE)
        await self.baresip(number)
        await self.online(number)


class SecurePhoneTests(PhoneCalls):
    """
    A switch with a certificate, and phones that check it.
    """

    def setUp(self) -> None:
        """A switch of this test's own, with a listener for TLS."""
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        authority = Authority(now=datetime.now(UTC))
        certificate = authority.write(directory, "127.0.0.1", "localhost")
        self.authority = authority.write_itself(directory)
        self.port = free_port()
        lines = (
            f"tls = 127.0.0.1:{self.port}",
            f"tls_certificate = {certificate}",
            "digest = MD5",
        )
        running = Running(sip_lines="\n".join(lines))
        self.addCleanup(running.stop)
        self.carrier = running.carrier()
        self.carrier.create(OPENING)

        self.where = f"127.0.0.1:{self.port}"

    async def test_phones_on_tls_call_each_other(self) -> None:
        """They register and talk on connections whose certificate they checked."""
        first, second, third = self.phone(1), self.phone(2), self.phone(3)
        authority = str(self.authority)
        caller = await self.baresip(first, "tls", authority)
        callee = await self.baresip(second, "tls", authority)
        # linphone looks for names alone
        self.where = f"localhost:{self.port}"
        other = await self.linphone(third, "tls", authority)
        for user in (callee.user, other.user):
            row = await self.talk(caller, user)
            self.assert_columns(
                row, callere164=first, endreason=ORDINARY, fee=int(RETAIL * MILLION)
            )
        money = OPENING - 2 * RETAIL
        self.assertEqual(self.carrier.money(self.carrier.customer), money)
