"""
Every test of the stores again, on MariaDB.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests import mariadb, rows
from tests.db import (
    test_cdrrefused,
    test_cdrs,
    test_cdrwriter,
    test_customers,
    test_gateways,
    test_phones,
    test_rates,
    test_registrations,
    test_settings,
)

_MODULES = (
    test_cdrrefused,
    test_cdrs,
    test_cdrwriter,
    test_customers,
    test_gateways,
    test_phones,
    test_rates,
    test_registrations,
    test_settings,
)

_SQLITE_ONLY: dict[str, str] = {
    "StoreTests.test_nothing_missing": "asks for a PRAGMA",
    "CdrStoreTests.test_pages_are_not_sorted_again": "looks at SQLite's plan",
    "CdrMoverTests.test_day_table_is_like_the_rolling_one": "reads sqlite_master",
    "RateStoreTests.test_rate_is_kept_exactly": "asks for typeof",
    "CdrWriterFailureTests.test_full_disk_loses_nothing": "sets a PRAGMA",
    "CdrWriterFailureTests.test_failure_inside_the_transaction_changes_nothing": (
        "makes a trigger in SQLite's words"
    ),
}
"""Tests that are about SQLite itself, and why."""


def _on_mariadb(case: type[SynchronousTestCase]) -> type[SynchronousTestCase]:
    """The same tests, with databases of the server's."""

    def set_up(self: Any) -> None:
        opened = []

        def make() -> mariadb.Database:
            opened.append(mariadb.database())
            return opened[-1]

        rows.MAKERS.append(make)
        self.addCleanup(rows.MAKERS.pop)
        self.addCleanup(lambda: [each.close() for each in opened])
        case.setUp(self)

    made = type(f"MariaDb{case.__name__}", (case,), {"setUp": set_up})
    for name in dir(case):
        if f"{case.__name__}.{name}" in _SQLITE_ONLY:
            setattr(made, name, property(lambda self: None))
    return made


def _cases(module: ModuleType) -> list[type[SynchronousTestCase]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, SynchronousTestCase)
        and value.__module__ == module.__name__
        and any(name.startswith("test") for name in dir(value))
    ]


for _module in _MODULES:
    for _case in _cases(_module):
        _made = _on_mariadb(_case)
        _made.__module__ = __name__
        vars()[_made.__name__] = _made
