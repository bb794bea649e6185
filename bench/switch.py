"""
Our switch as a process of its own, with ports and data of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.children import Child, StartError, await_udp, free_port

ROOT = Path(__file__).resolve().parent.parent
_READY_SECONDS = 30.0
_CONFIGURATION = """\
[sip]
udp = 127.0.0.1:{sip}
tcp = 127.0.0.1:{sip}
{sip_lines}
[h323]
signal =
ras =

[http]
listen = 127.0.0.1:{http}

[log]
level = {level}
"""


class Switch:
    """
    C{twistd -n vos3000} on loopback, with its files in a directory.

    @param sip_lines: More lines of the section [sip].
    @ivar port: Its SIP port, UDP and TCP.
    @ivar state: Its state directory.
    @ivar log: The file that holds what it printed.
    @param more: Further lines of vos3000.conf.
    """

    def __init__(
        self,
        directory: Path,
        parameters: Mapping[str, str],
        level: str = "warn",
        more: str = "",
        sip_lines: str = "",
    ) -> None:
        self.port, self._http = free_port(), free_port()
        self.state = directory / "state"
        self._directory = directory
        self._config = directory / "etc"
        self.state.mkdir()
        self._config.mkdir()
        self.log = directory / "switch.log"
        written = _CONFIGURATION.format(
            sip=self.port, http=self._http, level=level, sip_lines=sip_lines
        )
        (self._config / "vos3000.conf").write_text(written + more, "utf-8")
        system = "".join(f"{name}={value}\n" for name, value in parameters.items())
        (self._config / "mbx2008.conf").write_text(system, "utf-8")

    @property
    def _arguments(self) -> list[str]:
        return ["--config", str(self._config), "--state", str(self.state)]

    @property
    def _environment(self) -> dict[str, str]:
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        return {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}

    def argv(self, *words: str) -> list[str]:
        """The C{vos3000} command on this switch, as a program to run."""
        program = [sys.executable, "-c", "from vos3000.cli import main; main()"]
        return [*program, *self._arguments, *words]

    def command(self, *words: str) -> str:
        """
        Run the C{vos3000} command on this switch.

        @return: What it printed.
        @raise StartError: If it failed.
        """
        done = subprocess.run(
            self.argv(*words),
            cwd=self._directory,
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise StartError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self, core: int | None) -> Child:
        """
        Start it and wait until it serves SIP and HTTP.

        @param core: The core to stay on; None for any.
        """
        twistd = str(Path(sys.executable).with_name("twistd"))
        child = Child(
            [twistd, "-n", "--pidfile=", "vos3000", *self._arguments],
            core,
            self._directory,
            self.log,
            self._environment,
        )
        try:
            await_udp(child, self.port)
            self.await_http(child)
        except BaseException:
            child.stop()
            raise
        return child

    def post(self, function: str, /, **fields: Any) -> dict[str, Any]:
        """
        Call one function of the web interface.

        @raise RuntimeError: If it refuses.
        """
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._http}/external/server/{function}",
            json.dumps(fields).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer: dict[str, Any] = json.loads(reply.read())
        if answer.get("retCode") != 0:
            raise RuntimeError(f"{function} {fields}: {answer}")
        return answer

    def await_http(self, child: Child) -> None:
        """
        Wait until it answers on HTTP.

        @param child: Its process.
        @raise StartError: If that ends, or takes too long; says what it printed.
        """
        end = time.monotonic() + _READY_SECONDS
        while True:
            try:
                self.post("GetFeeRateGroup", names=[])
                return
            except (urllib.error.URLError, ConnectionError) as error:
                if child.status is not None or time.monotonic() > end:
                    told = f"{error}; status {child.status}:\n{child.tail(60)}"
                    raise StartError(f"does not serve HTTP: {told}") from error
                time.sleep(0.1)
