"""
The platform phones by the numbers that ring them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from vos3000.model.gateways import RegisterType
from vos3000.model.phones import Phone


class Phones:
    """
    Every phone by its number and by its DIDs.

    @ivar problems: What is claimed twice, one line each, for the operator.
    """

    def __init__(self) -> None:
        self._by_e164: dict[str, Phone] = {}
        self._by_number: dict[str, Phone] = {}
        self._hosts: Counter[str] = Counter()
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
        self._hosts = Counter(filter(None, map(_host, by_e164.values())))
        self.problems = tuple(problems)

    def put(self, e164: str, phone: Phone | None) -> None:
        """
        Replace one phone, or take it away. Numbers are known to be nobody
        else's; what was claimed twice before is sorted out by L{load}.
        """
        old = self._by_e164.pop(e164, None)
        if old is not None:
            for number in (e164, *old.dids):
                if self._by_number.get(number) is old:
                    del self._by_number[number]
            self._hosts.subtract([_host(old)])
            self._hosts += Counter()
        if phone is not None:
            self._by_e164[e164] = self._by_number[e164] = phone
            for number in phone.dids:
                self._by_number.setdefault(number, phone)
            self._hosts.update(filter(None, [_host(phone)]))

    @property
    def static_hosts(self) -> Collection[str]:
        """Where the phones of fixed addresses are."""
        return self._hosts

    def get(self, e164: str) -> Phone | None:
        """The phone of this number of its own."""
        return self._by_e164.get(e164)

    def called(self, number: str) -> Phone | None:
        """The phone that a call to C{number} rings; None if it is no phone's."""
        return self._by_number.get(number)


def _host(phone: Phone) -> str:
    """Where a phone of a fixed address is; empty for others."""
    static = phone.register_type == RegisterType.STATIC
    return phone.route.remote_ip if static else ""
