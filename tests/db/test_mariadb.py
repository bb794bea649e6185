"""
Every test of the stores again, on MariaDB; but for those in classes that are called
after SQLite, since they look at how it stores things.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests import mariadb, rows
from tests.db import (
    test_autoclean,
    test_cdrfeed,
    test_cdrrefused,
    test_cdrs,
    test_cdrwriter,
    test_changes,
    test_customers,
    test_gateways,
    test_numbergroups,
    test_phones,
    test_rates,
    test_registrations,
    test_settings,
    test_vos,
)

_MODULES = (
    test_autoclean,
    test_cdrfeed,
    test_cdrrefused,
    test_cdrs,
    test_cdrwriter,
    test_changes,
    test_customers,
    test_gateways,
    test_numbergroups,
    test_phones,
    test_rates,
    test_registrations,
    test_settings,
    test_vos,
)


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

    return type(f"MariaDb{case.__name__}", (case,), {"setUp": set_up})


def _cases(module: ModuleType) -> list[type[SynchronousTestCase]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, SynchronousTestCase)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("Sqlite")
        and any(name.startswith("test") for name in dir(value))
    ]


for _module in _MODULES:
    for _case in _cases(_module):
        _made = _on_mariadb(_case)
        _made.__module__ = __name__
        vars()[_made.__name__] = _made

# else the loader would find the last one twice
del _module, _case, _made
