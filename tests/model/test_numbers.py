"""Lists of numbers, and the longest prefix."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from vos3000.model.limits import NumberLimit, comma_list
from vos3000.model.numbers import NumberPatterns, PrefixMap

DIGITS = st.text("012", max_size=5)


class NumberPatternsTests(SynchronousTestCase):
    """The lists of free numbers and of numbers without a record."""

    def test_exact_and_prefix(self) -> None:
        """C{7000} is a number, C{5000*} holds all that begin so."""
        patterns = NumberPatterns.parse("5000*, 7000,")
        found = [
            n for n in ("5000", "50001", "500", "7000", "70001") if patterns.matches(n)
        ]
        self.assertEqual(found, ["5000", "50001", "7000"])

    def test_empty_list(self) -> None:
        """An empty list is false and holds nothing."""
        for text in ("", " , "):
            patterns = NumberPatterns.parse(text)
            self.assertFalse(patterns)
            self.assertFalse(patterns.matches(""))
            self.assertFalse(patterns.matches("5"))

    def test_lone_star(self) -> None:
        """C{*} holds every number."""
        patterns = NumberPatterns.parse("*")
        self.assertTrue(patterns)
        self.assertTrue(patterns.matches("1"))

    def test_star_elsewhere(self) -> None:
        """C{*} before the end is refused, and the entry is named."""
        for text in ("5*0", "*5", "1,5**"):
            error = self.assertRaises(ValueError, NumberPatterns.parse, text)
            self.assertIn(repr(text.split(",")[-1]), str(error))


class PrefixMapTests(SynchronousTestCase):
    """Values by prefix."""

    def test_longest(self) -> None:
        """The longest prefix with a value is found, with its value."""
        prefixes = PrefixMap([("", 0), ("86", 1), ("86138", 2), ("861380", 3)])
        self.assertEqual(prefixes.longest("8613812"), ("86138", 2))
        self.assertEqual(prefixes.longest("8613"), ("86", 1))
        self.assertEqual(prefixes.longest("44"), ("", 0))

    def test_nothing_fits(self) -> None:
        """Without a prefix of the number there is none."""
        prefixes = PrefixMap([("86", 1)])
        self.assertIsNone(prefixes.longest("8"))
        self.assertEqual(list(prefixes.all("44")), [])

    def test_all_longest_first(self) -> None:
        """Every prefix with a value, from the longest to the empty one."""
        prefixes = PrefixMap([("", 0), ("86", 1), ("8", 2), ("9", 3)])
        self.assertEqual(list(prefixes.all("8613")), [("86", 1), ("8", 2), ("", 0)])

    def test_number_shorter_than_prefixes(self) -> None:
        """A number that is a prefix itself is found once."""
        prefixes = PrefixMap([("8613", 1), ("86", 2)])
        self.assertEqual(list(prefixes.all("86")), [("86", 2)])

    def test_last_of_equals(self) -> None:
        """A prefix given twice has the later value, and counts once."""
        prefixes = PrefixMap([("86", 1), ("86", 2)])
        self.assertEqual(prefixes.longest("86"), ("86", 2))
        self.assertEqual(len(prefixes), 1)

    def test_iteration(self) -> None:
        """All prefixes come with their values."""
        items = [("86", 1), ("8", 2), ("", 3)]
        self.assertEqual(sorted(PrefixMap(items)), sorted(items))

    @given(st.dictionaries(DIGITS, st.integers()), DIGITS)
    def test_definition(self, values: dict[str, int], number: str) -> None:
        """What is found is what trying every length would find."""
        tried = [number[:n] for n in range(len(number), -1, -1)]
        expected = [(prefix, values[prefix]) for prefix in tried if prefix in values]
        prefixes = PrefixMap(values.items())
        self.assertEqual(list(prefixes.all(number)), expected)
        self.assertEqual(prefixes.longest(number), expected[0] if expected else None)


class NumberLimitTests(SynchronousTestCase):
    """What settings allow of a number."""

    def test_unset(self) -> None:
        """Without prefixes and lengths there is no limit, whatever the flag."""
        for settings in ({}, {"p": "", "pAllow": True, "l": 0}, {"p": None, "l": None}):
            self.assertIsNone(NumberLimit.read(settings, "p", "l"))

    def test_read(self) -> None:
        """Prefixes, flag and lengths come from their fields."""
        limit = NumberLimit.read({"p": "86, 44", "pAllow": True, "l": "6"}, "p", "l")
        self.assertEqual(limit, NumberLimit(("86", "44"), True, 6))

    def test_comma_list(self) -> None:
        """Spaces, empty entries and no list at all."""
        self.assertEqual(comma_list(" a, ,b,"), ("a", "b"))
        self.assertEqual(comma_list(None), ())


class PartsTests(SynchronousTestCase):
    """A million prefixes of one length."""

    def setUp(self) -> None:
        self.many = [(str(prefix), prefix) for prefix in range(100_000, 160_000)]
        self.prefixes = PrefixMap([("1", 1), *self.many, ("1234567", 7)])

    def test_found_as_ever(self) -> None:
        """Nothing is different but where they are kept."""
        self.assertEqual(self.prefixes.longest("1599991"), ("159999", 159999))
        self.assertEqual(self.prefixes.longest("1234567"), ("1234567", 7))
        self.assertEqual(self.prefixes.longest("199999"), ("1", 1))
        found = list(self.prefixes.all("1234567"))
        self.assertEqual(found, [("1234567", 7), ("123456", 123456), ("1", 1)])
        self.assertEqual(len(self.prefixes), 60_002)
        self.assertEqual(len(dict(self.prefixes)), 60_002)

    def test_last_of_equals(self) -> None:
        """As in a map of few."""
        prefixes = PrefixMap([*self.many, ("100000", "last")])
        self.assertEqual(prefixes.get("100000"), "last")
        self.assertIsNone(prefixes.get("1"))

    def test_taken_apart(self) -> None:
        """Nothing is left."""
        self.prefixes.dismantle()
        self.assertEqual(len(self.prefixes), 0)
        self.assertIsNone(self.prefixes.longest("123456"))
