"""
From the bytes of a request to typed fields.

Clients are generous with types: numbers and booleans come as strings, an
array that is not set as an empty string, a filter that is not set as null.
What can only mean one thing is taken; anything else is refused by its name,
before an endpoint sees it. docs/webapi.md has the rules in a table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from vos3000.model.money import PRICE_DIGITS, parse_decimal
from vos3000.web.contract import Contract, Field, Interface
from vos3000.web.retcodes import BAD_INPUT, refusal

Fields = dict[str, Any]
"""Typed fields by the interface's names; what was not sent is absent."""

DEPTH = 16
"""How deep arrays and objects of a request may be nested."""

MOST_ELEMENTS = 10_000
"""Elements of one array: each takes half a microsecond, in which no call is served."""

MOST_VALUES = 100_000
"""Values of a request, by their commas: more are not even read."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_BITS = {"int": 31, "Integer": 31, "long": 63, "Long": 63}
_LENGTHS = {"String": 255, "LongString": 65535}
_LARGEST = 30
"""The power of ten beyond which a number is not even looked at."""
_WORDS = {"true": True, "1": True, "false": False, "0": False}
_TIME_FORMATS = {8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}

_SPELLINGS = {
    "feeRateGroup": "feerateGroup",
    "feerateGroup": "feeRateGroup",
    "phoneBookLimit": "phonebookLimit",
    "phonebookLimit": "phoneBookLimit",
}
"""Names that the manual spells in two ways: either is taken for the other."""


def _number(value: object) -> Decimal | int:
    """C{value} as a number, exactly."""
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            raise ValueError("must be a number")
        return Decimal(text)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number")
    return value


def _integer(value: object, field: Field) -> int:
    number = _number(value)
    limit = 1 << _BITS[field.type]
    if not -limit <= number < limit:
        raise ValueError(f"does not fit {_BITS[field.type] + 1} bits")
    if number != int(number):
        raise ValueError("must be a whole number")
    whole = int(number)
    if field.name == "callLevel" and whole == 3:
        whole = 4
    if field.choices and whole not in field.choices:
        raise ValueError(f"must be one of {', '.join(map(str, field.choices))}")
    return whole


def _double(value: object, field: Field) -> Decimal:
    number = _number(value)
    if isinstance(number, Decimal) and number.adjusted() > _LARGEST:
        raise ValueError("is too large")
    return parse_decimal(str(number), PRICE_DIGITS)


def _boolean(value: object, field: Field) -> bool:
    if isinstance(value, bool):
        return value
    found = _WORDS.get(str(value).strip().lower())
    if found is None or not isinstance(value, int | str):
        raise ValueError("must be true or false")
    return found


def _is_time(text: str) -> bool:
    """Whether C{text} is a day or a second that exists."""
    wanted = _TIME_FORMATS.get(len(text))
    if wanted is None or not (text.isascii() and text.isdigit()):
        return False
    try:
        year = datetime.strptime(text, wanted).year  # noqa: DTZ007
    except ValueError:
        return False
    return 1971 <= year <= 2999


def _string(value: object, field: Field) -> str:
    if isinstance(value, list):
        _few(value)
        value = ",".join(_string(element, field) for element in value)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if len(value) > _LENGTHS[field.type]:
        raise ValueError(f"is longer than {_LENGTHS[field.type]} characters")
    if not value.isascii() and not value.isprintable():
        _encodable(value)
    _check_string(value, field)
    return value


def _few(elements: Sequence[object]) -> None:
    if len(elements) > MOST_ELEMENTS:
        raise ValueError(f"has more than {MOST_ELEMENTS} elements")


def _encodable(value: str) -> None:
    """Refuse half of a surrogate pair, which no database takes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("is not valid Unicode") from None


def _check_string(value: str, field: Field) -> None:
    """The closed sets and formats a string may have."""
    if field.format and value and not _is_time(value):
        raise ValueError("must be a time as yyyyMMdd or yyyyMMddHHmmss")
    if field.words and value not in field.words:
        raise ValueError("is not one of the names the manual lists")
    if field.choices and value:
        known = set(map(str, field.choices))
        if not known.issuperset(part.strip() for part in value.split(",")):
            raise ValueError(f"must be a list of {', '.join(sorted(known))}")


_READERS: dict[str, Callable[[object, Field], object]] = {
    "int": _integer,
    "Integer": _integer,
    "long": _integer,
    "Long": _integer,
    "double": _double,
    "Double": _double,
    "boolean": _boolean,
    "Boolean": _boolean,
    "String": _string,
    "LongString": _string,
}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _too_deep(document: object) -> bool:
    """Whether arrays and objects are nested deeper than L{DEPTH}."""
    level = [document]
    for _ in range(DEPTH):
        inner: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
        if not inner:
            return False
        level = inner
    return True


def parse_object(body: bytes) -> Mapping[str, Any]:
    """
    The JSON object that is in C{body}; an empty body is an empty object.

    Numbers with a point become Decimal, never a binary float; of a name that
    stands there twice the last value counts.

    @raise ApiError: If it is anything else.
    """
    if not body.strip():
        return {}
    if body.count(b",") >= MOST_VALUES:
        raise refusal(BAD_INPUT, f"more than {MOST_VALUES} values")
    try:
        document = json.loads(
            body.decode("utf-8-sig"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
        )
    except (ValueError, ArithmeticError, RecursionError):
        raise refusal(BAD_INPUT, "not a JSON object") from None
    if not isinstance(document, dict):
        raise refusal(BAD_INPUT, "not a JSON object")
    if _too_deep(document):
        raise refusal(BAD_INPUT, f"nested deeper than {DEPTH}")
    return document


class Requests:
    """
    Reads requests as the contract describes them.
    """

    def __init__(self, contract: Contract) -> None:
        self._types = contract.types

    def read(self, interface: Interface, body: bytes) -> Fields:
        """
        The typed fields of a request.

        A request that creates or asks gets the contract's defaults; one that
        modifies gets only what was sent, because the rest keeps its value.

        @raise ApiError: C{BAD_INPUT}, naming the field.
        """
        document = parse_object(body)
        defaults = not interface.name.startswith("Modify")
        return self._object(document, interface.request, "", defaults)

    def _object(
        self,
        document: Mapping[str, Any],
        fields: Sequence[Field],
        path: str,
        defaults: bool,
    ) -> Fields:
        values: Fields = {}
        for field in fields:
            raw = document.get(field.name)
            if raw is None and field.name in _SPELLINGS:
                raw = document.get(_SPELLINGS[field.name])
            name = path + field.name
            value = None if raw is None else self._value(raw, field, name, defaults)
            if value is None and defaults and field.default is not None:
                value = self._value(field.default, field, name, defaults)
            if value is not None:
                values[field.name] = value
            elif field.required:
                raise refusal(BAD_INPUT, f"{name} is missing")
        return values

    def _value(self, raw: object, field: Field, name: str, defaults: bool) -> object:
        """One field's value; None if what was sent means that it is not set."""
        if raw == "" and (field.array or field.type not in _LENGTHS):
            return None
        if not field.array:
            return self._single(raw, field, name, defaults)
        elements = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(elements, list):
            raise refusal(BAD_INPUT, f"{name} must be an array")
        try:
            _few(elements)
        except ValueError as problem:
            raise refusal(BAD_INPUT, f"{name} {problem}") from None
        return [
            self._single(element, field, f"{name}[{index}]", defaults)
            for index, element in enumerate(elements)
        ]

    def _single(self, raw: object, field: Field, name: str, defaults: bool) -> object:
        reader = _READERS.get(field.type)
        if reader is None:
            if not isinstance(raw, dict):
                raise refusal(BAD_INPUT, f"{name} must be an object")
            return self._object(raw, self._types[field.type], f"{name}.", defaults)
        try:
            value = reader(raw, field)
        except ValueError as problem:
            raise refusal(BAD_INPUT, f"{name} {problem}") from None
        if field.low is not None and field.high is not None:
            assert isinstance(value, int | Decimal)
            if not field.low <= value <= field.high:
                limits = f"{field.low} to {field.high}"
                raise refusal(BAD_INPUT, f"{name} must be {limits}")
        return value
