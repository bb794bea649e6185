"""
Databases with accounts, payments and records, for tests of backups.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests import rows
from vos3000.db import ids
from vos3000.db.cdrrows import Batch, Held, put, to_row
from vos3000.db.cursor import Cursor
from vos3000.db.customers import CASH, DEDUCT, CustomerStore
from vos3000.db.pool import Pool

ACCOUNTS = ("acme", "globex", "vendor")


def fill(pool: Pool, count: int = 40) -> None:
    """Accounts that were paid into, one of them charged, and records."""
    customers = CustomerStore(pool)
    for name in ACCOUNTS:
        fields: dict[str, Any] = {"account": name, "money": Decimal("100.000001")}
        customers.create(fields, rows.NOON)
    memo = "a memo with a \N{SNOWMAN}, 'quotes' and a \\"
    taken = Decimal("-7.5")
    customers.pay("acme", taken, memo, DEDUCT, CASH, "root", rows.NOON)
    if count:
        write(pool, range(count))


def write(pool: Pool, numbers: range) -> None:
    """Records with fees, each with its own Call-ID, and the journal's place."""
    entries = [
        rows.entry(
            ACCOUNTS[number % 2],
            "0.000123",
            callercallid=f"call-{number}",
            additional=bytes([number % 256, 0, 255]),
        )
        for number in numbers
    ]

    def work(cursor: Cursor) -> None:
        held = [
            Held(number, entry, None if cdr is None else to_row(pool.dialect, cdr))
            for number, entry in enumerate(entries, 1)
            for cdr in (entry.cdr,)
        ]
        put(cursor, pool.dialect, Batch(0, held))
        ids.take(cursor, "journal:one", len(held))

    pool.interact("write", work)
