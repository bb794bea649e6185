"""
The torture messages of RFC 4475 and RFC 5118 at a whole switch.

Each comes from a gateway's address, as the RFC has it and with a Via that leads
back, and is answered, or not, as its row of the index says.
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from tests.peers import Callee
from tests.sip.torture import Torture, headers, torture
from tests.switch import CALLEE, CALLER, Switch, mapping_gateway, routing_gateway
from vos3000.sip.message import Request
from vos3000.sip.parser import parse

CASES = (*torture("rfc4475").values(), *torture("rfc5118").values())


def forms() -> Iterator[tuple[Torture, str, bytes]]:
    """Every message, as it is and with a Via of its sender's own."""
    for case in CASES:
        yield case, "raw", case.data
        yield case, "routable", case.routable(*CALLER)


class Heard:
    """
    What a switch said to one message, until it had no more to say.

    Answers are not parsed: they hold what was wrong with their request.

    @ivar finals: The final answers, each as it came.
    @ivar strange: What else it sent to anybody, and should not have.
    """

    def __init__(self, data: bytes) -> None:
        self.switch = Switch([mapping_gateway()], [routing_gateway()])
        self.finals: list[bytes] = []
        self.strange: list[bytes] = []
        self.switch.receive(data, CALLER)
        self._listen()
        self._listen()

    def _listen(self) -> None:
        sent, self.switch.channel.sent = self.switch.channel.sent, []
        for data, address in sent:
            if address == CALLEE:
                self._asked(data)
            elif address[0] != CALLER[0] or not data.startswith(b"SIP/2.0 "):
                self.strange.append(data)
            elif not data.startswith(b"SIP/2.0 1"):
                self.finals.append(data)

    def _asked(self, data: bytes) -> None:
        """A vendor is called: it is busy."""
        request = parse(data)
        if isinstance(request, Request) and request.method == "INVITE":
            Callee(self.switch).reply(request, 486)
        elif not data.startswith(b"ACK "):
            self.strange.append(data)

    @property
    def status(self) -> int | None:
        """The status of the one final answer; None if there was none."""
        assert len(self.finals) < 2, self.finals
        return int(self.finals[0][8:11]) if self.finals else None


class TortureTests(SynchronousTestCase):
    """Every message of both sets, each at a switch of its own."""

    def test_the_sets_are_complete(self) -> None:
        """All 49 and all 12, each in both forms, and no two alike."""
        self.assertEqual(len(CASES), 61)
        self.assertEqual(len({data for _, _, data in forms()}), 122)

    def test_answered_as_the_index_says(self) -> None:
        """With a status that it allows, or not at all."""
        wrong = []
        for case, form, data in forms():
            status = Heard(data).status
            if not case.agrees(status):
                wrong.append((case.name, form, status, case.expect))
        self.assertEqual(wrong, [])

    def test_answers_find_their_way_back(self) -> None:
        """Every hop in order, Call-ID and CSeq as they came, and a tag."""
        for case, form, data in forms():
            for answer in Heard(data).finals:
                where = f"{case.name} {form}"
                asked, told = headers(data), headers(answer)
                if form == "routable":
                    top = told["via"].pop(0)
                    self.assertIn("192.0.2.10:5060", top, where)
                    self.assertIn(";rport=5060", top, where)
                    self.assertEqual(told["via"], asked["via"][1:], where)
                for name in ("call-id", "cseq"):
                    first = asked.get(name, [])[:1]
                    self.assertEqual(told.get(name, []), first, where)
                if "to" in asked:
                    self.assertIn("tag=", told["to"][0].replace(" ", ""), where)

    def test_nothing_else_happens(self) -> None:
        """No message to anybody but the one answer, no error, nothing held."""
        for case, form, data in forms():
            heard = Heard(data)
            self.assertEqual(heard.strange, [], (case.name, form))
            heard.switch.advance(60)
            self.assertEqual(heard.switch.left(), {}, (case.name, form))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_sent_again_they_get_the_same(self) -> None:
        """Byte for byte, and silence for silence."""
        for case, form, data in forms():
            heard = Heard(data)
            heard.switch.receive(data, CALLER)
            again = [sent for sent, _ in heard.switch.channel.sent]
            self.assertEqual(again, heard.finals, (case.name, form))
