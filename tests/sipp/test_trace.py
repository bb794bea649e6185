"""
C{vos3000 trace} beside a running switch: what it shows of a call, and whether other
people's programs read what it writes.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from bench.switch import ROOT
from tests.interop.program import Program, find
from tests.sipp.case import OPENING, TALK, SharedCalls


def tshark(path: Path, port: int, *arguments: str) -> list[str]:
    """What tshark finds in a file, with every checksum looked at."""
    argv = [
        *(
            find("tshark", "tshark"),
            "-n",
            "-r",
            str(path),
            "-d",
            f"udp.port=={port},sip",
        ),
        *("-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"),
    ]
    done = subprocess.run(
        [*argv, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()


def _absolute(name: str) -> Path:
    return Path(name).absolute()


class TraceTests(SharedCalls):
    """One call that is followed."""

    timeout = 90

    async def follow(self, *words: str) -> Program:
        """The command at work, from now on."""
        program = Program(*self.carrier.switch.argv("trace", *words))
        directory = Path(self.mktemp())
        program.start(directory, PYTHONPATH=str(ROOT), COLUMNS="100")
        self.addCleanup(program.stop)
        await program.hears("following 127.0.0.1:")
        return program

    async def one_call(self) -> None:
        """A call that is answered and hung up."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-answers")
        caller = self.caller("caller-answered")
        await self.call(self.carrier, caller, callee, hold=TALK // 3)

    async def test_a_call_as_a_ladder_and_as_pcap(self) -> None:
        """Both legs, by the caller's number; tshark reads the file without a doubt."""
        path = _absolute(self.mktemp())
        number = self.carrier.number
        program = await self.follow("--number", number, "--pcap", str(path))
        await self.one_call()
        await program.hears(r"<- 200 OK.*\n(.*\n)*.*- BYE(.*\n)*.*<- 200 OK")
        await self.pause(0.5)
        program.transport.signalProcess("INT")  # type: ignore[union-attr]
        self.assertEqual(await program.over(), 0, program.output)
        arrows = [line for line in program.output.splitlines() if "|" in line]
        self.assertGreaterEqual(len(arrows), 13)
        invites = [line for line in arrows if f"- INVITE {number[:9]}" in line]
        self.assertEqual(len(invites), 2, program.output)
        self.assertTrue(all("#" in line for line in arrows[1:]), program.output)
        self.assertRegex(program.output, rf"in-{self.carrier.serial} 127\.0\.1\.")
        self.assertIn(f"{len(arrows)} messages in", program.output)
        self.read_by_tshark(path, len(arrows))

    def read_by_tshark(self, path: Path, count: int) -> None:
        """Every packet is SIP, whole, with both checksums right."""
        port = self.carrier.switch.port
        self.assertEqual(len(tshark(path, port, "-Y", "sip")), count)
        wrong = "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0"
        self.assertEqual(tshark(path, port, "-Y", wrong), [])
        fields = ("-T", "fields", "-e", "sip.CSeq.method", "-e", "sip.Status-Code")
        found = tshark(path, port, *fields)
        self.assertEqual(found[0], "INVITE\t")
        self.assertEqual(sum(line == "BYE\t200" for line in found), 2)
        ids = tshark(path, port, "-T", "fields", "-e", "sip.Call-ID")
        self.assertEqual(len(set(ids)), 2)

    async def test_whole_messages(self) -> None:
        """Of a gateway, until there were so many."""
        words = ("--gateway", self.carrier.gateway("a"), "--full", "--count", "5")
        program = await self.follow(*words)
        await self.one_call()
        self.assertEqual(await program.over(), 0, program.output)
        self.assertEqual(len(re.findall("^--- ", program.output, re.MULTILINE)), 5)
        self.assertIn("\nm=audio ", program.output)

    async def test_other_calls_are_not_shown(self) -> None:
        """And the time is kept."""
        program = await self.follow("--number", "999*", "--duration", "2")
        await self.one_call()
        self.assertEqual(await program.over(), 0, program.output)
        self.assertNotIn("INVITE", program.output)
