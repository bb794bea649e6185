"""Tests of L{vos3000.commands.tracing}."""

from __future__ import annotations

import http.client
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import Terminal, environment
from tests.sip.rig import ask
from tests.trace.build import seen
from vos3000.sip.message import Request, respond
from vos3000.sip.parser import parse
from vos3000.trace.lines import lost, write

VENDOR = ("192.0.2.20", 5060)


def _ok() -> bytes:
    request = parse(ask())
    assert isinstance(request, Request)
    return respond(request, 200, None, "t")


class TraceTests(SynchronousTestCase):
    """What the command shows of what it is told."""

    def setUp(self) -> None:
        """A switch through which a call passes, and that then ends."""
        self.terminal = Terminal(self.mktemp())
        named: frozenset[str] = frozenset(("first",))
        self.told = [
            b"\n",
            write(seen(ask()), None, frozenset()),
            b"\n",
            write(seen(ask(), came=False, there=VENDOR), None, named),
            write(seen(_ok(), there=VENDOR), None, named),
        ]

    def run_it(self, *words: str, status: int = 0) -> str:
        """What C{vos3000 trace} prints."""
        self.terminal.switch.answers = {"trace": b"".join(self.told).decode("ascii")}
        with environment(TZ="UTC", COLUMNS="80"):
            result = self.terminal.run("trace", *words)
        self.assertEqual(result.exit_code, status, result.output)
        return str(result.output)

    def test_ladder(self) -> None:
        """Until so many messages passed."""
        output = self.run_it("--count", "3")
        self.assertIn("|- INVITE 2000 ----->|", output)
        self.assertIn("first 192.0.2.20:", output)
        self.assertIn("|<- 200 OK ----------|", output)
        self.assertEqual(len(output.splitlines()), 6)

    def test_what_is_asked_for(self) -> None:
        """Only what was given is sent."""
        self.run_it("--number", "4420*", "--gateway", "gw", "--count", "1")
        self.run_it("--call", "7", "--address", "192.0.2.0/24", "--count", "1")
        self.assertEqual(
            self.terminal.switch.asked,
            [
                ("/trace", {"number": "4420*", "gateway": "gw"}),
                ("/trace", {"call": "7", "address": "192.0.2.0/24"}),
            ],
        )

    def test_full(self) -> None:
        """The messages themselves, each below a line of its own."""
        output = self.run_it("--full", "--count", "2")
        self.assertIn("UDP 192.0.2.10:5060 -> 192.0.2.1:5060\nINVITE sip:", output)
        self.assertIn("192.0.2.1:5060 -> 192.0.2.20:5060 (first)\n", output)
        self.assertNotIn("\r", output)

    def test_what_a_terminal_would_obey(self) -> None:
        """A peer writes on no operator's screen."""
        evil = ask(headers=["Subject: \x1b]0;owned\x07"], uri="sip:\x1b[2J@192.0.2.1")
        self.told = [b"\n", write(seen(evil), None, frozenset())]
        for words in (("--full",), ()):
            output = self.run_it("--count", "1", *words)
            self.assertNotIn("\x1b", output)
            self.assertNotIn("\x07", output)

    def test_pcap(self) -> None:
        """Beside what is shown; the file is there when the switch ends, too."""
        path = Path(self.mktemp())
        output = self.run_it("--pcap", str(path), status=3)
        self.assertIn("the switch ended", output)
        data = path.read_bytes()
        self.assertEqual(data[:4].hex(), "d4c3b2a1")
        self.assertEqual(data.count(b"\r\nCall-ID: call-1\r\n"), 3)

    def test_messages_that_were_lost(self) -> None:
        """It is told how many."""
        self.told.insert(1, lost(42))
        output = self.run_it("--count", "1")
        self.assertIn("42 messages came too fast", output)

    def test_duration(self) -> None:
        """Over at the next sign of life."""
        output = self.run_it("--duration", "0")
        self.assertNotIn("INVITE", output)

    def test_refusals(self) -> None:
        """Each says why and what to do."""
        switch = self.terminal.switch
        for status, text in (
            (400, "'x' is no address"),
            (503, "as many follow already as may"),
        ):
            switch.status = status
            self.told = [text.encode()]
            self.assertIn(text, self.run_it(status=1))
        switch.status = 403
        self.assertIn("refuses this machine", self.run_it(status=1))

    def test_no_switch(self) -> None:
        """It does not run, or goes away in the middle."""
        for error in (ConnectionRefusedError(), http.client.BadStatusLine("x")):
            self.terminal.switch.answers = {"trace": error}
            self.assertEqual(self.terminal.run("trace").exit_code, 3)
