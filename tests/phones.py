"""
Phones that register with the switch of L{tests.switch}, call and are called.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.devices import Device
from tests.peers import Callee, Caller
from tests.switch import ANSWER, OFFER, Switch
from vos3000.sip.message import Request, Response
from vos3000.sip.transaction import Address

DESK = ("198.51.100.7", 5060)
"""Where the phone 1001 is."""

HALL = ("198.51.100.8", 5062)
"""Where the phone 1002 is."""


class PhonePeer(Callee):
    """
    A phone that knows its password.

    @ivar device: What registers.
    @ivar heard: What followed the first answer to its INVITE at once.
    """

    def __init__(
        self,
        switch: Switch,
        e164: str = "1001",
        address: Address = DESK,
        password: str = "secret",
    ) -> None:
        super().__init__(switch, address)
        self.e164 = e164
        self.device = Device(switch, e164, password, address)
        self.heard: list[Response] = []

    def register(self, headers: Iterable[str] = ()) -> None:
        """Register, and forget what was answered."""
        response = self.device.register(headers)
        assert response.status == 200, response.status

    def caller(self, callee: str, number: str = "", call_id: str = "") -> Caller:
        """The calling side of a call, nothing sent yet."""
        number = number or self.e164
        made = Caller(
            self.switch, self.address, number, callee, call_id or f"call-{self.e164}"
        )
        return made

    def invite(
        self, caller: Caller, body: bytes = OFFER, more: Sequence[str] = ()
    ) -> Response:
        """
        Send the INVITE, without credentials if there is no challenge to answer
        yet, and take its first answer.
        """
        headers = [*more]
        if self.device.challenge is not None:
            given = self.device.credentials("INVITE", caller.uri)
            headers.append(f"Authorization: {given}")
        caller.invite(body, headers)
        first, *rest = self.switch.taken(self.address)
        assert isinstance(first, Response)
        self.heard = [each for each in rest if isinstance(each, Response)]
        return first

    def refused(self) -> int:
        """The status of the refusal that its call met at once."""
        (response,) = self.heard
        return response.status

    def call(
        self,
        callee: str,
        number: str = "",
        call_id: str = "",
        body: bytes = OFFER,
        headers: Sequence[str] = (),
    ) -> Caller:
        """Call: be challenged, and show the password."""
        caller = self.caller(callee, number, call_id)
        self.device.challenge = None
        challenge = self.invite(caller, body, headers)
        assert challenge.status in (401, 407), challenge.status
        caller.ack(challenge)
        self.device.learn(challenge)
        caller.cseq += 1
        trying = self.invite(caller, body, headers)
        assert trying.status == 100, trying.status
        return caller

    def rings(self) -> Request:
        """The one INVITE that came, which now rings."""
        invite = self.switch.request(self.address)
        self.reply(invite, 180)
        return invite

    def answers(self, invite: Request) -> Request:
        """Answer it; returns the ACK."""
        self.reply(invite, 200, ANSWER)
        return self.switch.request(self.address)
