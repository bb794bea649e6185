"""
What C{twistd vos3000} runs.

The one module that looks at the process around it: the global reactor, the
environment and the user. Everything below gets these handed in.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.application.service import IService
from twisted.python import usage

from vos3000 import parameters, service
from vos3000.config import Config
from vos3000.errors import ConfigError
from vos3000.process import Process


class Options(usage.Options):
    """Where the configuration is, and where state is kept; no more."""

    synopsis = "[options]"
    longdesc = (
        "Runs the softswitch. Without any option and without a configuration "
        "it works on embedded defaults."
    )
    optParameters = [
        [
            "config",
            "c",
            None,
            (
                "Directory of vos3000.conf and mbx2008.conf; "
                "default: /etc/vos3000 if it exists, else the packaged etc/"
            ),
        ],
        [
            "state",
            "s",
            None,
            "Directory of the database and the journal; wins over [state] dir",
        ],
    ]

    def parseArgs(self, *words: str) -> None:
        """
        Take no further words.

        @raise usage.UsageError: If there is one.
        """
        if words:
            raise usage.UsageError(f"{words[0]!r} is too much; see --help")

    def postOptions(self) -> None:  # noqa: N802
        """
        Have twistd log as the configuration says, where it logs to the
        terminal and its command line asks for nothing else.
        """
        twistd = self.parent
        if twistd is None or not twistd.get("nodaemon"):
            return
        if any(twistd.get(name) for name in ("logger", "logfile", "syslog")):
            return
        try:
            log = read(self)[0].log
        except ConfigError:
            return  # makeService says what is wrong
        twistd["logger"] = f"vos3000.logs.{log.format}.{log.level}"

    def path(self, name: str) -> Path | None:
        """The directory given as option C{name}, if it was given."""
        return Path(self[name]) if self[name] else None


def read(options: Options) -> tuple[Config, parameters.Parameters]:
    """
    Read the two files.

    @raise ConfigError: If anything in them is wrong; says all of it.
    """
    return parameters.read(
        options.path("config"),
        options.path("state"),
        os.environ,
        root=os.geteuid() == 0,
    )


def makeService(options: Options) -> IService:
    """
    Build the switch from its two files.

    @raise SystemExit: If anything in them is wrong; says all of it and makes
        the exit status 1.
    """
    from twisted.internet import reactor

    try:
        config, values = read(options)
        process = Process({} if options.parent is None else options.parent)
        return service.make(config, values, reactor, process)
    except ConfigError as error:
        raise SystemExit(complaint(error)) from None


def complaint(error: ConfigError) -> str:
    """What the operator reads when the switch does not start."""
    lines = "\n".join(f"  {problem}" for problem in error.problems)
    return f"vos3000 does not start, its configuration has mistakes:\n{lines}"
