"""
Redirect servers: an INVITE asks one where a call goes, and its 3xx says it.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from vos3000.call.sipleg.again import Forsaken, Locate, access_to, forsake
from vos3000.errors import ParseError
from vos3000.metrics import Metrics
from vos3000.model.causes import CallRejected, EndCauses
from vos3000.model.gateways import MappingGateway
from vos3000.routing.routes import Directed
from vos3000.sip.access import CHALLENGES, Access, Realm
from vos3000.sip.contacts import contacts_in_order
from vos3000.sip.core import ALLOW, UserAgentCore
from vos3000.sip.dialog import host_port, place
from vos3000.sip.identity import user_part
from vos3000.sip.locate import Place, place_of
from vos3000.sip.message import Response
from vos3000.sip.outside import Asked, Target
from vos3000.sip.transaction import (
    ANYWHERE,
    ClientTransaction,
    InviteClientTransaction,
    default_port,
)
from vos3000.sip.uri import Uri, parse_uri
from vos3000.timers import Timer

_AGENT = ("User-Agent", "vos3000")
_LONGEST_NUMBER = 64

REDIRECTIONS = range(300, 400)
REFUSALS = frozenset((403, 404, 410, 484))
"""What is said of the call, and refuses it, beside 6xx. Everything else is said
of the server, and the call takes its ordinary way."""

Answer = tuple[Directed, ...] | None


class RedirectServers:
    """
    Asks redirect servers.

    @param locate: Where a server's address leads to.
    @param timeout: Gives SS_SIP_REDIRECT_TIMEOUT, s.
    @param challenges: Gives how often one question may be challenged again.
    """

    def __init__(
        self,
        core: UserAgentCore,
        locate: Locate,
        causes: EndCauses,
        timeout: Callable[[], int],
        challenges: Callable[[], int],
        metrics: Metrics,
    ) -> None:
        self.core = core
        self.locate = locate
        self.causes = causes
        self.timeout = timeout
        self.challenges = challenges
        self.outcomes = metrics.labelled(
            "call_redirect_questions_total",
            "Questions to redirect servers, by what came of them",
            "outcome",
        )

    def ask(
        self, server: str, caller: str, callee: str, origin: MappingGateway
    ) -> Deferred[Answer]:
        """See L{vos3000.call.redirecting.AskRedirect}."""
        return _Question(self, server, caller, callee, origin).answer


class _Question:
    """One question, until it is answered, given up or taken back."""

    __slots__ = (
        "_access",
        "_callee",
        "_caller",
        "_call_id",
        "_cseq",
        "_left",
        "_server",
        "_servers",
        "_tag",
        "_target",
        "_timer",
        "_transaction",
        "_tried",
        "answer",
    )

    def __init__(
        self,
        servers: RedirectServers,
        server: str,
        caller: str,
        callee: str,
        origin: MappingGateway,
    ) -> None:
        tokens = servers.core.tokens
        self.answer: Deferred[Answer] = Deferred(lambda _: self._stop("taken back"))
        self._servers = servers
        self._caller = caller
        self._callee = callee
        self._tag = tokens.random()
        self._call_id = tokens.random()
        self._cseq = 0
        self._access: Access | None = access_to(origin, tokens.random)
        self._tried: list[Realm] = []
        self._transaction: InviteClientTransaction | None = None
        self._target: Target | None = None
        self._server = _place(server)
        self._left = (
            () if self._server is None else servers.locate(self._server, ANYWHERE)
        )
        self._timer: Timer | None = servers.core.timers.later(
            servers.timeout(), lambda _: self._pass("timeout")
        )
        self._elsewhere()

    def _elsewhere(self) -> None:
        """Ask at the server's next address, if there is one."""
        if not self._left:
            self._pass("unreachable" if self._cseq == 0 else "failed")
            return
        self._target, *left = self._left
        self._left = tuple(left)
        self._send()

    def _send(self) -> None:
        target, server, core = self._target, self._server, self._servers.core
        if target is None or server is None:
            return
        channel, address = target
        here = host_port(*channel.local(address))
        there = place((server.host, server.port or 0), channel.name)
        uri = f"sip:{user_part(self._callee)}@{there}"
        caller = user_part(self._caller) or "anonymous"
        asked = Asked(
            uri,
            f"<sip:{caller}@{here}>;tag={self._tag}",
            f"<{uri}>",
            f"{self._call_id}@{here}",
        )
        given = [] if self._access is None else self._access.lines("INVITE", uri)
        self._cseq += 1
        branch = core.tokens.branch()
        headers = (ALLOW, _AGENT, *given)
        data = asked.request("INVITE", self._cseq, branch, target, headers)
        self._transaction = core.layer.invite(branch, data, channel, address, self)

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """What the server says."""
        status = response.status
        if status < 200 or transaction is not self._transaction:
            return
        if status < 300:
            # It is none: what it took for a call is ended.
            self._transaction = None
            Forsaken(self._servers.core).responded(transaction, response)
            self._pass("answered")
            return
        self._transaction = None
        if status in CHALLENGES and self._authorized(response):
            self._send()
        elif status in REDIRECTIONS:
            self._say(response)
        elif status in REFUSALS or status >= 600:
            self._refuse(status)
        else:
            self._elsewhere()

    def _authorized(self, response: Response) -> bool:
        again = self._servers.challenges()
        return self._access is not None and self._access.learn(
            response, self._tried, again
        )

    def timed_out(self, transaction: ClientTransaction) -> None:
        """Nobody answers there."""
        if transaction is self._transaction:
            self._transaction = None
            self._elsewhere()

    # The end

    def _say(self, response: Response) -> None:
        self._stop("redirected")
        places = [
            Directed(each.host, _port(each), each.number[:_LONGEST_NUMBER])
            for each in contacts_in_order(response)
        ]
        self.answer.callback(tuple(each for each in places if each.callee))

    def _refuse(self, status: int) -> None:
        self._stop("refused")
        cause = self._servers.causes.by_sip(status)
        self.answer.errback(CallRejected(cause, "by the redirect server"))

    def _pass(self, outcome: str) -> None:
        """It does not say: the call takes its ordinary way."""
        self._stop(outcome)
        self.answer.callback(None)

    def _stop(self, outcome: str) -> None:
        self._servers.outcomes.add(outcome)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            forsake(self._servers.core, transaction)


def _port(uri: Uri) -> int:
    """The port of a contact, or that of its transport (19.1.2)."""
    transport = (uri.param("transport") or "udp").upper()
    if uri.scheme == "sips" and transport == "UDP":
        transport = "TLS"
    return uri.port or default_port(transport)


def server_place(origin: MappingGateway) -> Place | None:
    """Where its redirect server is, to be looked up; None without one."""
    server = origin.sip.redirect_server
    uri = _place(server) if server else None
    return None if uri is None else place_of(uri)


def _place(server: str) -> Uri | None:
    """C{host[:port][;transport=...]} as a URI."""
    try:
        return parse_uri(f"sip:{server}")
    except ParseError:
        return None
