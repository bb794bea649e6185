"""
Commands about what the database sets: access, parameters.
"""

from __future__ import annotations

import click

from vos3000.commands import remote
from vos3000.commands.configuration import described, parameter_list
from vos3000.commands.context import (
    NOT_RUNNING,
    Complaint,
    Setup,
    console,
    shared,
    show_json,
    table,
    wait,
)
from vos3000.db.settings import AccessStore, ParameterStore
from vos3000.parameters import FILE, Origin, Parameter
from vos3000.web.access import LOCAL, networks

_LONGEST_PATH = 255

_AT_START = (
    *("OUT_POST_URL", "IVR_CALL_REPORT_IP", "IVR_CALL_REPORT_PORT"),
    *("IVR_CALL_REPORT_RETRY", "IVR_CALL_REPORT_RETRY_INTERVAL"),
)
"""What the pushes read when the switch starts, and then no more."""


def tell(setup: Setup, what: str = "it") -> None:
    """
    Make the switch of the state directory read its tables, if it runs.

    @param what: What was changed, as the answer speaks of it.
    """
    screen = console()
    try:
        remote.reload(setup.config.state.dir, setup.kill)
        screen.print(f"the switch has been told and uses {what} in a moment")
    except Complaint as problem:
        if problem.exit_code != NOT_RUNNING:
            raise
        screen.print(
            f"no switch runs with this state directory; its start reads {what}"
        )


# access


@click.group(invoke_without_command=True)
@shared
def access(setup: Setup) -> None:
    """
    Show or change who may ask the web interface.

    127.0.0.1 and ::1 always may. Everybody else may use the paths that name
    their address, and everything below them (e_web_access_control).
    """
    if click.get_current_context().invoked_subcommand is None:
        _list(setup, False)


@access.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@shared
def list_(setup: Setup, as_json: bool) -> None:
    """List every path with the addresses that may use it."""
    _list(setup, as_json)


def _list(setup: Setup, as_json: bool) -> None:
    with setup.pool() as pool:
        rules = wait(AccessStore(pool).rules())
    if as_json:
        show_json([{"path": rule.path, "addresses": rule.addresses} for rule in rules])
        return
    made = table("path", "addresses")
    made.add_row(LOCAL.path, f"{', '.join(LOCAL.addresses)} (always)")
    for rule in rules:
        made.add_row(rule.path, ", ".join(rule.addresses))
    console().print(made)


@access.command()
@click.argument("path")
@click.argument("addresses", nargs=-1, required=True)
@shared
def allow(setup: Setup, path: str, addresses: tuple[str, ...]) -> None:
    """
    Let ADDRESSES use PATH and everything below it.

    ADDRESSES are addresses, CIDR blocks and ranges a-b, apart by commas or
    blanks. They replace those that PATH had. The running switch is told.
    """
    given = tuple(
        part.strip() for text in addresses for part in text.split(",") if part.strip()
    )
    _check_path(path)
    _check_addresses(given)
    with setup.pool() as pool:
        wait(AccessStore(pool).allow(path, given, setup.by()))
    console().print(f"{path}: {', '.join(given)} may use it")
    tell(setup)


def _check_path(path: str) -> None:
    if (
        not path.startswith("/")
        or len(path) > _LONGEST_PATH
        or not path.isascii()
        or not path.isprintable()
    ):
        raise click.BadParameter(
            f"{path!r} is no path of the web interface; / and"
            " /external/server/GetCdr are",
            param_hint="PATH",
        )


def _check_addresses(given: tuple[str, ...]) -> None:
    if not given:
        raise click.BadParameter("there is none", param_hint="ADDRESSES")
    for text in given:
        try:
            tuple(networks(text))
        except ValueError:
            raise click.BadParameter(
                f"{text!r} is no address; 192.0.2.1, 192.0.2.0/24 and"
                " 192.0.2.5-192.0.2.9 are",
                param_hint="ADDRESSES",
            ) from None


@access.command()
@click.argument("path")
@shared
def remove(setup: Setup, path: str) -> None:
    """Forget who may use PATH. The running switch is told."""
    with setup.pool() as pool:
        wait(AccessStore(pool).remove(path, setup.by()))
    console().print(f"{path}: nobody may use it by a rule of its own")
    tell(setup)


# parameters


@click.command()
@click.argument("name", required=False)
@click.option("--set", "change", metavar="NAME=VALUE", help="Set it in the database.")
@click.option("--all", "everything", is_flag=True, help="List every parameter.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@shared
def parameters(
    setup: Setup,
    name: str | None,
    change: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """
    Show or set system parameters.

    Without NAME, those that are set; --all, every one. --set writes to the
    database (e_moconfig) and tells the running switch. What mbx2008.conf sets
    is read-only here, because the file wins.
    """
    if sum((name is not None, change is not None, everything)) > 1:
        raise click.UsageError("give NAME, or --set, or --all")
    if change is not None:
        _set(setup, change)
        return
    with setup.pool() as pool:
        setup.parameters(pool)
    known = setup.load()[1]
    if name is not None:
        rows = [_known(setup, name)]
    else:
        rows = [
            row
            for row in known.registry
            if not row.alias_of
            and (
                everything
                or known.values.setting(row.name).origin is not Origin.DEFAULT
            )
        ]
    found = [described(known, row) for row in rows]
    for row in found:
        if row["from"] == Origin.FILE.value:
            row["from"] = _origin(setup, row["name"])
    if as_json:
        show_json(found)
    elif not found:
        console().print("none is set; --all lists every parameter with its default")
    else:
        screen = console()
        screen.print(parameter_list(found, screen.width))


def _known(setup: Setup, name: str) -> Parameter:
    try:
        return setup.load()[1].registry.canonical(name)
    except ValueError as error:
        raise Complaint(str(error)) from None


def _set(setup: Setup, change: str) -> None:
    name, equals, text = (part.strip() for part in change.partition("="))
    if not equals:
        raise click.BadParameter(f"{change!r} is not NAME=VALUE", param_hint="--set")
    parameter = _known(setup, name)
    known = setup.load()[1]
    with setup.pool() as pool:
        setup.parameters(pool)
        if known.values.setting(parameter.name).origin is Origin.FILE:
            raise Complaint(
                f"{parameter.name} is read-only: {_origin(setup, parameter.name)} sets"
                " it, and wins over the database. Change it there, then"
                " `vos3000 reload`"
            )
        try:
            parameter.parse(text)
        except ValueError as error:
            raise Complaint(str(error)) from None
        wait(ParameterStore(pool).set(parameter.name, text, setup.by()))
    screen = console()
    screen.print(f"{parameter.name} = {text}")
    if not parameter.in_effect:
        screen.print("not yet in effect: this release does not act on it")
    if parameter.name in _AT_START:
        screen.print("pushes take it at the switch's next start")
        return
    tell(setup)


def _origin(setup: Setup, name: str) -> str:
    """The file that sets a parameter, with the line."""
    config, known = setup.load()
    path = config.directory / FILE
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        written = line.removeprefix("\ufeff").partition("=")[0].strip()
        parameter = known.registry.find(written)
        if parameter and name in (parameter.name, parameter.alias_of):
            return f"{path}:{number}"
    return str(path)
