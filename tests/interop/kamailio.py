"""
Kamailio: a carrier's edge, a proxy that stays in the path, asks for credentials and
keeps registrations; an edge in front of phones; a capture server.
"""

from __future__ import annotations

import glob
from pathlib import Path
from string import Template

import attrs

from tests.interop.program import Program, find

_HERE = Path(__file__).parent
CARRIER = _HERE / "kamailio.cfg"
EDGE = _HERE / "kamailio-edge.cfg"
CAPTURE = _HERE / "kamailio-hep.cfg"


def start(
    configuration: Path, directory: Path, /, *defines: str, **values: object
) -> Program:
    """
    Run a Kamailio; the test waits for its C{listening} itself.

    @param defines: What C{#!ifdef} asks for.
    @param values: What words with a C{$} in its configuration stand for.
    """
    directory.mkdir(parents=True, exist_ok=True)
    modules = glob.glob("/usr/lib/*/kamailio/modules")[0]
    text = Template(configuration.read_text("utf-8"))
    written = text.substitute(modules=modules, **values)
    (directory / "kamailio.cfg").write_text(written, "utf-8")
    given = [word for define in defines for word in ("-A", define)]
    program = Program(
        *(find("kamailio", "kamailio"), "-DD", "-E", "-m", "32", "-M", "8"),
        *("-f", "kamailio.cfg", "-Y", ".", *given),
    )
    program.start(directory)
    return program


@attrs.frozen(slots=True)
class Kamailio:
    """
    A carrier's edge.

    @ivar port: Where it listens, UDP and TCP.
    @ivar target: Where it sends calls: C{host:port}.
    @ivar password: What it wants from user C{switch}; empty to ask nobody.
    @ivar tls: Where it listens for TLS, with C{edge.pem} of its directory; 0 for
        nowhere.
    """

    port: int
    target: str
    password: str = ""
    tls: int = 0

    def start(self, directory: Path) -> Program:
        """Run it."""
        defines = ["WITH_AUTH"] if self.password else []
        defines += ["WITH_TLS"] if self.tls else []
        return start(
            CARRIER,
            directory,
            *defines,
            port=self.port,
            target=self.target,
            password=self.password or "-",
            tls=self.tls,
            directory=directory,
        )
