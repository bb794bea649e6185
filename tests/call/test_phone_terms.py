"""
What a phone is charged, shown and allowed, by itself or behind a gateway.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.call.phones import PhoneCallTests
from tests.peers import Callee
from tests.phones import DESK, PhonePeer
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.accounts import Customer
from vos3000.model.causes import EndCause
from vos3000.model.rates import Rate
from vos3000.sip.message import Request


class PhoneOutTests(PhoneCallTests):
    """A phone calls out."""

    def out(self, switch: Switch, callee: str = "2000") -> Request:
        """The INVITE that the routing gateway gets."""
        PhonePeer(switch).call(callee)
        return switch.request(CALLEE)

    def refusal(self, switch: Switch, callee: str = "2000") -> EndCause:
        """Why its call is refused."""
        PhonePeer(switch).call(callee)
        self.assertEqual(len(switch.registry), 0)
        return switch.causes.by_code(switch.cdrs[-1].endreason)

    def test_rules(self) -> None:
        """rewriteRulesOutCallee makes the billing number."""
        switch = self.switch()
        switch.phone("1001", rewriteRulesOutCallee="0:0049")
        invite = self.out(switch, "030123")
        self.assertEqual(invite.to.uri.user, "004930123")

    def test_display(self) -> None:
        """displayNumber goes where enablePhoneDisplay asks for it."""
        for enabled, expected in ((True, "4930123"), (False, "1001")):
            settings = {"enablePhoneDisplay": enabled}
            switch = self.switch(
                routing=[routing_gateway(settings=settings, rewrite_caller="49:0")]
            )
            switch.phone("1001", displayNumber="4930123")
            expected = expected.replace("49", "0", 1) if enabled else expected
            self.assertEqual(self.out(switch).from_.uri.user, expected)
            switch.registry.hang_up(1)
            cdr = switch.cdrs[0]
            self.assertEqual(
                (cdr.callere164, cdr.callertogatewaye164), ("1001", expected)
            )

    def test_display_to_phones(self) -> None:
        """Phones see it if they ask for it, and nothing if they may not."""
        for fields, expected in (
            ({}, "1001"),
            ({"useCallerPhoneDisplay": 1}, "4930123"),
            ({"useCallerPhoneDisplay": 2}, "1001"),
            ({"callerIdDisplay": False}, "anonymous"),
        ):
            switch = self.switch()
            switch.phone("1001", displayNumber="4930123")
            switch.phone("1002", **fields)
            one, two = self.phones(switch)
            one.call("1002")
            self.assertEqual(two.rings().from_.uri.user, expected)

    def test_refusals(self) -> None:
        """Lock, call level, account, rate and money of the phone."""
        rates = {"retail": [Rate("", Decimal("0.06"), 60, type=5)], "poor": []}
        customers = [
            Customer(1, "acme", "Acme", money=Decimal(100), fee_rate_group="retail"),
            Customer(3, "empty", "Empty", fee_rate_group="retail"),
        ]
        for fields, name in (
            ({"lockType": 1}, "AccountLocked"),
            ({"lockType": 3}, "AccountLocked"),
            ({"callLevel": 4}, "NoCallPermission"),
            ({"account": ""}, "AccountNotFound"),
            ({"account": "empty"}, "BalanceNotEnough"),
            ({"feerateGroup": "poor"}, "FeeRateNotFound"),
        ):
            switch = self.switch(rates=rates, customers=customers)
            switch.phone("1001", **fields)
            self.assertEqual(self.refusal(switch).name, name, fields)
            self.assertEqual(switch.phone_lines.used("1001"), 0)
            self.assert_idle(switch)

    def test_incoming_lock(self) -> None:
        """A phone that may not be called may call."""
        switch = self.switch()
        switch.phone("1001", lockType=2)
        self.out(switch)

    def test_own_rate_group(self) -> None:
        """The phone's private rate group goes before its account's."""
        rates = {
            "retail": [Rate("", Decimal("0.06"), 60)],
            "staff": [Rate("", Decimal("0.01"), 60)],
            "cost": [Rate("", Decimal("0.02"), 60)],
        }
        switch = self.switch(rates=rates)
        switch.phone("1001", feerateGroup="staff")
        one, two = self.phones(switch)
        one.call("1002")
        two.answers(two.rings())
        switch.advance(1)
        switch.registry.hang_up(1)
        self.assertEqual(switch.cdrs[0].fee, Decimal("0.01"))

    def test_routing_groups(self) -> None:
        """routingGatewayGroups of the phone choose its gateways."""
        switch = self.switch(
            routing=[
                routing_gateway(settings={"gatewayGroups": "a"}),
                routing_gateway(
                    id=3,
                    name="second",
                    remote_ip=SECOND[0],
                    settings={"gatewayGroups": "b"},
                ),
            ]
        )
        switch.phone("1001", routingGatewayGroupsAllow=True, routingGatewayGroups="b")
        PhonePeer(switch).call("2000")
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_no_charge_between_phones(self) -> None:
        """noBillingToPhone: a phone is called for nothing, others are not."""
        switch = self.switch()
        switch.phone("1001", noBillingToPhone=1)
        one, two = self.phones(switch)
        one.call("1002")
        two.answers(two.rings())
        switch.advance(10)
        switch.registry.hang_up(1)
        self.assertEqual((switch.cdrs[0].fee, switch.cdrs[0].holdtime), (0, 10))
        switch.taken()
        caller = one.call("2000", call_id="second")
        invite = switch.request(CALLEE)
        Callee(switch).reply(invite, 200, ANSWER)
        ok = switch.response(DESK)
        caller.ack(ok)
        switch.advance(10)
        switch.registry.hang_up(2)
        self.assertEqual(switch.cdrs[1].fee, Decimal("0.06"))


class BehindGatewayTests(PhoneCallTests):
    """Phones that call through a mapping gateway."""

    def through(self, switch: Switch, caller: str = "1001") -> Request:
        """The INVITE that the routing gateway gets of a gateway's call."""
        self.from_gateway(switch, "0100", number=caller)
        return switch.request(CALLEE)

    def gateway_with(self, **settings: Any) -> Switch:
        """A switch whose phone 1001 has an account and settings of its own."""
        switch = self.switch(
            mapping=[mapping_gateway(settings=settings, call_level=5)],
            customers=[
                Customer(1, "acme", "Acme", money=Decimal(9), fee_rate_group="retail"),
                Customer(2, "vendor", "Vendor", fee_rate_group="cost"),
                Customer(3, "own", "Own", money=Decimal(9), fee_rate_group="retail"),
            ],
        )
        switch.phone(
            "1001",
            registerType=2,
            account="own",
            rewriteRulesOutCallee="0:77",
            displayNumber="4930",
            lineCallOut=1,
        )
        return switch

    def paid(self, switch: Switch) -> tuple[str, int, str]:
        """Who would pay the one call there is."""
        switch.registry.hang_up(1)
        cdr = switch.cdrs[0]
        return cdr.customeraccount, cdr.billingmode, cdr.callergatewayid

    def test_neither(self) -> None:
        """Without either setting the number means nothing."""
        switch = self.gateway_with()
        self.assertEqual(self.through(switch).to.uri.user, "0100")
        self.assertEqual(self.paid(switch), ("acme", 1, "ingress"))

    def test_billing(self) -> None:
        """allowPhoneBilling: the phone's account pays."""
        switch = self.gateway_with(allowPhoneBilling=True)
        self.assertEqual(self.through(switch).to.uri.user, "0100")
        self.assertEqual(self.paid(switch), ("own", 0, "ingress"))

    def test_billing_of_another(self) -> None:
        """A number that is no phone's is the gateway's call."""
        switch = self.gateway_with(allowPhoneBilling=True, enablePhoneSetting=True)
        self.assertEqual(self.through(switch, "1000").to.uri.user, "0100")
        self.assertEqual(self.paid(switch), ("acme", 1, "ingress"))

    def test_settings(self) -> None:
        """enablePhoneSetting: the phone's rules and line, the gateway's money."""
        switch = self.gateway_with(enablePhoneSetting=True)
        self.assertEqual(self.through(switch).to.uri.user, "77100")
        self.assertEqual(switch.phone_lines.used("1001"), 1)
        self.from_gateway(switch, "0100", number="1001", call_id="second")
        self.assertEqual(switch.cdrs[0].endreason, -1012)
        switch.cdrs.clear()
        switch.records.entries.clear()
        self.assertEqual(self.paid(switch), ("acme", 1, "ingress"))
        self.assertEqual(switch.phone_lines.used("1001"), 0)
        self.assert_idle(switch)

    def test_billing_lock(self) -> None:
        """allowPhoneBilling takes no money of a phone that may not call."""
        for lock, status in ((1, 403), (3, 403), (2, 0)):
            switch = self.gateway_with(allowPhoneBilling=True)
            switch.phone("1001", registerType=2, account="own", lockType=lock)
            self.from_gateway(switch, "0100", number="1001")
            if status:
                self.refused(switch, 403, -1006)
                self.assertEqual(self.lines(switch, CALLEE), [])
                self.assert_idle(switch)
            else:
                self.assertEqual(self.lines(switch, CALLEE), ["INVITE"])

    def test_restriction_of_the_gateway(self) -> None:
        """calleeE164Restrict holds whatever number the gateway shows."""
        for restrict, callee, passes in (
            (1, "0100", False),
            (2, "0100", True),
            (1, "1002", True),
            (2, "1002", False),
        ):
            switch = self.gateway_with(
                enablePhoneSetting=True, calleeE164Restrict=restrict
            )
            PhonePeer(switch, "1002").register()
            switch.taken()
            self.from_gateway(switch, callee, number="1001")
            if passes:
                self.assertEqual(len(switch.registry), 1)
            else:
                self.refused(switch, 403, -1020)
                self.assert_idle(switch)

    def test_settings_lock(self) -> None:
        """A phone that is locked is locked behind a gateway, too."""
        switch = self.gateway_with(enablePhoneSetting=True)
        switch.phone("1001", registerType=2, lockType=1)
        self.from_gateway(switch, "0100", number="1001")
        self.refused(switch, 403, -1006)
        self.assert_idle(switch)

    def test_settings_level(self) -> None:
        """The phone's call level holds."""
        switch = self.gateway_with(enablePhoneSetting=True)
        switch.phone("1001", registerType=2, callLevel=1)
        self.from_gateway(switch, "0100", number="1001")
        self.refused(switch, 403, -1010)

    def test_nothing_is_free_to_the_gateway(self) -> None:
        """
        noBillingToPhone of the number in From: free if that phone would pay and
        its settings hold; a gateway that pays itself is charged.
        """
        for settings, fee, account in (
            ({"enablePhoneSetting": True}, Decimal("0.06"), "acme"),
            ({"allowPhoneBilling": True}, Decimal("0.06"), "own"),
            ({"enablePhoneSetting": True, "allowPhoneBilling": True}, 0, "own"),
        ):
            switch = self.gateway_with(**settings)
            switch.phone("1001", registerType=2, account="own", noBillingToPhone=1)
            two = PhonePeer(switch, "1002")
            two.register()
            switch.taken()
            caller = self.from_gateway(switch, "1002", number="1001")
            two.answers(two.rings())
            caller.ack(switch.taken(CALLER)[-1])
            switch.advance(10)
            switch.registry.hang_up(1)
            (cdr,) = switch.cdrs
            self.assertEqual((cdr.fee, cdr.customeraccount), (fee, account), settings)
            (entry,) = switch.records.entries
            moved = {each.account: each.amount for each in entry.movements}
            self.assertEqual(moved.get(account, 0), -fee if fee else 0)
