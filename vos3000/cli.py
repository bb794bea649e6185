"""
C{vos3000}, the operator's command. What each command does is in
L{vos3000.commands}, by subject; they are imported when they are called.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from vos3000.commands.context import Setup, shared
from vos3000.errors import ConfigError, VosError

_COMMANDS = {
    "demo": "demonstration",
    "check": "configuration",
    "migrate": "configuration",
    "backup": "backups",
    "restore": "backups",
    "autoclean": "cleaning",
    "parameters": "settings",
    "access": "settings",
    "gateway": "devices",
    "phone": "devices",
    "reload": "running",
    "changes": "changes",
    "status": "running",
    "calls": "running",
    "gateways": "online",
    "phones": "online",
    "hangup": "running",
    "trace": "tracing",
    "registrations": "registrations",
    "import-rates": "rates",
    "import-vos": "importing",
    "rate-test": "rates",
    "route-test": "routes",
    "cdr": "records",
    "export-cdr": "exports",
    "push-replay": "pushes",
}
"""Each command, and the module of L{vos3000.commands} that has it."""


class Commands(click.Group):
    """
    Commands that are imported when they are asked for, and whose errors
    become one message with a cause and a cure.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of a day's work."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"vos3000.commands.{_COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; known errors are told, others are left to show."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            problems = "\n".join(f"  {problem}" for problem in error.problems)
            raise click.ClickException(
                f"the configuration has mistakes:\n{problems}"
            ) from None
        except UnicodeEncodeError:
            raise click.UsageError("what was given is not valid Unicode") from None
        except BrokenPipeError:
            raise  # whoever read has enough, and click ends quietly
        except OSError as error:
            raise click.ClickException(f"the system refused: {error}") from None
        except VosError as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vos3000", message="%(version)s")
@shared
def main(setup: Setup) -> None:
    """
    Look after a vos3000 softswitch.

    Exit status: 0 done, 1 refused or something is wrong, 2 misused, 3 the
    switch does not run.
    """


if __name__ == "__main__":
    main()
