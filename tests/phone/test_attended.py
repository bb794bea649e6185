"""
Attended transfers: two calls of one device become one.
"""

from __future__ import annotations

from decimal import Decimal

from tests.call.build import Up
from tests.call.phones import PhoneCallTests
from tests.peers import Caller
from tests.phone.build import (
    HELD,
    THIRD,
    TRANSFERS,
    TransferTests,
    customers,
    notice,
)
from tests.phones import HALL, PhonePeer
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    SECOND,
    Switch,
    mapping_gateway,
)
from vos3000.sip.message import Request, Response
from vos3000.trace.legs import Legs


def refer_to(call: Caller, number: str = "3000") -> str:
    """The Refer-To of who has C{call} and wants another in its place."""
    ours = call.to.rpartition("tag=")[2]
    theirs = call.from_.rpartition("tag=")[2]
    tags = f"{call.call_id}%3Bto-tag%3D{ours}%3Bfrom-tag%3D{theirs}"
    return f"Refer-To: <sip:{number}@192.0.2.1?Replaces={tags}>"


class AttendedTests(TransferTests):
    """The gateway that calls has 2000 in one call and 3000 in another."""

    def consulted(self, switch: Switch, address: tuple[str, int] = CALLER) -> Caller:
        """The call to 3000."""
        caller = Caller(switch, address, callee="3000", call_id="call-2")
        caller.invite()
        self.invite = switch.request(SECOND)
        self.third.reply(self.invite, 200, THIRD)
        caller.ack(switch.taken(address)[-1])  # type: ignore[arg-type]
        switch.taken()
        return caller

    def asked(self) -> tuple[Up, Caller]:
        """Both calls, which are to be joined: 3000 is asked first."""
        switch = self.switch()
        up = self.up(switch)
        other = self.consulted(switch)
        up.caller.ask("REFER", headers=[refer_to(other)])
        self.accepted(up)
        return up, other

    def join(self, up: Up, other: Caller) -> None:
        """Transfer 2000 to 3000; both agree."""
        switch = up.switch
        up.caller.ask("REFER", headers=[refer_to(other)])
        self.accepted(up)
        asked = switch.request(SECOND)
        self.assertEqual(asked.method, "INVITE")
        self.agree(up, asked)

    def left(self, up: Up) -> list[tuple[str, str]]:
        """What the caller gets in the end: method and Call-ID, or status."""
        told = []
        for message in up.switch.taken(CALLER):
            assert isinstance(message, Request)
            up.caller.reply(message, 200)
            told.append((notice(message) or message.method, message.call_id))
        return told

    def test_joined(self) -> None:
        """2000 and 3000 talk, the caller is hung up twice; both are metered."""
        switch = self.switch()
        up = self.up(switch)
        switch.advance(30)
        other = self.consulted(switch)
        switch.advance(10)
        self.join(up, other)
        self.assertEqual(
            self.left(up), [("200.", "call-1"), ("BYE", "call-1"), ("BYE", "call-2")]
        )
        self.assertEqual(switch.taken(), [])
        self.assertEqual(self.states(switch)[-2:], [-14, -15])
        switch.advance(60)
        up.callee.ask(up.invite, "BYE")
        self.assertEqual(up.result().status, 200)
        self.third.reply(switch.request(SECOND), 200)
        second, first = sorted(switch.cdrs, key=lambda cdr: -cdr.softswitchcallid)
        self.assertEqual((first.holdtime, second.holdtime), (100, 70))
        self.assertEqual((first.fee, second.fee), (Decimal("0.12"), Decimal("0.12")))
        self.assertEqual((first.enddirection, second.enddirection), (1, 0))
        self.assertEqual(self.money(switch), Decimal("99.76"))
        self.assert_balanced(switch)
        self.assert_idle(switch)

    def test_followed(self) -> None:
        """Who follows the messages of one of both calls follows both from then on."""
        switch = self.switch()
        legs = switch.registry.follower = Legs()
        up = self.up(switch)
        other = self.consulted(switch)
        first, second = legs.call_of("call-1"), legs.call_of("call-2")
        assert first is not None
        assert second is not None
        self.assertEqual((first.origin, second.origin), (0, 0))
        self.join(up, other)
        self.assertEqual((first.origin, second.origin), (2, 1))
        self.assertIs(legs.call_of(up.invite.call_id), first)
        self.assertIs(legs.call_of(self.invite.call_id), second)
        self.assertEqual(second.identifiers[0], "call-2")

    def test_the_other_way_round(self) -> None:
        """The REFER comes in the second call and names the first."""
        switch = self.switch()
        up = self.up(switch)
        other = self.consulted(switch)
        other.ask("REFER", headers=[refer_to(up.caller, "2000")])
        self.accepted(up)
        asked = up.passed()
        self.assertIn(b"m=audio 7000", asked.body)
        up.callee.reply(asked, 200, ANSWER)
        switch.taken(CALLEE)
        asked = switch.request(SECOND)
        self.assertIn(b"m=audio 6000", asked.body)
        self.third.reply(asked, 200, THIRD)
        self.assertEqual(
            self.left(up), [("200.", "call-2"), ("BYE", "call-2"), ("BYE", "call-1")]
        )
        switch.taken()
        self.third.ask(self.invite, "BYE")
        self.assertEqual(self.lines(switch, SECOND), ["200"])
        up.callee.reply(up.passed(), 200)
        self.assert_gone(switch)

    def test_both_on_hold(self) -> None:
        """As phones leave them; afterwards neither is."""
        switch = self.switch()
        up = self.up(switch)
        up.caller.ask("INVITE", OFFER + b"a=sendonly\r\n")
        up.callee.reply(up.passed(), 200, HELD)
        up.caller.ack(up.answer())
        switch.taken()
        other = self.consulted(switch)
        up.caller.ask("REFER", headers=[refer_to(other)])
        self.accepted(up)
        asked = switch.request(SECOND)
        self.assertNotIn(b"recvonly", asked.body)
        self.third.reply(asked, 200, THIRD)
        asked = up.passed()
        self.assertNotIn(b"sendonly", asked.body)
        up.callee.reply(asked, 200, ANSWER)
        self.assertEqual(self.lines(switch, SECOND), ["ACK"])
        self.assertEqual(len(self.left(up)), 3)

    def test_hangs_up_both_at_once(self) -> None:
        """The caller does not wait: the others talk all the same."""
        up, other = self.asked()
        switch = up.switch
        up.caller.ask("BYE")
        other.ask("BYE")
        self.assertEqual(self.lines(switch, CALLER), ["200", "200"])
        self.assertEqual(len(switch.registry), 2)
        self.third.reply(switch.request(SECOND), 200, THIRD)
        up.callee.reply(up.passed(), 200, ANSWER)
        self.assertEqual(switch.taken(CALLER), [])
        switch.taken()
        up.callee.ask(up.invite, "BYE")
        switch.taken(CALLEE)
        self.third.reply(switch.request(SECOND), 200)
        self.assert_gone(switch)

    def test_consulted_does_not_agree(self) -> None:
        """3000 refuses 2000's media: both calls go on as they were."""
        up, _ = self.asked()
        switch = up.switch
        self.third.reply(switch.request(SECOND), 488)
        self.assertEqual(self.left(up), [("488.", "call-1")])
        self.assertEqual(self.lines(switch, SECOND), ["ACK"])
        self.assertEqual(switch.taken(), [])
        self.assertEqual(len(switch.registry), 2)

    def test_transferee_does_not_agree(self) -> None:
        """2000 refuses 3000's media: 3000 gets the caller's back."""
        up, other = self.asked()
        switch = up.switch
        self.third.reply(switch.request(SECOND), 200, THIRD)
        switch.taken(SECOND)
        up.callee.reply(up.passed(), 488)
        switch.taken(CALLEE)
        self.assertEqual(self.left(up), [("488.", "call-1")])
        asked = switch.request(SECOND)
        self.assertIn(b"m=audio 4000", asked.body)
        self.third.reply(asked, 200, THIRD)
        self.assertEqual(self.lines(switch, SECOND), ["ACK"])
        self.assertEqual(switch.taken(), [])
        self.assertEqual(len(switch.registry), 2)
        for call in (up.caller, other):
            call.ask("BYE")
        self.assertEqual(len(switch.registry), 0)
        switch.advance(40)
        switch.taken()
        self.assert_idle(switch)

    def test_consulted_hangs_up(self) -> None:
        """3000 leaves while it is asked: the first call goes on."""
        up, _ = self.asked()
        switch = up.switch
        switch.taken(SECOND)
        self.third.ask(self.invite, "BYE")
        self.assertEqual(self.left(up), [("487.", "call-1"), ("BYE", "call-2")])
        self.assertEqual(len(switch.registry), 1)
        self.assertEqual(switch.taken(CALLEE), [])

    def test_transferee_hangs_up(self) -> None:
        """2000 leaves after 3000 agreed: the second call goes on, as it was."""
        up, other = self.asked()
        switch = up.switch
        self.third.reply(switch.request(SECOND), 200, THIRD)
        switch.taken(SECOND)
        up.callee.ask(up.invite, "BYE")
        self.assertEqual(self.left(up), [("487.", "call-1"), ("BYE", "call-1")])
        asked = switch.request(SECOND)
        self.assertIn(b"m=audio 4000", asked.body)
        self.third.reply(asked, 200, THIRD)
        self.assertEqual(len(switch.registry), 1)
        other.ask("BYE")
        self.assertEqual(len(switch.registry), 0)
        self.assert_balanced(switch)

    def test_no_such_call(self) -> None:
        """A Replaces that names no call fails like an INVITE with it: 481."""
        switch = self.switch()
        up = self.up(switch)
        other = self.consulted(switch)
        for header in (
            refer_to(other).replace("call-2", "call-3", 1),
            refer_to(other).replace("a-call-2", "a-call-3"),
        ):
            up.caller.ask("REFER", headers=[header])
            self.assertEqual(self.notices(up), ["100", "481."])
        self.assertEqual(len(switch.registry), 2)
        self.assertEqual(switch.taken(), [])

    def test_itself(self) -> None:
        """A call cannot be joined with itself."""
        switch = self.switch()
        up = self.up(switch)
        up.caller.ask("REFER", headers=[refer_to(up.caller)])
        self.assertEqual(up.answer().status, 603)

    def test_another_device(self) -> None:
        """The other call is somebody else's, tags and all: 603."""
        mapping = [
            mapping_gateway(sip=TRANSFERS, capacity=2),
            mapping_gateway(id=9, name="alien", remote_ips=("192.0.2.11",)),
        ]
        switch = self.switch(mapping=mapping)
        up = self.up(switch)
        other = self.consulted(switch, ("192.0.2.11", 5060))
        up.caller.ask("REFER", headers=[refer_to(other)])
        self.assertEqual(up.answer().status, 603)
        self.assertEqual(switch.taken(), [])

    def test_one_transfer_for_both(self) -> None:
        """491 for another transfer of either call meanwhile."""
        up, other = self.asked()
        for call, header in (
            (up.caller, "Refer-To: <sip:3000@a>"),
            (other, "Refer-To: <sip:2000@a>"),
            (other, refer_to(up.caller)),
        ):
            call.ask("REFER", headers=[header])
            self.assertEqual(up.answer().status, 491)

    def test_money_ends(self) -> None:
        """Where the money of one call ends, the joined talk does."""
        switch = self.switch(customers=customers("0.12"))
        up = self.up(switch)
        other = self.consulted(switch)
        self.join(up, other)
        self.left(up)
        switch.advance(70)
        self.assertEqual(len(switch.registry), 0)
        self.assertEqual(self.lines(switch, CALLEE)[0], "BYE")
        self.assertEqual(self.lines(switch, SECOND)[0], "BYE")
        self.assertEqual(self.money(switch), 0)
        self.assert_balanced(switch)


class PhoneTests(PhoneCallTests):
    """A phone that was called by one party calls another, and joins them."""

    def talks(self, one: PhonePeer, number: str = "1000") -> tuple[Caller, Request]:
        """The gateway has called 1001: who calls, and the INVITE that it got."""
        outside = self.from_gateway(one.switch, "1001", number=number)
        invite = one.rings()
        one.answers(invite)
        answer = one.switch.taken(CALLER)[-1]
        assert isinstance(answer, Response)
        outside.ack(answer)
        return outside, invite

    def test_joined(self) -> None:
        """1001 is called by the gateway and calls 1002: those two talk."""
        switch = self.switch()
        one, two = self.phones(switch)
        outside, invite = self.talks(one)
        call = one.call("1002")
        inside = two.rings()
        switch.taken()
        two.answers(inside)
        answer = switch.taken(one.address)[-1]
        assert isinstance(answer, Response)
        call.ack(answer)
        switch.taken()
        one.ask(invite, "REFER", headers=[refer_to(call, "1002")])
        accepted, notify = switch.taken(one.address)
        assert isinstance(accepted, Response)
        assert isinstance(notify, Request)
        self.assertEqual((accepted.status, notice(notify)), (202, "100"))
        one.reply(notify, 200)
        two.reply(switch.request(HALL), 200, ANSWER)
        switch.taken(HALL)
        asked = switch.request(CALLER)
        self.assertEqual(asked.method, "INVITE")
        outside.reply(asked, 200, OFFER)
        told = switch.taken(one.address)
        self.assertEqual(
            [m.method for m in told if isinstance(m, Request)], ["NOTIFY", "BYE", "BYE"]
        )
        for message in told:
            one.reply(message, 200)  # type: ignore[arg-type]
        switch.taken()
        self.assertEqual(len(switch.registry), 2)
        outside.ask("BYE")
        two.reply(switch.request(HALL), 200)
        switch.taken()
        self.assertEqual(len(switch.registry), 0)
        self.assert_balanced(switch)
        self.assertEqual(switch.phone_lines.used("1001"), 0)
        self.assertEqual(switch.phone_lines.used("1002"), 0)
        self.assert_idle(switch)

    def test_blind(self) -> None:
        """1001 was called; it pays for what it transfers to 2000."""
        switch = self.switch()
        one = PhonePeer(switch)
        one.register()
        _, invite = self.talks(one, "555")
        switch.taken()
        one.ask(invite, "REFER", headers=["Refer-To: <sip:2000@a>"])
        placed = switch.request(CALLEE)
        self.assertEqual(placed.from_.uri.user, "555")
        call = switch.registry.current()[-1]
        self.assertEqual((call.caller_e164, call.callee_e164), ("1001", "2000"))

    def test_shown(self) -> None:
        """callTransferNormalDisplay: 1 the original caller, 2 its own number."""
        for mode, shown in ((1, "555"), (2, "1001")):
            switch = self.switch(
                parameters={"SS_CALL_TRANSFER_NORMAL_DISPLAY": "Local number"}
            )
            switch.phone("1001", callTransferNormalDisplay=mode)
            one = PhonePeer(switch)
            one.register()
            _, invite = self.talks(one, "555")
            switch.taken()
            one.ask(invite, "REFER", headers=["Refer-To: <sip:2000@a>"])
            self.assertEqual(switch.request(CALLEE).from_.uri.user, shown)

    def test_not_allowed(self) -> None:
        """callTransfer is off."""
        switch = self.switch()
        switch.phone("1001", callTransfer=False)
        one = PhonePeer(switch)
        one.register()
        _, invite = self.talks(one)
        switch.taken()
        one.ask(invite, "REFER", headers=["Refer-To: <sip:2000@a>"])
        response = switch.response(one.address)
        self.assertEqual(response.status, 603)
