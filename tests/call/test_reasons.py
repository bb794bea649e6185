"""
Reason (RFC 3326, RFC 6432): why a call ended, told to the other side.
"""

from __future__ import annotations

from typing import Any

from tests.call.build import CallTests, Up, final
from tests.peers import Callee, Caller
from tests.switch import CALLEE, CALLER, Switch, mapping_gateway, routing_gateway
from vos3000.call.failures import mapped_q850
from vos3000.model import causes
from vos3000.model.sipoptions import ReasonMode, SipOptions
from vos3000.sip.message import Message

ELSEWHERE = 'SIP;cause=180;text="Call completed elsewhere"'
MODES = (ReasonMode.OMIT, ReasonMode.PASS, ReasonMode.OURS)


class ReasonTests(CallTests):
    """Calls whose gateways are both sent Reason, or not."""

    def telling(
        self, mode: ReasonMode, parameters: Any = None, **mapping: Any
    ) -> Switch:
        """A switch with one gateway on each side."""
        options = SipOptions(reason=mode)
        return self.switch(
            mapping=[mapping_gateway(sip=options, **mapping)],
            routing=[routing_gateway(sip=options)],
            parameters=parameters,
        )

    def reason(self, message: Message) -> str | None:
        """What it says."""
        return message.get("reason")


class HangingUpTests(ReasonTests):
    """BYE."""

    def test_of_the_caller(self) -> None:
        """Its Reason passes, or ours stands in; the record keeps its own."""
        for said, told in (
            ("", (None, None, "Q.850;cause=16")),
            ("Q.850;cause=31", (None, "Q.850;cause=31", "Q.850;cause=31")),
            (ELSEWHERE, (None, ELSEWHERE, ELSEWHERE)),
        ):
            for mode, expected in zip(MODES, told, strict=True):
                switch = self.telling(mode)
                up = Up(switch)
                up.caller.ask("BYE", headers=[f"Reason: {said}"] if said else [])
                bye = up.passed()
                self.assertEqual((bye.method, self.reason(bye)), ("BYE", expected))
                self.assertEqual(switch.cdrs[0].sipreasonheader, said)

    def test_of_the_callee(self) -> None:
        """Likewise."""
        for mode, expected in zip(
            MODES, (None, "Q.850;cause=17", "Q.850;cause=17"), strict=True
        ):
            switch = self.telling(mode)
            up = Up(switch)
            up.callee.ask(up.invite, "BYE", headers=["Reason: Q.850;cause=17"])
            self.assertEqual(self.reason(up.asked()), expected)
            self.assertEqual(switch.cdrs[0].sipreasonheader, "Q.850;cause=17")

    def test_several(self) -> None:
        """On lines or by comma; what is none is left out."""
        up = Up(self.telling(ReasonMode.PASS))
        lines = [
            "Reason: SIP;cause=480, no reason",
            'Reason: Q.850;cause=19;text="a,b"',
        ]
        up.caller.ask("BYE", headers=lines)
        bye = up.passed()
        self.assertEqual(
            bye.all("reason"), ["SIP;cause=480", 'Q.850;cause=19;text="a,b"']
        )

    def test_malformed(self) -> None:
        """It is not passed, and ours stands in where one is wanted."""
        for mode, expected in zip(MODES, (None, None, "Q.850;cause=16"), strict=True):
            switch = self.telling(mode)
            up = Up(switch)
            up.caller.ask("BYE", headers=['Reason: "\xff;;; cause=\x01'])
            self.assertEqual(self.reason(up.passed()), expected)
            self.assert_over(switch, -8, 0)

    def test_of_the_switch(self) -> None:
        """Where we hang up, only our own can be told."""
        for mode, expected in zip(MODES, (None, None, "Q.850;cause=16"), strict=True):
            switch = self.telling(mode)
            up = Up(switch)
            switch.registry.hang_up(1)
            self.assertEqual(self.reason(up.passed()), expected)
            self.assertEqual(self.reason(up.asked()), expected)

    def test_before_the_ack(self) -> None:
        """The BYE that waits for the caller's ACK keeps its Reason."""
        for acknowledged in (True, False):
            switch = self.telling(ReasonMode.PASS)
            up = Up(switch, ack=False)
            up.callee.ask(up.invite, "BYE", headers=["Reason: Q.850;cause=41"])
            self.assertEqual(switch.taken(CALLER), [])
            if acknowledged:
                up.caller.ack(up.ok)
            switch.advance(40)
            byes = [each for each in switch.taken(CALLER) if each.cseq_method == "BYE"]
            self.assertEqual(self.reason(byes[0]), "Q.850;cause=41")


class GivingUpTests(ReasonTests):
    """CANCEL."""

    def ringing(self, mode: ReasonMode) -> tuple[Switch, Caller, Callee]:
        """A call that rings."""
        switch = self.telling(mode)
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        callee.reply(switch.request(CALLEE), 180)
        caller.to = switch.taken(CALLER)[-1].get("to") or ""
        return switch, caller, callee

    def test_of_the_caller(self) -> None:
        """RFC 3326 3.1: a phone is told that another one answered."""
        for mode, expected in zip(MODES, (None, ELSEWHERE, ELSEWHERE), strict=True):
            switch, caller, _ = self.ringing(mode)
            caller.send(
                caller.make(
                    "CANCEL",
                    headers=[f"Reason: {ELSEWHERE}"],
                    branch=caller.invite_branch,
                )
            )
            cancel = switch.request(CALLEE)
            self.assertEqual(cancel.method, "CANCEL")
            self.assertEqual(self.reason(cancel), expected)
            self.assertEqual(switch.cdrs[0].sipreasonheader, ELSEWHERE)

    def test_without_reason(self) -> None:
        """Ours: the caller cleared."""
        for mode, expected in zip(MODES, (None, None, "Q.850;cause=16"), strict=True):
            switch, caller, _ = self.ringing(mode)
            caller.cancel()
            self.assertEqual(self.reason(switch.request(CALLEE)), expected)

    def test_bye_before_the_answer(self) -> None:
        """It is a CANCEL to the callee, with its Reason."""
        switch, caller, _ = self.ringing(ReasonMode.PASS)
        caller.ask("BYE", headers=[f"Reason: {ELSEWHERE}"])
        cancel = switch.request(CALLEE)
        self.assertEqual((cancel.method, self.reason(cancel)), ("CANCEL", ELSEWHERE))

    def test_cancel_that_has_to_wait(self) -> None:
        """It goes out with the first provisional response, Reason and all."""
        switch = self.telling(ReasonMode.PASS)
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        caller.send(
            caller.make(
                "CANCEL",
                headers=[f"Reason: {ELSEWHERE}"],
                branch=caller.invite_branch,
            )
        )
        self.assertEqual(switch.taken(CALLEE), [])
        callee.reply(invite, 180)
        self.assertEqual(self.reason(switch.request(CALLEE)), ELSEWHERE)

    def test_answered_all_the_same(self) -> None:
        """The BYE that ends it says the same."""
        switch = self.telling(ReasonMode.OURS)
        Caller(switch).invite()
        callee, invite = Callee(switch), switch.request(CALLEE)
        callee.reply(invite, 180)
        switch.registry.hang_up(1)
        self.assertEqual(switch.request(CALLEE).method, "CANCEL")
        callee.reply(invite, 200)
        ack, bye = switch.taken(CALLEE)
        self.assertEqual((ack.cseq_method, bye.cseq_method), ("ACK", "BYE"))
        self.assertEqual(self.reason(bye), "Q.850;cause=16")

    def test_of_the_switch(self) -> None:
        """An attempt that is given up for its slowness is told so."""
        switch = self.telling(
            ReasonMode.OURS, parameters={"SS_SIP_TIMEOUT_RINGING": "5"}
        )
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        callee.reply(switch.request(CALLEE), 180)
        switch.advance(6)
        cancel, *_ = switch.taken(CALLEE)
        # ResponseTimeout: the user was alerted and did not answer
        self.assertEqual(self.reason(cancel), "Q.850;cause=19")


class RefusingTests(ReasonTests):
    """Final responses to the caller."""

    def refused(
        self, mode: ReasonMode, reason: str, status: int = 480, **mapping: Any
    ) -> tuple[int, str | None]:
        """What the caller gets when the callee refuses: status and Reason."""
        switch = self.telling(mode, **mapping)
        caller = Caller(switch)
        caller.invite()
        headers = [("Reason", reason)] if reason else []
        Callee(switch).reply(switch.request(CALLEE), status, b"", headers)
        response = final(switch, CALLER)
        self.assertEqual(switch.cdrs[0].sipreasonheader, reason)
        return response.status, self.reason(response)

    def test_passed(self) -> None:
        """The vendor's, else ours of the end reason's cause."""
        for said, told in (
            ("", (None, None, "Q.850;cause=18")),
            ("Q.850;cause=18", (None, "Q.850;cause=18", "Q.850;cause=18")),
        ):
            for mode, expected in zip(MODES, told, strict=True):
                self.assertEqual(self.refused(mode, said), (480, expected))

    def test_status_is_not_told_twice(self) -> None:
        """RFC 6432: Reason of a response is not of the protocol SIP."""
        self.assertEqual(
            self.refused(ReasonMode.PASS, "SIP;cause=480, Q.850;cause=18"),
            (480, "Q.850;cause=18"),
        )
        self.assertEqual(self.refused(ReasonMode.PASS, "SIP;cause=480"), (480, None))
        self.assertEqual(
            self.refused(ReasonMode.OURS, "SIP;cause=480"), (480, "Q.850;cause=18")
        )

    def test_of_the_switch(self) -> None:
        """A call that we refuse is told why, if its gateway is to be told."""
        for mode, expected in zip(MODES, (None, None, "Q.850;cause=21"), strict=True):
            switch = self.telling(mode, lock_type=1)
            Caller(switch).invite()
            self.assertEqual(self.reason(final(switch, CALLER)), expected)

    def test_map_of_causes(self) -> None:
        """callFailedQ931CauseValue: in place of ours, and of the vendor's."""
        for said in ("", 'Q.850;cause=18;text="absent"'):
            self.assertEqual(
                self.refused(
                    ReasonMode.OURS,
                    said,
                    failed_q931_causes="18:34",
                    failed_sip_codes="480:503",
                ),
                (503, "Q.850;cause=34"),
            )
        self.assertEqual(
            self.refused(ReasonMode.PASS, "", failed_q931_causes="18:34"), (480, None)
        )

    def test_map(self) -> None:
        """Pairs of end reasons and causes; the first that fits, 0 last."""
        known = causes.load()
        for pairs, cause, told in (
            ("17:34", known.by_sip(486), 34),
            ("486:34", known.by_sip(486), 34),
            ("17:34,17:1", known.by_q850(17), 34),
            ("0:31,17:34", known.by_q850(17), 34),
            ("0:31,17:34", known.by_q850(18), 31),
            ("-1003:21", known["CalleeBusy"], 21),
            ("17:0,0:31", known.by_q850(17), 0),
            ("17:128,17:503,x:1,17:", known.by_q850(17), 0),
            ("", known.by_q850(17), 0),
        ):
            self.assertEqual(mapped_q850(pairs, cause), told, pairs)

    def test_the_last_of_several(self) -> None:
        """After a failover the caller is told what the last one said."""
        options = SipOptions(reason=ReasonMode.PASS)
        switch = self.switch(mapping=[mapping_gateway(sip=options)])
        Caller(switch).invite()
        Callee(switch).reply(
            switch.request(CALLEE), 503, b"", [("Reason", "Q.850;cause=34")]
        )
        second = ("192.0.2.21", 5060)
        Callee(switch, second).reply(
            switch.request(second), 404, b"", [("Reason", "Q.850;cause=1")]
        )
        self.assertEqual(self.reason(final(switch, CALLER)), "Q.850;cause=1")

    def test_strangers_are_told_nothing(self) -> None:
        """Whoever nobody knows has no options."""
        switch = self.telling(ReasonMode.OURS)
        stranger = Caller(switch, ("198.51.100.66", 5060))
        stranger.invite()
        self.assertIsNone(self.reason(final(switch, stranger.address)))
