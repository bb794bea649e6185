"""
Prefixes that calls of one gateway get in proportion (proportionCalleePrefixs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vos3000.model.gateways import MappingGateway


def with_prefix(
    gateway: MappingGateway, callee: str, choose: Callable[[int], int]
) -> str:
    """
    The callee as the dial rules find it: each prefix comes as often as its
    proportion says of the sum of all.

    @param choose: Randomness: from C{n} to 0..n-1.
    """
    given = gateway.settings.get("proportionCalleePrefixs")
    if not given:
        return callee
    shares = list(_shares(given))
    total = sum(proportion for proportion, _ in shares)
    drawn = choose(total) if total else 0
    for proportion, prefix in shares:
        if drawn < proportion:
            return prefix + callee
        drawn -= proportion
    return callee


def _shares(given: object) -> Iterator[tuple[int, str]]:
    """Proportion and prefix of each; what is none was not written by us."""
    for each in given if isinstance(given, list) else ():
        proportion, prefix = each.get("proportion"), each.get("addPrefix")
        if isinstance(proportion, int) and proportion > 0 and isinstance(prefix, str):
            yield proportion, prefix
