"""
Who has a password: phones, by their number, and gateways, by their name.

Of a password only what digest needs is kept (H(A1) of each algorithm): it
opens this realm and tells nothing of the password. A user without a password
cannot authenticate, since everybody would know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b

import attrs

from vos3000.model.gateways import (
    LockType,
    MappingGateway,
    RegisterType,
    RoutingGateway,
)
from vos3000.model.phones import Phone

Hash = Callable[[str, str, str, str], str]
"""From algorithm, user, realm and password to H(A1)."""


@attrs.frozen(slots=True)
class Credential:
    """
    One user that can authenticate.

    @ivar user: The user of its address of record, and of its digest.
    @ivar mark: Tells whether a password is still the same, over a restart, too.
    @ivar registers: Whether it may register: it is dynamic, and no phone that is
        locked in both directions.
    @ivar phone: Whether it is a phone.
    @ivar mapping: Whether calls may come from it as from a mapping gateway.
    @ivar routing: Whether calls may go to it as to a routing gateway.
    """

    user: str
    secrets: Mapping[str, str] = attrs.field(repr=False)
    mark: str = attrs.field(default="", repr=False, eq=False)
    registers: bool = False
    phone: bool = False
    mapping: bool = False
    routing: bool = False
    dids: tuple[str, ...] = ()


class Directory:
    """
    The users of one realm.

    A phone comes before a gateway of its name. A mapping and a routing gateway
    of one name and one password are one device, which registers once.

    @param hashed: Makes of a password what stands for it.
    @param algorithms: The algorithms that are asked for.
    @ivar weak: The phones whose password is their number.
    @ivar problems: What could not be used, one line each, for the operator.
    """

    def __init__(self, realm: str, hashed: Hash, algorithms: tuple[str, ...]) -> None:
        self._realm = realm
        self._hashed = hashed
        self._algorithms = algorithms
        self._phones: dict[str, Credential] = {}
        self._mapping: dict[str, Credential] = {}
        self._routing: dict[str, Credential] = {}
        self._users: dict[str, Credential] = {}
        self._departed: dict[str, Credential] = {}
        self.weak: set[str] = set()
        self.problems: tuple[str, ...] = ()

    def load_phones(self, phones: Iterable[Phone]) -> None:
        """Replace all phones."""
        self.weak = set()
        self._phones = {
            phone.e164: self._of_phone(phone) for phone in phones if phone.password
        }
        self._merge()

    def put_phone(self, e164: str, phone: Phone | None) -> None:
        """Replace one phone, or take it away; problems are found when all load."""
        gone = self._phones.pop(e164, None)
        self._departed = {} if gone is None else {e164: gone}
        self.weak.discard(e164)
        if phone is not None and phone.password:
            self._phones[e164] = self._of_phone(phone)
        found = None
        for table in (self._routing, self._mapping, self._phones):
            given = table.get(e164)
            if given is not None:
                found = given if found is None else _joined(given, found)
        if found is None:
            self._users.pop(e164, None)
        else:
            self._users[e164] = found

    def _of_phone(self, phone: Phone) -> Credential:
        if phone.password == phone.e164:
            self.weak.add(phone.e164)
        dynamic = phone.register_type == RegisterType.DYNAMIC
        return self._credential(
            phone.e164,
            phone.password,
            registers=dynamic and phone.origin.lock_type != LockType.ALL,
            phone=True,
            dids=phone.dids,
        )

    def load_mapping(self, gateways: Iterable[MappingGateway]) -> None:
        """Replace all mapping gateways."""
        self._mapping = {
            gateway.name: self._credential(
                gateway.name,
                gateway.password,
                registers=gateway.register_type == RegisterType.DYNAMIC,
                mapping=True,
            )
            for gateway in gateways
            if gateway.password
        }
        self._merge()

    def load_routing(self, gateways: Iterable[RoutingGateway]) -> None:
        """Replace all routing gateways; of one that we register with, the
        password is the other platform's, and nobody's here."""
        self._routing = {
            gateway.name: self._credential(
                gateway.name, gateway.password, registers=True, routing=True
            )
            for gateway in gateways
            if gateway.password and gateway.register_type == RegisterType.DYNAMIC
        }
        self._merge()

    def __len__(self) -> int:
        return len(self._users)

    def find(self, user: str) -> Credential | None:
        """The user of this name; None if nobody can authenticate as such."""
        return self._users.get(user)

    def secret(self, user: str, algorithm: str) -> str | None:
        """H(A1) of a user, by one of the algorithms that are asked for."""
        found = self._users.get(user)
        return None if found is None else found.secrets.get(algorithm)

    def dids(self, user: str) -> tuple[str, ...] | None:
        """The further numbers of a phone; None for who is no phone."""
        found = self._users.get(user)
        return found.dids if found is not None and found.phone else None

    def last_dids(self, user: str) -> tuple[str, ...] | None:
        """The same of a phone that the last change of a table took away, too."""
        found = self._users.get(user)
        if found is None or not found.phone:
            found = self._departed.get(user)
        return None if found is None else found.dids

    def _credential(
        self,
        user: str,
        password: str,
        registers: bool,
        phone: bool = False,
        mapping: bool = False,
        routing: bool = False,
        dids: tuple[str, ...] = (),
    ) -> Credential:
        mark = _mark(user, password)
        known = self._users.get(user)
        if known is not None and known.mark == mark:
            secrets = known.secrets
        else:
            secrets = {
                algorithm: self._hashed(algorithm, user, self._realm, password)
                for algorithm in self._algorithms
            }
        return Credential(user, secrets, mark, registers, phone, mapping, routing, dids)

    def _merge(self) -> None:
        users: dict[str, Credential] = {}
        problems: list[str] = []
        for table in (self._routing, self._mapping, self._phones):
            for name, given in table.items():
                other = users.get(name)
                users[name] = given if other is None else _joined(given, other)
                if other is not None and other.secrets != given.secrets:
                    problems.append(
                        f"{name}: the name belongs to two devices of different"
                        f" passwords; that of the {_kind(given)} counts"
                    )
        before, self._users = self._users, users
        self._departed = {
            name: known
            for name, known in before.items()
            if known.phone and (name not in users or not users[name].phone)
        }
        self.problems = tuple(problems)


def _joined(first: Credential, other: Credential) -> Credential:
    """Two devices of one name: one, if they have one password."""
    if first.secrets != other.secrets:
        return first
    return attrs.evolve(
        first,
        registers=first.registers or other.registers,
        mapping=first.mapping or other.mapping,
        routing=first.routing or other.routing,
    )


def _kind(given: Credential) -> str:
    return "phone" if given.phone else "mapping gateway"


def _mark(user: str, password: str) -> str:
    """Sixteen digits that another password of this user would not have."""
    data = f"{user}\0{password}".encode("utf-8", "surrogateescape")
    return blake2b(data, digest_size=8).hexdigest()
