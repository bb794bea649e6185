"""
Tests of the contract: that its data is whole, and how it is expanded.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.web.contract import Field, load, parse

SCALARS = {
    *("String", "LongString", "int", "Integer", "long", "Long"),
    *("double", "Double", "boolean", "Boolean"),
}


class ExpansionTests(SynchronousTestCase):
    """How C{include} and its companions are read."""

    def expand(self, include: str) -> tuple[Field, ...]:
        """The fields of a type that includes the type C{Shared} so."""
        text = """{"interfaces": {}, "types": {"Shared": [
            {"name": "a", "type": "Integer", "enum": [0, 3]},
            {"name": "b", "type": "Boolean", "required": true},
            {"name": "c", "type": "String[]"}
        ], "It": [%s]}}"""
        return parse(text % include).types["It"]

    def test_include(self) -> None:
        """The fields of the other type stand in its place, as they are there."""
        fields = self.expand('{"include": "Shared"}, {"name": "d", "type": "int"}')
        self.assertEqual([f.name for f in fields], ["a", "b", "c", "d"])
        self.assertEqual(fields[0], Field("a", "Integer", choices=(0, 3)))
        self.assertEqual([f.required for f in fields], [False, True, False, False])
        self.assertEqual((fields[2].type, fields[2].array), ("String", True))

    def test_omit(self) -> None:
        """Omitted fields are not there."""
        fields = self.expand('{"include": "Shared", "omit": ["b"]}')
        self.assertEqual([f.name for f in fields], ["a", "c"])

    def test_required(self) -> None:
        """Only the named ones are required, whatever they are elsewhere."""
        fields = self.expand('{"include": "Shared", "required": ["a"]}')
        self.assertEqual([f.required for f in fields], [True, False, False])

    def test_all_required(self) -> None:
        """All but the exceptions are required."""
        raw = '{"include": "Shared", "required": "all", "optional": ["c"]}'
        self.assertEqual([f.required for f in self.expand(raw)], [True, True, False])

    def test_primitive(self) -> None:
        """Boxed types become primitive ones, but for the exceptions."""
        raw = '{"include": "Shared", "primitive": true, "boxed": ["b"]}'
        self.assertEqual(
            [f.type for f in self.expand(raw)], ["int", "Boolean", "String"]
        )

    def test_override(self) -> None:
        """A closed set may be another one here."""
        raw = '{"include": "Shared", "override": {"a": {"enum": [1]}}}'
        self.assertEqual(self.expand(raw)[0].choices, (1,))


class PackagedContractTests(SynchronousTestCase):
    """The contract of this release."""

    def setUp(self) -> None:
        self.contract = load()

    def test_whole(self) -> None:
        """All 91 paths of the manual are there, and every type they name."""
        self.assertEqual(len(self.contract.interfaces), 91)
        lists = [*self.contract.types.values()]
        for interface in self.contract.interfaces.values():
            lists += [interface.request, interface.response]
            self.assertEqual(
                interface.response[0], Field("retCode", "int", required=True)
            )
        named = {field.type for fields in lists for field in fields}
        self.assertEqual(named - SCALARS - self.contract.types.keys(), set())

    def test_decisions(self) -> None:
        """Where the manual contradicts itself the contract says what we do."""
        types = self.contract.types
        by_name = {f.name: f for f in types["MappingGatewayFields"]}
        self.assertEqual(by_name["lockType"].choices, (0, 1, 2, 3))
        self.assertEqual(by_name["callLevel"].choices, (1, 2, 4, 5))
        modify = self.contract.interfaces["ModifyGatewayMapping"].request
        self.assertIn("softswitchName", {f.name for f in modify})
        create = self.contract.interfaces["CreateCustomer"].request
        self.assertEqual([f.name for f in create if f.required], ["account"])

    def test_answers_are_primitive(self) -> None:
        """What the manual promises in every record is promised here."""
        fields = {f.name: f for f in self.contract.types["InfoGatewayMapping"]}
        self.assertEqual(fields["capacity"], Field("capacity", "int", required=True))
        self.assertEqual(fields["mediaRecord"], Field("mediaRecord", "Boolean"))
