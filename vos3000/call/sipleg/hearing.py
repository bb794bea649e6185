"""
What a callee says before it answers that must be acknowledged (RFC 3262, as
UAC): its reliable provisional responses, of each early dialog apart.
"""

from __future__ import annotations

from typing import Protocol

from vos3000.call.leg import NO_CONTENT, Content
from vos3000.call.sipleg.again import authorize
from vos3000.call.sipleg.terms import SipLegs, saying
from vos3000.sip.access import CHALLENGES, Access, Realm
from vos3000.sip.dialog import Dialog
from vos3000.sip.extensions import names
from vos3000.sip.message import Response
from vos3000.sip.reliable import Arrivals, RAck
from vos3000.sip.transaction import ClientTransaction

MOST_FORKS = 20
"""Early dialogs of one INVITE; the reliable responses of others are dropped."""


class _Early(Arrivals):
    """
    One early dialog.

    @ivar said: What its callee described; it holds whatever later responses say
        (RFC 3261 13.2.1).
    @ivar updates: Whether it takes UPDATE.
    """

    __slots__ = ("said", "updates")

    def __init__(self) -> None:
        super().__init__()
        self.said = NO_CONTENT
        self.updates = False


class HearingLeg(Protocol):
    """The callee's leg, as what it hears sees it."""

    dialog: Dialog

    def authorized(self, method: str, body: bytes) -> list[tuple[str, str]]:
        """The credentials for a request."""

    def credentials(self) -> Access | None:
        """What answers the peer's challenges; None where we have no password."""


class Hearing:
    """
    The reliable responses to one INVITE of ours.

    The dialog of the leg is that of the callee that was heard last.

    @param late: Whether the INVITE made no offer: then the first description
        is one, and its PRACK waits for the answer.
    """

    __slots__ = ("_awaiting", "_early", "_late", "_leg", "_legs")

    def __init__(self, leg: HearingLeg, legs: SipLegs, late: bool) -> None:
        self._leg = leg
        self._legs = legs
        self._late = late
        self._early: dict[str, _Early] = {}
        self._awaiting: RAck | None = None

    def take(self, response: Response, rseq: int, content: Content) -> Content | None:
        """
        Take a reliable response, and acknowledge it, unless that has to wait.

        @param content: What it carries.
        @return: That, with what counts of it; None if it came before or ahead of
            its turn, and is to be ignored.
        @raise ParseError: If it does not say where PRACK may go.
        """
        tag = response.to_tag or ""
        early = self._early.get(tag)
        if early is None:
            if len(self._early) >= MOST_FORKS or self._awaiting is not None:
                return None
            early = self._early[tag] = _Early()
        if not early.take(rseq):
            return None
        dialog = self._leg.dialog
        if dialog.remote_tag != tag:
            dialog.remote_cseq = 0
        dialog.confirm(response)
        early.updates = early.updates or names(response, "allow", "update")
        rack = RAck(rseq, response.cseq, "INVITE")
        if content.body and content.is_session and not early.said.body:
            early.said = content
            if self._late:
                self._awaiting = rack
                return content
        self._acknowledge(rack, NO_CONTENT)
        described = content.body and content.is_session
        return saying(content, early.said) if described else content

    def _acknowledge(self, rack: RAck, content: Content) -> None:
        dialog, core = self._leg.dialog, self._legs.core
        branch = core.tokens.branch()
        dialog.local_cseq += 1
        data = dialog.request(
            "PRACK",
            dialog.local_cseq,
            branch,
            (("RAck", str(rack)), *self._leg.authorized("PRACK", content.body)),
            content.body,
            content.type or None,
        )
        channel, address = dialog.channel, dialog.address
        user = _Acknowledging(self._leg, self._legs)
        core.layer.send(branch, "PRACK", data, channel, address, user)

    def confirm(self, content: Content) -> bool:
        """
        The caller answered the callee's offer, or could not.

        @return: Whether a PRACK waited for that.
        """
        rack, self._awaiting = self._awaiting, None
        if rack is None:
            return False
        self._acknowledge(rack, content)
        return True

    def answer(self, response: Response, content: Content) -> Content:
        """
        What the callee's 2xx says in the end: what it described before, if that
        was reliable; nothing new where it was an offer.
        """
        early = self._early.get(response.to_tag or "")
        if early is None or not early.said.body:
            return content
        return saying(content, NO_CONTENT if self._late else early.said)

    def agreed(self, content: Content) -> None:
        """The callee has another description than before."""
        early = self._current
        if early is not None:
            early.said = content

    @property
    def _current(self) -> _Early | None:
        return self._early.get(self._leg.dialog.remote_tag)

    def objection(self, ours: bool) -> int:
        """
        The status that refuses an offer before the answer; 0 if none does.

        @param ours: Whether the callee is to take it, and not to make it.
        """
        early = self._current
        if not self._early and ours:
            return 488
        if early is None or not early.said.body or self._awaiting is not None:
            return 491
        return 488 if ours and not early.updates else 0


class _Acknowledging:
    """Sends a PRACK: what the callee makes of it is told by the INVITE's end."""

    __slots__ = ("_leg", "_legs", "_tried")

    def __init__(self, leg: HearingLeg, legs: SipLegs) -> None:
        self._leg = leg
        self._legs = legs
        self._tried: list[Realm] = []

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """It knows, or wants to know who says so (22.2)."""
        access = self._leg.credentials()
        again = self._legs.settings().authentication_retry
        if (
            response.status in CHALLENGES
            and access is not None
            and access.learn(response, self._tried, again)
        ):
            authorize(self._legs.core, self._leg.dialog, access, transaction, self)

    def timed_out(self, transaction: ClientTransaction) -> None:
        """It will refuse the INVITE, or be given up."""
