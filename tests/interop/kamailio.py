"""
Kamailio as a carrier's edge: a proxy that stays in the path, asks for credentials,
keeps registrations, and speaks UDP, TCP and TLS.
"""

from __future__ import annotations

import glob
from pathlib import Path
from string import Template

import attrs

from tests.interop.program import Program, find

CONFIGURATION = Path(__file__).parent / "kamailio.cfg"


@attrs.define(slots=True)
class Kamailio:
    """
    One Kamailio.

    @ivar port: Where it listens, UDP and TCP.
    @ivar target: Where it sends calls: C{host:port}.
    @ivar password: What it wants from user C{switch}; empty to ask nobody.
    @ivar transport: How it reaches its target.
    """

    port: int
    target: str
    password: str = ""
    transport: str = "udp"
    _program: Program | None = attrs.field(default=None, init=False)

    def start(self, directory: Path) -> Program:
        """Run it; the test waits for its C{listening} itself."""
        directory.mkdir(parents=True)
        modules = glob.glob("/usr/lib/*/kamailio/modules")[0]
        written = directory / "kamailio.cfg"
        text = Template(CONFIGURATION.read_text("utf-8")).substitute(
            port=self.port,
            target=self.target,
            password=self.password or "-",
            transport=self.transport,
            modules=modules,
        )
        defines = ["-A", "WITH_AUTH"] if self.password else []
        written.write_text(text, "utf-8")
        self._program = Program(
            *(find("kamailio", "kamailio"), "-DD", "-E", "-m", "32", "-M", "8"),
            *("-f", "kamailio.cfg", "-Y", ".", *defines),
        )
        self._program.start(directory)
        return self._program
