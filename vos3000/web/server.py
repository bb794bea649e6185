"""
The site: what is served below which path, to whom, and within which limits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from vos3000.metrics import Metrics
from vos3000.web import retcodes
from vos3000.web.access import Access, is_address, is_local, segments
from vos3000.web.answers import Piece
from vos3000.web.channel import TIMEOUT, LimitedChannel, LimitedRequest
from vos3000.web.dispatch import Answer, Dispatcher, refused_body
from vos3000.web.prometheus import CONTENT_TYPE, Exposition
from vos3000.web.stream import AnswerProducer, abort

CONNECTIONS = 256
"""Connections that may be open at once."""

RESERVED = 32
"""How many of them only the machine itself may have: its operator's commands."""

_SHORT = 1 << 15
_HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]+)(:\d{1,5})?")
_MANUAL_TYPE = b"text/html;charset=UTF-8"
_JSON_TYPE = b"application/json;charset=UTF-8"


def _wants_json(request: Request) -> bool:
    return b"application/json" in (request.getHeader(b"accept") or b"")


def _is_foreign(request: Request) -> bool:
    """
    Whether a browser sends this on behalf of another site's page.

    The address of a browser says nothing about who wrote the page in it, nor
    does a name, which its owner may let point at this machine for a moment:
    pages are trusted under an address or C{localhost} only.
    """
    origin = request.getHeader(b"origin")
    if origin is None:
        return False
    host = request.getHeader(b"host") or b""
    return origin.partition(b"://")[2] != host or not _is_literal(host)


def _is_literal(host: bytes) -> bool:
    """Whether C{host}, with or without a port, is no name to be looked up."""
    found = _HOST.fullmatch(host.decode("latin-1"))
    if found is None:
        return False
    name = found[1].strip("[]")
    return name == "localhost" or is_address(name)


class InterfacesResource(Resource):
    """
    The interfaces: everything below one prefix.

    @param clock: Where the patience with slow readers is taken from.
    @param who: What the list of changes calls an address.
    """

    isLeaf = True
    _log = Logger()

    def __init__(
        self, dispatcher: Dispatcher, clock: IReactorTime, who: Callable[[str], str]
    ) -> None:
        super().__init__()
        self._dispatcher = dispatcher
        self._clock = clock
        self._who = who

    def render_POST(self, request: LimitedRequest) -> int:
        """Answer an interface."""
        parts = request.postpath or []
        name = "/".join(part.decode("utf-8", "replace") for part in parts)
        gone: list[Failure] = []
        finished = request.notifyFinish()
        finished.addErrback(gone.append)
        body = request.content.read() if request.content is not None else b""
        who = self._who(getattr(request.getClientAddress(), "host", ""))
        answered = self._dispatcher.dispatch(name, body, who)
        answered.addCallback(lambda a: a.close() if gone else self.write(request, a))
        answered.addErrback(self._broke_off, request)
        return NOT_DONE_YET

    def _broke_off(self, failure: Failure, request: Request) -> None:
        """An answer cannot be written: no client may take it for one."""
        self._log.failure("an answer was lost", failure)
        abort(request)

    def render_GET(self, request: LimitedRequest) -> bytes:
        """Say how to ask."""
        request.setHeader(b"Allow", b"POST")
        return refuse(request, 405, retcodes.METHOD)

    def write(self, request: Request, answer: Answer) -> None:
        """Send an answer: a short one at once, a long one piece by piece."""
        request.setResponseCode(answer.status)
        wanted = _JSON_TYPE if _wants_json(request) else _MANUAL_TYPE
        request.setHeader(b"Content-Type", wanted)
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        request.setHeader(b"Cache-Control", b"no-store")
        begun: list[str] = []
        try:
            rest = _begin(answer.pieces, begun)
        except Exception:
            answer.close()
            raise
        if rest is not None:
            pieces = chain(begun, rest)
            AnswerProducer(request, pieces, self._clock, answer.close).start()
            return
        answer.close()
        body = "".join(begun).encode("utf-8", "replace")
        request.setHeader(b"Content-Length", b"%d" % len(body))
        request.write(body)
        request.finish()


def _begin(pieces: Iterator[Piece], begun: list[str]) -> Iterator[Piece] | None:
    """
    Make the beginning of a body.

    @param begun: Takes the pieces that were made.
    @return: What is left of a body that is too long to be sent at once.
    """
    size = 0
    for piece in pieces:
        if not isinstance(piece, str):
            return chain((piece,), pieces)
        begun.append(piece)
        size += len(piece)
        if size > _SHORT:
            return pieces
    return None


def refuse(request: Request, status: int, code: int) -> bytes:
    """Set up a refusal that no interface answers, and return its body."""
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", _JSON_TYPE)
    return refused_body(code).encode()


class _Refusal(Resource):
    """What is served to those who may not see what is there."""

    isLeaf = True

    def render(self, request: Request) -> bytes:
        """HTTP 403."""
        return refuse(request, 403, retcodes.REFUSED)


class _Page(Resource):
    """A short page that is made when it is asked for."""

    isLeaf = True

    def __init__(self, make: Callable[[Request], bytes]) -> None:
        super().__init__()
        self._make = make

    def render_GET(self, request: Request) -> bytes:
        """The page."""
        return self._make(request)


class _Branch(Resource):
    """
    A node of the tree with nothing of its own to show.

    @ivar leaf: What answers names that no node below has.
    """

    leaf: IResource | None = None

    def getChild(self, path: bytes, request: Request) -> IResource:
        """The leaf, which is given the whole rest of the path."""
        if self.leaf is None:
            missing: IResource = super().getChild(path, request)
            return missing
        request.postpath = [path, *(request.postpath or ())]
        return self.leaf

    def render_GET(self, request: Request) -> bytes:
        """An empty page: probes of the base address get their 200."""
        request.setHeader(b"Content-Type", b"text/plain;charset=UTF-8")
        return b""

    def render_POST(self, request: Request) -> bytes:
        """HTTP 404: there is no interface without a name."""
        return refuse(request, 404, retcodes.UNKNOWN)


class WebSite(Site):
    """
    The HTTP side of the switch.

    @param dispatcher: Answers the interfaces.
    @param access: Who may ask; it governs every path.
    @param exposition: Makes C{/metrics}.
    @param health: Empty while all is well, else what is not: C{/healthz}
        answers 200 or 503 by it.
    @param prefixes: Paths below which the interfaces are.
    """

    protocol = LimitedChannel  # type: ignore[assignment]

    def __init__(
        self,
        dispatcher: Dispatcher,
        access: Access,
        exposition: Exposition,
        health: Callable[[], str],
        prefixes: Iterable[str],
        reactor: IReactorTime,
        metrics: Metrics,
    ) -> None:
        root = _Branch()
        super().__init__(
            root, requestFactory=LimitedRequest, timeout=TIMEOUT, reactor=reactor
        )
        self.displayTracebacks = False
        self.channels: dict[LimitedChannel, None] = {}
        self._access = access
        self._exposition = exposition
        self._health = health
        self._refused = metrics.counter(
            "web_forbidden_total", "Requests from addresses that may not ask."
        )
        self._turned_away = metrics.counter(
            "web_connections_refused_total", "Connections beyond the limit."
        )
        metrics.gauge(
            "web_connections", "Open HTTP connections.", lambda: len(self.channels)
        )
        root.putChild(b"", root)
        root.putChild(b"metrics", _Page(self._metrics_page))
        root.putChild(b"healthz", _Page(self._health_page))
        for prefix in prefixes:
            self._put(prefix, InterfacesResource(dispatcher, reactor, access.who))

    def show(self, name: str, make: Callable[[str], Any]) -> None:
        """
        Show a list of ours as JSON, below C{/name}. A page that a browser loaded
        from a name that was pointed at us asks without C{Origin}: it sees nothing.

        @param make: Makes it of the request's C{prefix}.
        """

        def page(request: Request) -> bytes:
            if not _is_literal(request.getHeader(b"host") or b"localhost"):
                return refuse(request, 403, retcodes.REFUSED)
            prefix = (request.args or {}).get(b"prefix", [b""])[0]
            request.setHeader(b"Content-Type", _JSON_TYPE)
            request.setHeader(b"Cache-Control", b"no-store")
            return json.dumps(make(prefix.decode("utf-8", "replace"))).encode()

        self.resource.putChild(name.encode(), _Page(page))

    def _put(self, prefix: str, leaf: IResource) -> None:
        """Let C{leaf} answer below a path, making the branches on the way."""
        node: _Branch = self.resource
        for part in filter(None, prefix.encode().split(b"/")):
            if part not in node.children:
                node.putChild(part, _Branch())
            node = node.children[part]
        node.leaf = leaf

    def getResourceFor(self, request: Request) -> IResource:
        """
        What a request is for, if its sender may have it.

        Every path passes here, whatever is hung into the tree later.
        """
        path = segments(request.path)
        host = getattr(request.getClientAddress(), "host", "")
        if not self._access.allows(path, host) or _is_foreign(request):
            self._refused.value += 1
            return _Refusal()
        request.postpath = [part for part in request.postpath or () if part]
        found: IResource = super().getResourceFor(request)
        return found

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """
        A channel for a new connection; none for whom no rule names, and none
        beyond the limit unless an idle connection can be closed for it.
        """
        host = getattr(addr, "host", "")
        if not self._access.knows(host):
            self._refused.value += 1
            return None
        most = CONNECTIONS if is_local(host) else CONNECTIONS - RESERVED
        if len(self.channels) >= most and not self._make_room():
            self._turned_away.value += 1
            return None
        return super().buildProtocol(addr)

    def _make_room(self) -> bool:
        """Close the connection that was idle longest; whether there was one."""
        idle = next((each for each in self.channels if each.idle), None)
        if idle is None:
            return False
        idle.abandon()
        return True

    def startFactory(self) -> None:
        """Open no access log."""

    def stopFactory(self) -> None:
        """There is no access log to close."""

    def log(self, request: HTTPRequest) -> None:
        """Keep no access log: what counts is in the metrics."""

    def _metrics_page(self, request: Request) -> bytes:
        request.setHeader(b"Content-Type", CONTENT_TYPE)
        return self._exposition.text()

    def _health_page(self, request: Request) -> bytes:
        problem = self._health()
        request.setHeader(b"Content-Type", b"text/plain;charset=UTF-8")
        if problem:
            request.setResponseCode(503)
        return f"{problem or 'ok'}\n".encode()
