"""
What docs/rfcs.md and docs/options.md claim: that each test they name is there, that
each option is in the table, and each test of a specification, too.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import vos3000
from vos3000.db import gatewayfields, phonefields
from vos3000.db.upgrade import REVISIONS

CHECKOUT = Path(vos3000.__file__).parent.parent
TESTS = CHECKOUT / "tests"

OPTIONS = re.compile("sip[A-Z0-9]|timeout|switchAllow|register|stopSwitch|maxCallRate")
"""What the names of options begin with that concern SIP signaling."""

OTHERS = {
    *("timeoutSetup", "timeoutCallProceedingOlc", "timeoutAlerting"),
    "switchAllowRtp",
}
"""Stages of H.323, and what only a relay of media could know."""

FIELDS = (
    *gatewayfields.MAPPING,
    *gatewayfields.MAPPING_MORE,
    *gatewayfields.ROUTING,
    *gatewayfields.ROUTING_MORE,
    *phonefields.ADDITIONAL,
    *phonefields.ADDITIONAL_MORE,
)


class ShownTests(SynchronousTestCase):
    """What pages show of this release."""

    def test_schema(self) -> None:
        """`vos3000 check` names the newest one."""
        for page in ("first-carrier.md", "cli.md"):
            text = (CHECKOUT / "docs" / page).read_text("utf-8")
            shown = set(re.findall(r"schema (\d{4})", text))
            self.assertEqual(shown, {REVISIONS[-1]}, page)


def rows(page: str) -> list[list[str]]:
    """The cells of the rows of a page's tables, without their headings."""
    text = (CHECKOUT / "docs" / page).read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[c.strip() for c in line.strip()[1:-1].split("|")] for line in lines]
    return [row for row in cells if row[-1] != "shown by"]


def shown_by(row: list[str]) -> list[str]:
    """The names of the tests in a row's last cell."""
    return row[-1].split(", ")


def has_tests(name: str) -> bool:
    """Whether C{name} is a module below C{tests} with a test in it."""
    path = TESTS / (name.replace(".", "/") + ".py")
    if not path.is_file():
        return False
    tree = ast.parse(path.read_text("utf-8"))
    names = (getattr(node, "name", "") for node in ast.walk(tree))
    return any(name.startswith("test_") for name in names)


class TablesTests(SynchronousTestCase):
    """The tables of RFCs and of options against the tests and the fields."""

    def test_named_tests(self) -> None:
        """Every test that a row names is there; every row names at least one."""
        for page in ("rfcs.md", "options.md"):
            found = rows(page)
            self.assertGreater(len(found), 20)
            for row in found:
                for name in shown_by(row):
                    self.assertTrue(has_tests(name), f"{page}: {name} in {row[0]}")

    def test_rows_stand_once(self) -> None:
        """Nothing is told twice, and differently."""
        for page in ("rfcs.md", "options.md"):
            names = [row[0] for row in rows(page)]
            self.assertEqual(len(names), len(set(names)), page)

    def test_no_such_test(self) -> None:
        """A name that is no module of tests would be told."""
        for name in ("sip.test_nothing", "sip.rig", "", "-", "sip"):
            self.assertFalse(has_tests(name), name)

    def test_specifications(self) -> None:
        """Every test of one RFC is named in that RFC's row."""
        named = {}
        for row in rows("rfcs.md"):
            for number in re.findall(r"\d+", row[0]):
                named[number] = shown_by(row)
        for path in sorted(TESTS.rglob("test_rfc*.py")):
            number = re.findall(r"\d+", path.stem)[0]
            name = f"{path.parent.name}.{path.stem}"
            self.assertIn(name, named.get(number, []), f"RFC {number}")

    def test_every_option(self) -> None:
        """Every option that concerns SIP is in the table, under its own name."""
        text = " ".join(row[0] for row in rows("options.md"))
        written = set(re.findall(r"\w+", text))
        names = {field.name for field in FIELDS if OPTIONS.match(field.name)}
        self.assertEqual(names - written - OTHERS, set())

    def test_only_options(self) -> None:
        """Every name in the table is a field of a gateway or a phone."""
        phones = (*phonefields.PHONE, *phonefields.SERVICES)
        known = {field.name for field in (*FIELDS, *phones)}
        for row in rows("options.md"):
            for name in re.findall(r"`(\w+)`", row[0]):
                self.assertIn(name, known)
