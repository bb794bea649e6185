"""
The contract of the web interface: which interfaces there are, and the names,
types and limits of their fields.

The data is C{contract.json}: field lists as the manual groups them, with
C{include} for lists that several interfaces share. Here they are expanded, so
that nobody else has to know how they were written down.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

import attrs

_BOXED = {"Integer": "int", "Long": "long", "Double": "double", "Boolean": "boolean"}


@attrs.frozen(slots=True)
class Field:
    """
    One field of a request, an answer or a type.

    @ivar type: C{String}, C{LongString}, C{int}, C{long}, C{double},
        C{boolean}, their boxed names (may be absent in answers), or the name
        of a type of the contract; of each element where it is an array.
    @ivar array: Whether it is a JSON array.
    @ivar required: In requests: must be sent; in answers: is always there.
    @ivar default: What C{Create...} takes when it is not sent; None for none.
    @ivar choices: The closed set of its values; empty for no such set.
    @ivar low: Least value allowed; None for no limit but the type's.
    @ivar high: Greatest value allowed.
    @ivar format: C{yyyyMMdd} or C{yyyyMMddHHmmss} for times; else empty.
    @ivar words: The strings allowed; empty for any.
    """

    name: str
    type: str
    array: bool = False
    required: bool = False
    default: Any = None
    choices: tuple[int, ...] = ()
    low: int | None = None
    high: int | None = None
    format: str = ""
    words: tuple[str, ...] = ()


@attrs.frozen(slots=True)
class Interface:
    """One name below C{/external/server}."""

    name: str
    request: tuple[Field, ...]
    response: tuple[Field, ...]


@attrs.frozen(slots=True)
class Contract:
    """
    Every interface and every type by name.
    """

    interfaces: Mapping[str, Interface]
    types: Mapping[str, tuple[Field, ...]]


def _field(raw: Mapping[str, Any]) -> Field:
    kind: str = raw["type"]
    low, high = raw.get("range", (None, None))
    return Field(
        raw["name"],
        kind.removesuffix("[]"),
        kind.endswith("[]"),
        raw.get("required", False),
        raw.get("default"),
        tuple(raw.get("enum", ())),
        low,
        high,
        raw.get("format", ""),
        tuple(raw.get("values", ())),
    )


def _is_required(name: str, rule: Any, exceptions: Sequence[str]) -> bool:
    """Whether an C{include} makes the field C{name} a required one."""
    return name not in exceptions if rule == "all" else name in rule


def _included(field: Field, raw: Mapping[str, Any]) -> Field:
    """A shared field as one C{include} wants it."""
    changes: dict[str, Any] = {}
    if "required" in raw:
        optional = raw.get("optional", ())
        changes["required"] = _is_required(field.name, raw["required"], optional)
    if raw.get("primitive") and field.name not in raw.get("boxed", ()):
        changes["type"] = _BOXED.get(field.type, field.type)
    override = raw.get("override", {}).get(field.name, {})
    if "enum" in override:
        changes["choices"] = tuple(override["enum"])
    return attrs.evolve(field, **changes)


def _expand(
    raws: Iterable[Mapping[str, Any]], types: Mapping[str, Any]
) -> tuple[Field, ...]:
    fields: list[Field] = []
    for raw in raws:
        if "include" not in raw:
            fields.append(_field(raw))
            continue
        omitted = raw.get("omit", ())
        shared = map(_field, types[raw["include"]])
        fields.extend(_included(f, raw) for f in shared if f.name not in omitted)
    return tuple(fields)


def parse(text: str) -> Contract:
    """Read a contract from the text of its JSON document."""
    document = json.loads(text)
    types = document["types"]
    return Contract(
        {
            name: Interface(
                name, _expand(raw["request"], types), _expand(raw["response"], types)
            )
            for name, raw in document["interfaces"].items()
        },
        {name: _expand(raws, types) for name, raws in types.items()},
    )


def load() -> Contract:
    """Read the packaged contract."""
    return parse((resources.files("vos3000.web") / "contract.json").read_text("utf-8"))
