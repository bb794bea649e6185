"""
Imports go down: what each package may import, and the proof that it does.

Every import counts, those below TYPE_CHECKING and inside functions too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import vos3000

PACKAGE = Path(vos3000.__file__).parent

FIRST = {"errors", "metrics", "instant", "timers", "values"}
MODEL = FIRST | {"model"}
GROUND = MODEL | {"conffile", "config", "parameters", "events"}
ISLANDS = {"sip", "sdp", "h323"}
ENGINES = {"billing", "routing", "security"}
CALL = GROUND | ISLANDS | ENGINES | {"journal", "media", "call"}

MAY_IMPORT: dict[str, set[str] | None] = {
    **{name: set() for name in FIRST},
    "instant": {"values"},
    "model": FIRST,
    "events": MODEL,
    "conffile": FIRST,
    "config": MODEL | {"conffile"},
    "parameters": MODEL | {"conffile", "config"},
    **dict.fromkeys(ISLANDS, FIRST),
    "journal": MODEL,
    **dict.fromkeys(ENGINES, GROUND),
    "db": GROUND | {"journal"},
    "media": GROUND | {"sdp"},
    "call": CALL,
    "phone": CALL,
    **dict.fromkeys(("push", "alarms", "reports"), GROUND | {"db"}),
    "trace": GROUND | {"sip"},
    "web": GROUND | {"trace"} | ENGINES | {"db", "call", "phone", "reports", "alarms"},
    **dict.fromkeys(("tables", "service", "tap", "cli", "commands", "demo")),
    **dict.fromkeys(("inforce", "interfaces", "logs", "ports", "signaling")),
    **dict.fromkeys(("tracing", "transports")),
    **dict.fromkeys(("registration", "journaled", "watch")),
    **dict.fromkeys(("process", "statedir", "turns"), FIRST),
}
"""
Part of the package, and the other parts it may import; None for any.

C{commands} and C{demo} belong to C{cli}, what follows them to C{service};
C{conffile} is what C{config} and C{parameters} have in common.
"""


def imports(source: str) -> Iterator[tuple[int, str]]:
    """
    Line and dotted name of everything that a module imports.

    A relative import is yielded as its dots and what follows them.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def part(name: str) -> str | None:
    """The part of the product that a dotted name belongs to; None if foreign."""
    pieces = name.split(".")
    return pieces[1] if pieces[0] == "vos3000" and len(pieces) > 1 else None


def complaints(module: str, source: str) -> list[str]:
    """
    What is wrong with the imports of one module.

    @param module: Its dotted name.
    """
    own = part(module)
    allowed = MAY_IMPORT.get(own, set()) if own else set()
    found = []
    for line, name in imports(source):
        other = part(name)
        where = f"{module}:{line}"
        if name.startswith("."):
            found.append(f"{where} imports {name}, which is relative")
        elif other and allowed is not None and other not in {own, *allowed}:
            found.append(f"{where} imports {name}, a step upwards")
        elif (name + ".").startswith("twisted.internet.reactor.") and own != "tap":
            found.append(f"{where} imports the global reactor")
    return found


def modules() -> Iterator[tuple[str, Path]]:
    """Dotted name and file of every module of the product."""
    for path in sorted(PACKAGE.rglob("*.py")):
        pieces = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(p for p in pieces if p != "__init__"), path


def circles(imported: dict[str, set[str]]) -> list[set[str]]:
    """
    The modules that import one another, directly or through others.

    @param imported: Each module with those that it imports.
    """
    reached = {name: set(others) for name, others in imported.items()}
    for middle in reached:
        for others in reached.values():
            if middle in others:
                others |= reached[middle]
    found: list[set[str]] = []
    for name, others in reached.items():
        if name in others and not any(name in circle for circle in found):
            found.append({each for each in others if name in reached[each]})
    return found


def imported() -> dict[str, set[str]]:
    """Each module of the product with those of its own that it imports."""
    names = {name for name, _ in modules()}
    found = {}
    for module, path in modules():
        given = {name for _, name in imports(path.read_text("utf-8"))}
        given |= {name.rpartition(".")[0] for name in given}
        found[module] = (given & names) - {module, "vos3000"}
    return found


class LayeringTests(SynchronousTestCase):
    """The product keeps to its layers."""

    def test_every_module_imports_downwards_only(self) -> None:
        """No module takes a step up, sideways, or reaches for the reactor."""
        found = [
            complaint
            for module, path in modules()
            for complaint in complaints(module, path.read_text("utf-8"))
        ]
        self.assertEqual(found, [], "\n".join(["", *found]))

    def test_no_module_imports_itself_through_others(self) -> None:
        """Modules of one package, too, can be read one after the other."""
        self.assertEqual(circles(imported()), [])

    def test_circles_are_found(self) -> None:
        """Short ones, long ones, and nothing else."""
        given = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"e"}}
        self.assertEqual(circles(given), [{"b", "c"}, {"e"}])

    def test_every_part_has_a_place(self) -> None:
        """A new module or package has to be given a layer here first."""
        parts = {part(module) for module, _ in modules()} - {None}
        self.assertEqual(parts - set(MAY_IMPORT), set())

    def test_packages_hold_nothing_but_a_docstring(self) -> None:
        """An __init__.py says what the package is for and does nothing."""
        for path in PACKAGE.rglob("__init__.py"):
            tree = ast.parse(path.read_text("utf-8"))
            self.assertEqual(len(tree.body), 1, path)
            self.assertTrue(ast.get_docstring(tree), path)

    def test_the_plugin_directory_is_no_package(self) -> None:
        """An __init__.py under twisted/ would hide Twisted itself."""
        plugins = PACKAGE.parent / "twisted"
        self.assertEqual(list(plugins.rglob("__init__.py")), [])


class ComplaintTests(SynchronousTestCase):
    """The test above catches what it is there for."""

    def assertRefused(self, module: str, source: str, why: str) -> None:
        """One complaint, which says C{why}."""
        [complaint] = complaints(module, source)
        self.assertIn(why, complaint)

    def test_a_step_upwards_is_refused(self) -> None:
        """An engine that imports call control is found, in every spelling."""
        for source in (
            "import vos3000.call.control",
            "from vos3000.call import control",
            "from vos3000 import call",
            "from vos3000.call.control import Control as C",
        ):
            self.assertRefused("vos3000.billing.rater", source, "a step upwards")

    def test_neighbors_do_not_import_each_other(self) -> None:
        """Islands and engines each stand alone."""
        for own, other in (
            ("sip", "sdp"),
            ("sdp", "h323"),
            ("billing", "routing"),
            ("db", "billing"),
            ("push", "alarms"),
        ):
            source = f"import vos3000.{other}.x"
            self.assertRefused(f"vos3000.{own}.x", source, "a step upwards")

    def test_an_island_does_not_know_the_product(self) -> None:
        """SIP may count and raise, but knows no gateway and no setting."""
        for other in ("model.gateways", "config", "events", "parameters"):
            source = f"import vos3000.{other}"
            self.assertRefused("vos3000.sip.core", source, "a step upwards")
        self.assertEqual(complaints("vos3000.sip.core", "import vos3000.timers"), [])

    def test_the_first_line_imports_nothing_of_ours(self) -> None:
        """errors, metrics, instant and timers do not even know each other."""
        source = "from vos3000.errors import VosError"
        self.assertRefused("vos3000.timers", source, "a step upwards")

    def test_call_control_does_not_know_the_database(self) -> None:
        """A call is set up from memory."""
        self.assertRefused("vos3000.call.call", "import vos3000.db", "a step upwards")
        self.assertEqual(complaints("vos3000.call.call", "import vos3000.sip.uri"), [])

    def test_a_hidden_import_counts(self) -> None:
        """Below TYPE_CHECKING or in a function it is an import like any other."""
        checking = "if TYPE_CHECKING:\n    from vos3000.web import server"
        function = "def f():\n    import vos3000.web.server"
        for source in (checking, function):
            self.assertRefused("vos3000.db.pool", source, "a step upwards")

    def test_a_relative_import_is_refused(self) -> None:
        """From here or from above, even within one package."""
        for source in ("from . import uri", "from ..model import money"):
            self.assertRefused("vos3000.sip.message", source, "relative")

    def test_the_global_reactor_is_refused_outside_tap(self) -> None:
        """In every spelling; tap.py alone may."""
        for source in (
            "from twisted.internet import reactor",
            "import twisted.internet.reactor",
            "from twisted.internet.reactor import callLater",
        ):
            self.assertRefused("vos3000.service", source, "the global reactor")
            self.assertEqual(complaints("vos3000.tap", source), [])

    def test_the_composition_root_may_import_anything(self) -> None:
        """Somebody has to put it all together."""
        source = "import vos3000.web.server, vos3000.db.pool, vos3000.call.call"
        self.assertEqual(complaints("vos3000.service", source), [])

    def test_foreign_packages_are_not_ours_to_judge(self) -> None:
        """A name that only begins alike is no part of the product."""
        self.assertEqual(complaints("vos3000.errors", "import vos3000x.web"), [])
