"""
Devices that register with the switch of L{tests.switch}.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from tests.switch import SWITCH, FakeChannel, Switch
from vos3000.sip.digest import Challenge, Credentials, answer, parse_challenge
from vos3000.sip.message import Response
from vos3000.sip.parser import parse
from vos3000.sip.transaction import Address

HOME = ("198.51.100.7", 5060)
"""Where a device is, unless its test says otherwise."""


class Device:
    """
    A phone or a gateway that knows its password.

    @ivar challenge: The last one it got; used again with a higher count.
    @ivar algorithm: Which challenge it answers if it has the choice.
    """

    def __init__(
        self,
        switch: Switch,
        user: str = "1001",
        password: str = "secret",
        address: Address = HOME,
        call_id: str = "",
        channel: FakeChannel | None = None,
    ) -> None:
        self.switch = switch
        self.user = user
        self.password = password
        self.address = address
        self.call_id = call_id or f"reg-{quote(user)}"
        self.channel = channel or switch.channel
        self.contact = f"<sip:{quote(user)}@{address[0]}:{address[1]}>"
        self.algorithm = "SHA-256"
        self.challenge: Challenge | None = None
        self.cseq = 0
        self.count = 0
        self._branches = 0

    def make(
        self,
        headers: Iterable[str] = (),
        contacts: Iterable[str] | None = None,
        method: str = "REGISTER",
        to: str = "",
    ) -> bytes:
        """A request without credentials unless C{headers} hold some."""
        self.cseq += 1
        self._branches += 1
        host, port = self.address
        branch = f"z9hG4bK{self.call_id}{self._branches}"
        name = self.channel.name
        uri = f"sip:{to or quote(self.user)}@{SWITCH[0]}"
        target = f"sip:{SWITCH[0]}" if method == "REGISTER" else uri
        given = [self.contact] if contacts is None else contacts
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/{name} {host}:{port};rport;branch={branch}",
            f"From: <sip:{quote(self.user)}@{SWITCH[0]}>;tag=f{self._branches}",
            f"To: <{uri}>",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {method}",
            "User-Agent: device/1",
            "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER",
            "Accept: application/sdp, application/dtmf-relay",
            *(f"Contact: {contact}" for contact in given),
            *headers,
            "Content-Length: 0",
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def send(self, data: bytes) -> None:
        """Send it to the switch."""
        self.switch.reception.datagram(data, self.channel, self.address)

    def ask(
        self,
        headers: Iterable[str] = (),
        contacts: Iterable[str] | None = None,
        method: str = "REGISTER",
        to: str = "",
    ) -> Response:
        """Send a request as it is, and take its answer."""
        self.send(self.make(headers, contacts, method, to))
        return self.answer()

    def answer(self) -> Response:
        """The one message that came since the last time."""
        sent, self.channel.sent = self.channel.sent, []
        (data,) = [data for data, address in sent if address == self.address]
        message = parse(data)
        assert isinstance(message, Response)
        return message

    def learn(self, response: Response) -> None:
        """Take the challenge of our algorithm."""
        values = response.all("www-authenticate") + response.all("proxy-authenticate")
        offered = [parse_challenge(value) for value in values]
        wanted = [each for each in offered if each.algorithm == self.algorithm]
        self.challenge = (wanted or offered)[0]
        self.count = 0

    def credentials(
        self, method: str = "REGISTER", uri: str = f"sip:{SWITCH[0]}"
    ) -> Credentials:
        """The answer to the challenge; each has a count of its own."""
        assert self.challenge is not None
        self.count += 1
        user, password = self.user, self.password
        return answer(self.challenge, user, password, method, uri, "cnonce", self.count)

    def authenticated(
        self,
        headers: Iterable[str] = (),
        contacts: Iterable[str] | None = None,
        to: str = "",
    ) -> Response:
        """Send a REGISTER with credentials, and take its answer."""
        line = f"Authorization: {self.credentials()}"
        return self.ask([line, *headers], contacts, to=to)

    def register(
        self,
        headers: Iterable[str] = (),
        contacts: Iterable[str] | None = None,
        to: str = "",
    ) -> Response:
        """Register as a phone does: at first without credentials."""
        if self.challenge is None:
            self.learn(self.ask(headers, contacts, to=to))
        return self.authenticated(headers, contacts, to)
