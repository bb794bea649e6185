"""
Connections of peers that carry our own requests to them, too (RFC 5923).

A peer offers it by C{alias} in its Via: where it can be reached otherwise, at
the port of sent-by, it hears us on this connection as well. To believe anybody
would be to hand him the calls of another, so

 - on TLS the peer must have shown a certificate that is good and names whom we
   would call there;
 - on TCP, which the RFC leaves out, it must be a gateway, and gets calls for
   its own address only.
"""

from __future__ import annotations

from typing import Any

from service_identity import CertificateError, VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address

from vos3000.errors import ParseError
from vos3000.sip.connection import Connection, Way
from vos3000.sip.hosts import is_address
from vos3000.sip.message import Request
from vos3000.sip.transaction import Address, default_port

ALIASED = frozenset(("TCP", "TLS"))
"""Transports on which a peer can be reached in both directions."""


Place = tuple[str, Address]
"""Transport, address of the peer, and the port it says it listens on."""


class Aliases:
    """
    Which connections of peers lead where: one for each place, one place for
    each connection.
    """

    def __init__(self) -> None:
        self._known: dict[Place, Connection] = {}
        self._place: dict[Connection, Place] = {}
        self._checked: dict[Way, Connection] = {}

    def __len__(self) -> int:
        return len(self._known)

    def offer(self, connection: Connection, request: Request, known: bool) -> None:
        """
        A request with C{alias} came; the last one to offer a place has it.

        @param known: Whether the source is a gateway's.
        """
        name = connection.name
        if name not in ALIASED or (name == "TCP" and not known):
            return
        try:
            via = request.via
        except ParseError:
            return
        if via.param("alias") is None:
            return
        place = name, (connection.peer[0], via.port or default_port(name))
        if self._place.get(connection) == place:
            return
        if name == "TLS" and certificate_of(connection) is None:
            return
        self.drop(connection)
        self.drop(self._known.get(place))
        self._known[place] = connection
        self._place[connection] = place

    def find(self, way: Way) -> Connection | None:
        """The connection of the peer that leads there, if there is one."""
        if not self._known or way.local:
            return None
        connection = self._known.get((way.transport, way.address))
        if connection is None or connection.name != "TLS":
            return connection
        if self._checked.get(way) is not connection:
            if not named(connection, way.domain or way.address[0]):
                return None
            self._checked[way] = connection
        return connection

    def drop(self, connection: Connection | None) -> None:
        """A connection ends, or leads elsewhere."""
        place = self._place.pop(connection, None) if connection is not None else None
        if place is None:
            return
        del self._known[place]
        for way in [w for w, c in self._checked.items() if c is connection]:
            del self._checked[way]


def certificate_of(connection: Connection) -> Any:
    """
    The certificate that the peer of a TLS connection showed; None if it showed
    none. One that is not good ends the handshake.
    """
    show = getattr(connection.transport, "getPeerCertificate", None)
    return None if show is None else show()


def named(connection: Connection, name: str) -> bool:
    """Whether the peer's certificate names C{name} (RFC 5922 section 7)."""
    if certificate_of(connection) is None:
        return False
    verify = verify_ip_address if is_address(name) else verify_hostname
    try:
        verify(connection.transport.getHandle(), name)
    except (VerificationError, CertificateError):
        return False
    return True
