"""
Values of fields in columns, there and back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vos3000.db.dialects import Dialect
from vos3000.db.gatewayfields import BIG, BOOL, INT, JSON, LIST, PRICE, SECRET, Field
from vos3000.errors import BadRow
from vos3000.model.limits import comma_list

UNREADABLE = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError)
"""What comes of a row that another program wrote as no reader expects it."""


@contextmanager
def readable(table: str, *key: object) -> Iterator[None]:
    """
    Say which row it was that could not be read.

    @raise BadRow: With the table and the key.
    """
    try:
        yield
    except UNREADABLE as error:
        raise BadRow(table, " ".join(map(str, key)), error) from error


_WHOLE = frozenset((INT, BIG, BOOL))


def write(dialect: Dialect, field: Field, value: Any) -> Any:
    """What stands in the field's column for C{value}."""
    if value is None:
        return None
    if field.kind == BOOL:
        return int(value)
    if field.kind == PRICE:
        return dialect.price(value)
    if field.kind == LIST:
        return ",".join(value)
    if field.kind == JSON:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if field.kind == SECRET:
        return dialect.secrets.seal(value)
    return value


def read(dialect: Dialect, field: Field, value: Any) -> Any:
    """
    A column's value; NULL is the field's default, which may be None.

    @raise ValueError: If it can be none of the field's; or another of
        L{UNREADABLE}.
    """
    if value is None:
        return list(field.default) if field.kind == LIST else field.default
    if field.kind in _WHOLE and not isinstance(value, int):
        raise ValueError(f"{field.column} is {value!r}, no number")
    if field.kind == BOOL:
        return bool(value)
    if field.kind == PRICE:
        return dialect.read_price(value)
    if field.kind == LIST:
        return list(comma_list(value))
    if field.kind == JSON:
        return json.loads(value)
    if field.kind == SECRET:
        return dialect.secrets.open(value)
    return value
