"""Tests of L{vos3000.commands.running} and L{vos3000.commands.remote}."""

from __future__ import annotations

import json
import signal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.commands.terminal import NOW, Terminal, environment

METRICS = """\
# TYPE vos3000_call_setups counter
vos3000_call_setups_total 8
# TYPE vos3000_call_answers counter
vos3000_call_answers_total 5
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1772276339
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 66191360
# TYPE vos3000_routing_registered gauge
vos3000_routing_registered 3
# HELP calls Calls at once
# TYPE calls gauge
calls 2
# TYPE vos3000_call_ends_total counter
vos3000_call_ends_total{reason="CalleeBusy"} 3
# TYPE call_pdd_seconds histogram
call_pdd_seconds_bucket{le="0.1"} 5
call_pdd_seconds_bucket{le="+Inf"} 5
call_pdd_seconds_count 5
call_pdd_seconds_sum 0.2
"""


def call(number: int, **fields: Any) -> dict[str, Any]:
    """A call in progress as the web interface shows it."""
    given = {
        "callId": number,
        "callerE164": "100",
        "calleeE164": "4930",
        "callerGatewayId": "customer",
        "calleeGatewayId": "vendor",
        "connectedTime": int(NOW * 1000) - 65_000,
        "keepTime": 65_000,
        "callCodec": "PCMA",
        "callerRtpIp": "192.0.2.1:4000",
        "calleeRtpIp": "198.51.100.1:5000",
    }
    return {**given, **fields}


class RunningCase(SynchronousTestCase):
    """A terminal and a switch that answers."""

    def setUp(self) -> None:
        """A switch with two calls up."""
        self.terminal = Terminal(self.mktemp())
        calls = [call(7), call(8, keepTime=-11, callCodec="")]
        performance = {"callSize": 2, "cdrQueueSize": 5}
        self.terminal.switch.answers = {
            "GetPerformance": {"retCode": 0, "infoPerformance": performance},
            "GetCurrentCall": {"retCode": 0, "infoCurrentCalls": calls},
            "DisconnectCurrentCall": {"retCode": 0},
            "metrics": METRICS,
            "healthz": "ok\n",
        }


class StatusTests(RunningCase):
    """The command status."""

    def test_running(self) -> None:
        """First whether it is well, then what an operator needs."""
        result = self.terminal.run("status")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertEqual(
            result.output.splitlines(),
            [
                "vos3000 runs at 127.0.0.1:8080 and is well",
                "calls up         2",
                "records waiting  5",
                "registered       3",
                "since its start  8 setups, 5 answered, ASR 62.5 %",
                "calls ended      CalleeBusy 3",
                "pushes           nobody is told",
                "up for           1 d 1:01:01",
                "memory           63.1 MiB",
            ],
        )

    def test_turned_away(self) -> None:
        """Those who left no record, if there were any; rates of all gateways."""
        self.terminal.switch.answers["metrics"] = (
            f"{METRICS}"
            "# TYPE vos3000_sip_authentications_total counter\n"
            'vos3000_sip_authentications_total{outcome="passed"} 9\n'
            'vos3000_sip_authentications_total{outcome="wrong"} 3\n'
            "# TYPE vos3000_security_suspended gauge\n"
            "vos3000_security_suspended 0\n"
            "# TYPE vos3000_throttle_rate_exceeded_total counter\n"
            'vos3000_throttle_rate_exceeded_total{gateway="a"} 2\n'
            'vos3000_throttle_rate_exceeded_total{gateway="b"} 5\n'
        )
        lines = self.terminal.run("status").output.splitlines()
        self.assertIn("turned away      wrong passwords 3, over a call rate 7", lines)

    def test_every_metric(self) -> None:
        """--all has them below, in full."""
        result = self.terminal.run("status", "--all")
        self.assertIn("call_pdd_seconds_bucket", result.output)
        self.assertIn("66191360", result.output)

    def test_not_well(self) -> None:
        """What is wrong stands in the first line, and the status is 1."""
        self.terminal.switch.answers["healthz"] = "records cannot be written: full\n"
        result = self.terminal.run("status")
        self.assertEqual(result.exit_code, 1)
        self.assertEqual(
            result.output.splitlines()[0],
            "vos3000 runs at 127.0.0.1:8080: records cannot be written: full",
        )
        found = json.loads(self.terminal.run("status", "--json").output)
        self.assertEqual(found["health"], "records cannot be written: full")

    def test_calls_on_a_narrow_screen(self) -> None:
        """Columns are left out, words are not broken."""
        with environment(COLUMNS="80"):
            lines = self.terminal.run("calls").output.splitlines()
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertIn("customer", lines[1])
        self.assertNotIn("198.51.100.1:5000", lines[1])

    def test_json(self) -> None:
        """The same for programs."""
        found = json.loads(self.terminal.run("status", "--json").output)
        self.assertEqual((found["callSize"], found["cdrQueueSize"]), (2, 5))
        self.assertEqual(found["metrics"]["calls"], 2)

    def test_not_running(self) -> None:
        """Exit 3, with the address, the setting and what to do."""
        self.terminal.switch.answers["GetPerformance"] = ConnectionRefusedError()
        result = self.terminal.run("status")
        self.assertEqual(result.exit_code, 3)
        for words in ("127.0.0.1:8080", "[http] listen", "twistd vos3000"):
            self.assertIn(words, result.output)

    def test_no_answer(self) -> None:
        """A switch that hangs is told from one that does not run."""
        self.terminal.switch.answers["GetPerformance"] = TimeoutError("timed out")
        result = self.terminal.run("status")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("does not answer: timed out", result.output)

    def test_other_answers(self) -> None:
        """Refused by address, by path, by retCode, or by another program."""
        switch = self.terminal.switch
        for status, answer, words in (
            (403, "", "e_web_access_control"),
            (404, "", "HTTP 404"),
            (200, "<html>", "is not vos3000"),
            (200, [], "is not vos3000"),
            (200, {"retCode": -1, "exception": "no"}, "no (retCode -1)"),
        ):
            switch.status, switch.answers["GetPerformance"] = status, answer
            result = self.terminal.run("status")
            self.assertEqual(result.exit_code, 1)
            self.assertIn(words, result.output)

    def test_listener_is_off(self) -> None:
        """Without [http] listen there is nobody to ask."""
        self.terminal.write("vos3000.conf", "[http]\nlisten =\n")
        result = self.terminal.run("status")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("[http] listen", result.output)

    def test_any_address_means_this_machine(self) -> None:
        """0.0.0.0 is asked at 127.0.0.1."""
        self.terminal.write("vos3000.conf", "[http]\nlisten = 0.0.0.0:9999\n")
        self.assertIn("127.0.0.1:9999", self.terminal.run("status").output)


class CallsTests(RunningCase):
    """The commands calls and hangup."""

    def test_list(self) -> None:
        """State, time and codec of each call."""
        lines = self.terminal.run("calls").output.splitlines()
        self.assertEqual(
            lines[1].split(),
            [
                *("7", "100", "4930", "customer", "vendor", "answered", "0:01:05"),
                *("PCMA", "192.0.2.1:4000", "198.51.100.1:5000"),
            ],
        )
        self.assertIn("ringing", lines[2])

    def test_filters_are_passed_on(self) -> None:
        """Only what was given is sent."""
        self.terminal.run("calls", "--caller", "100", "--routing", "vendor")
        self.assertEqual(
            self.terminal.switch.asked,
            [
                (
                    "/external/server/GetCurrentCall",
                    {"callerE164s": ["100"], "gatewayRoutingName": "vendor"},
                )
            ],
        )

    def test_none(self) -> None:
        """No calls is said so; as JSON it is an empty list."""
        answer = {"retCode": 0, "infoCurrentCalls": []}
        self.terminal.switch.answers["GetCurrentCall"] = answer
        self.assertEqual(self.terminal.run("calls").output, "no calls in progress\n")
        self.assertEqual(json.loads(self.terminal.run("calls", "--json").output), [])

    def test_hangup_by_id(self) -> None:
        """The switch is told the ids that are in progress; others are named."""
        result = self.terminal.run("hangup", "8", "99")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("1 call hung up", result.output)
        self.assertIn("not in progress: 99", result.output)
        self.assertEqual(self.terminal.switch.asked[-1][1], {"callIds": [8]})

    def test_hangup_all(self) -> None:
        """Every call in progress."""
        result = self.terminal.run("hangup", "--all")
        self.assertEqual(result.exit_code, 0)
        self.assertEqual(self.terminal.switch.asked[-1][1], {"callIds": [7, 8]})

    def test_hangup_needs_a_choice(self) -> None:
        """Neither nothing nor both."""
        for words in ((), ("7", "--all")):
            result = self.terminal.run("hangup", *words)
            self.assertEqual(result.exit_code, 2)
            self.assertEqual(self.terminal.switch.asked, [])


class ReloadTests(RunningCase):
    """The command reload."""

    def test_running(self) -> None:
        """SIGHUP to the process of the pid file."""
        (self.terminal.state / "vos3000.pid").write_text("4711\n")
        result = self.terminal.run("reload")
        self.assertEqual(result.exit_code, 0)
        self.assertIn("process 4711", result.output)
        self.assertEqual(self.terminal.killed, [(4711, signal.SIGHUP)])

    def test_not_running(self) -> None:
        """Exit 3 without a pid file, and with one that names nobody."""
        result = self.terminal.run("reload")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("vos3000.pid does not exist", result.output)
        (self.terminal.state / "vos3000.pid").write_text("soon\n")
        result = self.terminal.run("reload")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("the switch is gone", result.output)

    def test_mistakes_are_told_first(self) -> None:
        """A switch is not sent to read files that are wrong."""
        (self.terminal.state / "vos3000.pid").write_text("4711\n")
        self.terminal.write("mbx2008.conf", "SS_NO_SUCH=1\n")
        result = self.terminal.run("reload")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("mbx2008.conf:1: SS_NO_SUCH", result.output)
        self.assertEqual(self.terminal.killed, [])
