"""Who follows messages by the web interface."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import PEER, FakeChannel, ask
from tests.web.site import Switch
from vos3000.db.settings import AccessRule
from vos3000.metrics import Metrics
from vos3000.trace.lines import Shown, read
from vos3000.trace.tap import MOST_WATCHERS, Tap
from vos3000.web.stream import PATIENCE
from vos3000.web.trace import ALIVE, MOST_BYTES, MOST_WAITING, TraceResource


class TraceCase(SynchronousTestCase):
    """A site with a tap, and messages that pass."""

    def setUp(self) -> None:
        """Nobody watches."""
        self.switch = Switch()
        self.turned: list[bool] = []
        self.tap = Tap(lambda: 0.25, self.turned.append, Metrics())
        named = lambda host, port: frozenset(("ingress",))  # noqa: E731
        resource = TraceResource(self.tap, named, self.switch.clock)
        self.switch.site.resource.putChild(b"trace", resource)
        self.channel = FakeChannel()

    def follow(
        self, host: str = "127.0.0.1", headers: str = "", **asked: Any
    ) -> tuple[Any, StringTransport]:
        """Ask for messages."""
        channel, transport = self.switch.connect(host)
        body = json.dumps(asked)
        head = f"POST /trace HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        channel.dataReceived(head.encode() + body.encode())
        return channel, transport

    def lines(self, transport: StringTransport) -> list[bytes]:
        """What was written since the last time, chunk by chunk."""
        data = transport.value()
        transport.clear()
        if b"\r\n\r\n" in data and data.startswith(b"HTTP/1.1 "):
            data = data.partition(b"\r\n\r\n")[2]
        found = []
        while data:
            size, _, rest = data.partition(b"\r\n")
            found.append(rest[: int(size, 16)])
            data = rest[int(size, 16) + 2 :]
        return found

    def passes(self, count: int = 1, **given: Any) -> None:
        """Messages come."""
        for _ in range(count):
            self.tap.received(ask(**given), self.channel, PEER)


class FollowTests(TraceCase):
    """Messages as they pass."""

    def test_messages(self) -> None:
        """One line each; the tap is hung for them, and taken down after them."""
        channel, transport = self.follow()
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertIn(b"application/x-ndjson", transport.value())
        self.assertEqual(self.lines(transport), [b"\n"])
        self.passes()
        (line,) = self.lines(transport)
        shown = read(line)
        assert isinstance(shown, Shown)
        self.assertEqual((shown.seen.data, shown.seen.there), (ask(), PEER))
        self.assertEqual((shown.gateways, shown.seen.at), (("ingress",), 0.25))
        self.assertEqual(self.turned, [True])
        channel.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.turned, [True, False])
        self.assertEqual(self.switch.clock.getDelayedCalls(), [])

    def test_only_what_was_asked_for(self) -> None:
        """By number, call, gateway and address."""
        for asked in (
            {"number": "3000"},
            {"call": "8"},
            {"gateway": "other"},
            {"address": "192.0.2.99"},
            {"number": "2000", "gateway": "other"},
        ):
            _, transport = self.follow(**asked)
            self.lines(transport)
            self.passes()
            self.assertEqual(self.lines(transport), [], asked)

    def test_signs_of_life(self) -> None:
        """An empty line now and then."""
        _, transport = self.follow()
        self.lines(transport)
        self.switch.clock.pump([ALIVE / 2] * 4)
        self.assertEqual(self.lines(transport), [b"\n", b"\n"])


class SlowTests(TraceCase):
    """Who does not read."""

    def setUp(self) -> None:
        """A reader whose connection is full."""
        super().setUp()
        self.channel_of_reader, self.transport = self.follow()
        self.lines(self.transport)
        producer: Any = self.transport.producer
        self.producer = producer
        self.producer.pauseProducing()

    def test_what_waits_is_sent_later(self) -> None:
        """In order; nothing meanwhile, no sign of life either."""
        self.passes(call_id="call-1")
        self.passes(call_id="call-2")
        self.switch.clock.advance(ALIVE * 2)
        self.assertEqual(self.lines(self.transport), [])
        self.producer.resumeProducing()
        found = [read(line) for line in self.lines(self.transport)]
        ids = [each.seen.call_id for each in found if isinstance(each, Shown)]
        self.assertEqual(ids, ["call-1", "call-2"])
        self.passes(call_id="call-3")
        self.assertEqual(len(self.lines(self.transport)), 1)

    def test_too_many_wait(self) -> None:
        """Those beyond are lost, and it is told how many."""
        self.passes(MOST_WAITING + 7)
        self.producer.resumeProducing()
        lines = self.lines(self.transport)
        self.assertEqual(len(lines), MOST_WAITING + 1)
        self.assertEqual(read(lines[-1]), 7)
        self.passes()
        self.assertEqual(len(self.lines(self.transport)), 1)

    def test_too_much_waits(self) -> None:
        """A few large ones are as much as many small ones; what was read makes room."""
        for _ in range(2):
            self.passes(200, body=bytes(60_000))
            self.producer.resumeProducing()
            *shown, last = self.lines(self.transport)
            self.assertEqual(len(shown), MOST_BYTES // 60_000 + 1)
            self.assertEqual(read(last), 200 - len(shown))
            self.producer.pauseProducing()

    def test_who_stays_away_is_cut_off(self) -> None:
        """Then nobody watches any more."""
        self.switch.clock.advance(PATIENCE)
        self.assertEqual(self.turned, [True, False])
        self.assertEqual(self.switch.clock.getDelayedCalls(), [])


class RefusalTests(TraceCase):
    """Who may not follow."""

    def assert_refused(self, transport: StringTransport, status: int) -> None:
        """An answer that has an end, and no watcher."""
        self.assertIn(f"HTTP/1.1 {status} ".encode(), transport.value()[:16])
        self.assertEqual(self.turned, [])

    def test_other_machines(self) -> None:
        """Not even those that may use everything else."""
        self.switch.site._access.load([AccessRule("/", ("192.0.2.7",))])
        _, transport = self.follow("192.0.2.7")
        self.assert_refused(transport, 403)

    def test_pages_of_other_sites(self) -> None:
        """A browser on this machine is no operator."""
        _, transport = self.follow(headers="Origin: https://evil.example\r\n")
        self.assert_refused(transport, 403)

    def test_what_cannot_be_read(self) -> None:
        """With the reason."""
        _, transport = self.follow(address="nowhere")
        self.assert_refused(transport, 400)
        self.assertIn(b"nowhere", transport.value())
        channel, transport = self.switch.connect("127.0.0.1")
        head = b"POST /trace HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000\r\n"
        channel.dataReceived(head + b"\r\n" + b"[" * 4000)
        self.assert_refused(transport, 400)

    def test_too_many(self) -> None:
        """There are so many places and no more."""
        for _ in range(MOST_WATCHERS):
            self.follow()
        _, transport = self.follow()
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 503 "))

    def test_no_page(self) -> None:
        """Nothing is shown to who only looks."""
        answer = self.switch.send(b"GET /trace HTTP/1.0\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.0 405 "), answer)
        self.assertEqual(self.turned, [])
