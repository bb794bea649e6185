"""
Commands about gateways and phones: gateway, phone, gateways, phones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import click

from vos3000.commands import fieldtexts
from vos3000.commands.context import (
    Complaint,
    Setup,
    console,
    fitted,
    shared,
    show_json,
    table,
    wait,
)
from vos3000.commands.settings import tell
from vos3000.db import gatewayfields, phonefields
from vos3000.db.changes import version
from vos3000.db.customers import CustomerStore
from vos3000.db.gatewayfields import Field
from vos3000.db.gateways import MAPPING, ROUTING, GatewayKind, GatewayStore
from vos3000.db.phones import PhoneStore
from vos3000.db.pool import Pool
from vos3000.model.gateways import RegisterType
from vos3000.web.api import gatewaychecks, phonechecks
from vos3000.web.api.forms import Check

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
ALL = click.option("--all", "everything", is_flag=True, help="Defaults, too.")
SECRETS = click.option("--passwords", is_flag=True, help="Show passwords.")

VERSION = click.option(
    "--version",
    "seen",
    metavar="VERSION",
    help="Change nothing unless it is the version that `show` told.",
)

_KINDS = {
    RegisterType.STATIC: "static",
    RegisterType.DYNAMIC: "registers here",
    RegisterType.REGISTERS: "we register there",
    RegisterType.IMS: "IMS edge",
}


@attrs.frozen(slots=True)
class _Kind:
    """One kind of gateway, as the commands see it."""

    name: str
    stored: GatewayKind[Any]
    fields: Sequence[Field]
    interface: str
    checks: Mapping[str, Check]


_GATEWAYS = (
    _Kind(
        "mapping",
        MAPPING,
        gatewayfields.MAPPING + gatewayfields.MAPPING_MORE,
        "ModifyGatewayMapping",
        gatewaychecks.MAPPING,
    ),
    _Kind(
        "routing",
        ROUTING,
        gatewayfields.ROUTING + gatewayfields.ROUTING_MORE,
        "ModifyGatewayRouting",
        gatewaychecks.ROUTING,
    ),
)

_SIDE = click.option(
    "--side",
    type=click.Choice(["mapping", "routing"]),
    help="Which of two gateways of one name.",
)


def _found(pool: Pool, name: str, side: str | None) -> tuple[_Kind, Mapping[str, Any]]:
    """The one gateway of a name, with every field."""
    found = [
        (kind, gateway.settings)
        for kind in _GATEWAYS
        for gateway in wait(GatewayStore(pool, kind.stored).values())
        if gateway.name == name and side in (None, kind.name)
    ]
    if not found:
        raise Complaint(f"there is no {side + ' ' if side else ''}gateway {name!r}")
    if len(found) > 1:
        raise Complaint(
            f"a mapping and a routing gateway have the name {name!r}: say --side"
        )
    return found[0]


def _show(
    fields: Sequence[Field],
    values: Mapping[str, Any],
    everything: bool,
    passwords: bool,
    as_json: bool,
) -> None:
    picked = fieldtexts.shown(fields, values, everything, passwords)
    seen = version({field.name: values[field.name] for field in fields})
    if as_json:
        show_json({**dict(picked), "version": seen})
        return
    made = table("field", "value")
    for name, value in picked:
        made.add_row(name, fieldtexts.as_text(value))
    console().print(made)
    console().print(f"version {seen}")


# gateway


@click.group(invoke_without_command=True)
@shared
def gateway(setup: Setup) -> None:
    """Show or change gateways: every field, in the web interface or not."""
    if click.get_current_context().invoked_subcommand is None:
        _list_gateways(setup, False)


@gateway.command(name="list")
@JSON
@shared
def list_gateways(setup: Setup, as_json: bool) -> None:
    """List the gateways of both sides."""
    _list_gateways(setup, as_json)


def _list_gateways(setup: Setup, as_json: bool) -> None:
    rows = []
    with setup.pool() as pool:
        for kind in _GATEWAYS:
            for each in wait(GatewayStore(pool, kind.stored).values()):
                settings = each.settings
                where = settings.get("remoteIps") or settings.get("remoteIp") or ""
                account = settings.get("account") or settings.get("clearingAccount")
                rows.append(
                    {
                        "name": each.name,
                        "side": kind.name,
                        "where": where,
                        "kind": _KINDS.get(each.register_type, "?"),
                        "account": account or "",
                        "prefix": settings.get("prefix", ""),
                        "capacity": each.capacity,
                        "lockType": int(each.lock_type),
                    }
                )
    _list(rows, as_json)


def _list(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    if as_json:
        show_json(rows)
        return
    if not rows:
        console().print("none")
        return
    columns = tuple(rows[0])
    screen = console()
    texts = [[fieldtexts.as_text(row[name]) for name in columns] for row in rows]
    screen.print(fitted(texts, columns, columns[:0:-1], screen.width))


@gateway.command(name="show")
@_SIDE
@ALL
@SECRETS
@JSON
@click.argument("name")
@shared
def show_gateway(
    setup: Setup,
    side: str | None,
    everything: bool,
    passwords: bool,
    as_json: bool,
    name: str,
) -> None:
    """Show the fields of a gateway that are not their defaults, or all."""
    with setup.pool() as pool:
        kind, values = _found(pool, name, side)
    _show(kind.fields, values, everything, passwords, as_json)


@gateway.command(name="set")
@_SIDE
@VERSION
@click.argument("name")
@click.argument("field=value", nargs=-1, required=True)
@shared
def set_gateway(
    setup: Setup, side: str | None, seen: str | None, name: str, **words: Any
) -> None:
    """
    Change fields of a gateway; all others stay as they are.

    Each is checked as the web interface checks it, and if one is wrong none is
    changed. The switch of the state directory is told.
    """
    texts = fieldtexts.assignments(words["field=value"])
    with setup.pool() as pool:
        kind, values = _found(pool, name, side)
        what = f"{kind.name} gateway"
        fields = fieldtexts.read(kind.interface, ("name", name), texts, what)
        gatewaychecks.check(fields, kind.checks)
        gatewaychecks.check_durations({**values, **fields})
        seen = seen or version(values)
        wait(GatewayStore(pool, kind.stored).modify(name, fields, setup.by(), seen))
    _changed(setup, f"{what} {name}", texts)


def _changed(setup: Setup, what: str, texts: Mapping[str, str]) -> None:
    console().print(f"{what}: {', '.join(texts)} changed")
    tell(setup, what)


# phone

_PHONE = (
    *phonefields.PHONE,
    *phonefields.ADDITIONAL,
    *phonefields.ADDITIONAL_MORE,
    *phonefields.SERVICES,
)


@click.group(invoke_without_command=True)
@shared
def phone(setup: Setup) -> None:
    """Show or change platform phones: every field, in the web interface or not."""
    if click.get_current_context().invoked_subcommand is None:
        _list_phones(setup, False)


@phone.command(name="list")
@JSON
@shared
def list_phones(setup: Setup, as_json: bool) -> None:
    """List the phones."""
    _list_phones(setup, as_json)


def _list_phones(setup: Setup, as_json: bool) -> None:
    with setup.pool() as pool:
        phones = wait(PhoneStore(pool, CustomerStore(pool)).values())
    rows = [
        {
            "e164": each.e164,
            "account": each.origin.account,
            "kind": "behind a gateway"
            if each.register_type == RegisterType.REGISTERS
            else _KINDS.get(RegisterType(each.register_type), "?"),
            "dids": list(each.dids),
            "displayNumber": each.display_number,
            "lockType": int(each.origin.lock_type),
        }
        for each in phones
    ]
    _list(rows, as_json)


@phone.command(name="show")
@ALL
@SECRETS
@JSON
@click.argument("e164")
@shared
def show_phone(
    setup: Setup, everything: bool, passwords: bool, as_json: bool, e164: str
) -> None:
    """Show the fields of a phone that are not their defaults, or all."""
    with setup.pool() as pool:
        store = PhoneStore(pool, CustomerStore(pool))
        found = wait(store.fetch([e164], more=True))
    if not found:
        raise Complaint(f"there is no phone {e164!r}")
    (record,) = found
    values = {
        **record,
        **record["infoPhoneAdditional"],
        **record["infoPhoneValueAdded"],
    }
    _show(_PHONE, values, everything, passwords, as_json)


@phone.command(name="set")
@VERSION
@click.argument("e164")
@click.argument("field=value", nargs=-1, required=True)
@shared
def set_phone(setup: Setup, seen: str | None, e164: str, **words: Any) -> None:
    """
    Change fields of a phone; all others stay as they are.

    Fields of infoPhoneAdditional and infoPhoneValueAdded are named like the
    phone's own. Each is checked as the web interface checks it, and if one is
    wrong none is changed. The switch of the state directory is told.
    """
    texts = fieldtexts.assignments(words["field=value"])
    fields = fieldtexts.read("ModifyPhone", ("e164", e164), texts, "phone")
    phonechecks.check(fields)
    with setup.pool() as pool:
        store = PhoneStore(pool, CustomerStore(pool))
        wait(store.modify(e164, fields, setup.by(), seen))
    _changed(setup, f"phone {e164}", texts)
