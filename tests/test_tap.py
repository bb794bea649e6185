"""
L{vos3000.tap} and the plugin: what twistd gets to see.
"""

from __future__ import annotations

from pathlib import Path

from twisted.application.service import IService, IServiceMaker
from twisted.plugin import getPlugins
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from vos3000 import tap


class PluginTests(SynchronousTestCase):
    """The plugin in the checkout."""

    def test_twistd_finds_it_once(self) -> None:
        """One service maker of this name, which leads to the tap."""
        [maker] = [
            each for each in getPlugins(IServiceMaker) if each.tapname == "vos3000"
        ]
        self.assertEqual(maker.module, "vos3000.tap")
        self.assertIs(maker.options, tap.Options)


class OptionsTests(SynchronousTestCase):
    """The command line of C{twistd vos3000}."""

    def test_both_directories_are_optional(self) -> None:
        """Without an option the defaults hold."""
        options = tap.Options()
        options.parseOptions([])
        self.assertEqual((options.path("config"), options.path("state")), (None, None))

    def test_directories_by_long_and_short_name(self) -> None:
        """Either spelling is read."""
        for words in (["--config", "a", "--state", "b"], ["-c", "a", "-s", "b"]):
            options = tap.Options()
            options.parseOptions(words)
            self.assertEqual(options.path("config"), Path("a"))
            self.assertEqual(options.path("state"), Path("b"))

    def test_there_is_nothing_more(self) -> None:
        """A word or an option too many is refused."""
        for words in (["stray"], ["--port", "5060"]):
            self.assertRaises(UsageError, tap.Options().parseOptions, words)


class MakeServiceTests(SynchronousTestCase):
    """From options to a service, or to an explanation."""

    def setUp(self) -> None:
        """An empty configuration and an empty state directory."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir(parents=True)
        self.options = tap.Options()
        self.options.parseOptions(
            ["-c", str(self.directory), "-s", str(self.directory / "state")]
        )

    def test_an_empty_configuration_makes_a_switch(self) -> None:
        """It does not run before twistd starts it."""
        made = tap.makeService(self.options)
        self.assertTrue(IService.providedBy(made))
        self.assertFalse(made.running)

    def test_mistakes_are_told_without_a_traceback(self) -> None:
        """Every one of both files, and the exit status of a failure."""
        (self.directory / "vos3000.conf").write_text("[sip]\nudp = x\n", "utf-8")
        (self.directory / "mbx2008.conf").write_text("NO_SUCH=1\n", "utf-8")
        error = self.assertRaises(SystemExit, tap.makeService, self.options)
        first, *rest = str(error.code).splitlines()
        self.assertIn("does not start", first)
        self.assertEqual(len(rest), 2)
        self.assertIn("vos3000.conf:2: [sip] udp: 'x'", rest[0])
        self.assertIn("mbx2008.conf:1: NO_SUCH is no system parameter", rest[1])
