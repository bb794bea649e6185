"""What is kept of requests that were answered."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import STRANGER, Rig, ask
from vos3000.sip import layer
from vos3000.sip.transaction import LONGEST_ANSWER

ANSWER = b"SIP/2.0 403 Forbidden\r\n" + bytes(LONGEST_ANSWER - 30)
LIMIT = 100_000


class KeptTests(SynchronousTestCase):
    """Answers that may be wanted again."""

    def flood(self, rig: Rig, count: int) -> float:
        """So many INVITEs of strangers; answers that are kept of them."""
        rig.users.take = lambda transaction: transaction.send_once(ANSWER)
        padding = [f"X-Long: {'x' * len(ANSWER)}"]
        for number in range(count):
            data = ask(branch=f"z9hG4bK{number}", headers=padding)
            rig.receive(data, (STRANGER[0], 1 + number % 65535))
        return rig.metric("sip_lingering_transactions")

    def test_long_answers_to_strangers(self) -> None:
        """It is bytes that count, too, not only how many there are."""
        self.patch(layer, "MOST_KEPT", LIMIT)
        rig = Rig()
        kept = self.flood(rig, 1000) * len(ANSWER)
        self.assertLessEqual(kept, 3 * LIMIT)
        self.assertGreater(kept, LIMIT)
        rig.advance(65)
        self.assertEqual(self.flood(rig, 100), 100)
