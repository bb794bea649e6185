"""Prefixes in proportion."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from vos3000.model.gateways import MappingGateway
from vos3000.routing.proportions import with_prefix


class ProportionTests(SynchronousTestCase):
    """proportionCalleePrefixs."""

    def given(self, shares: Any, drawn: int, of: int) -> str:
        """The callee 86 where C{drawn} is drawn out of C{of}."""

        def choose(count: int) -> int:
            self.assertEqual(count, of)
            return drawn

        settings = {"proportionCalleePrefixs": shares}
        return with_prefix(MappingGateway(1, "m", settings=settings), "86", choose)

    def test_shares(self) -> None:
        """Each as often as its part of the sum."""
        shares = [
            {"proportion": 3, "addPrefix": "77"},
            {"proportion": 0, "addPrefix": "99"},
            {"proportion": 1, "addPrefix": ""},
        ]
        drawn = [self.given(shares, number, 4) for number in range(4)]
        self.assertEqual(drawn, ["7786", "7786", "7786", "86"])

    def test_nothing_to_draw(self) -> None:
        """No list, and what is none: the number as it is."""
        nothing: list[Any] = [None, [], "x", [{"proportion": 0, "addPrefix": "1"}]]
        for shares in [*nothing, [{}]]:
            self.assertEqual(self.given(shares, 0, 0), "86")
