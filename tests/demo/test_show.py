"""Tests of what the demonstration makes, checks and prints."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import attrs
from rich.console import Console
from twisted.internet.error import ProcessDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import Terminal
from tests.rows import cdr
from vos3000 import config as configuration
from vos3000.commands.context import Complaint
from vos3000.commands.demonstration import demo
from vos3000.config import Config, Endpoint, Http, Sip, State
from vos3000.demo import carrier
from vos3000.demo.child import GRACE, KEPT, Child, command
from vos3000.demo.consumer import Consumer
from vos3000.demo.ladder import Ladder
from vos3000.demo.play import configure
from vos3000.demo.ports import listeners, problems
from vos3000.demo.show import Show, money_text
from vos3000.model import causes
from vos3000.model.states import CallState

UTC = ZoneInfo("UTC")


def config(directory: Path = Path("/etc/x"), **sections: Any) -> Config:
    """A configuration with these sections."""
    return Config(directory, State(Path("/var/x"), UTC), **sections)


@attrs.define
class PlayedInterface:
    """
    The web interface of a switch that has nothing, or everything already.

    @ivar asked: Every interface and its request.
    """

    has: bool = False
    money: str = "0"
    asked: list[tuple[str, Mapping[str, Any]]] = attrs.field(factory=list)

    def ask(self, name: str, request: Mapping[str, Any]) -> Any:
        """Answer one request."""
        self.asked.append((name, request))
        if name.startswith("Create") and self.has:
            raise Complaint("it exists")
        if name == "GetCustomer":
            return {"infoCustomers": [{"money": Decimal(self.money)}]}
        return {}

    def names(self) -> list[str]:
        """The interfaces that were called."""
        return [name for name, _ in self.asked]


class CarrierTests(SynchronousTestCase):
    """The demonstration carrier."""

    def test_fresh_switch(self) -> None:
        """Two accounts, three gateways, vendors at the ports they listen on."""
        played = PlayedInterface()
        carrier.load(played.ask, 7001, 7002)
        self.assertEqual(
            played.names(),
            ["CreateCustomer"] * 2 + ["CreateGatewayMapping"]
            + ["CreateGatewayRouting"] * 2,
        )  # fmt: skip
        first, second = (request for _, request in played.asked[-2:])
        self.assertEqual((first["signalPort"], second["signalPort"]), (7001, 7002))
        self.assertLess(first["priority"], second["priority"])

    def test_second_demonstration(self) -> None:
        """The balance is brought to 1.00 again, the gateways are changed."""
        played = PlayedInterface(has=True, money="0.25")
        carrier.load(played.ask, 7001, 7002)
        payments = [request for name, request in played.asked if name == "Pay"]
        self.assertEqual(
            [(p["ownerName"], p["money"]) for p in payments], [("demo", 0.75)]
        )
        self.assertEqual(played.names().count("ModifyGatewayRouting"), 2)
        again = PlayedInterface(has=True, money="1.00")
        carrier.load(again.ask, 7001, 7002)
        self.assertNotIn("Pay", again.names())

    def test_money_is_just_enough(self) -> None:
        """The first two calls take all that the customer has."""
        rows = [line.split(",") for line in carrier.RATES.splitlines()[1:]]
        prices = [Decimal(row[4]) for row in rows if row[0] == carrier.RETAIL]
        self.assertEqual(sum(prices), carrier.MONEY)


class PortsTests(SynchronousTestCase):
    """Which ports the switch will open."""

    def test_every_listener_with_its_setting(self) -> None:
        """SIP and the web interface."""
        found = [(t, s, str(*e)) for t, s, e in listeners(config())]
        self.assertEqual(
            found,
            [
                ("udp", "[sip] udp", "0.0.0.0:5060"),
                ("tcp", "[sip] tcp", "0.0.0.0:5060"),
                ("tcp", "[http] listen", "127.0.0.1:8080"),
            ],
        )

    def test_problem_names_port_and_setting(self) -> None:
        """An address that this machine does not have cannot be had."""
        nowhere = (Endpoint("192.0.2.1", 5060),)
        sip = Sip(udp=nowhere, tcp=())
        (problem,) = problems(config(sip=sip, http=Http(listen=())))
        self.assertIn("UDP 192.0.2.1:5060 cannot be had", problem)
        self.assertIn("[sip] udp", problem)
        self.assertIn('make run ARGS="--config DIR"', problem)


class ConsumerTests(SynchronousTestCase):
    """The system that hears of calls."""

    def _post(self, path: bytes, body: bytes) -> bytes:
        request = _Request(path, io.BytesIO(body))
        return self.consumer.render_POST(cast(Any, request))

    def setUp(self) -> None:
        """A consumer that heard nothing yet."""
        self.consumer = Consumer()

    def test_states_of_one_call(self) -> None:
        """In order, and other calls' and other pushes left out."""
        for call, state in (("a", -7), ("b", -7), ("a", -12), ("a", -13)):
            body = json.dumps({"callIdentifier": call, "callState": state}).encode()
            self.assertEqual(
                self._post(b"/hook/CallStateReport", body), b'{"retCode":0}'
            )
            self._post(b"/hook/AlarmReport", body)
        self.assertEqual(
            self.consumer.states("a"),
            [CallState.INVITE, CallState.OK, CallState.RELEASE],
        )
        self.assertTrue(self.consumer.over("a"))
        self.assertFalse(self.consumer.over("b"))

    def test_garbage(self) -> None:
        """It is agreed to and forgotten."""
        self._post(b"/CallStateReport", b"\xff")
        self._post(b"/CallStateReport", b"[]")
        self.assertEqual(self.consumer.taken, [])


@attrs.define
class _Request:
    path: bytes
    content: io.BytesIO

    def setHeader(self, name: bytes, value: bytes) -> None:
        """Nobody looks."""


class ChildTests(SynchronousTestCase):
    """The process of the switch."""

    def test_command(self) -> None:
        """twistd in the foreground, with the plugin's own options."""
        words = command(Path("/c"), Path("/s"), Path("/s/log"))
        self.assertIn("-n", words)
        self.assertIn("--logfile=/s/log", words)
        self.assertEqual(words[-5:], ["vos3000", "--config", "/c", "--state", "/s"])

    def test_stop(self) -> None:
        """SIGTERM, SIGKILL after a while, and nothing once it is gone."""
        child, clock = Child(), Clock()
        sent: list[str] = []
        child.transport = cast(Any, _Process(sent))
        stopped = child.stop(clock)
        clock.advance(GRACE)
        self.assertEqual(sent, ["TERM", "KILL"])
        self.assertNoResult(stopped)
        child.processEnded(Failure(ProcessDone(0)))
        self.successResultOf(stopped)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_clean_end(self) -> None:
        """A switch that obeys is not killed."""
        child, clock = Child(), Clock()
        sent: list[str] = []
        child.transport = cast(Any, _Process(sent))
        child.stop(clock)
        child.processEnded(Failure(ProcessDone(0)))
        self.assertEqual((sent, clock.getDelayedCalls()), (["TERM"], []))

    def test_output_is_bounded(self) -> None:
        """Only the end of what it says is kept."""
        child = Child()
        child.outReceived(b"x" * KEPT)
        child.errReceived(b"last words")
        self.assertEqual(len(child.output), KEPT)
        self.assertTrue(child.output.endswith(b"last words"))


@attrs.define
class _Process:
    sent: list[str]

    def signalProcess(self, name: str) -> None:
        """Note the signal."""
        self.sent.append(name)


class ConfigureTests(SynchronousTestCase):
    """The configuration of the demonstration."""

    def test_packaged_files_with_a_push_address(self) -> None:
        """It is read without a mistake, and says where pushes go."""
        target = Path(self.mktemp())
        target.mkdir()
        configure(configuration.packaged(), target, "http://127.0.0.1:9/")
        terminal = Terminal(self.mktemp())
        result = terminal.run("check", "--config", str(target))
        self.assertEqual(result.exit_code, 0, result.output)
        text = (target / "vos3000.conf").read_text("utf-8")
        self.assertIn("\n[push]\nurl = http://127.0.0.1:9/\n", text)

    def test_needs_udp(self) -> None:
        """Without a UDP listener there is nothing to call."""
        terminal = Terminal(self.mktemp())
        terminal.write(
            "vos3000.conf", "[sip]\nudp = \ntcp = \n[http]\nlisten = 127.0.0.1:1\n"
        )
        result = terminal.run(demo.name or "")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("[sip] udp", result.output)


class ShowTests(SynchronousTestCase):
    """What is printed."""

    def setUp(self) -> None:
        """A screen of 80 columns."""
        self.screen = io.StringIO()
        console = Console(file=self.screen, width=80, highlight=False, markup=False)
        self.show = Show(console, causes.load(), UTC, True)
        self.ladder = Ladder(lambda: 0.0)

    def test_call(self) -> None:
        """Ladder, record, charge, balance and pushes."""
        self.ladder.note("customer", True, b"INVITE sip:49@h SIP/2.0\r\n")
        record = cdr(fee=Decimal("0.60"), endreason=-8)
        money = (Decimal("1.0"), Decimal("0.4"))
        states = [CallState.INVITE, CallState.RELEASE]
        self.show.call(carrier.CALLS[0], self.ladder, record, money, states)
        text = self.screen.getvalue()
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        for words in (
            "1. an answered call",
            "- INVITE 49 ",
            "ended by caller, reason -8",
            "charge   0.60",
            "balance  1.00 before, 0.40 after",
            "pushes   invite -7, release -13",
        ):
            self.assertIn(words, text)

    def test_no_record(self) -> None:
        """A record that does not come is said so."""
        money = (Decimal(1), Decimal(1))
        self.show.call(carrier.CALLS[0], self.ladder, None, money, [])
        self.assertIn("no record came", self.screen.getvalue())
        self.assertIn("pushes   none", self.screen.getvalue())

    def test_command_in_an_environment(self) -> None:
        """A command that no shell finds by its name is told with its path."""
        self.patch(sys, "argv", ["/srv/.venv/bin/vos3000", "demo"])
        for path, told in (
            ("/nowhere", "  /srv/.venv/bin/vos3000 status"),
            (str(Path(sys.executable).parent), "  vos3000 status"),
        ):
            self.patch(os, "environ", {**os.environ, "PATH": path})
            self.show.serving(config(), True)
            self.assertIn(told, self.screen.getvalue())

    def test_serving(self) -> None:
        """Every port with its setting, and what to try."""
        path = str(Path(sys.executable).parent)
        self.patch(os, "environ", {**os.environ, "PATH": path})
        self.patch(sys, "argv", ["vos3000", "demo"])
        self.show.serving(config(), True)
        text = self.screen.getvalue()
        for words in (
            "UDP 0.0.0.0:5060  ([sip] udp)",
            "removed at the end",
            "vos3000 status --config /etc/x --state /var/x",
            "http://127.0.0.1:8080/external/server/Pay",
        ):
            self.assertIn(words, text)

    def test_carrier(self) -> None:
        """The rates as they were imported."""
        self.show.carrier()
        self.assertIn("demo-retail,49,49,Germany,0.60,60", self.screen.getvalue())

    def test_money(self) -> None:
        """Two digits at least, and no digit lost."""
        for amount, text in (("1", "1.00"), ("0.4", "0.40"), ("0.123456", "0.123456")):
            self.assertEqual(money_text(Decimal(amount)), text)
