"""
Dialogs that are over: remembered until their BYE is answered, then forgotten.
"""

from __future__ import annotations

from vos3000.call.sipleg.again import authorize
from vos3000.call.sipleg.terms import SipLegs
from vos3000.sip.access import CHALLENGES, Access, Realm
from vos3000.sip.core import UserAgentCore
from vos3000.sip.dialog import Dialog
from vos3000.sip.message import Request, Response
from vos3000.sip.transaction import ClientTransaction, ServerTransaction


class Leaving:
    """Keeps a dialog in the table until its BYE is answered."""

    __slots__ = ("_access", "_dialog", "_legs", "_tried")

    def __init__(self, legs: SipLegs, dialog: Dialog, access: Access | None) -> None:
        self._legs = legs
        self._dialog = dialog
        self._access = access
        self._tried: list[Realm] | None = None

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """The peer knows, or wants to know who says so."""
        if response.status < 200:
            return
        if response.status in CHALLENGES and self._access is not None:
            tried = self._tried = self._tried or []
            again = self._legs.settings().authentication_retry
            if self._access.learn(response, tried, again):
                core = self._legs.core
                authorize(core, self._dialog, self._access, transaction, self)
                return
        forget(self._legs.core, self._dialog)

    def timed_out(self, transaction: ClientTransaction) -> None:
        """The peer is gone."""
        forget(self._legs.core, self._dialog)


class _Gone:
    """Owns the dialogs that are over."""

    def requested(self, transaction: ServerTransaction) -> None:
        """Not reached: the dialog is not in the table."""

    def acked(self, request: Request) -> None:
        """Not reached: the dialog is not in the table."""


_gone = _Gone()


def forget(core: UserAgentCore, dialog: Dialog) -> None:
    """
    Nothing more comes for this dialog. It lets go of its leg, so that both go
    away without the garbage collector: 8 objects a call.
    """
    core.dialogs.pop(dialog.local_tag, None)
    dialog.user = _gone
