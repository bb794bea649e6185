"""
baresip, the softphone: it registers, calls and answers by itself, with a tone for a
microphone and a file for a loudspeaker.
"""

from __future__ import annotations

import glob
import math
import struct
import wave
from pathlib import Path

import attrs
from twisted.internet.defer import Deferred

from tests.interop.program import Program, find

_MODULES = ("stdio", "g711", "uuid", "account", "menu", "aufile")


@attrs.define(slots=True)
class Baresip:
    """
    One softphone.

    @ivar user: Its user name.
    @ivar switch: The switch: C{host:port}.
    @ivar port: Where it listens.
    @ivar password: What it registers with; empty for one that does not.
    @ivar transport: C{udp}, C{tcp} or C{tls}.
    @ivar parameters: More parameters of its account, each with a semicolon.
    @ivar host: The loopback address that it uses.
    """

    user: str
    switch: str
    port: int
    password: str = ""
    transport: str = "udp"
    parameters: str = ""
    host: str = "127.0.0.1"
    authority: str = ""
    program: Program = attrs.field(init=False)

    def start(self, directory: Path) -> None:
        """Run it; wait for L{registered} before anything is asked of it."""
        directory.mkdir(parents=True)
        found = glob.glob("/usr/lib/*/baresip/modules")
        modules = [*found, "/usr/lib/baresip/modules"]
        lines = [
            f"sip_listen {self.host}:{self.port}",
            f"sip_trans_def {self.transport}",
            "audio_player aufile,heard.wav",
            "audio_source aufile,tone.wav",
            "audio_alert aufile,/dev/null",
            f"module_path {modules[0]}",
            *(f"module {name}.so" for name in _MODULES),
            "rtp_timeout 0",
            f"net_interface {self.host}",
            f"rtp_ports {20000 + self.port % 20000}-{20020 + self.port % 20000}",
            "menu_bell no",
        ]
        if self.authority:
            lines += [f"sip_cafile {self.authority}", "sip_verify_server yes"]
        (directory / "config").write_text("\n".join([*lines, ""]), "utf-8")
        account = f"<sip:{self.user}@{self.switch};transport={self.transport}>"
        account += f";answermode=auto;audio_codecs=pcmu,pcma{self.parameters}"
        if self.password:
            account += f";auth_pass={self.password};regint=60"
        else:
            account += ";regint=0"
        (directory / "accounts").write_text(f"{account}\n", "utf-8")
        _write_tone(directory / "tone.wav")
        (directory / "contacts").write_text("", "utf-8")
        self.program = Program(find("baresip", "baresip-core"), "-f", ".", "-v")
        self.program.start(directory, pty=True)

    def registered(self) -> Deferred[object]:
        """Fires when the switch has taken its registration."""
        return self.program.hears(r"200 OK .*\[\d+ binding")

    def ready(self) -> Deferred[object]:
        """Fires when it takes commands."""
        return self.program.hears("baresip is ready")

    def dial(self, number: str) -> None:
        """Call."""
        self.program.say(f"/dial {number}")

    def hang_up(self) -> None:
        """End the call."""
        self.program.say("/hangup")

    def press(self, keys: str) -> None:
        """Digits are sent to the other end; C{x} holds the call, C{X} resumes it."""
        self.program.press(keys)

    def transfer(self, number: str) -> None:
        """Connect the other end to somebody else, and be out of it."""
        self.program.say(f"/transfer sip:{number}@{self.switch}")

    def quit(self) -> None:
        """End it as a user does: it unregisters first."""
        self.program.say("/quit")


def _write_tone(path: Path) -> None:
    """Two minutes of 400 Hz at the sampling rate of G.711."""
    cycle = [round(8000 * math.sin(math.tau * at / 20)) for at in range(20)]
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(struct.pack("<20h", *cycle) * 400 * 120)
