"""
Values of fields in columns, there and back.
"""

from __future__ import annotations

import json
from typing import Any

from vos3000.db.dialects import Dialect
from vos3000.db.gatewayfields import BOOL, JSON, LIST, PRICE, SECRET, Field
from vos3000.model.limits import comma_list


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
    """A column's value; NULL is the field's default, which may be None."""
    if value is None:
        return list(field.default) if field.kind == LIST else field.default
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
