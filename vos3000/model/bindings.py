"""
Where a registered device is.
"""

from __future__ import annotations

from typing import Any

import attrs

from vos3000.model.sipoptions import AddressFrom

Address = tuple[str, int]

Key = tuple[str, str]
"""Address of record and flow of a binding."""


@attrs.frozen(slots=True)
class Binding:
    """
    One way to reach a registered device.

    @ivar aor: Whose it is: the number of a phone, the name of a gateway.
    @ivar flow: Tells the flows of one device from each other (instance and
        reg-id of RFC 5626); empty for a device without.
    @ivar contact: The URI to call, as text.
    @ivar path: The routes to it, as RFC 3327 has them; values of Route.
    @ivar transport: C{udp}, C{tcp}, C{tls}, C{ws} or C{wss}.
    @ivar remote: Where its REGISTER came from.
    @ivar local: Our own address that it came to.
    @ivar named: Where its Contact says it is; None if nothing can be sent
        there: a host name, or a private address behind a public source.
    @ivar channel: What its REGISTER came on; None after a restart.
    @ivar mark: Tells the password that it showed from any other.
    @ivar product: Its User-Agent.
    @ivar registered: Since when it is registered, UTC ms.
    @ivar updated: When it registered last, UTC ms.
    @ivar expires: When the binding ends, UTC ms.
    """

    aor: str
    flow: str
    contact: str
    transport: str
    remote: Address
    local: Address
    named: Address | None
    call_id: str
    cseq: int
    registered: int
    updated: int
    expires: int
    path: tuple[str, ...] = ()
    product: str = ""
    mark: str = attrs.field(default="", repr=False)
    channel: Any = attrs.field(default=None, eq=False, repr=False)

    @property
    def key(self) -> Key:
        """What no other binding has."""
        return self.aor, self.flow

    @property
    def behind_nat(self) -> bool:
        """Whether it is somewhere else than it says."""
        if self.path:
            return False
        if self.named is None or self.transport == "udp":
            return self.named != self.remote
        return self.named[0] != self.remote[0]

    @property
    def calls_back(self) -> bool:
        """
        Whether it can be reached otherwise if its connection closes. A flow of
        RFC 5626 ends with its connection, and nobody connects to a browser.
        """
        if self.flow or self.named is None or self.transport in ("ws", "wss"):
            return False
        return not self.behind_nat

    def address(self, method: AddressFrom = AddressFrom.SOURCE) -> Address:
        """
        Where requests to it go (its Path, if it has one, comes before that).

        @param method: The device's sipRequestAddress. Where nothing can be
            sent to the Contact, requests go to where the device sends from,
            whatever it says.
        """
        if self.named is None or method == AddressFrom.SOURCE:
            return self.remote
        if method == AddressFrom.NAMED:
            return self.named
        return self.remote[0], self.named[1]
