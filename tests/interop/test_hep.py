"""
HEP3 to Kamailio's sipcapture, the capture server of Homer's makers.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from bench.children import free_port
from tests.interop.kamailio import CAPTURE, start
from tests.interop.program import Program
from tests.sipp.case import OPENING, TALK, Calls
from tests.sipp.runner import Party, sipp
from tests.sipp.shared import Running

_SEEN = re.compile(r"captured (\S+) (\S+)")


def _tables(name: str) -> Path:
    """What the capture server wants to find: its tables."""
    directory = Path(name).absolute()
    directory.mkdir(parents=True)
    (directory / "version").write_text(
        "table_name(string) table_version(int)\nsip_capture:4\n", "ascii"
    )
    (directory / "sip_capture").write_text("id(int,auto)\n", "ascii")
    return directory


class CaptureTests(Calls):
    """One call, every message of it."""

    async def capture(self) -> tuple[Program, int]:
        """A capture server that says what it reads, and its port."""
        port = free_port()
        directory = _tables(self.mktemp())
        program = start(CAPTURE, directory, port=port, directory=directory)
        self.addCleanup(program.stop)
        await program.hears("kamailio is listening")
        return program, port

    async def test_every_message_is_captured(self) -> None:
        """Whose it was, where it went, and what it said."""
        sipp()
        server, port = await self.capture()
        running = Running(f"[hep]\nserver = 127.0.0.1:{port}\npassword = myhep\n")
        self.addCleanup(running.stop)
        carrier = running.carrier()
        carrier.create(OPENING)
        callee = Party("callee-answers")
        self.parties(callee)
        carrier.route("a", callee.port)
        caller = Party("caller-answered", carrier.address)
        await self.call(carrier, caller, callee, hold=TALK // 3)
        await self.pause(0.5)
        sources = {
            f"{carrier.address}:{caller.port}": "caller",
            f"127.0.0.1:{callee.port}": "callee",
            f"127.0.0.1:{carrier.switch.port}": "switch",
        }
        found = [
            (sources[source], what) for source, what in _SEEN.findall(server.output)
        ]
        self.assertEqual(Counter(found), _CALL)


_CALL = Counter(
    {
        **{("caller", method): 1 for method in ("INVITE", "ACK", "BYE")},
        **{("switch", method): 1 for method in ("INVITE", "ACK", "BYE")},
        ("callee", "100"): 1,
        ("callee", "180"): 1,
        ("callee", "200"): 2,
        ("switch", "100"): 1,
        ("switch", "180"): 1,
        ("switch", "200"): 2,
    }
)
"""Both legs of a call that the caller hangs up."""
