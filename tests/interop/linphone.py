"""
linphone on the command line: another stack's softphone.
"""

from __future__ import annotations

from pathlib import Path

import attrs
from twisted.internet.defer import Deferred

from tests.interop.program import Program, find

_CONFIGURATION = """\
[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port={tls}
root_ca={authority}
verify_server_certs={verify}
verify_server_cn={verify}
use_ipv6=0
[rtp]
audio_rtp_port={media}
[sound]
use_files=1
[video]
enabled=0
capture=0
display=0
automatically_initiate=0
automatically_accept=0
"""


@attrs.define(slots=True)
class Linphone:
    """
    One softphone.

    @ivar user: Its user name.
    @ivar switch: The switch: C{host:port}.
    @ivar port: Where it listens.
    @ivar password: What it registers with.
    @ivar transport: C{udp}, C{tcp} or C{tls}.
    @ivar authority: The file of who must vouch for the switch.
    """

    user: str
    switch: str
    port: int
    password: str
    transport: str = "udp"
    authority: str = ""
    program: Program = attrs.field(init=False)

    def start(self, directory: Path) -> None:
        """Run it; it answers by itself."""
        (directory / ".local/share/linphone").mkdir(parents=True)
        ports = {"udp": -1, "tcp": -1, "tls": -1, self.transport: self.port}
        written = _CONFIGURATION.format(
            **ports,
            media=20000 + self.port % 20000,
            authority=self.authority,
            verify=int(bool(self.authority)),
        )
        (directory / "linphonerc").write_text(written, "utf-8")
        program = find("linphonec", "linphone-cli")
        self.program = Program(program, "-c", "linphonerc", "-d", "0", "-a")
        self.program.start(directory, pty=True)

    def ready(self) -> Deferred[object]:
        """Fires when it takes commands."""
        return self.program.hears("linphonec>")

    def register(self) -> None:
        """Register; it does not say when it has."""
        where = f"{self.switch};transport={self.transport}"
        identity = f"sip:{self.user}@{self.switch}"
        self.program.say(f"register {identity} sip:{where} {self.password}")

    def dial(self, number: str) -> None:
        """Call."""
        self.program.say(f"call sip:{number}@{self.switch}")

    def hold(self) -> None:
        """Put the call on hold."""
        self.program.say("pause")

    def join(self, first: int, second: int) -> None:
        """Connect the other ends of two calls, and be out of both."""
        self.program.say(f"transfer {first} --to-call {second}")

    def hang_up(self) -> None:
        """End the call."""
        self.program.say("terminate")
