"""Tests of L{vos3000.db.vos}: made-up databases of VOS3000s are taken over."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pymysql
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests import vossource
from tests.rows import UTC, balances, empty_database, ledger, memory_pool, rows
from tests.vossource import DAY, NOON, VosSource
from vos3000.db import ids, secrets
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.numbergroups import NumberGroupStore
from vos3000.db.phones import PhoneStore
from vos3000.db.pool import Pool
from vos3000.db.rates import RateStore
from vos3000.db.settings import AccessStore, ParameterStore
from vos3000.db.vos import state, taking
from vos3000.db.vos.findings import Report
from vos3000.db.vos.source import Source
from vos3000.db.vos.taking import Taking
from vos3000.errors import ConfigError, StorageError
from vos3000.model.accounts import ENDLESS
from vos3000.model.rates import RateSection
from vos3000.parameters import registry

KEY = bytes(range(32))


class Killed(Exception):
    """Raised where a process would be killed."""


class TakingCase(SynchronousTestCase):
    """A target, and sources."""

    def setUp(self) -> None:
        """An empty target."""
        self.target = empty_database()
        self.pool: Pool = memory_pool(self.target)
        self.pool.dialect.secrets = secrets.Sealer(KEY)

    def made(self, source: VosSource) -> VosSource:
        """A source that the test ends."""
        self.addCleanup(source.close)
        return source

    def taking(self, made: VosSource, die: str = "", **options: Any) -> Taking:
        """An import of a source; C{die} is the step in whose middle it ends."""

        def progress(step: str, done: int, total: int) -> None:
            if die and step == die and done:
                raise Killed(step)

        source = Source(made.url, **options)
        self.addCleanup(source.close)
        return Taking(source, UTC, registry(), NOON, progress)

    def take(self, made: VosSource, ahead: str = "", **options: Any) -> Report:
        """Carry a source over."""
        work = self.taking(made, **options).take(self.pool, ahead)
        return self.successResultOf(Deferred.fromCoroutine(work))

    def refusal(self, made: VosSource, kind: type[Exception]) -> str:
        """Why an import failed."""
        work = Deferred.fromCoroutine(self.taking(made).take(self.pool))
        return str(self.failureResultOf(work, kind).value)

    def rows(self, sql: str) -> list[Any]:
        """What the target answers."""
        return rows(self.target, sql)

    def assertLedger(self) -> None:  # noqa: N802
        """Each balance is the sum of the rows that say why."""
        self.assertEqual(balances(self.target), ledger(self.target))

    def assertSums(self, report: Report) -> None:  # noqa: N802
        """The check of sums found nothing lost and nothing twice."""
        self.assertEqual([s.what for s in report.sums if not s.equal], [], report.sums)
        self.assertEqual(len(report.sums), 5)


class OldLayoutTests(TakingCase):
    """A VOS3000 of about 2.1.6."""

    def setUp(self) -> None:
        """The source."""
        super().setUp()
        self.source = self.made(vossource.old())

    def test_accounts_have_their_balances(self) -> None:
        """By payments, records and an opening payment, rounded to six digits."""
        report = self.take(self.source)
        self.assertEqual(
            balances(self.target),
            {"1000": 12_345_679, "2000": -300_000, "1001": 100_000},
        )
        self.assertLedger()
        opened = self.rows(
            "SELECT account, fee, customermoney, paytime FROM e_payhistory"
            " WHERE type = 2 ORDER BY account"
        )
        # 12.345679 = 20 - 3 - 15 * 0.1 - 3.154321
        self.assertEqual(
            [tuple(row) for row in opened],
            [
                ("1000", -3_154_321, 12_345_679, NOON),
                ("1001", 100_000, 100_000, NOON),
                ("2000", 300_000, -300_000, NOON),
            ],
        )
        rounded = report.tables["e_customer"].changed[
            "money: rounded half up to 6 digits after the point"
        ]
        self.assertEqual(rounded.count, 1)
        self.assertEqual(rounded.moved, Decimal("0.000000099"))
        self.assertEqual(rounded.examples, ["account 1000: 12.345678901 is 12.345679"])

    def test_references_by_number_become_keys(self) -> None:
        """Of groups, agents and accounts; one that leads nowhere is told."""
        report = self.take(self.source)
        found = self.successResultOf(CustomerStore(self.pool).all())
        customers = {customer.account: customer for customer in found}
        self.assertEqual(customers["1000"].fee_rate_group, "retail")
        self.assertEqual(customers["1001"].agent_account, "1000")
        self.assertEqual(customers["1001"].fee_rate_group, "")
        self.assertEqual(customers["2000"].id, 22)
        self.assertEqual(customers["1000"].valid_time, ENDLESS)
        changed = report.tables["e_customer"].changed
        lost = changed["feerategroup_id: names nothing that is carried, left empty"]
        self.assertEqual(lost.examples, ["account 1001: 77"])

    def test_names_come_out_of_other_character_sets(self) -> None:
        """Of GBK as its column says, of UTF-8 where it says latin1."""
        report = self.take(self.source)
        found = self.successResultOf(CustomerStore(self.pool).all())
        self.assertEqual(found[0].name, vossource.CHINESE_NAME)
        self.assertEqual(found[1].memo, vossource.LATIN_NAME)
        told = report.tables["e_customer"].changed
        self.assertIn("memo: not in the character set its column says", told)

    def test_encoding_is_what_the_operator_says(self) -> None:
        """Of columns that say latin1."""
        self.source.run(
            "UPDATE e_customer SET memo = CAST(%s AS BINARY) WHERE id = 22",
            (vossource.CHINESE_NAME.encode("gb18030"),),
        )
        self.take(self.source, encoding="gb18030")
        found = self.successResultOf(CustomerStore(self.pool).all())
        self.assertEqual(found[1].memo, vossource.CHINESE_NAME)

    def test_unknown_values_are_told_with_their_row(self) -> None:
        """And where they would open something, it is closed."""
        report = self.take(self.source)
        (customer,) = self.successResultOf(GatewayStore(self.pool, MAPPING).values())
        (carrier,) = self.successResultOf(GatewayStore(self.pool, ROUTING).values())
        self.assertEqual(customer.settings["rtpForwardType"], 0)
        self.assertEqual(carrier.lock_type, 3)
        self.assertEqual(
            report.tables["e_gatewaymapping"]
            .changed["rtpforwardtype: unknown value, 0 instead"]
            .examples,
            ["mapping gateway customer: value 9"],
        )
        self.assertEqual(
            report.tables["e_gatewayrouting"]
            .changed["locktype: unknown value, 3 instead"]
            .examples,
            ["routing gateway carrier: value 9"],
        )
        changed = report.tables["e_customer"].changed
        self.assertIn("locktype: unknown value, 1 instead", changed)

    def test_gateways_and_phones_work(self) -> None:
        """With settings of the one table, passwords sealed."""
        self.take(self.source)
        (customer,) = self.successResultOf(GatewayStore(self.pool, MAPPING).values())
        self.assertEqual(customer.id, 31)
        self.assertEqual(customer.remote_ips, ("192.0.2.1", "192.0.2.2"))
        self.assertEqual(customer.account, "1000")
        self.assertEqual(customer.rewrite_callee, "00:")
        self.assertFalse(customer.sip.timer)
        self.assertEqual(customer.password, "in clear")
        (carrier,) = self.successResultOf(GatewayStore(self.pool, ROUTING).values())
        self.assertEqual(carrier.prefixes, ("49", "33"))
        self.assertEqual(carrier.clearing_account, "2000")
        self.assertTrue(carrier.continues)
        phones = PhoneStore(self.pool, CustomerStore(self.pool))
        (phone,) = self.successResultOf(phones.values())
        self.assertEqual((phone.e164, phone.password), ("2001", "phone pw"))
        self.assertEqual(phone.origin.account, "1000")
        stored = self.rows("SELECT password FROM e_gatewaymapping")
        stored += self.rows("SELECT password FROM e_phone")
        for (password,) in stored:
            self.assertTrue(password.startswith(secrets.MARK))

    def test_rates_have_the_first_section_of_their_row(self) -> None:
        """And a lock that nobody knows closes the prefix."""
        report = self.take(self.source)
        groups = self.successResultOf(RateStore(self.pool).all_rates())
        retail = dict(groups["retail"])
        self.assertEqual(retail["49"].sections, (RateSection(30, Decimal("0.05")),))
        self.assertEqual(retail["491"].fee, Decimal("0.1"))
        self.assertEqual(retail["491"].sections, ())
        self.assertEqual(dict(groups["vendor"])["49"].lock_type, 1)
        told = report.tables["e_feerate"]
        self.assertEqual(told.left["tax"].count, 1)
        self.assertEqual(told.refused["it belongs to no rate group"].count, 1)

    def test_records_have_their_columns_and_numbers(self) -> None:
        """Old names become ours; flowno stays and goes on above."""
        report = self.take(self.source)
        self.assertSums_but_one(report)
        self.assertEqual(self.rows("SELECT COUNT(*) FROM e_cdr_20260227"), [(5,)])
        (row,) = self.rows(
            "SELECT callerpdd, callerareacode, softswitchname, callergatewayid,"
            " customername, starttime FROM e_cdr_20260227 WHERE flowno = 5000000002"
        )
        self.assertEqual(
            tuple(row),
            (1200, "49", "MBX", "customer", vossource.CHINESE_NAME,
             NOON - 2 * DAY + 2000),
        )  # fmt: skip
        told = report.tables["e_cdr_20260227"]
        self.assertEqual(told.left["subcdr_id"].count, 5)
        self.assertIn("pdd: becomes callerpdd", told.changed)
        rounded = told.changed["agentfee: rounded half up to 6 digits after the point"]
        self.assertEqual(rounded.moved, Decimal("-0.0000000020"))
        taken = self.pool.interact("t", ids.take, ids.FLOWNO)
        self.assertEqual(self.successResultOf(taken), 5_000_000_100)

    def assertSums_but_one(self, report: Report) -> None:  # noqa: N802
        """The call that was running is missing, and no money."""
        different = [line.what for line in report.sums if not line.equal]
        self.assertEqual(different, ["records"])
        refused = report.tables["e_cdr"].refused
        self.assertEqual(
            refused["the call was running: it has no stoptime"].examples,
            ["flowno 5000000099"],
        )

    def test_rest_is_told(self) -> None:
        """Tables, columns and parameters that have no place here."""
        report = self.take(self.source)
        self.assertIn("suites are not in effect", report.tables["e_suite"].why)
        self.assertEqual(report.tables["e_suite"].rows, 1)
        self.assertIn("no table of VOS3000's", report.tables["e_somethingold"].why)
        left = report.tables["e_gatewaymapping"].left
        self.assertEqual(left["vendorswitch"].examples, ["4"])
        told = report.tables["e_syspara"]
        self.assertEqual(
            told.refused["no parameter of this release"].examples,
            ["SS_NOBODY_KNOWS = 1"],
        )
        stored = self.successResultOf(ParameterStore(self.pool).all())
        self.assertEqual(stored, {"SERVER_BILLING_FREE_TIME": "3"})
        payments = report.tables["e_payhistory"]
        self.assertEqual(payments.carried, 2)
        self.assertIn("its account is none that is carried", payments.refused)
        self.assertIn("fee: of a deduction, becomes negative", payments.changed)

    def test_dry_run_tells_the_same_and_changes_nothing(self) -> None:
        """Not in the source either."""
        before = self.source.checksum()
        told = self.taking(self.source).look()
        self.assertEqual(self.rows("SELECT COUNT(*) FROM e_customer"), [(0,)])
        self.assertEqual(self.rows("SELECT COUNT(*) FROM e_othermaxid"), [(0,)])
        done = self.take(self.source)
        self.assertEqual(self.source.checksum(), before)
        self.assertEqual(set(told.tables), set(done.tables))
        for name, table in done.tables.items():
            self.assertEqual(told.tables[name].left, table.left, name)
            self.assertEqual(told.tables[name].carried, table.carried, name)
            self.assertEqual(set(told.tables[name].changed), set(table.changed), name)
            self.assertEqual(set(told.tables[name].refused), set(table.refused), name)


class NewLayoutTests(TakingCase):
    """A VOS3000 of about 2.1.9."""

    def setUp(self) -> None:
        """The source."""
        super().setUp()
        self.source = self.made(vossource.new())

    def test_history_that_sums_up_needs_no_opening(self) -> None:
        """Payments, rents and records explain one balance; the other has a row."""
        report = self.take(self.source)
        self.assertSums(report)
        self.assertTrue(report.finished)
        self.assertEqual(balances(self.target), {"1000": 9_200_000, "1001": -7_250_000})
        self.assertLedger()
        opened = self.rows("SELECT account, fee FROM e_payhistory WHERE type = 2")
        self.assertEqual([tuple(row) for row in opened], [("1001", -6_930_000)])

    def test_settings_beside_are_joined(self) -> None:
        """By the owner's number, under whatever name."""
        report = self.take(self.source)
        (customer,) = self.successResultOf(GatewayStore(self.pool, MAPPING).values())
        self.assertEqual(customer.rewrite_callee, "0:49")
        self.assertFalse(customer.sip.rel100)
        self.assertEqual(customer.settings["sipCodecs"], ["audio/PCMA", "audio/G729"])
        self.assertEqual(customer.settings["maxSecondRates"], Decimal("0.0123"))
        left = report.tables["e_gatewaymappingsetting"].left
        self.assertEqual(list(left), ["bilateralreconciliation"])
        phones = PhoneStore(self.pool, CustomerStore(self.pool))
        (phone,) = self.successResultOf(phones.values())
        self.assertTrue(phone.settings["doNotDisturb"])
        self.assertEqual(phone.origin.call_level, 1)
        self.assertEqual(phone.origin.fee_rate_group, "retail")

    def test_number_groups(self) -> None:
        """With their numbers, and the gateway that names one by its number."""
        report = self.take(self.source)
        store = NumberGroupStore(self.pool)
        self.assertEqual(self.successResultOf(store.all()), {"black": ("4990",)})
        (customer,) = self.successResultOf(GatewayStore(self.pool, MAPPING).values())
        self.assertEqual(customer.settings["calleeLimitE164Groups"], "black")
        refused = report.tables["e_limit_e164"].refused
        self.assertEqual(
            refused["it has no group, or is no number"].examples, ["number 4991"]
        )

    def test_gateway_of_a_lost_number_group_is_left_out(self) -> None:
        """What its list forbids would pass."""
        self.source.run(
            "UPDATE e_gatewaymappingsetting SET calleelimite164groups = '71,72'"
        )
        report = self.take(self.source)
        self.assertEqual(self.rows("SELECT COUNT(*) FROM e_gatewaymapping"), [(0,)])
        self.assertIn(
            "calleelimite164groups names a number group that is not carried",
            report.tables["e_gatewaymapping"].refused,
        )

    def test_prefix_that_does_not_fit_is_not_cut(self) -> None:
        """It would let other calls through: the gateway is left out."""
        report = self.take(self.source)
        found = self.successResultOf(GatewayStore(self.pool, ROUTING).values())
        self.assertEqual([gateway.name for gateway in found], ["carrier"])
        self.assertEqual(
            report.tables["e_gatewayrouting"]
            .refused["prefix has more than 255 characters"]
            .examples,
            ["routing gateway long"],
        )

    def test_rates_sections_and_details(self) -> None:
        """Sections by position, announced minutes, the account's address."""
        report = self.take(self.source)
        store = RateStore(self.pool)
        (group,) = self.successResultOf(store.groups())
        self.assertEqual(
            (group.name, group.fake_minute, group.memo), ("retail", 55, "all")
        )
        rates = dict(self.successResultOf(store.group_rates("retail")))
        self.assertEqual(
            rates["49"].sections,
            (RateSection(30, Decimal("0.05")), RateSection(60, Decimal("0.02"))),
        )
        self.assertEqual(rates["33"].lock_type, 1)
        changed = report.tables["e_feerate"].changed
        self.assertIn("type: unknown value, 5 instead", changed)
        self.assertIn("period, fee: no call can be charged: counts as locked", changed)
        (record,) = self.successResultOf(CustomerStore(self.pool).records(["1000"]))
        self.assertEqual(record.additional["address"], "Bund 1")
        self.assertEqual(list(report.tables["e_customerdetail"].left), ["website"])

    def test_parameters_and_access(self) -> None:
        """One value for a parameter, addresses that are some."""
        report = self.take(self.source)
        stored = self.successResultOf(ParameterStore(self.pool).all())
        self.assertEqual(
            stored,
            {"SERVER_BILLING_HOLD_TIME_PRECISION": "1", "SS_SIP_SESSION_TTL": "600"},
        )
        told = report.tables["e_moconfig"]
        self.assertIn(
            "has several values: that of the whole system counts", told.changed
        )
        self.assertEqual(len(told.refused), 1)
        (rule,) = self.successResultOf(AccessStore(self.pool).rules())
        self.assertEqual(
            (rule.path, rule.addresses), ("/external/server", ("192.0.2.7",))
        )
        self.assertIn("ips: no address, left out", report.tables[
            "e_web_access_control"].changed)  # fmt: skip

    def test_numbers_go_on_above_those_handed_out(self) -> None:
        """Of records and of objects."""
        self.take(self.source)
        taken = self.pool.interact("t", ids.take, ids.FLOWNO)
        self.assertEqual(self.successResultOf(taken), 7_000_000_001)
        taken = self.pool.interact("t", ids.take, ids.OBJECT)
        self.assertGreater(self.successResultOf(taken), 61)

    def test_passwords_are_no_examples(self) -> None:
        """Neither of tables that are carried nor of others."""
        report = self.taking(self.source).look()
        self.assertNotIn("in clear", repr(report))
        self.assertNotIn("secret", repr(report))


class OddLayoutTests(TakingCase):
    """What no release is known to have, and what may be met all the same."""

    def test_times_as_datetime(self) -> None:
        """start and stop of 2.1.1, in the zone of the old server."""
        cdr = (
            "CREATE TABLE {} (flowno BIGINT PRIMARY KEY, callere164 VARCHAR(64),"
            " start DATETIME, stop DATETIME, holdtime INT, fee DOUBLE)"
        )
        made = self.made(vossource.VosSource("vos211", vossource.ACCOUNTS, cdr, ""))
        made.day("e_cdr_20260228")
        made.put(
            "e_cdr_20260228",
            flowno=7,
            callere164="1",
            start="2026-02-28 23:59:30",
            stop="2026-03-01 00:00:30",
            holdtime=60,
            fee=None,
        )
        report = self.take(made)
        self.assertSums(report)
        (row,) = self.rows("SELECT starttime, stoptime, fee FROM e_cdr_20260228")
        midnight = NOON - DAY // 2
        self.assertEqual(tuple(row), (midnight - 30_000, midnight + 30_000, 0))

    def test_number_that_two_objects_share(self) -> None:
        """The second gets a fresh one, above all others."""
        made = self.made(vossource.new())
        made.run("UPDATE e_gatewayrouting SET id = 31 WHERE id = 41")
        self.take(made)
        (customer,) = self.successResultOf(GatewayStore(self.pool, MAPPING).values())
        (carrier,) = self.successResultOf(GatewayStore(self.pool, ROUTING).values())
        self.assertEqual(customer.id, 31)
        self.assertGreater(carrier.id, 71)

    def test_money_is_never_guessed(self) -> None:
        """An account whose balance is no number stays behind, and is told."""
        made = self.made(vossource.new())
        made.run("ALTER TABLE e_customer MODIFY money VARCHAR(32)")
        made.run("UPDATE e_customer SET money = 'much' WHERE account = '1001'")
        made.run("UPDATE e_customer SET limitmoney = 1e12 WHERE account = '1000'")
        report = self.take(made)
        self.assertEqual(balances(self.target), {})
        self.assertEqual(
            {w: f.examples for w, f in report.tables["e_customer"].refused.items()},
            {
                "'much' is no number": ["account 1001"],
                "1000000000000.0000 is out of bounds": ["account 1000"],
            },
        )

    def test_layout_without_keys_is_read_whole(self) -> None:
        """Sections that have the number of their rate, several to one number."""
        made = self.made(vossource.new())
        made.run("ALTER TABLE e_feeratesection DROP PRIMARY KEY")
        made.run("UPDATE e_feeratesection SET id = 10")
        made.run("ALTER TABLE e_payhistory DROP PRIMARY KEY")
        self.assertSums(self.take(made))
        rates = self.successResultOf(RateStore(self.pool).group_rates("retail"))
        self.assertEqual(len(dict(rates)["49"].sections), 2)
        self.assertLedger()


class GoingOnTests(TakingCase):
    """An import that was killed."""

    def setUp(self) -> None:
        """A source, and pages of two rows."""
        super().setUp()
        self.source = self.made(vossource.new())
        read = taking.Source.page

        def page(source: Source, *words: Any) -> Any:
            return read(source, *(words if len(words) > 3 else (*words, 2)))

        self.patch(taking.Source, "page", page)

    def killed(self, step: str) -> None:
        """Begin an import that ends in the middle of a step."""
        work = self.taking(self.source, step).take(self.pool)
        self.failureResultOf(Deferred.fromCoroutine(work), Killed)

    def test_goes_on_and_nothing_comes_twice(self) -> None:
        """Wherever it ended; the law of the ledger holds in between."""
        for step in (
            "mapping gateways",
            "phones",
            "records of 20260228",
            "records of the last minutes",
            "e_payhistory",
        ):
            self.killed(step)
            self.assertLedger()
        report = self.take(self.source)
        self.assertSums(report)
        self.assertLedger()
        self.assertEqual(balances(self.target), {"1000": 9_200_000, "1001": -7_250_000})
        self.assertEqual(self.rows("SELECT COUNT(*) FROM e_consumption"), [(1,)])
        self.assertEqual(self.rows("SELECT COUNT(*) FROM e_payhistory"), [(2,)])
        left = self.rows("SELECT type FROM e_othermaxid WHERE type LIKE 'import:at:%'")
        self.assertEqual(left, [])

    def test_record_that_moved_meanwhile_is_carried_once(self) -> None:
        """From the rolling table to that of its day, below the place there."""
        self.source.run("UPDATE e_cdr SET flowno = 5999999000")
        self.killed("records of the last minutes")
        self.assertEqual(self.rows("SELECT COUNT(*) FROM e_cdr_20260301"), [(1,)])
        self.source.run("INSERT INTO e_cdr_20260228 SELECT * FROM e_cdr")
        self.source.run("DELETE FROM e_cdr")
        vossource.new_record(self.source, "e_cdr_20260228", 5_999_998_000, NOON - DAY)
        report = self.take(self.source)
        self.assertSums(report)
        self.assertEqual(self.rows("SELECT COUNT(*) FROM e_cdr_20260228"), [(8,)])
        self.assertEqual(self.rows("SELECT COUNT(*) FROM e_cdr_20260301"), [(1,)])
        self.assertLedger()

    def test_old_records_may_go_ahead(self) -> None:
        """Days before, and the rest another night, with the changes in between."""
        report = self.take(self.source, "20260301")
        self.assertFalse(report.finished)
        self.assertEqual(self.rows("SELECT COUNT(*) FROM e_cdr_20260228"), [(7,)])
        self.assertEqual(self.rows("SELECT COUNT(*) FROM e_phone"), [(0,)])
        self.assertLedger()
        self.source.run("UPDATE e_customer SET money = 4, name = 'new' WHERE id = 21")
        vossource.new_record(self.source, "e_cdr_20260228", 5_999_999_000, NOON - DAY)
        report = self.take(self.source)
        self.assertSums(report)
        self.assertLedger()
        self.assertEqual(balances(self.target)["1000"], 4_000_000)
        self.assertEqual(
            self.rows("SELECT name FROM e_customer WHERE account = '1000'"), [("new",)]
        )

    def test_start_is_refused_until_it_is_complete(self) -> None:
        """And an import into what was taken over already is refused as well."""
        self.killed("phones")
        name = self.pool.read("t", state.unfinished)
        self.assertEqual(self.successResultOf(name), "vos219")
        self.take(self.source)
        name = self.pool.read("t", state.unfinished)
        self.assertEqual(self.successResultOf(name), "")
        told = self.refusal(self.source, StorageError)
        self.assertIn("has taken over a VOS3000 already", told)

    def test_target_in_use_is_refused(self) -> None:
        """An account is enough."""
        store = CustomerStore(self.pool)
        self.successResultOf(store.create({"account": "mine"}, NOON))
        told = self.refusal(self.source, StorageError)
        self.assertIn("this database is in use, e_customer has 1 rows", told)

    def test_another_source_is_refused(self) -> None:
        """While an import of one is under way."""
        self.killed("phones")
        told = self.refusal(self.made(vossource.old()), StorageError)
        self.assertIn("an import of the database vos219 is under way here", told)


class SourceTests(TakingCase):
    """The database that is taken over."""

    def test_writes_are_refused_by_the_server(self) -> None:
        """Whoever logs in: the transaction is read-only."""
        made = self.made(vossource.new())
        root = made.url.replace("reader:looks%3A%20only@", "root@")
        source = Source(root)
        self.addCleanup(source.close)
        self.assertTrue(source.read_only)
        with self.assertRaises(StorageError) as caught:
            source.ask("DELETE FROM e_customer")
        self.assertIn("READ ONLY transaction", str(caught.exception))

    def test_reader_has_no_other_rights(self) -> None:
        """The tests' user cannot write at all, and that is enough."""
        made = self.made(vossource.new())
        server = pymysql.connect(
            unix_socket=made.url.partition("unix_socket=")[2],
            user=vossource.READER,
            password=vossource.PASSWORD,
            database=made.name,
        )
        self.addCleanup(server.close)
        with self.assertRaises(pymysql.err.OperationalError):
            server.cursor().execute("DELETE FROM e_customer")

    def test_source_that_cannot_be_opened(self) -> None:
        """The cause is told, and no password."""
        made = self.made(vossource.new())
        with self.assertRaises(StorageError) as caught:
            Source(made.url.replace("looks", "wrong"))
        self.assertIn("Access denied", str(caught.exception))
        self.assertNotIn("only", str(caught.exception))
        with self.assertRaises(ConfigError) as refused:
            Source("postgres://u:hidden@host/name")
        self.assertNotIn("hidden", str(refused.exception))

    def test_empty_database_is_told(self) -> None:
        """As one without the tables that matter."""
        made = self.made(
            vossource.VosSource("vosnone", "CREATE TABLE x (a INT)", "", "")
        )
        report = self.taking(made).look()
        self.assertIn(
            "the source has no table e_customer: no account is carried", report.notes
        )
