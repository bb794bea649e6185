"""
The figures of RFC 3261 section 17 and of RFC 6026 as tables, arrow by arrow.

A row is a state, an input, what the machine does then, and the state it is in
afterwards. Every pair of state and input is tried, those without a row included:
they must do nothing at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import PEER, FakeChannel, Rig, ask, reply
from vos3000.sip.message import Request, Response, respond
from vos3000.sip.parser import parse
from vos3000.sip.transaction import (
    Address,
    ClientTransaction,
    Input,
    InviteClientTransaction,
    InviteServerTransaction,
    RequestClientTransaction,
    RequestServerTransaction,
    ServerTransaction,
    State,
)

TRYING, PROCEEDING, CALLING = State.TRYING, State.PROCEEDING, State.CALLING
ACCEPTED, COMPLETED = State.ACCEPTED, State.COMPLETED
CONFIRMED, TERMINATED = State.CONFIRMED, State.TERMINATED

REQUEST, ACK = Input.REQUEST, Input.ACK
PROVISIONAL, SUCCESS, FAILURE = Input.PROVISIONAL, Input.SUCCESS, Input.FAILURE
RESEND, EXPIRE = Input.RESEND, Input.EXPIRE

Rows = Mapping[tuple[State, Input], tuple[tuple[str, ...], State]]

AGAIN = "last again"
"""What was sent last is sent again; on a connection, which loses nothing, it is not."""

FIGURE_7: Rows = {
    # INVITE: pass INV to TU, send 100 if TU won't in 200 ms (TU always does)
    (PROCEEDING, REQUEST): (("sends 180",), PROCEEDING),
    # 101-199 from TU: send response
    (PROCEEDING, PROVISIONAL): (("sends 180",), PROCEEDING),
    # 300-699 from TU: send response; timers G and H
    (PROCEEDING, FAILURE): (("sends 486", "sets the timer"), COMPLETED),
    # INVITE: send response
    (COMPLETED, REQUEST): (("sends 486",), COMPLETED),
    # Timer G fires: send response
    (COMPLETED, RESEND): ((AGAIN,), COMPLETED),
    # ACK: -. Timer I is the time that the layer remembers it
    (COMPLETED, ACK): (("stops the timer", "leaves nothing to say"), CONFIRMED),
    # Timer H fires or transport error: inform TU (of a refusal it need not know)
    (COMPLETED, EXPIRE): (("leaves nothing to say",), TERMINATED),
    # RFC 6026, figure 3. 2xx from TU: send response; timer L
    (PROCEEDING, SUCCESS): (("sends 200", "sets the timer"), ACCEPTED),
    # INVITE: -
    (ACCEPTED, REQUEST): ((), ACCEPTED),
    # 2xx from TU: send response. It is here that it is sent again (13.3.1.4)
    (ACCEPTED, RESEND): (("sends 200",), ACCEPTED),
    # ACK: to the TU, by whom it comes back; the 2xx is not sent again
    (ACCEPTED, ACK): (("stops the timer", "leaves nothing to say"), TERMINATED),
    # no ACK in 64*T1: the session is to be ended (13.3.1.4)
    (ACCEPTED, EXPIRE): (("leaves nothing to say", "tells: no ACK"), TERMINATED),
}

FIGURE_8: Rows = {
    # request in Trying: it is a retransmission and is discarded
    (TRYING, REQUEST): ((), TRYING),
    # 1xx from TU: send response
    (TRYING, PROVISIONAL): (("sends 180",), PROCEEDING),
    # 200-699 from TU: send response; timer J is the time the layer remembers it
    (TRYING, SUCCESS): (("sends 200", "leaves 200 to say"), COMPLETED),
    (TRYING, FAILURE): (("sends 486", "leaves 486 to say"), COMPLETED),
    # request: send response
    (PROCEEDING, REQUEST): (("sends 180",), PROCEEDING),
    # 1xx from TU: send response
    (PROCEEDING, PROVISIONAL): (("sends 180",), PROCEEDING),
    # 200-699 from TU: send response
    (PROCEEDING, SUCCESS): (("sends 200", "leaves 200 to say"), COMPLETED),
    (PROCEEDING, FAILURE): (("sends 486", "leaves 486 to say"), COMPLETED),
}

FIGURE_5: Rows = {
    # Timer A fires: reset A, INVITE sent
    (CALLING, RESEND): ((AGAIN,), CALLING),
    # Timer B fires or transport error: inform TU
    (CALLING, EXPIRE): (
        ("leaves nothing to say", "stops the timer", "tells: timeout"),
        TERMINATED,
    ),
    # 1xx: 1xx to TU
    (CALLING, PROVISIONAL): (("stops the timer", "tells: 180"), PROCEEDING),
    # 300-699: ACK sent, response to TU; timer D is the time the layer remembers it
    (CALLING, FAILURE): (
        ("stops the timer", "sends ACK", "leaves ACK to say", "tells: 486"),
        COMPLETED,
    ),
    # 1xx: 1xx to TU
    (PROCEEDING, PROVISIONAL): (("tells: 180",), PROCEEDING),
    # 300-699: ACK sent, response to TU
    (PROCEEDING, FAILURE): (
        ("sends ACK", "leaves ACK to say", "tells: 486"),
        COMPLETED,
    ),
    # its user gives up, or the connection is gone: inform TU (17.1.4)
    (PROCEEDING, EXPIRE): (("leaves nothing to say", "tells: timeout"), TERMINATED),
    # RFC 6026, figure 2. 2xx: 2xx to TU; timer M is the time the layer remembers it
    (CALLING, SUCCESS): (("stops the timer", "tells: 200"), ACCEPTED),
    (PROCEEDING, SUCCESS): (("tells: 200",), ACCEPTED),
}

FIGURE_6: Rows = {
    # Timer E: send request
    (TRYING, RESEND): ((AGAIN,), TRYING),
    # Timer F or transport error: inform TU
    (TRYING, EXPIRE): (("stops the timer", "forgets", "tells: timeout"), TERMINATED),
    # 1xx: response to TU
    (TRYING, PROVISIONAL): (("tells: 180",), PROCEEDING),
    # 200-699: response to TU; what comes again after that, nobody awaits
    (TRYING, SUCCESS): (("stops the timer", "forgets", "tells: 200"), COMPLETED),
    (TRYING, FAILURE): (("stops the timer", "forgets", "tells: 486"), COMPLETED),
    # Timer E: send request
    (PROCEEDING, RESEND): ((AGAIN,), PROCEEDING),
    # Timer F or transport error: inform TU
    (PROCEEDING, EXPIRE): (
        ("stops the timer", "forgets", "tells: timeout"),
        TERMINATED,
    ),
    # 1xx: response to TU
    (PROCEEDING, PROVISIONAL): (("tells: 180",), PROCEEDING),
    # 200-699: response to TU
    (PROCEEDING, SUCCESS): (("stops the timer", "forgets", "tells: 200"), COMPLETED),
    (PROCEEDING, FAILURE): (("stops the timer", "forgets", "tells: 486"), COMPLETED),
}

STATUSES = {PROVISIONAL: 180, SUCCESS: 200, FAILURE: 486}
WITH_TIMER = {
    # the states that a timer runs in, by kind of machine
    InviteServerTransaction: (COMPLETED, ACCEPTED),
    RequestServerTransaction: (),
    InviteClientTransaction: (CALLING,),
    RequestClientTransaction: (TRYING, PROCEEDING),
}
LAST = {PROCEEDING: 180, COMPLETED: 486, ACCEPTED: 200}
"""The last answer of a server machine in a state."""

Machine = ServerTransaction | ClientTransaction


def _what(data: bytes) -> str:
    if not data:
        return "nothing"
    line = data.partition(b"\r\n")[0].decode()
    return line[8:11] if line.startswith("SIP/2.0 ") else line.partition(" ")[0]


class Recorder(FakeChannel):
    """
    A channel, a layer and a user in one: everything a machine does, in order.
    """

    def __init__(self, rig: Rig, transport: str) -> None:
        super().__init__(transport)
        self.log: list[str] = []
        self.timers = rig.timers
        self.retransmitted = rig.layer.retransmitted
        self.resend = rig.layer.resend

    def send(self, data: bytes, address: Address) -> None:
        """The machine sends."""
        self.log.append(f"sends {_what(data)}")

    def retire(self, transaction: ServerTransaction, data: bytes) -> None:
        """The machine is over; this is what a retransmission gets."""
        self.log.append(f"leaves {_what(data)} to say")

    def acknowledged(
        self, transaction: object, data: bytes, to_tag: str | None, *where: object
    ) -> None:
        """The machine is over; this is what a repeated final response gets."""
        self.log.append(f"leaves {_what(data)} to say")

    def forget(self, transaction: object) -> None:
        """The machine is over, and nothing is kept of it."""
        if "leaves nothing to say" not in self.log:
            self.log.append("forgets")

    def unacknowledged(self) -> None:
        """The user of a server machine is told."""
        self.log.append("tells: no ACK")

    def canceled(self, cancel: Request) -> None:
        """Not reached: a CANCEL is no input of the machine."""

    def responded(self, transaction: object, response: Response) -> None:
        """The user of a client machine is told."""
        self.log.append(f"tells: {response.status}")

    def timed_out(self, transaction: object) -> None:
        """The user of a client machine is told."""
        self.log.append("tells: timeout")


class Bench:
    """
    One machine, brought into a state, whatever the way there would have been.
    """

    def __init__(self, kind: type[Machine], state: State, transport: str) -> None:
        self.rig = Rig()
        self.recorder = Recorder(self.rig, transport)
        server = issubclass(kind, ServerTransaction)
        self.machine = self._server(kind) if server else self._client(kind)
        self.machine.state = state
        if state in WITH_TIMER[kind]:
            self.machine._start()
        elif self.machine._timer is not None:
            self.machine._stop()
        self.recorder.log.clear()

    def _server(self, kind: Any) -> Machine:
        invite = kind is InviteServerTransaction
        self.request = _read(ask("INVITE" if invite else "INFO"))
        recorder: Any = self.recorder
        made: ServerTransaction = kind(
            recorder, "k", self.request, recorder, PEER, PEER, None
        )
        made.user = recorder
        return made

    def _client(self, kind: Any) -> Machine:
        invite = kind is InviteClientTransaction
        data = ask("INVITE" if invite else "INFO")
        self.request = _read(data)
        recorder: Any = self.recorder
        made: ClientTransaction = kind(recorder, "k", data, recorder, PEER, recorder)
        made.start()
        return made

    def give(self, given: Input) -> tuple[tuple[str, ...], State]:
        """What the machine does with an input, and its state after that."""
        machine, log = self.machine, self.recorder.log
        if isinstance(machine, ServerTransaction) and machine.state in LAST:
            machine._last = respond(self.request, LAST[machine.state])
        before = machine._timer
        machine.receive(given, self._message(given))
        if machine._timer is not before:
            stopped = machine._timer is None
            self._note_timer("stops the timer" if stopped else "sets the timer")
        return tuple(log), machine.state

    def _note_timer(self, what: str) -> None:
        """Where in the order it happened does not matter: where the tables have it."""
        log = self.recorder.log
        if what == "sets the timer":
            log.append(what)
        elif isinstance(self.machine, ServerTransaction):
            log.insert(0, what)
        elif log and log[0].startswith("leaves"):
            log.insert(1, what)
        else:
            log.insert(0, what)

    def _message(self, given: Input) -> object:
        status = STATUSES.get(given)
        if status is None:
            return None
        if isinstance(self.machine, ServerTransaction):
            return respond(self.request, status)
        return parse(reply(self.request, status))


def _read(data: bytes) -> Request:
    request = parse(data)
    assert isinstance(request, Request)
    return request


def _last(kind: type[Machine], state: State) -> str:
    """What a machine sent last, in a state."""
    if issubclass(kind, ServerTransaction):
        return str(LAST.get(state, ""))
    return "INVITE" if kind is InviteClientTransaction else "INFO"


FIGURES: Mapping[type[Machine], Rows] = {
    InviteServerTransaction: FIGURE_7,
    RequestServerTransaction: FIGURE_8,
    InviteClientTransaction: FIGURE_5,
    RequestClientTransaction: FIGURE_6,
}


class FigureTests(SynchronousTestCase):
    """Every state with every input, over datagrams and over a connection."""

    def expected(
        self, kind: type[Machine], state: State, given: Input, transport: str
    ) -> tuple[tuple[str, ...], State]:
        """What the figure says; nothing where it has no arrow."""
        done, after = FIGURES[kind].get((state, given), ((), state))
        again = f"sends {_last(kind, state)}"
        found = []
        for each in done:
            if each != AGAIN:
                found.append(each)
            elif transport == "UDP":
                found.append(again)
        return tuple(found), after

    def test_every_pair(self) -> None:
        """The arrows, and the pairs that are none."""
        tried = 0
        for kind in FIGURES:
            for transport in ("UDP", "TCP"):
                for state in State:
                    for given in Input:
                        with self.subTest(kind.__name__, state=state, given=given):
                            bench = Bench(kind, state, transport)
                            self.assertEqual(
                                bench.give(given),
                                self.expected(kind, state, given, transport),
                            )
                        tried += 1
        self.assertEqual(tried, 4 * 2 * len(State) * len(Input))

    def test_no_arrow_is_missing(self) -> None:
        """The machines have the rows of the figures, and no others."""
        for kind, rows in FIGURES.items():
            table = {pair: row[1] for pair, row in kind._table.items()}
            self.assertEqual(table, {pair: row[1] for pair, row in rows.items()})


REMEMBERED = (
    # what happened, what comes after it, what the layer says to that
    # Figure 7: Completed, then Confirmed, then nothing for as long as timer I
    (("INVITE", "refuse", "INVITE"), ["486"]),
    (("INVITE", "refuse", "ACK", "INVITE"), []),
    (("INVITE", "refuse", "ACK", "ACK"), []),
    (("INVITE", "refuse", "give up", "INVITE"), []),
    # RFC 6026: Accepted absorbs, ACKs reach the user
    (("INVITE", "accept", "INVITE"), []),
    (("INVITE", "accept", "ACK", "INVITE"), []),
    # Figure 8: Completed answers again, for as long as timer J
    (("INFO", "accept", "INFO"), ["200"]),
    (("INFO", "refuse", "INFO"), ["486"]),
    (("INFO", "INFO"), []),
)


class MemoryTests(SynchronousTestCase):
    """The states that are no machine any more but a few bytes in a table."""

    def play(self, steps: tuple[str, ...]) -> tuple[Rig, list[str]]:
        """Let a peer ask and a user answer; what the last step brought."""
        rig = Rig()
        taken: list[ServerTransaction] = []
        rig.users.take = taken.append
        rig.core.serve("INFO", taken.append)
        for step in steps:
            rig.sent()
            if step in ("INVITE", "INFO", "ACK"):
                tag = "" if step != "ACK" else "t"
                rig.receive(ask(step, to_tag=tag))
            elif step == "give up":
                rig.advance(40)
            else:
                status = 200 if step == "accept" else 486
                (transaction,) = taken
                data = respond(transaction.request, status, None, "t")
                transaction.send(status, data)
        return rig, [_what(data) for data, _ in rig.sent()]

    def test_what_is_left_of_each_end(self) -> None:
        """A retransmission gets what the figure says, or silence."""
        for steps, expected in REMEMBERED:
            with self.subTest(steps):
                _, said = self.play(steps)
                self.assertEqual(said, expected)

    def test_the_user_hears_of_a_request_once(self) -> None:
        """And never of a retransmission, whatever became of the request."""
        for steps, _ in REMEMBERED:
            rig, _ = self.play(steps)
            absorbed = sum(
                step in ("INVITE", "INFO")
                for step in steps[1:]  # the first is new
            )
            found = rig.metric("sip_absorbed_requests_total")
            self.assertGreaterEqual(found, absorbed, steps)
