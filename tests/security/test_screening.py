"""What a known gateway may do."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.switch import phone
from vos3000.model import causes
from vos3000.model.causes import CallRejected
from vos3000.model.gateways import LockType, MappingGateway
from vos3000.security.screening import Screening


class ScreeningTests(SynchronousTestCase):
    """The checks of a call."""

    def setUp(self) -> None:
        """A screening without knowledge."""
        self.screening = Screening(causes.load(), self.holds)

    def holds(self, name: str, number: str) -> bool:
        """The group C{x} has both numbers of these calls."""
        return name == "x" and number in ("44123", "8613800138000")

    def refusal(
        self,
        caller: str = "44123",
        callee: str = "8613800138000",
        lock: LockType = LockType.UNLOCKED,
        **settings: Any,
    ) -> str:
        """The name of the cause that refuses; empty if none does."""
        gateway = MappingGateway(1, "gw1", lock_type=lock, settings=settings)
        try:
            self.screening.check(gateway, caller, callee)
        except CallRejected as rejected:
            return rejected.cause.name
        return ""

    def test_nothing_limited(self) -> None:
        """A gateway without limits calls whom it likes."""
        self.assertEqual(self.refusal(), "")

    def test_locks(self) -> None:
        """Outgoing and full locks refuse; an incoming one is none for calls."""
        found = [self.refusal(lock=lock) for lock in LockType]
        self.assertEqual(found, ["", "GatewayLocked", "", "GatewayLocked"])

    def test_callee_prefixes(self) -> None:
        """Allowed and forbidden prefixes of the callee."""
        for allow, prefixes, expected in [
            (True, "86, 852", ""),
            (True, "1,2", "CalleeNumberLimited"),
            (False, "86138", "CalleeNumberLimited"),
            (False, "1,2", ""),
            (None, "86", "CalleeNumberLimited"),
            (True, "", ""),
            (True, " , ", ""),
        ]:
            with self.subTest(allow=allow, prefixes=prefixes):
                refusal = self.refusal(
                    calloutCalleePrefixes=prefixes, calloutCalleePrefixesAllow=allow
                )
                self.assertEqual(refusal, expected)

    def test_caller_prefixes(self) -> None:
        """Allowed and forbidden prefixes of the caller."""
        for allow, expected in [(True, ""), (False, "CallerNumberLimited")]:
            refusal = self.refusal(
                calloutCallerPrefixes="44", calloutCallerPrefixesAllow=allow
            )
            self.assertEqual(refusal, expected)

    def test_number_groups(self) -> None:
        """Numbers of the groups, as allowed and as forbidden ones."""
        for who, cause in (
            ("caller", "CallerNumberLimited"),
            ("callee", "CalleeNumberLimited"),
        ):
            groups, flag = f"{who}LimitE164Groups", f"{who}LimitE164GroupsAllow"
            for names, allow, expected in (
                ("x", True, ""),
                ("x", False, cause),
                ("y, x", False, cause),
                ("y", True, cause),
                ("y", False, ""),
                ("", True, ""),
            ):
                refusal = self.refusal(**{groups: names, flag: allow})
                self.assertEqual(refusal, expected, (who, names, allow))

    def test_number_groups_of_a_phone(self) -> None:
        """Its callees by a flag of another name; its callers when it is called."""
        for allow, expected in ((True, ""), (False, "CalleeNumberLimited")):
            made = phone("1", calleeLimitE164Groups="x", calleeLimitE164Allow=allow)
            try:
                self.screening.check(made.origin, "44123", "8613800138000")
                found = ""
            except CallRejected as rejected:
                found = rejected.cause.name
            self.assertEqual(found, expected)
        callers = phone("1", callerLimitE164Groups="x")
        self.screening.check(callers.origin, "44123", "8613800138000")

    def test_callee_lengths(self) -> None:
        """Bit x lets numbers of x characters pass."""
        self.assertEqual(self.refusal(calleeAllowLength=1 << 13), "")
        limited = self.refusal(calleeAllowLength=1 << 12 | 1 << 14)
        self.assertEqual(limited, "CalleeNumberLimited")

    def test_caller_lengths(self) -> None:
        """The same for the caller, who may be nobody at all."""
        self.assertEqual(self.refusal(callerAllowLength=1 << 5), "")
        self.assertEqual(self.refusal(caller="", callerAllowLength=1), "")
        limited = self.refusal(caller="", callerAllowLength=1 << 5)
        self.assertEqual(limited, "CallerNumberLimited")

    def test_no_bit_for_very_long_numbers(self) -> None:
        """Where lengths are limited, 32 characters are too many."""
        for bits in (0xFFFFFFFF, -1):
            refusal = self.refusal(callee="1" * 32, calleeAllowLength=bits)
            self.assertEqual(refusal, "CalleeNumberLimited")

    def test_lock_before_numbers(self) -> None:
        """The lock is what a locked gateway is told of."""
        refusal = self.refusal(lock=LockType.ALL, calleeAllowLength=1)
        self.assertEqual(refusal, "GatewayLocked")

    def test_change_holds_for_the_next_call(self) -> None:
        """A changed gateway is screened by its new limits."""
        self.assertEqual(self.refusal(calleeAllowLength=1), "CalleeNumberLimited")
        self.assertEqual(self.refusal(), "")

    def test_same_gateway_again(self) -> None:
        """Limits hold for every call, not only for the first."""
        gateway = MappingGateway(1, "gw1", settings={"calleeAllowLength": 1})
        for _ in range(2):
            self.assertRaises(
                CallRejected, self.screening.check, gateway, "44123", "861"
            )

    def test_detail_names_the_number(self) -> None:
        """The operator reads which number was refused, and why."""
        gateway = MappingGateway(1, "gw1", settings={"calleeAllowLength": 1})
        rejected = self.assertRaises(
            CallRejected, self.screening.check, gateway, "44123", "861"
        )
        self.assertEqual(rejected.detail, "861: length not allowed")
