"""
How answered calls end, and what each end costs.
"""

from __future__ import annotations

from decimal import Decimal

from tests.call.build import CallTests, Up
from tests.peers import Callee, Caller
from tests.switch import CALLEE, CALLER, Switch, mapping_gateway, routing_gateway
from vos3000.model.accounts import Customer
from vos3000.model.rates import Rate


class HangUpTests(CallTests):
    """Somebody hangs up."""

    def test_by_the_caller(self) -> None:
        """The callee gets a BYE; direction 0."""
        switch = self.switch()
        up = Up(switch)
        switch.advance(10)
        up.caller.ask("BYE")
        self.assertEqual(up.answer().status, 200)
        bye = up.passed()
        self.assertEqual((bye.method, bye.cseq), ("BYE", 2))
        self.assertEqual((bye.to_tag, bye.call_id), (up.callee.tag, up.invite.call_id))
        up.callee.reply(bye, 200)
        self.assert_over(switch, -8, 0)
        self.assertEqual(switch.cdrs[0].holdtime, 10)
        self.assert_idle(switch)

    def test_by_the_callee(self) -> None:
        """The caller gets a BYE; direction 1."""
        switch = self.switch()
        up = Up(switch)
        switch.advance(10)
        up.callee.ask(up.invite, "BYE", headers=["Reason: Q.850;cause=31"])
        self.assertEqual(up.result().status, 200)
        bye = up.asked()
        self.assertEqual((bye.method, bye.call_id), ("BYE", "call-1"))
        up.caller.reply(bye, 200)
        self.assert_over(switch, -8, 1)
        self.assertEqual(switch.cdrs[0].sipreasonheader, "Q.850;cause=31")
        self.assert_idle(switch)

    def test_by_the_operator(self) -> None:
        """Both sides get a BYE; direction 2."""
        switch = self.switch()
        up = Up(switch)
        switch.advance(10)
        self.assertTrue(switch.registry.hang_up(1))
        self.assertFalse(switch.registry.hang_up(1))
        up.caller.reply(up.asked(), 200)
        up.callee.reply(up.passed(), 200)
        self.assert_over(switch, -1025, 2)
        self.assert_idle(switch)

    def test_by_the_operator_while_it_rings(self) -> None:
        """The callee gets a CANCEL, the caller a final response."""
        switch = self.switch()
        Caller(switch).invite()
        invite = switch.request(CALLEE)
        Callee(switch).reply(invite, 180)
        switch.taken()
        self.assertTrue(switch.registry.hang_up(1))
        self.assertEqual(self.lines(switch, CALLER), ["487"])
        self.assertEqual(self.lines(switch, CALLEE), ["CANCEL"])
        self.assert_over(switch, -1025, 2)

    def test_byes_cross(self) -> None:
        """Each side's BYE is answered 200 though we have sent one too."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("BYE")
        self.assertEqual(up.answer().status, 200)
        bye = up.passed()
        up.callee.ask(up.invite, "BYE")
        self.assertEqual(up.result().status, 200)
        up.callee.reply(bye, 200)
        self.assert_over(switch, -8, 0)
        self.assert_idle(switch)

    def test_bye_after_the_end(self) -> None:
        """Once the dialog is over a BYE gets 481."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("BYE")
        up.callee.reply(up.passed(), 200)
        switch.taken()
        up.callee.ask(up.invite, "BYE")
        self.assertEqual(up.result().status, 481)

    def test_bye_again(self) -> None:
        """A BYE that comes again is answered again and ends nothing twice."""
        switch = self.switch()
        up = Up(switch)
        up.caller.cseq += 1
        bye = up.caller.make("BYE")
        up.caller.send(bye)
        up.caller.send(bye)
        self.assertEqual(self.lines(switch, CALLER), ["200", "200"])
        self.assertEqual(len(switch.cdrs), 1)

    def test_bye_before_ack(self) -> None:
        """A caller may hang up before it acknowledged: the 200 rests."""
        switch = self.switch()
        up = Up(switch, ack=False)
        up.caller.learn(up.ok)
        up.caller.ask("BYE")
        self.assertEqual(up.answer().status, 200)
        up.callee.reply(up.passed(), 200)
        switch.advance(30)
        self.assertEqual(switch.taken(), [])
        self.assert_over(switch, -8, 0)
        self.assert_idle(switch)

    def test_callee_before_ack(self) -> None:
        """A callee hangs up before the caller's ACK: BYE waits for it (15)."""
        switch = self.switch()
        up = Up(switch, ack=False)
        up.callee.ask(up.invite, "BYE")
        self.assertEqual(up.result().status, 200)
        self.assertEqual(switch.taken(CALLER), [])
        up.caller.ack(up.ok)
        bye = up.asked()
        self.assertEqual(bye.method, "BYE")
        up.caller.reply(bye, 200)
        self.assert_over(switch, -8, 1)
        self.assert_idle(switch)

    def test_callee_before_an_ack_that_never_comes(self) -> None:
        """BYE goes out when the 200 was sent often enough."""
        switch = self.switch()
        up = Up(switch, ack=False)
        up.callee.ask(up.invite, "BYE")
        switch.advance(40)
        sent = self.lines(switch, CALLER)
        self.assertIn("200", sent)
        self.assertIn("BYE", sent)
        self.assert_over(switch, -8, 1)
        self.assert_idle(switch)


class VanishedTests(CallTests):
    """A side is gone without a word."""

    def test_no_ack(self) -> None:
        """The 200 is sent again, then BYE to both; direction 2."""
        switch = self.switch()
        up = Up(switch, ack=False)
        switch.advance(40)
        sent = self.lines(switch, CALLER)
        self.assertEqual(sent[:6], ["200"] * 6)
        self.assertIn("BYE", sent)
        self.assertEqual(set(self.lines(switch, CALLEE)), {"BYE"})
        self.assert_over(switch, -1036, 2)
        self.assertEqual(switch.cdrs[0].sipreasonheader, "")
        self.assertIn("ACK", switch.ends[0].detail)
        switch.advance(40)
        self.assertEqual(switch.left(), {})
        self.assertTrue(up)

    def test_neither_bye(self) -> None:
        """A caller that nobody would miss is cut after two hours."""
        switch = self.switch(customers=[rich(), vendor()])
        Up(switch)
        switch.advance(7200.5)
        self.assertEqual(set(self.lines(switch, CALLER)), {"BYE"})
        self.assertEqual(set(self.lines(switch, CALLEE)), {"BYE"})
        self.assert_over(switch, -1022, 2)
        self.assertEqual(switch.cdrs[0].holdtime, 7200)
        self.assert_idle(switch)

    def test_callee_without_media_dies(self) -> None:
        """A callee that vanished is found out when the caller hangs up."""
        switch = self.switch()
        up = Up(switch)
        up.caller.ask("BYE")
        self.assertEqual(up.answer().status, 200)
        self.assert_over(switch, -8, 0)
        self.assert_idle(switch)

    def test_one_that_does_not_know_the_call(self) -> None:
        """481 or 408 to a request in the dialog ends the call."""
        for status in (481, 408):
            switch = self.switch()
            up = Up(switch)
            up.caller.ask("INFO", b"x", "text/plain")
            up.callee.reply(up.passed(), status)
            self.assertEqual(self.lines(switch, CALLER), [str(status), "BYE"])
            self.assertEqual(up.passed().method, "BYE")
            self.assert_over(switch, -1036, 2)
            self.assert_idle(switch)


class LimitTests(CallTests):
    """The switch ends a call in time."""

    def held(self, switch: Switch, seconds: float) -> None:
        """The call is cut when C{seconds} are over, and not before."""
        up = Up(switch)
        switch.advance(seconds - 0.5)
        self.assertEqual(len(switch.registry), 1)
        switch.advance(0.5)
        self.assertEqual(len(switch.registry), 0)
        up.caller.reply(up.asked(), 200)
        up.callee.reply(up.passed(), 200)
        self.assert_over(switch, -1022, 2)
        self.assertEqual(switch.cdrs[0].holdtime, seconds)

    def test_mapping_gateway(self) -> None:
        """maxCallDurationUpper of the mapping gateway."""
        self.held(self.switch(mapping=[mapping_gateway(max_duration=(90, 90))]), 90)

    def test_drawn(self) -> None:
        """Between the bounds chance decides; it says the least here."""
        self.held(self.switch(mapping=[mapping_gateway(max_duration=(50, 90))]), 50)

    def test_routing_gateway(self) -> None:
        """maxCallDurationUpper of the routing gateway."""
        self.held(self.switch(routing=[routing_gateway(max_duration=(80, 80))]), 80)

    def test_smaller_one(self) -> None:
        """Of the limits of both gateways the smaller counts."""
        switch = self.switch(
            mapping=[mapping_gateway(max_duration=(90, 90))],
            routing=[routing_gateway(max_duration=(70, 70))],
            parameters={"SS_MAXCALLDURATION": "60"},
        )
        self.held(switch, 70)

    def test_system_for_one_of_them(self) -> None:
        """SS_MAXCALLDURATION is the limit of a gateway that has none of its own."""
        switch = self.switch(
            mapping=[mapping_gateway(max_duration=(90, 90))],
            parameters={"SS_MAXCALLDURATION": "60"},
        )
        self.held(switch, 60)

    def test_system(self) -> None:
        """SS_MAXCALLDURATION."""
        self.held(self.switch(parameters={"SS_MAXCALLDURATION": "100"}), 100)

    def test_unsupervised(self) -> None:
        """SS_SIP_NO_TIMER_REINVITE_INTERVAL."""
        name = "SS_SIP_NO_TIMER_REINVITE_INTERVAL"
        self.held(self.switch(parameters={name: "120"}), 120)

    def test_none(self) -> None:
        """Two gateways without limit: the system's does not count for them."""
        switch = self.switch(
            mapping=[mapping_gateway(max_duration=(0, 0))],
            routing=[routing_gateway(max_duration=(0, 0))],
            customers=[rich(), vendor()],
            parameters={"SS_MAXCALLDURATION": "60"},
        )
        Up(switch)
        switch.advance(7100)
        self.assertEqual(len(switch.registry), 1)


class ExhaustedTests(CallTests):
    """The money ends."""

    def exhausted(self, money: str, rate: Rate, seconds: int, fee: str) -> None:
        """The call is cut after the seconds that C{money} pays for."""
        acme = Customer(1, "acme", "Acme", money=Decimal(money), fee_rate_group="r")
        switch = self.switch(customers=[acme, vendor()], rates={"r": [rate]})
        up = Up(switch)
        switch.advance(seconds - 0.5)
        self.assertEqual(len(switch.registry), 1)
        switch.advance(0.75)
        self.assertEqual(len(switch.registry), 0)
        up.caller.reply(up.asked(), 200)
        up.callee.reply(up.passed(), 200)
        self.assert_over(switch, -1023, 2)
        cdr = switch.cdrs[0]
        self.assertEqual((cdr.holdtime, str(cdr.fee)), (seconds, fee))
        self.assertGreaterEqual(switch.accounts.money("acme"), 0)
        self.assert_idle(switch)

    def test_by_the_minute(self) -> None:
        """Three minutes paid are three minutes talked."""
        self.exhausted("0.20", Rate("", Decimal("0.06"), 60), 180, "0.18")

    def test_by_the_second(self) -> None:
        """Down to the last second."""
        self.exhausted("0.20", Rate("", Decimal("0.01"), 1), 20, "0.20")


def rich() -> Customer:
    """A customer who can pay for any call."""
    return Customer(1, "acme", "Acme", money=Decimal(10000), fee_rate_group="retail")


def vendor() -> Customer:
    """The vendor, whose rates are none."""
    return Customer(2, "vendor", "Vendor", fee_rate_group="cost")
