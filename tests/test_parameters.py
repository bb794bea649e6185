"""
L{vos3000.parameters}: the registry, mbx2008.conf and the values in force.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from vos3000 import config, parameters
from vos3000.conffile import Problems
from vos3000.errors import ConfigError
from vos3000.model.numbers import NumberPatterns
from vos3000.parameters import Origin, Parameters, read_file, registry

KNOWN = registry()
NAMES = (Path(__file__).parent / "parameter-names.txt").read_text("utf-8").split()


class RegistryTests(SynchronousTestCase):
    """What is known of each parameter."""

    def test_every_known_name_is_there(self) -> None:
        """None of the 131 names that operators know is refused."""
        self.assertEqual(len(NAMES), 131)
        self.assertEqual([name for name in NAMES if KNOWN.find(name) is None], [])

    def test_every_row_is_complete(self) -> None:
        """Group, kind, unit, effect and source are filled in for each."""
        for each in KNOWN:
            row = (each.group, each.kind, each.unit, each.effect, each.source)
            self.assertTrue(all(row), each)
            self.assertIn(each.kind, parameters.KINDS)
            self.assertTrue(each.effect.endswith("."), each)
            self.assertIn(
                each.source,
                ("one source", "several sources", "sources conflict", "ours"),
            )

    def test_every_default_is_accepted(self) -> None:
        """A default has to lie in its own range."""
        for each in KNOWN:
            each.parse(each.default)

    def test_every_number_has_a_range(self) -> None:
        """Whole numbers, decimals, bytes and lists of them are bounded."""
        for each in KNOWN:
            if each.kind in ("int", "decimal", "byte", "seconds", "hours", "port"):
                self.assertIn("..", each.range, each.name)

    def test_documented_defaults(self) -> None:
        """The defaults that operators know, typed."""
        values = Parameters(KNOWN, {}).values
        for name, value in {
            "SERVER_BILLING_FEE_PRECISTION": 2,
            "SERVER_BILLING_HOLD_TIME_PRECISION": 50,
            "SERVER_BILLING_RECORD_SERVER_HANG_UP": True,
            "SERVER_QUERY_CDR_DENY_TIME": frozenset(),
            "SS_GATEWAY_SWITCH_LIMIT": None,
            "SS_GATEWAY_SWITCH_UNTIL_CONNECT": False,
            "SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY": True,
            "SS_SIP_TIMEOUT_INVITE": 10,
            "SS_SIP_TIMEOUT_RINGING": 120,
            "SS_SIP_NO_TIMER_REINVITE_INTERVAL": 7200,
            "SS_SIP_USER_AGENT_EXPIRE": None,
            "SS_SIP_NAT_KEEP_ALIVE_MESSAGE": "HELLO",
            "SS_QOS_SIGNAL": 0xA0,
            "SS_SIP_PORT": (5060, 6060),
            "IVR_CALL_REPORT_PORT": 8000,
            "IVR_CODEC_PRIORITY": ("g729a", "g729", "g723", "g711a", "g711u"),
        }.items():
            self.assertEqual(values[name], value, name)

    def test_our_own_defaults(self) -> None:
        """What the product decided where nobody documents a default."""
        values = Parameters(KNOWN, {}).values
        for name, value in {
            "SS_SIP_RESEND_INTERVAL": (0.5, 1.0, 2.0, 4.0, 4.0, 4.0),
            "SERVER_LOGIN_FAILED_DISABLE_TIME": 300,
            "SERVER_PASSWORD_LENGTH": 10,
            "SERVER_BILLING_FEE_UNIT": Decimal(0),
            "SERVER_BILLING_PREVENT_OVERDRAFT_ADVANCE_TIME": 0,
            "SERVER_QUERY_CDR_MAX_DAY_INTERVAL": 31,
            "SS_AUXILIARY_RING_TONE_ACTIVATION_DELAY": 3,
            "SERVER_GATEWAY_BILATERAL_RECONCILIATION_PERIOD": 30,
            "SS_GATEWAY_QUALITY_RESERVE_TIME": 3600,
            "SS_GATEWAY_QUALITY_RESERVE_SEPARATE": 12,
            "SS_BLACK_LIST_MALICIOUS_CALL_LIMIT": None,
            "SS_BLACK_LIST_CALLER_CONCURRENT_LIMIT": None,
        }.items():
            self.assertEqual(values[name], value, name)
            parameter = KNOWN.canonical(name)
            self.assertEqual(parameter.source, "ours", name)

    def test_an_alias_sets_the_parameter_behind_it(self) -> None:
        """Older and better spellings lead to the name that counts."""
        for name, behind in {
            "SERVER_BILLING_FEE_PRECISION": "SERVER_BILLING_FEE_PRECISTION",
            "SS_GATEWAY_ASR_CALCULATE": "SS_GATEWAY_QUALITY_CALCULATE",
            "SS_AUTHCHALLENGEMODE": "SS_SIP_AUTHENTICATION_CODE",
            "SS_ENDPOINTREGISTERSUSPENDTIME": "SS_AUTHENTICATION_FAILED_SUSPEND",
            "SS_GATEWAY_FEE_RATE_ROUTE_BEFORE_ASR": (
                "SERVER_GATEWAY_ROUTE_FEE_RATE_BEFORE_QUALITY"
            ),
        }.items():
            self.assertEqual(KNOWN.canonical(name).name, behind)
            alias = KNOWN.find(name)
            assert alias is not None
            self.assertEqual(alias.alias_of, behind)

    def test_an_unknown_name_gets_a_hint(self) -> None:
        """The nearest name is offered, a far one is not."""
        error = self.assertRaises(ValueError, KNOWN.canonical, "SS_SIP_TIMEOUT_INVIT")
        self.assertEqual(
            str(error),
            "SS_SIP_TIMEOUT_INVIT is no system parameter; "
            "did you mean SS_SIP_TIMEOUT_INVITE?",
        )
        error = self.assertRaises(ValueError, KNOWN.canonical, "NONSENSE")
        self.assertEqual(str(error), "NONSENSE is no system parameter")


class EffectTests(SynchronousTestCase):
    """What the registry says is in effect, and what the product acts on."""

    def test_in_effect_means_used(self) -> None:
        """
        A parameter is in effect if and only if some module reads it.

        A module names it in quotes, with or without SERVER_BILLING_.
        """
        package = Path(parameters.__file__).parent
        source = "".join(path.read_text("utf-8") for path in package.rglob("*.py"))
        for each in KNOWN:
            stem = each.name.removeprefix("SERVER_BILLING_")
            used = any(f'"{name}"' in source for name in (each.name, stem))
            if not each.alias_of:
                self.assertEqual(used, each.in_effect, each.name)


class KindTests(SynchronousTestCase):
    """How the text of each kind is read."""

    def parse(self, name: str, text: str) -> Any:
        """The value of C{text} for the parameter C{name}."""
        return KNOWN.canonical(name).parse(text)

    def test_good_texts(self) -> None:
        """Each kind takes the forms that operators write."""
        for name, text, value in (
            ("SERVER_BILLING_FREE_TIME", "6", 6),
            ("SERVER_BILLING_FEE_PRECISTION", "6", 6),
            ("SERVER_BILLING_HOLD_TIME_PRECISION", "1000", 1000),
            ("SERVER_BILLING_FEE_UNIT", "0.05", Decimal("0.05")),
            ("SS_REPLY_UNAUTHORIZED", "off", False),
            ("SS_REPLY_UNAUTHORIZED", "1", True),
            ("SS_REPLY_UNAUTHORIZED", "Yes", True),
            ("SS_GATEWAY_SWITCH_LIMIT", "none", None),
            ("SS_GATEWAY_SWITCH_LIMIT", "0", 0),
            ("SS_SIP_USER_AGENT_EXPIRE", "Auto Negotiation", None),
            ("SS_SIP_USER_AGENT_PRIVACY", "ignore", "Ignore"),
            ("SS_SIP_USER_AGENT_PRIVACY", "None", "None"),
            ("SS_SIP_AUTHENTICATION_CODE", "407", "407"),
            ("SERVER_QUERY_CDR_DENY_TIME", "9, 10,23", frozenset({9, 10, 23})),
            ("SERVER_QUERY_CDR_DENY_TIME", "None", frozenset()),
            (
                "SERVER_BILLING_FREE_E164S",
                "5000*,7000",
                NumberPatterns.parse("7000,5000*"),
            ),
            ("SS_QOS_RTP", "184", 0xB8),
            ("SS_QOS_RTP", "0xB8", 0xB8),
            ("SS_SIP_RESEND_INTERVAL", "0.5,1", (0.5, 1.0)),
            ("SS_BLACK_LIST_NO_ANSWER_PERIODS", "09:00-12:30", ((540, 750),)),
            ("SS_BLACK_LIST_NO_ANSWER_PERIODS", "22:00-24:00", ((1320, 1440),)),
            ("IVR_CALL_REPORT_IP", "::1", "::1"),
            ("OUT_POST_URL", "http://h:1/x/", "http://h:1/x/"),
            ("SERVER_GATEWAY_ROUTE_PREFIX", "99, 88", ("99", "88")),
        ):
            self.assertEqual(self.parse(name, text), value, (name, text))

    def test_bad_texts(self) -> None:
        """The refusal names parameter, text and what is accepted."""
        for name, text in (
            ("SERVER_BILLING_FREE_TIME", "-1"),
            ("SERVER_BILLING_FREE_TIME", "1_0"),
            ("SERVER_BILLING_FREE_TIME", "\u0663"),
            ("SERVER_BILLING_FREE_TIME", ""),
            ("SERVER_BILLING_FREE_TIME", "None"),
            ("SERVER_BILLING_FEE_PRECISTION", "7"),
            ("SERVER_BILLING_HOLD_TIME_PRECISION", "1001"),
            ("SERVER_BILLING_FEE_UNIT", "0.0000001"),
            ("SERVER_BILLING_FEE_UNIT", "NaN"),
            ("SERVER_BILLING_FREE_E164S", "5*0"),
            ("SS_REPLY_UNAUTHORIZED", "2"),
            ("SS_REPLY_UNAUTHORIZED", ""),
            ("SS_SIP_AUTHENTICATION_CODE", "403"),
            ("SERVER_QUERY_CDR_DENY_TIME", "24"),
            ("SS_QOS_RTP", "0x100"),
            ("SS_SIP_RESEND_INTERVAL", ""),
            ("SS_SIP_RESEND_INTERVAL", "0"),
            ("SS_SIP_PORT", "5060,0"),
            ("SS_BLACK_LIST_NO_ANSWER_PERIODS", "12:00-09:00"),
            ("SS_BLACK_LIST_NO_ANSWER_PERIODS", "9-12"),
            ("SS_BLACK_LIST_NO_ANSWER_PERIODS", "22:00-24:30"),
            ("IVR_CALL_REPORT_IP", "localhost"),
            ("OUT_POST_URL", "localhost/x"),
            ("IVR_CODEC_PRIORITY", "opus"),
        ):
            error = self.assertRaises(ValueError, self.parse, name, text)
            self.assertIn(f"{name} = {text!r} is not accepted; it takes ", str(error))

    def test_what_is_accepted_is_said_in_words(self) -> None:
        """Kind, range, unit and special word, whatever there is of them."""
        for name, words in {
            "SERVER_BILLING_HOLD_TIME_PRECISION": "a whole number, 0..1000 ms",
            "SS_GATEWAY_SWITCH_LIMIT": "a whole number, 0..1000 times, or None",
            "SS_REPLY_UNAUTHORIZED": "On/Off",
            "SS_SIP_RESEND_INTERVAL": "a comma list, 0.05..32 s",
            "SERVER_QUERY_CDR_DENY_TIME": "a comma list of hours, 0..23, or None",
        }.items():
            self.assertEqual(KNOWN.canonical(name).accepted, words)


class FileTests(SynchronousTestCase):
    """mbx2008.conf."""

    def setUp(self) -> None:
        """An empty directory."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir(parents=True)
        self.path = self.directory / parameters.FILE

    def write(self, text: str) -> Parameters:
        """The values that a file of C{text} makes."""
        self.path.write_text(text, "utf-8")
        _, made = parameters.read(self.directory, None, {}, root=True)
        return made

    def problems(self, text: str) -> list[str]:
        """What is wrong with C{text}, each with its line in front."""
        error = self.assertRaises(ConfigError, self.write, text)
        return [each.removeprefix(f"{self.path}:") for each in error.problems]

    def test_values_may_stand_in_quotes(self) -> None:
        """Either kind of quote keeps blanks and # in the value."""
        values = self.write(
            'SS_SIP_NAT_KEEP_ALIVE_MESSAGE = " # hi "   # comment\n'
            "SERVER_BILLING_FREE_TIME='6'\nIVR_ALARM_CONFIRM_KEY=#\n"
        ).values
        self.assertEqual(values["SS_SIP_NAT_KEEP_ALIVE_MESSAGE"], " # hi ")
        self.assertEqual(values["SERVER_BILLING_FREE_TIME"], 6)
        self.assertEqual(values["IVR_ALARM_CONFIRM_KEY"], "#")

    def test_an_alias_is_taken(self) -> None:
        """The right spelling of precision sets the misspelt parameter."""
        values = self.write("SERVER_BILLING_FEE_PRECISION=4\n").values
        self.assertEqual(values["SERVER_BILLING_FEE_PRECISTION"], 4)

    def test_all_mistakes_are_reported_together(self) -> None:
        """Unknown names, bad values and bad lines of one file, with their lines."""
        found = self.problems(
            "# comment\nNO_SUCH=1\nSERVER_BILLING_FREE_TIME=-1\nnothing\n"
            "SERVER_BILLING_FREE_TIME=6\n"
            "SERVER_BILLING_FEE_PRECISTION=2\nSERVER_BILLING_FEE_PRECISION=3\n"
            'SS_SIP_SESSION_TTL="600\n'
        )
        self.assertEqual(
            found,
            [
                "2: NO_SUCH is no system parameter",
                "3: SERVER_BILLING_FREE_TIME = '-1' is not accepted; "
                "it takes a whole number, 0..86400 s",
                "4: 'nothing' is not of the form NAME=value",
                "5: SERVER_BILLING_FREE_TIME is set a second time",
                "7: SERVER_BILLING_FEE_PRECISTION is set a second time",
                '8: "600 has no closing quote at its end',
            ],
        )

    def test_both_files_are_reported_together(self) -> None:
        """A mistake in either file hides none in the other."""
        other = self.directory / config.FILE
        other.write_text("[sip]\nudp = x\n", "utf-8")
        self.path.write_text("NO_SUCH=1\n", "utf-8")
        error = self.assertRaises(
            ConfigError, parameters.read, self.directory, None, {}, True
        )
        self.assertEqual(
            [each.split(" ")[0] for each in error.problems],
            [f"{other}:2:", f"{self.path}:1:"],
        )

    def test_the_packaged_file_sets_nothing(self) -> None:
        """What is shipped is all comments."""
        problems = Problems()
        path = config.packaged() / parameters.FILE
        self.assertEqual(read_file(path, KNOWN, problems), {})
        problems.check()

    def test_the_packaged_file_shows_every_default(self) -> None:
        """Each parameter stands there once, with the registry's own default."""
        path = config.packaged() / parameters.FILE
        shown = [
            line.removeprefix("#")
            for line in path.read_text("utf-8").splitlines()
            if line.startswith("#") and line[1:2].isupper() and "=" in line
            and " " not in line.partition("=")[0]
        ]  # fmt: skip
        values = self.write("\n".join(shown)).values
        own = [each for each in KNOWN if not each.alias_of]
        self.assertEqual(len(shown), len(own))
        for each in own:
            setting = values.setting(each.name)
            self.assertEqual(
                (setting.text, setting.origin), (each.default, Origin.FILE)
            )


class ParametersTests(SynchronousTestCase):
    """The values in force."""

    def setUp(self) -> None:
        """Values of a file that sets the free time."""
        setting = parameters.Setting(6, "6", Origin.FILE)
        self.parameters = Parameters(KNOWN, {"SERVER_BILLING_FREE_TIME": setting})

    def test_the_file_wins_over_the_database(self) -> None:
        """Default, database and file, in rising order."""
        problems = self.parameters.replace(
            {"SERVER_BILLING_FREE_TIME": "9", "SS_SIP_SESSION_TTL": " 900 "}
        )
        self.assertEqual(problems, ())
        values = self.parameters.values
        self.assertEqual(values["SERVER_BILLING_FREE_TIME"], 6)
        self.assertEqual(values["SS_SIP_SESSION_TTL"], 900)
        origins = [
            values.setting(name).origin
            for name in (
                "SERVER_BILLING_FREE_TIME",
                "SS_SIP_SESSION_TTL",
                "SS_SIP_TIMEOUT_INVITE",
            )
        ]
        self.assertEqual(origins, [Origin.FILE, Origin.DATABASE, Origin.DEFAULT])

    def test_a_bad_row_of_the_database_leaves_the_default(self) -> None:
        """It is told, and stops nothing: the switch may be running."""
        problems = self.parameters.replace(
            {"SS_SIP_SESSION_TTL": "1", "NO_SUCH": "1", "SS_MAXCALLDURATION": "60"}
        )
        self.assertEqual(
            problems,
            (
                "e_moconfig: NO_SUCH is no system parameter",
                "e_moconfig: SS_SIP_SESSION_TTL = '1' is not accepted; "
                "it takes a whole number, 90..86400 s",
            ),
        )
        self.assertEqual(self.parameters.values["SS_SIP_SESSION_TTL"], 600)
        self.assertEqual(self.parameters.values["SS_MAXCALLDURATION"], 60)

    def test_a_row_that_is_gone_is_forgotten(self) -> None:
        """Each load stands for the whole table."""
        self.parameters.replace({"SS_MAXCALLDURATION": "60"})
        self.parameters.replace({})
        self.assertEqual(self.parameters.values["SS_MAXCALLDURATION"], 14400)

    def test_the_own_name_wins_over_an_alias(self) -> None:
        """An imported database may hold both spellings."""
        self.parameters.replace(
            {
                "SERVER_BILLING_FEE_PRECISION": "3",
                "SERVER_BILLING_FEE_PRECISTION": "4",
                "SS_GATEWAY_ASR_RESERVE_TIME": "60",
                "SS_GATEWAY_QUALITY_RESERVE_TIME": "120",
            }
        )
        self.assertEqual(self.parameters.values["SERVER_BILLING_FEE_PRECISTION"], 4)
        self.assertEqual(self.parameters.values["SS_GATEWAY_QUALITY_RESERVE_TIME"], 120)

    def test_values_taken_earlier_do_not_change(self) -> None:
        """A call keeps the rules it began with."""
        before = self.parameters.values
        self.parameters.replace({"SS_MAXCALLDURATION": "60"})
        self.assertEqual(before["SS_MAXCALLDURATION"], 14400)
        self.assertIsNot(before, self.parameters.values)

    def test_a_file_read_again_keeps_the_database(self) -> None:
        """Reload takes the new file's values and drops the old file's."""
        self.parameters.replace({"SERVER_BILLING_FREE_TIME": "9"})
        self.parameters.adopt(Parameters(KNOWN, {}))
        self.assertEqual(self.parameters.values["SERVER_BILLING_FREE_TIME"], 9)

    def test_the_values_are_a_mapping(self) -> None:
        """Every parameter by its own name; an alias is no name of a value."""
        values = self.parameters.values
        self.assertEqual(len(values), len([p for p in KNOWN if not p.alias_of]))
        self.assertEqual(set(values), {p.name for p in KNOWN if not p.alias_of})
        self.assertRaises(KeyError, lambda: values["SERVER_BILLING_FEE_PRECISION"])


class PushUrlTests(SynchronousTestCase):
    """Where pushes go."""

    def url(self, push: str, **database: str) -> str:
        """The base for [push] url and rows of e_moconfig."""
        values = Parameters(KNOWN, {})
        self.assertEqual(values.replace(database), ())
        return parameters.push_url(config.Push(push), values.values)

    def test_the_most_particular_setting_wins(self) -> None:
        """[push] url, OUT_POST_URL, the report address, nobody."""
        report = {"IVR_CALL_REPORT_IP": "192.0.2.1", "IVR_CALL_REPORT_PORT": "81"}
        out = {**report, "OUT_POST_URL": "http://b/"}
        self.assertEqual(self.url("http://a/", **out), "http://a/")
        self.assertEqual(self.url("", **out), "http://b/")
        self.assertEqual(self.url("", **report), "http://192.0.2.1:81/")
        self.assertEqual(self.url(""), "")
        self.assertEqual(
            self.url("", IVR_CALL_REPORT_IP="2001:db8::1"), "http://[2001:db8::1]:8000/"
        )
