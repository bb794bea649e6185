"""
The session changes while it lasts: hold and resume, fax, and refusals that leave
it as it was.
"""

from __future__ import annotations

from tests.call.build import CallTests, Up
from tests.switch import ANSWER, CALLEE, CALLER, OFFER

FAX = OFFER.replace(
    b"m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\n",
    b"m=audio 0 RTP/AVP 8\r\nm=image 4400 udptl t38\r\na=T38FaxVersion:0\r\n",
)
FAX_ANSWER = FAX.replace(b"192.0.2.10", b"192.0.2.20").replace(b"4400", b"6600")
HOLDS = (
    (OFFER + b"a=sendonly\r\n", ANSWER + b"a=recvonly\r\n"),
    (OFFER + b"a=inactive\r\n", ANSWER + b"a=inactive\r\n"),
    (OFFER.replace(b"IN IP4 192.0.2.10\r\nt", b"IN IP4 0.0.0.0\r\nt"), ANSWER),
)
"""Offers that hold, new and old (RFC 3264 8.4), and their answers."""


class HoldTests(CallTests):
    """Both sides, by re-INVITE and by UPDATE."""

    def exchange(self, up: Up, method: str, offer: bytes, answer: bytes) -> None:
        """The caller offers, the callee answers; both as they were sent."""
        up.caller.ask(method, offer)
        passed = up.passed()
        self.assertEqual(passed.method, method)
        self.assertEqual(_plain(passed.body), _plain(offer))
        up.callee.reply(passed, 200, answer)
        ok = up.answer()
        self.assertEqual(_plain(ok.body), _plain(answer))
        if method == "INVITE":
            up.caller.ack(ok)
            self.assertEqual(self.lines(up.switch, CALLEE), ["ACK"])

    def test_hold_and_resume(self) -> None:
        """Each kind of hold passes as it is, and so does its end."""
        for method in ("INVITE", "UPDATE"):
            for hold, held in HOLDS:
                up = Up(self.switch())
                self.exchange(up, method, hold, held)
                self.exchange(up, method, OFFER, ANSWER)
                up.caller.ask("BYE")
                self.assert_over(up.switch, -8, 0)

    def test_callee_holds(self) -> None:
        """The same the other way."""
        up = Up(self.switch())
        for body in (ANSWER + b"a=sendonly\r\n", ANSWER):
            up.callee.ask(up.invite, "INVITE", body)
            asked = up.asked()
            self.assertEqual(_plain(asked.body), _plain(body))
            up.caller.reply(asked, 200, OFFER)
            self.assertEqual(up.result().status, 200)
            up.callee.ask(up.invite, "ACK")
            self.assertEqual(self.lines(up.switch, CALLER), ["ACK"])

    def test_versions_rise_by_one(self) -> None:
        """With every change, and with nothing else (RFC 3264 8)."""
        up = Up(self.switch())
        versions = []
        for body in (OFFER, HOLDS[0][0], HOLDS[0][0], OFFER):
            up.caller.ask("UPDATE", body)
            passed = up.passed()
            versions.append(int(passed.body.partition(b"\r\no=")[2].split()[2]))
            up.callee.reply(passed, 200, ANSWER)
            up.answer()
        self.assertEqual(versions, [1, 2, 2, 3])

    def test_refused(self) -> None:
        """The call goes on, and the next offer is taken."""
        for status in (488, 500, 603):
            up = Up(self.switch())
            up.caller.ask("INVITE", HOLDS[0][0])
            up.callee.reply(up.passed(), status)
            refusal = up.answer()
            self.assertEqual(refusal.status, status)
            up.caller.ack(refusal)
            self.assertEqual(self.lines(up.switch, CALLEE), ["ACK"])
            self.exchange(up, "INVITE", *HOLDS[0])

    def test_fax(self) -> None:
        """T.38 replaces the audio stream, and goes back to it."""
        up = Up(self.switch())
        self.exchange(up, "INVITE", FAX, FAX_ANSWER)
        self.exchange(up, "INVITE", OFFER, ANSWER)

    def test_fax_of_the_callee(self) -> None:
        """The usual case: who is called hears the tone first."""
        up = Up(self.switch())
        up.callee.ask(up.invite, "INVITE", FAX_ANSWER)
        asked = up.asked()
        self.assertIn(b"m=image 6600 udptl t38\r\n", asked.body)
        up.caller.reply(asked, 200, FAX)
        self.assertIn(b"m=image 4400 udptl t38\r\n", up.result().body)


def _plain(body: bytes) -> list[bytes]:
    """The lines of a description but its o= line."""
    return [line for line in body.splitlines() if not line.startswith(b"o=")]
