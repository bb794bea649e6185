"""
What docs/fields.md says of every field of gateways and phones: that all of them
stand there, and that each is what it is said to be.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import vos3000
from tests.test_docs import CHECKOUT, has_tests, shown_by
from vos3000.db import gatewayfields, phonefields
from vos3000.web.contract import load

PACKAGE = Path(vos3000.__file__).parent

STORED_BY = {
    "MappingGatewayFields": gatewayfields.MAPPING,
    "RoutingGatewayFields": gatewayfields.ROUTING,
    "PhoneFields": phonefields.PHONE,
    "InfoPhoneAdditional": phonefields.ADDITIONAL,
    "InfoPhoneValueAdded": phonefields.SERVICES,
}
"""Records with columns of their own."""

NESTED = (
    "ProportionCalleePrefix",
    "InfoScheduledCallinPrefixes",
    "InfoPhoneValueAddedPeriodForwarding",
    "InfoPhoneValueAddedForwardE164",
)
"""Records inside of those."""

CARRIERS = (
    "db/vos/",
    "db/gatewayfields.py",
    "db/phonefields.py",
    "db/migrations",
    "web",
)
"""Modules that name fields to store or to check them, not to act on them."""

ELSEWHERE = frozenset(("type", "prefixes", "customerPassword"))
"""Names that are words of other subjects, too, and one that is only hidden."""

Row = tuple[str, str]
"""What a field is said to be, and why."""


@cache
def said() -> dict[str, dict[str, Row]]:
    """What the page says of each field, by record; a field twice is a mistake."""
    found: dict[str, dict[str, Row]] = {}
    for section in (CHECKOUT / "docs" / "fields.md").read_text("utf-8").split("\n## "):
        title, _, text = section.partition("\n")
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
            if not line.startswith("| `") or len(cells) != 3:
                continue
            for name in re.findall(r"`(\w+)`", cells[0]):
                fields = found.setdefault(title, {})
                assert name not in fields, f"{title}.{name} stands there twice"
                fields[name] = (cells[1], cells[2])
    return found


@cache
def acted_on() -> frozenset[str]:
    """All words that stand in quotes in modules that act on settings."""
    words: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if not path.relative_to(PACKAGE).as_posix().startswith(CARRIERS):
            words.update(re.findall(r'"(\w+)"', path.read_text("utf-8")))
    return frozenset(words)


class FieldsTests(SynchronousTestCase):
    """docs/fields.md against the interface, the tables, the code and the tests."""

    def test_interface(self) -> None:
        """Every field of the interface stands there once, in its record."""
        types = load().types
        for record in (*STORED_BY, *NESTED):
            fields = {f.name for f in types[record] if f.type not in STORED_BY}
            self.assertEqual(set(said()[record]), fields, record)
        self.assertEqual(set(said()), {*STORED_BY, *NESTED})

    def test_columns(self) -> None:
        """Every field has a column: it is stored, whatever else it is."""
        for record, columns in STORED_BY.items():
            self.assertEqual(set(said()[record]), {f.name for f in columns}, record)

    def test_in_effect(self) -> None:
        """What is in effect is read by the code, and a test that exists shows it."""
        for record, fields in said().items():
            for name, (state, tests) in fields.items():
                if state != "in effect":
                    continue
                read = {name, name.removesuffix("Allow")} & acted_on()
                self.assertTrue(read, f"{record}.{name} is read nowhere")
                for test in shown_by([tests]):
                    self.assertTrue(has_tests(test), f"{record}.{name}: {test}")

    def test_stored(self) -> None:
        """What is only stored is not read, and a reason stands there."""
        for record, fields in said().items():
            effective = {n for f in said().values() for n in f if f[n][0] != "stored"}
            for name, (state, reason) in fields.items():
                self.assertIn(state, ("in effect", "stored"), name)
                self.assertTrue(reason)
                if state == "stored" and name not in effective | ELSEWHERE:
                    self.assertNotIn(name, acted_on(), f"{record}.{name} is read")
