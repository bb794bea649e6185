"""The files of TLS: what is wrong with them, and what they give."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import attrs
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import NOW, Authority, private
from tests.sip.connections import FakeConnection, FakeConnector, ListenerCase
from tests.sip.rig import PEER, FakeClient, ask
from vos3000.errors import ConfigError
from vos3000.sip import connection as one
from vos3000.sip.connection import Way
from vos3000.sip.tcp import StreamListener
from vos3000.sip.tls import Material, Tls, TlsFiles, read

AUTHORITY = Authority(now=NOW)


class FilesTests(SynchronousTestCase):
    """Reading and checking."""

    def setUp(self) -> None:
        """A directory, and a certificate with its key in it."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        certificate, self.key = AUTHORITY.issue("sip.example", "192.0.2.1")
        self.certificate = self.file("certificate.pem", certificate)
        self.keys = self.file("key.pem", private(self.key))
        self.files = TlsFiles(self.certificate, self.keys)

    def file(self, name: str, content: bytes) -> Path:
        """Write a file."""
        path = self.directory / name
        path.write_bytes(content)
        return path

    def problem(self, files: TlsFiles) -> str:
        """The one thing that is wrong."""
        error = self.assertRaises(ConfigError, read, files, NOW)
        (problem,) = error.problems
        assert isinstance(problem, str)
        return problem

    def test_nothing_is_named(self) -> None:
        """Then we have no certificate and trust whom the system trusts."""
        self.assertEqual(read(TlsFiles(), NOW), Material())

    def test_certificate_and_key(self) -> None:
        """In two files, or in one, with what leads to a root behind it."""
        both = self.certificate.read_bytes() + AUTHORITY.pem + self.keys.read_bytes()
        for files in (
            self.files,
            TlsFiles(self.file("both.pem", both)),
        ):
            found = read(files, NOW)
            assert found.identity is not None
            self.assertEqual(found.warnings, ())
            self.assertEqual(
                found.identity.certificate.not_valid_before_utc,
                NOW - timedelta(days=1),
            )
        self.assertEqual(found.identity.chain, (AUTHORITY.certificate,))

    def test_the_key_is_not_shown(self) -> None:
        """Neither a log nor a traceback holds it."""
        self.assertNotIn("key=", repr(read(self.files, NOW)))

    def test_missing_files(self) -> None:
        """Each is named, with its setting, and all in one."""
        none = self.directory / "none.pem"
        error = self.assertRaises(
            ConfigError, read, TlsFiles(none, none, none, "require"), NOW
        )
        self.assertEqual(
            [problem.partition(";")[0] for problem in error.problems],
            [
                f"[sip] {key} = {none}: No such file or directory"
                for key in ("tls_ca", "tls_certificate", "tls_key")
            ],
        )
        self.assertIn(
            "tls_certificate", self.problem(TlsFiles(none)), "said once for both"
        )

    def test_what_is_no_certificate(self) -> None:
        """The cure is said."""
        path = self.file("garbage.pem", b"garbage")
        self.assertIn(
            f"[sip] tls_certificate = {path}: holds no certificate that can be read",
            self.problem(attrs.evolve(self.files, certificate=path)),
        )
        self.assertIn(
            f"[sip] tls_ca = {path}: holds no certificate",
            self.problem(attrs.evolve(self.files, ca=path)),
        )

    def test_what_is_no_key(self) -> None:
        """In its own file, or in that of the certificate."""
        self.assertIn(
            f"[sip] tls_certificate = {self.certificate}: holds no private key",
            self.problem(TlsFiles(self.certificate)),
        )
        self.assertIn(
            f"[sip] tls_key = {self.certificate}: holds no private key",
            self.problem(TlsFiles(self.certificate, self.certificate)),
        )

    def test_encrypted_key(self) -> None:
        """Nobody is asked for a password."""
        path = self.file("secret.pem", private(self.key, b"secret"))
        problem = self.problem(TlsFiles(self.certificate, path))
        self.assertIn("the key is encrypted", problem)

    def test_key_of_another_certificate(self) -> None:
        """They do not match, and both are named."""
        _, other = AUTHORITY.issue("other.example")
        path = self.file("other.pem", private(other))
        problem = self.problem(TlsFiles(self.certificate, path))
        self.assertIn(f"[sip] tls_key = {path}: the key is not that of", problem)
        self.assertIn(str(self.certificate), problem)

    def test_what_needs_another(self) -> None:
        """A key its certificate, asking for certificates an authority."""
        self.assertIn("without", self.problem(TlsFiles(key=self.keys)))
        self.assertIn(
            "tls_verify_clients = request: needs [sip] tls_ca",
            self.problem(attrs.evolve(self.files, clients="request")),
        )

    def test_dates(self) -> None:
        """A certificate that is out of date is told of, and used."""
        for passed, said in (
            (timedelta(days=-3), "it is not valid before 2030-05-31 00:00 UTC"),
            (timedelta(days=340), ""),
            (timedelta(days=352), "it expires on 2031-05-31"),
            (timedelta(days=365), "it expired on 2031-05-31"),
        ):
            warnings = read(self.files, NOW + passed).warnings
            self.assertEqual(len(warnings), bool(said), warnings)
            if said:
                self.assertIn(said, warnings[0])

    def test_when_it_ends(self) -> None:
        """As the metric tells it; 0 for none."""
        tls = Tls(Clock())
        self.assertEqual(tls.expires, 0)
        tls.load(read(self.files, NOW))
        self.assertEqual(tls.expires, (NOW + timedelta(days=364)).timestamp())


class HandshakeTests(ListenerCase):
    """Connections whose handshake is not done."""

    def setUp(self) -> None:
        """A listener with a certificate."""
        super().setUp()
        directory = Path(self.mktemp())
        directory.mkdir()
        self.tls = Tls(self.rig.clock)
        path = AUTHORITY.write(directory, "sip.example")
        self.tls.load(read(TlsFiles(path), NOW))
        self.listener = StreamListener(
            "TLS", self.connections, self.connector, self.tls
        )
        self.listener.port = 5061

    def _connects(self, port: int = 40000) -> FakeConnection | None:
        """A peer connects, and says nothing."""
        acceptor = self.listener.acceptor()
        protocol = acceptor.buildProtocol(IPv4Address("TCP", PEER[0], port))
        if protocol is None:
            return None
        transport = FakeConnection(("192.0.2.1", 5061))
        protocol.makeConnection(transport)
        self.protocol = protocol
        return transport

    def test_handshake_that_never_ends(self) -> None:
        """However it trickles in: one limit for it and the first message."""
        transport = self._connects()
        assert transport is not None
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(400)
        for at in range(16):
            self.assertFalse(transport.aborting)
            self.protocol.dataReceived(hello[at : at + 1])
            self.rig.advance(1)
        self.assertTrue(transport.aborting)

    def test_garbage(self) -> None:
        """What is no TLS ends the connection at once, with an alert at most."""
        for data in (b"OPTIONS sip:x SIP/2.0\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            transport = self._connects()
            assert transport is not None
            self.protocol.dataReceived(data)
            self.assertTrue(transport.disconnecting)
            self.assertLess(len(transport.value()), 16)
        self.assertEqual(self.rig.metric("sip_received_messages_total"), 0)

    def test_failures_are_told(self) -> None:
        """One line a minute, with who and why; all are counted."""
        told: list[str] = []

        def observe(event: dict[str, object]) -> None:
            if event.get("log_namespace") == "vos3000.sip.handshakes.Handshakes":
                told.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        for seconds in (0, 30, 31):
            self.rig.advance(seconds)
            self._connects()
            self.protocol.dataReceived(b"OPTIONS sip:x SIP/2.0\r\n")
            self.protocol.connectionLost(Failure(ConnectionDone()))
        counted = {each.name: each.value for each in self.metrics.samples()}
        self.assertEqual(counted["sip_failed_handshakes_total"], 3)
        first, second = told
        start = f"{PEER[0]} connected for TLS and it did not come about: "
        self.assertTrue(first.startswith(start), first)
        self.assertIn(": TLS: http request", first)
        self.assertTrue(second.endswith(" (1 before it were not told)"), second)

    def test_limits(self) -> None:
        """They are those of TCP, for both together."""
        tcp = StreamListener("TCP", self.connections, self.connector)
        for port in range(100):
            self._connects(port)
            tcp.buildProtocol(IPv4Address("TCP", PEER[0], 1000 + port))
        self.assertIsNone(self._connects())
        self.assertIsNone(tcp.buildProtocol(IPv4Address("TCP", PEER[0], 9)))

    def test_peer_that_never_answers_ours(self) -> None:
        """What waits for the handshake fails, within the time of opening."""
        way = Way("TLS", PEER, "", "gw.example")
        connection = self.connections.to(self.listener, way)
        connection.live(PEER).send(b"x" * 100, PEER)
        transport = self.connector.open()
        self.assertTrue(transport.value().startswith(b"\x16\x03"))
        self.assertIn(b"gw.example", transport.value(), "the name goes with it")
        self.rig.advance(one.OPENING + 0.2)
        self.assertTrue(transport.aborting)

    def test_names_that_no_certificate_can_hold(self) -> None:
        """Nothing is opened, and who asked hears of it, once it was sent."""
        for number, (name, verify) in enumerate(
            (("a_b.example", True), ("-a.example", True), ("a..b.example", False))
        ):
            way = Way("TLS", PEER, "", name, verify)
            connection = self.connections.to(self.listener, way)
            user, branch = FakeClient(), f"z9hG4bK{number}"
            data = ask("OPTIONS", branch, transport="TLS")
            self.rig.layer.send(branch, "OPTIONS", data, connection, PEER, user)
            self.assertEqual((self.connector.asked, user.timeouts), ([], 0))
            self.rig.advance(0.2)
            self.assertEqual(user.timeouts, 1)
            self.assertTrue(connection.closed)
        self.assertEqual(self.connections._outgoing, {})

    def test_an_address_is_no_name(self) -> None:
        """It is not sent as one (RFC 6066 3)."""
        for verify in (True, False):
            connector = FakeConnector()
            listener = StreamListener("TLS", self.connections, connector, self.tls)
            self.connections.to(listener, Way("TLS", PEER, verify=verify)).dial()
            self.assertNotIn(PEER[0].encode(), connector.open().value())
            self.connections.close()
