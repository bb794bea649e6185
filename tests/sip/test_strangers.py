"""What sources that nobody knows may do, which is little."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import (
    GIVEN_UP,
    RESEND,
    STRANGER,
    Rig,
    ask,
)
from vos3000.sip.message import respond
from vos3000.sip.transaction import InviteServerTransaction

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK"


class StrangerTests(SynchronousTestCase):
    """Sources that nobody knows (SS_REPLY_UNAUTHORIZED)."""

    _EACH = (
        ask("OPTIONS"),
        ask("REGISTER"),
        ask("BYE", "z9hG4bK3"),
        ask("DANCE", "z9hG4bK4"),
    )

    def test_are_refused(self) -> None:
        """403, whatever they ask."""
        for data in self._EACH:
            rig = Rig()
            rig.receive(data, STRANGER)
            self.assertEqual(rig.response().status, 403)
            self.assertTrue(rig.quiet())

    def test_invite_reaches_call_control(self) -> None:
        """Which refuses it and may keep a record."""
        rig = Rig()
        rig.receive(ask(), STRANGER)
        self.assertEqual(len(rig.users.calls), 1)

    def _turning_away(self) -> Rig:
        """A rig whose call control knows nobody."""
        rig = Rig()
        rig.users.take = lambda each: rig.core.refuse_stranger(
            each, respond(each.request, 403, None, "t")
        )
        return rig

    def test_refusals_keep_no_transaction(self) -> None:
        """
        One answer, no repetitions; a retransmission gets it again. Who it is
        comes before what may be wrong with the INVITE.
        """
        for headers in ([], ["Require: x"], ["Max-Forwards: 0"], ["Accept: a/b"]):
            rig = self._turning_away()
            rig.receive(ask(headers=headers), STRANGER)
            first = rig.sent()
            self.assertTrue(first[0][0].startswith(b"SIP/2.0 403 "))
            self.assertEqual(len(first), 1)
            self.assertTrue(rig.quiet())
            rig.receive(ask(headers=headers), STRANGER)
            self.assertEqual(rig.sent(), first)
            rig.receive(ask("ACK"), STRANGER)
            rig.advance(GIVEN_UP)
            self.assertEqual(rig.sent(), [])

    def test_silence_reaches_call_control(self) -> None:
        """An INVITE without answer may leave a record, one for all repetitions."""
        rig = Rig()
        rig.users.silent = True
        seen = []

        def refuse(transaction: InviteServerTransaction) -> None:
            seen.append(transaction)
            rig.core.refuse_stranger(transaction, b"SIP/2.0 403")

        rig.users.take = refuse
        for _ in range(3):
            rig.receive(ask(), STRANGER)
        self.assertEqual((len(seen), rig.sent()), (1, []))
        self.assertTrue(rig.quiet())

    def test_send_once_after_a_provisional(self) -> None:
        """Where a 100 went out, the final response is repeated until its ACK."""
        rig = Rig()
        rig.receive(ask(), STRANGER)
        (transaction,) = rig.users.calls
        rig.core.answer(transaction, 100)
        transaction.send_once(b"SIP/2.0 403 Forbidden\r\n\r\n")
        rig.advance(GIVEN_UP + 1)
        self.assertEqual(len(rig.sent()), 2 + len(RESEND))
        self.assertTrue(rig.quiet())

    def test_get_nothing_if_so_configured(self) -> None:
        """No answer at all, to anything; nothing is kept."""
        rig = self._turning_away()
        rig.users.silent = True
        for data in (
            *self._EACH,
            ask(),
            ask("CANCEL"),
            ask("INVITE", "z9hG4bK5", to_tag="x"),
            ask("BYE", "z9hG4bK6", to_tag="x"),
            ask("OPTIONS", "z9hG4bK7", to_tag='"'),
            ask(contact="<"),
            b"INVITE sip:x SIP/3.0\r\n" + ask().partition(b"\r\n")[2],
        ):
            rig.receive(data, STRANGER)
        self.assertEqual(rig.sent(), [])
        self.assertTrue(rig.quiet())

    def test_known_peers_are_answered_all_the_same(self) -> None:
        """Silence is for strangers."""
        rig = Rig()
        rig.users.silent = True
        rig.receive(ask("OPTIONS"))
        rig.receive(ask("BYE", "z9hG4bK3"))
        rig.receive(ask("CANCEL", "z9hG4bK4"))
        self.assertEqual(rig.lines(), ["200 OPTIONS", "481 BYE", "481 CANCEL"])

    def _moved(self, rig: Rig) -> None:
        """A call is answered; its BYE comes from another address."""
        rig.answering()
        rig.receive(ask())
        tag = rig.response().to_tag or ""
        rig.receive(ask("BYE", "z9hG4bK3", to_tag=tag, cseq=2), STRANGER)

    def test_a_call_may_move(self) -> None:
        """
        Inside a dialog the tags count: a carrier's BYE may come from a machine
        of its own that nobody told us of, and a call that it ends must not go
        on to be charged.
        """
        rig = Rig()
        rig.users.silent = True
        self._moved(rig)
        self.assertEqual(rig.lines(), ["200 BYE"])
