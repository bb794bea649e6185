"""
What an INVITE needs to be sent once more: elsewhere, or with something added.

The leg stays the same: its Call-ID, its From and its offer do, the request is
a new one (RFC 3261 8.1.3.4, 22.2). What the request before it still gets is
taken care of here, so that no peer is left with a call that nobody has.
"""

from __future__ import annotations

from collections.abc import Callable

from vos3000.errors import ParseError
from vos3000.model.gateways import Device, MappingGateway, RoutingGateway
from vos3000.sip.access import Access
from vos3000.sip.contacts import contacts_in_order
from vos3000.sip.core import UserAgentCore
from vos3000.sip.dialog import Dialog, via_of
from vos3000.sip.fields import parse_retry_after
from vos3000.sip.hopwise import once_more
from vos3000.sip.message import Response
from vos3000.sip.outside import Target
from vos3000.sip.transaction import (
    Address,
    ClientTransaction,
    ClientUser,
    Input,
    InviteClientTransaction,
    State,
)
from vos3000.sip.uri import Uri
from vos3000.timers import Timer

GIVE_UP = 32.0
"""Seconds that a canceled INVITE may take to be answered (64*T1)."""

MOST_REDIRECTS = 5
"""Contacts of redirections that one attempt goes to."""

REDIRECTIONS = frozenset((300, 301, 302))
"""What is followed. 305 and 380 ask for something else than another place."""

PAUSING = frozenset((500, 503))
"""Refusals whose Retry-After disables the gateway: they are about it. That of 480,
486 or 600 is about one callee, that of 404 or 413 about one request (20.33)."""

Locate = Callable[[Uri, Address], tuple[Target, ...]]
"""
Where a URI leads to, from our own address if one is given: every place that
may be tried, best first; none if that is not known or there is no way.
"""


def expire(transaction: ClientTransaction) -> None:
    """Wait no longer for the answer."""
    transaction.receive(Input.EXPIRE)


def pause_of(response: Response) -> int:
    """The seconds of its Retry-After; 0 without one that can be read."""
    value = response.get("retry-after")
    if not value:
        return 0
    try:
        return parse_retry_after(value)
    except ParseError:
        return 0


def access_to(
    gateway: MappingGateway | RoutingGateway, token: Callable[[], str]
) -> Access | None:
    """
    What answers the challenges of a gateway: its password, with the name that
    we register there with, else with its own. A phone is not answered: whoever
    has stolen one's registration would learn what to guess its password from.
    """
    if not gateway.password or gateway.device is not Device.GATEWAY:
        return None
    name = gateway.name
    if isinstance(gateway, RoutingGateway) and gateway.registration is not None:
        name = gateway.registration.auth_name
    return Access(name, gateway.password, token)


def authorize(
    core: UserAgentCore,
    dialog: Dialog,
    access: Access,
    transaction: ClientTransaction,
    user: ClientUser,
) -> None:
    """
    Send a request inside a dialog once more, with credentials (22.2).

    @param transaction: That of the request that was challenged.
    @param user: Who hears what comes of it.
    """
    data, channel, address = transaction.data, transaction.channel, transaction.address
    head, _, body = data.partition(b"\r\n\r\n")
    method, uri, _ = head.decode("utf-8", "surrogateescape").split(" ", 2)
    branch = core.tokens.branch()
    dialog.local_cseq += 1
    again = once_more(
        data,
        via_of(channel, address, branch),
        dialog.local_cseq,
        access.lines(method, uri, body),
    )
    if method == "INVITE":
        core.layer.invite(branch, again, channel, address, user)
    else:
        core.layer.send(branch, method, again, channel, address, user)


class Redirects:
    """
    Where one attempt may still be redirected to.

    The contacts of a redirection come before those of the one that led there
    (8.1.3.4). None is tried twice, so that two servers that name each other do
    not keep a call.

    @param first: The Request-URI that was tried first.
    """

    __slots__ = ("_left", "_seen", "_tried")

    def __init__(self, first: str) -> None:
        self._left: list[Uri] = []
        self._seen = {first.lower()}
        self._tried = 0

    def add(self, response: Response) -> None:
        """Take the contacts of a 3xx."""
        new: list[Uri] = []
        for uri in contacts_in_order(response)[:MOST_REDIRECTS]:
            key = str(uri).lower()
            if key not in self._seen:
                self._seen.add(key)
                new.append(uri)
        self._left[:0] = new

    def next(self) -> Uri | None:
        """The next one to try; None if there is none, or it was enough."""
        if not self._left or self._tried >= MOST_REDIRECTS:
            return None
        self._tried += 1
        return self._left.pop(0)


class Forsaken:
    """
    Stands in for the leg at an INVITE that was given up for another one: once
    it can be canceled it is (9.1), and what it answers is ended at once.
    """

    __slots__ = ("_core", "_expiry")

    def __init__(self, core: UserAgentCore) -> None:
        self._core = core
        self._expiry: Timer | None = None

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """The one that was given up answers after all."""
        core = self._core
        if response.status < 200:
            if self._expiry is None:
                self.cancel(transaction)
            return
        self.timed_out(transaction)
        if response.status < 300:
            channel, address = transaction.channel, transaction.address
            ack = core.stray(response, channel, address)
            core.layer.acknowledged(transaction, ack, _tag(response), channel, address)

    def cancel(self, transaction: ClientTransaction) -> None:
        """It was answered provisionally: it can be canceled."""
        self._core.cancel(transaction)
        self._expiry = self._core.timers.later(GIVE_UP, expire, transaction)

    def timed_out(self, transaction: ClientTransaction) -> None:
        """It says no more."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None


def forsake(core: UserAgentCore, transaction: InviteClientTransaction) -> None:
    """Give an INVITE up whose answer nobody waits for any more."""
    forsaken = Forsaken(core)
    transaction.user = forsaken
    if transaction.state is State.PROCEEDING:
        forsaken.cancel(transaction)


def _tag(response: Response) -> str:
    try:
        return response.to_tag or ""
    except ParseError:
        return ""
