"""
Registering with another platform (RFC 3261 section 10.2): the client's side.

One machine keeps one binding alive. It is a table; what it sends goes through
the transaction layer, and whatever it waits for is one timer. A binding is
refreshed well before it ends. While a refresh fails for want of an answer the
binding still counts as long as the registrar promised, for it is there; once a
registrar refuses, it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from itertools import islice
from typing import Protocol

import attrs

from vos3000.errors import ParseError
from vos3000.sip.access import CHALLENGES, Access, Realm
from vos3000.sip.contacts import contacts_in_order
from vos3000.sip.core import UserAgentCore
from vos3000.sip.dialog import contact_of, host_port
from vos3000.sip.fields import (
    NameAddr,
    parse_name_addr,
    parse_number,
    parse_retry_after,
    split_commas,
)
from vos3000.sip.message import Response
from vos3000.sip.outside import Asked, Target, believed
from vos3000.sip.transaction import ClientTransaction
from vos3000.sip.uri import Uri
from vos3000.timers import Timer

USUAL_EXPIRY = 3600
"""Seconds that a binding lasts where nobody says how long (10.2.1.1)."""

LONGEST_EXPIRY = 86_400
"""Seconds beyond which no binding is asked for, nor believed to last."""

SHORTEST_EXPIRY = 5
"""Seconds between two refreshes at least: a registrar cannot make us flood it."""

LONGEST_DELAY = 3600
"""Seconds between two tries at most, however often it was refused."""

MOST_CONTACTS = 64
"""Contacts of one answer among which ours is looked for."""

MOST_AGAIN = 6
"""How often one try is sent again, because of challenges, 423 or 3xx."""

_CHANCES = 1000
_NEVER = 1 << 31
_MOVED = frozenset((300, 301, 302))


class State(IntEnum):
    """What a registration is doing."""

    UNREGISTERED = 0
    REGISTERING = 1
    REGISTERED = 2
    REFRESHING = 3
    RETRYING = 4
    UNREGISTERING = 5


class Input(IntEnum):
    """What happens to it."""

    START = 0
    """It shall register."""
    ACCEPTED = 1
    """2xx."""
    AGAIN = 2
    """A refusal that says what to change."""
    REFUSED = 3
    """Any other one."""
    SILENT = 4
    """No answer, or an answer that the registrar cannot serve."""
    DUE = 5
    """The time to refresh, or to try again, has come."""
    LAPSED = 6
    """The binding is as old as it may get."""
    STOP = 7
    """It shall unregister."""


@attrs.frozen(slots=True)
class RegisterSettings:
    """
    The system parameters of registrations.

    @ivar expire: SS_SIP_USER_AGENT_EXPIRE, s; 0 leaves it to the registrar.
    @ivar retry_delay: SS_SIP_USER_AGENT_RETRY_DELAY, s.
    @ivar unregister: SS_SIP_USER_AGENT_SEND_UNREGISTER.
    @ivar authentication_retry: SS_SIP_AUTHENTICATION_RETRY.
    """

    expire: int = 0
    retry_delay: int = 60
    unregister: bool = True
    authentication_retry: int = 2


@attrs.frozen(slots=True)
class Identity:
    """
    Who registers, and where.

    @ivar registrar: The Request-URI: the domain.
    @ivar record: The address of record.
    @ivar user: The user of our Contact.
    @ivar line: Tells our Contact from others that we register there.
    @ivar expire: Seconds asked for; 0 for the system's.
    """

    registrar: str
    record: str
    user: str
    line: str
    expire: int = 0


class RegistrationUser(Protocol):
    """Who wants to know how it stands."""

    def registered(self) -> None:
        """The registrar has us, anew or still."""

    def unregistered(self, why: str) -> None:
        """It has us not, or no longer."""


Locate = Callable[[Uri], tuple[Target, ...]]
"""Where a URI leads to; nowhere if that is not known."""


class Registration:
    """
    One registration of ours.

    @param places: Gives where the registrar can be reached now.
    @param locate: Where a redirection leads to.
    @param access: What answers challenges; None without a password.
    @param chance: Randomness: from C{n} to 0..n-1.
    @param user: Hears of it; not while it is started or stopped.
    """

    __slots__ = (
        "_access",
        "_again",
        "_call_id",
        "_chance",
        "_core",
        "_cseq",
        "_expire",
        "_failures",
        "_granted",
        "_home",
        "_identity",
        "_lapse",
        "_left",
        "_locate",
        "_pause",
        "_places",
        "_settings",
        "_tag",
        "_target",
        "_timer",
        "_transaction",
        "_tried",
        "_user",
        "state",
        "why",
    )

    def __init__(
        self,
        core: UserAgentCore,
        identity: Identity,
        places: Callable[[], tuple[Target, ...]],
        locate: Locate,
        access: Access | None,
        settings: Callable[[], RegisterSettings],
        chance: Callable[[int], int],
        user: RegistrationUser,
    ) -> None:
        self._core = core
        self._identity = identity
        self._places = places
        self._locate = locate
        self._access = access
        self._settings = settings
        self._chance = chance
        self._user = user
        self.state = State.UNREGISTERED
        self.why = ""
        self._tag = core.tokens.random()
        self._call_id = core.tokens.random()
        self._cseq = 0
        self._transaction: ClientTransaction | None = None
        self._home: Uri | None = None
        self._target: Target | None = None
        self._left: tuple[Target, ...] = ()
        self._tried: list[Realm] = []
        self._again = 0
        self._expire = 0
        self._granted = 0
        self._pause = 0
        self._failures = 0
        self._timer: Timer | None = None
        self._lapse: Timer | None = None

    def receive(self, given: Input) -> None:
        """Take one input; a pair that is not in the table is ignored."""
        row = _TRANSITIONS.get((self.state, given))
        if row is not None:
            action, self.state = row
            action(self)

    def start(self) -> None:
        """Register, and stay registered."""
        self.receive(Input.START)

    def stop(self) -> None:
        """Register no more; unregister, if so configured."""
        self.receive(Input.STOP)

    # What is sent

    def _ask(self) -> None:
        """Begin a try."""
        self._stop_timer()
        self._tried = []
        self._again = self._pause = 0
        self._expire = self._identity.expire or self._settings().expire
        self._left = self._places() if self._home is None else self._locate(self._home)
        self.why = "" if self._left else "its address is not known"
        self._elsewhere()

    def _elsewhere(self) -> None:
        """Ask at the next place where the registrar may be, if there is one."""
        if not self._left:
            self.receive(Input.SILENT)
            return
        self._target, *left = self._left
        self._left = tuple(left)
        self._send()

    def _send(self) -> None:
        if self._target is None:
            return
        core, identity, target = self._core, self._identity, self._target
        uri = str(self._home) if self._home is not None else identity.registrar
        record = f"<{identity.record}>"
        here = host_port(*target[0].local(target[1]))
        asked = Asked(
            uri, f"{record};tag={self._tag}", record, f"{self._call_id}@{here}"
        )
        headers = [] if self._access is None else self._access.lines("REGISTER", uri)
        if self.state is State.UNREGISTERING:
            headers.append(("Expires", "0"))
        elif self._expire:
            headers.append(("Expires", str(self._expire)))
        self._cseq += 1
        branch = core.tokens.branch()
        contact = self._contact(target)
        data = asked.request("REGISTER", self._cseq, branch, target, headers, contact)
        self._transaction = core.layer.send(branch, "REGISTER", data, *target, self)

    def _contact(self, target: Target) -> str:
        """Our Contact: with a user and a C{line} that no other one there has."""
        scheme, _, where = contact_of(*target)[1:-1].partition(":")
        return f"<{scheme}:{self._identity.user}@{where};line={self._identity.line}>"

    # What comes back

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """The registrar's answer."""
        status = response.status
        if status < 200 or transaction is not self._transaction:
            return
        self._transaction = None
        self.why = _phrase(response)
        self._pause = _pause(response)
        if status < 300:
            self._granted = self._given(response)
            kept = self._granted > 0 or self.state is State.UNREGISTERING
            self.receive(Input.ACCEPTED if kept else Input.REFUSED)
        elif self._again < MOST_AGAIN and self._changes(response):
            self._again += 1
            self.receive(Input.AGAIN)
        elif status == 408 or 500 <= status < 600:
            self._elsewhere()
        else:
            self.receive(Input.REFUSED)

    def timed_out(self, transaction: ClientTransaction) -> None:
        """No answer from there."""
        if transaction is self._transaction:
            self._transaction = None
            self.why = "no answer"
            self._elsewhere()

    def _changes(self, response: Response) -> bool:
        """Whether a refusal says what to send instead, and it is taken up."""
        status = response.status
        if status in CHALLENGES:
            again = self._settings().authentication_retry
            return self._access is not None and self._access.learn(
                response, self._tried, again
            )
        if status == 423:
            return self._lengthens(response)
        return status in _MOVED and self._moves(response)

    def _lengthens(self, response: Response) -> bool:
        """Section 10.2.8: ask for as long as the registrar wants at least."""
        try:
            least = parse_number(response.get("min-expires") or "", LONGEST_EXPIRY + 1)
        except ParseError:
            return False
        if least <= self._expire:
            return False
        self._expire = least
        return True

    def _moves(self, response: Response) -> bool:
        """Section 8.1.3.4: go to the first contact that can be gone to."""
        source = self._target[1][0] if self._target is not None else ""
        for uri in contacts_in_order(response, users=False):
            targets = believed(self._locate(uri), source)
            if targets:
                self._home = uri
                self._target, *left = targets
                self._left = tuple(left)
                return True
        return False

    def _given(self, response: Response) -> int:
        """
        Seconds that our binding lasts (10.2.4): what its Contact says, else
        Expires, else what was asked for.
        """
        ours = self._ours(response)
        said = None if ours is None else ours.param("expires")
        if said is None:
            said = response.get("expires")
        try:
            given = parse_number((said or "").strip(), _NEVER)
        except ParseError:
            given = self._expire or USUAL_EXPIRY
        return min(given, LONGEST_EXPIRY)

    def _ours(self, response: Response) -> NameAddr | None:
        """
        Our Contact among those that the registrar has. It may have changed its
        address, as it sees it.
        """
        lines = response.all("contact")
        values = (value for line in lines for value in split_commas(line))
        for value in islice(values, MOST_CONTACTS):
            try:
                contact = parse_name_addr(value)
            except ParseError:
                continue
            if contact.uri.param("line") == self._identity.line:
                return contact
        return None

    # What it means

    def _registered(self) -> None:
        self.why = ""
        self._failures = 0
        lasts = max(self._granted, 2 * SHORTEST_EXPIRY)
        self._keep_until(lasts)
        share = 0.75 + 0.15 * self._chance(_CHANCES) / _CHANCES
        self._wait(max(SHORTEST_EXPIRY, lasts * share))
        self._user.registered()

    def _refused(self) -> None:
        """
        It will not have us. Asking again changes that rarely, so that each
        wait is twice as long: a wrong password must not be hammered.
        """
        self._failures += 1
        self._forget_binding()
        self._user.unregistered(self.why)
        delay = self._settings().retry_delay << min(self._failures - 1, 16)
        self._retry_in(min(delay, LONGEST_DELAY))

    def _silent(self) -> None:
        """Nobody is there. The binding may be, for as long as it was promised."""
        if self._lapse is None:
            self._user.unregistered(self.why)
        self._retry_in(self._settings().retry_delay)

    def _lapsed(self) -> None:
        self._lapse = None
        self._user.unregistered(self.why or "not refreshed in time")

    def _retry_in(self, seconds: int) -> None:
        """Try again later, from the beginning; at the registrar's wish, much later."""
        self._home = None
        delay = max(seconds, min(self._pause, LONGEST_DELAY))
        self._wait(delay * (1 + 0.1 * self._chance(_CHANCES) / _CHANCES))

    def _leave(self) -> None:
        """Unregister, if there is or may be a binding."""
        bound = self._lapse is not None or self._transaction is not None
        self._stop_timer()
        self._forget_binding()
        self._transaction = None
        self._left = ()
        self._tried = []
        self._again = 0
        if bound and self._settings().unregister:
            self._send()
        else:
            self.receive(Input.SILENT)

    def _left_for_good(self) -> None:
        self._transaction = None

    # Timers

    def _keep_until(self, seconds: float) -> None:
        self._forget_binding()
        self._lapse = self._core.timers.later(
            seconds, lambda _: self.receive(Input.LAPSED)
        )

    def _forget_binding(self) -> None:
        if self._lapse is not None:
            self._lapse.cancel()
            self._lapse = None

    def _wait(self, seconds: float) -> None:
        self._timer = self._core.timers.later(seconds, lambda _: self._due())

    def _due(self) -> None:
        self._timer = None
        self.receive(Input.DUE)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_R = Registration
_TRANSITIONS: dict[tuple[State, Input], tuple[Callable[[_R], None], State]] = {
    # RFC 3261 10.2.1: creating a binding
    (State.UNREGISTERED, Input.START): (_R._ask, State.REGISTERING),
    (State.REGISTERING, Input.ACCEPTED): (_R._registered, State.REGISTERED),
    (State.REGISTERING, Input.AGAIN): (_R._send, State.REGISTERING),
    (State.REGISTERING, Input.REFUSED): (_R._refused, State.RETRYING),
    (State.REGISTERING, Input.SILENT): (_R._silent, State.RETRYING),
    # SS_SIP_USER_AGENT_RETRY_DELAY
    (State.RETRYING, Input.DUE): (_R._ask, State.REGISTERING),
    (State.RETRYING, Input.LAPSED): (_R._lapsed, State.RETRYING),
    # 10.2.4: refreshing it
    (State.REGISTERED, Input.DUE): (_R._ask, State.REFRESHING),
    (State.REGISTERED, Input.LAPSED): (_R._lapsed, State.RETRYING),
    (State.REFRESHING, Input.ACCEPTED): (_R._registered, State.REGISTERED),
    (State.REFRESHING, Input.AGAIN): (_R._send, State.REFRESHING),
    (State.REFRESHING, Input.REFUSED): (_R._refused, State.RETRYING),
    (State.REFRESHING, Input.SILENT): (_R._silent, State.RETRYING),
    (State.REFRESHING, Input.LAPSED): (_R._lapsed, State.REGISTERING),
    # 10.2.2: removing it (SS_SIP_USER_AGENT_SEND_UNREGISTER)
    (State.REGISTERING, Input.STOP): (_R._leave, State.UNREGISTERING),
    (State.REGISTERED, Input.STOP): (_R._leave, State.UNREGISTERING),
    (State.REFRESHING, Input.STOP): (_R._leave, State.UNREGISTERING),
    (State.RETRYING, Input.STOP): (_R._leave, State.UNREGISTERING),
    (State.UNREGISTERING, Input.AGAIN): (_R._send, State.UNREGISTERING),
    (State.UNREGISTERING, Input.ACCEPTED): (_R._left_for_good, State.UNREGISTERED),
    (State.UNREGISTERING, Input.REFUSED): (_R._left_for_good, State.UNREGISTERED),
    (State.UNREGISTERING, Input.SILENT): (_R._left_for_good, State.UNREGISTERED),
}


def _phrase(response: Response) -> str:
    """What a registrar said, on one line and not too long."""
    reason = "".join(filter(str.isprintable, response.reason[:60]))
    return f"{response.status} {reason}".strip()


def _pause(response: Response) -> int:
    try:
        return parse_retry_after(response.get("retry-after") or "")
    except ParseError:
        return 0
