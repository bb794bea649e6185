"""
L{vos3000.config} and L{vos3000.conffile}: vos3000.conf.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from vos3000 import config
from vos3000.conffile import Problems, lines
from vos3000.config import Config, Endpoint, Hep
from vos3000.errors import ConfigError

HOME: Mapping[str, str] = {"HOME": "/home/u", "TZ": "Europe/Berlin"}


class ConfigTestCase(SynchronousTestCase):
    """A directory to write vos3000.conf into."""

    def setUp(self) -> None:
        """An empty directory."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir(parents=True)
        self.path = self.directory / config.FILE

    def load(self, text: str, state: Path | None = None) -> Config:
        """The configuration that C{text} makes."""
        self.path.write_text(text, "utf-8")
        problems = Problems()
        loaded = config.load(self.directory, state, HOME, False, problems)
        problems.check()
        return loaded

    def problems(self, text: str) -> list[str]:
        """What is wrong with C{text}, each with its line in front."""
        error = self.assertRaises(ConfigError, self.load, text)
        return [each.removeprefix(f"{self.path}:") for each in error.problems]


class DefaultTests(ConfigTestCase):
    """What holds when nobody says anything."""

    def test_no_file_means_defaults(self) -> None:
        """Without a file the switch listens where a newcomer looks for it."""
        problems = Problems()
        loaded = config.load(self.directory, None, HOME, False, problems)
        problems.check()
        self.assertEqual(loaded.sip.udp, (Endpoint("0.0.0.0", 5060),))
        self.assertEqual(loaded.sip.tcp, (Endpoint("0.0.0.0", 5060),))
        self.assertEqual((loaded.sip.tls, loaded.sip.ws), ((), ()))
        self.assertEqual(loaded.h323.signal, (Endpoint("0.0.0.0", 1720),))
        self.assertEqual(loaded.h323.ras, (Endpoint("0.0.0.0", 1719),))
        self.assertEqual(loaded.http.listen, (Endpoint("127.0.0.1", 8080),))
        self.assertEqual(loaded.http.prefixes, ("/external/server",))
        self.assertEqual(loaded.media.ports, (10000, 19999))
        self.assertEqual(loaded.database.url, "")
        self.assertEqual(loaded.push.url, "")
        self.assertEqual((loaded.log.level, loaded.log.format), ("info", "text"))

    def test_an_empty_file_is_no_file(self) -> None:
        """Sections without keys change nothing."""
        sections = "\n".join(f"[{name}]" for name in config.KEYS)
        self.assertEqual(self.load(""), self.load(sections))

    def test_the_packaged_file_sets_nothing(self) -> None:
        """What is shipped is all comments: its defaults cannot drift apart."""
        text = (config.packaged() / config.FILE).read_text("utf-8")
        self.assertEqual(self.load(text), self.load(""))

    def test_the_packaged_file_explains_every_key(self) -> None:
        """Each key stands below its section, with a default that is accepted."""
        text = (config.packaged() / config.FILE).read_text("utf-8")
        shown = "\n".join(
            line.removeprefix("#")
            if line.startswith("#") and line[1:2].strip()
            else line
            for line in text.splitlines()
        )
        for section, keys in config.KEYS.items():
            part = shown.partition(f"[{section}]\n")[2].partition("\n[")[0]
            for key in keys:
                self.assertIn(f"\n{key} =", part)
        loaded, plain = self.load(shown), self.load("")
        self.assertEqual(loaded.sip, plain.sip)
        self.assertEqual(loaded.h323, plain.h323)
        self.assertEqual(loaded.http, plain.http)
        self.assertEqual(loaded.media, plain.media)
        self.assertEqual(loaded.log, plain.log)

    def test_state_of_root_is_the_systems(self) -> None:
        """Root keeps its state where Debian keeps services' state."""
        self.assertEqual(config.default_state(True, HOME), Path("/var/lib/vos3000"))

    def test_state_of_a_user_is_below_home(self) -> None:
        """A user without rights keeps it where the XDG rules say."""
        self.assertEqual(
            config.default_state(False, HOME), Path("/home/u/.local/state/vos3000")
        )
        self.assertEqual(
            config.default_state(False, {"XDG_STATE_HOME": "/s"}), Path("/s/vos3000")
        )

    def test_the_zone_is_the_environments(self) -> None:
        """TZ names the zone, with or without POSIX's colon."""
        for name in ("Europe/Berlin", ":Europe/Berlin"):
            self.assertEqual(config.system_zone({"TZ": name}).key, "Europe/Berlin")

    def test_the_zone_is_the_machines(self) -> None:
        """Without TZ it is what localtime links to, and UTC if that says nothing."""
        link = self.directory / "localtime"
        self.assertEqual(config.system_zone({}, link).key, "UTC")
        link.symlink_to("/usr/share/zoneinfo/Asia/Shanghai")
        self.assertEqual(config.system_zone({}, link).key, "Asia/Shanghai")
        self.assertEqual(
            config.system_zone({"TZ": "no/zone"}, link).key, "Asia/Shanghai"
        )

    def test_a_directory_that_is_missing_is_a_mistake(self) -> None:
        """Who names a directory means one that exists."""
        problems = Problems()
        config.find(self.directory / "none", problems)
        error = self.assertRaises(ConfigError, problems.check)
        self.assertEqual(error.problems, (f"{self.directory}/none: is no directory",))


class ValueTests(ConfigTestCase):
    """What a file may say."""

    def test_listeners_are_lists(self) -> None:
        """Commas separate them, brackets hold IPv6 addresses."""
        loaded = self.load("[sip]\nudp = 127.0.0.1:5070, [::]:5060\n")
        self.assertEqual(
            loaded.sip.udp, (Endpoint("127.0.0.1", 5070), Endpoint("::", 5060))
        )
        self.assertEqual(
            [str(e) for e in loaded.sip.udp], ["127.0.0.1:5070", "[::]:5060"]
        )

    def test_an_empty_value_switches_a_listener_off(self) -> None:
        """It is not the same as leaving the key out."""
        loaded = self.load("[sip]\ntcp =\n[http]\nlisten=\n")
        self.assertEqual((loaded.sip.tcp, loaded.http.listen), ((), ()))
        self.assertEqual(loaded.sip.udp, (Endpoint("0.0.0.0", 5060),))

    def test_every_section_is_read(self) -> None:
        """Each key reaches its place."""
        loaded = self.load(
            "[state]\ndir = /s\nzone = Asia/Kolkata\n"
            "[http]\nprefixes = /external/server/, /vos, /\n"
            "[media]\naddress = 2001:db8:0::1\nports = 20000 - 20999\n"
            "[push]\nurl = https://crm.example.net/hook/\n"
            "[hep]\nserver = homer.example:9060\ncapture_id = 7\npassword = pw\n"
            "[log]\nlevel = warn\nformat = json\n[cluster]\n"
        )
        self.assertEqual(loaded.state.dir, Path("/s"))
        self.assertEqual(loaded.state.zone.key, "Asia/Kolkata")
        self.assertEqual(loaded.http.prefixes, ("/external/server", "/vos", ""))
        self.assertEqual(loaded.media.address, "2001:db8::1")
        self.assertEqual(loaded.media.ports, (20000, 20999))
        self.assertEqual(loaded.push.url, "https://crm.example.net/hook/")
        self.assertEqual(loaded.hep, Hep(Endpoint("homer.example", 9060), 7, "pw"))
        self.assertNotIn("pw", repr(loaded.hep))
        self.assertEqual((loaded.log.level, loaded.log.format), ("warn", "json"))

    def test_the_option_wins_over_the_file(self) -> None:
        """--state is what counts, and is made absolute."""
        loaded = self.load("[state]\ndir = /s\n", Path("t"))
        self.assertEqual(loaded.state.dir, Path("t").absolute())

    def test_comments_and_blanks_say_nothing(self) -> None:
        """# and ; begin a comment at the beginning of a line only."""
        loaded = self.load("\ufeff# a\n\n  ; b\r\n[push]\r\nurl = http://h/#x\r\n")
        self.assertEqual(loaded.push.url, "http://h/#x")

    def test_files_of_tls(self) -> None:
        """They lie beside the file that names them, or where it says."""
        loaded = self.load(
            "[sip]\ntls_certificate = our.pem\ntls_key = /k/our.key\ntls_ca =\n"
            "tls_verify_clients = require\n"
        ).sip
        self.assertEqual(loaded.tls_certificate, self.directory.absolute() / "our.pem")
        self.assertEqual(loaded.tls_key, Path("/k/our.key"))
        self.assertIsNone(loaded.tls_ca)
        self.assertEqual(loaded.tls_verify_clients, "require")
        (problem,) = self.problems("[sip]\ntls_verify_clients = yes\n")
        self.assertIn("'yes' is none of off, request, require", problem)

    def test_origins(self) -> None:
        """Pages are compared as browsers name them, in any case."""
        loaded = self.load("[sip]\nws_origins = HTTPS://Phone.example, null\n").sip
        self.assertEqual(loaded.ws_origins, ("https://phone.example", "null"))
        for bad in ("phone.example", "https://phone.example/", "*"):
            (problem,) = self.problems(f"[sip]\nws_origins = {bad}\n")
            self.assertIn("is no origin, https://phone.example would be", problem)

    def test_settings_of_later_releases_are_told(self) -> None:
        """They are accepted, and the operator learns that nothing comes of them."""
        loaded = self.load(
            "[sip]\ntls =\n[h323]\nras = 0.0.0.0:1719\n[media]\nports = 1-2\n"
        )
        self.assertEqual(loaded.without_effect, ("[h323] ras", "[media] ports"))
        self.assertEqual(loaded.h323.ras, (Endpoint("0.0.0.0", 1719),))


class MistakeTests(ConfigTestCase):
    """What a file must not say."""

    def test_all_mistakes_are_reported_together(self) -> None:
        """One start names every line that is wrong, in the file's order."""
        found = self.problems(
            "stray = 1\n[sip]\nudp = 5060\nudq = 0.0.0.0:5060\ntcp\n"
            "[sipp]\nudp = x\n[log]\nlevel = loud\n[log\n"
        )
        self.assertEqual([each.partition(":")[0] for each in found], [*"134569", "10"])

    def test_a_mistake_says_what_would_be_right(self) -> None:
        """Line, setting, what is wrong and how it would be right."""
        self.assertEqual(
            self.problems("[sip]\nudp = 5060\n"),
            ["2: [sip] udp: '5060' is no listener, 0.0.0.0:5060 or [::]:5060 would be"],
        )
        self.assertEqual(
            self.problems("[sip]\nudq = 1\n"),
            [
                "2: [sip] udq is not known; the keys are udp, tcp, tls, ws, wss,"
                " ws_origins, dns, tls_certificate, tls_key, tls_ca,"
                " tls_verify_clients, realm, digest"
            ],
        )
        self.assertEqual(
            self.problems("[cluster]\nnodes = 2\n"),
            ["2: [cluster] nodes is not known; the keys are none"],
        )

    def test_realm_and_digest(self) -> None:
        """A realm that fits between quotes, algorithms that we have."""
        for key, bad in (
            ("realm", ""),
            ("realm", 'a"b'),
            ("realm", "a\\b"),
            ("digest", ""),
            ("digest", "MD4"),
            ("digest", "MD5, md5"),
        ):
            (problem,) = self.problems(f"[sip]\n{key} = {bad}\n")
            self.assertIn(f"2: [sip] {key}", problem)

    def test_bad_listeners_are_refused(self) -> None:
        """Names, ports out of range, bare IPv6 and doubles are no listeners."""
        for text in (
            "localhost:5060",
            "0.0.0.0:0",
            "0.0.0.0:65536",
            "0.0.0.0:x",
            "0.0.0.0:-1",
            ":::5060",
            "[0.0.0.0]:5060",
            "0.0.0.0",
            "0.0.0.0:5060, 0.0.0.0:5060",
        ):
            [problem] = self.problems(f"[sip]\nudp = {text}\n")
            self.assertTrue(problem.startswith("2: [sip] udp: "), problem)

    def test_other_bad_values_are_refused(self) -> None:
        """Each kind of value has its own words for it."""
        for section, line, words in (
            ("state", "dir =", "a directory is needed"),
            ("state", "zone = Mars/Base", "is no time zone"),
            ("state", "zone =", "is no time zone"),
            ("state", "zone = ../etc/passwd", "is no time zone"),
            ("database", "url = postgres://h/d", "is the form"),
            ("database", "url = mysql://u:p@h:99999/d", "is the form"),
            ("http", "prefixes = external", "is no path"),
            ("http", "prefixes =", "at least one path"),
            ("media", "address = here", "is no IP address"),
            ("media", "ports = 10000", "is no range of ports"),
            ("media", "ports = 20000-10000", "is no range of ports"),
            ("push", "url = ftp://h/", "is no http://"),
            ("push", "url = http://h:99999/", "is no http://"),
            ("hep", "server = homer", "is no host:port"),
            ("hep", "server = homer example:9060", "is no host:port"),
            ("hep", "server = homer:sip", "is no port"),
            ("hep", "capture_id = x", "is no number"),
            ("hep", "capture_id = 4294967296", "is no number"),
            ("log", "level = LOUD", "is none of debug"),
            ("log", "format = xml", "is none of text, json"),
        ):
            [problem] = self.problems(f"[{section}]\n{line}\n")
            self.assertIn(words, problem)

    def test_a_database_that_cannot_be_used_is_not_ignored(self) -> None:
        """Money must not go to SQLite when the operator said something else."""
        [problem] = self.problems("[database]\nurl = oracle://u:p@db:3306/vos3000\n")
        self.assertIn("mysql://user:password@host:3306/vos3000 is the form", problem)

    def test_a_key_stands_once(self) -> None:
        """The second one is a mistake, also in a second section of that name."""
        found = self.problems("[log]\nlevel = info\n[sip]\n[log]\nlevel = warn\n")
        self.assertEqual(found, ["5: [log] level is set a second time"])

    def test_bytes_that_are_no_text_are_refused(self) -> None:
        """The line of the first bad byte is named."""
        self.path.write_bytes(b"[log]\n# \xff\n")
        problems = Problems()
        self.assertEqual(list(lines(self.path, problems)), [])
        error = self.assertRaises(ConfigError, problems.check)
        self.assertEqual(error.problems, (f"{self.path}:2: is not UTF-8 text",))

    def test_a_file_that_cannot_be_read_is_refused(self) -> None:
        """A directory in its place stands for any refusal of the system."""
        self.path.mkdir()
        problems = Problems()
        self.assertEqual(list(lines(self.path, problems)), [])
        error = self.assertRaises(ConfigError, problems.check)
        self.assertEqual(
            error.problems, (f"{self.path}: cannot be read: Is a directory",)
        )
