"""
Tests of the dispatcher: names, refusals, and what it survives.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.errors import AlreadyExists, NotFound, Referenced, StorageError
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.web import retcodes
from vos3000.web.contract import load
from vos3000.web.dispatch import LONGEST, MOST, Answer, Dispatcher, canonical
from vos3000.web.endpoint import Endpoint
from vos3000.web.requests import Fields

CONTRACT = load()
Answering = Callable[[Fields], Awaitable[Mapping[str, Any]]]


class DispatcherTests(SynchronousTestCase):
    """One interface, answered by whatever the test says."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.metrics = Metrics()
        self.dispatcher = self.make(self.succeed)

    async def succeed(self, fields: Fields) -> Mapping[str, Any]:
        """An endpoint that answers something."""
        return {"infoCurrentCalls": []}

    def make(self, answer: Answering) -> Dispatcher:
        self.metrics = Metrics()
        now = instants(self.clock.seconds, self.clock.seconds)
        endpoints = [Endpoint("GetCurrentCall", answer)]
        return Dispatcher(CONTRACT, endpoints, self.clock, now, self.metrics)

    def raising(self, error: Exception) -> Dispatcher:
        """A dispatcher whose endpoint fails."""

        async def fail(fields: Fields) -> Mapping[str, Any]:
            raise error

        return self.make(fail)

    def ask(self, name: str = "GetCurrentCall", body: bytes = b"") -> tuple[int, str]:
        answer: Answer = self.successResultOf(self.dispatcher.dispatch(name, body))
        return answer.status, "".join(answer.pieces)

    def value(self, name: str) -> Any:
        return {s.name: s.value for s in self.metrics.samples()}[name]

    def test_answered(self) -> None:
        """A request that succeeds is HTTP 200 and retCode 0."""
        self.assertEqual(self.ask(), (200, '{"retCode":0,"infoCurrentCalls":[]}'))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_names(self) -> None:
        """A suffix, a plural and a stray space lead to the same interface."""
        for name in ("GetCurrentCall.jsp", "GetCurrentCalls", "GetCurrentCalls.jsp"):
            self.assertEqual(self.ask(name)[1][:12], '{"retCode":0')
        self.assertEqual(canonical("Delete IpLimit"), "DeleteIpLimit")

    def test_interface_list(self) -> None:
        """The list holds what is built, as a bare array."""
        self.assertEqual(self.ask("GetInterfaceList"), (200, '["GetCurrentCall"]'))

    def test_unknown(self) -> None:
        """A name that is nowhere in the contract is HTTP 404, with a retCode."""
        for name in ("Nonsense", "", "getcurrentcall", "GetCurrentCall/x"):
            self.assertEqual(
                self.ask(name),
                (404, '{"retCode":-20007,"exception":"Unknown interface"}'),
            )

    def test_not_built(self) -> None:
        """An interface of the contract that is not built says so, with its lists."""
        self.assertEqual(
            self.ask("GetPhone"),
            (
                200,
                '{"retCode":-20003,"exception":"Not in this release: GetPhone",'
                '"infoPhones":[]}',
            ),
        )

    def test_endpoint_outside_the_contract(self) -> None:
        """An endpoint that the contract does not know is a mistake at start."""
        now = instants(self.clock.seconds, self.clock.seconds)
        endpoints = [Endpoint("Nonsense", self.succeed)]
        self.assertRaises(
            ValueError, Dispatcher, CONTRACT, endpoints, self.clock, now, Metrics()
        )

    def test_refusals(self) -> None:
        """Every error of the family has its retCode, and is HTTP 200."""
        for error, expected in (
            (
                retcodes.refusal(retcodes.BAD_INPUT, "x"),
                '{"retCode":-10124,"exception":"Input parameter error: x",',
            ),
            (
                retcodes.refusal(retcodes.QUERY_TOO_LONG),
                '{"retCode":-10033,"exception":"Over the limitation of inquiry'
                ' interval, please contact system administrator",',
            ),
            (
                NotFound("account", "1"),
                '{"retCode":-10007,"exception":"Not found, operation failed.'
                " (there is no account '1')\",",
            ),
            (
                AlreadyExists("name", "1"),
                '{"retCode":-20001,"exception":"Already exists, operation failed.'
                " (name '1' exists already)\",",
            ),
            (
                Referenced("name", "1", ["account 2"]),
                '{"retCode":-20002,"exception":"In use, operation failed.'
                " (name '1' is used by account 2)\",",
            ),
            (
                StorageError("disk full at /secret"),
                '{"retCode":-20005,"exception":"The database is not available,'
                ' try again",',
            ),
        ):
            self.dispatcher = self.raising(error)
            status, text = self.ask()
            self.assertEqual(status, 200)
            self.assertEqual(text, expected + '"infoCurrentCalls":[]}')
        self.assertEqual(len(self.flushLoggedErrors()), 0)

    def test_bug(self) -> None:
        """What nobody expected is logged, and HTTP 500 without its text."""
        self.dispatcher = self.raising(RuntimeError("secret"))
        status, text = self.ask()
        self.assertEqual(status, 500)
        self.assertNotIn("secret", text)
        self.assertEqual(text[:17], '{"retCode":-20006')
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_counted(self) -> None:
        """Requests are counted by interface, refusals by retCode."""
        self.ask()
        self.ask(body=b"[")
        self.ask("Nonsense")
        self.assertEqual(self.value("web_requests_total"), {"GetCurrentCall": 2})
        self.assertEqual(self.value("web_refusals_total"), {"-10124": 1, "-20007": 1})
        self.assertEqual(sum(self.value("web_request_seconds").counts), 2)
        self.assertEqual(self.value("web_running"), 0)

    def test_no_answer_in_time(self) -> None:
        """A client is answered in time; what it asked for is not cancelled."""
        waiting: Deferred[None] = Deferred(lambda _: self.fail("cancelled"))
        done: list[bool] = []

        async def wait(fields: Fields) -> Mapping[str, Any]:
            await waiting
            done.append(True)
            return {}

        self.dispatcher = self.make(wait)
        answered = self.dispatcher.dispatch("GetCurrentCall", b"")
        self.assertNoResult(answered)
        self.clock.advance(LONGEST)
        answer = self.successResultOf(answered)
        self.assertEqual("".join(answer.pieces)[:17], '{"retCode":-20012')
        self.assertEqual(self.value("web_running"), 1)
        waiting.callback(None)
        self.assertEqual((done, self.value("web_running")), ([True], 0))

    def test_too_many_at_once(self) -> None:
        """Beyond the limit a request is HTTP 503 at once."""

        async def wait(fields: Fields) -> Mapping[str, Any]:
            await waiting
            return {}

        waiting: Deferred[None] = Deferred()
        self.dispatcher = self.make(wait)
        answers = [self.dispatcher.dispatch("GetCurrentCall", b"") for _ in range(MOST)]
        status, text = self.ask()
        self.assertEqual((status, text[:17]), (503, '{"retCode":-20011'))
        waiting.callback(None)
        for answer in answers:
            self.assertEqual(self.successResultOf(answer).status, 200)
