"""
Commands about the configuration and the schema: check, migrate.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from textwrap import wrap

import click
from rich.console import RenderableType

from vos3000.call.sipleg.mistakes import mistakes
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
from vos3000.db.customers import CustomerStore
from vos3000.db.dialects import dialect
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.numbergroups import NumberGroupStore
from vos3000.db.phones import PhoneStore
from vos3000.db.pool import Pool
from vos3000.db.settings import ParameterStore
from vos3000.errors import ConfigError, StorageError
from vos3000.model.gateways import Protocol, RegisterType
from vos3000.model.phones import Phone
from vos3000.parameters import Origin, Parameter, Parameters
from vos3000.routing.numbergroups import NumberGroups
from vos3000.routing.phones import Phones
from vos3000.routing.rewriting import Rules
from vos3000.security.auth import Authenticator
from vos3000.transports import material

NOT_YET = "not yet in effect"

_TABLE_WIDTH = 160
"""Columns below which parameters stand one below the other."""


@click.command()
@click.option("--all", "everything", is_flag=True, help="List every parameter.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@shared
def check(setup: Setup, everything: bool, as_json: bool) -> None:
    """
    Check both files, certificates, the system parameters and the database.

    Prints every mistake with its file and line, what gateways' addresses and
    number rules have wrong, what is set and not yet in effect, and the state
    of the schema; warns of gateways and accounts that no call can use. Exits
    with 1 if anything is wrong; warnings are not.
    Nothing is changed, and the switch may run meanwhile.
    """
    ctx = click.get_current_context()
    try:
        config, parameters = setup.load()
    except ConfigError as error:
        _report(as_json, list(error.problems), [], [], "not looked at", [])
        ctx.exit(PROBLEM)
    problems: list[str] = []
    warnings: list[str] = []
    try:
        now = datetime.fromtimestamp(setup.now(), UTC)
        warnings.extend(material(config.sip, now).warnings)
    except ConfigError as error:
        problems.extend(error.problems)
    schema = _schema(setup, parameters, problems, warnings)
    rows = [row for row in parameters.registry if everything or _set(parameters, row)]
    _report(
        as_json,
        problems,
        warnings,
        _ineffective(config, parameters),
        schema,
        [described(parameters, row) for row in rows],
    )
    ctx.exit(PROBLEM if problems else 0)


def _schema(
    setup: Setup, parameters: Parameters, problems: list[str], warnings: list[str]
) -> str:
    """The state of the database; takes over what it sets."""
    kind = dialect(setup.database())
    if not setup.has_database():
        return f"none at {kind.place}; the first start makes it"
    try:
        with setup.pool() as pool:
            stored = wait(ParameterStore(pool).all())
            problems.extend(_gateways(pool))
            warnings.extend(_idle(pool))
    except StorageError as error:
        problems.append(f"database {kind.place}: {error}")
        return "not usable"
    problems.extend(parameters.replace(stored))
    return f"{kind.place}, schema {upgrade.REVISIONS[-1]}, up to date"


def _gateways(pool: Pool) -> Iterator[str]:
    """What the gateways' own settings have wrong."""
    mapping = wait(GatewayStore(pool, MAPPING).values())
    routing = wait(GatewayStore(pool, ROUTING).values())
    groups = NumberGroups(lambda count: 0)
    numbers = wait(NumberGroupStore(pool).all())
    groups.load(numbers)
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
            for problem in mistakes(gateway.sip):
                yield f"{kind} gateway {gateway.name}: {problem}"
            group = groups.wanted(gateway.settings)
            if group and not groups.holds(group):
                name = "forwardSignalRewriteE164Group"
                yield f"{kind} gateway {gateway.name}: {name} {group!r} has no numbers"
    yield from _phones(pool)


def _phones(pool: Pool) -> Iterator[str]:
    """What the phones' own settings have wrong."""
    phones = wait(PhoneStore(pool, CustomerStore(pool)).values())
    book = Phones()
    book.load(phones)
    yield from book.problems
    for phone in phones:
        for name, text in (
            ("rewriteRulesOutCallee", phone.origin.rewrite_callee),
            ("rewriteRulesInCallee", phone.route.rewrite_callee),
            ("rewriteRulesInCaller", phone.route.rewrite_caller),
        ):
            for rule in Rules.read(text)[1]:
                yield f"phone {phone.e164}: {name} rule {rule}"
        for problem in mistakes(phone.origin.sip):
            yield f"phone {phone.e164}: {problem}"


def _idle(pool: Pool) -> Iterator[str]:
    """What is readable and yet carries no call."""
    for each in wait(GatewayStore(pool, MAPPING).values()):
        missing = []
        if each.register_type == RegisterType.IMS:
            missing.append("is an IMS edge device, which is not in this release")
        elif each.register_type == RegisterType.DYNAMIC:
            if not each.password:
                missing.append("registers and has no password: it cannot")
        elif not each.remote_ips:
            missing.append("has no address (remoteIps): no call is its")
        if not each.account:
            missing.append("has no account: its calls are refused")
        yield from (f"mapping gateway {each.name} {text}" for text in missing)
    for way in wait(GatewayStore(pool, ROUTING).values()):
        missing = []
        if way.protocol == Protocol.H323:
            missing.append(
                "speaks H.323 (protocol 0), which is not in this release;"
                " SIP is protocol 1"
            )
        if way.register_type == RegisterType.IMS:
            missing.append("is an IMS edge device, which is not in this release")
        elif way.register_type == RegisterType.DYNAMIC:
            if not way.password:
                missing.append("registers and has no password: it cannot")
        elif not way.remote_ip:
            missing.append("has no address (remoteIp): no call goes there")
        if way.register_type == RegisterType.REGISTERS and way.registration is None:
            missing.append("has no registerName: we cannot register with it")
        yield from (f"routing gateway {way.name} {text}" for text in missing)
    for phone in wait(PhoneStore(pool, CustomerStore(pool)).values()):
        yield from (f"phone {phone.e164} {text}" for text in _missing(phone))
    for customer in wait(CustomerStore(pool).all()):
        if not customer.fee_rate_group and not customer.canceled:
            yield f"account {customer.account} has no rate group (feeRateGroup)"


def _missing(phone: Phone) -> Iterator[str]:
    """What keeps a phone from calling, or from being called."""
    if not phone.origin.account:
        yield "has no account: its calls are refused"
    if phone.route.protocol == Protocol.H323:
        yield "speaks H.323 (protocol 0), which is not in this release"
    if phone.register_type == RegisterType.DYNAMIC and not phone.password:
        yield "registers and has no password: it cannot"
    if phone.register_type == RegisterType.STATIC and not phone.route.remote_ip:
        yield "has no address (ip): no call is its"


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


def described(parameters: Parameters, row: Parameter) -> dict[str, str]:
    """All that is known of one parameter, as text."""
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
    warnings: list[str],
    ineffective: list[str],
    schema: str,
    parameters: list[dict[str, str]],
) -> None:
    if as_json:
        show_json(
            {
                "problems": problems,
                "warnings": warnings,
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
        screen.print(parameter_list(parameters, screen.width))
    for warning in warnings:
        screen.print(f"warning: {warning}", style="yellow")
    for problem in problems:
        screen.print(f"wrong: {problem}", style="red")
    count = len(problems)
    told = f", {len(warnings)} warnings" if warnings else ""
    noun = "problem" if count == 1 else "problems"
    screen.print(f"{count or 'no'} {noun}{told}", style="bold")


def parameter_list(parameters: list[dict[str, str]], width: int) -> RenderableType:
    """
    Parameters as a table, or one below the other where a table finds no room.

    @param width: Columns of the screen.
    """
    if width < _TABLE_WIDTH:
        return "\n".join(line for row in parameters for line in _lines(row, width))
    made = table("parameter", "value", "from", "accepted", "effect")
    for row in parameters:
        made.add_row(
            *(row[key] for key in ("name", "value", "from", "accepted", "effect"))
        )
    return made


def _lines(row: dict[str, str], width: int) -> Iterator[str]:
    """One parameter on lines that break between words only."""
    yield f"{row['name']} = {row['value']}"
    text = f"from {row['from']}; takes {row['accepted']}. {row['effect']}"
    yield from wrap(
        text,
        width,
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


@click.command()
@click.option("--to", "target", metavar="REVISION", help="Go back to this revision.")
@click.option("--yes", is_flag=True, help="Do not ask before data is lost.")
@click.option("--views", is_flag=True, help="Make or renew the views of vos3000db.")
@shared
def migrate(setup: Setup, target: str | None, yes: bool, views: bool) -> None:
    """
    Bring the database's schema up to this release's.

    All steps or none (on a server: each as a whole). Stop the switch first, and
    make a backup. A switch on SQLite fills an empty database by itself when it
    starts.

    --to goes back to what an earlier release needs: what it has no place for is
    lost. --views shows every table, those of days too, in a database vos3000db
    beside this one, for programs that look there.
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
    url = setup.database()
    with readable(dialect(url)):
        if target is not None:
            _go_back(url, target, yes)
            return
        done: list[str] = []
        upgrade.migrate(url, done.append)
        for revision in done:
            screen.print(f"applied {revision}")
        ours = upgrade.REVISIONS[-1]
        screen.print(f"the schema is {ours}, as this release needs it")
        if views:
            screen.print(f"vos3000db shows {upgrade.make_views(url)} tables")


def _go_back(url: str, target: str, yes: bool) -> None:
    """Undo revisions, once it is clear that this is meant."""
    undone = upgrade.behind(url, target)
    if undone and not yes:
        names = ", ".join(undone)
        click.confirm(f"Undo {names}, and lose what they added?", abort=True)
    done: list[str] = []
    upgrade.go_back(url, target, done.append)
    for revision in done:
        console().print(f"undone {revision}")
    console().print(f"the schema is {target}")
