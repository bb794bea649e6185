"""Amounts of money: read, rounded, stored and written without loss."""

from __future__ import annotations

from decimal import Decimal, Inexact

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from vos3000.model.money import (
    PRICE_DIGITS,
    ZERO,
    from_micros,
    parse_decimal,
    plain,
    round_half_up,
    round_up,
    to_micros,
)

AMOUNTS = st.integers(-(10**17), 10**17).map(lambda n: Decimal(n).scaleb(-6))
POSITIVE = st.integers(1, 10**9).map(lambda n: Decimal(n).scaleb(-6))


class RoundingTests(SynchronousTestCase):
    """The only rounding there is."""

    def test_half_up(self) -> None:
        """Halves go away from zero."""
        for amount, digits, expected in [
            ("0.12345", 4, "0.1235"),
            ("0.12344", 4, "0.1234"),
            ("0.5", 0, "1"),
            ("-0.00005", 4, "-0.0001"),
            ("2.5", 0, "3"),
        ]:
            with self.subTest(amount=amount):
                rounded = round_half_up(Decimal(amount), digits)
                self.assertEqual(rounded, Decimal(expected))

    def test_up_to_a_unit(self) -> None:
        """The next multiple, and a multiple itself stays."""
        for amount, unit, expected in [
            ("0.0001", "0.01", "0.01"),
            ("0.01", "0.01", "0.01"),
            ("0.0101", "0.01", "0.02"),
            ("7", "5", "10"),
            ("0", "0.01", "0"),
            ("0.1234", "0", "0.1234"),
        ]:
            with self.subTest(amount=amount, unit=unit):
                rounded = round_up(Decimal(amount), Decimal(unit))
                self.assertEqual(rounded, Decimal(expected))

    @given(POSITIVE, POSITIVE)
    def test_up_is_the_smallest_multiple(self, amount: Decimal, unit: Decimal) -> None:
        """Not below the amount, less than a unit above it, a multiple."""
        rounded = round_up(amount, unit)
        self.assertTrue(amount <= rounded < amount + unit)
        self.assertEqual(rounded % unit, 0)

    @given(AMOUNTS, st.integers(0, 6))
    def test_half_up_is_near(self, amount: Decimal, digits: int) -> None:
        """Never further off than half of the last digit."""
        away = abs(round_half_up(amount, digits) - amount)
        self.assertLessEqual(away * 2, Decimal(1).scaleb(-digits))


class ParseTests(SynchronousTestCase):
    """Amounts as text."""

    def test_plain_numbers(self) -> None:
        """Signs, spaces and exponents are read exactly."""
        for text, expected in [
            ("1.5", "1.5"),
            (" -0.000001 ", "-0.000001"),
            ("1e3", "1000"),
            ("999999999999.999999", "999999999999.999999"),
            ("1.5000000000", "1.5"),
        ]:
            with self.subTest(text=text):
                self.assertEqual(parse_decimal(text), Decimal(expected))

    def test_refused(self) -> None:
        """What is no amount is refused, never rounded or guessed."""
        for text in [
            "",
            "x",
            "1,5",
            "nan",
            "inf",
            "0.0000001",
            "1e12",
            "-1e12",
            "1e99",
        ]:
            with self.subTest(text=text):
                self.assertRaises(ValueError, parse_decimal, text)

    def test_prices_have_more_digits(self) -> None:
        """A price may have twelve digits after the point, and no more."""
        price = parse_decimal("0.000000000001", PRICE_DIGITS)
        self.assertEqual(price, Decimal("0.000000000001"))
        too_fine = "0.0000000000001"
        self.assertRaises(ValueError, parse_decimal, too_fine, PRICE_DIGITS)

    def test_message_names_the_text(self) -> None:
        """The error says which text is wrong."""
        error = self.assertRaises(ValueError, parse_decimal, "1,5")
        self.assertIn("'1,5'", str(error))


class ExponentTests(SynchronousTestCase):
    """Numbers whose exponent is beyond what Decimal calculates with."""

    def test_are_refused_as_any_bad_number(self) -> None:
        """Neither Overflow nor Underflow reaches the caller."""
        for text in ("1e999999999", "-1e999999999", "1e-999999999"):
            self.assertRaises(ValueError, parse_decimal, text)


class StorageTests(SynchronousTestCase):
    """Amounts as whole millionths and as text."""

    @given(AMOUNTS)
    def test_micros_round_trip(self, amount: Decimal) -> None:
        """Storing and reading loses nothing."""
        self.assertEqual(from_micros(to_micros(amount)), amount)

    def test_micros_are_exact(self) -> None:
        """A seventh digit is refused, not dropped."""
        self.assertRaises(Inexact, to_micros, Decimal("0.0000001"))
        self.assertEqual(to_micros(Decimal("1.000001")), 1_000_001)

    def test_plain(self) -> None:
        """No exponent, no needless zero, no minus before nothing."""
        for amount, expected in [
            ("1.500000", "1.5"),
            ("0E-6", "0"),
            ("-0.000", "0"),
            ("-0.02", "-0.02"),
            ("1E+3", "1000"),
            ("1000", "1000"),
            ("0.000001", "0.000001"),
        ]:
            with self.subTest(amount=amount):
                self.assertEqual(plain(Decimal(amount)), expected)

    @given(AMOUNTS)
    def test_plain_round_trip(self, amount: Decimal) -> None:
        """What is written is read back as the same amount."""
        self.assertEqual(Decimal(plain(amount)), amount)

    def test_zero(self) -> None:
        """Nothing is nothing."""
        self.assertEqual(plain(ZERO), "0")
        self.assertEqual(to_micros(ZERO), 0)
