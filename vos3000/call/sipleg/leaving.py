"""
Dialogs that are over: remembered until their BYE is answered, then forgotten.
"""

from __future__ import annotations

from vos3000.sip.core import UserAgentCore
from vos3000.sip.dialog import Dialog
from vos3000.sip.message import Request, Response
from vos3000.sip.transaction import ClientTransaction, ServerTransaction


class Leaving:
    """Keeps a dialog in the table until its BYE is answered."""

    __slots__ = ("_core", "_dialog")

    def __init__(self, core: UserAgentCore, dialog: Dialog) -> None:
        self._core = core
        self._dialog = dialog

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """The peer knows."""
        if response.status >= 200:
            forget(self._core, self._dialog)

    def timed_out(self, transaction: ClientTransaction) -> None:
        """The peer is gone."""
        forget(self._core, self._dialog)


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
