"""
The platform phones by the numbers that ring them.
"""

from __future__ import annotations

from collections.abc import Iterable

from vos3000.model.gateways import RegisterType
from vos3000.model.phones import Phone


class Phones:
    """
    Every phone by its number and by its DIDs; swapped in whole.

    @ivar static_hosts: Where the phones of fixed addresses are.
    @ivar problems: What is claimed twice, one line each, for the operator.
    """

    def __init__(self) -> None:
        self._by_e164: dict[str, Phone] = {}
        self._by_number: dict[str, Phone] = {}
        self.static_hosts: frozenset[str] = frozenset()
        self.problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self._by_e164)

    def load(self, phones: Iterable[Phone]) -> None:
        """
        Replace all phones. A number of their own goes before DIDs, whose first
        claim counts.
        """
        by_e164 = {phone.e164: phone for phone in phones}
        by_number = dict(by_e164)
        problems = []
        for phone in by_e164.values():
            for did in phone.dids:
                owner = by_number.setdefault(did, phone)
                if owner is not phone:
                    problems.append(f"phone {phone.e164}: {did} rings {owner.e164}")
        self._by_e164, self._by_number = by_e164, by_number
        self.static_hosts = frozenset(
            phone.route.remote_ip
            for phone in by_e164.values()
            if phone.register_type == RegisterType.STATIC and phone.route.remote_ip
        )
        self.problems = tuple(problems)

    def get(self, e164: str) -> Phone | None:
        """The phone of this number of its own."""
        return self._by_e164.get(e164)

    def called(self, number: str) -> Phone | None:
        """The phone that a call to C{number} rings; None if it is no phone's."""
        return self._by_number.get(number)
