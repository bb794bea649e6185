"""
Phones in browsers, over plain and secure WebSocket: they register by digest, call
and are called.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.children import free_port
from tests.certificates import Authority
from tests.interop.browser import Browser, Refused, connect, describe
from tests.interop.test_phones import PASSWORD, PhoneCalls
from tests.sipp.case import BY_CALLEE, BY_CALLER, MILLION, ORDINARY
from tests.sipp.runner import Party
from tests.sipp.shared import RETAIL, Running, at_the_end

PAGE = "https://phone.example"


class _Shared:
    """
    One switch with both listeners, until the reactor ends.

    @ivar authority: Who vouches for its certificate.
    """

    def __init__(self) -> None:
        self._running: Running | None = None
        self.authority: Authority
        self.ws = self.wss = 0

    def running(self) -> Running:
        """The one switch."""
        if self._running is None:
            directory = tempfile.TemporaryDirectory(prefix="vos3000-browsers-")
            self.authority = Authority(now=datetime.now(UTC))
            path = self.authority.write(Path(directory.name), "localhost")
            self.ws, self.wss = free_port(), free_port()
            lines = (
                f"ws = 127.0.0.1:{self.ws}",
                f"wss = 127.0.0.1:{self.wss}",
                f"ws_origins = {PAGE}",
                f"tls_certificate = {path}",
            )
            self._running = Running(sip_lines="\n".join(lines))
            at_the_end(self._running.stop, directory.cleanup)
        return self._running


class BrowserTests(PhoneCalls):
    """
    Phones of one customer, some of them in browsers.
    """

    shared: _Shared = _Shared()  # type: ignore[assignment]

    async def browser(self, number: str, secure: bool = True) -> Browser:
        """A phone that has registered."""
        if secure:
            socket = await connect(self.shared.wss, self.shared.authority.pem)
        else:
            socket = await connect(self.shared.ws)
        self.addCleanup(socket.close)
        self.assertEqual(await socket.opened, "sip")
        phone = Browser(socket, number, PASSWORD, "WSS" if secure else "WS")
        done = await phone.register()
        self.assertEqual(done.status, 200)
        self.assertIn(f"<{phone.uri}>", done.get("contact") or "")
        self.assertEqual(done.get("require"), "outbound")
        return phone

    async def test_browsers_call_each_other(self) -> None:
        """One is secure, the other is not; their descriptions arrive whole."""
        first, second = self.phone(1), self.phone(2)
        caller = await self.browser(first)
        callee = await self.browser(second, secure=False)
        offer, answer = describe(5001), describe(5002, "active")
        await caller.call(second, offer)
        invite, ack = await callee.take(answer)
        self.assertEqual(str(invite.uri), callee.uri)
        self.assertRegex(invite.get("via") or "", "^SIP/2.0/WS ")
        assert invite.contact is not None
        self.assertEqual(invite.contact.uri.param("transport"), "ws")
        self.assertEqual(ack.body, b"")
        done = await caller.answered()
        for sent, heard in ((offer, invite.body), (answer, done.body)):
            self.assertEqual(heard.splitlines()[2:], sent.splitlines()[2:])
        await self.pause(1.2)
        await caller.hang_up()
        await callee.hung_up()
        row = await self.record_of(self.carrier, second)
        self.assert_phone_paid(row, first, second)

    async def test_gateway_calls_a_browser(self) -> None:
        """A gateway on UDP reaches it on its connection; the browser hangs up."""
        callee = await self.browser(self.phone(1, dids=self.carrier.number))
        caller = Party("caller-hears-bye", self.carrier.address)
        self.parties(caller)
        ended = caller.start(
            Path(self.mktemp()),
            target=self.carrier.switch.port,
            number=self.carrier.number,
        )
        invite, _ = await callee.take(describe(5002, "active"))
        self.assertRegex(invite.get("via") or "", "^SIP/2.0/WSS ")
        await self.pause(1.2)
        await callee.hang_up()
        outcome = await ended
        self.assertEqual(outcome.status, 0, outcome.errors)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLEE)
        self.assert_columns(row, fee=int(RETAIL * MILLION), billingmode=1)

    async def test_browser_calls_a_gateway(self) -> None:
        """It leaves by UDP."""
        callee = self.callee("callee-answers-anyone")
        ended = callee.start(Path(self.mktemp()))
        caller = await self.browser(self.phone(1), secure=False)
        await caller.call(self.carrier.number, describe(5001))
        await caller.answered()
        await self.pause(1.2)
        await caller.hang_up()
        self.assertEqual((await ended).status, 0, (await ended).errors)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_columns(row, fee=int(RETAIL * MILLION), billingmode=0)
        self.assert_columns(row, calleegatewayid=self.carrier.gateway("a"))

    async def test_sips(self) -> None:
        """
        A SIPS URI is served on the secure listener, whose Contact is one then
        (RFC 5630), and refused on the other, before anybody is asked who he is.
        """
        callee = self.callee("callee-answers-anyone")
        ended = callee.start(Path(self.mktemp()))
        number = self.phone(1)
        caller = await self.browser(number)
        caller.uri = caller.uri.replace("sip:", "sips:")
        await caller.call(self.carrier.number, describe(5001), "sips")
        answer = await caller.answered()
        assert answer.contact is not None
        self.assertEqual(answer.contact.uri.scheme, "sips")
        await caller.hang_up()
        self.assertEqual((await ended).status, 0, (await ended).errors)
        await self.record(self.carrier)
        other = await self.browser(number, secure=False)
        target = f"sips:{self.carrier.number}@vos3000.example"
        refusal = await other.tries(target, describe(5001))
        self.assertEqual(refusal.status, 480)
        self.assertRegex(refusal.get("warning") or "", "^380 ")
        await self.record(self.carrier)

    async def test_another_page(self) -> None:
        """Who registers last is rung; the page before is not."""
        number = self.phone(1, dids=self.carrier.number)
        before, now = await self.browser(number), await self.browser(number)
        caller = Party("caller-hears-bye", self.carrier.address)
        self.parties(caller)
        ended = caller.start(
            Path(self.mktemp()),
            target=self.carrier.switch.port,
            number=self.carrier.number,
        )
        await now.take(describe(5002, "active"))
        await self.pause(0.3)
        await now.hang_up()
        self.assertEqual((await ended).status, 0, (await ended).errors)
        self.assertEqual(before.socket.messages, [])
        (online,) = self.carrier.switch.post("GetPhoneOnline", e164s=[number])[
            "infoPhoneOnlines"
        ]
        self.assertEqual(online["e164"], number)

    async def test_closed_page(self) -> None:
        """Its registration goes with the connection; a call finds it offline."""
        number = self.phone(1, dids=self.carrier.number)
        phone = await self.browser(number)
        online = await self.online(number)
        self.assertEqual(online["productId"], "browser/1")
        await phone.socket.close()
        await self.pause(0.2)
        found = self.carrier.switch.post("GetPhoneOnline", e164s=[number])
        self.assertEqual(found["infoPhoneOnlines"], [])
        await self.call(self.carrier, self.caller("caller-refused", 480))
        self.assert_free(self.carrier, await self.record(self.carrier))

    async def test_wrong_password(self) -> None:
        """Challenged again; the call of one who is not registered likewise."""
        number = self.phone(1)
        socket = await connect(self.shared.ws)
        self.addCleanup(socket.close)
        phone = Browser(socket, number, "wrong", "WS")
        self.assertEqual((await phone.register()).status, 401)
        found = self.carrier.switch.post("GetPhoneOnline", e164s=[number])
        self.assertEqual(found["infoPhoneOnlines"], [])

    async def test_who_may_connect(self) -> None:
        """400 without the subprotocol, 403 for another page."""
        cases = ((("soap",), PAGE, 400), (("sip",), "https://other.example", 403))
        for protocols, origin, status in cases:
            asked = connect(self.shared.ws, protocols=protocols, origin=origin)
            with self.assertRaises(Refused) as refused:
                await asked
            self.assertEqual(refused.exception.args, (status,))
