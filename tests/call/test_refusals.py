"""
Calls that are not let in: answer, record, event, and nobody charged.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.call.build import CallTests, Up, final
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    STRANGER,
    mapping_gateway,
    routing_gateway,
)
from vos3000.call import control
from vos3000.call.failures import mapped
from vos3000.model import causes
from vos3000.model.accounts import Customer
from vos3000.model.gateways import LockType
from vos3000.model.rates import Rate

RECORD = "SERVER_BILLING_RECORD_"


def acme(**settings: Any) -> list[Customer]:
    """The customer, but for C{settings}."""
    given = {"money": Decimal(100), "fee_rate_group": "retail", **settings}
    return [Customer(1, "acme", "Acme", **given)]


class StrangerTests(CallTests):
    """Calls from addresses that nobody knows."""

    def test_whatever_else_is_wrong(self) -> None:
        """An INVITE of a stranger is not read beyond its numbers: 403."""
        for headers in (["Require: x"], ["Contact: <"], ["Record-Route: <<"]):
            switch = self.switch()
            Caller(switch, STRANGER).invite(OFFER, headers)
            self.assertEqual(final(switch, STRANGER).status, 403)
            self.assert_over(switch, -9, 2)

    def test_a_flood_leaves_few_records(self) -> None:
        """Beyond some a second they are answered and counted only."""
        switch = self.switch()
        for number in range(3 * control.MOST_ILLEGAL):
            Caller(switch, STRANGER, call_id=f"s{number}").invite()
        self.assertEqual(len(switch.cdrs), control.MOST_ILLEGAL)
        self.assertEqual(len(switch.taken(STRANGER)), 3 * control.MOST_ILLEGAL)
        switch.advance(1)
        Caller(switch, STRANGER, call_id="later").invite()
        self.assertEqual(len(switch.cdrs), control.MOST_ILLEGAL + 1)

    def test_refused(self) -> None:
        """403; the record has reason -9, billing mode -1 and no account."""
        switch = self.switch()
        Caller(switch, STRANGER).invite()
        answer = switch.response(STRANGER)
        self.assertEqual(answer.status, 403)
        self.assertIsNone(answer.get("server"), "scanners learn what we are")
        self.assert_over(switch, -9, 2)
        [cdr] = switch.cdrs
        self.assertEqual((cdr.billingmode, cdr.customeraccount), (-1, ""))
        self.assertEqual((cdr.callerip, cdr.callergatewayid), (STRANGER[0], ""))
        self.assertEqual((cdr.calleraccesse164, cdr.calleee164), ("1000", "2000"))
        self.assertEqual((cdr.fee, cdr.holdtime), (0, 0))
        self.assertEqual(switch.states, [])
        self.assertEqual(switch.taken(), [])
        self.assert_idle(switch)

    def test_silence(self) -> None:
        """SS_REPLY_UNAUTHORIZED Off: not a byte."""
        switch = self.switch(parameters={"SS_REPLY_UNAUTHORIZED": "Off"})
        Caller(switch, STRANGER).invite()
        self.assertEqual(switch.taken(), [])
        self.assert_idle(switch)

    def test_no_record(self) -> None:
        """SERVER_BILLING_RECORD_ILLEGAL_CALL Off."""
        switch = self.switch(parameters={RECORD + "ILLEGAL_CALL": "Off"})
        Caller(switch, STRANGER).invite()
        self.assertEqual(switch.response(STRANGER).status, 403)
        self.assertEqual(switch.cdrs, [])
        self.assertFalse(switch.ends[0].kept)

    def test_vendor_may_not_call(self) -> None:
        """The address of a routing gateway is no source of calls."""
        switch = self.switch()
        Caller(switch, CALLEE).invite()
        self.assertEqual(switch.response(CALLEE).status, 403)
        self.assert_over(switch, -9, 2)


class AdmissionTests(CallTests):
    """Calls that a step of admission refuses."""

    def refused(self, status: int, code: int, **settings: Any) -> None:
        """A call gets C{status} and is recorded with C{code}."""
        switch = self.switch(**settings)
        caller = Caller(switch)
        caller.invite()
        sent = self.lines(switch, CALLER)
        self.assertEqual(sent, ["100", str(status)])
        self.assertEqual(switch.taken(), [])
        self.assert_over(switch, code, 2)
        [cdr] = switch.cdrs
        numbers = cdr.calleraccesse164, cdr.calleeaccesse164
        self.assertEqual(numbers, ("1000", "2000"))
        self.assertEqual((cdr.callergatewayid, cdr.billingmode), ("ingress", 1))
        self.assertEqual((cdr.calleegatewayid, cdr.calleeip), ("", ""))
        self.assertEqual((cdr.fee, cdr.agentfee, cdr.holdtime), (0, 0, 0))
        self.assertEqual(self.states(switch), [-7, -13])
        [ended] = switch.ends
        self.assertTrue(ended.detail)
        self.assert_idle(switch)

    def test_locked_gateway(self) -> None:
        """GatewayLocked, 403."""
        for lock in (LockType.OUTGOING, LockType.ALL):
            self.refused(403, -1030, mapping=[mapping_gateway(lock_type=lock)])

    def test_number_limits(self) -> None:
        """CalleeNumberLimited and CallerNumberLimited, 403."""
        for code, name in ((-1020, "Callee"), (-1019, "Caller")):
            limits = {f"callout{name}Prefixes": "7", f"callout{name}PrefixesAllow": 1}
            self.refused(403, code, mapping=[mapping_gateway(settings=limits)])

    def test_account(self) -> None:
        """AccountNotFound, AccountLocked, AccountExpired: 403."""
        self.refused(403, -1005, mapping=[mapping_gateway(account="nobody")])
        self.refused(403, -1005, mapping=[mapping_gateway(account="")])
        self.refused(403, -1006, customers=acme(lock_type=1))
        self.refused(403, -1007, customers=acme(valid_time=1_600_000_000_000))

    def test_rate(self) -> None:
        """FeeRateNotFound and NoCallPermission, 403."""
        self.refused(403, -1004, rates={"retail": [Rate("3", Decimal(1), 60)]})
        self.refused(403, -1010, mapping=[mapping_gateway(call_level=2)])

    def test_balance(self) -> None:
        """BalanceNotEnough, 402."""
        self.refused(402, -1008, customers=acme(money=Decimal("0.05")))

    def test_no_route(self) -> None:
        """NoAvailableRouter, 503."""
        self.refused(503, -1011, routing=[routing_gateway(prefixes=("3",))])

    def test_lines(self) -> None:
        """LineExceeded, 503; a call that ends makes room."""
        switch = self.switch(mapping=[mapping_gateway(capacity=1)])
        up = Up(switch)
        Caller(switch, call_id="call-2").invite()
        self.assertEqual(final(switch, CALLER).status, 503)
        self.assertEqual(switch.cdrs[0].endreason, -1012)
        self.assertEqual(switch.lines_in.used("ingress"), 1)
        up.caller.ask("BYE")
        self.assertEqual(switch.lines_in.used("ingress"), 0)

    def test_no_number(self) -> None:
        """484; the record has what there is."""
        switch = self.switch()
        caller = Caller(switch)
        caller.uri, caller.to = "sip:192.0.2.1", "<sip:192.0.2.1>"
        caller.invite()
        self.assertEqual(self.lines(switch, CALLER), ["100", "484"])
        self.assert_over(switch, 484, 2)
        self.assertEqual(switch.cdrs[0].calleraccesse164, "1000")

    def test_storage_failed(self) -> None:
        """503 while records cannot be kept."""
        switch = self.switch()
        switch.records.healthy = False
        Caller(switch).invite()
        self.assertEqual(final(switch, CALLER).status, 503)
        self.assert_over(switch, -1033, 2)

    def test_storage_failed_for_long(self) -> None:
        """
        Records of refused calls go once too many wait; an answered call's never.
        """
        self.patch(control, "MOST_WAITING", 3)
        switch = self.switch()
        up = Up(switch)
        switch.records.healthy = False
        for number in range(5):
            Caller(switch, call_id=f"more-{number}").invite()
        up.caller.ask("BYE")
        self.assertEqual([cdr.endreason for cdr in switch.cdrs], [-1033] * 3 + [-8])
        figures = {each.name: each.value for each in switch.metrics.samples()}
        self.assertEqual(figures["call_unrecorded_total"], 2)

    def test_shutting_down(self) -> None:
        """New calls get 503; those that are up are ended, with records."""
        switch = self.switch()
        Up(switch)
        Caller(switch, call_id="call-2").invite()
        switch.taken()
        switch.control.drain()
        self.assertEqual(self.lines(switch, CALLEE), ["BYE"])
        self.assertEqual(self.lines(switch, CALLER), ["BYE", "503"])
        self.assert_over(switch, -1032, 2, calls=2)
        Caller(switch, call_id="call-3").invite()
        self.assertEqual(final(switch, CALLER).status, 503)
        self.assert_over(switch, -1032, 2, calls=3)

    def test_mistake_of_ours(self) -> None:
        """A step that fails by a mistake: 500, logged, nothing held."""
        switch = self.switch()
        switch.selector.select = None  # type: ignore[assignment, method-assign]
        Caller(switch).invite()
        self.assertEqual(final(switch, CALLER).status, 500)
        self.assert_over(switch, -1035, 2)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertEqual(switch.lines_in.used("ingress"), 0)
        self.assert_idle(switch)

    def test_network_that_fails(self) -> None:
        """Though nobody can be told, the call is recorded, billed and over."""
        switch = self.switch()
        Up(switch)
        switch.advance(10)

        def fail(*_: object) -> None:
            raise OSError("no network")

        switch.channel.send = fail  # type: ignore[assignment, method-assign]
        switch.registry.hang_up(1)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assert_over(switch, -1025, 2)
        self.assertEqual(str(switch.cdrs[0].fee), "0.06")
        self.assertEqual(switch.lines_out.used("first"), 0)
        self.assertEqual(switch.lines_in.used("ingress"), 0)

    def test_vendor_knows_no_invite(self) -> None:
        """Its 405 goes back with our own methods (RFC 3261 21.4.6)."""
        switch = self.switch(routing=[routing_gateway()])
        Caller(switch).invite()
        Callee(switch).reply(switch.request(CALLEE), 405)
        refusal = final(switch, CALLER)
        self.assertEqual(refusal.status, 405)
        self.assertIn("INVITE", refusal.all("allow"))
        self.assert_over(switch, 405, 1)

    def test_refused_call_comes_again(self) -> None:
        """A retransmission gets the same answer and makes no second record."""
        switch = self.switch(customers=acme(lock_type=1))
        data = Caller(switch).invite()
        switch.receive(data, CALLER)
        self.assertEqual(self.lines(switch, CALLER), ["100", "403", "403"])
        self.assertEqual(len(switch.cdrs), 1)


class MapTests(CallTests):
    """callFailedSipCode."""

    def told(self, text: str, status: int) -> int:
        """What the caller is told of a callee's C{status}."""
        gateway = mapping_gateway(failed_sip_codes=text)
        switch = self.switch(mapping=[gateway], routing=[routing_gateway()])
        Caller(switch).invite()
        Callee(switch).reply(switch.request(CALLEE), status)
        self.assert_over(switch, status, 1)
        return final(switch, CALLER).status

    def test_pairs(self) -> None:
        """The pair of the code, else that of 0, else the code itself."""
        self.assertEqual(self.told("503:480,404:410", 404), 410)
        self.assertEqual(self.told("503:480", 404), 404)
        self.assertEqual(self.told("503:480,0:486", 404), 486)
        self.assertEqual(self.told("0:486,503:480", 503), 480)

    def test_zero_leaves_it(self) -> None:
        """A target of 0 is the code itself, whatever stands for any other."""
        self.assertEqual(self.told("404:0,0:486", 404), 404)
        self.assertEqual(self.told("0:0", 404), 404)

    def test_malformed(self) -> None:
        """What is no pair, or no refusal, says nothing."""
        for text in ("x", "404", "404:", ":5", "404:abc", "404:200", "404:999", ",,:"):
            self.assertEqual(self.told(text, 404), 404, text)
        self.assertEqual(self.told("x:y, 404 : 480 ,", 404), 480)

    def test_own_reasons(self) -> None:
        """The server's own reasons are found by number, or by their status."""
        cause = causes.load()["NoAvailableRouter"]
        self.assertEqual(mapped("-1011:404", cause), 404)
        self.assertEqual(mapped("503:480", cause), 480)
        self.assertEqual(mapped("404:480", cause), 0)

    def test_only_failures(self) -> None:
        """A caller that gave up is told 487 all the same."""
        gateway = mapping_gateway(failed_sip_codes="0:503")
        switch = self.switch(mapping=[gateway])
        caller = Caller(switch)
        caller.invite()
        caller.cancel()
        self.assertEqual(self.lines(switch, CALLER), ["100", "200", "487"])


class RecordRuleTests(CallTests):
    """Which calls leave a record (behaviour 2.3)."""

    def test_zero_hold_time(self) -> None:
        """SERVER_BILLING_RECORD_ZERO_HOLD_TIME Off: unanswered ones do not."""
        switch = self.switch(
            routing=[routing_gateway()], parameters={RECORD + "ZERO_HOLD_TIME": "Off"}
        )
        caller = Caller(switch)
        caller.invite()
        caller.cancel()
        switch.taken()
        self.assertEqual(switch.cdrs, [])
        self.assertFalse(switch.ends[0].kept)
        up = Up(switch, call_id="call-2")
        switch.advance(3)
        up.caller.ask("BYE")
        self.assertEqual(len(switch.cdrs), 1)

    def test_server_hang_up(self) -> None:
        """SERVER_BILLING_RECORD_SERVER_HANG_UP Off: neither record nor charge."""
        switch = self.switch(
            routing=[routing_gateway()], parameters={RECORD + "SERVER_HANG_UP": "Off"}
        )
        Up(switch)
        switch.advance(30)
        switch.registry.hang_up(1)
        self.assertEqual(switch.cdrs, [])
        self.assertEqual(switch.accounts.money("acme"), 100)
        self.assertEqual(switch.accounts.money("vendor"), 0)
        Caller(switch, callee="", call_id="call-2").invite()
        self.assertEqual(switch.cdrs, [])
        switch.taken()
        up = Up(switch, call_id="call-3")
        switch.advance(30)
        up.caller.ask("BYE")
        self.assertEqual(str(switch.cdrs[0].fee), "0.06")

    def test_free(self) -> None:
        """SERVER_BILLING_FREE_E164S: a record without a charge, no rate."""
        switch = self.switch(
            parameters={"SERVER_BILLING_FREE_E164S": "2000,30*"},
            customers=acme(money=Decimal(0)),
            rates={"none": []},
        )
        up = Up(switch)
        switch.advance(30)
        up.caller.ask("BYE")
        self.assert_over(switch, -8, 0)
        cdr = switch.cdrs[0]
        self.assertEqual((cdr.holdtime, cdr.fee, cdr.customeraccount), (30, 0, "acme"))

    def test_no_cdr(self) -> None:
        """SERVER_BILLING_NO_CDR_E164S: no record, no charge, wins over free."""
        switch = self.switch(
            parameters={
                "SERVER_BILLING_NO_CDR_E164S": "20*",
                "SERVER_BILLING_FREE_E164S": "2000",
            }
        )
        up = Up(switch)
        switch.advance(30)
        up.caller.ask("BYE")
        self.assertEqual(switch.records.entries, [])
        self.assertEqual(switch.accounts.money("acme"), 100)
        self.assertEqual([each.kept for each in switch.ends], [False])

    def test_refused_in_silence(self) -> None:
        """An offer of a stranger is not even looked at."""
        switch = self.switch(parameters={"SS_REPLY_UNAUTHORIZED": "Off"})
        caller = Caller(switch, STRANGER)
        caller.send(caller.make("INVITE", OFFER).replace(b"v=0", b"v=9"))
        self.assertEqual(switch.taken(), [])
        self.assertTrue(ANSWER)
