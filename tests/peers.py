"""
Peers that speak SIP in memory to the switch of L{tests.switch}.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.switch import CALLEE, CALLER, OFFER, Switch
from vos3000.sip.message import Request, Response, respond
from vos3000.sip.transaction import Address


class Caller:
    """
    A gateway that calls the switch.

    @ivar to: The To of the dialog, once the switch gave it a tag.
    @ivar contact: Its Contact, if it is not its address.
    """

    def __init__(
        self,
        switch: Switch,
        address: Address = CALLER,
        number: str = "1000",
        callee: str = "2000",
        call_id: str = "call-1",
    ) -> None:
        self.switch = switch
        self.address = address
        self.call_id = call_id
        self.uri = f"sip:{callee}@192.0.2.1"
        self.from_ = f'"A" <sip:{number}@192.0.2.10>;tag=a-{call_id}'
        self.to = f"<{self.uri}>"
        self.contact = ""
        self.cseq = 1
        self._branches = 0
        self.branch = ""

    def make(
        self,
        method: str,
        body: bytes = b"",
        headers: Iterable[str] = (),
        cseq: int | None = None,
        branch: str | None = None,
        kind: str = "application/sdp",
    ) -> bytes:
        """A request, well formed unless C{headers} say otherwise."""
        if branch is None:
            self._branches += 1
            branch = f"z9hG4bKa{self.call_id}{self._branches}"
        host, port = self.address
        lines = [
            f"{method} {self.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch={branch}",
            "Max-Forwards: 70",
            f"From: {self.from_}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq if cseq is None else cseq} {method}",
            f"Contact: {self.contact or f'<sip:a@{host}:{port}>'}",
            "User-Agent: caller/1",
            *headers,
        ]
        if body:
            lines.append(f"Content-Type: {kind}")
        lines.append(f"Content-Length: {len(body)}")
        self.branch = branch
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def send(self, data: bytes) -> None:
        """Send it to the switch."""
        self.switch.receive(data, self.address)

    def invite(self, body: bytes = OFFER, headers: Iterable[str] = ()) -> bytes:
        """Send an INVITE; returns it, to be sent again."""
        data = self.make("INVITE", body, headers)
        self.invite_branch = self.branch
        self.send(data)
        return data

    def learn(self, response: Response) -> None:
        """Take the dialog from a response."""
        self.to = response.get("to") or self.to
        if response.contact is not None:
            self.uri = str(response.contact.uri)

    def ack(self, response: Response, body: bytes = b"") -> None:
        """Acknowledge a final response."""
        if response.status < 300:
            self.learn(response)
            self.send(self.make("ACK", body, cseq=response.cseq))
        else:
            to, self.to = self.to, response.get("to") or ""
            self.send(self.make("ACK", cseq=response.cseq, branch=self.invite_branch))
            self.to = to

    def prack(
        self, response: Response, body: bytes = b"", rack: str | None = None
    ) -> None:
        """
        Acknowledge a reliable provisional response (RFC 3262).

        @param rack: What RAck says instead of the truth.
        """
        self.learn(response)
        if rack is None:
            rack = f"{response.get('rseq')} {response.cseq} INVITE"
        self.ask("PRACK", body, headers=[f"RAck: {rack}"])

    def cancel(self) -> None:
        """Cancel the INVITE."""
        self.send(self.make("CANCEL", branch=self.invite_branch))

    def ask(
        self,
        method: str,
        body: bytes = b"",
        kind: str = "application/sdp",
        headers: Iterable[str] = (),
    ) -> None:
        """Send a request inside the dialog."""
        self.cseq += 1
        self.send(self.make(method, body, headers, kind=kind))
        if method == "INVITE":
            self.invite_branch = self.branch

    def reply(
        self,
        request: Request,
        status: int,
        body: bytes = b"",
        kind: str = "application/sdp",
    ) -> None:
        """Answer a request of the switch."""
        data = respond(
            request,
            status,
            None,
            None,
            (("Contact", f"<sip:a@{self.address[0]}:{self.address[1]}>"),),
            body,
            kind if body else None,
        )
        self.send(data)


def reliable(rseq: int) -> tuple[tuple[str, str], ...]:
    """What makes a provisional response a reliable one (RFC 3262)."""
    allow = ("Allow", "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE")
    return (("Require", "100rel"), ("RSeq", str(rseq)), allow)


class Callee:
    """A gateway that the switch calls."""

    def __init__(self, switch: Switch, address: Address = CALLEE) -> None:
        self.switch = switch
        self.address = address
        self.tag = f"b-{address[0]}"
        self.cseq = 100
        self.contact = f"<sip:b@{address[0]}:{address[1]}>"

    def reply(
        self,
        request: Request,
        status: int,
        body: bytes = b"",
        headers: Iterable[tuple[str, str]] = (),
        kind: str = "application/sdp",
    ) -> None:
        """Answer a request of the switch."""
        data = respond(
            request,
            status,
            None,
            None if status == 100 or request.to_tag else self.tag,
            (("Contact", self.contact), ("Server", "callee/1"), *headers),
            body,
            kind if body else None,
        )
        self.switch.receive(data, self.address)

    def ask(
        self,
        invite: Request,
        method: str,
        body: bytes = b"",
        kind: str = "application/sdp",
        headers: Iterable[str] = (),
    ) -> None:
        """Send a request inside the dialog that C{invite} began."""
        if method != "ACK":
            self.cseq += 1
        host, port = self.address
        assert invite.contact is not None
        lines = [
            f"{method} {invite.contact.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKb{self.cseq}{method}",
            "Max-Forwards: 70",
            f"From: {invite.get('to')};tag={self.tag}",
            f"To: {invite.get('from')}",
            f"Call-ID: {invite.call_id}",
            f"CSeq: {self.cseq} {method}",
            f"Contact: {self.contact}",
            "User-Agent: callee/1",
            *headers,
        ]
        if body:
            lines.append(f"Content-Type: {kind}")
        lines.append(f"Content-Length: {len(body)}")
        data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        self.switch.receive(data, self.address)
