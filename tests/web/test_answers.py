"""
Tests of writing answers, byte by byte.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from vos3000.model.states import CallState
from vos3000.web.answers import ROWS, Answers
from vos3000.web.contract import parse
from vos3000.web.retcodes import BAD_INPUT, MISSING

CONTRACT = parse(
    """{"interfaces": {"GetIt": {"request": [], "response": [
        {"name": "retCode", "type": "int", "required": true},
        {"name": "exception", "type": "String"},
        {"name": "one", "type": "Inner"},
        {"name": "rows", "type": "Inner[]"},
        {"name": "names", "type": "String[]"}]}},
    "types": {"Inner": [
        {"name": "i", "type": "int", "required": true},
        {"name": "d", "type": "double", "required": true},
        {"name": "b", "type": "boolean", "required": true},
        {"name": "s", "type": "String", "required": true},
        {"name": "a", "type": "String[]", "required": true},
        {"name": "o", "type": "Deep", "required": true},
        {"name": "oi", "type": "Integer"}, {"name": "os", "type": "String"},
        {"name": "oa", "type": "int[]"}, {"name": "oo", "type": "Deep"}],
     "Deep": [{"name": "x", "type": "long", "required": true},
        {"name": "y", "type": "String"}]}}"""
)
EMPTY = '{"i":0,"d":0.0,"b":false,"s":"","a":[],"o":{"x":0}}'


class AnswersTests(SynchronousTestCase):
    """From values to bytes."""

    def success(self, **values: Any) -> str:
        answers = Answers(CONTRACT)
        return "".join(answers.success(CONTRACT.interfaces["GetIt"], values))

    def failure(self, code: int, text: str) -> str:
        return Answers(CONTRACT).failure(CONTRACT.interfaces["GetIt"], code, text)

    def test_nothing(self) -> None:
        """Success with nothing to say is retCode 0 and no exception."""
        self.assertEqual(self.success(), '{"retCode":0}')

    def test_required_fields_have_zeros(self) -> None:
        """What the contract always has is there even if nobody set it."""
        self.assertEqual(self.success(one={}), '{"retCode":0,"one":' + EMPTY + "}")

    def test_null_is_left_out(self) -> None:
        """A value that is not set is left out, never null."""
        found = self.success(one={"s": None, "oi": None, "os": None, "oo": None})
        self.assertEqual(found, '{"retCode":0,"one":' + EMPTY + "}")

    def test_optional_fields(self) -> None:
        """Optional fields are there when they are set, empty ones too."""
        found = self.success(
            one={"oi": 0, "os": "", "oa": [1, 2], "oo": {"x": 1, "y": "z"}}
        )
        self.assertEqual(
            found,
            '{"retCode":0,"one":'
            + EMPTY[:-1]
            + ',"oi":0,"os":"","oa":[1,2],"oo":{"x":1,"y":"z"}}}',
        )

    def test_unknown_values(self) -> None:
        """What the contract does not know stays inside."""
        self.assertEqual(self.success(secret=1, one={"secret": 1}).count("secret"), 0)

    def test_doubles(self) -> None:
        """A double has a point, no exponent, and every digit it had."""
        for value, expected in (
            (Decimal("10"), "10.0"),
            (Decimal("10.000000"), "10.0"),
            (Decimal("0.1"), "0.1"),
            (Decimal("-0.02"), "-0.02"),
            (Decimal("-0"), "0.0"),
            (Decimal("1E+3"), "1000.0"),
            (Decimal("123456789012.123456"), "123456789012.123456"),
            (Decimal("0.000000000001"), "0.000000000001"),
            (5, "5.0"),
        ):
            self.assertIn(f'"d":{expected},', self.success(one={"d": value}))

    def test_integers(self) -> None:
        """Whole numbers have no point, enumerations are numbers."""
        found = self.success(one={"i": CallState.OK, "o": {"x": 9223372036854775807}})
        self.assertIn('"i":-12,', found)
        self.assertIn('"x":9223372036854775807', found)

    def test_strings(self) -> None:
        """Strings are UTF-8, escaped where JSON and browsers need it."""
        found = self.success(one={"s": '客"\\\n\x01</script>'})
        self.assertIn('"s":"客\\"\\\\\\n\\u0001\\u003c/script>"', found)

    def test_lists(self) -> None:
        """An empty list is there; one that was not asked for is not."""
        self.assertEqual(self.success(rows=[]), '{"retCode":0,"rows":[]}')
        self.assertEqual(self.success(names=["a"]), '{"retCode":0,"names":["a"]}')

    def test_long_lists(self) -> None:
        """Long lists come in pieces, made from an iterator as they are read."""
        values = {"rows": ({"i": n} for n in range(ROWS + 1))}
        pieces = list(Answers(CONTRACT).success(CONTRACT.interfaces["GetIt"], values))
        self.assertEqual(len(pieces), 6)
        text = "".join(pieces)
        self.assertEqual(text.count('"d":0.0'), ROWS + 1)
        self.assertEqual(text.count('},{"i":'), ROWS)
        self.assertTrue(text.endswith("}]}"))

    def test_failure(self) -> None:
        """A refusal of a query carries the empty lists as well."""
        self.assertEqual(
            self.failure(BAD_INPUT, 'no "x"'),
            '{"retCode":-10124,"exception":"no \\"x\\"","rows":[],"names":[]}',
        )

    def test_missing_choice(self) -> None:
        """Where a mandatory choice is missing there are no lists."""
        self.assertEqual(
            self.failure(MISSING, "Miss parameters"),
            '{"retCode":-12103,"exception":"Miss parameters"}',
        )
