"""
What becomes of an INVITE that was refused or got no answer: the attempt may
go on, with the same INVITE once more. L{vos3000.call.sipleg.again} has the parts.
"""

from __future__ import annotations

from typing import Protocol

from vos3000.call.leg import Headers, Leg, OutboundUser
from vos3000.call.sipleg.again import REDIRECTIONS, Redirects
from vos3000.call.sipleg.extending import MOST_NUMBERS, demanded
from vos3000.call.sipleg.invitation import uri_of
from vos3000.call.sipleg.terms import SipLegs
from vos3000.model.gateways import RoutingGateway
from vos3000.sip.access import CHALLENGES, Access, Realm
from vos3000.sip.dialog import Dialog
from vos3000.sip.message import Response
from vos3000.sip.outside import Target, believed
from vos3000.sip.transaction import ClientTransaction
from vos3000.sip.uri import parse_uri

_ROUTE = ("Route",)


class CallingLeg(Leg, Protocol):
    """
    The leg that calls.

    @ivar others: Where else its gateway can be reached.
    """

    gateway: RoutingGateway
    dialog: Dialog
    others: tuple[Target, ...]

    def credentials(self) -> Access | None:
        """What answers the peer's challenges; None where we have no password."""

    def send_again(
        self,
        transaction: ClientTransaction,
        uri: str,
        target: Target,
        headers: Headers = (),
        without: tuple[str, ...] = (),
    ) -> None:
        """Send the INVITE of C{transaction} to a place, or there once more."""


class Onward:
    """
    How one attempt goes on; made when it is first asked to.

    @ivar redirects: Where it may still be redirected to, once it was.
    """

    __slots__ = ("_leg", "_legs", "_tried", "redirects")

    def __init__(self, leg: CallingLeg, legs: SipLegs) -> None:
        self._leg = leg
        self._legs = legs
        self._tried: list[Realm] = []
        self.redirects: Redirects | None = None

    def refused(
        self, transaction: ClientTransaction, response: Response, user: OutboundUser
    ) -> bool:
        """Whether the INVITE went out again because of a refusal."""
        status = response.status
        if status in CHALLENGES and self._authorized(transaction, response, user):
            return True
        if status in (421, 422) and self._extended(transaction, response, user):
            return True
        if status in REDIRECTIONS and self._leg.gateway.sip.follows_redirect:
            if self.redirects is None:
                self.redirects = Redirects(self._leg.dialog.target)
            self.redirects.add(response)
            self._leg.others = ()
        elif status == 503 and self.elsewhere(transaction, user):
            return True
        return status < 600 and self._redirected(transaction, user)

    def silent(self, transaction: ClientTransaction, user: OutboundUser) -> bool:
        """Whether it went out again because nobody answered."""
        if self.elsewhere(transaction, user):
            return True
        return self._redirected(transaction, user)

    def elsewhere(self, transaction: ClientTransaction, user: OutboundUser) -> bool:
        """
        Try the gateway's next address: the same request but for its branch
        (RFC 3263 4.3).
        """
        leg = self._leg
        if not leg.others or not user.redialed(leg, True):
            return False
        self._legs.avoid(transaction.address)
        target, *others = leg.others
        leg.others = tuple(others)
        self._tried = []
        called = parse_uri(leg.dialog.target).number
        leg.send_again(transaction, uri_of(called, leg.gateway, *target), target)
        return True

    def _authorized(
        self, transaction: ClientTransaction, response: Response, user: OutboundUser
    ) -> bool:
        """With credentials (22.2)."""
        access = self._leg.credentials()
        again = self._legs.settings().authentication_retry
        if access is None or not access.learn(response, self._tried, again):
            return False
        if not user.redialed(self._leg, False):
            return False
        self._repeat(transaction, ())
        return True

    def _extended(
        self, transaction: ClientTransaction, response: Response, user: OutboundUser
    ) -> bool:
        """With what the callee wants of an extension (21.4.15; RFC 4028 7.3)."""
        headers = demanded(transaction.data, response)
        if not headers or self._leg.dialog.local_cseq >= MOST_NUMBERS:
            return False
        if not user.redialed(self._leg, False):
            return False
        self._repeat(transaction, headers)
        return True

    def _repeat(self, transaction: ClientTransaction, headers: Headers) -> None:
        """Send the INVITE again where it went, with headers added."""
        self._leg.dialog.local_cseq += 1
        uri = transaction.data.split(b" ", 2)[1].decode("utf-8", "surrogateescape")
        target = (transaction.channel, transaction.address)
        self._leg.send_again(transaction, uri, target, headers)

    def _redirected(self, transaction: ClientTransaction, user: OutboundUser) -> bool:
        """Go to the next contact of a redirection that can be gone to (8.1.3.4)."""
        leg, redirects = self._leg, self.redirects
        if redirects is None:
            return False
        while (uri := redirects.next()) is not None:
            found = self._legs.locate(uri, leg.gateway.local)
            targets = believed(found, transaction.address[0])
            if targets:
                if not user.redialed(leg, True):
                    return False
                leg.others = targets[1:]
                leg.dialog.local_cseq += 1
                self._tried = []
                leg.send_again(transaction, str(uri), targets[0], (), _ROUTE)
                return True
        return False
