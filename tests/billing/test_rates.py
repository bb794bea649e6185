"""Tests of the rates in memory."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.billing.build import rate
from vos3000.billing.rates import Rates
from vos3000.model.numbers import PrefixMap
from vos3000.model.rates import Rate


def group(*rates: Rate) -> PrefixMap[Rate]:
    """A group of these rates."""
    return PrefixMap((one.prefix, one) for one in rates)


class RatesTests(SynchronousTestCase):
    """L{Rates}."""

    def setUp(self) -> None:
        """Two groups."""
        self.general, self.special = rate("1", prefix="44"), rate("2", prefix="447")
        self.rates = Rates()
        self.rates.load({"retail": group(self.general, self.special), "other": group()})

    def test_the_longest_prefix_wins(self) -> None:
        """Rates are found by the longest prefix in the account's own group."""
        self.assertIs(self.rates.find("retail", "447700900"), self.special)
        self.assertIs(self.rates.find("retail", "4420"), self.general)
        self.assertIsNone(self.rates.find("retail", "1"))
        self.assertIsNone(self.rates.find("other", "447"))
        self.assertIsNone(self.rates.find("none", "447"))
        self.assertEqual(len(self.rates), 2)

    def test_a_locked_rate_closes_its_prefix(self) -> None:
        """No shorter prefix stands in for a locked rate."""
        locked = rate("2", prefix="447", lock_type=1)
        self.rates.load({"retail": group(self.general, locked)})
        self.assertIsNone(self.rates.find("retail", "447700900"))
        self.assertIs(self.rates.find("retail", "4420"), self.general)

    def test_an_empty_prefix_is_everywhere(self) -> None:
        """A rate without prefix catches what no other does."""
        anywhere = rate("9", prefix="")
        self.rates.replace("other", group(anywhere))
        self.assertIs(self.rates.find("other", "1"), anywhere)

    def test_a_group_is_replaced_alone(self) -> None:
        """Replacing one group leaves the others."""
        self.rates.replace("retail", group())
        self.rates.replace("new", group(self.special))
        self.assertIsNone(self.rates.find("retail", "447"))
        self.assertIs(self.rates.find("new", "447"), self.special)

    def test_loading_forgets_what_is_gone(self) -> None:
        """Groups that are not loaded again are no more."""
        self.rates.load({})
        self.assertIsNone(self.rates.find("retail", "447"))
