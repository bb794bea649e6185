"""
Properties of the web interface that hold for whatever is sent.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.web.site import CONTRACT
from vos3000.errors import ApiError
from vos3000.web.answers import Answers
from vos3000.web.contract import Field
from vos3000.web.requests import Requests
from vos3000.web.retcodes import BAD_INPUT

REQUESTS = Requests(CONTRACT)
ANSWERS = Answers(CONTRACT)
QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
INTERFACES = sorted(CONTRACT.interfaces)
TYPES = {
    "int": int,
    "long": int,
    "double": Decimal,
    "boolean": bool,
    "String": str,
    "LongString": str,
    "Integer": int,
    "Long": int,
    "Double": Decimal,
    "Boolean": bool,
}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "0", "1", "true", "20260301", "1e5", "-1", "٣", "1e999999"])
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def requests(draw: Any) -> tuple[str, dict[str, Any]]:
    """An interface, and a document with some of its fields and any values."""
    name = draw(st.sampled_from(INTERFACES))
    fields = [field.name for field in CONTRACT.interfaces[name].request]
    if not fields:
        return name, {}
    return name, draw(st.dictionaries(st.sampled_from(fields), documents, max_size=6))


class RequestProperties(SynchronousTestCase):
    """Reading requests."""

    def check(self, fields: tuple[Field, ...], values: dict[str, Any]) -> None:
        """Every value has exactly the type of its field."""
        known = {field.name: field for field in fields}
        for name, value in values.items():
            field = known[name]
            for single in value if field.array else [value]:
                if field.type in TYPES:
                    self.assertIs(type(single), TYPES[field.type], name)
                else:
                    self.check(CONTRACT.types[field.type], single)

    @QUICK
    @given(requests())
    def test_typed_or_refused(self, request: tuple[str, dict[str, Any]]) -> None:
        """Any document is typed by the contract, or refused by a retCode."""
        name, document = request
        interface = CONTRACT.interfaces[name]
        body = json.dumps(document).encode()
        try:
            values = REQUESTS.read(interface, body)
        except ApiError as error:
            self.assertEqual(error.code, BAD_INPUT)
            return
        self.check(interface.request, values)

    @QUICK
    @given(st.sampled_from(INTERFACES), st.binary(max_size=60))
    def test_any_bytes(self, name: str, body: bytes) -> None:
        """No bytes at all do anything else."""
        try:
            REQUESTS.read(CONTRACT.interfaces[name], body)
        except ApiError as error:
            self.assertEqual(error.code, BAD_INPUT)


class AnswerProperties(SynchronousTestCase):
    """Writing answers."""

    def test_every_interface(self) -> None:
        """The emptiest answer of every interface is a JSON object without null."""
        for interface in CONTRACT.interfaces.values():
            values: dict[str, Any] = {
                field.name: [{}] if field.array else {}
                for field in interface.response
                if field.type in CONTRACT.types
            }
            text = "".join(ANSWERS.success(interface, values))
            self.assertEqual(json.loads(text)["retCode"], 0)
            self.assertNotIn("null", text)

    @QUICK
    @given(
        st.text(max_size=30),
        st.decimals(-(10**12), 10**12, allow_nan=False, places=6),
        st.integers(-(2**63), 2**63 - 1),
    )
    def test_round_trip(self, text: str, amount: Decimal, number: int) -> None:
        """What is written is what a client reads, to the last digit."""
        row = {"account": text, "money": amount, "validTime": number}
        interface = CONTRACT.interfaces["Pay"]
        written = "".join(ANSWERS.success(interface, {"infoPay": row}))
        found = json.loads(written, parse_float=Decimal)["infoPay"]
        self.assertEqual({name: found[name] for name in row}, row)
        self.assertIsInstance(found["money"], Decimal)
