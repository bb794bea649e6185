"""
Blind transfers: who is called, who is told, what it costs, and what is left.
"""

from __future__ import annotations

from decimal import Decimal

from tests.call.build import Up
from tests.peers import Callee, Caller
from tests.phone.build import (
    HELD,
    THIRD,
    TRANSFERS,
    TransferTests,
    customers,
    notice,
)
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.accounts import Customer
from vos3000.sip.message import Request, Response
from vos3000.trace.legs import Legs


class BlindTests(TransferTests):
    """A blind transfer that succeeds."""

    def test_joined(self) -> None:
        """3000 is called with 2000's media, 2000 gets 3000's, the caller goes."""
        switch = self.switch()
        up = self.up(switch)
        switch.advance(10)
        invite = self.transferred(up)
        self.assertIn(b"192.0.2.20", invite.body)
        self.assertIn(b"m=audio 6000", invite.body)
        self.assertEqual(invite.from_.uri.user, "1000")
        self.assertEqual(switch.request(CALLEE).method, "ACK")
        self.assertEqual(self.notices(up), ["200.", "BYE"])
        self.assertEqual(switch.taken(), [])
        self.assertEqual(self.states(switch), [-7, -11, -12, -14, -7, -11, -12, -15])
        switch.advance(50)
        up.callee.ask(up.invite, "BYE")
        self.assertEqual(up.result().status, 200)
        self.third.reply(switch.request(SECOND), 200)
        self.assert_over(switch, -8, 1, calls=2)
        self.assert_idle(switch)

    def test_followed(self) -> None:
        """
        Messages to who transfers stay those of its call; who follows one of both calls
        follows the other, too.
        """
        switch = self.switch()
        legs = switch.registry.follower = Legs()
        up = self.up(switch)
        invite = self.transferred(up)
        first, second = legs.call_of("call-1"), legs.call_of(invite.call_id)
        assert first is not None
        assert second is not None
        self.assertEqual((first.number, first.origin), (1, 2))
        self.assertEqual((second.number, second.origin), (2, 1))
        self.third.ask(invite, "BYE")
        self.assertIs(legs.call_of("call-1"), first)

    def test_records(self) -> None:
        """Each call has its own record, with its own time and fee."""
        switch = self.switch()
        up = self.up(switch)
        switch.advance(10)
        invite = self.transferred(up)
        self.notices(up)
        switch.taken()
        switch.advance(61)
        self.third.ask(invite, "BYE")
        self.assertEqual(self.lines(switch, SECOND), ["200"])
        self.assertEqual(self.lines(switch, CALLEE), ["BYE"])
        second, first = sorted(switch.cdrs, key=lambda cdr: -cdr.softswitchcallid)
        self.assertEqual(
            [(c.calleee164, c.holdtime, c.feetime, c.fee) for c in (first, second)],
            [
                ("2000", 71, 120, Decimal("0.12")),
                ("3000", 61, 120, Decimal("0.12")),
            ],
        )
        self.assertEqual((first.enddirection, second.enddirection), (0, 1))
        self.assertEqual((first.endreason, second.endreason), (-8, -8))
        self.assertEqual((first.callercallid, second.callercallid), ("call-1",) * 2)
        self.assertEqual(
            (second.calleroriginalcallid, second.calleroriginalinfo),
            ("call-1", "1000 (transfer)"),
        )
        self.assertEqual(first.calleroriginalcallid, "")
        self.assertEqual((first.callerip, second.callerip), (CALLER[0], CALLER[0]))
        self.assertEqual(second.calleegatewayid, "second")
        self.assertEqual(self.money(switch), Decimal("99.76"))
        self.assert_balanced(switch)

    def test_talk_goes_on(self) -> None:
        """Requests of either end reach the other through both calls."""
        switch = self.switch()
        up = self.up(switch)
        invite = self.transferred(up)
        self.notices(up)
        switch.taken()
        up.callee.ask(up.invite, "INVITE", ANSWER.replace(b"6000", b"6500"))
        asked = [m for m in switch.taken(SECOND) if isinstance(m, Request)]
        self.assertEqual([m.method for m in asked], ["INVITE"])
        self.assertIn(b"m=audio 6500", asked[0].body)
        self.third.reply(asked[0], 200, THIRD.replace(b"7000", b"7500"))
        self.assertEqual(self.lines(switch, SECOND), ["ACK"])
        answer = up.result()
        self.assertIn(b"m=audio 7500", answer.body)
        up.callee.ask(up.invite, "ACK")
        self.third.ask(invite, "INFO", b"Signal=1", "application/dtmf-relay")
        info = switch.request(CALLEE)
        self.assertEqual((info.method, info.body), ("INFO", b"Signal=1"))
        up.callee.reply(info, 200)
        self.assertEqual(self.lines(switch, SECOND), ["200"])

    def test_late_offer_after_it(self) -> None:
        """A re-INVITE without an offer passes through both calls, too."""
        switch = self.switch()
        up = self.up(switch)
        self.transferred(up)
        self.notices(up)
        switch.taken()
        up.callee.ask(up.invite, "INVITE")
        switch.taken(CALLEE)
        asked = switch.request(SECOND)
        self.assertEqual(asked.body, b"")
        self.third.reply(asked, 200, THIRD)
        offer = up.result()
        self.assertIn(b"m=audio 7000", offer.body)
        up.callee.ask(up.invite, "ACK", ANSWER)
        ack = switch.request(SECOND)
        self.assertEqual(ack.method, "ACK")
        self.assertIn(b"m=audio 6000", ack.body)

    def test_held(self) -> None:
        """Who was on hold is not when it is connected."""
        switch = self.switch()
        up = self.up(switch)
        up.caller.ask("INVITE", OFFER + b"a=sendonly\r\n")
        up.callee.reply(up.passed(), 200, HELD)
        ok = up.answer()
        self.assertIn(b"a=recvonly", ok.body)
        up.caller.ack(ok)
        switch.taken()
        invite = self.transferred(up)
        self.assertNotIn(b"recvonly", invite.body)
        self.assertEqual(self.notices(up), ["200.", "BYE"])
        self.assertEqual(switch.taken(SECOND), [])

    def test_other_media_in_the_end(self) -> None:
        """Where 2000 answers from another port, 3000 is told."""
        switch = self.switch()
        up = self.up(switch)
        self.transferred(up, ANSWER.replace(b"6000", b"6200"))
        asked = switch.request(SECOND)
        self.assertEqual(asked.method, "INVITE")
        self.assertIn(b"m=audio 6200", asked.body)
        self.third.reply(asked, 200, THIRD)
        self.assertEqual(self.lines(switch, SECOND), ["ACK"])
        self.assertEqual(self.notices(up), ["200.", "BYE"])

    def test_transferor_hangs_up_early(self) -> None:
        """As phones do once they were told 202: the others talk all the same."""
        up = self.begun()
        switch = up.switch
        invite = self.called(up)
        up.caller.ask("BYE")
        self.assertEqual(self.lines(switch, CALLER), ["NOTIFY", "200"])
        self.assertEqual(len(switch.registry), 2)
        self.assertEqual(switch.taken(CALLEE), [])
        self.third.reply(invite, 200, THIRD)
        up.callee.reply(up.passed(), 200, ANSWER)
        self.assertEqual(switch.taken(CALLER), [])
        self.assertEqual(self.states(switch)[-1], -15)
        switch.taken()
        self.third.ask(invite, "BYE")
        switch.taken(SECOND)
        up.callee.reply(switch.taken(CALLEE)[-1], 200)  # type: ignore[arg-type]
        self.assert_over(switch, -8, 1, calls=2)
        self.assert_idle(switch)

    def test_silent(self) -> None:
        """Refer-Sub: false (RFC 4488): 202 says so, and no NOTIFY comes."""
        switch = self.switch()
        up = self.up(switch)
        silent = "Refer-Sub: false", "Require: norefersub"
        self.refer(up, "<sip:3000@192.0.2.1>", *silent)
        response = switch.response(CALLER)
        self.assertEqual((response.status, response.get("refer-sub")), (202, "false"))
        self.third.reply(self.called(up), 200, THIRD)
        up.callee.reply(up.passed(), 200, ANSWER)
        self.assertEqual(self.notices(up), ["BYE"])

    def test_by_the_callee(self) -> None:
        """A gateway that is called may, as the one that calls from its address."""
        mapping = [
            mapping_gateway(),
            mapping_gateway(
                id=5, name="both", remote_ips=(CALLEE[0],), account="vendor"
            ),
        ]
        customers = [
            Customer(1, "acme", "Acme", money=Decimal(9), fee_rate_group="retail"),
            Customer(2, "vendor", "V", money=Decimal(9), fee_rate_group="retail"),
        ]
        switch = self.switch(mapping=mapping, customers=customers)
        up = self.up(switch)
        up.callee.ask(up.invite, "REFER", headers=["Refer-To: <sip:3000@a>"])
        _, notify = switch.taken(CALLEE)
        assert isinstance(notify, Request)
        self.assertEqual(notice(notify), "100")
        up.callee.reply(notify, 200)
        invite = self.called(up)
        # the original caller is shown
        self.assertEqual(invite.from_.uri.user, "1000")
        self.third.reply(invite, 200, THIRD)
        asked = up.asked()
        self.assertIn(b"m=audio 7000", asked.body)
        up.caller.reply(asked, 200, OFFER)
        self.assertEqual(self.lines(switch, CALLEE), ["NOTIFY", "NOTIFY", "BYE"])
        switch.taken()
        switch.advance(10)
        up.caller.ask("BYE")
        self.assertEqual(self.lines(switch, SECOND), ["BYE"])
        self.assertEqual([c.customeraccount for c in switch.cdrs], ["vendor", "acme"])
        self.assertEqual([c.fee for c in switch.cdrs], [Decimal("0.06")] * 2)
        # as caller of the second, as carrier of the first
        self.assertEqual(self.money(switch, "acme"), Decimal("8.94"))

    def test_own_number(self) -> None:
        """SS_CALL_TRANSFER_NORMAL_DISPLAY: who transfers may be shown."""
        mapping = [
            mapping_gateway(),
            mapping_gateway(id=5, name="both", remote_ips=(CALLEE[0],)),
        ]
        shown = {"SS_CALL_TRANSFER_NORMAL_DISPLAY": "Local number"}
        switch = self.switch(mapping=mapping, parameters=shown)
        up = self.up(switch)
        up.callee.ask(up.invite, "REFER", headers=["Refer-To: <sip:3000@a>"])
        self.assertEqual(switch.request(SECOND).from_.uri.user, "2000")


class RefusedTests(TransferTests):
    """What is not done."""

    def refused(self, up: Up, status: int) -> None:
        """The REFER was refused and the call goes on."""
        self.assertEqual(up.answer().status, status)
        self.assertEqual(len(up.switch.registry), 1)
        up.caller.ask("OPTIONS")
        self.assertEqual(up.passed().method, "OPTIONS")
        self.assertEqual(up.switch.taken(SECOND), [])

    def test_not_allowed(self) -> None:
        """enableCallTransfer is off."""
        up = self.up(self.switch(mapping=[mapping_gateway()]))
        self.refer(up)
        self.refused(up, 603)

    def test_nobody_pays(self) -> None:
        """A gateway that is only called transfers nothing, whatever it may."""
        switch = self.switch()
        up = self.up(switch)
        up.callee.ask(up.invite, "REFER", headers=["Refer-To: <sip:3000@a>"])
        self.assertEqual(up.result().status, 603)
        self.assertEqual(len(switch.registry), 1)

    def test_unreadable(self) -> None:
        """400 for no Refer-To, two, or one that names nobody; 416 for others."""
        up = self.up(self.switch())
        for headers, status in (
            ((), 400),
            (("Refer-To: <sip:3000@a>", "Refer-To: <sip:3001@a>"), 400),
            (("Refer-To: <sip:3000@a",), 400),
            (("Refer-To: <sip:192.0.2.1>",), 400),
            (("Refer-To: <sip:3000@a;method=BYE>",), 400),
            (("Refer-To: <http://example.com/>",), 416),
            (("Refer-To: <sip:3000@a?Replaces=x>",), 400),
        ):
            up.caller.ask("REFER", headers=headers)
            self.assertEqual(up.answer().status, status, headers)
        up.caller.ask("OPTIONS")
        self.refused_not(up)

    def test_secure(self) -> None:
        """A SIPS URI names a number where the request came by TLS; else 416."""
        for transport, expected in (("TLS", 202), ("UDP", 416)):
            switch = self.switch()
            up = self.up(switch)
            switch.channel.name = transport
            self.refer(up, "<sips:3000@192.0.2.1>")
            first = switch.taken(CALLER)[0]
            assert isinstance(first, Response)
            self.assertEqual(first.status, expected)
        self.assertEqual(len(switch.registry), 1)

    def refused_not(self, up: Up) -> None:
        """The call goes on."""
        self.assertEqual(up.passed().method, "OPTIONS")

    def test_two_at_once(self) -> None:
        """491 while one is under way, whoever asks."""
        up = self.begun()
        switch = up.switch
        switch.taken(SECOND)
        self.refer(up)
        self.assertEqual(up.answer().status, 491)
        self.assertEqual(len(switch.registry), 2)

    def test_before_the_answer(self) -> None:
        """500, to be tried later."""
        switch = self.switch()
        caller = Caller(switch)
        caller.invite()
        Callee(switch).reply(switch.request(CALLEE), 180)
        _, ringing = switch.taken(CALLER)
        assert isinstance(ringing, Response)
        caller.learn(ringing)
        caller.ask("REFER", headers=["Refer-To: <sip:3000@a>"])
        refusal = switch.response(CALLER)
        self.assertEqual((refusal.status, refusal.get("retry-after")), (500, "2"))

    def test_outside_of_a_call(self) -> None:
        """403; a stranger's, too."""
        switch = self.switch()
        caller = Caller(switch)
        caller.ask("REFER", headers=["Refer-To: <sip:3000@a>"])
        self.assertEqual(switch.response(CALLER).status, 403)

    def test_notify(self) -> None:
        """Nothing of ours is subscribed to: 481, or 489 for other events."""
        up = self.up(self.switch())
        for event, status in (("refer;id=1", 481), ("dialog", 489)):
            up.caller.ask("NOTIFY", headers=[f"Event: {event}"])
            self.assertEqual(up.answer().status, status)


class FailureTests(TransferTests):
    """Transfers that come to nothing leave the call as it was."""

    def failed(self, up: Up, status: str) -> None:
        """The caller was told, and both talk on; then the caller hangs up."""
        switch = up.switch
        self.assertEqual(self.notices(up)[-1], f"{status}.")
        self.assertEqual(self.states(switch)[-2:], [-16, -13])
        self.assertEqual(len(switch.registry), 1)
        switch.taken()
        up.caller.ask("BYE")
        up.callee.reply(up.passed(), 200)
        switch.taken()
        self.assert_gone(switch)

    def reason(self, switch: Switch) -> str:
        """Why the call that the transfer placed ended."""
        cause = switch.causes.by_code(switch.cdrs[0].endreason)
        assert cause is not None
        return cause.name

    def test_busy(self) -> None:
        """3000 is busy."""
        up = self.begun()
        self.third.reply(self.called(up), 486)
        self.assertEqual(self.lines(up.switch, SECOND), ["ACK"])
        self.assertEqual(up.switch.taken(CALLEE), [])
        self.failed(up, "486")
        self.assertEqual([c.endreason for c in up.switch.cdrs], [486, -8])
        self.assertEqual(up.switch.cdrs[0].fee, 0)

    def test_no_route(self) -> None:
        """Nobody serves the number."""
        up = self.up(self.switch())
        self.refer(up, "<sip:4000@192.0.2.1>")
        self.assertEqual(self.notices(up), ["100", "503."])
        self.assertEqual(len(up.switch.registry), 1)

    def test_no_line(self) -> None:
        """The transfer needs a line of its own."""
        up = self.up(self.switch(mapping=[mapping_gateway(sip=TRANSFERS, capacity=1)]))
        self.refer(up)
        self.assertEqual(self.notices(up)[0], "100")
        self.assertEqual(len(up.switch.registry), 1)
        self.assertEqual(self.reason(up.switch), "LineExceeded")

    def test_no_money(self) -> None:
        """The account cannot pay for another call."""
        switch = self.switch(customers=customers("0.07"))
        up = self.up(switch)
        self.refer(up)
        told = self.notices(up)
        self.assertEqual(told[0], "100")
        self.assertTrue(told[1].endswith("."), told)
        self.assertEqual(switch.taken(SECOND), [])
        self.assertEqual(self.reason(switch), "BalanceNotEnough")

    def test_transferee_does_not_agree(self) -> None:
        """2000 refuses 3000's media: 3000 is hung up, 2000 talks on."""
        up = self.begun()
        switch = up.switch
        self.third.reply(self.called(up), 200, THIRD)
        switch.taken(SECOND)
        up.callee.reply(up.passed(), 488)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assertEqual(self.lines(switch, SECOND), ["BYE"])
        self.failed(up, "488")

    def test_transferee_is_asked_again(self) -> None:
        """491: its own offer is under way; it is asked once more."""
        up = self.begun()
        switch = up.switch
        self.third.reply(self.called(up), 200, THIRD)
        up.callee.reply(up.passed(), 491)
        switch.taken(CALLEE)
        self.assertEqual(self.notices(up), ["180"])
        switch.advance(2.5)
        up.callee.reply(up.passed(), 200, ANSWER)
        self.assertEqual(self.notices(up), ["200.", "BYE"])

    def test_answer_and_hang_up(self) -> None:
        """3000 hangs up before 2000 agrees: 2000 gets the caller's media back."""
        up = self.begun()
        switch = up.switch
        invite = self.called(up)
        self.third.reply(invite, 200, THIRD)
        asked = up.passed()
        self.third.ask(invite, "BYE")
        self.assertEqual(len(switch.registry), 1)
        up.callee.reply(asked, 200, ANSWER)
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        switch.advance(2.5)
        again = up.passed()
        self.assertIn(b"m=audio 4000", again.body)
        up.callee.reply(again, 200, ANSWER)
        switch.taken(CALLEE)
        self.failed(up, "487")

    def test_transferee_hangs_up(self) -> None:
        """2000 does not wait: 3000 is canceled, the caller is told."""
        up = self.begun()
        switch = up.switch
        self.called(up)
        up.callee.ask(up.invite, "BYE")
        self.assertEqual(up.result().status, 200)
        self.assertEqual(self.notices(up), ["180", "487.", "BYE"])
        self.assertEqual(self.lines(switch, SECOND), ["CANCEL"])
        self.assertEqual(self.states(switch)[-3:], [-17, -13, -13])
        self.assertEqual(len(switch.registry), 0)
        switch.advance(60)
        switch.taken()
        self.assert_idle(switch)

    def test_all_hang_up(self) -> None:
        """The caller left, and 3000 is busy: 2000 is hung up."""
        up = self.begun()
        switch = up.switch
        invite = self.called(up)
        up.caller.ask("BYE")
        switch.taken(CALLER)
        self.third.reply(invite, 486)
        switch.taken(SECOND)
        up.callee.reply(up.passed(), 200)
        self.assertEqual(
            [(c.softswitchcallid, c.endreason, c.enddirection) for c in switch.cdrs],
            [(1, -8, 0), (2, 486, 1)],
        )
        self.assert_gone(switch)

    def test_operator(self) -> None:
        """The call is ended while 3000 rings."""
        up = self.begun()
        switch = up.switch
        self.called(up)
        switch.registry.hang_up(1)
        self.assertEqual(self.notices(up), ["180", "487.", "BYE"])
        self.assertEqual(self.lines(switch, SECOND), ["CANCEL"])
        self.assertEqual(self.lines(switch, CALLEE), ["BYE"])
        self.assertEqual(len(switch.registry), 0)

    def test_nobody_listens(self) -> None:
        """NOTIFYs that fail are no reason to end anything."""
        switch = self.switch()
        up = self.up(switch)
        self.refer(up)
        _, notify = switch.taken(CALLER)
        up.caller.reply(notify, 481)  # type: ignore[arg-type]
        self.third.reply(self.called(up), 200, THIRD)
        up.callee.reply(up.passed(), 200, ANSWER)
        self.assertEqual(self.notices(up), ["BYE"])
        self.assertEqual(len(switch.registry), 2)

    def test_one_notice_at_a_time(self) -> None:
        """While one is unanswered only the end is told."""
        switch = self.switch()
        up = self.up(switch)
        self.refer(up)
        _, first = switch.taken(CALLER)
        invite = switch.request(SECOND)
        self.third.reply(invite, 183)
        self.third.reply(invite, 180)
        self.assertEqual(switch.taken(CALLER), [])
        up.caller.reply(first, 200)  # type: ignore[arg-type]
        self.assertEqual(self.notices(up), ["180"])

    def test_money_ends(self) -> None:
        """Where the money of one call ends, the joined talk does."""
        customers = [
            Customer(1, "acme", "A", money=Decimal("0.12"), fee_rate_group="retail"),
            Customer(2, "vendor", "V", fee_rate_group="cost"),
        ]
        switch = self.switch(customers=customers)
        up = self.up(switch)
        self.transferred(up)
        self.notices(up)
        switch.taken()
        switch.advance(70)
        self.assertEqual(len(switch.registry), 0)
        self.assertEqual(self.lines(switch, CALLEE)[0], "BYE")
        self.assertEqual(self.lines(switch, SECOND)[0], "BYE")
        self.assertEqual([c.fee for c in switch.cdrs], [Decimal("0.06")] * 2)
        self.assertEqual(self.money(switch), 0)
        self.assert_balanced(switch)


class RulesTests(TransferTests):
    """The call that a transfer places is like any other of who transfers."""

    def test_rewritten(self) -> None:
        """By the rules of the gateway that transfers."""
        sip = TRANSFERS
        mapping = [mapping_gateway(sip=sip, rewrite_callee="00:3")]
        up = self.up(self.switch(mapping=mapping))
        self.refer(up, "<sip:00000@192.0.2.1>")
        invite = up.switch.request(SECOND)
        self.assertEqual(invite.to.uri.user, "3000")

    def test_withheld(self) -> None:
        """A caller that withheld its number withholds it from 3000."""
        switch = self.switch()
        caller = Caller(switch)
        caller.invite(headers=["Privacy: id"])
        callee = Callee(switch)
        invite = switch.request(CALLEE)
        callee.reply(invite, 200, ANSWER)
        caller.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        switch.taken()
        caller.ask("REFER", headers=["Refer-To: <sip:3000@a>"])
        asked = switch.request(SECOND)
        self.assertEqual(asked.from_.uri.host, "anonymous.invalid")

    def test_twice(self) -> None:
        """Who was transferred may transfer, too; three calls are joined."""
        switch = self.switch(
            mapping=[
                mapping_gateway(sip=TRANSFERS),
                mapping_gateway(id=5, name="both", remote_ips=(CALLEE[0],)),
            ],
            routing=[
                routing_gateway(prefixes=("2",), sip=TRANSFERS),
                routing_gateway(
                    id=3, name="second", remote_ip=SECOND[0], prefixes=("3",)
                ),
                routing_gateway(
                    id=4, name="last", remote_ip="192.0.2.22", prefixes=("4",)
                ),
            ],
        )
        up = self.up(switch)
        invite = self.transferred(up)
        self.notices(up)
        switch.taken()
        last = Callee(switch, ("192.0.2.22", 5060))
        up.callee.ask(up.invite, "REFER", headers=["Refer-To: <sip:4000@a>"])
        placed = switch.request(last.address)
        self.assertIn(b"m=audio 7000", placed.body)
        last.reply(placed, 200, THIRD.replace(b"7000", b"8000"))
        asked = switch.request(SECOND)
        self.assertIn(b"m=audio 8000", asked.body)
        self.third.reply(asked, 200, THIRD)
        self.assertEqual(self.lines(switch, CALLEE)[-1], "BYE")
        self.assertEqual(len(switch.registry), 3)
        switch.taken()
        self.third.ask(invite, "BYE")
        self.assertEqual(self.lines(switch, last.address), ["BYE"])
        self.assertEqual(len(switch.registry), 0)
        self.assertEqual(len(switch.cdrs), 3)
        self.assert_balanced(switch)
