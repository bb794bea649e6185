"""The end reasons: every row, and both mappings."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.model.causes import CallRejected, EndCause, EndCauses, load

PROVEN = {
    "IllegalCall": -9,
    "NormalHangUp": -8,
    "CallerAbandoned": -7,
    "ServerRefused": -69,
}

# Rows of the reference without a proven number, in its order, then ours.
NAMED = [
    "ProcessTimeout",
    "CalleeOffline",
    "CalleeBusy",
    "FeeRateNotFound",
    "AccountNotFound",
    "AccountLocked",
    "AccountExpired",
    "BalanceNotEnough",
    "Unregistered",
    "NoCallPermission",
    "NoAvailableRouter",
    "LineExceeded",
    "SessionTimeout",
    "ResponseTimeout",
    "ConnectionTimeout",
    "NotFound",
    "ProtocolLimit",
    "CodecMismatch",
    "CallerNumberLimited",
    "CalleeNumberLimited",
    "ForwardLimited",
    "MaxCallDurationReached",
    "BalanceExhausted",
    "MediaInterrupted",
    "AdministratorHangup",
    "GatewayDisabledByRetryAfter",
    "LrnQueryFailed",
    "CallRateExceeded",
    "GeofenceDenied",
    "GatewayLocked",
    "RestartRecovery",
    "ServerShutdown",
    "StorageFailed",
    "MarginTooLow",
    "ServerError",
    "SessionLost",
]

# RFC 3398 7.2.4.1, table 1
SIP_OF_Q850 = {
    1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410,
    23: 410, 26: 404, 27: 502, 28: 484, 29: 501, 31: 480, 34: 503, 38: 503, 41: 503,
    42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501, 87: 403,
    88: 503, 102: 504, 111: 500, 127: 500,
}  # fmt: skip

# RFC 3398 8.2.6.1
Q850_OF_SIP = {
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102,
    410: 22, 413: 127, 414: 127, 415: 79, 416: 127, 420: 127, 421: 127, 423: 127,
    480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17, 500: 41, 501: 79,
    502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1,
}  # fmt: skip


class EndCausesTests(SynchronousTestCase):
    """The packaged table."""

    causes: EndCauses

    def setUp(self) -> None:
        """Read the table."""
        self.causes = load()

    def test_proven_numbers_stay(self) -> None:
        """Numbers that scripts in the field rely on are as they were."""
        numbers = {name: self.causes[name].code for name in PROVEN}
        self.assertEqual(numbers, PROVEN)

    def test_named_reasons_count_down_from_1001(self) -> None:
        """A reason without a proven number got one far from the proven ones."""
        numbers = [self.causes[name].code for name in NAMED]
        self.assertEqual(numbers, list(range(-1001, -1001 - len(NAMED), -1)))

    def test_no_other_server_reasons(self) -> None:
        """The table holds nothing that these tests do not know."""
        names = {cause.name for cause in self.causes if cause.code < 0}
        self.assertEqual(names, {*PROVEN, *NAMED})

    def test_every_row_answers_both_protocols(self) -> None:
        """Each row has a final failure status, a cause, a name and a meaning."""
        for cause in self.causes:
            with self.subTest(code=cause.code):
                self.assertTrue(300 <= cause.sip <= 699, cause)
                self.assertTrue(1 <= cause.q850 <= 127, cause)
                self.assertTrue(cause.name and cause.meaning.endswith("."), cause)

    def test_code_is_unique_and_finds_its_row(self) -> None:
        """The number in a record leads back to its row."""
        for cause in self.causes:
            self.assertIs(self.causes.by_code(cause.code), cause)

    def test_names_are_unique(self) -> None:
        """The server's own reasons are told apart by their names."""
        names = [cause.name for cause in self.causes if cause.code < 0]
        self.assertEqual(len(names), len(set(names)))

    def test_device_rows_speak_their_own_number(self) -> None:
        """A status stays that status, a cause stays that cause."""
        for cause in self.causes:
            if cause.code >= 300:
                self.assertEqual(cause.sip, cause.code)
                self.assertIs(self.causes.by_sip(cause.code), cause)
            elif cause.code >= 0:
                self.assertEqual(cause.q850, cause.code)
                self.assertIs(self.causes.by_q850(cause.code), cause)

    def test_q850_to_sip(self) -> None:
        """Causes are told to SIP as RFC 3398 7.2.4.1 says."""
        found = {code: self.causes.by_q850(code).sip for code in SIP_OF_Q850}
        self.assertEqual(found, SIP_OF_Q850)

    def test_sip_to_q850(self) -> None:
        """Statuses are told to H.323 as RFC 3398 8.2.6.1 says."""
        found = {code: self.causes.by_sip(code).q850 for code in Q850_OF_SIP}
        self.assertEqual(found, Q850_OF_SIP)

    def test_unknown_status_keeps_its_number(self) -> None:
        """A status without a row borrows the mapping of its class."""
        self.assertEqual(self.causes.by_sip(499), EndCause(499, "Bad Request", 499, 41))
        self.assertEqual(self.causes.by_sip(799).q850, 41)

    def test_unknown_cause_keeps_its_number(self) -> None:
        """A cause without a row is told as 500 and 31."""
        self.assertEqual(self.causes.by_q850(24), EndCause(24, "Unknown", 500, 31))

    def test_code_without_row(self) -> None:
        """A number that nobody gave out has no row."""
        self.assertIsNone(self.causes.by_code(-1000))

    def test_unknown_name(self) -> None:
        """A name that code misspells fails at once."""
        self.assertRaises(KeyError, self.causes.__getitem__, "NoSuchReason")

    def test_statuses_are_no_server_reasons(self) -> None:
        """A device's reason is found by number only."""
        self.assertRaises(KeyError, self.causes.__getitem__, "Not Found")


class CallRejectedTests(SynchronousTestCase):
    """The refusal of a call."""

    def test_text_names_cause_and_detail(self) -> None:
        """An operator reads why, and what was wrong."""
        cause = load()["GatewayLocked"]
        self.assertEqual(str(CallRejected(cause)), "GatewayLocked")
        self.assertEqual(str(CallRejected(cause, "gw1")), "GatewayLocked: gw1")
