"""
Attended transfers to somebody who has not answered yet.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from tests.call.build import Up
from tests.peers import Callee, Caller
from tests.phone.build import THIRD, TransferTests
from tests.phone.test_attended import refer_to
from tests.switch import CALLEE, CALLER, OFFER, SECOND, Switch, routing_gateway
from vos3000.sip.message import Request, Response

THIRD_HOST = ("192.0.2.30", 5060)
"""Another gateway of 3000."""


class RingingTests(TransferTests):
    """The gateway talks to 2000, and 3000 rings for it."""

    def consulting(self, switch: Switch, body: bytes = OFFER) -> Caller:
        """The call to 3000, which rings."""
        caller = Caller(switch, callee="3000", call_id="call-2")
        caller.invite(body)
        self.invite = switch.request(SECOND)
        self.third.reply(self.invite, 180)
        ringing = switch.taken(CALLER)[-1]
        assert isinstance(ringing, Response)
        caller.to = ringing.get("to") or ""
        return caller

    def referred(self, up: Up, other: Caller) -> list[str]:
        """
        The first is to be connected to who rings; what who transfers is told at
        once: notices and statuses with the number of their call.
        """
        up.caller.ask("REFER", headers=[refer_to(other)])
        told = []
        for message in up.switch.taken(CALLER):
            if isinstance(message, Request):
                up.caller.reply(message, 200)
                told.append(message.body.decode().split()[1])
            else:
                told.append(f"{message.status} {message.call_id}")
                if message.status == 487:
                    other.ack(message)
        return told + self.notices(up)

    def shown(self, switch: Switch) -> list[int]:
        """What current calls show of either."""
        return [call.keep_time for call in switch.registry.current()]

    def joined(self, up: Up) -> None:
        """3000 answers; both get each other's media."""
        switch = up.switch
        self.third.reply(self.invite, 200, THIRD)
        ack, asked = switch.taken(SECOND)
        assert isinstance(ack, Request)
        assert isinstance(asked, Request)
        self.assertEqual((ack.method, asked.method), ("ACK", "INVITE"))
        self.agree(up, asked)

    def test_joined(self) -> None:
        """
        Who transfers leaves its own INVITE at once and the call when 3000 answers;
        ringing costs nothing, and both talks are charged to the cent.
        """
        switch = self.switch()
        up = self.up(switch)
        switch.advance(30)
        other = self.consulting(switch)
        switch.advance(10)
        told = self.referred(up, other)
        self.assertEqual(told, ["202 call-1", "100", "487 call-2", "180"])
        self.assertEqual(self.shown(switch), [-14, -11])
        switch.advance(5)
        self.joined(up)
        self.assertEqual(self.notices(up), ["200.", "BYE"])
        self.assertEqual(self.shown(switch), [45_000, 0])
        switch.advance(61)
        up.callee.ask(up.invite, "BYE")
        self.assertEqual(up.result().status, 200)
        self.third.reply(switch.request(SECOND), 200)
        second, first = sorted(switch.cdrs, key=lambda cdr: -cdr.softswitchcallid)
        self.assertEqual((first.holdtime, second.holdtime), (106, 61))
        self.assertEqual((first.fee, second.fee), (Decimal("0.12"), Decimal("0.12")))
        self.assertEqual(second.callercallid, "call-2")
        self.assertEqual(second.callerpdd, 0)
        self.assertEqual(self.money(switch), Decimal("99.76"))
        self.assert_balanced(switch)
        self.assert_idle(switch)

    def test_early_media(self) -> None:
        """
        3000 described its media before, reliably; who transfers has acknowledged it
        or not yet.
        """
        for acknowledges in (True, False):
            switch = self.switch()
            up = self.up(switch)
            other = Caller(switch, callee="3000", call_id="call-2")
            other.invite(OFFER, ["Supported: 100rel"])
            self.invite = switch.request(SECOND)
            self.third.reply(
                self.invite, 183, THIRD, [("Require", "100rel"), ("RSeq", "1")]
            )
            prack = switch.request(SECOND)
            self.third.reply(prack, 200)
            progress = switch.taken(CALLER)[-1]
            assert isinstance(progress, Response)
            self.assertEqual(progress.status, 183)
            other.to = progress.get("to") or ""
            rseq = progress.get("rseq")
            self.assertIsNotNone(rseq)
            if acknowledges:
                other.ask("PRACK", headers=[f"RAck: {rseq} 1 INVITE"])
                self.assertEqual(self.lines(switch, CALLER), ["200"])
            told = self.referred(up, other)
            self.assertEqual(told, ["202 call-1", "100", "487 call-2"])
            switch.advance(5)
            self.assertEqual(switch.taken(), [])
            self.joined(up)
            self.assertEqual(self.notices(up), ["200.", "BYE"])
            up.callee.ask(up.invite, "BYE")
            self.third.reply(switch.request(SECOND), 200)
            switch.taken()
            self.assert_balanced(switch)
            self.assert_idle(switch)

    def test_nothing_described(self) -> None:
        """2000 never described any media that 3000 could be offered: 488."""
        switch = self.switch()
        caller = Caller(switch)
        caller.invite(b"")
        callee, invite = Callee(switch), switch.request(CALLEE)
        callee.reply(invite, 200)
        caller.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        switch.taken()
        other = self.consulting(switch)
        caller.ask("REFER", headers=[refer_to(other)])
        self.assertEqual(self.lines(switch, CALLER), ["488"])
        self.assertEqual(len(switch.registry), 2)

    def test_refused(self) -> None:
        """3000 declines: who transfers is told, and talks on."""
        switch = self.switch()
        up = self.up(switch)
        other = self.consulting(switch)
        self.referred(up, other)
        self.third.reply(self.invite, 486)
        self.assertEqual(self.notices(up), ["486."])
        self.assertEqual(self.lines(switch, SECOND), ["ACK"])
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(len(switch.registry), 1)
        (cdr,) = switch.cdrs
        self.assertEqual((cdr.holdtime, cdr.fee, cdr.callercallid), (0, 0, "call-2"))
        up.caller.ask("BYE")
        up.callee.reply(switch.request(CALLEE), 200)
        switch.taken()
        self.assert_balanced(switch)
        self.assert_idle(switch)

    def test_hangs_up(self) -> None:
        """Who transfers does not wait; 3000 answers, and the two talk."""
        switch = self.switch()
        up = self.up(switch)
        self.referred(up, self.consulting(switch))
        up.caller.ask("BYE")
        self.assertEqual(self.lines(switch, CALLER), ["200"])
        self.assertEqual(len(switch.registry), 2)
        self.joined(up)
        self.assertEqual(switch.taken(CALLER), [])
        self.third.ask(self.invite, "BYE")
        self.assertEqual(self.lines(switch, SECOND), ["200"])
        up.callee.reply(up.passed(), 200)
        self.assert_gone(switch)

    def test_hangs_up_and_nobody_answers(self) -> None:
        """Then nobody is left for 2000: it is hung up."""
        switch = self.switch()
        up = self.up(switch)
        self.referred(up, self.consulting(switch))
        up.caller.ask("BYE")
        switch.taken(CALLER)
        self.third.reply(self.invite, 603)
        self.assertEqual(self.lines(switch, SECOND), ["ACK"])
        up.callee.reply(up.passed(), 200)
        self.assert_gone(switch)

    def test_transferee_hangs_up(self) -> None:
        """3000 rings for nobody any more: CANCEL."""
        switch = self.switch()
        up = self.up(switch)
        self.referred(up, self.consulting(switch))
        up.callee.ask(up.invite, "BYE")
        self.assertEqual(self.notices(up), ["487.", "BYE"])
        cancel = switch.request(SECOND)
        self.assertEqual(cancel.method, "CANCEL")
        self.third.reply(cancel, 200)
        self.third.reply(self.invite, 487)
        self.assertEqual(self.lines(switch, SECOND), ["ACK"])
        self.assertEqual(len(switch.registry), 0)
        switch.taken()
        self.assert_idle(switch)

    def test_does_not_agree(self) -> None:
        """3000 answers and refuses 2000's media: it is hung up, 2000 is not."""
        switch = self.switch()
        up = self.up(switch)
        self.referred(up, self.consulting(switch))
        self.third.reply(self.invite, 200, THIRD)
        asked = switch.taken(SECOND)[-1]
        self.third.reply(asked, 488)  # type: ignore[arg-type]
        self.assertEqual(self.notices(up), ["488."])
        self.assertEqual(self.lines(switch, SECOND), ["ACK", "BYE"])
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(len(switch.registry), 1)

    def test_canceled_afterwards(self) -> None:
        """A CANCEL of who transfers comes too late to harm."""
        switch = self.switch()
        up = self.up(switch)
        other = self.consulting(switch)
        up.caller.ask("REFER", headers=[refer_to(other)])
        switch.taken(CALLER)
        other.cancel()
        self.assertEqual(self.lines(switch, CALLER), ["200"])
        self.assertEqual(switch.taken(SECOND), [])
        self.assertEqual(len(switch.registry), 2)

    def test_next_gateway(self) -> None:
        """The hunt goes on without its caller."""
        given = {"id": 4, "name": "third", "remote_ip": THIRD_HOST[0]}
        further = routing_gateway(**given, prefixes=("3",), priority=5)
        first, second = self.routes()
        second = attrs.evolve(second, switch_on_ring=True)
        switch = self.switch(routing=[first, second, further])
        up = self.up(switch)
        other = self.consulting(switch)
        self.referred(up, other)
        self.third.reply(self.invite, 503)
        self.assertEqual(self.lines(switch, SECOND), ["ACK"])
        placed = switch.request(THIRD_HOST)
        self.assertEqual((placed.method, placed.to.uri.user), ("INVITE", "3000"))
        self.assertIn(b"m=audio 4000", placed.body)

    def test_called(self) -> None:
        """Who is rung itself began no dialog: 481 (RFC 3891 section 3)."""
        switch = self.switch()
        up = self.up(switch)
        outside = Caller(switch, callee="3000", call_id="call-2")
        outside.invite()
        invite = switch.request(SECOND)
        self.third.reply(invite, 180)
        switch.taken()
        ours = invite.from_tag
        tags = f"{invite.call_id}%3Bto-tag%3D{ours}%3Bfrom-tag%3Db-{SECOND[0]}"
        up.caller.ask("REFER", headers=[f"Refer-To: <sip:3@a?Replaces={tags}>"])
        self.assertEqual(self.notices(up), ["100", "481."])
        self.assertEqual(len(switch.registry), 2)

    def test_late_offer(self) -> None:
        """A caller that made no offer has none that could be kept: 481."""
        switch = self.switch()
        up = self.up(switch)
        other = self.consulting(switch, b"")
        up.caller.ask("REFER", headers=[refer_to(other)])
        self.assertEqual(self.notices(up), ["100", "481."])
        self.assertEqual(len(switch.registry), 2)
