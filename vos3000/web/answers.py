"""
From values to the bytes of an answer.

Every field is written as the contract types it: a C{double} has a decimal
point and never was a binary float, what is not set is left out rather than
sent as null, what the contract always has is always there.

Answers are made piece by piece, so that a day's records do not hold up the
calls of the moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from json.encoder import encode_basestring
from typing import Any

from twisted.internet.defer import Deferred

from vos3000.model.money import plain
from vos3000.web.contract import Contract, Field, Interface
from vos3000.web.pages import Pages
from vos3000.web.retcodes import MISSING

ROWS = 100
"""Elements of an array that are written in one piece."""


def _double(value: Decimal | int) -> str:
    text = plain(value) if isinstance(value, Decimal) else str(value)
    return text if "." in text else text + ".0"


def _integer(value: int) -> str:
    return str(int(value))


def _boolean(value: object) -> str:
    return "true" if value else "false"


Piece = str | Deferred[None]
"""A part of a body, or when the next one can be made."""

_SCALARS: dict[str, tuple[Callable[[Any], str], str]] = {
    "String": (encode_basestring, '""'),
    "LongString": (encode_basestring, '""'),
    "int": (_integer, "0"),
    "Integer": (_integer, "0"),
    "long": (_integer, "0"),
    "Long": (_integer, "0"),
    "double": (_double, "0.0"),
    "Double": (_double, "0.0"),
    "boolean": (_boolean, "false"),
    "Boolean": (_boolean, "false"),
}
"""How each type is written, and what stands for a required one not set."""

_Plan = list[tuple[str, str, Callable[[Any], str], str | None]]


def _write(plan: _Plan, values: Mapping[str, Any]) -> str:
    """An object, by the plan of its fields."""
    get = values.get
    parts = []
    for name, key, write, zero in plan:
        value = get(name)
        if value is not None:
            parts.append(key + write(value))
        elif zero is not None:
            parts.append(key + zero)
    return "{" + ",".join(parts) + "}"


def _harmless(text: str) -> str:
    """
    The same JSON without the sign that begins markup.

    The manual's content type is text/html: a browser must find no element in
    it, whatever stands in somebody's memo.
    """
    return text.replace("<", "\\u003c")


def _blocks(
    values: Iterable[Any] | Pages,
) -> Iterator[list[Any] | Deferred[None]]:
    """The rows to be written at once, or when there will be some."""
    if isinstance(values, Pages):
        yield from _blocks(values.rows)
        while (fetched := values.fetch()) is not None:
            yield fetched
            yield from _blocks(values.rows)
        return
    rows = iter(values)
    while block := list(islice(rows, ROWS)):
        yield block


class Answers:
    """
    Writes answers as the contract describes them.
    """

    def __init__(self, contract: Contract) -> None:
        self._types = contract.types
        self._plans: dict[str, _Plan] = {}

    def success(
        self, interface: Interface, values: Mapping[str, Any]
    ) -> Iterator[Piece]:
        """
        The answer C{retCode} 0, in pieces.

        @param values: By the interface's names. Arrays may be any iterable,
            or L{Pages}, and are used as they are written; fields that the contract does
            not know are left out.
        """
        yield '{"retCode":0'
        for field in interface.response:
            value = values.get(field.name)
            if value is None or field.name in ("retCode", "exception"):
                continue
            yield f',"{field.name}":'
            write = self._single(field)[0]
            if field.array:
                yield from self._rows(value, write)
            else:
                yield _harmless(write(value))
        yield "}"

    def failure(self, interface: Interface | None, code: int, text: str) -> str:
        """
        The answer of a refusal.

        Queries carry their empty arrays as well, for clients that read these
        first; where a mandatory choice is missing VOS3000 sends none.
        """
        answer = f'{{"retCode":{code},"exception":{encode_basestring(text)}'
        if interface is not None and code != MISSING:
            for field in interface.response:
                if field.array:
                    answer += f',"{field.name}":[]'
        return _harmless(answer + "}")

    def _rows(
        self, values: Iterable[Any] | Pages, write: Callable[[Any], str]
    ) -> Iterator[Piece]:
        comma = "["
        for block in _blocks(values):
            if isinstance(block, Deferred):
                yield block
            else:
                yield _harmless(comma + ",".join(map(write, block)))
                comma = ","
        yield "[]" if comma == "[" else "]"

    def _plan(self, name: str) -> _Plan:
        """How the fields of one type are written; made on first use."""
        plan = self._plans.get(name)
        if plan is None:
            plan = self._plans[name] = self._compile(self._types[name])
        return plan

    def _compile(self, fields: Sequence[Field]) -> _Plan:
        plan: _Plan = []
        for field in fields:
            write, zero = self._single(field)
            if field.array:
                write, zero = self._array(write), "[]"
            key = f'"{field.name}":'
            plan.append((field.name, key, write, zero if field.required else None))
        return plan

    def _array(self, write: Callable[[Any], str]) -> Callable[[Any], str]:
        return lambda values: "[" + ",".join(map(write, values)) + "]"

    def _single(self, field: Field) -> tuple[Callable[[Any], str], str]:
        """How one value of the field's type is written, and its zero."""
        scalar = _SCALARS.get(field.type)
        if scalar is not None:
            return scalar
        plan = self._plan(field.type)
        return lambda values: _write(plan, values), _write(plan, {})
