"""
One dispatcher for all interfaces of the web API.

It reads the request by the contract, lets the endpoint answer, and turns
every refusal into its return code. Business refusals are HTTP 200, because
clients stop at any other status before they look at C{retCode}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from vos3000.db.changes import By
from vos3000.errors import (
    AlreadyExists,
    ApiError,
    ChangedMeanwhile,
    NotFound,
    OutOfRange,
    Referenced,
    StorageError,
)
from vos3000.instant import Now
from vos3000.metrics import Metrics
from vos3000.web import retcodes
from vos3000.web.answers import Answers, Piece
from vos3000.web.contract import Contract, Interface
from vos3000.web.endpoint import Answering
from vos3000.web.pages import Pages
from vos3000.web.requests import Requests

LONGEST = 60.0
"""Seconds after which a client is answered, whatever the endpoint waits for."""

MOST = 64
"""Requests that may be under way at once."""

_ALIASES = {"GetCurrentCalls": "GetCurrentCall"}
_LIST = "GetInterfaceList"
_BOUNDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


def _nothing() -> None:
    """Most answers hold nothing."""


@attrs.frozen(slots=True)
class Answer:
    """
    @ivar status: The HTTP status.
    @ivar pieces: The body, made while it is read.
    @ivar close: Called when no more of it will be read; may be called again.
    """

    status: int
    pieces: Iterator[Piece]
    close: Callable[[], object] = _nothing


def _close(values: Mapping[str, Any]) -> Callable[[], object]:
    """What releases the pages among the values of an answer."""
    for value in values.values():
        if isinstance(value, Pages):
            return value.close
    return _nothing


def canonical(name: str) -> str:
    """
    The contract's name for a name in a path: without C{.jsp}, without the
    space the manual prints in one of them, and not in a client's plural.
    """
    name = name.removesuffix(".jsp").replace(" ", "")
    return _ALIASES.get(name, name)


def refused(status: int, code: int, detail: str = "") -> Answer:
    """The answer to a request that no interface answers."""
    return Answer(status, iter((refused_body(code, detail),)))


def refused_body(code: int, detail: str = "") -> str:
    """Its body."""
    body = {"retCode": code, "exception": str(retcodes.refusal(code, detail))}
    return json.dumps(body, separators=(",", ":"))


class Dispatcher:
    """
    The interfaces of one server.

    @param endpoints: What is built; any other interface of the contract
        answers that it is not in this release.
    @param clock: Where the longest wait is taken from.
    @param now: What durations are measured with.
    """

    _log = Logger()

    def __init__(
        self,
        contract: Contract,
        endpoints: Iterable[Answering],
        clock: IReactorTime,
        now: Now,
        metrics: Metrics,
    ) -> None:
        self._interfaces = contract.interfaces
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        unknown = self._endpoints.keys() - self._interfaces.keys()
        if unknown:
            raise ValueError(f"not in the contract: {', '.join(sorted(unknown))}")
        self._requests = Requests(contract)
        self._answers = Answers(contract)
        self._clock = clock
        self._now = now
        self._running = 0
        self._count(metrics)

    def _count(self, metrics: Metrics) -> None:
        self._asked = metrics.labelled(
            "web_requests_total", "Requests of the web API.", "interface"
        )
        self._refused = metrics.labelled(
            "web_refusals_total", "Requests that were refused.", "retcode"
        )
        self._took = metrics.histogram(
            "web_request_seconds", "Time until the answer was ready.", _BOUNDS
        )
        metrics.gauge("web_running", "Requests under way.", lambda: self._running)

    def dispatch(self, name: str, body: bytes, who: str = "web") -> Deferred[Answer]:
        """
        Answer the request C{body} for the interface that a path calls C{name}.

        @param who: Who asks, as the list of changes is to have it.
        @return: A Deferred of the answer; it does not fail.
        """
        name = canonical(name)
        if name == _LIST:
            self._asked.add(name)
            return succeed(Answer(200, iter((json.dumps(sorted(self._endpoints)),))))
        interface = self._interfaces.get(name)
        if interface is None:
            self._refused.add(str(retcodes.UNKNOWN))
            return succeed(refused(404, retcodes.UNKNOWN))
        self._asked.add(name)
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            return succeed(self._failure(interface, retcodes.NOT_IN_RELEASE, name))
        if self._running >= MOST:
            return succeed(self._failure(interface, retcodes.BUSY, status=503))
        return self._bounded(interface, endpoint, body, who)

    def _bounded(
        self, interface: Interface, endpoint: Answering, body: bytes, who: str
    ) -> Deferred[Answer]:
        """
        The endpoint's answer, or after L{LONGEST} that there is none yet.

        The endpoint is not cancelled: a payment that is on its way into the
        database must reach the live balance, too.
        """
        answered: Deferred[Answer] = Deferred()
        begun = self._now()
        by = By(who, begun.wall)

        def late() -> None:
            self._log.error("{name}: no answer in time", name=interface.name)
            answered.callback(self._failure(interface, retcodes.TIMEOUT))

        call = self._clock.callLater(LONGEST, late)

        def done(answer: Answer) -> None:
            self._running -= 1
            self._took.observe(self._now().since(begun) / 1000)
            if call.active():
                call.cancel()
                answered.callback(answer)
            else:
                answer.close()

        self._running += 1
        running = Deferred.fromCoroutine(self._answer(interface, endpoint, body, by))
        running.addCallback(done)
        running.addErrback(lambda f: self._log.failure("an answer was lost", f))
        return answered

    async def _answer(
        self, interface: Interface, endpoint: Answering, body: bytes, by: By
    ) -> Answer:
        try:
            fields = self._requests.read(interface, body)
            values = await endpoint.asked(fields, by)
        except ApiError as error:
            return self._failure(interface, error.code, text=str(error))
        except AlreadyExists as error:
            return self._failure(interface, retcodes.EXISTS, str(error))
        except ChangedMeanwhile as error:
            return self._failure(interface, retcodes.CHANGED, str(error))
        except NotFound as error:
            return self._failure(interface, retcodes.NOT_FOUND, str(error))
        except Referenced as error:
            return self._failure(interface, retcodes.IN_USE, str(error))
        except OutOfRange as error:
            return self._failure(interface, retcodes.BAD_INPUT, str(error))
        except StorageError as error:
            self._log.error("{name}: {error}", name=interface.name, error=error)
            return self._failure(interface, retcodes.STORAGE)
        except Exception:
            self._log.failure("{name} failed", name=interface.name)
            return self._failure(interface, retcodes.INTERNAL, status=500)
        return Answer(200, self._answers.success(interface, values), _close(values))

    def _failure(
        self,
        interface: Interface,
        code: int,
        detail: str = "",
        text: str = "",
        status: int = 200,
    ) -> Answer:
        self._refused.add(str(code))
        text = text or str(retcodes.refusal(code, detail))
        return Answer(status, iter((self._answers.failure(interface, code, text),)))
