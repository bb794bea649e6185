"""
Peers that do as chance has it: what the RFC says, and what it forbids.

One seed makes one run, so that whatever goes wrong can be looked at again.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from urllib.parse import quote

import attrs

from tests.call import whims
from tests.call.chaotic import ELSEWHERE, PHONES, chaotic
from tests.devices import Device
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    SECOND,
)
from vos3000.model.numbers import PrefixMap
from vos3000.model.rates import Rate
from vos3000.sip.message import Request, Response, respond
from vos3000.sip.parser import parse
from vos3000.sip.transaction import Address

_REFUSALS = (302, 401, 403, 404, 408, 421, 480, 422, 482, 486, 487, 500, 503, 603, 699)
_METHODS = (
    *("BYE", "BYE", "INVITE", "INVITE", "UPDATE", "INFO", "OPTIONS", "PRACK"),
    *("REFER", "REFER", "REFER", "NOTIFY"),
)


class Party:
    """One address: it calls, is called, answers and misbehaves."""

    def __init__(self, chaos: Chaos, address: Address, device: Device | None) -> None:
        self.chaos = chaos
        self.address = address
        self.device = device
        self.calls = 0

    # It calls

    def dial(self, callee: str) -> None:
        """Send an INVITE."""
        chaos = self.chaos
        self.calls += 1
        call_id = f"{self.address[0]}-{self.calls}"
        number = "4930" if self.device is None else self.device.user
        side = Side(self, call_id, f"a{self.calls}", f"sip:{callee}@192.0.2.1")
        side.from_ = f"<sip:{number}@192.0.2.1>;tag={side.tag}"
        side.to = f"<{side.uri}>"
        chaos.sides[call_id] = side
        side.invite()

    # It is called

    def hears(self, data: bytes) -> None:
        """A message of the switch comes."""
        message = parse(data)
        side = self.chaos.sides.get(message.call_id)
        if isinstance(message, Response):
            if side is not None:
                side.responded(message)
        elif message.method == "ACK":
            return
        elif message.method == "INVITE" and not message.to_tag:
            self.invited(message)
        else:
            self.requested(message, side)

    def invited(self, invite: Request) -> None:
        """An INVITE of a new call, or one that comes again."""
        chaos, chance = self.chaos, self.chaos.chance
        key = (invite.call_id, invite.cseq)
        if key in chaos.invites and chance.random() < 0.9:
            return
        chaos.invites[key] = invite
        side = chaos.sides.get(invite.call_id)
        if side is None:
            contact = invite.contact
            assert contact is not None
            tag = f"b{len(chaos.sides)}"
            side = Side(self, invite.call_id, tag, str(contact.uri))
            side.to = invite.get("from") or ""
            side.from_ = f"{invite.get('to')};tag={tag}"
            side.caller = False
            chaos.sides[invite.call_id] = side
        for status in chance.choice(((100,), (180,), (100, 180), (183,), ())):
            self.reply(invite, status, side, ANSWER if status == 183 else b"")
        roll = chance.random()
        if roll < 0.5:
            chaos.later(lambda: self.accept(invite, side))
        elif roll < 0.85:
            status = chance.choice(_REFUSALS)
            chaos.later(lambda: self.reply(invite, status, side))

    def accept(self, invite: Request, side: Side) -> None:
        """Answer, now and then by two forks, or once more."""
        chance = self.chaos.chance
        body = b"" if chance.random() < 0.05 else ANSWER
        self.reply(invite, 200, side, body)
        if chance.random() < 0.1:
            self.reply(invite, 200, side, body)
        if chance.random() < 0.05:
            self.reply(invite, 200, side, body, "fork")
        if chance.random() < 0.05:
            self.reply(invite, 486, side)
        side.up = True
        self.chaos.later(side.acts)

    def requested(self, request: Request, side: Side | None) -> None:
        """Any other request."""
        chance, chaos = self.chaos.chance, self.chaos
        if request.method == "CANCEL":
            invite = chaos.invites.get((request.call_id, request.cseq))
            self.reply(request, 200, side)
            if invite is None or chance.random() < 0.1:
                return
            if side is not None and chance.random() < 0.3:
                self.accept(invite, side)
            else:
                self.reply(invite, 487, side)
            return
        if chance.random() < 0.15:
            return
        if request.method == "BYE":
            self.reply(request, chance.choice((200, 200, 200, 481)), side)
            return
        session = request.method in ("INVITE", "UPDATE") and chance.random() < 0.7
        status = 200 if session else chance.choice((200, 405, 481, 488, 491, 500, 401))
        self.reply(request, status, side, ANSWER if session else b"")

    def reply(
        self,
        request: Request,
        status: int,
        side: Side | None,
        body: bytes = b"",
        fork: str = "",
    ) -> None:
        """Answer a request of the switch."""
        host, port = self.address
        headers = [("Contact", f"<sip:b@{host}:{port}>")]
        if status == 302:
            there = self.chaos.chance.choice((ELSEWHERE, SECOND, CALLEE))
            headers = [("Contact", f"<sip:77@{there[0]}:{there[1]}>")]
        elif status == 401:
            challenge = 'Digest realm="r", nonce="n", qop="auth"'
            headers.append(("WWW-Authenticate", challenge))
        elif status >= 300:
            headers += whims.reasons(self.chaos.chance, status)
        elif status == 200:
            headers += whims.agreements(self.chaos.chance)
        elif status == 183 and self.chaos.chance.random() < 0.4:
            rseq = str(self.chaos.chance.randrange(1, 9))
            headers += [("Require", "100rel"), ("RSeq", rseq)]
        tag = None
        if side is not None and status != 100 and not request.to_tag:
            tag = side.tag + fork
        kind = "application/sdp" if body else None
        data = respond(request, status, None, tag, headers, body, kind)
        self.chaos.send(self, data)


class Side:
    """One side of one call."""

    def __init__(self, party: Party, call_id: str, tag: str, uri: str) -> None:
        self.party = party
        self.call_id = call_id
        self.tag = tag
        self.uri = uri
        self.from_ = self.to = ""
        self.cseq = 0
        self.branches = 0
        self.branch = ""
        self.caller = True
        self.up = False
        self.replaces = ""
        self.early = "0"
        self.rack = "1 1 INVITE"

    def make(self, method: str, body: bytes, cseq: int, branch: str = "") -> bytes:
        """A request of this side."""
        if not branch:
            self.branches += 1
            branch = f"z9hG4bK{self.call_id}{self.tag}{self.branches}"
            self.branch = branch
        host, port = self.party.address
        device, chaos = self.party.device, self.party.chaos
        lines = [
            f"{method} {self.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch={branch}",
            "Max-Forwards: 70",
            f"From: {self.from_}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:a@{host}:{port}>",
        ]
        if device is not None and device.challenge is not None and method != "ACK":
            lines.append(f"Authorization: {device.credentials(method, self.uri)}")
        if method == "INVITE" and self.replaces:
            lines.append(f"Replaces: {self.replaces}")
        if method == "PRACK":
            lines.append(f"RAck: {self.rack}")
        if method == "REFER":
            lines.append(f"Refer-To: {chaos.somewhere(self.party)}")
            lines.append(f"Refer-Sub: {chaos.chance.choice(('true', 'false'))}")
        if method in ("INVITE", "UPDATE"):
            lines += whims.wishes(chaos.chance)
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body

    def invite(self) -> None:
        """Call, or ask for a change."""
        chaos = self.party.chaos
        self.cseq += 1
        body = b"" if chaos.chance.random() < 0.1 else OFFER
        self.replaces = ""
        if not self.up and chaos.sides and chaos.chance.random() < 0.15:
            self.replaces = chaos.dialog()
        data = self.make("INVITE", body, self.cseq)
        self.invited = self.branch
        chaos.send(self.party, data)
        if chaos.chance.random() < 0.1:
            chaos.send(self.party, data)
        if not self.up and chaos.chance.random() < 0.15:
            cancel = self.make("CANCEL", b"", self.cseq, self.invited)
            chaos.later(lambda: chaos.send(self.party, cancel))

    def responded(self, response: Response) -> None:
        """A response of the switch to this side."""
        chaos, status = self.party.chaos, response.status
        if response.cseq_method != "INVITE":
            return
        if status < 200:
            self.early = response.to_tag or self.early
            rack = whims.acknowledged(chaos.chance, response)
            if rack is not None:
                self.prack(rack, response.get("to") or self.to)
            return
        first = not self.up
        if status < 300:
            if response.contact is not None:
                self.uri = str(response.contact.uri)
            self.to = response.get("to") or self.to
            self.up = True
            if first and self.caller:
                chaos.answered.add(self.call_id)
            if chaos.chance.random() < 0.95:
                chaos.send(self.party, self.make("ACK", OFFER, response.cseq))
            if first:
                chaos.later(self.acts)
            return
        to, self.to = self.to, response.get("to") or ""
        chaos.send(self.party, self.make("ACK", b"", response.cseq, self.invited))
        self.to = to
        device = self.party.device
        challenged = status == 401 and response.get("www-authenticate") is not None
        if challenged and first and device is not None and self.cseq < 3:
            device.learn(response)
            self.invite()
            if chaos.chance.random() < 0.1:
                self.invite()

    def prack(self, rack: str, to: str) -> None:
        """Acknowledge a response, now and then twice or with another offer."""
        chaos = self.party.chaos
        before, self.to, self.rack = self.to, to, rack
        self.cseq += 1
        body = OFFER if chaos.chance.random() < 0.2 else b""
        data = self.make("PRACK", body, self.cseq)
        self.to = before
        for _ in range(chaos.chance.choice((1, 1, 1, 2))):
            chaos.send(self.party, data)

    def acts(self) -> None:
        """Do something inside the call."""
        chaos, chance = self.party.chaos, self.party.chaos.chance
        if not self.up:
            return
        for _ in range(chance.choice((1, 1, 1, 5))):
            method = chance.choice(_METHODS)
            if method == "INVITE":
                self.invite()
                continue
            self.cseq += 1
            body = OFFER if method == "UPDATE" else b""
            chaos.send(self.party, self.make(method, body, self.cseq))
            if method == "BYE":
                self.up = chance.random() < 0.1
                break
        chaos.later(self.acts)


class Chaos:
    """
    One run: C{calls} of them, at random.

    @ivar answered: The Call-IDs of callers that were answered.
    @ivar named: The Call-IDs of dialogs whose place somebody wanted: the record
        of a call is that of who was in it last.
    @ivar lowest: The lowest balance that was seen.
    """

    def __init__(self, seed: int, calls: int) -> None:
        self.chance = Random(seed)
        self.switch = chaotic(seed)
        self.sides: dict[str, Side] = {}
        self.invites: dict[tuple[str, int], Request] = {}
        self.answered: set[str] = set()
        self.named: set[str] = set()
        self.due: list[tuple[float, Callable[[], None]]] = []
        self.calls = calls
        self.parties = {
            address: Party(self, address, None)
            for address in (CALLER, CALLEE, SECOND, ELSEWHERE)
        }
        for e164, address in PHONES.items():
            device = Device(self.switch, e164, address=address)
            device.register()
            self.parties[address] = Party(self, address, device)
        self.switch.taken()
        account = self.switch.accounts.get("acme")
        assert account is not None
        self.account = account
        self.lowest = account.money

    def somewhere(self, party: Party) -> str:
        """Where a call may be referred to: a number, or another dialog."""
        chance = self.chance
        number = chance.choice(("2000", *PHONES, "00441", ""))
        if chance.random() < 0.5 or not self.sides:
            return f"<sip:{number}@192.0.2.1>"
        return f"<sip:{number}@192.0.2.1?Replaces={quote(self.dialog(party))}>"

    def dialog(self, party: Party | None = None) -> str:
        """A dialog, as Replaces names it; often one that rings, or of C{party}."""
        sides = [*self.sides.values()]
        own = [side for side in sides if side.party is party and side.up]
        if own and self.chance.random() < 0.8:
            sides = own
        ringing = [side for side in sides if side.early != "0" and not side.up]
        if ringing and self.chance.random() < 0.5:
            sides = ringing
        side = self.chance.choice(sides)
        self.named.add(side.call_id)
        tag = side.to.partition("tag=")[2] or side.early
        return f"{side.call_id};to-tag={tag};from-tag={side.tag}"

    def later(self, function: Callable[[], None]) -> None:
        """Call C{function} after a while."""
        chance = self.chance
        delay = chance.choice((0.0, 0.01, 0.2, 1.0, 7.0, 31.0, 70.0)) * chance.random()
        self.due.append((self.switch.clock.seconds() + delay, function))

    def send(self, party: Party, data: bytes) -> None:
        """A message to the switch; one in a few is lost, or comes late."""
        roll = self.chance.random()
        if roll < 0.03:
            return
        if roll < 0.08:
            self.later(lambda: self.switch.receive(data, party.address))
        else:
            self.switch.receive(data, party.address)

    def turn(self, seconds: float) -> None:
        """Let time pass, and everybody hear what came."""
        self.switch.advance(seconds)
        self.lowest = min(self.lowest, self.account.money)
        now = self.switch.clock.seconds()
        due = [each for each in self.due if each[0] <= now]
        self.due = [each for each in self.due if each[0] > now]
        for _, function in due:
            function()
        while self.switch.channel.sent:
            sent, self.switch.channel.sent = self.switch.channel.sent, []
            for data, address in sent:
                party = self.parties.get(address)
                if party is not None and self.chance.random() > 0.03:
                    party.hears(data)

    def operate(self) -> None:
        """The operator changes something while calls are up."""
        chance, switch = self.chance, self.switch
        what = chance.randrange(6)
        if what == 0:
            price = Decimal(chance.randrange(1, 9999)) / 100_000
            rates = {"retail": price, "cost": price / 3}
            switch.rates.load(
                {
                    name: PrefixMap([("", Rate("", each, chance.choice((1, 60))))])
                    for name, each in rates.items()
                }
            )
        elif what == 1:
            acme = attrs.evolve(self.account.customer, lock_type=chance.choice((0, 1)))
            vendor = switch.accounts.get("vendor")
            assert vendor is not None
            switch.accounts.load([acme, vendor.customer])
        elif what == 2:
            switch.phone(chance.choice([*PHONES]), password=chance.choice("ab"))
        elif what == 3:
            calls = switch.registry.current()
            if calls:
                switch.registry.hang_up(chance.choice(calls).call_id)
        elif what == 4:
            self.move(chance.choice([*PHONES.values()]))
        else:
            switch.phones = switch.phones[chance.randrange(2) :]
            switch.book.load(switch.phones)
            switch.registration.load_phones(switch.phones)

    def move(self, address: Address) -> None:
        """A phone registers once more, otherwise, or no more."""
        party = self.parties[address]
        device = party.device
        if device is not None and device.challenge is not None:
            contacts, headers = whims.place(self.chance, device.contact)
            line = f"Authorization: {device.credentials()}"
            self.send(party, device.make([line, *headers], contacts))

    def run(self) -> None:
        """Make the calls, and see them end."""
        chance = self.chance
        callers = [CALLER, CALLER, *PHONES.values()]
        callees = ["2000", "2000", "00441", *PHONES]
        for _ in range(self.calls):
            self.parties[chance.choice(callers)].dial(chance.choice(callees))
            if chance.random() < 0.1:
                self.operate()
            for _ in range(chance.randrange(3)):
                self.turn(chance.choice((0.01, 0.2, 2.0)))
        for _ in range(60):
            self.turn(3.0)
        self.due.clear()
        for side in self.sides.values():
            side.up = False
        for _ in range(40):
            self.turn(8.0)
            self.due.clear()
