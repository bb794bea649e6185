"""
Tests of the site: bytes in, bytes out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.web.site import Switch
from vos3000.db.settings import AccessRule
from vos3000.metrics import Metrics
from vos3000.web import contract
from vos3000.web.access import Access
from vos3000.web.channel import LARGEST, TIMEOUT
from vos3000.web.dispatch import Dispatcher
from vos3000.web.endpoint import Endpoint
from vos3000.web.prometheus import Exposition
from vos3000.web.requests import Fields
from vos3000.web.server import CONNECTIONS, RESERVED, WebSite
from vos3000.web.stream import PATIENCE


class _Transport(StringTransport):
    """A transport that notes when it is cut off."""

    aborted = False

    def abortConnection(self) -> None:
        """Note it."""
        self.aborted = True


class SiteCase(SynchronousTestCase):
    """A site over a switch in memory."""

    def setUp(self) -> None:
        self.switch = Switch()

    def send(self, request: bytes, host: str = "127.0.0.1") -> bytes:
        """The answer, without the date."""
        answer = self.switch.send(request, host)
        return re.sub(rb"Date: [^\r]*\r\n", b"", answer)

    def post(self, name: bytes, headers: bytes = b"", body: bytes = b"") -> bytes:
        head = b"POST %s HTTP/1.1\r\nHost: there\r\nContent-Length: %d\r\n%s\r\n"
        return self.send(head % (name, len(body), headers) + body)


class InterfaceTests(SiteCase):
    """Requests for interfaces."""

    def test_bytes(self) -> None:
        """The manual's content type, a length, no word of the software."""
        self.assertEqual(
            self.post(b"/external/server/GetPerformance"),
            b"HTTP/1.1 200 OK\r\n"
            b"Content-Type: text/html;charset=UTF-8\r\n"
            b"X-Content-Type-Options: nosniff\r\n"
            b"Cache-Control: no-store\r\n"
            b"Content-Length: 63\r\n\r\n"
            b'{"retCode":0,"infoPerformance":{"callSize":0,"cdrQueueSize":0}}',
        )

    def test_accept(self) -> None:
        """Who wants JSON by name gets it by name."""
        answer = self.post(
            b"/external/server/GetPerformance",
            b"Accept: application/json, text/plain, */*\r\n",
        )
        self.assertIn(b"Content-Type: application/json;charset=UTF-8\r\n", answer)

    def test_any_content_type(self) -> None:
        """The body is JSON whatever its header says."""
        for kind in (
            b"text/html;charset=UTF-8",
            b"application/x-www-form-urlencoded;charset=UTF-8",
            b"multipart/form-data",
            b"text/plain",
            b"nonsense",
        ):
            answer = self.post(
                b"/external/server/CreateFeeRateGroup",
                b"Content-Type: %s\r\n" % kind,
                b'{"name":"%s"}\r\n' % kind,
            )
            self.assertTrue(answer.endswith(b'\r\n\r\n{"retCode":0}'), answer)

    def test_prefixes(self) -> None:
        """Every configured prefix has the interfaces, in every harmless spelling."""
        for path in (
            b"/external_new/server/GetPerformance",
            b"//external/server//GetPerformance.jsp",
            b"/external/server/GetPerformance?x=1",
        ):
            self.assertIn(b'{"retCode":0,', self.post(path))

    def test_unknown_interface(self) -> None:
        """A name nobody knows is HTTP 404 with a retCode."""
        answer = self.post(b"/external/server/Nonsense")
        self.assertTrue(answer.startswith(b"HTTP/1.1 404 Not Found\r\n"))
        self.assertTrue(
            answer.endswith(b'{"retCode":-20007,"exception":"Unknown interface"}')
        )

    def test_other_paths(self) -> None:
        """What is not there is HTTP 404, also above the interfaces."""
        for path in (b"/nonsense", b"/external/nonsense", b"/metricsx"):
            answer = self.send(b"GET %s HTTP/1.0\r\n\r\n" % path)
            self.assertTrue(answer.startswith(b"HTTP/1.0 404 "), path)

    def test_get(self) -> None:
        """Other methods than POST are refused with a hint."""
        answer = self.send(b"GET /external/server/GetCustomer HTTP/1.0\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.0 405 Method Not Allowed\r\n"))
        self.assertIn(b"Allow: POST\r\n", answer)
        self.assertTrue(
            answer.endswith(b'{"retCode":-20010,"exception":"POST a JSON object"}')
        )

    def test_head_probe(self) -> None:
        """Clients that probe base addresses by HEAD find something there."""
        for path in (b"/", b"/external", b"/external/server", b"/external/server/"):
            for method in (b"HEAD", b"GET"):
                answer = self.send(b"%s %s HTTP/1.0\r\n\r\n" % (method, path))
                self.assertTrue(answer.startswith(b"HTTP/1.0 200 OK\r\n"), path)
                self.assertTrue(answer.endswith(b"\r\n\r\n"), path)

    def test_no_name(self) -> None:
        """A request to the prefix itself names no interface."""
        for path in (b"/external/server", b"/external/server/", b"/"):
            answer = self.post(path)
            self.assertIn(b"HTTP/1.1 404 ", answer)
            self.assertIn(b'{"retCode":-20007,', answer)

    def test_two_on_one_connection(self) -> None:
        """A connection serves one request after the other."""
        request = b"POST /external/server/GetCurrentCall HTTP/1.1\r\nHost: a\r\n"
        request += b"Content-Length: 2\r\n\r\n{}"
        self.assertEqual(self.send(request * 2).count(b'{"retCode":0,'), 2)


class AccessTests(SiteCase):
    """Who is served."""

    def allow(self, path: str) -> None:
        """Let 192.0.2.0/24 use a path."""
        stores = self.switch.stores
        self.successResultOf(stores.access.allow(path, ("192.0.2.0/24",)))
        self.successResultOf(self.switch.tables.refresh("e_web_access_control"))

    def test_stranger(self) -> None:
        """Who may ask nothing gets no connection; it is counted."""
        for host in ("192.0.2.1", "127.0.0.2", "::2"):
            address = IPv4Address("TCP", host, 1)
            self.assertIsNone(self.switch.site.buildProtocol(address))
        counted = {s.name: s.value for s in self.switch.metrics.samples()}
        self.assertEqual(counted["web_forbidden_total"], 3)
        self.assertEqual(counted["web_connections"], 0)

    def test_forbidden_path(self) -> None:
        """Who may ask something else gets HTTP 403, whatever is there."""
        self.allow("/healthz")
        self.switch.site.show("list", str)
        for path in (b"/metrics", b"/external/server/Pay", b"/nonsense", b"/list"):
            answer = self.send(b"POST %s HTTP/1.0\r\n\r\n" % path, "192.0.2.1")
            self.assertEqual(
                answer,
                b"HTTP/1.0 403 Forbidden\r\n"
                b"Content-Type: application/json;charset=UTF-8\r\n"
                b"Content-Length: 47\r\n\r\n"
                b'{"retCode":-20008,"exception":"Access refused"}',
            )
        counted = {s.name: s.value for s in self.switch.metrics.samples()}
        self.assertEqual(counted["web_forbidden_total"], 4)

    def test_forwarded_for(self) -> None:
        """A header does not make a stranger somebody else."""
        self.allow("/healthz")
        request = b"GET /metrics HTTP/1.0\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n"
        self.assertIn(b" 403 ", self.send(request, "192.0.2.1"))

    def test_rule(self) -> None:
        """A row of the access list lets in, once the table is read again."""
        self.allow("/metrics")
        request = b"GET /metrics HTTP/1.0\r\n\r\n"
        self.assertIn(b" 200 OK", self.send(request, "192.0.2.1"))
        request = b"POST /external/server/GetCdr HTTP/1.0\r\n\r\n"
        self.assertIn(b" 403 ", self.send(request, "192.0.2.1"))

    def test_other_sites_page(self) -> None:
        """A browser's request for another site's page is refused; our own is not."""
        path = b"/external/server/GetPerformance"
        for origin in (b"https://evil.example", b"null"):
            self.assertIn(b" 403 ", self.post(path, b"Origin: %s\r\n" % origin))
        for host in (b"127.0.0.1:8080", b"192.0.2.1", b"[::1]:80", b"localhost"):
            self.assertIn(b" 200 ", self.from_page(host), host)

    def test_name_that_was_rebound(self) -> None:
        """A page is not trusted under a name, which may point anywhere."""
        for host in (
            b"evil.example:8080",
            b"there",
            b"localhost.evil.example",
            b"127.0.0.1.evil.example",
            b"127.0.0.1:1:1",
            b"[::1].evil.example",
            b"",
        ):
            self.assertIn(b" 403 ", self.from_page(host), host)

    def test_list_under_a_name(self) -> None:
        """A page that only reads says no Origin: lists are shown under no name."""
        self.switch.site.show("things", lambda prefix: ["secret"])
        for host in (b"evil.example:8080", b"localhost.evil.example", b"127.0.0.1.x"):
            answer = self.send(b"GET /things HTTP/1.1\r\nHost: %s\r\n\r\n" % host)
            self.assertIn(b" 403 ", answer)
            self.assertNotIn(b"secret", answer)
        for host in (b"127.0.0.1:8080", b"localhost", b"[::1]:80", b"192.0.2.1"):
            answer = self.send(b"GET /things HTTP/1.1\r\nHost: %s\r\n\r\n" % host)
            self.assertIn(b"secret", answer)

    def from_page(self, host: bytes) -> bytes:
        """The answer to the request of a page that was loaded from C{host}."""
        path = b"/external/server/GetPerformance"
        head = b"POST %s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\n\r\n"
        return self.send(head % (path, host, host))


class PageTests(SiteCase):
    """Pages that are no interfaces."""

    def test_metrics(self) -> None:
        """The metrics are in Prometheus' text format."""
        answer = self.send(b"GET /metrics HTTP/1.0\r\n\r\n")
        self.assertIn(b"Content-Type: text/plain; version=", answer)
        self.assertIn(b"\nvos3000_web_forbidden_total 0.0\n", answer)

    def test_health(self) -> None:
        """All is well is HTTP 200, anything else HTTP 503 with the reason."""
        request = b"GET /healthz HTTP/1.0\r\n\r\n"
        answer = self.send(request)
        self.assertIn(b" 200 OK\r\n", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\nok\n"))
        self.switch.health = "the database refuses writes"
        answer = self.send(request)
        self.assertIn(b" 503 Service Unavailable\r\n", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\nthe database refuses writes\n"))

    def test_list(self) -> None:
        """A list of ours is JSON, of those whose names begin as asked."""
        self.switch.site.show("things", lambda prefix: [prefix])
        answer = self.send(b"GET /things?prefix=a%20b HTTP/1.0\r\n\r\n")
        self.assertIn(b" 200 OK\r\n", answer)
        self.assertIn(b"Content-Type: application/json", answer)
        self.assertTrue(answer.endswith(b'\r\n\r\n["a b"]'))
        answer = self.send(b"GET /things HTTP/1.0\r\n\r\n")
        self.assertTrue(answer.endswith(b'\r\n\r\n[""]'))


class LimitTests(SiteCase):
    """What a client cannot do to us."""

    TOO_LARGE = b'{"retCode":-20009,"exception":"Request too large"}'

    def test_largest_body(self) -> None:
        """A body of exactly the limit is read."""
        body = b'{"x":"' + b"x" * (LARGEST - 8) + b'"}'
        answer = self.post(b"/external/server/GetPerformance", b"", body)
        self.assertIn(b'{"retCode":0,', answer)

    def test_announced_too_large(self) -> None:
        """A body that is announced as larger is refused before it comes."""
        channel, transport = self.switch.connect()
        head = b"POST /external/server/Pay HTTP/1.1\r\nHost: a\r\n"
        length = b"Content-Length: %d\r\n\r\n" % (LARGEST + 1)
        channel.dataReceived(head + length)
        self.assertEqual(
            transport.value(),
            b"HTTP/1.1 413 Content Too Large\r\n"
            b"Content-Type: application/json;charset=UTF-8\r\n"
            b"Connection: close\r\nContent-Length: 50\r\n\r\n" + self.TOO_LARGE,
        )
        self.assertTrue(transport.disconnecting)

    def test_chunks_too_large(self) -> None:
        """A body in chunks is refused when it passes the limit."""
        channel, transport = self.switch.connect()
        channel.dataReceived(
            b"POST /external/server/Pay HTTP/1.1\r\nHost: a\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        for _ in range(16):
            channel.dataReceived(chunk)
        self.assertEqual(transport.value(), b"")
        for _ in range(16):
            channel.dataReceived(chunk)
        channel.dataReceived(b"0\r\n\r\n")
        self.assertEqual(transport.value().count(self.TOO_LARGE), 1)
        self.assertTrue(transport.disconnecting)

    def test_dripping_request(self) -> None:
        """A request must arrive in time even if it never pauses."""
        channel, transport = self.switch.connect()
        for _ in range(int(TIMEOUT) - 1):
            channel.dataReceived(b"X")
            self.switch.clock.advance(1)
            self.assertFalse(transport.disconnecting)
        self.switch.clock.advance(1)
        self.assertTrue(transport.disconnecting)

    def connect(
        self, host: str, count: int, begin: bytes = b"GET / HTTP/1.1\r\n"
    ) -> list[tuple[Any, _Transport]]:
        """So many connections on which a request has begun to arrive."""
        made = []
        for _ in range(count):
            transport = _Transport(peerAddress=IPv4Address("TCP", host, 40000))
            channel = self.switch.site.buildProtocol(transport.getPeer())
            channel.makeConnection(transport)
            channel.dataReceived(begin)
            made.append((channel, transport))
        return made

    def build(self, host: str = "127.0.0.1") -> Any:
        """What a new connection gets."""
        return self.switch.site.buildProtocol(IPv4Address("TCP", host, 1))

    def test_connections(self) -> None:
        """Connections are bounded, and free again when they close."""
        made = self.connect("127.0.0.1", CONNECTIONS)
        self.assertIsNone(self.build())
        made[0][0].connectionLost(Failure(ConnectionDone()))
        self.assertIsNotNone(self.build())

    def test_reserve(self) -> None:
        """Some connections are kept for the machine itself."""
        self.switch.access.load([AccessRule("/", ("192.0.2.0/24",))])
        self.connect("192.0.2.1", CONNECTIONS - RESERVED)
        self.assertIsNone(self.build("192.0.2.1"))
        self.connect("127.0.0.1", RESERVED)
        self.assertIsNone(self.build())

    def test_idle_ones_make_room(self) -> None:
        """The connection that was idle longest is closed for a new one."""
        made = self.connect("127.0.0.1", CONNECTIONS, b"")
        for channel, _ in made[1:]:
            channel.dataReceived(b"GET / HTTP/1.1\r\n")
        made[1][0].dataReceived(b"Host: a\r\n\r\n")
        self.assertFalse(made[0][1].aborted)
        for channel, transport in made[:2]:
            self.connect("127.0.0.1", 1)
            self.assertTrue(transport.aborted)
            channel.connectionLost(Failure(ConnectionDone()))
        self.assertIsNone(self.build())

    def test_used_ones_are_not_idle_long(self) -> None:
        """A connection that was used just now is closed after the others."""
        made = self.connect("127.0.0.1", CONNECTIONS, b"")
        made[0][0].dataReceived(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.connect("127.0.0.1", CONNECTIONS - 1)
        self.assertFalse(made[0][1].aborted)
        self.connect("127.0.0.1", 1)
        self.assertTrue(made[0][1].aborted)

    def test_malformed(self) -> None:
        """What is no HTTP is HTTP 400."""
        answer = self.send(b"\x16\x03\x01\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 Bad Request"))


class StreamTests(SynchronousTestCase):
    """Long answers."""

    def setUp(self) -> None:
        self.switch = Switch()
        self.rows = 1000
        self.fail_at = -1

    async def names(self, fields: Fields) -> Mapping[str, Any]:
        """Many accounts, made one after the other."""

        def rows() -> Any:
            for number in range(self.rows):
                if number == self.fail_at:
                    raise RuntimeError("broken")
                self.made = number
                yield "x" * 100

        return {"accounts": rows()}

    def ask(self, prefix: str = "/s") -> tuple[Any, _Transport]:
        """Ask for the accounts."""
        switch = self.switch
        dispatcher = Dispatcher(
            contract.load(),
            [Endpoint("GetAllCustomers", self.names)],
            switch.clock,
            switch.now,
            Metrics(),
        )
        site = WebSite(
            dispatcher,
            Access(),
            Exposition(Metrics()),
            str,
            (prefix,),
            switch.clock,
            Metrics(),
        )
        address = IPv4Address("TCP", "127.0.0.1", 1)
        transport = _Transport(peerAddress=address)
        channel = site.buildProtocol(address)
        channel.makeConnection(transport)
        path = f"{prefix}/GetAllCustomers".encode()
        channel.dataReceived(b"POST %s HTTP/1.1\r\nHost: a\r\n\r\n" % path)
        return channel, transport

    def test_in_pieces(self) -> None:
        """The rest of a long answer is made in later turns."""
        _, transport = self.ask()
        self.assertLess(self.made, 500)
        self.switch.clock.advance(0)
        seen = transport.value()
        self.assertIn(b"Transfer-Encoding: chunked\r\n", seen)
        self.assertEqual(seen.count(b"x" * 100), 1000)
        self.assertTrue(seen.endswith(b"\r\n0\r\n\r\n"))
        self.assertFalse(transport.aborted)

    def test_root_prefix(self) -> None:
        """The interfaces can be at the root, and below another prefix."""
        self.rows = 1
        for prefix in ("", "/a/b/c"):
            _, transport = self.ask(prefix)
            self.assertIn(b'{"retCode":0,"accounts":["xxx', transport.value())

    def test_slow_reader(self) -> None:
        """While a client does not read nothing is made; then it goes on."""
        channel, transport = self.ask()
        channel.pauseProducing()
        before = self.made
        self.switch.clock.advance(PATIENCE - 1)
        self.assertEqual(self.made, before)
        channel.resumeProducing()
        self.switch.clock.advance(0)
        self.assertEqual(self.made, 999)
        self.assertTrue(transport.value().endswith(b"\r\n0\r\n\r\n"))

    def test_reader_that_stops(self) -> None:
        """A client that stops reading is cut off."""
        channel, transport = self.ask()
        channel.pauseProducing()
        self.switch.clock.advance(PATIENCE)
        self.assertTrue(transport.aborted)

    def test_broken_off(self) -> None:
        """An answer that cannot be finished does not look finished."""
        self.fail_at = 900
        _, transport = self.ask()
        self.switch.clock.advance(0)
        self.assertTrue(transport.aborted)
        self.assertFalse(transport.value().endswith(b"0\r\n\r\n"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_broken_at_once(self) -> None:
        """An answer that breaks before its first bytes leaves nobody waiting."""
        self.fail_at = 5
        _, transport = self.ask()
        self.assertTrue(transport.aborted)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_client_leaves(self) -> None:
        """A client that leaves ends the answer."""
        channel, _ = self.ask()
        before = self.made
        channel.connectionLost(Failure(ConnectionDone()))
        self.switch.clock.advance(0)
        self.assertEqual(self.made, before)
        self.assertEqual(self.switch.clock.getDelayedCalls(), [])
