"""
What the entries of the journal say, as texts and back.

A text is JSON: whoever is called at night can read it with C{strings}.

    SETUP    [call, record]              the call goes out
    ANSWER   [call, ms, record, billing] it was answered, on the clock of frames
    RESERVE  [call, seconds]             its money lasts so long
    END      [call, record, movements]   it is over, and this is to be written
    GONE     [call]                      it is over, and nothing is
    ALIVE    [ms]                        the switch runs (UTC)

A record is the values of e_cdr's columns in their order; of a SETUP those that
are known, by name. What was said of a call
before is said again at the beginning of a segment, in its latest form.
"""

from __future__ import annotations

import json
from decimal import Decimal
from enum import IntEnum
from operator import attrgetter
from typing import Any

from vos3000.errors import StorageError
from vos3000.model.accounts import Movement
from vos3000.model.cdr import AMOUNTS, COLUMNS, Cdr, CdrEntry
from vos3000.model.facts import BillingFacts
from vos3000.model.rates import BillingRules, Rate, RateSection

_values = attrgetter(*COLUMNS)
_ADDITIONAL = COLUMNS.index("additional")


class Kind(IntEnum):
    """What an entry is."""

    SETUP = 1
    ANSWER = 2
    RESERVE = 3
    END = 4
    GONE = 5
    ALIVE = 6


def _other(value: Any) -> str:
    """Values that JSON has no word for."""
    return value.hex() if isinstance(value, bytes) else str(value)


_encode = json.JSONEncoder(
    default=_other, separators=(",", ":"), check_circular=False
).encode


def text_of(*values: Any) -> bytes:
    """The text of an entry that holds C{values}."""
    return _encode(values).encode("ascii")


def values_of(cdr: Cdr | None) -> tuple[Any, ...] | None:
    """A record as an entry holds it."""
    return None if cdr is None else _values(cdr)


def end_text(call: int, entry: CdrEntry) -> bytes:
    """The text of an END."""
    moved = [(each.account, each.amount) for each in entry.movements]
    return text_of(call, values_of(entry.cdr), moved)


def billing_values(facts: BillingFacts | None) -> list[Any] | None:
    """What an ANSWER says of the price; None where nobody pays."""
    if facts is None:
        return None
    rules = facts.rules
    return [
        facts.payer,
        facts.payer_name,
        _rate_values(facts.rate),
        (
            rules.hold_time_precision,
            rules.free_time,
            rules.fee_unit,
            rules.fee_precision,
        ),
        facts.recorded,
        facts.seller,
        facts.seller_name,
        _rate_values(facts.seller_rate),
        facts.covered,
    ]


def _rate_values(rate: Rate | None) -> tuple[Any, ...] | None:
    """The values that a price, and the record of a call, are made of."""
    if rate is None:
        return None
    sections = [(section.time, section.fee) for section in rate.sections]
    return rate.prefix, rate.fee, rate.period, sections, rate.type, rate.area_code


def read(text: bytes) -> list[Any]:
    """
    The values of an entry.

    @raise StorageError: If the text is no list that holds a number first.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"an entry that cannot be read: {error}") from error
    if not isinstance(values, list) or not values or not isinstance(values[0], int):
        raise StorageError("an entry that is none of ours")
    return values


def read_record(values: Any) -> Cdr | None:
    """
    The record that an entry holds.

    @raise StorageError: If it is none.
    """
    if values is None:
        return None
    try:
        if isinstance(values, dict):
            return Cdr(**values)
        read = list(values)
        for index in AMOUNTS:
            read[index] = Decimal(read[index])
        if read[_ADDITIONAL] is not None:
            read[_ADDITIONAL] = bytes.fromhex(read[_ADDITIONAL])
        return Cdr(*read)
    except (ArithmeticError, IndexError, TypeError, ValueError) as error:
        raise StorageError(f"an entry without a record: {error}") from error


def read_end(text: bytes) -> CdrEntry:
    """
    What L{end_text} made a text of.

    @raise StorageError: If it is something else.
    """
    try:
        _, values, moved = read(text)
        movements = [Movement(account, Decimal(amount)) for account, amount in moved]
    except (ArithmeticError, TypeError, ValueError) as error:
        raise StorageError(f"an end that cannot be read: {error}") from error
    return CdrEntry(read_record(values), tuple(movements))


def read_billing(values: Any) -> BillingFacts | None:
    """
    What L{billing_values} made values of.

    @raise StorageError: If they are something else.
    """
    if values is None:
        return None
    try:
        payer, name, rate, rules, recorded, seller, seller_name, sold, covered = values
        precision, free_time, unit, digits = rules
        return BillingFacts(
            payer,
            name,
            _read_rate(rate),
            BillingRules(precision, free_time, Decimal(unit), digits),
            recorded,
            seller,
            seller_name,
            _read_rate(sold),
            covered,
        )
    except (ArithmeticError, TypeError, ValueError) as error:
        raise StorageError(f"an answer without a price: {error}") from error


def _read_rate(values: Any) -> Rate | None:
    if values is None:
        return None
    prefix, fee, period, sections, kind, area = values
    parts = tuple(RateSection(time, Decimal(price)) for time, price in sections)
    return Rate(prefix, Decimal(fee), period, parts, kind, area_code=area)
