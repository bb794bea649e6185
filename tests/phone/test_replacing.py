"""
INVITEs that take the place of one side of a call.
"""

from __future__ import annotations

from typing import Any

import attrs

from tests.call.build import Up
from tests.peers import Callee, Caller
from tests.phone.build import TRANSFERS, TransferTests
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    STRANGER,
    Switch,
    mapping_gateway,
)
from vos3000.model.gateways import LockType
from vos3000.sip.message import Request, Response
from vos3000.trace.legs import Legs

COLLEAGUE = ("192.0.2.12", 5060)
"""Another gateway of the same customer, which may transfer calls."""

ALIEN = ("192.0.2.13", 5060)
"""A gateway of somebody else, which may, too."""

LEAST = ("192.0.2.14", 5060)
"""One of the same customer, which may not."""

LOCKED = ("192.0.2.15", 5060)
"""One of the same customer, which may not call."""

TAKEN = OFFER.replace(b"4000", b"4400").replace(b".10", b".12")


def replaces(call: Caller, more: str = "") -> str:
    """What asks for the caller's place in its call."""
    ours = call.to.rpartition("tag=")[2]
    theirs = call.from_.rpartition("tag=")[2]
    return f"Replaces: {call.call_id};to-tag={ours};from-tag={theirs}{more}"


class ReplacingTests(TransferTests):
    """A call of the ordinary gateway to 2000, and others who want its place."""

    def switch(self, **settings: Any) -> Switch:
        """A switch with all the gateways above."""

        def gateway(number: int, place: tuple[str, int], **more: Any) -> Any:
            return mapping_gateway(
                id=number, name=f"in-{number}", remote_ips=(place[0],), **more
            )

        locked = LockType.OUTGOING
        mapping = [
            mapping_gateway(sip=TRANSFERS),
            gateway(12, COLLEAGUE, sip=TRANSFERS),
            gateway(13, ALIEN, sip=TRANSFERS, account="vendor"),
            gateway(14, LEAST),
            gateway(15, LOCKED, sip=TRANSFERS, lock_type=locked),
        ]
        return super().switch(mapping=mapping, **settings)

    def taker(
        self,
        up: Up,
        header: str = "",
        place: tuple[str, int] = COLLEAGUE,
        body: bytes = TAKEN,
    ) -> Caller:
        """Somebody who asks for the caller's place."""
        call_id = "call-9" if place in (COLLEAGUE, CALLER) else f"call-{place[0]}"
        taker = Caller(up.switch, place, "1002", call_id=call_id)
        headers = [header or replaces(up.caller), "Require: replaces"]
        taker.invite(body, headers)
        return taker

    def status(self, switch: Switch, place: tuple[str, int] = COLLEAGUE) -> int:
        """The final status that it got."""
        response = switch.taken(place)[-1]
        assert isinstance(response, Response)
        return response.status

    def untouched(self, up: Up) -> None:
        """The call goes on."""
        self.assertEqual(len(up.switch.registry), 1)
        self.assertEqual(up.switch.taken(), [])
        up.caller.ask("OPTIONS")
        self.assertEqual(up.passed().method, "OPTIONS")

    def test_taken(self) -> None:
        """The far end gets the new media, who was there a BYE; one call goes on."""
        switch = self.switch()
        up = self.up(switch)
        switch.advance(10)
        taker = self.taker(up)
        asked = up.passed()
        self.assertIn(b"m=audio 4400", asked.body)
        self.assertEqual(switch.taken(CALLER), [])
        up.callee.reply(asked, 200, ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        trying, answer = switch.taken(COLLEAGUE)
        assert isinstance(trying, Response)
        assert isinstance(answer, Response)
        self.assertEqual((trying.status, answer.status), (100, 200))
        self.assertIn(b"m=audio 6000", answer.body)
        self.assertEqual(answer.all("supported"), ["replaces", "norefersub"])
        taker.ack(answer)
        bye = switch.request(CALLER)
        self.assertEqual((bye.method, bye.call_id), ("BYE", "call-1"))
        up.caller.reply(bye, 200)
        self.assertEqual(len(switch.registry), 1)
        switch.advance(51)
        taker.ask("BYE")
        self.assertEqual(self.lines(switch, COLLEAGUE), ["200"])
        up.callee.reply(up.passed(), 200)
        self.assert_over(switch, -8, 0)
        (cdr,) = switch.cdrs
        self.assertEqual((cdr.holdtime, cdr.callerip), (61, COLLEAGUE[0]))
        self.assertEqual(cdr.callerpdd, 0)
        self.assert_idle(switch)

    def test_by_the_device_itself(self) -> None:
        """As after a restart, or from another of its calls."""
        switch = self.switch()
        up = self.up(switch)
        taker = self.taker(up, place=CALLER)
        up.callee.reply(up.passed(), 200, ANSWER)
        messages = switch.taken(CALLER)
        got = [m.method if isinstance(m, Request) else m.status for m in messages]
        self.assertEqual(got, [100, 200, "BYE"])
        taker.ack(messages[1])  # type: ignore[arg-type]
        up.callee.ask(up.invite, "BYE")
        bye = switch.request(CALLER)
        self.assertEqual(bye.call_id, "call-9")

    def test_callee_side(self) -> None:
        """The callee's place can be taken from where it is, too."""
        mapping_both = mapping_gateway(id=16, name="both", remote_ips=(CALLEE[0],))
        switch = TransferTests.switch(
            self, mapping=[mapping_gateway(sip=TRANSFERS), mapping_both]
        )
        up = self.up(switch)
        ours = up.invite.from_tag
        header = f"Replaces: {up.invite.call_id};to-tag={ours};from-tag={up.callee.tag}"
        taker = Caller(switch, CALLEE, "2000", call_id="call-9")
        taker.invite(ANSWER.replace(b"6000", b"6600"), [header])
        asked = switch.request(CALLER)
        self.assertIn(b"m=audio 6600", asked.body)
        up.caller.reply(asked, 200, OFFER)
        self.assertEqual(self.lines(switch, CALLER), ["ACK"])
        messages = switch.taken(CALLEE)
        got = [m.method if isinstance(m, Request) else m.status for m in messages]
        self.assertEqual(got, [100, 200, "BYE"])
        taker.ack(messages[1])  # type: ignore[arg-type]
        up.callee.reply(messages[2], 200)  # type: ignore[arg-type]
        taker.ask("BYE")
        self.assertEqual(self.lines(switch, CALLEE), ["200"])
        up.caller.reply(switch.request(CALLER), 200)
        self.assert_over(switch, -8, 1)
        self.assert_idle(switch)

    def test_followed(self) -> None:
        """Whoever follows the call's messages follows the new dialog, too."""
        switch = self.switch()
        legs = switch.registry.follower = Legs()
        up = self.up(switch)
        self.taker(up)
        followed = legs.call_of("call-9")
        assert followed is not None
        self.assertEqual(followed.number, 1)

    def test_late_offer(self) -> None:
        """Without an offer the far end is made to offer."""
        switch = self.switch()
        up = self.up(switch)
        taker = self.taker(up, body=b"")
        asked = up.passed()
        self.assertEqual(asked.body, b"")
        up.callee.reply(asked, 200, ANSWER)
        answer = switch.taken(COLLEAGUE)[-1]
        assert isinstance(answer, Response)
        self.assertIn(b"m=audio 6000", answer.body)
        taker.ack(answer, TAKEN)
        ack = up.passed()
        self.assertEqual(ack.method, "ACK")
        self.assertIn(b"m=audio 4400", ack.body)

    def test_who_may_not(self) -> None:
        """403: another's gateway, one that may not transfer, a locked one."""
        switch = self.switch()
        up = self.up(switch)
        for place in (ALIEN, LEAST, LOCKED):
            self.taker(up, place=place)
            self.assertEqual(self.status(switch, place), 403, place)
        self.untouched(up)

    def test_stranger(self) -> None:
        """Whoever knows the tags but is nobody is refused like any stranger."""
        switch = self.switch()
        up = self.up(switch)
        self.taker(up, place=STRANGER)
        self.assertEqual(self.status(switch, STRANGER), 403)
        self.untouched(up)

    def test_no_such_call(self) -> None:
        """481, whichever part is wrong."""
        switch = self.switch()
        up = self.up(switch)
        header = replaces(up.caller)
        for wrong in (
            header.replace("call-1;", "call-7;"),
            header.replace("to-tag=", "to-tag=x"),
            header.replace("from-tag=", "from-tag=x"),
        ):
            self.taker(up, wrong)
            self.assertEqual(self.status(switch), 481, wrong)
        self.untouched(up)

    def test_malformed(self) -> None:
        """400."""
        switch = self.switch()
        up = self.up(switch)
        self.taker(up, "Replaces: call-1;to-tag=1")
        self.assertEqual(self.status(switch), 400)
        self.untouched(up)

    def test_objections(self) -> None:
        """What every INVITE may not ask for: 422 and 420, and nothing is touched."""
        switch = self.switch()
        plain = attrs.evolve(TRANSFERS, rel100=False)
        up = self.up(switch)
        for wish, status, header in (
            ("Session-Expires: 30", 422, "min-se"),
            ("Require: 100rel", 420, "unsupported"),
        ):
            switch.authenticator.load(
                [mapping_gateway(id=12, sip=plain, remote_ips=(COLLEAGUE[0],))]
            )
            taker = Caller(switch, COLLEAGUE, "1002", call_id=f"call-{status}")
            taker.invite(TAKEN, [replaces(up.caller), "Supported: timer", wish])
            response = switch.taken(COLLEAGUE)[-1]
            assert isinstance(response, Response)
            self.assertEqual(response.status, status)
            self.assertIsNotNone(response.get(header))
            self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(len(switch.registry), 1)

    def test_early_only(self) -> None:
        """486: the call was answered (section 3)."""
        switch = self.switch()
        up = self.up(switch)
        self.taker(up, replaces(up.caller, ";early-only"))
        self.assertEqual(self.status(switch), 486)
        self.untouched(up)

    def test_early(self) -> None:
        """481: a call that is not answered yet."""
        switch = self.switch()
        caller = Caller(switch)
        caller.invite()
        Callee(switch).reply(switch.request(CALLEE), 180)
        ringing = switch.taken(CALLER)[-1]
        assert isinstance(ringing, Response)
        caller.learn(ringing)
        taker = Caller(switch, COLLEAGUE, "1002", call_id="call-9")
        taker.invite(TAKEN, [replaces(caller)])
        self.assertEqual(self.status(switch), 481)
        self.assertEqual(len(switch.registry), 1)

    def test_ended(self) -> None:
        """603: the call is over (section 3)."""
        switch = self.switch()
        up = self.up(switch)
        up.callee.ask(up.invite, "BYE")
        self.taker(up)
        self.assertEqual(self.status(switch), 603)

    def test_far_end_does_not_agree(self) -> None:
        """Its refusal is the answer; nothing was changed."""
        switch = self.switch()
        up = self.up(switch)
        self.taker(up)
        up.callee.reply(up.passed(), 488)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assertEqual(self.status(switch), 488)
        self.untouched(up)

    def test_canceled(self) -> None:
        """It gives up while the far end is asked: that gets the media back."""
        switch = self.switch()
        up = self.up(switch)
        taker = self.taker(up)
        asked = up.passed()
        taker.cancel()
        self.assertEqual(self.lines(switch, COLLEAGUE), ["100", "200", "487"])
        up.callee.reply(asked, 200, ANSWER)
        switch.taken(CALLEE)
        switch.advance(2.5)
        again = up.passed()
        self.assertIn(b"m=audio 4000", again.body)
        up.callee.reply(again, 200, ANSWER)
        switch.taken(CALLEE)
        switch.taken(COLLEAGUE)
        self.untouched(up)

    def test_canceled_late_offer(self) -> None:
        """The far end's offer is declined then."""
        switch = self.switch()
        up = self.up(switch)
        taker = self.taker(up, body=b"")
        asked = up.passed()
        taker.cancel()
        switch.taken(COLLEAGUE)
        up.callee.reply(asked, 200, ANSWER)
        ack = up.passed()
        self.assertEqual(ack.method, "ACK")
        self.assertIn(b"m=audio 0", ack.body)
        switch.advance(2.5)
        self.assertIn(b"m=audio 4000", up.passed().body)

    def test_replaced_hangs_up_first(self) -> None:
        """Who is replaced may leave meanwhile."""
        switch = self.switch()
        up = self.up(switch)
        taker = self.taker(up)
        up.caller.ask("BYE")
        self.assertEqual(self.lines(switch, CALLER), ["200"])
        up.callee.reply(up.passed(), 200, ANSWER)
        answer = switch.taken(COLLEAGUE)[-1]
        assert isinstance(answer, Response)
        self.assertEqual(answer.status, 200)
        taker.ack(answer)
        switch.taken()
        taker.ask("BYE")
        up.callee.reply(up.passed(), 200)
        self.assert_over(switch, -8, 0)
        self.assert_idle(switch)

    def test_both_give_up(self) -> None:
        """Who was replaced left, and who takes its place gives up: all is over."""
        switch = self.switch()
        up = self.up(switch)
        taker = self.taker(up)
        asked = up.passed()
        up.caller.ask("BYE")
        taker.cancel()
        up.callee.reply(asked, 200, ANSWER)
        self.assertEqual(len(switch.registry), 0)
        for message in switch.taken(CALLEE):
            if isinstance(message, Request) and message.method == "BYE":
                up.callee.reply(message, 200)
        switch.advance(40)
        switch.taken()
        self.assert_idle(switch)

    def test_far_end_hangs_up(self) -> None:
        """The call is over before the place was taken: 603."""
        switch = self.switch()
        up = self.up(switch)
        self.taker(up)
        switch.taken(CALLEE)
        up.callee.ask(up.invite, "BYE")
        self.assertEqual(self.status(switch), 603)
        self.assertEqual(self.lines(switch, CALLER), ["BYE"])
        self.assertEqual(len(switch.registry), 0)

    def test_one_at_a_time(self) -> None:
        """491 while somebody else is about to take it, or a transfer goes on."""
        switch = self.switch()
        up = self.up(switch)
        self.taker(up)
        up.caller.ask("REFER", headers=["Refer-To: <sip:3000@a>"])
        self.assertEqual(up.answer().status, 491)
        second = Caller(switch, COLLEAGUE, "1003", call_id="call-10")
        second.invite(TAKEN, [replaces(up.caller)])
        self.assertEqual(self.status(switch), 491)
