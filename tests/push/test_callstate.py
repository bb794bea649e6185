"""
Tests of the push CallStateReport, and of where letters go.
"""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.push.consumer import Consumer
from vos3000.events import CallStateChanged, Events
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model.states import CallState
from vos3000.push.callstate import CallStatePusher, report
from vos3000.push.deadletters import DeadLetters
from vos3000.push.outbox import Outbox, OutboxLimits
from vos3000.push.poster import Poster, ret_code

EVENT = CallStateChanged(
    call_id=17,
    state=CallState.RINGING,
    event_time=1700000000123,
    caller_e164="1001",
    callee_e164="8613800138000",
    caller_gateway="customer",
    callee_gateway="vendor",
    caller_ip="192.0.2.1",
    callee_ip="198.51.100.1",
    caller_local_ip="203.0.113.1",
    callee_local_ip="203.0.113.2",
    call_identifier="abc@192.0.2.1",
)


class ReportTests(SynchronousTestCase):
    """The document of one step."""

    def test_fields(self) -> None:
        """The fields are the interface's, and the transaction only if there is one."""
        self.assertEqual(
            report(EVENT),
            {
                "callId": 17,
                "callState": -11,
                "eventTime": 1700000000123,
                "callerE164": "1001",
                "calleeE164": "8613800138000",
                "callerGatewayId": "customer",
                "calleeGatewayId": "vendor",
                "callerIp": "192.0.2.1",
                "calleeIp": "198.51.100.1",
                "callerLocalIp": "203.0.113.1",
                "calleeLocalIp": "203.0.113.2",
                "callIdentifier": "abc@192.0.2.1",
            },
        )

    def test_optional_fields(self) -> None:
        """Gateways that are not known yet are left out; addresses never are."""
        event = attrs.evolve(
            EVENT,
            caller_gateway="",
            callee_gateway="",
            callee_ip="",
            transaction_id="t-1",
        )
        document = report(event)
        self.assertNotIn("callerGatewayId", document)
        self.assertNotIn("calleeGatewayId", document)
        self.assertEqual(document["calleeIp"], "")
        self.assertEqual(document["transactionId"], "t-1")


class CallStatePusherTests(SynchronousTestCase):
    """From the event to the wire."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.consumer = Consumer()
        metrics = Metrics()
        dead = DeadLetters(Path(self.mktemp()), metrics)
        poster = Poster(self.consumer, self.clock, "http://there/", ".jsp")
        outbox = Outbox(poster, dead, self.clock, OutboxLimits(), metrics)
        self.events = Events()
        now = instants(self.clock.seconds, self.clock.seconds)
        self.pusher = CallStatePusher(outbox, now, count(1))

    def test_deaf_until_it_listens(self) -> None:
        """Without a base address nobody wants the events."""
        self.assertFalse(self.events.wanted(CallStateChanged))
        self.pusher.listen(self.events)
        self.assertTrue(self.events.wanted(CallStateChanged))

    def test_posted(self) -> None:
        """A step is one POST of its document to the page."""
        self.pusher.listen(self.events)
        self.events.publish(EVENT)
        self.clock.advance(0)
        ((url, body),) = self.consumer.sent
        self.assertEqual(url, "http://there/CallStateReport.jsp")
        self.assertEqual(
            body,
            b'{"callId":17,"callState":-11,"eventTime":1700000000123,'
            b'"callerE164":"1001","calleeE164":"8613800138000",'
            b'"callerGatewayId":"customer","calleeGatewayId":"vendor",'
            b'"callerIp":"192.0.2.1","calleeIp":"198.51.100.1",'
            b'"callerLocalIp":"203.0.113.1","calleeLocalIp":"203.0.113.2",'
            b'"callIdentifier":"abc@192.0.2.1"}',
        )

    def test_not_reported(self) -> None:
        """Phones that do not have their calls reported (callStateReport)."""
        self.pusher.listen(self.events)
        self.events.publish(attrs.evolve(EVENT, reported=False))
        self.clock.advance(0)
        self.assertEqual(self.consumer.sent, [])

    def test_transfers(self) -> None:
        """The interface has no value for how they go on."""
        self.pusher.listen(self.events)
        for state in range(-17, -13):
            self.events.publish(attrs.evolve(EVENT, state=CallState(state)))
        self.clock.advance(0)
        self.assertEqual(self.consumer.sent, [])

    def test_steps_of_a_call_in_order(self) -> None:
        """Steps of one call arrive in the order they were taken."""
        self.pusher.listen(self.events)
        states = [CallState.INVITE, CallState.TRYING, CallState.RELEASE]
        for state in states:
            self.events.publish(attrs.evolve(EVENT, state=state))
        self.clock.pump([0, 0, 0])
        sent = [json.loads(body)["callState"] for _, body in self.consumer.sent]
        self.assertEqual(sent, [-7, -8, -13])

    def test_bytes_that_are_no_text(self) -> None:
        """A Call-ID with bytes that are no UTF-8 is pushed with marks for them."""
        self.pusher.listen(self.events)
        self.events.publish(attrs.evolve(EVENT, call_identifier="a\udcff"))
        self.clock.advance(0)
        ((_, body),) = self.consumer.sent
        self.assertEqual(json.loads(body)["callIdentifier"], "a?")


class AddressTests(SynchronousTestCase):
    """Where letters are posted."""

    def test_joined(self) -> None:
        """The page's name and the suffix follow the base as it is written."""
        for base, suffix, expected in (
            ("https://crm/post/", "", "https://crm/post/Page"),
            ("https://crm/post?page=", "", "https://crm/post?page=Page"),
            ("https://crm/report_", ".jsp", "https://crm/report_Page.jsp"),
            ("http://192.0.2.1:8000", "", "http://192.0.2.1:8000/Page"),
            ("http://[2001:db8::1]:80/", "", "http://[2001:db8::1]:80/Page"),
        ):
            consumer = Consumer()
            poster = Poster(consumer, Clock(), base, suffix)
            self.successResultOf(poster.post("Page", b"{}"))
            self.assertEqual(consumer.sent, [(expected, b"{}")])


class RetCodeTests(SynchronousTestCase):
    """What a consumer's answer says."""

    def test_bodies(self) -> None:
        """Numbers are taken as numbers or text; silence is success."""
        for body, expected in (
            (b'{"retCode":0}', 0),
            (b'{"retCode":-7}', -7),
            (b'{"retCode":"12"}', 12),
            (b"{}", 0),
            (b"", 0),
            (b"[1]", 0),
            (b'{"retCode":"x"}', 0),
            (b'{"retCode":1.5}', 0),
            (b"[" * 5000, 0),
            (b'{"retCode":"' + b"9" * 5000 + b'"}', 0),
            (b'{"retCode":' + b"9" * 5000 + b"}", 0),
            (b'{"retCode":"--1"}', 0),
        ):
            self.assertEqual(ret_code(body), expected, body[:20])
