"""
Fields of gateways and phones as an operator types and reads them.

What may be set, and what each text means, is what the web interface says:
its contract reads the texts, and its checks look at them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import click

from vos3000.commands.context import Complaint
from vos3000.db.gatewayfields import LIST, SECRET, Field
from vos3000.model.money import plain
from vos3000.web import contract
from vos3000.web.contract import Field as Sent
from vos3000.web.requests import Fields, Requests

HIDDEN = "(hidden)"
"""What stands for a password that is not shown."""


def assignments(words: Iterable[str]) -> dict[str, str]:
    """
    The texts of C{field=value} words.

    @raise click.UsageError: If one is none, or a field stands there twice.
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{word!r} is no field=value")
        if name in found:
            raise click.UsageError(f"{name} stands there twice")
        found[name] = text
    return found


def read(
    interface: str, key: tuple[str, str], texts: Mapping[str, str], what: str
) -> Fields:
    """
    The typed fields of what is to be changed, as the web interface reads them.

    @param interface: The interface that would change it.
    @param key: Its key field, and the key.
    @param texts: A text for each field, those of nested records beside the
        others.
    @param what: What it is, for the operator.
    @raise Complaint: If there is no such field, or nothing is set.
    @raise ApiError: If a text cannot be that field's value.
    """
    known = contract.load()
    asked = known.interfaces[interface]
    places = dict(_places(asked.request, known.types))
    document: dict[str, Any] = {key[0]: key[1]}
    for name, text in texts.items():
        place = places.get(name)
        if place is None or name == key[0]:
            others = [other for other in places if other != key[0]]
            close = get_close_matches(name, others, 1, 0.8)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise Complaint(f"{what}s have no field {name} that can be set{hint}")
        record, field = place
        within = document.setdefault(record, {}) if record else document
        within[name] = _value(field, text)
    fields = Requests(known).read(asked, json.dumps(document).encode())
    for name in texts:
        record = places[name][0]
        if name not in (fields.get(record) or {} if record else fields):
            raise Complaint(f"{name} cannot be empty")
    return fields


def _places(
    fields: Sequence[Sent], types: Mapping[str, tuple[Sent, ...]]
) -> Iterator[tuple[str, tuple[str, Sent]]]:
    """Each field by its name, with the record it is in."""
    for field in fields:
        if field.type in types and not field.array:
            for inner in types[field.type]:
                yield inner.name, (field.name, inner)
        else:
            yield field.name, ("", field)


def _value(field: Sent, text: str) -> Any:
    """What a client would send for a text: records as JSON."""
    if field.type.startswith(("Info", "Proportion")):
        try:
            return json.loads(text) if text else text
        except ValueError:
            raise Complaint(f"{field.name} takes JSON, and {text!r} is none") from None
    return text


def shown(
    fields: Sequence[Field], values: Mapping[str, Any], everything: bool, secrets: bool
) -> Iterator[tuple[str, Any]]:
    """
    The fields as they are shown.

    @param everything: Also those that have their default.
    @param secrets: Whether passwords are shown.
    """
    for field in fields:
        value = values[field.name]
        default = list(field.default) if field.kind == LIST else field.default
        if everything or value != default:
            hidden = field.kind == SECRET and value and not secrets
            yield field.name, HIDDEN if hidden else value


def as_text(value: Any) -> str:
    """A value as it would be typed."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else plain_text(value)


def plain_text(value: Any) -> str:
    """A number."""
    return str(value) if isinstance(value, int) else plain(value)
