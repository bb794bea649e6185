"""What name servers may answer, and what is believed of it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from vos3000.sip.dns import MOST_ALIASES, MOST_RECORDS, PATIENCE, DnsNames
from vos3000.sip.locate import MOST_SERVICES, Naptr, Srv, services
from vos3000.sip.lookup import Answer, Unanswered

NAME = "gw.example"


class FakeResolver:
    """Answers every question with what the test gave, or not at all."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.held: Deferred[Any] | None = None

    def _lookup(self, name: str) -> Deferred[Any]:
        return self.held or succeed((self.answers, [], []))

    lookupAddress = lookupIPV6Address = lookupService = _lookup
    lookupNamingAuthorityPointer = _lookup

    def give(self, payload: Any, name: str = NAME, ttl: int = 300) -> None:
        """One more record."""
        kind = payload.TYPE
        self.answers.append(dns.RRHeader(name, kind, ttl=ttl, payload=payload))


class AnswerTests(SynchronousTestCase):
    """Answers that are wrong, in whatever way."""

    def setUp(self) -> None:
        """Nothing is answered yet."""
        self.clock = Clock()
        self.resolver: Any = FakeResolver()
        self.names = DnsNames(lambda: self.resolver, None, self.clock)

    def result(self, asked: Awaitable[Answer]) -> Answer:
        """An answer that came at once."""
        return self.successResultOf(Deferred.fromCoroutine(asked))  # type: ignore[arg-type]

    def addresses(self) -> tuple[Any, ...]:
        """The addresses of the name."""
        return self.result(self.names.addresses(NAME)).records

    def test_records_of_other_names(self) -> None:
        """They are not asked for and not believed: only what the name leads to is."""
        self.resolver.give(dns.Record_A("192.0.2.66"), "other.example")
        self.resolver.give(dns.Record_CNAME(b"Real.Example"), "GW.example")
        self.resolver.give(dns.Record_CNAME(b"last.example"), "real.example", ttl=40)
        self.resolver.give(dns.Record_A("192.0.2.1"), "LAST.example")
        answer = self.result(self.names.addresses(NAME))
        self.assertEqual((answer.records, answer.ttl), (("192.0.2.1",), 40))

    def test_aliases_in_a_circle(self) -> None:
        """They lead nowhere; nor does a chain without end."""
        self.resolver.give(dns.Record_CNAME(b"a.example"))
        self.resolver.give(dns.Record_CNAME(b"gw.example"), "a.example")
        self.assertEqual(self.addresses(), ())
        for number in range(MOST_ALIASES + 1):
            alias = dns.Record_CNAME(f"n{number + 1}.example".encode())
            self.resolver.give(alias, f"n{number}.example" if number else NAME)
        last = f"n{MOST_ALIASES + 1}.example"
        self.resolver.answers = self.resolver.answers[2:]
        self.resolver.give(dns.Record_A("192.0.2.1"), last)
        self.assertEqual(self.addresses(), ())
        del self.resolver.answers[-2]
        self.resolver.give(dns.Record_A("192.0.2.1"), f"n{MOST_ALIASES}.example")
        self.assertEqual(self.addresses(), ("192.0.2.1",))

    def test_addresses_of_nobody(self) -> None:
        """They cannot be called, nor is anybody known by them."""
        for host in ("0.0.0.0", "224.0.0.5", "255.255.255.255"):
            self.resolver.give(dns.Record_A(host))
        for host in ("::", "ff02::1", "::ffff:127.0.0.1"):
            self.resolver.give(dns.Record_AAAA(host))
        self.assertEqual(self.addresses(), ())
        self.resolver.give(dns.Record_A("10.0.0.1"))
        self.assertEqual(self.addresses(), ("10.0.0.1",))

    def test_names_that_are_none(self) -> None:
        """White space, controls and what ends a line in a log are in no host's name."""
        for target in (b"a b", b"a\r\nb: c", b"\x1b[31m", b"\xff", b"a" * 254, b"a/b"):
            self.resolver.give(dns.Record_SRV(1, 1, 5060, target))
            replacement = dns.Record_NAPTR(1, 1, b"s", b"SIP+D2U", b"", target)
            self.resolver.give(replacement)
        for good in (b"a_b-c.example.", b"."):
            self.resolver.give(dns.Record_SRV(1, 1, 5060, good))
        found = self.result(self.names.srv(NAME)).records
        self.assertEqual(found, (Srv(1, 1, 5060, "a_b-c.example"), Srv(1, 1, 5060, "")))
        self.assertEqual(self.result(self.names.naptr(NAME)).records, ())

    def test_wrong_types(self) -> None:
        """Records of another type than was asked for are none."""
        self.resolver.give(dns.Record_TXT(b"x"))
        self.resolver.give(dns.Record_SRV(1, 1, 1, b"a.example"))
        self.assertEqual(self.addresses(), ())
        self.assertEqual(self.result(self.names.naptr(NAME)).records, ())

    def test_thousands_of_records(self) -> None:
        """Some are enough."""
        for number in range(5000):
            host = f"192.0.{number // 250}.{number % 250 + 1}"
            self.resolver.give(dns.Record_A(host))
        self.assertEqual(len(self.addresses()), MOST_RECORDS)

    def test_silence(self) -> None:
        """A question ends, though its answer is cut short each time it is asked."""
        self.resolver.held = Deferred()
        asked = Deferred.fromCoroutine(self.names.srv(NAME))
        self.clock.advance(PATIENCE - 1)
        self.assertNoResult(asked)
        self.clock.advance(2)
        self.failureResultOf(asked, Unanswered)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ServiceTests(SynchronousTestCase):
    """Services of a name."""

    def test_bound(self) -> None:
        """Of many the best are looked up: each is a question or more."""
        records = [
            Naptr(number, 1, "s", "SIP+D2U", f"n{number}.example")
            for number in range(100)
        ]
        found = services(reversed(records))
        self.assertEqual(
            found, [("udp", f"n{number}.example") for number in range(MOST_SERVICES)]
        )
