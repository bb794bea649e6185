"""The number rules: every test vector, every sign, and two laws."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from vos3000.routing.rewriting import LONGEST_NUMBER, MOST_CACHED, Rewriting, Rules


def first(count: int) -> int:
    """Draw the first of all."""
    return 0


def last(count: int) -> int:
    """Draw the last of all."""
    return count - 1


def apply(text: str, number: str, choose: Callable[[int], int] = first) -> str:
    """C{number} after the rules of C{text}."""
    return Rules.parse(text).apply(number, choose)


class VectorTests(SynchronousTestCase):
    """The vectors of the reference."""

    def test_vectors(self) -> None:
        """Each rule gives the result printed beside it."""
        for rules, number, result in [
            ("0:0", "02584316146", "02584316146"),
            ("025:", "02584316146", "84316146"),
            ("*:12345678", "02584316146", "12345678"),
            ("*:a*", "90080001", "a90080001"),
            ("0086:,*:00*", "008613800138000", "13800138000"),
            ("*:00*,0086:", "008613800138000", "13800138000"),
            ("*:00*,0086:", "13800138000", "0013800138000"),
            ("13/E11:013", "13812345678", "013812345678"),
            ("13/E11:013", "138123456", "138123456"),
        ]:
            with self.subTest(rules=rules, number=number):
                self.assertEqual(apply(rules, number), result)

    def test_range_vector(self) -> None:
        """A range gives each of its 22 numbers."""
        counts = []

        def each(count: int) -> int:
            counts.append(count)
            return len(counts) - 1

        rules = Rules.parse("*:8008100-8008121")
        found = [rules.apply("02584316146", each) for _ in range(22)]
        self.assertEqual(found, [str(n) for n in range(8008100, 8008122)])
        self.assertEqual(set(counts), {22})


class OriginalTests(SynchronousTestCase):
    """The left side of a rule."""

    def test_prefix_keeps_the_rest(self) -> None:
        """Without a * at the end the original is replaced, the rest stays."""
        self.assertEqual(apply("0086:86", "0086139"), "86139")

    def test_no_match_leaves_the_number(self) -> None:
        """A number that no rule fits stays as it is."""
        self.assertEqual(apply("86:", "0086139"), "0086139")

    def test_longer_than_the_number(self) -> None:
        """An original longer than the number does not fit."""
        self.assertEqual(apply("0086139:1", "0086"), "0086")

    def test_star_stands_for_nothing_too(self) -> None:
        """C{86*} fits 86 alone."""
        self.assertEqual(apply("86*:1*", "86"), "1")

    def test_star_takes_any_character(self) -> None:
        """A plus sign does not keep C{*} from being the whole number."""
        self.assertEqual(apply("*:100", "+8613"), "100")

    def test_star_in_the_middle_takes_the_most(self) -> None:
        """C{0*9} ends at the last 9; what follows stays."""
        self.assertEqual(apply("0*9:x*y", "0129759012"), "x12975y012")

    def test_two_stars(self) -> None:
        """The stars of the target are those of the original, in order."""
        self.assertEqual(apply("0*9*:*-*".replace("-", "a"), "01923"), "1a23")

    def test_question_mark_is_one_digit(self) -> None:
        """C{?} stands for exactly one digit."""
        self.assertEqual(apply("0?5:1", "02584"), "184")
        self.assertEqual(apply("0?5:1", "0584"), "0584")
        self.assertEqual(apply("0?5:1", "0a584"), "0a584")

    def test_lengths(self) -> None:
        """C{/L}, C{/E}, C{/G} and C{/F} look at the whole number."""
        fits = {
            sign: [n for n in range(7, 12) if apply(f"1/{sign}9:x", "1" * n)[0] == "x"]
            for sign in "LEGF"
        }
        expected = {"L": [7, 8], "E": [9], "G": [10, 11], "F": [7, 8, 10, 11]}
        self.assertEqual(fits, expected)

    def test_two_lengths(self) -> None:
        """A number has to fit all that a rule asks of its length."""
        rules = "1/G2/L5:x"
        found = [apply(rules, "1" * n) for n in (2, 3, 4, 5)]
        self.assertEqual(found, ["11", "x11", "x111", "11111"])

    def test_length_without_prefix(self) -> None:
        """An empty original fits every number."""
        self.assertEqual(apply("/L9:025", "84316146"), "02584316146")

    def test_letters_are_literal(self) -> None:
        """L, E, G and F stand for themselves outside of a length."""
        self.assertEqual(apply("LEGF:1", "LEGF2"), "12")

    def test_escape(self) -> None:
        """A backslash makes any sign literal, on both sides."""
        self.assertEqual(apply(r"\*67:\*", "*67123"), "*123")
        self.assertEqual(apply(r"\L\E\G\F:\L", "LEGF2"), "L2")
        self.assertEqual(apply(r"1\/L9:2", "1/L93"), "23")
        self.assertEqual(apply(r"1\,:\:", "1,3"), ":3")
        self.assertEqual(apply(r"1\\:2", "1\\3"), "23")


class PrecedenceTests(SynchronousTestCase):
    """Which rule is applied."""

    def test_longest_original_wins(self) -> None:
        """Wherever it stands in the list."""
        for rules in ("13:a,138:b,1:c", "1:c,138:b,13:a"):
            self.assertEqual(apply(rules, "13800"), "b00")

    def test_one_rule_only(self) -> None:
        """The result of a rule is not looked at again."""
        self.assertEqual(apply("0:1,1:2", "05"), "15")

    def test_digits_before_wildcards(self) -> None:
        """Of two as long the one with fewer wildcards wins."""
        self.assertEqual(apply("13?:a,138:b", "1380"), "b0")

    def test_condition_before_none(self) -> None:
        """Of two alike the one that asks for a length wins."""
        self.assertEqual(apply("13:a,13/E4:b", "1380"), "b80")
        self.assertEqual(apply("13:a,13/E4:b", "13800"), "a800")

    def test_first_of_equals(self) -> None:
        """Of two alike the first in the list wins."""
        self.assertEqual(apply("13:a,13:b", "13"), "a")

    def test_shorter_rule_where_the_length_does_not_fit(self) -> None:
        """A rule that asks in vain makes way for the next."""
        self.assertEqual(apply("138/E11:a,1:b", "1380"), "b380")


class TargetTests(SynchronousTestCase):
    """The right side of a rule."""

    def test_alternatives(self) -> None:
        """One of the targets is drawn."""
        self.assertEqual(apply("*:1;2;3", "9", first), "1")
        self.assertEqual(apply("*:1;2;3", "9", last), "3")

    def test_random_digit(self) -> None:
        """C{?} is one digit of ten."""
        self.assertEqual(apply("*:1??", "9", last), "199")

    def test_kept_place(self) -> None:
        """C{$} is the character of the same place in the number before."""
        self.assertEqual(apply("0?5:1$6", "02584"), "12684")
        self.assertEqual(apply("*:$$$$$", "123"), "123")

    def test_range_keeps_its_width(self) -> None:
        """Leading zeros of a range's start stay."""
        self.assertEqual(apply("*:0008-0012", "9", first), "0008")
        self.assertEqual(apply("*:0008-0012", "9", last), "0012")

    def test_range_with_more_around_it(self) -> None:
        """A range may stand beside other signs."""
        self.assertEqual(apply("*:a10-19b*", "9", last), "a19b9")

    def test_empty_target_of_a_star(self) -> None:
        """What the last C{*} stood for stays; a number is never emptied."""
        self.assertEqual(apply("025*:", "02584"), "84")
        self.assertEqual(apply("*:", "02584"), "02584")

    def test_star_for_the_rest_of_a_prefix(self) -> None:
        """C{*} after a prefix without one is the rest, which comes once."""
        self.assertEqual(apply("0:86*", "0123"), "86123")
        self.assertEqual(apply("0:*9", "0123"), "1239")

    def test_literal_hyphen(self) -> None:
        """An escaped hyphen is no range."""
        self.assertEqual(apply(r"*:1\-2", "9"), "1-2")


class ParseTests(SynchronousTestCase):
    """Texts of rules."""

    def test_empty_entries(self) -> None:
        """Spaces and empty entries mean nothing."""
        self.assertEqual(apply(" 1:2 , ,3:4,", "15"), "25")

    def test_bad_rules_are_named(self) -> None:
        """The error names each rule that cannot be read."""
        error = self.assertRaises(ValueError, Rules.parse, "1:2,3,4/X9:5")
        self.assertIn("'3'", str(error))
        self.assertIn("'4/X9:5'", str(error))
        self.assertNotIn("'1:2'", str(error))

    def test_bad_rules(self) -> None:
        """Whatever has no meaning is refused."""
        for text in [
            "1", "1:2:3", "1/:2", "1/L:2", "1/9:2", "1/L9x:2", "1:2/L9", "1:2\\",
            "1*:**", "1:**", "****1:2", "$1:2", "1;2:3", "1-2:3", "1:-5", "1:5-",
            "1:9-5", "1/\\L9:2",
        ]:  # fmt: skip
            with self.subTest(text=text):
                self.assertRaises(ValueError, Rules.parse, text)

    def test_good_rules_beside_bad_ones(self) -> None:
        """The others can be used."""
        rules, problems = Rules.read("1:2,3,5:6")
        self.assertEqual(rules.apply("51", first), "61")
        self.assertEqual(len(problems), 1)

    def test_no_telephone_number(self) -> None:
        """What is longer than any number is left alone."""
        number = "0" * (LONGEST_NUMBER + 1)
        self.assertEqual(apply("*0*0*:1", number), number)


class RewritingTests(SynchronousTestCase):
    """Rules by their text."""

    def test_empty_text(self) -> None:
        """Without rules the number stays."""
        self.assertEqual(Rewriting(first).rewrite("", "123"), "123")

    def test_randomness_is_given(self) -> None:
        """What is drawn comes from the constructor's argument."""
        self.assertEqual(Rewriting(last).rewrite("*:1;2", "9"), "2")

    def test_bad_rule_costs_no_call(self) -> None:
        """A text that another program wrote wrongly works as far as it can."""
        rewriting = Rewriting(first)
        self.assertEqual(rewriting.rewrite("bad,0:1", "05"), "15")
        self.assertEqual(rewriting.rewrite("bad,0:1", "05"), "15")

    def test_bounded(self) -> None:
        """Texts beyond the bound push out the oldest and still work."""
        rewriting = Rewriting(first)
        for number in range(MOST_CACHED + 10):
            rewriting.rewrite(f"{number}:x", "1")
        self.assertEqual(len(rewriting._compiled), MOST_CACHED)
        self.assertEqual(rewriting.rewrite("0:x", "0"), "x")


NUMBERS = st.text("0123456789", max_size=16)
ORIGINALS = st.text("0123*?", max_size=5).filter(lambda text: text.count("*") <= 3)
LENGTHS = st.sampled_from(["", "/L5", "/E5", "/G5", "/F5"])
TARGETS = st.text("0123456789a", max_size=5)
RULES = st.lists(st.tuples(ORIGINALS, LENGTHS, TARGETS), max_size=6)


def naive(rules: list[tuple[str, str, str]], number: str) -> str:
    """The language by its definition, for targets without signs."""

    def order(rule: tuple[str, str, str]) -> tuple[int, int, int]:
        wild = rule[0].count("*") + rule[0].count("?")
        return -len(rule[0]), wild, -len(rule[1])

    for original, length, target in sorted(rules, key=order):
        n = len(number)
        if length and not {"L": n < 5, "E": n == 5, "G": n > 5, "F": n != 5}[length[1]]:
            continue
        body = original.replace("?", "[0-9]").replace("*", "(.*)")
        match = re.match(body, number)
        if match is None:
            continue
        if not original.endswith("*"):
            return target + number[match.end() :]
        return target or match.groups()[-1]
    return number


class BoundTests(SynchronousTestCase):
    """No list that is accepted holds up calls."""

    LISTS = (
        "*1*1*1{}:9",
        "*1*1*1?{}:9",
        "*{}:9",
        "*" + "1" * 31 + "{}:9",
        "*?" + "1" * 30 + "{}:9",
        "?{}:9",
        "?" * 60 + "{}:9",
        "1/G9/E9/E9/E9:{}",
        "{}*:9",
    )

    def steps(self, rules: Rules, number: str) -> int:
        """How many functions are called to apply rules."""
        count = 0

        def trace(frame: object, event: str, argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(trace)
        try:
            rules.apply(number, first)
        finally:
            sys.setprofile(None)
        return count

    def test_steps(self) -> None:
        """Few functions are called, none of which tries anything twice."""
        for rule in self.LISTS:
            names = map("".join, product("abcdefgh", repeat=4))
            text = ",".join(map(rule.format, names))
            text = text[: 1 << 16].rpartition(",")[0]
            rules, problems = Rules.read(text)
            self.assertLess(self.steps(rules, "1" * 64), 25_000, rule)
            if len(text.split(",")) > 4000:
                self.assertIn("too many rules with * or ?", problems[-1])

    def test_refused(self) -> None:
        """A list of too much work is refused as a whole where it is written."""
        text = ",".join(f"*1*1*1{number}:9" for number in range(1000))
        self.assertRaises(ValueError, Rules.parse, text)
        rules, problems = Rules.read(text)
        self.assertEqual(rules.apply("1110", first), "9")
        self.assertEqual(
            problems[-1],
            "'*1*1*1999:9': too many rules with * or ?, or of one original",
        )

    def test_literals_are_not_bounded(self) -> None:
        """Rules without a wildcard cost one access, however many there are."""
        rules = Rules.parse(",".join(f"{number}:9" for number in range(10_000)))
        self.assertLess(self.steps(rules, "1" * 64), 20)

    def test_long_targets(self) -> None:
        """A target that is longer than any number is refused."""
        for target in ("?" * 129, "1;" + "?" * 129, "$" * 129):
            self.assertRaises(ValueError, Rules.parse, f"1:{target}")
        Rules.parse("1:" + "?" * 128 + ";" + "2" * 128)

    def test_conditions(self) -> None:
        """So is a rule with a crowd of conditions."""
        Rules.parse("1/G1/G2/L9/F5:2")
        self.assertRaises(ValueError, Rules.parse, "1/G1/G2/L9/F5/F6:2")

    @given(st.text("01*?", max_size=8), st.text("01", max_size=12))
    @settings(max_examples=500, deadline=None)
    def test_stars_are_as_an_expression_has_them(self, left: str, number: str) -> None:
        """Each star stands for what a greedy expression finds."""
        if left.count("*") > 3:
            return
        body = left.replace("?", "[0-9]").replace("*", "(.*)")
        match = re.match(body if left.endswith("*") else body + "(.*)", number)
        stars = left.count("*") + (not left.endswith("*"))
        expected = number if match is None else "x" + "x".join(match.groups())
        text = f"{left}:x" + "x".join("*" * stars)
        self.assertEqual(apply(text, number), expected)


class LawTests(SynchronousTestCase):
    """What holds for all rules."""

    @given(RULES, NUMBERS)
    @settings(max_examples=300, deadline=None)
    def test_compiled_is_the_definition(
        self, rules: list[tuple[str, str, str]], number: str
    ) -> None:
        """The compiled rules give what the definition gives."""
        text = ",".join(f"{o}{length}:{target}" for o, length, target in rules)
        self.assertEqual(apply(text, number), naive(rules, number))

    @given(st.text("0159*?$;-/LEGF\\:,a", max_size=24), NUMBERS, st.integers())
    @settings(max_examples=500, deadline=None)
    def test_never_raises(self, text: str, number: str, seed: int) -> None:
        """No text of rules, however wrong, makes a call fail."""
        rewriting = Rewriting(Random(seed).randrange)
        self.assertIsInstance(rewriting.rewrite(text, number), str)
