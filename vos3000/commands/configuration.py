"""
Commands about the configuration and the schema: check, migrate.
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from vos3000.commands.context import (
    PROBLEM,
    Complaint,
    Setup,
    console,
    readable,
    shared,
    show_json,
    table,
    wait,
)
from vos3000.config import Config
from vos3000.db import upgrade
from vos3000.db.dialects import dialect
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.pool import Pool
from vos3000.db.settings import ParameterStore
from vos3000.errors import ConfigError, StorageError
from vos3000.parameters import Origin, Parameter, Parameters
from vos3000.routing.rewriting import Rules
from vos3000.security.auth import Authenticator

NOT_YET = "not yet in effect"


@click.command()
@click.option("--all", "everything", is_flag=True, help="List every parameter.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@shared
def check(setup: Setup, everything: bool, as_json: bool) -> None:
    """
    Check both files, the system parameters and the database.

    Prints every mistake with its file and line, what gateways' addresses and
    number rules have wrong, what is set and not yet in effect, and the state
    of the schema. Exits with 1 if anything is wrong.
    Nothing is changed, and the switch may run meanwhile.
    """
    ctx = click.get_current_context()
    try:
        config, parameters = setup.load()
    except ConfigError as error:
        _report(as_json, list(error.problems), [], "not looked at", [])
        ctx.exit(PROBLEM)
    problems: list[str] = []
    schema = _schema(setup, parameters, problems)
    rows = [row for row in parameters.registry if everything or _set(parameters, row)]
    _report(
        as_json,
        problems,
        _ineffective(config, parameters),
        schema,
        [_parameter(parameters, row) for row in rows],
    )
    ctx.exit(PROBLEM if problems else 0)


def _schema(setup: Setup, parameters: Parameters, problems: list[str]) -> str:
    """The state of the database; takes over what it sets."""
    kind = dialect(setup.database())
    if not setup.has_database():
        return f"none at {kind.path}; the first start makes it"
    try:
        with setup.pool() as pool:
            stored = wait(ParameterStore(pool).all())
            problems.extend(_gateways(pool))
    except StorageError as error:
        problems.append(f"database {kind.path}: {error}")
        return "not usable"
    problems.extend(parameters.replace(stored))
    return f"{kind.path}, schema {upgrade.REVISIONS[-1]}, up to date"


def _gateways(pool: Pool) -> Iterator[str]:
    """What the gateways' own settings have wrong."""
    mapping = wait(GatewayStore(pool, MAPPING).values())
    routing = wait(GatewayStore(pool, ROUTING).values())
    authenticator = Authenticator()
    authenticator.load(mapping)
    for problem in authenticator.problems:
        yield f"mapping gateway {problem}"
    for kind, gateways in (("mapping", mapping), ("routing", routing)):
        for gateway in gateways:
            for side in ("caller", "callee"):
                _, wrong = Rules.read(getattr(gateway, f"rewrite_{side}"))
                for rule in wrong:
                    yield f"{kind} gateway {gateway.name}: {side} rule {rule}"


def _set(parameters: Parameters, row: Parameter) -> bool:
    if row.alias_of:
        return False
    return parameters.values.setting(row.name).origin is not Origin.DEFAULT


def _ineffective(config: Config, parameters: Parameters) -> list[str]:
    names = [
        row.name
        for row in parameters.registry
        if not row.in_effect and _set(parameters, row)
    ]
    return [*config.without_effect, *names]


def _parameter(parameters: Parameters, row: Parameter) -> dict[str, str]:
    setting = parameters.values.setting(row.alias_of or row.name)
    effect = row.effect if row.in_effect else f"{NOT_YET}: {row.effect}"
    return {
        "name": row.name,
        "value": setting.text,
        "from": f"= {row.alias_of}" if row.alias_of else setting.origin.value,
        "default": row.default,
        "accepted": row.accepted,
        "source": row.source,
        "in_effect": "yes" if row.in_effect else NOT_YET,
        "effect": effect,
    }


def _report(
    as_json: bool,
    problems: list[str],
    ineffective: list[str],
    schema: str,
    parameters: list[dict[str, str]],
) -> None:
    if as_json:
        show_json(
            {
                "problems": problems,
                "not_yet_in_effect": ineffective,
                "schema": schema,
                "parameters": parameters,
            }
        )
        return
    screen = console()
    for name in ineffective:
        screen.print(f"{NOT_YET}: {name} is set and this release does not act on it")
    screen.print(f"database: {schema}")
    if parameters:
        screen.print(_parameters(parameters))
    for problem in problems:
        screen.print(f"wrong: {problem}", style="red")
    count = len(problems)
    screen.print(f"{count} problems" if count else "no problems", style="bold")


def _parameters(parameters: list[dict[str, str]]) -> object:
    made = table("parameter", "value", "from", "accepted", "effect")
    for row in parameters:
        made.add_row(
            *(row[key] for key in ("name", "value", "from", "accepted", "effect"))
        )
    return made


@click.command()
@shared
def migrate(setup: Setup) -> None:
    """
    Bring the database's schema up to this release's.

    All steps or none. Stop the switch first, and make a backup. A switch on
    SQLite fills an empty database by itself when it starts.
    """
    screen = console()
    config = setup.config
    try:
        config.state.dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Complaint(
            f"the state directory {config.state.dir} cannot be made:"
            f" {error.strerror}. Give --state, or set [state] dir"
        ) from None
    done: list[str] = []
    with readable(dialect(setup.database())):
        upgrade.migrate(setup.database(), done.append)
    for revision in done:
        screen.print(f"applied {revision}")
    screen.print(f"the schema is {upgrade.REVISIONS[-1]}, as this release needs it")
