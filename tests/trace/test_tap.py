"""A whole switch and who watches it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    SECOND,
    STRANGER,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from tests.trace.build import AT
from vos3000.model.sipoptions import ORDINARY
from vos3000.trace.ladder import label_of
from vos3000.trace.legs import MOST_OVER, Followed, Legs
from vos3000.trace.seen import Seen
from vos3000.trace.tap import MOST_WATCHERS, Tap, Watcher
from vos3000.trace.wanted import Wanted


class TappedSwitch(Switch):
    """A switch whose messages can be watched."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.turned: list[bool] = []
        self.tap = Tap(lambda: AT, self._turn, self.metrics)
        self._send = self.channel.send
        self.channel.send = self._sent  # type: ignore[method-assign]

    def _sent(self, data: bytes, address: tuple[str, int]) -> None:
        """What a socket does."""
        if self.reception.tap is not None:
            self.reception.tap.sent(data, self.channel, address)
        self._send(data, address)

    def _turn(self, on: bool) -> None:
        self.turned.append(on)
        self.reception.tap = self.tap if on else None
        self.registry.follower = self.tap.legs if on else None
        self.tap.legs.begin(
            (call, [leg.identifier for leg in (call.leg, call.out) if leg is not None])
            for call in self.registry
        )

    def named(self, host: str, port: int) -> frozenset[str]:
        """The gateways of L{tests.switch}."""
        names = {CALLER[0]: "ingress", CALLEE[0]: "first", SECOND[0]: "second"}
        return frozenset({names[host]} if host in names else ())


class Notes:
    """Writes down what a watcher was told."""

    def __init__(self, switch: TappedSwitch, **wanted: str) -> None:
        self.seen: list[tuple[Seen, Followed | None]] = []
        self.watcher = Watcher(Wanted(**wanted), switch.named, self._take)
        assert switch.tap.watch(self.watcher)

    def _take(self, seen: Seen, followed: Followed | None) -> None:
        self.seen.append((seen, followed))

    def lines(self) -> list[str]:
        """Direction, peer and what it was."""
        hosts = {CALLER[0]: "a", CALLEE[0]: "b", SECOND[0]: "c", STRANGER[0]: "?"}
        return [
            f"{'<' if seen.came else '>'}{hosts[seen.there[0]]} "
            + label_of(seen.data).text.partition(" ")[0]
            for seen, _ in self.seen
        ]


_CALL = [
    *("<a INVITE", ">a 100", ">b INVITE", "<b 180", ">a 180", "<b 200"),
    *(">b ACK", ">a 200", "<a ACK"),
]


class Watched(SynchronousTestCase):
    """What these tests share."""

    def setUp(self) -> None:
        """A switch with one vendor."""
        self.switch = TappedSwitch(routing=[routing_gateway(rewrite_callee="2:882")])

    def call(self, call_id: str = "call-1", **given: Any) -> Caller:
        """A call that is answered."""
        caller = Caller(self.switch, call_id=call_id, **given)
        caller.invite()
        callee = Callee(self.switch)
        invite = self.switch.request(CALLEE)
        callee.reply(invite, 180)
        callee.reply(invite, 200, ANSWER)
        caller.ack(self.switch.taken(caller.address)[-1])  # type: ignore[arg-type]
        self.switch.taken()
        return caller

    def order(self, lines: list[str]) -> list[str]:
        """A call's lines, without what may come in either order."""
        return sorted(lines)


class WatcherTests(Watched):
    """Calls that are followed."""

    def assert_whole(self, notes: Notes, calls: int = 1) -> None:
        """All of so many calls was seen, nothing twice, nothing else."""
        self.assertEqual(sorted(notes.lines()), sorted(_CALL * calls))

    def test_everything(self) -> None:
        """In the order in which it passed."""
        notes = Notes(self.switch)
        self.call()
        self.assert_whole(notes)
        self.assertEqual(notes.lines()[:3], _CALL[:3])
        self.assertEqual({call.number for _, call in notes.seen if call}, {1})
        self.assertEqual(
            {(seen.here, seen.at, seen.transport) for seen, _ in notes.seen},
            {(("192.0.2.1", 5060), AT, "UDP")},
        )

    def test_by_number(self) -> None:
        """As the caller dialed it: both legs, and no other call."""
        notes = Notes(self.switch, number="2000")
        self.call("call-2", callee="3000")
        self.assertEqual(notes.seen, [])
        self.call()
        self.assert_whole(notes)

    def test_by_the_number_of_the_other_leg(self) -> None:
        """As the vendor was called: what came before that is shown, too."""
        notes = Notes(self.switch, number="882000")
        self.call()
        self.assert_whole(notes)
        self.assertEqual(notes.lines()[:3], _CALL[:3])

    def test_by_gateway(self) -> None:
        """Either one."""
        for gateway in ("ingress", "first"):
            notes = Notes(self.switch, gateway=gateway)
            self.call(f"call-{gateway}")
            self.assert_whole(notes)
            self.switch.tap.leave(notes.watcher)

    def test_by_call_id_of_the_vendor(self) -> None:
        """A call that is up: both legs from here on."""
        caller = self.call()
        (call,) = self.switch.registry
        assert call.out is not None
        notes = Notes(self.switch, call=call.out.identifier)
        caller.ask("BYE")
        self.assertEqual(notes.lines(), ["<a BYE", ">a 200", ">b BYE"])

    def test_by_number_of_the_call(self) -> None:
        """To its last message, when it is over."""
        caller = self.call()
        notes = Notes(self.switch, call="1")
        other = self.call("call-2", callee="3000")
        other.ask("BYE")
        Callee(self.switch).reply(self.switch.request(CALLEE), 200)
        self.assertEqual(notes.seen, [])
        caller.ask("BYE")
        bye = self.switch.request(CALLEE)
        Callee(self.switch).reply(bye, 200)
        expected = ["<a BYE", ">a 200", ">b BYE", "<b 200"]
        self.assertEqual(notes.lines(), expected)

    def test_outside_of_calls(self) -> None:
        """An exchange of its own is followed by its Call-ID."""
        notes = Notes(self.switch, gateway="ingress")
        caller = Caller(self.switch, call_id="ping")
        caller.send(caller.make("OPTIONS"))
        self.assertEqual(notes.lines(), ["<a OPTIONS", ">a 200"])
        self.assertEqual(notes.seen[0][1], None)

    def test_what_is_refused_or_malformed(self) -> None:
        """Strangers and garbage are messages, too."""
        notes = Notes(self.switch)
        Caller(self.switch, STRANGER).invite()
        self.switch.receive(b"INVITE sip:x SIP/2.0\r\nVia: nonsense\r\n\r\n", CALLER)
        self.assertEqual(notes.lines()[:2], ["<? INVITE", ">? 403"])
        self.assertIn("<a INVITE", notes.lines()[2])

    def test_secrets_are_masked(self) -> None:
        """Before anybody is told."""
        notes = Notes(self.switch)
        caller = Caller(self.switch)
        caller.invite(headers=['Authorization: Digest response="0123456789"'])
        self.assertNotIn(b"0123456789", notes.seen[0][0].data)


class TapTests(Watched):
    """When messages are seen, and when not."""

    def test_only_while_somebody_watches(self) -> None:
        """The tap is hung with the first and taken down with the last."""
        self.call()
        one, two = Notes(self.switch), Notes(self.switch)
        self.assertEqual(self.switch.turned, [True])
        self.switch.tap.leave(one.watcher)
        self.switch.tap.leave(one.watcher)
        self.assertEqual(self.switch.turned, [True])
        self.switch.tap.leave(two.watcher)
        self.assertEqual(self.switch.turned, [True, False])
        self.call("call-2")
        self.assertEqual(one.seen + two.seen, [])

    def test_a_sink_keeps_it_up(self) -> None:
        """An exporter, from its start to the end of the switch."""

        class Sink:
            def __init__(self) -> None:
                self.calls: list[int] = []

            def take(self, seen: Seen, followed: Followed | None) -> None:
                self.calls.append(0 if followed is None else followed.number)

        sink = Sink()
        self.switch.tap.export(sink)
        notes = Notes(self.switch)
        self.switch.tap.leave(notes.watcher)
        self.assertEqual(self.switch.turned, [True])
        self.call()
        # the INVITE comes before it is a call
        self.assertEqual(sink.calls, [0] + [1] * 8)

    def test_watchers_are_few(self) -> None:
        """One more than may be is turned away."""
        for _ in range(MOST_WATCHERS):
            Notes(self.switch)
        watcher = Watcher(Wanted(), self.switch.named, lambda seen, call: None)
        self.assertFalse(self.switch.tap.watch(watcher))

    def test_a_watcher_that_fails_hurts_no_call(self) -> None:
        """It is told once."""

        def fail(seen: Seen, followed: Followed | None) -> None:
            raise RuntimeError("watched too closely")

        self.switch.tap.watch(Watcher(Wanted(), self.switch.named, fail))
        self.call()
        self.assertEqual(len(self.switch.registry), 1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class LegsTests(Watched):
    """Which call a Call-ID belongs to."""

    def test_calls_that_are_over_are_forgotten(self) -> None:
        """The oldest first, when there are too many; calls that are up never."""
        legs = Legs()
        for number in range(MOST_OVER + 2):
            call: Any = SimpleNamespace(id=number, gateway=None, route=None)
            legs.leg(call, f"a-{number}")
            legs.leg(call, f"b-{number}")
            if number:
                legs.ended(call)
        found = [legs.call_of(f"b-{number}") is not None for number in range(4)]
        self.assertEqual(found, [True, False, True, True])

    def test_names_stay_after_the_end(self) -> None:
        """Of the gateways and of the legs."""
        Notes(self.switch)
        caller = self.call()
        caller.ask("BYE")
        Callee(self.switch).reply(self.switch.request(CALLEE), 200)
        followed = self.switch.tap.legs.call_of("call-1")
        assert followed is not None
        self.assertEqual(followed.gateways, ["ingress", "first"])
        self.assertEqual(len(followed.identifiers), 2)

    def test_a_call_that_a_transfer_places(self) -> None:
        """It is shown with the one that it is placed from."""
        ingress = mapping_gateway(sip=attrs.evolve(ORDINARY, allows_transfer=True))
        second = routing_gateway(
            id=3, name="second", remote_ip=SECOND[0], prefixes=("3",)
        )
        self.switch.load([ingress], [routing_gateway(), second])
        caller = self.call()
        notes = Notes(self.switch, call="1")
        caller.ask("REFER", headers=["Refer-To: <sip:3000@a>"])
        self.assertEqual(
            notes.lines(), ["<a REFER", ">a 202", ">a NOTIFY", ">c INVITE"]
        )
        self.assertEqual([f.number for _, f in notes.seen if f], [1, 1, 1, 2])

    def test_every_attempt_is_a_leg(self) -> None:
        """Of a call that is tried at one vendor after the other."""
        second = routing_gateway(id=3, name="second", remote_ip=SECOND[0], priority=9)
        self.switch.load(routing=[routing_gateway(), second])
        Notes(self.switch)
        Caller(self.switch).invite()
        Callee(self.switch).reply(self.switch.request(CALLEE), 503)
        self.switch.taken()
        followed = self.switch.tap.legs.call_of("call-1")
        assert followed is not None
        self.assertEqual(len(followed.identifiers), 3)
        self.assertEqual(followed.gateways, ["ingress", "second"])
