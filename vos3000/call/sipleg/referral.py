"""
A REFER inside the dialog of a call, and the NOTIFYs that tell what comes of it
(RFC 3515, RFC 4488, RFC 6665).
"""

from __future__ import annotations

from typing import Protocol, cast

from vos3000.call.leg import Leg, Stage
from vos3000.call.sipleg.again import authorize
from vos3000.call.sipleg.terms import STATUSES, LegState, SipLegs
from vos3000.errors import ParseError
from vos3000.model.causes import EndCause
from vos3000.sip.access import CHALLENGES, Access, Realm
from vos3000.sip.core import UserAgentCore
from vos3000.sip.dialog import Dialog
from vos3000.sip.message import Response
from vos3000.sip.refer import (
    SIPFRAG,
    Replaces,
    fragment,
    referred_by,
    wants_notice,
)
from vos3000.sip.transaction import SECURE, ClientTransaction, ServerTransaction

EXPIRES = 600
"""Seconds that a transfer is said to take at most; its end is told whenever it
comes."""

_SILENT = ("Refer-Sub", "false")


class ReferringLeg(Protocol):
    """The leg of a peer that refers."""

    state: LegState
    access: Access | None

    @property
    def dialog(self) -> Dialog:
        """The dialog."""

    def authorized(self, method: str, body: bytes) -> list[tuple[str, str]]:
        """The credentials for a request, if the peer has asked for any."""

    def credentials(self) -> Access | None:
        """What answers the peer's challenges; None where we have no password."""


class SipReferral:
    """
    One REFER.

    While a NOTIFY waits for its answer only the last thing to be told is kept;
    the end is told at once. What fails to be told once is told no more
    (RFC 6665 section 4.2.2), and neither is anything once the dialog is over.

    @raise ParseError: If Refer-To or Refer-Sub cannot be read, or names nobody.
    """

    __slots__ = (
        "_event",
        "_leg",
        "_legs",
        "_next",
        "_told",
        "_transaction",
        "_tried",
        "_waiting",
        "attended",
        "consulted",
        "number",
    )

    def __init__(
        self, leg: ReferringLeg, legs: SipLegs, transaction: ServerTransaction
    ) -> None:
        request = transaction.request
        referred = referred_by(request, transaction.channel.name in SECURE)
        self._leg = leg
        self._legs = legs
        self._transaction = transaction
        self._told = wants_notice(request)
        self._event = ("Event", f"refer;id={request.cseq}")
        self._waiting = False
        self._next = 0
        self._tried: list[Realm] | None = None
        self.number = referred.uri.number
        self.attended = referred.replaces is not None
        self.consulted: Leg | None = None
        if referred.replaces is not None:
            self.consulted = leg_of(legs.core, referred.replaces)
        elif not self.number:
            raise ParseError("a Refer-To without a number")

    def accept(self) -> None:
        """202, and the first NOTIFY (RFC 3515 section 2.4.4)."""
        headers = [("Contact", self._leg.dialog.contact)]
        if not self._told:
            headers.append(_SILENT)
        self._legs.core.answer(self._transaction, 202, headers)
        self._notify(100)

    def refuse(self, cause: EndCause) -> None:
        """A refusal; nothing is told afterwards."""
        self._legs.core.refuse(self._transaction, cause.sip)

    def tell(self, stage: Stage) -> None:
        """How far it has come, in the words of the response that said so."""
        if stage is not Stage.PROCEEDING:
            self._notify(STATUSES[stage])

    def finish(self, cause: EndCause | None) -> None:
        """The last NOTIFY."""
        self._notify(200 if cause is None else cause.sip)
        self._told = False

    def _notify(self, status: int) -> None:
        leg, core = self._leg, self._legs.core
        if not self._told or leg.state is not LegState.CONFIRMED:
            return
        if status < 200 and self._waiting:
            self._next = status
            return
        self._waiting, self._next = True, 0
        dialog, body = leg.dialog, fragment(status)
        state = f"active;expires={EXPIRES}"
        if status >= 200:
            state = "terminated;reason=noresource"
        branch = core.tokens.branch()
        dialog.local_cseq += 1
        data = dialog.request(
            "NOTIFY",
            dialog.local_cseq,
            branch,
            (
                self._event,
                ("Subscription-State", state),
                *leg.authorized("NOTIFY", body),
            ),
            body,
            SIPFRAG,
        )
        core.layer.send(branch, "NOTIFY", data, dialog.channel, dialog.address, self)

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """The peer knows, or it does not want to know."""
        if response.status < 200:
            return
        if response.status in CHALLENGES and self._authorized(transaction, response):
            return
        self._waiting = False
        if response.status >= 300:
            self._told = False
        elif self._next:
            self._notify(self._next)

    def _authorized(self, transaction: ClientTransaction, response: Response) -> bool:
        """Whether the NOTIFY goes out once more, with credentials (22.2)."""
        access, tried = self._leg.credentials(), self._tried or []
        again = self._legs.settings().authentication_retry
        if access is None or self._leg.state is not LegState.CONFIRMED:
            return False
        if not access.learn(response, tried, again):
            return False
        self._tried = tried
        authorize(self._legs.core, self._leg.dialog, access, transaction, self)
        return True

    def timed_out(self, transaction: ClientTransaction) -> None:
        """The peer does not listen; that is no reason to end the call."""
        self._told = False


def leg_of(core: UserAgentCore, replaces: Replaces) -> Leg | None:
    """
    The leg whose dialog a Replaces names (RFC 3891 section 3); None if there is
    none. A tag of 0 is also one that is missing.
    """
    dialog = core.dialogs.get(replaces.to_tag)
    if dialog is None or dialog.call_id != replaces.call_id:
        return None
    if (dialog.remote_tag or "0") != replaces.from_tag:
        return None
    # Whatever is in the table of dialogs is owned by a leg.
    return cast(Leg, dialog.user)
