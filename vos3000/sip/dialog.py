"""
Dialogs (RFC 3261 section 12): what two user agents share once they have met.

Each leg of a call is a dialog of its own: its Call-ID, tags, numbers and
addresses are never those of the other leg.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from vos3000.sip.aim import Aim, aimed
from vos3000.sip.fields import NameAddr, parse_name_addr
from vos3000.sip.message import Request, Response, build
from vos3000.sip.transaction import (
    SECURE,
    Address,
    Channel,
    ServerTransaction,
)
from vos3000.sip.uri import bracketed

MAX_FORWARDS = 70
"""What a request of our own starts with (8.1.1.6)."""

Headers = Iterable[tuple[str, str]]


class DialogUser(Protocol):
    """Who owns a dialog: a leg of a call."""

    def requested(self, transaction: ServerTransaction) -> None:
        """A request came inside the dialog, in order."""

    def acked(self, request: Request) -> None:
        """The ACK of a 2xx came."""


class Dialog:
    """
    One dialog.

    @ivar call_id: The Call-ID.
    @ivar local_tag: Our tag; the core finds the dialog by it.
    @ivar remote_tag: The peer's tag; empty until it is known.
    @ivar local: Our From (or To) as it is written, tag included.
    @ivar remote: The peer's, tag included once it is known.
    @ivar target: The peer's Contact URI (12.2.1.1), or where the call went.
    @ivar routes: The route set, each with its angle brackets.
    @ivar channel: What requests go out on.
    @ivar address: Where they go.
    @ivar host: Where the peer was when the dialog began.
    @ivar aim: Whether requests without a route go where the peer says; on a
        connection they always do, once it is closed.
    """

    __slots__ = (
        "address",
        "aim",
        "call_id",
        "channel",
        "contact",
        "host",
        "local",
        "local_cseq",
        "local_tag",
        "remote",
        "remote_cseq",
        "remote_tag",
        "routes",
        "target",
        "user",
    )

    def __init__(
        self,
        call_id: str,
        local_tag: str,
        local: str,
        remote_tag: str,
        remote: str,
        target: str,
        channel: Channel,
        address: Address,
        user: DialogUser,
    ) -> None:
        self.call_id = call_id
        self.local_tag = local_tag
        self.local = local
        self.remote_tag = remote_tag
        self.remote = remote
        self.target = target
        self.channel = channel
        self.address = address
        self.host = address[0]
        self.user = user
        self.routes: tuple[str, ...] = ()
        self.local_cseq = 0
        self.remote_cseq = 0
        self.contact = contact_of(channel, address)
        self.aim = Aim.PLACE

    @classmethod
    def of_request(
        cls,
        transaction: ServerTransaction,
        local_tag: str,
        user: DialogUser,
        aim: Aim = Aim.PLACE,
    ) -> Dialog:
        """
        The dialog that an INVITE from a peer asks for (12.1.1).

        @raise ParseError: If From, To, Contact or Record-Route is malformed.
        """
        request = transaction.request
        dialog = cls(
            request.call_id,
            local_tag,
            f"{request.get('to')};tag={local_tag}",
            request.from_tag or "",
            request.get("from") or "",
            f"sip:{host_port(*transaction.address)}",
            transaction.channel,
            transaction.address,
            user,
        )
        dialog.aim = aim
        dialog.remote_cseq = request.cseq
        dialog.routes = tuple(request.all("record-route"))
        dialog.refresh(request)
        channel = transaction.channel
        if channel.name in SECURE and _wants_sips(request):
            dialog.contact = contact_of(channel, transaction.address, "sips")
        return dialog

    def begin_again(self, target: str, channel: Channel, address: Address) -> None:
        """
        Our INVITE goes out once more, perhaps to another place: what a peer
        said before it answered says nothing about who answers now.
        """
        self.target = target
        self.channel = channel
        self.address = address
        self.host = address[0]
        self.contact = contact_of(channel, address)
        self.remote_tag = ""
        self.routes = ()

    def confirm(self, response: Response) -> None:
        """
        Take the peer's side from a response to our INVITE (12.1.2).

        @raise ParseError: If To, Contact or Record-Route is malformed.
        """
        self.remote = response.get("to") or ""
        self.remote_tag = response.to_tag or ""
        routes = response.all("record-route")
        routes.reverse()
        self.routes = tuple(routes)
        self.refresh(response)

    def refresh(
        self, message: Request | Response, source: Address | None = None
    ) -> None:
        """
        Take a new target (12.2.1.2, 12.2.2), the Contact of the message, and
        aim at the first route, else at what C{aim} says.

        @param source: Where the peer sends from now; None if it is where it was.
        @raise ParseError: If Contact or the first route is malformed.
        """
        contact, channel = message.contact, self.channel
        if contact is not None and contact.uri.scheme == "sips":
            contact = self._secured(contact)
        if contact is not None:
            self.target = str(contact.uri)
        here = self.address if source is None else source
        if self.routes:
            route = parse_name_addr(self.routes[0]).uri
            self.address = aimed(route, here, channel.name, Aim.PLACE)
        elif self.aim is Aim.SOCKET and not channel.reliable:
            self.address = here
        elif contact is not None:
            aim = Aim.PLACE if channel.reliable else self.aim
            self.address = aimed(contact.uri, here, channel.name, aim)

    def _secured(self, contact: NameAddr) -> NameAddr | None:
        """
        A SIPS Contact, where requests to it are safe from here on; elsewhere it
        is none, and they go on to where they went (26.2).
        """
        return contact if self.channel.name in SECURE else None

    def matches(self, request: Request) -> bool:
        """Whether a request with our tag is really of this dialog (12.2.2)."""
        return request.call_id == self.call_id and (
            (request.from_tag or "") == self.remote_tag
        )

    def is_peer(self, host: str) -> bool:
        """Whether C{host} is where the peer was, or where our requests go."""
        return host in (self.host, self.address[0])

    def request(
        self,
        method: str,
        cseq: int,
        branch: str,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str | None = None,
        max_forwards: int = MAX_FORWARDS,
    ) -> bytes:
        """
        Build a request of this dialog (12.2.1.1).

        @param cseq: Its number; an ACK or CANCEL repeats the INVITE's.
        @param branch: The branch of its Via.
        """
        target, routes = self.target, self.routes
        if routes and not _is_loose(routes[0]):
            target, routes = _strict(target, routes)
        head = (
            f"{method} {target} SIP/2.0\r\n"
            f"Via: {via_of(self.channel, self.address, branch)}\r\n"
            f"Max-Forwards: {max_forwards}\r\nFrom: {self.local}\r\nTo: {self.remote}"
            f"\r\nCall-ID: {self.call_id}\r\nCSeq: {cseq} {method}"
        )
        lines = 7
        if method != "BYE":
            head, lines = f"{head}\r\nContact: {self.contact}", 8
        if routes:
            headers = [*(("Route", route) for route in routes), *headers]
        return build(head, headers, body, content_type, lines)


def _is_loose(route: str) -> bool:
    return ";lr" in route.lower() and parse_name_addr(route).uri.param("lr") is not None


def _strict(target: str, routes: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """
    Request-URI and routes for a first hop of RFC 2543 (12.2.1.1): it finds
    itself in the Request-URI, and the target is the last route.
    """
    first = parse_name_addr(routes[0]).uri
    return str(first), (*routes[1:], f"<{target}>")


def host_port(host: str, port: int) -> str:
    """C{host:port}, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def place(address: Address, transport: str) -> str:
    """
    Host and port as they stand in a SIP URI, with the transport that is meant.

    @param address: Its port is left out where it is 0.
    @param transport: As it stands in Via; WSS is C{ws} there (RFC 7118 5.2).
    """
    host, port = address
    where = host_port(host, port) if port else bracketed(host)
    return where + _PARAMS.get(transport, "")


def via_of(channel: Channel, address: Address, branch: str) -> str:
    """
    The Via of a request that goes out there (18.1.1; rport: RFC 3581). On TLS
    the peer is offered the connection for its own requests (RFC 5923).
    """
    sent_by = host_port(*channel.local(address))
    if channel.name == "TLS":
        return f"SIP/2.0/TLS {sent_by};rport;alias;branch={branch}"
    return f"SIP/2.0/{channel.name} {sent_by};rport;branch={branch}"


def contact_of(channel: Channel, address: Address, scheme: str = "sip") -> str:
    """
    Our Contact as the peer there can reach it.

    @param scheme: C{sips} for a peer that wants it (12.1.1).
    """
    where = channel.local(address)
    if scheme == "sips" and channel.name == "TLS":
        return f"<sips:{host_port(*where)}>"
    return f"<{scheme}:{place(where, channel.name)}>"


_PARAMS = {
    "TCP": ";transport=tcp",
    "TLS": ";transport=tls",
    "WS": ";transport=ws",
    "WSS": ";transport=ws",
}


def _wants_sips(request: Request) -> bool:
    """
    Whether our Contact has to be a SIPS URI: the Request-URI is one, or the first
    Record-Route, or without any the Contact (12.1.1).

    @raise ParseError: If Record-Route or Contact is malformed.
    """
    if request.uri.scheme == "sips":
        return True
    routes = request.all("record-route")
    if routes:
        return parse_name_addr(routes[0]).uri.scheme == "sips"
    contact = request.contact
    return contact is not None and contact.uri.scheme == "sips"
