"""
Transfers by those who would gain from them: calls without ends, calls in others'
names, calls that nobody would miss.
"""

from __future__ import annotations

from tests.call.build import CallTests, Up
from tests.call.phones import PhoneCallTests
from tests.peers import Callee, Caller
from tests.phone.build import TransferTests
from tests.phone.test_attended import refer_to
from tests.phones import PhonePeer
from tests.switch import ANSWER, CALLEE, CALLER, Switch
from vos3000.phone.chain import MOST_JOINED
from vos3000.sip.message import Request
from vos3000.sip.parser import parse

Dialog = tuple[Caller, Request]
"""A caller, and the INVITE that its callee got."""


class RingTests(TransferTests):
    """Calls whose both ends are one device, which joins them once more."""

    def second(self, up: Up) -> tuple[Caller, Request]:
        """Another call from the caller to 2000."""
        switch = up.switch
        caller = Caller(switch, call_id="call-2")
        caller.invite()
        invite = switch.request(CALLEE)
        up.callee.reply(invite, 200, ANSWER)
        caller.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        switch.taken()
        return caller, invite

    def agree(self, switch: Switch) -> list[str]:
        """Whatever the switch asks is agreed to; returns what was asked."""
        told = []
        while taken := [m for m in switch.taken() if isinstance(m, Request)]:
            for request in taken:
                told.append(request.method)
                if request.method == "ACK":
                    continue
                peer = Caller(switch, CALLER)
                if request.call_id not in ("call-1", "call-2"):
                    peer = Caller(switch, CALLEE)
                peer.reply(request, 200, ANSWER if request.method == "INVITE" else b"")
        return told

    def test_ring(self) -> None:
        """
        The callee joins both, so that the caller talks to itself; when the caller
        joins them, too, nobody would be left in a call that goes on: 603.
        """
        switch = self.switch()
        up = self.up(switch)
        other, invite = self.second(up)
        ours, theirs = invite.from_tag, up.callee.tag
        tags = f"{invite.call_id}%3Bto-tag%3D{ours}%3Bfrom-tag%3D{theirs}"
        header = f"Refer-To: <sip:1@192.0.2.1?Replaces={tags}>"
        up.callee.ask(up.invite, "REFER", headers=[header])
        self.agree(switch)
        self.assertEqual(len(switch.registry), 2)
        up.caller.ask("REFER", headers=[refer_to(other)])
        self.assertEqual(up.answer().status, 603)
        self.assertEqual(len(switch.registry), 2)
        up.caller.ask("BYE")
        self.agree(switch)
        self.assertEqual(len(switch.registry), 0)
        self.assert_balanced(switch)
        self.assert_idle(switch)


class TwoEndsTests(CallTests):
    """
    Two talks between the phones 1001 and 1002, each of two calls that 1003 joined:
    both phones join them at once, each at its end.
    """

    def dialog(self, switch: Switch, caller: PhonePeer, callee: PhonePeer) -> Dialog:
        """A call between two phones, answered."""
        self.count = getattr(self, "count", 0) + 1
        call = caller.call(callee.e164, call_id=f"call-{self.count}")
        invite = callee.rings()
        switch.taken()
        callee.answers(invite)
        call.ack(switch.taken(caller.address)[-1])  # type: ignore[arg-type]
        switch.taken()
        return call, invite

    def agree(self, switch: Switch) -> None:
        """Whatever the switch asks of anybody is agreed to."""
        while taken := switch.channel.sent:
            switch.channel.sent = []
            for data, address in taken:
                each = parse(data)
                if isinstance(each, Request) and each.method != "ACK":
                    body = ANSWER if each.method == "INVITE" else b""
                    Callee(switch, address).reply(each, 200, body)

    def test_ring(self) -> None:
        """The one that comes second fails: nobody would be left in the talk."""
        switch = self.switch()
        phones = []
        for number, host in (("1001", 7), ("1002", 8), ("1003", 9)):
            switch.phone(number)
            phones.append(PhonePeer(switch, number, (f"198.51.100.{host}", 5060)))
            phones[-1].register()
        switch.taken()
        one, two, between = phones
        ends = []
        for _ in range(2):
            first, invite = self.dialog(switch, one, between)
            call, last = self.dialog(switch, between, two)
            between.ask(invite, "REFER", headers=[refer_to(call)])
            self.agree(switch)
            ends.append((first, last))
        self.assertEqual(len(switch.registry), 4)
        (call, invite), (other, named) = ends
        call.ask("REFER", headers=[refer_to(other)])
        theirs = f"{named.call_id}%3Bto-tag%3D{named.from_tag}%3Bfrom-tag%3D{two.tag}"
        header = f"Refer-To: <sip:1@192.0.2.1?Replaces={theirs}>"
        two.ask(invite, "REFER", headers=[header])
        self.agree(switch)
        two.ask(invite, "BYE")
        self.agree(switch)
        self.assertEqual(len(switch.registry), 0)
        self.assertEqual(len(switch.cdrs), 4)
        self.assert_balanced(switch)
        self.assert_idle(switch)


class ChainTests(PhoneCallTests):
    """Two phones that transfer their talk to each other, again and again."""

    def test_chain(self) -> None:
        """
        Each transfer adds a call that the next one keeps: 483 for the one too many.
        All of them end together, each with its record.
        """
        switch = self.switch()
        one, two = self.phones(switch)
        call = one.call("1002")
        invite = two.rings()
        switch.taken()
        two.answers(invite)
        call.ack(switch.taken(one.address)[-1])  # type: ignore[arg-type]
        switch.taken()
        for turn in range(MOST_JOINED - 1):
            me, peer = (two, one) if turn % 2 == 0 else (one, two)
            invite = self.transferred(switch, me, peer, invite)
        self.assertEqual(len(switch.registry), MOST_JOINED)
        peer.ask(invite, "REFER", headers=[f"Refer-To: <sip:{me.e164}@a>"])
        self.assertEqual(switch.response(peer.address).status, 483)
        peer.ask(invite, "BYE")
        self.agree(switch, one)
        self.assertEqual(len(switch.registry), 0)
        self.assertEqual(len(switch.cdrs), MOST_JOINED)
        self.assert_balanced(switch)
        self.assert_idle(switch)

    def transferred(
        self, switch: Switch, me: PhonePeer, peer: PhonePeer, invite: Request
    ) -> Request:
        """Who was called has the other called; returns the INVITE of that."""
        me.ask(invite, "REFER", headers=[f"Refer-To: <sip:{peer.e164}@a>"])
        for message in switch.taken():
            if isinstance(message, Request) and message.method == "INVITE":
                invite = message
            elif isinstance(message, Request):
                me.reply(message, 200)
        peer.reply(invite, 200, ANSWER)
        self.agree(switch, me)
        return invite

    def agree(self, switch: Switch, peer: PhonePeer) -> None:
        """Whatever the switch asks of anybody is agreed to."""
        while taken := switch.taken():
            for each in taken:
                if isinstance(each, Request) and each.method != "ACK":
                    peer.reply(each, 200, ANSWER if each.method == "INVITE" else b"")
