"""Tests of rate groups, rates, sections and their import."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.db.customers import CustomerStore
from vos3000.db.rates import CHUNK, Imported, RateStore
from vos3000.errors import AlreadyExists, NotFound, Referenced
from vos3000.model.numbers import PrefixMap
from vos3000.model.rates import Rate, RateGroup, RateSection

SECTIONS = (RateSection(30, Decimal("0.05")), RateSection(60, Decimal("0.01")))


class RateStoreTests(SynchronousTestCase):
    """Rates at the row."""

    def setUp(self) -> None:
        self.connection = rows.empty_database()
        self.pool = rows.memory_pool(self.connection)
        self.store = RateStore(self.pool)

    def put(self, *rates: Rate, group: str = "gold") -> Imported:
        """Import rates into a group."""
        pairs = [(group, rate) for rate in rates]
        return self.successResultOf(self.store.replace_rates(pairs))

    def found(self, group: str = "gold") -> dict[str, Rate]:
        """The rates of a group by prefix."""
        rates: PrefixMap[Rate] = self.successResultOf(self.store.group_rates(group))
        return dict(rates)

    def test_groups(self) -> None:
        """A group has a name, made once."""
        made = self.successResultOf(self.store.create_group("gold", 55, "memo"))
        self.assertEqual(made, RateGroup(1, "gold", 55, "memo"))
        self.assertEqual(self.successResultOf(self.store.groups()), [made])
        self.failureResultOf(self.store.create_group("gold"), AlreadyExists)
        self.failureResultOf(self.store.group_rates("none"), NotFound)

    def test_rate_is_kept_exactly(self) -> None:
        """Twelve digits, sections in order, every column."""
        given = rows.rate(
            "4420",
            "0.000000000001",
            6,
            sections=SECTIONS,
            type=4,
            lock_type=1,
            area_code="44",
            area_name="London",
            ivr_fee=Decimal("1.5"),
            ivr_period=30,
        )
        self.put(given)
        self.assertEqual(self.found(), {"4420": given})
        found = rows.rows(self.connection, "SELECT fee FROM e_feerate")
        self.assertEqual(found, [("0.000000000001",)])

    def test_what_cannot_be_charged_counts_as_locked(self) -> None:
        """Whatever another program wrote, no call is priced by it."""
        self.put(*(rows.rate(prefix, "1", sections=SECTIONS) for prefix in "12345"))
        for change in (
            "UPDATE e_feerate SET fee = '-1' WHERE feeprefix = '1'",
            "UPDATE e_feerate SET fee = '1000000' WHERE feeprefix = '2'",
            "UPDATE e_feerate SET period = 0 WHERE feeprefix = '3'",
            "UPDATE e_feeratesection SET fee = '-0.1' WHERE feerateid ="
            " (SELECT id FROM e_feerate WHERE feeprefix = '4')",
        ):
            self.connection.execute(change)
        found = self.found()
        self.assertEqual([found[each].lock_type for each in "12345"], [1, 1, 1, 1, 0])
        self.assertEqual(found["3"].period, 1)

    def test_import_replaces_by_prefix(self) -> None:
        """Known prefixes get the new rate, their sections too; others stay."""
        old = rows.rate("44", "1", sections=SECTIONS)
        self.put(old, rows.rate("49", "2"))
        (before,) = rows.rows(
            self.connection, "SELECT id FROM e_feerate WHERE feeprefix = '44'"
        )
        done = self.put(rows.rate("44", "3"), rows.rate("33", "4"))
        self.assertEqual(done, Imported(2, 1, ()))
        fees = {prefix: rate.fee for prefix, rate in self.found().items()}
        self.assertEqual(fees, {"44": 3, "49": 2, "33": 4})
        self.assertEqual(self.found()["44"].sections, ())
        (after,) = rows.rows(
            self.connection, "SELECT id FROM e_feerate WHERE feeprefix = '44'"
        )
        self.assertEqual(before, after)

    def test_last_rate_for_a_prefix_counts(self) -> None:
        """In one import, near and far apart, sections included."""
        many = [rows.rate(str(10_000 + n)) for n in range(CHUNK)]
        first = rows.rate("44", "1", sections=SECTIONS)
        last = rows.rate("44", "2", sections=SECTIONS[1:])
        self.put(first, rows.rate("49", "1"), rows.rate("49", "2"), *many, last)
        found = self.found()
        self.assertEqual(found["44"], last)
        self.assertEqual(found["49"].fee, 2)
        self.assertEqual(len(found), CHUNK + 2)

    def test_import_that_fails_changes_nothing(self) -> None:
        """Neither rates nor groups nor numbers; the next one works."""
        self.put(rows.rate("44", "1"))

        def bad() -> Iterator[tuple[str, Rate]]:
            yield "gold", rows.rate("44", "9")
            for number in range(CHUNK * 2):
                yield "new", rows.rate(str(number))
            raise ValueError("line 2003: fee")

        self.failureResultOf(self.store.replace_rates(bad()), ValueError)
        self.assertEqual(self.found()["44"].fee, 1)
        self.assertEqual(
            [g.name for g in self.successResultOf(self.store.groups())], ["gold"]
        )
        self.assertEqual(self.put(rows.rate("44", "5")), Imported(1, 0, ()))

    def test_unknown_groups_are_made(self) -> None:
        """And named in the result."""
        pairs = [("a", rows.rate("1")), ("b", rows.rate("1")), ("a", rows.rate("2"))]
        done = self.successResultOf(self.store.replace_rates(pairs))
        self.assertEqual(done, Imported(3, 3, ("a", "b")))
        every = self.successResultOf(self.store.all_rates())
        self.assertEqual(
            {name: len(rates) for name, rates in every.items()}, {"a": 2, "b": 1}
        )

    def test_numbers_are_unique_over_all_objects(self) -> None:
        """Rates, groups and accounts share one sequence."""
        self.put(*(rows.rate(str(n)) for n in range(5)))
        customers = CustomerStore(self.pool)
        made = self.successResultOf(customers.create({"account": "1"}, 0))
        found = rows.rows(
            self.connection,
            "SELECT id FROM e_feerate UNION ALL SELECT id FROM e_feerategroup",
        )
        numbers = [number for (number,) in found]
        self.assertEqual(len(set(numbers)), 6)
        self.assertNotIn(made.id, numbers)

    def test_progress_is_told(self) -> None:
        """After each chunk."""
        told: list[int] = []
        pairs = [("g", rows.rate(str(n))) for n in range(CHUNK + 1)]
        self.successResultOf(self.store.replace_rates(pairs, told.append))
        self.assertEqual(told, [CHUNK, CHUNK + 1])

    def test_empty_import(self) -> None:
        """Nothing in, nothing done."""
        self.assertEqual(self.put(), Imported(0, 0, ()))

    def test_find_by_area_code(self) -> None:
        """All rates of a group by prefix, or some."""
        self.put(
            rows.rate("4420", area_code="44", sections=SECTIONS),
            rows.rate("1"),
            rows.rate("44"),
        )
        found = self.successResultOf(self.store.find("gold"))
        self.assertEqual([rate.prefix for rate in found], ["1", "44", "4420"])
        found = self.successResultOf(self.store.find("gold", ["44"]))
        self.assertEqual([rate.prefix for rate in found], ["44", "4420"])
        self.assertEqual(found[1].sections, SECTIONS)
        self.failureResultOf(self.store.find("none"), NotFound)

    def test_equal_values_are_one_object(self) -> None:
        """A million rates stay small."""
        self.put(
            rows.rate("44", "1.5", area_name="x"), rows.rate("49", "1.5", area_name="x")
        )
        found = self.successResultOf(self.store.all_rates())["gold"]
        one, two = (rate for _, rate in found)
        self.assertIs(one.fee, two.fee)
        self.assertIs(one.area_name, two.area_name)
        self.assertIs(one.area_code, one.prefix)

    def test_group_in_use_is_not_deleted(self) -> None:
        """Otherwise its rates and sections go with it."""
        self.put(rows.rate("44", sections=SECTIONS))
        customers = CustomerStore(self.pool)
        fields = {"account": "1", "feeRateGroup": "gold"}
        self.successResultOf(customers.create(fields, 0))
        failure = self.failureResultOf(self.store.delete_group("gold"), Referenced)
        self.assertEqual(failure.value.users, ("account 1",))
        self.successResultOf(customers.delete("1"))
        self.successResultOf(self.store.delete_group("gold"))
        for table in ("e_feerategroup", "e_feerate", "e_feeratesection"):
            self.assertEqual(rows.rows(self.connection, f"SELECT * FROM {table}"), [])
