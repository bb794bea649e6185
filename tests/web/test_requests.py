"""
Tests of reading requests: every coercion and every refusal.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from vos3000.errors import ApiError
from vos3000.web.contract import parse
from vos3000.web.requests import (
    DEPTH,
    MOST_ELEMENTS,
    MOST_VALUES,
    Requests,
    parse_object,
)
from vos3000.web.retcodes import BAD_INPUT

CONTRACT = parse(
    """{"interfaces": {
    "GetIt": {"response": [], "request": [
        {"name": "i", "type": "int"}, {"name": "l", "type": "Long"},
        {"name": "d", "type": "Double"}, {"name": "b", "type": "Boolean"},
        {"name": "s", "type": "String"}, {"name": "ls", "type": "LongString"},
        {"name": "e", "type": "Integer", "enum": [0, 3]},
        {"name": "r", "type": "Integer", "range": [-10, 10]},
        {"name": "dr", "type": "Double", "range": [-10, 10]},
        {"name": "t", "type": "String", "format": "yyyyMMdd"},
        {"name": "w", "type": "String[]", "values": ["audio/PCMA"]},
        {"name": "week", "type": "String", "enum": [0, 1, 2]},
        {"name": "as", "type": "String[]"}, {"name": "ai", "type": "int[]"},
        {"name": "o", "type": "Inner"}, {"name": "ao", "type": "Inner[]"},
        {"name": "callLevel", "type": "Integer", "enum": [1, 2, 4, 5]},
        {"name": "feeRateGroup", "type": "String"},
        {"name": "phonebookLimit", "type": "Integer"}]},
    "CreateIt": {"response": [], "request": [
        {"name": "name", "type": "String", "required": true},
        {"name": "n", "type": "Double", "default": 0},
        {"name": "o", "type": "Inner"}]},
    "ModifyIt": {"response": [], "request": [
        {"name": "name", "type": "String", "required": true},
        {"name": "n", "type": "Double", "default": 0},
        {"name": "o", "type": "Inner"}]}
    }, "types": {"Inner": [
        {"name": "x", "type": "int", "required": true},
        {"name": "y", "type": "Integer", "default": 7}]}}"""
)

TAKEN: list[tuple[str, Any]] = [
    # nothing at all
    ("", {}),
    (" \r\n", {}),
    ("{}", {}),
    ("\ufeff{}", {}),
    ('{"":""}', {}),
    ('{"accounts":"","userid":"u","password":null}', {}),
    ('{"i":null,"s":null,"as":null,"o":null}', {}),
    # numbers
    ('{"i":5}', {"i": 5}),
    ('{"i":"5"}', {"i": 5}),
    ('{"i":" -5 "}', {"i": -5}),
    ('{"i":5.0}', {"i": 5}),
    ('{"i":"5.00"}', {"i": 5}),
    ('{"i":5e2}', {"i": 500}),
    ('{"i":""}', {}),
    ('{"i":2147483647}', {"i": 2147483647}),
    ('{"i":-2147483648}', {"i": -2147483648}),
    ('{"l":9223372036854775807}', {"l": 9223372036854775807}),
    ('{"l":"9223372036854775807"}', {"l": 9223372036854775807}),
    ('{"d":10}', {"d": Decimal(10)}),
    ('{"d":0.1}', {"d": Decimal("0.1")}),
    ('{"d":"-13"}', {"d": Decimal(-13)}),
    ('{"d":1.234567890123}', {"d": Decimal("1.234567890123")}),
    ('{"d":999999999999.999999999999}', {"d": Decimal("999999999999.999999999999")}),
    ('{"i":1,"i":2}', {"i": 2}),
    # booleans
    ('{"b":true}', {"b": True}),
    ('{"b":"False"}', {"b": False}),
    ('{"b":1}', {"b": True}),
    ('{"b":"0"}', {"b": False}),
    ('{"b":""}', {}),
    # strings
    ('{"s":""}', {"s": ""}),
    ('{"s":1001}', {"s": "1001"}),
    ('{"s":1.10}', {"s": "1.10"}),
    ('{"s":["a","b"]}', {"s": "a,b"}),
    ('{"s":"客户"}', {"s": "客户"}),
    ('{"ls":"%s"}' % ("x" * 65535), {"ls": "x" * 65535}),
    # closed sets, ranges, formats
    ('{"e":"3"}', {"e": 3}),
    ('{"r":-10}', {"r": -10}),
    ('{"dr":10.0}', {"dr": Decimal(10)}),
    ('{"callLevel":3}', {"callLevel": 4}),
    ('{"t":"20240229"}', {"t": "20240229"}),
    ('{"t":"20240229235959"}', {"t": "20240229235959"}),
    ('{"t":20240229}', {"t": "20240229"}),
    ('{"t":""}', {"t": ""}),
    ('{"w":["audio/PCMA"]}', {"w": ["audio/PCMA"]}),
    ('{"week":"0,2"}', {"week": "0,2"}),
    # arrays and objects
    ('{"as":[]}', {"as": []}),
    ('{"as":""}', {}),
    ('{"as":["1",2]}', {"as": ["1", "2"]}),
    ('{"as":"a,b"}', {"as": ["a", "b"]}),
    ('{"ai":["1",2]}', {"ai": [1, 2]}),
    ('{"o":""}', {}),
    ('{"o":{"x":"1","z":9}}', {"o": {"x": 1, "y": 7}}),
    ('{"ao":[{"x":1},{"x":2,"y":3}]}', {"ao": [{"x": 1, "y": 7}, {"x": 2, "y": 3}]}),
    # the two spellings
    ('{"feerateGroup":"g"}', {"feeRateGroup": "g"}),
    ('{"feeRateGroup":"a","feerateGroup":"b"}', {"feeRateGroup": "a"}),
    ('{"phoneBookLimit":"9"}', {"phonebookLimit": 9}),
]

REFUSED: list[tuple[str, str]] = [
    ("[]", "not a JSON object"),
    ("5", "not a JSON object"),
    ("null", "not a JSON object"),
    ("{", "not a JSON object"),
    ("{'i':1}", "not a JSON object"),
    ("name=x&money=1", "not a JSON object"),
    ('{"d":NaN}', "not a JSON object"),
    ('{"d":-Infinity}', "not a JSON object"),
    ('{"i":%s}' % ("9" * 5000), "not a JSON object"),
    ("[" * 100000, "not a JSON object"),
    ('{"x":' + "[" * DEPTH + "1" + "]" * DEPTH + "}", "nested deeper than 16"),
    ('{"as":[%s1]}' % ("1," * MOST_ELEMENTS), "as has more than 10000 elements"),
    ('{"as":"%s1"}' % ("1," * MOST_ELEMENTS), "as has more than 10000 elements"),
    ('{"s":[%s1]}' % ("1," * MOST_ELEMENTS), "s has more than 10000 elements"),
    ('{"x":[%s1]}' % ("1," * MOST_VALUES), "more than 100000 values"),
    ('{"i":2147483648}', "i does not fit 32 bits"),
    ('{"i":-2147483649}', "i does not fit 32 bits"),
    ('{"i":1e999999999}', "i does not fit 32 bits"),
    ('{"l":9223372036854775808}', "l does not fit 64 bits"),
    ('{"i":1.5}', "i must be a whole number"),
    ('{"i":1e-999}', "i must be a whole number"),
    ('{"i":true}', "i must be a number"),
    ('{"i":"x"}', "i must be a number"),
    ('{"i":"1_0"}', "i must be a number"),
    ('{"i":"\\u0661"}', "i must be a number"),
    ('{"i":"0x10"}', "i must be a number"),
    ('{"i":[1]}', "i must be a number"),
    ('{"d":"NaN"}', "d must be a number"),
    ('{"d":"infinity"}', "d must be a number"),
    ('{"d":1e12}', "d '1E+12' is too large"),
    ('{"d":1e999999999}', "d is too large"),
    ('{"d":1e-999999999}', "d '1E-999999999' has more than 12 digits after the point"),
    ('{"d":%s}' % ("9" * 4000), "d '%s" % ("9" * 197)),
    ('{"d":1e-13}', "d '1E-13' has more than 12 digits after the point"),
    ('{"b":2}', "b must be true or false"),
    ('{"b":"yes"}', "b must be true or false"),
    ('{"b":[]}', "b must be true or false"),
    ('{"b":1.0}', "b must be true or false"),
    ('{"s":true}', "s must be a string"),
    ('{"s":{}}', "s must be a string"),
    ('{"s":"%s"}' % ("x" * 256), "s is longer than 255 characters"),
    ('{"ls":"%s"}' % ("x" * 65536), "ls is longer than 65535 characters"),
    ('{"s":"\\ud800"}', "s is not valid Unicode"),
    ('{"e":1}', "e must be one of 0, 3"),
    ('{"r":11}', "r must be -10 to 10"),
    ('{"dr":10.1}', "dr must be -10 to 10"),
    ('{"t":"2024"}', "t must be a time as yyyyMMdd or yyyyMMddHHmmss"),
    ('{"t":"20230229"}', "t must be a time as yyyyMMdd or yyyyMMddHHmmss"),
    ('{"t":"20230228240000"}', "t must be a time as yyyyMMdd or yyyyMMddHHmmss"),
    ('{"t":"99991231"}', "t must be a time as yyyyMMdd or yyyyMMddHHmmss"),
    ('{"t":"2023-1-1"}', "t must be a time as yyyyMMdd or yyyyMMddHHmmss"),
    ('{"w":["audio/x"]}', "w[0] is not one of the names the manual lists"),
    ('{"week":"0,9"}', "week must be a list of 0, 1, 2"),
    ('{"as":5}', "as must be an array"),
    ('{"as":{}}', "as must be an array"),
    ('{"as":["a",null]}', "as[1] must be a string"),
    ('{"ai":[1,"x"]}', "ai[1] must be a number"),
    ('{"o":5}', "o must be an object"),
    ('{"o":{}}', "o.x is missing"),
    ('{"o":{"x":"y"}}', "o.x must be a number"),
    ('{"ao":[{"x":1},{}]}', "ao[1].x is missing"),
]


class RequestsTests(SynchronousTestCase):
    """From bytes to typed fields."""

    def read(self, text: str, name: str = "GetIt") -> dict[str, Any]:
        interface = CONTRACT.interfaces[name]
        return Requests(CONTRACT).read(interface, text.encode("utf-8", "surrogatepass"))

    def refusal(self, text: str, name: str = "GetIt") -> str:
        error = self.assertRaises(ApiError, self.read, text, name)
        self.assertEqual(error.code, BAD_INPUT)
        return str(error)

    def test_taken(self) -> None:
        """What can only mean one thing is taken, with exactly its type."""
        for text, expected in TAKEN:
            found = self.read(text)
            self.assertEqual(found, expected, text[:80])
            for name, value in found.items():
                self.assertIs(type(value), type(expected[name]), text[:80])

    def test_refused(self) -> None:
        """Anything else is refused, and the message names the field."""
        for text, expected in REFUSED:
            found = self.refusal(text)
            self.assertEqual(found, f"Input parameter error: {expected}", text[:80])

    def test_bytes_that_are_no_text(self) -> None:
        """A body that is not UTF-8 is no JSON."""
        self.assertRaises(ApiError, parse_object, b'{"s":"\xff"}')

    def test_defaults_of_create(self) -> None:
        """What is not sent to Create has the contract's default, exactly."""
        found = self.read('{"name":"a","o":{"x":1}}', "CreateIt")
        self.assertEqual(found, {"name": "a", "n": Decimal(0), "o": {"x": 1, "y": 7}})
        self.assertIsInstance(found["n"], Decimal)

    def test_modify_has_no_defaults(self) -> None:
        """What is not sent to Modify is not there, inside objects neither."""
        found = self.read('{"name":"a","o":{"x":1}}', "ModifyIt")
        self.assertEqual(found, {"name": "a", "o": {"x": 1}})

    def test_required(self) -> None:
        """A required field that is missing, or null, is named."""
        for text in ("", "{}", '{"name":null}'):
            self.assertEqual(
                self.refusal(text, "CreateIt"),
                "Input parameter error: name is missing",
            )
