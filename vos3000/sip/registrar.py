"""
The registrar (RFC 3261 section 10.3): phones and gateways say where they are.

Everybody who sends a REGISTER is challenged, whether the user exists or not,
and nothing of it is looked at before the password was right. An address of
record has one device, as in VOS3000: of several Contacts the one with the
highest C{q} is kept. A device that negotiates RFC 5626 may keep several flows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import attrs

from vos3000.errors import ParseError
from vos3000.instant import Now
from vos3000.sip.bindings import (
    Offer,
    Refused,
    expires_of,
    instance_of,
    named,
    offers_of,
    path_of,
    same_uri,
    shown,
)
from vos3000.sip.challenger import Challenger, Outcome, Verdict, user_of
from vos3000.sip.core import UserAgentCore
from vos3000.sip.message import Request, respond
from vos3000.sip.transaction import Address, ServerTransaction

EXTENSIONS = ("path", "outbound")
"""Option tags that a REGISTER may require (RFC 3327, RFC 5626)."""

SHORTEST = 20
"""Seconds below which no registration is taken (423, 10.3)."""

MOST_FLOWS = 4
"""Flows of one device (RFC 5626); a further one ends the oldest."""

MARGIN = 32.0
"""Seconds beyond a registration that its connection may be silent."""

LONGEST_KEPT = 255
"""Characters of a Call-ID and of a User-Agent that are kept."""


class Held(Protocol):
    """A binding as the location service keeps it."""

    @property
    def flow(self) -> str:
        """Instance and reg-id; empty for a device without."""

    @property
    def contact(self) -> str:
        """The URI."""

    @property
    def remote(self) -> Address:
        """Where its REGISTER came from."""

    @property
    def call_id(self) -> str:
        """The Call-ID of that."""

    @property
    def cseq(self) -> int:
        """The number of that."""

    @property
    def registered(self) -> int:
        """When it came first, UTC ms."""

    @property
    def updated(self) -> int:
        """When it came last, UTC ms."""

    @property
    def expires(self) -> int:
        """When it ends, UTC ms."""


class Store(Protocol):
    """The location service: L{vos3000.routing.location}."""

    def of(self, aor: str) -> Sequence[Held]:
        """Every binding of a device."""

    def put(self, binding: Any) -> None:
        """Keep a binding; one of the same device and flow goes."""

    def remove(self, aor: str, flow: str) -> None:
        """Forget a binding, if there is one."""


@attrs.frozen(slots=True)
class RegistrarSettings:
    """
    What is granted.

    @ivar longest: SS_ENDPOINT_EXPIRE, s.
    @ivar replace: SS_ENDPOINT_REGISTER_REPLACE: whether a newcomer takes the
        place of a device that is registered, or is refused.
    @ivar flow_timer: SS_ENDPOINTTIMETOLIVE: seconds within which a device
        that negotiated RFC 5626 must show that its flow is open.
    """

    longest: int = 3600
    replace: bool = True
    flow_timer: int = 60


class Registrar:
    """
    Serves REGISTER; give it to L{UserAgentCore.serve}.

    @param store: Where bindings are kept.
    @param bind: Makes a binding of the attributes that L{Held} names, and of
        what the location service needs besides.
    @param registers: Whether a user may register.
    """

    def __init__(
        self,
        core: UserAgentCore,
        challenger: Challenger,
        store: Store,
        bind: Callable[..., Held],
        registers: Callable[[str], bool],
        settings: Callable[[], RegistrarSettings],
        now: Now,
    ) -> None:
        self._core = core
        self._challenger = challenger
        self._store = store
        self._bind = bind
        self._registers = registers
        self._settings = settings
        self._now = now

    def __call__(self, transaction: ServerTransaction) -> None:
        """Take a REGISTER, from whoever it comes."""
        verdict = self._challenger.check(transaction.request, transaction.address)
        if verdict.outcome is not Outcome.PASSED:
            self._turn_away(transaction, verdict)
            return
        transaction.channel.welcome()
        request = transaction.request
        try:
            headers = self._register(transaction, request, verdict.user)
        except Refused as error:
            self._answer(transaction, error.status, error.headers, str(error))
        except ParseError as error:
            self._answer(transaction, 400, (), f"Bad Request - {error}")
        else:
            self._answer(transaction, 200, headers)

    def _turn_away(self, transaction: ServerTransaction, verdict: Verdict) -> None:
        """
        A challenge always goes out, since a phone may be anywhere; a refusal
        only if unknown sources get answers.
        """
        if verdict.outcome is Outcome.CHALLENGED:
            self._core.refuse(transaction, verdict.status, headers=verdict.headers)
        else:
            self._core.turn_away(transaction, verdict.status)

    def _answer(
        self,
        transaction: ServerTransaction,
        status: int,
        headers: Iterable[tuple[str, str]],
        reason: str | None = None,
    ) -> None:
        """Answer whom we know; its retransmission gets the same."""
        tag, source = self._core.tokens.random(), transaction.address
        request = transaction.request
        data = respond(request, status, reason, tag, headers, received=source)
        transaction.send(status, data)

    # Section 10.3

    def _register(
        self, transaction: ServerTransaction, request: Request, user: str
    ) -> list[tuple[str, str]]:
        """
        Steps 4 to 8 of section 10.3, for a user that was authenticated.

        @return: The headers of the 200.
        @raise Refused: With what is to be answered instead.
        @raise ParseError: If something in it is malformed.
        """
        if user not in (user_of(request.to.uri), request.to.uri.number):
            raise Refused(403, "Forbidden - another's address")
        if not self._registers(user):
            raise Refused(403, "Forbidden - it is not to register")
        contacts = request.all("contact")
        used = False
        if "*" in contacts:
            self._remove_all(request, user, contacts)
        elif contacts:
            used = self._change(transaction, request, user, contacts)
        return self._granted(request, user, used)

    def _remove_all(self, request: Request, user: str, contacts: list[str]) -> None:
        if len(contacts) > 1 or expires_of(request.get("expires"), -1) != 0:
            raise Refused(400, "Bad Request - * stands alone, and with Expires 0")
        held = self._store.of(user)
        for binding in held:
            _in_order(request, binding)
        for binding in held:
            self._store.remove(user, binding.flow)

    def _change(
        self,
        transaction: ServerTransaction,
        request: Request,
        user: str,
        contacts: list[str],
    ) -> bool:
        """
        Update bindings: nothing is done unless all can be.

        @return: Whether RFC 5626 was used.
        """
        offers = offers_of(request, contacts, self._settings().longest)
        path = path_of(request)
        held = self._store.of(user)
        gone = [
            binding
            for binding in held
            for offer in offers
            if not offer.lifetime and _is(offer, binding)
        ]
        kept = [offer for offer in offers if offer.lifetime]
        best = max(kept, key=lambda offer: offer.rank) if kept else None
        if best is not None:
            self._allowed(request, best, transaction.address, held, gone)
            gone += self._displaced(request, best, transaction.address, held)
        for binding in held:
            if binding in gone or (best is not None and binding.flow == best.flow):
                _in_order(request, binding)
        since = [binding.registered for binding in held if binding not in gone]
        for binding in gone:
            self._store.remove(user, binding.flow)
        if best is not None:
            self._keep(transaction, user, best, path, min(since, default=0))
        return any(offer.flow for offer in kept)

    def _allowed(
        self,
        request: Request,
        best: Offer,
        source: Address,
        held: Sequence[Held],
        gone: Sequence[Held],
    ) -> None:
        if best.lifetime < SHORTEST:
            least = ("Min-Expires", str(SHORTEST))
            raise Refused(423, "Interval Too Brief", (least,))
        if self._settings().replace:
            return
        for binding in held:
            if binding not in gone and not _same_device(request, best, source, binding):
                raise Refused(403, "Forbidden - registered elsewhere")

    def _displaced(
        self, request: Request, best: Offer, source: Address, held: Sequence[Held]
    ) -> list[Held]:
        """What has to go for a newcomer: all but other flows of its device."""
        instance = instance_of(best.flow)
        others = [binding for binding in held if binding.flow != best.flow]
        gone = [b for b in others if not best.flow or instance_of(b.flow) != instance]
        stay = [binding for binding in others if binding not in gone]
        stay.sort(key=lambda binding: binding.updated)
        return gone + stay[: max(0, len(stay) - MOST_FLOWS + 1)]

    def _keep(
        self,
        transaction: ServerTransaction,
        user: str,
        offer: Offer,
        path: tuple[str, ...],
        since: int,
    ) -> None:
        request = transaction.request
        channel, source, now = transaction.channel, transaction.address, self._now()
        lifetime = min(offer.lifetime, self._settings().longest)
        channel.welcome(lifetime + MARGIN)
        self._store.put(
            self._bind(
                aor=user,
                flow=offer.flow,
                contact=str(offer.uri),
                transport=channel.name.lower(),
                remote=source,
                local=channel.local(source),
                named=named(offer.uri, channel.name, source),
                call_id=_call_id(request),
                cseq=request.cseq,
                registered=since or now.wall,
                updated=now.wall,
                expires=now.wall + lifetime * 1000,
                path=path,
                product=_product(request),
                channel=channel,
            )
        )

    def _granted(
        self, request: Request, user: str, used: bool
    ) -> list[tuple[str, str]]:
        """The headers of the 200: every binding, with what is left of it."""
        now = self._now().wall
        headers = [
            ("Contact", shown(binding.contact, binding.flow, _left(binding, now)))
            for binding in self._store.of(user)
        ]
        headers += [("Path", value) for value in request.all("path")]
        headers.append(("Supported", ", ".join(EXTENSIONS)))
        if used:
            headers.append(("Require", "outbound"))
            headers.append(("Flow-Timer", str(self._settings().flow_timer)))
        return headers


def _product(request: Request) -> str:
    """What the device says it is, as other programs can be told."""
    text = (request.get("user-agent") or "")[:LONGEST_KEPT]
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _call_id(request: Request) -> str:
    return request.call_id[:LONGEST_KEPT]


def _is(offer: Offer, binding: Held) -> bool:
    """Whether a Contact means this binding (10.3 step 7; RFC 5626 section 6)."""
    if offer.flow:
        return offer.flow == binding.flow
    return same_uri(offer.uri, binding.contact)


def _same_device(
    request: Request, offer: Offer, source: Address, binding: Held
) -> bool:
    """Whether a newcomer is the device that is registered already."""
    if offer.flow and binding.flow:
        return instance_of(offer.flow) == instance_of(binding.flow)
    return (
        binding.call_id == _call_id(request)
        or binding.remote == source
        or same_uri(offer.uri, binding.contact)
    )


def _in_order(request: Request, binding: Held) -> None:
    """
    Refuse what was overtaken by a later REGISTER (10.3 step 7).

    @raise Refused: 500, as for what is out of order inside a dialog.
    """
    if binding.call_id == _call_id(request) and request.cseq <= binding.cseq:
        raise Refused(500, "Server Internal Error - CSeq out of order")


def _left(binding: Held, now: int) -> int:
    """Seconds that are left of a binding, a begun one counted."""
    return max(0, (binding.expires - now + 999) // 1000)
