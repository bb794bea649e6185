"""
The dialogs of a call as a table: every state, everything that either peer may send,
and what each of them hears (RFC 3261 sections 9, 12, 13, 14 and 15).

Both sides are looked at together, since a back-to-back user agent is the UAS of one
dialog and the UAC of the other. The states are those of RFC 4235: trying, early,
confirmed (with and without the ACK) and terminated, by each way that leads there.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLER,
    OFFER,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.sip.message import Request, Response
from vos3000.sip.parser import parse

STATES: Mapping[str, tuple[str, ...]] = {
    "trying": ("INVITE",),
    "early": ("INVITE", "< 180"),
    "answered": ("INVITE", "< 180", "< 200"),
    "confirmed": ("INVITE", "< 180", "< 200", "ACK"),
    "hung up": ("INVITE", "< 180", "< 200", "ACK", "BYE", "< 200 of BYE"),
    "refused": ("INVITE", "< 180", "< 486", "ACK"),
    "canceled": ("INVITE", "< 180", "CANCEL", "ACK", "< 487"),
}
"""How each state is reached; what the callee sends begins with C{<}."""

# input: what the caller hears, what the callee hears, calls left
Row = tuple[tuple[str, ...], tuple[str, ...], int]
_OVER: Mapping[str, Row] = {
    # Confirmed of figure 7 absorbs
    "INVITE again": ((), (), 0),
    "ACK": ((), (), 0),
    "CANCEL": (("481 CANCEL",), (), 0),
    # 15.1.2: no dialog
    "BYE": (("481 BYE",), (), 0),
    "INVITE inside": (("481 INVITE",), (), 0),
    "INFO": (("481 INFO",), (), 0),
    "OPTIONS": (("481 OPTIONS",), (), 0),
    "INFO of an old number": (("481 INFO",), (), 0),
    "INFO of a strange tag": (("481 INFO",), (), 0),
    "< 180": ((), (), 0),
    "< 180 of a fork": ((), (), 0),
    # an answer after the end, or of another branch: nobody is there
    "< 200": ((), ("ACK", "BYE"), 0),
    "< 200 of a fork": ((), ("ACK", "BYE"), 0),
    # figure 5: the ACK of a refusal that comes again
    "< 486": ((), ("ACK",), 0),
    "< BYE": ((), ("481 BYE",), 0),
    "< INFO": ((), ("481 INFO",), 0),
}
"""A call that never was answered, once it is over."""

TABLE: Mapping[str, Mapping[str, Row]] = {
    "trying": {
        "INVITE again": (("100 INVITE",), (), 1),
        "CANCEL": (("200 CANCEL", "487 INVITE"), (), 0),
        # the dialog has no tag that the caller could know
        "BYE": (("481 BYE",), (), 1),
        "INFO": (("481 INFO",), (), 1),
        "OPTIONS": (("200 OPTIONS",), (), 1),
        "INFO of a strange tag": (("481 INFO",), (), 1),
        "< 180": (("180 INVITE",), (), 1),
        "< 180 of a fork": (("180 INVITE",), (), 1),
        "< 200": (("200 INVITE",), ("ACK",), 1),
        "< 200 of a fork": (("200 INVITE",), ("ACK",), 1),
        "< 486": (("486 INVITE",), ("ACK",), 0),
        # nor has the callee told one
        "< BYE": ((), ("481 BYE",), 1),
        "< INFO": ((), ("481 INFO",), 1),
    },
    "early": {
        "INVITE again": (("180 INVITE",), (), 1),
        "CANCEL": (("200 CANCEL", "487 INVITE"), ("CANCEL",), 0),
        # 15: a caller may hang up an early dialog
        "BYE": (("200 BYE", "487 INVITE"), ("CANCEL",), 0),
        # 14.2: not before the final response to the first
        "INVITE inside": (("500 INVITE",), (), 1),
        "INFO": (("500 INFO",), (), 1),
        "OPTIONS": (("200 OPTIONS",), (), 1),
        "INFO of an old number": (("500 INFO",), (), 1),
        "INFO of a strange tag": (("481 INFO",), (), 1),
        "< 180": (("180 INVITE",), (), 1),
        "< 180 of a fork": (("180 INVITE",), (), 1),
        "< 200": (("200 INVITE",), ("ACK",), 1),
        # 13.2.2.4: whichever branch answers first has the call
        "< 200 of a fork": (("200 INVITE",), ("ACK",), 1),
        "< 486": (("486 INVITE",), ("ACK",), 0),
        # 15: a callee must not; it is told, and is taken at its word
        "< BYE": (("480 INVITE",), ("200 BYE", "CANCEL"), 0),
        "< INFO": ((), ("500 INFO",), 1),
    },
    "answered": {
        # RFC 6026 7.1: absorbed
        "INVITE again": ((), (), 1),
        "ACK": ((), (), 1),
        # 9.2: no effect any more
        "CANCEL": (("200 CANCEL",), (), 1),
        # 15: a caller may hang up a dialog whose ACK is missing
        "BYE": (("200 BYE",), ("BYE",), 0),
        "INVITE inside": (("500 INVITE",), (), 1),
        "INFO": (("500 INFO",), (), 1),
        "OPTIONS": (("200 OPTIONS",), (), 1),
        "INFO of an old number": (("500 INFO",), (), 1),
        "INFO of a strange tag": (("481 INFO",), (), 1),
        "< 180": ((), (), 1),
        "< 180 of a fork": ((), (), 1),
        # 13.2.2.4: each 2xx that comes again gets its ACK again
        "< 200": ((), ("ACK",), 1),
        # and that of another branch is ended at once
        "< 200 of a fork": ((), ("ACK", "BYE"), 1),
        "< 486": ((), (), 1),
        # 15: the BYE to the caller waits for its ACK
        "< BYE": ((), ("200 BYE",), 0),
        "< INFO": ((), ("491 INFO",), 1),
    },
    "confirmed": {
        "INVITE again": ((), (), 1),
        "ACK": ((), (), 1),
        # 9.2: the INVITE is over
        "CANCEL": (("481 CANCEL",), (), 1),
        "BYE": (("200 BYE",), ("BYE",), 0),
        "INVITE inside": (("100 INVITE",), ("INVITE",), 1),
        "INFO": ((), ("INFO",), 1),
        "OPTIONS": ((), ("OPTIONS",), 1),
        # 12.2.2: the number must rise
        "INFO of an old number": (("500 INFO",), (), 1),
        "INFO of a strange tag": (("481 INFO",), (), 1),
        "< 180": ((), (), 1),
        "< 180 of a fork": ((), (), 1),
        "< 200": ((), ("ACK",), 1),
        "< 200 of a fork": ((), ("ACK", "BYE"), 1),
        "< 486": ((), (), 1),
        "< BYE": (("BYE",), ("200 BYE",), 0),
        "< INFO": (("INFO",), (), 1),
    },
    # the answer that comes again is acknowledged; no refusal belongs to it
    "hung up": {**_OVER, "< 200": ((), ("ACK",), 0), "< 486": ((), (), 0)},
    "refused": _OVER,
    # it is the same CANCEL: its answer again
    "canceled": {**_OVER, "CANCEL": (("200 CANCEL",), (), 0)},
}


class Play:
    """
    A call between two peers, step by step.
    """

    def __init__(self) -> None:
        self.switch = Switch([mapping_gateway()], [routing_gateway()])
        self.caller = Caller(self.switch)
        self.callee = Callee(self.switch)
        self.fork = Callee(self.switch)
        self.fork.tag = "another"
        self._data = b""
        self._last: Response | None = None
        self._asked: dict[str, Request] = {}

    def reach(self, state: str) -> None:
        """Go the way to a state, and forget what was heard on it."""
        for step in STATES[state]:
            self.do(step)
            self.heard()

    def heard(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the caller and the callee heard since the last time."""
        found: tuple[list[str], list[str]] = ([], [])
        sent, self.switch.channel.sent = self.switch.channel.sent, []
        for data, to in sent:
            message = parse(data)
            if isinstance(message, Request):
                self._asked.setdefault(message.method, message)
                found[to != CALLER].append(message.method)
            else:
                self._answered(message)
                found[to != CALLER].append(f"{message.status} {message.cseq_method}")
        return tuple(found[0]), tuple(found[1])

    def _answered(self, response: Response) -> None:
        if response.cseq_method == "INVITE" and response.status > 100:
            self._last = response
            if response.status < 300:
                self.caller.learn(response)

    def do(self, step: str) -> None:
        """One of the peers sends something."""
        if step.startswith("< "):
            self._callee(*step[2:].split(" ", 1))
        elif step == "INVITE":
            self._data = self.caller.invite()
        elif step == "INVITE again":
            self.caller.send(self._data)
        elif step == "ACK":
            assert self._last is not None
            self.caller.ack(self._last)
        elif step == "CANCEL":
            self.caller.cancel()
        else:
            self._inside(*step.split(" ", 1))

    def _callee(self, what: str, which: str = "") -> None:
        if not what.isdigit():
            self.callee.ask(self._asked["INVITE"], what)
            return
        request = self._asked["BYE" if which == "of BYE" else "INVITE"]
        peer = self.fork if which == "of a fork" else self.callee
        body = ANSWER if (what, which) in (("200", ""), ("200", "of a fork")) else b""
        peer.reply(request, int(what), body)

    def _inside(self, method: str, which: str = "") -> None:
        caller = self.caller
        body = OFFER if method == "INVITE" else b""
        if which == "of an old number":
            caller.send(caller.make(method, body, cseq=0))
        elif which == "of a strange tag":
            to, caller.to = caller.to, f"<{caller.uri}>;tag=strange"
            caller.ask(method, body)
            caller.to = to
        else:
            caller.ask(method, body)


class TableTests(SynchronousTestCase):
    """Each row of the table on a call of its own."""

    def test_every_row(self) -> None:
        """Who hears what, and whether there is a call after it."""
        for state, rows in TABLE.items():
            for given, expected in rows.items():
                with self.subTest(state=state, given=given):
                    play = Play()
                    play.reach(state)
                    play.do(given)
                    found = (*play.heard(), len(play.switch.registry))
                    self.assertEqual(found, expected, f"{given} while {state}")

    def test_nothing_is_missing(self) -> None:
        """Every state with every input, but for those that cannot be yet."""
        inputs = {given for rows in TABLE.values() for given in rows}
        missing = {
            (state, given)
            for state, rows in TABLE.items()
            for given in inputs - rows.keys()
        }
        expected = {
            # there is no final response, nor a tag
            ("trying", "ACK"),
            ("trying", "INVITE inside"),
            ("trying", "INFO of an old number"),
            ("early", "ACK"),
        }
        self.assertEqual(missing, expected)
        self.assertEqual(TABLE.keys(), STATES.keys())

    def test_every_state_ends(self) -> None:
        """Nothing is held once the peers have said the last of it."""
        for state in ("hung up", "refused", "canceled"):
            play = Play()
            play.reach(state)
            play.switch.advance(70)
            self.assertEqual(play.switch.left(), {}, state)
