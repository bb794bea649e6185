"""
What is shipped: wheel, source distribution and editable installation.

Each is built from a copy of the checkout and installed into an environment of
its own, which borrows the dependencies of the one that runs the tests. No
package index is asked.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from configparser import ConfigParser
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import vos3000
from tests.test_imports import imports

CHECKOUT = Path(vos3000.__file__).parent.parent

SHIPPED = (
    "setup.cfg",
    "pyproject.toml",
    "MANIFEST.in",
    "LICENSE",
    "README.md",
    "Makefile",
    "etc",
    "docs",
    "newsfragments",
    "twisted",
    "vos3000",
)

DATA = (
    "vos3000/data/end-reasons.tsv",
    "vos3000/data/parameters.tsv",
    "vos3000/db/migrations/env.py",
    "vos3000/etc/mbx2008.conf",
    "vos3000/etc/vos3000.conf",
    "vos3000/web/contract.json",
    "twisted/plugins/vos3000_plugin.py",
)
"""Files that are missing in a package as soon as nobody looks."""

MODULES = {
    "pymysql": "PyMySQL",
    "OpenSSL": "Twisted",
    "prometheus_client": "prometheus-client",
    "sqlalchemy": "SQLAlchemy",
    "twisted": "Twisted",
    "zope": "Twisted",
}
"""Packages whose modules go by another name; zope.interface is Twisted's, and
pyOpenSSL comes with its C{tls} extra."""

SILENT = {"tzdata"}
"""Dependencies that zoneinfo imports on our behalf."""

TWISTD = (
    "import sys; from twisted.scripts.twistd import run; sys.argv[0] = 'twistd'; run()"
)

BUILD = (
    "import sys; from setuptools import build_meta as b; "
    "print(getattr(b, 'build_' + sys.argv[1])(sys.argv[2]))"
)


class PackagingTests(SynchronousTestCase):
    """The three ways to install, and what arrives."""

    def setUp(self) -> None:
        """A copy of what is shipped, and an environment to install it in."""
        self.base = Path(self.mktemp()).absolute()
        self.tree = self.base / "tree"
        self.tree.mkdir(parents=True)
        ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "dropin.cache")
        for name in SHIPPED:
            source = CHECKOUT / name
            if source.is_dir():
                shutil.copytree(source, self.tree / name, symlinks=True, ignore=ignore)
            elif source.exists():
                shutil.copy(source, self.tree)
        self.home = self.base / "env"
        venv.EnvBuilder(symlinks=True).create(self.home)
        self.python = str(self.home / "bin" / "python")
        [site] = self.home.glob("lib/python*/site-packages")
        borrowed = sysconfig.get_path("purelib")
        (site / "borrowed.pth").write_text(borrowed + "\n", "utf-8")

    def call(self, *command: str, cwd: Path | None = None) -> str:
        """What a command says; it must succeed."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(
            command,
            cwd=cwd or self.base,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def build(self, what: str) -> Path:
        """Build a C{wheel} or an C{sdist}."""
        said = self.call(
            sys.executable, "-c", BUILD, what, str(self.base), cwd=self.tree
        )
        return self.base / said.split()[-1]

    def install(self, *what: str) -> None:
        """Install into the environment, without asking an index."""
        self.call(
            *(sys.executable, "-m", "pip", "--python", self.python),
            *("install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"),
            *what,
        )

    def assertInstalled(self, where: Path) -> None:
        """twistd lists the product, and it is the one below C{where}."""
        said = self.call(self.python, "-c", TWISTD, "--help")
        self.assertRegex(said, r"(?m)^ +vos3000 +An open carrier softswitch")
        show = (
            "import vos3000; from vos3000 import config, parameters; "
            "print(vos3000.__file__, (config.packaged() / 'vos3000.conf').is_file(), "
            "len(parameters.registry()) >= 131)"
        )
        path, has_etc, has_registry = self.call(self.python, "-c", show).split()
        self.assertTrue(Path(path).is_relative_to(where), path)
        self.assertEqual((has_etc, has_registry), ("True", "True"))
        said = self.call(str(self.home / "bin" / "vos3000"), "--help")
        self.assertIn("Usage: vos3000", said)

    def test_wheel(self) -> None:
        """A wheel holds plugin, data and configuration, and no tests."""
        wheel = self.build("wheel")
        names = zipfile.ZipFile(wheel).namelist()
        self.assertEqual([name for name in DATA if name not in names], [])
        tops = {name.partition("/")[0] for name in names}
        info = {name for name in tops if name.endswith(".dist-info")}
        self.assertEqual(tops - info, {"vos3000", "twisted"})
        self.install(str(wheel))
        self.assertInstalled(self.home)

    def test_source_distribution(self) -> None:
        """A source distribution builds the same from itself alone."""
        sdist = self.build("sdist")
        with tarfile.open(sdist) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        wanted = (*DATA, "etc/vos3000.service", "LICENSE", "pyproject.toml")
        self.assertEqual([name for name in wanted if name not in names], [])
        self.install(str(sdist))
        self.assertInstalled(self.home)

    def test_editable_installation(self) -> None:
        """The developers' installation finds the plugin in the checkout."""
        compat = ("--config-settings", "editable_mode=compat")
        self.install(*compat, "--editable", str(self.tree))
        self.assertInstalled(self.tree)


class MetadataTests(SynchronousTestCase):
    """setup.cfg keeps its promises."""

    def setUp(self) -> None:
        """Read it."""
        self.setup = ConfigParser()
        self.setup.read(CHECKOUT / "setup.cfg", "utf-8")

        self.wanted = {
            re.split(r"[\[>=< ]", line)[0]
            for line in self.setup["options"]["install_requires"].split("\n")
            if line
        }

    def test_every_dependency_is_explained(self) -> None:
        """docs/dependencies.md says why each is there, and lists no other."""
        text = (CHECKOUT / "docs" / "dependencies.md").read_text("utf-8")
        run_time = text.partition("## Run time")[2].partition("\n## ")[0]
        explained = set(re.findall(r"(?m)^\| ([\w-]+)", run_time))
        self.assertEqual(explained - {"package", "---"}, self.wanted)

    def test_every_import_is_a_dependency(self) -> None:
        """What is imported is declared, and what is declared is imported."""
        tops = {
            name.partition(".")[0]
            for path in (CHECKOUT / "vos3000").rglob("*.py")
            for _, name in imports(path.read_text("utf-8"))
        }
        foreign = tops - set(sys.stdlib_module_names) - {"vos3000"}
        self.assertEqual(
            {MODULES.get(top, top) for top in foreign} | SILENT, self.wanted
        )

    def test_the_version_is_in_one_place(self) -> None:
        """No module repeats it."""
        version = self.setup["metadata"]["version"]
        for path in (CHECKOUT / "vos3000").rglob("*.py"):
            self.assertNotIn(f'"{version}"', path.read_text("utf-8"), path)
