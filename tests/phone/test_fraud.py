"""
Transfers by those who would gain from them: calls without ends, calls in others'
names, calls that nobody would miss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.call.build import CallTests, Up
from tests.call.phones import PhoneCallTests
from tests.peers import Callee, Caller
from tests.phone.build import THIRD, TRANSFERS, TransferTests
from tests.phone.test_attended import refer_to
from tests.phone.test_replacing import replaces
from tests.phones import PhonePeer
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    SECOND,
    Switch,
    mapping_gateway,
)
from vos3000.model.gateways import LockType
from vos3000.phone.chain import MOST_JOINED
from vos3000.sip.message import Request, Response
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
        """
        The one that comes second gets 491: nobody would be left in the talk, and
        whoever was offered the media of one that leaves would hear nothing.
        """
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
        asked = switch.request(two.address)
        two.ask(invite, "REFER", headers=[header])
        self.assertEqual(switch.response(two.address).status, 491)
        tags = f"to-tag={invite.from_tag};from-tag={two.tag}"
        taker = two.caller("1", call_id="call-9")
        header = f"Replaces: {invite.call_id};{tags}"
        refused = two.invite(taker, more=[header])
        self.assertEqual(refused.status, 491)
        taker.ack(refused)
        two.reply(asked, 200, ANSWER)
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


class AsNowTests(PhoneCallTests):
    """Who was allowed much when its call began, and is not any more."""

    def refer(self, change: Callable[[Switch], object]) -> tuple[Switch, list[int]]:
        """
        1001 has a call to 2000 when the operator changes something, and then refers
        2000 to 00441; returns the statuses in what it is told.
        """
        switch = self.switch()
        one, _ = self.phones(switch)
        call = one.call("2000")
        callee = Callee(switch)
        callee.reply(switch.request(CALLEE), 200, ANSWER)
        call.ack(switch.taken(one.address)[-1])  # type: ignore[arg-type]
        switch.taken()
        change(switch)
        call.ask("REFER", headers=["Refer-To: <sip:00441@a>"])
        told = []
        for each in switch.taken(one.address):
            if isinstance(each, Response):
                told.append(each.status)
            else:
                told.append(int(each.body.split()[1]))
                call.reply(each, 200)
        return switch, told

    def test_as_before(self) -> None:
        """Nothing was changed that matters."""
        switch, told = self.refer(lambda switch: switch.phone("1001"))
        self.assertEqual(told, [202, 100])
        self.assertEqual(len(switch.registry), 2)

    def test_locked(self) -> None:
        """The phone was locked: it places no call, by REFER as little as by INVITE."""
        switch, told = self.refer(lambda switch: switch.phone("1001", lockType=3))
        self.assertEqual(len(told), 3, told)
        self.assertEqual(told[:2], [202, 100])
        self.assertEqual(len(switch.registry), 1)

    def test_gone(self) -> None:
        """The phone was deleted: nobody pays."""
        _, told = self.refer(lambda switch: switch.book.put("1001", None))
        self.assertEqual(told, [603])

    def test_no_more(self) -> None:
        """It may not transfer calls any more (callTransfer)."""
        _, told = self.refer(lambda switch: switch.phone("1001", callTransfer=False))
        self.assertEqual(told, [603])

    def test_gateway(self) -> None:
        """A gateway is locked like that; or it is taken away."""
        locked = mapping_gateway(sip=TRANSFERS, lock_type=LockType.ALL)
        for sources, most in (([locked], 3), ([], 1)):
            switch = self.switch(mapping=[mapping_gateway(sip=TRANSFERS)])
            up = Up(switch)
            switch.taken()
            switch.authenticator.load(sources)
            up.caller.ask("REFER", headers=["Refer-To: <sip:2000@a>"])
            self.assertEqual(switch.taken(CALLEE), [])
            self.assertLessEqual(len(switch.taken(CALLER)), most)
            self.assertEqual(len(switch.registry), 1)

    def test_after_it_took_a_place(self) -> None:
        """
        1002 takes the place of 1001: what it transfers afterwards it transfers as
        itself, with its own rights.
        """
        switch = self.switch()
        one, two = self.phones(switch)
        call = one.call("2000")
        callee = Callee(switch)
        callee.reply(switch.request(CALLEE), 200, ANSWER)
        call.ack(switch.taken(one.address)[-1])  # type: ignore[arg-type]
        switch.taken()
        taker = two.call("2000", headers=[replaces(call)])
        callee.reply(switch.request(CALLEE), 200, ANSWER)
        taker.ack(switch.taken(two.address)[-1])  # type: ignore[arg-type]
        switch.taken()
        switch.phone("1002", lockType=3)
        taker.ask("REFER", headers=["Refer-To: <sip:00441@a>"])
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(len(switch.registry), 1)


class NeighborTests(TransferTests):
    """Two customers behind one address, known by their ports."""

    def test_anothers_call(self) -> None:
        """One of them knows the dialog of the other's call, and cannot have it."""
        host, other = CALLER[0], (CALLER[0], 5070)
        switch = self.switch(
            mapping=[
                mapping_gateway(
                    sip=TRANSFERS, by_port=True, remote_ips=(f"{host}:5060",)
                ),
                mapping_gateway(
                    id=9,
                    name="neighbor",
                    sip=TRANSFERS,
                    by_port=True,
                    remote_ips=(f"{host}:5070",),
                    account="vendor",
                ),
            ]
        )
        up = self.up(switch)
        neighbor = Caller(switch, other, call_id="call-9")
        neighbor.invite(OFFER, [replaces(up.caller)])
        self.assertEqual(switch.taken(CALLEE), [])
        response = switch.taken(other)[-1]
        assert isinstance(response, Response)
        self.assertEqual(response.status, 403)
        self.assertEqual(len(switch.registry), 1)


class UnmissedTests(TransferTests):
    """
    Calls whose caller would be missed, until somebody who would not be takes its
    place (SS_SIP_NO_TIMER_REINVITE_INTERVAL).
    """

    def watched(self, **settings: Any) -> Up:
        """A call whose caller refreshes its session."""
        switch = self.switch(
            parameters={"SS_SIP_NO_TIMER_REINVITE_INTERVAL": "300"}, **settings
        )
        up = Up(switch, headers=("Supported: timer", "Allow: UPDATE"))
        switch.taken()
        return up

    def talk(self, up: Up, seconds: int) -> None:
        """Whoever is asked for a refresh is there."""
        for _ in range(seconds // 10):
            up.switch.advance(10)
            for each in up.switch.taken(CALLER):
                if isinstance(each, Request) and each.method == "UPDATE":
                    up.caller.reply(each, 200)

    def test_watched(self) -> None:
        """The caller is there all the time: the call goes on."""
        up = self.watched()
        self.talk(up, 700)
        self.assertEqual(len(up.switch.registry), 1)

    def test_replaced(self) -> None:
        """Another of the customer's gateways took its place, without timers."""
        up = self.watched()
        switch = up.switch
        taker = Caller(switch, call_id="call-9")
        taker.invite(OFFER, [replaces(up.caller)])
        up.callee.reply(up.passed(), 200, ANSWER)
        for each in switch.taken(CALLER):
            if isinstance(each, Request):
                up.caller.reply(each, 200)
            elif each.status == 200:
                taker.ack(each)
        switch.taken()
        self.talk(up, 290)
        self.assertEqual(len(switch.registry), 1)
        switch.advance(10)
        self.assertEqual(len(switch.registry), 0)
        self.assertEqual([cdr.endreason for cdr in switch.cdrs], [-1022])

    def test_transferred(self) -> None:
        """The caller joins both calls and leaves: each is without a caller now."""
        up = self.watched()
        switch = up.switch
        other = Caller(switch, callee="3000", call_id="call-2")
        other.invite(OFFER, ("Supported: timer", "Allow: UPDATE"))
        invite = switch.request(SECOND)
        self.third.reply(invite, 200, THIRD)
        other.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        switch.taken()
        up.caller.ask("REFER", headers=[refer_to(other)])
        self.third.reply(switch.request(SECOND), 200, THIRD)
        up.callee.reply(up.passed(), 200, ANSWER)
        self.assertEqual(len(switch.registry), 2)
        switch.taken()
        switch.advance(299)
        self.assertEqual(len(switch.registry), 2)
        switch.advance(1)
        self.assertEqual(len(switch.registry), 0)
        self.assert_balanced(switch)
