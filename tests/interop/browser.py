"""
A phone in a browser: SIP over WebSocket (RFC 7118), framed by PyPI's wsproto and
authenticated by digest of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    connectProtocol,
    wrapClientTLS,
)
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.python.failure import Failure
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Ping,
    RejectConnection,
    TextMessage,
)
from wsproto.events import Request as Upgrade

from vos3000.sip.message import Request, Response, respond
from vos3000.sip.parser import parse

Message = Request | Response
_SECONDS = 10.0

DESCRIPTION = """\
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 0 8 101
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 127.0.0.1 {port} typ host generation 0
a=ice-ufrag:Wq{port}
a=ice-pwd:KMg8LdgpfVTnzgYpCLVYtaMi
a=fingerprint:sha-256 1F:7B:5A:D9:3E:5E:21:0C:5B:9B:85:0A:25:53:26:C4:96:9E:9A:D3:\
33:18:3E:36:4C:5D:1C:2F:5F:C5:93:4E
a=setup:{setup}
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
"""
"""What a browser says of its media, but for its transport."""


def describe(port: int, setup: str = "actpass") -> bytes:
    """An offer (actpass) or an answer (active) of a browser."""
    text = DESCRIPTION.format(port=port, setup=setup)
    return text.replace("\n", "\r\n").encode()


class Socket(Protocol):
    """
    The connection.

    @ivar opened: Fires with the subprotocol that was agreed on, or fails with
        the status of the refusal.
    @ivar closed: Fires when it is over.
    @ivar messages: What was heard and not yet taken.
    """

    def __init__(self, host: str, protocols: Sequence[str], origin: str) -> None:
        self.opened: Deferred[str | None] = Deferred()
        self.closed: Deferred[None] = Deferred()
        self.messages: list[Message] = []
        self._websocket = WSConnection(ConnectionType.CLIENT)
        self._upgrade = Upgrade(
            host=host,
            target="/",
            subprotocols=list(protocols),
            extra_headers=[(b"Origin", origin.encode())],
        )
        self._text = ""
        self._waiting: list[tuple[Callable[[Message], bool], Deferred[Message]]] = []

    def connectionMade(self) -> None:
        """Ask for WebSocket."""
        self._write(self._upgrade)

    def _write(self, event: Any) -> None:
        assert self.transport is not None
        self.transport.write(self._websocket.send(event))

    def dataReceived(self, data: bytes) -> None:
        """Take what came."""
        self._websocket.receive_data(data)
        for event in self._websocket.events():
            match event:
                case AcceptConnection():
                    self.opened.callback(event.subprotocol)
                case RejectConnection():
                    self.opened.errback(Refused(event.status_code))
                case TextMessage():
                    self._received(event)
                case Ping() | CloseConnection():
                    self._write(event.response())

    def _received(self, event: TextMessage) -> None:
        self._text += event.data
        if event.message_finished:
            text, self._text = self._text, ""
            self.messages.append(parse(text.encode()))
            self._look()

    def _look(self) -> None:
        for waiting in list(self._waiting):
            wanted, result = waiting
            found = next((one for one in self.messages if wanted(one)), None)
            if found is not None:
                self._waiting.remove(waiting)
                self.messages.remove(found)
                result.callback(found)

    def hears(self, wanted: Callable[[Message], bool]) -> Deferred[Message]:
        """The first message of a kind that was not taken yet."""
        result: Deferred[Message] = Deferred()
        self._waiting.append((wanted, result))
        self._look()
        return result.addTimeout(_SECONDS, IReactorTime(reactor))

    def say(self, data: bytes) -> None:
        """Send one message."""
        self._write(TextMessage(data=data.decode()))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is over."""
        self.closed.callback(None)

    def close(self) -> Deferred[None]:
        """Go away, as a page that is closed does."""
        if self.transport is not None and not self.closed.called:
            self.transport.loseConnection()
        return self.closed


class Refused(Exception):
    """The switch does not want this connection; the status says why."""


async def connect(
    port: int,
    authority: bytes = b"",
    protocols: Sequence[str] = ("sip",),
    origin: str = "https://phone.example",
) -> Socket:
    """
    Open a connection to the switch.

    @param authority: Who must vouch for its certificate; empty for no TLS.
    """
    host = "localhost" if authority else "127.0.0.1"
    endpoint: Any = HostnameEndpoint(reactor, host, port)
    if authority:
        trust = Certificate.loadPEM(authority)
        endpoint = wrapClientTLS(optionsForClientTLS(host, trustRoot=trust), endpoint)
    socket = Socket(f"{host}:{port}", protocols, origin)
    await connectProtocol(endpoint, socket)
    try:
        await socket.opened
    except Refused:
        await socket.close()
        raise
    return socket


class Browser:
    """
    One phone.

    @ivar uri: Where it says that it is: nobody can connect to that.
    @ivar dialog: Whom requests of its call name, From and To and target.
    """

    def __init__(self, socket: Socket, user: str, password: str, name: str) -> None:
        self.socket = socket
        self.user = user
        self._password = password
        self._via = f"SIP/2.0/{name} {uuid4().hex[:12]}.invalid"
        self.uri = f"sip:{user}@{uuid4().hex[:12]}.invalid;transport=ws"
        self._instance = f'+sip.instance="<urn:uuid:{uuid4()}>"'
        self._cseq = 0
        self.call_id = uuid4().hex
        self.from_ = f"<sip:{user}@vos3000.example>;tag={uuid4().hex[:8]}"
        self.to = ""
        self.target = ""

    def ask(
        self, method: str, *headers: str, body: bytes = b"", branch: str = ""
    ) -> None:
        """Send a request of its call."""
        if method not in ("ACK", "CANCEL"):
            self._cseq += 1
        lines = [
            f"{method} {self.target} SIP/2.0",
            f"Via: {self._via};branch={branch or 'z9hG4bK' + uuid4().hex}",
            f"From: {self.from_}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self._cseq} {method}",
            "Max-Forwards: 70",
            "Supported: outbound, path",
            "User-Agent: browser/1",
            *headers,
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        lines += [f"Content-Length: {len(body)}", "", ""]
        self.socket.say("\r\n".join(lines).encode() + body)

    async def response(self, method: str, least: int = 200) -> Response:
        """The next response to a request that is at least so much."""
        found = await self.socket.hears(
            lambda one: (
                isinstance(one, Response)
                and one.status >= least
                and (one.get("cseq") or "").endswith(method)
            )
        )
        assert isinstance(found, Response)
        return found

    async def request(self, method: str) -> Request:
        """The next request."""
        found = await self.socket.hears(
            lambda one: isinstance(one, Request) and one.method == method
        )
        assert isinstance(found, Request)
        return found

    async def register(self, expires: int = 600) -> Response:
        """Register a flow (RFC 5626), answering the challenge."""
        self.target = "sip:vos3000.example"
        self.to = f"<sip:{self.user}@vos3000.example>"
        contact = f"Contact: <{self.uri}>;reg-id=1;{self._instance};expires={expires}"
        self.ask("REGISTER", contact)
        challenge = await self.response("REGISTER")
        self.ask("REGISTER", contact, self._proof(challenge, "REGISTER"))
        return await self.response("REGISTER")

    async def call(self, number: str, offer: bytes, scheme: str = "sip") -> None:
        """Call, answering the challenge."""
        target = f"{scheme}:{number}@vos3000.example"
        challenge = await self.tries(target, offer)
        lines = [f"Contact: <{self.uri};ob>", self._proof(challenge, "INVITE")]
        self.ask("INVITE", *lines, body=offer)

    async def tries(self, target: str, offer: bytes) -> Response:
        """Call without credentials: how that is refused."""
        self.call_id, self._cseq = uuid4().hex, 0
        self.target, self.to = target, f"<{target}>"
        branch = f"z9hG4bK{uuid4().hex}"
        contact = f"Contact: <{self.uri};ob>"
        self.ask("INVITE", contact, body=offer, branch=branch)
        refusal = await self.response("INVITE")
        to, self.to = self.to, refusal.get("to") or ""
        self.ask("ACK", branch=branch)
        self.to = to
        return refusal

    async def answered(self) -> Response:
        """It rings, then it is answered, and that is acknowledged."""
        ringing = await self.response("INVITE", 180)
        assert ringing.status == 180, ringing.status
        answer = await self.response("INVITE")
        assert answer.status == 200, answer.status
        assert answer.contact is not None
        self.to, self.target = answer.get("to") or "", str(answer.contact.uri)
        self.ask("ACK")
        return answer

    async def take(self, answer: bytes) -> tuple[Request, Request]:
        """Take a call: the INVITE and the ACK."""
        invite = await self.request("INVITE")
        tag = uuid4().hex[:8]
        self.reply(invite, 180, tag)
        self.reply(invite, 200, tag, answer)
        assert invite.contact is not None
        self.call_id, self.target = invite.call_id, str(invite.contact.uri)
        self.from_ = f"{invite.get('to')};tag={tag}"
        self.to = invite.get("from") or ""
        return invite, await self.request("ACK")

    def reply(
        self, request: Request, status: int, tag: str | None = None, body: bytes = b""
    ) -> None:
        """Answer a request."""
        contact = (("Contact", f"<{self.uri};ob>"),)
        kind = "application/sdp" if body else None
        self.socket.say(respond(request, status, None, tag, contact, body, kind))

    async def hang_up(self) -> None:
        """End the call."""
        self.ask("BYE")
        bye = await self.response("BYE")
        assert bye.status == 200, bye.status

    async def hung_up(self) -> None:
        """The other side ends it."""
        self.reply(await self.request("BYE"), 200)

    def _proof(self, challenge: Response, method: str) -> str:
        """SHA-256 digest with qop auth (RFC 7616 section 3.4)."""
        names = {401: "www-authenticate", 407: "proxy-authenticate"}
        (offer,) = (
            each
            for each in challenge.all(names[challenge.status])
            if "algorithm=SHA-256" in each
        )
        given = dict(re.findall(r'(\w+)="([^"]*)"', offer))
        cnonce = uuid4().hex
        secret = _hash(self.user, given["realm"], self._password)
        what = _hash(method, self.target)
        proof = _hash(secret, given["nonce"], "00000001", cnonce, "auth", what)
        name = "Authorization" if challenge.status == 401 else "Proxy-Authorization"
        return (
            f'{name}: Digest username="{self.user}", realm="{given["realm"]}", '
            f'nonce="{given["nonce"]}", uri="{self.target}", response="{proof}", '
            f'algorithm=SHA-256, cnonce="{cnonce}", qop=auth, nc=00000001'
        )


def _hash(*parts: str) -> str:
    return hashlib.sha256(":".join(parts).encode()).hexdigest()
