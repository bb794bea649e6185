"""
Tests of the HTTP client that carries pushes: whom it trusts.

A real TLS handshake in memory: the client's side is what the agent makes, the
server's side shows a certificate of a test authority.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.internet import reactor as global_reactor
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import Certificate, KeyPair, PrivateCertificate
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test.iosim import FakeTransport, IOPump
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.client import ResponseNeverReceived

from vos3000.push import agents
from vos3000.push.poster import Poster

HOST = "consumer.example"
URL = f"https://{HOST}/push/"


def _sign(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    is_authority: bool,
) -> bytes:
    """A certificate in PEM, good from 2020 to 2099."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
        )
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(len(subject) + 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), False)
    )
    signed = builder.sign(issuer_key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


@cache
def _keys() -> tuple[ec.EllipticCurvePrivateKey, ec.EllipticCurvePrivateKey]:
    return ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(
        ec.SECP256R1()
    )


def authority() -> Certificate:
    """The authority that the agent trusts."""
    key, _ = _keys()
    return Certificate.loadPEM(_sign("authority", key, "authority", key, True))


def certificate(host: str) -> PrivateCertificate:
    """A certificate of that authority for C{host}."""
    authority_key, key = _keys()
    pem = _sign(host, key, "authority", authority_key, False)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pair = KeyPair.load(private, SSL.FILETYPE_PEM)
    return PrivateCertificate.fromCertificateAndKeyPair(Certificate.loadPEM(pem), pair)


class _Server(Protocol):
    """Answers whatever request comes with retCode 0."""

    def dataReceived(self, data: bytes) -> None:
        """Record and answer."""
        self.factory.received.append(data)  # type: ignore[union-attr]
        body = b'{"retCode":0}'
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert self.transport is not None
        self.transport.write(head + body)


class HttpsTests(TestCase):
    """
    Pushes to an HTTPS address.

    Twisted's TLS client sends small writes in the next turn of the global
    reactor, so these tests let it turn.
    """

    async def post(self, shown: PrivateCertificate) -> tuple[Any, list[bytes]]:
        """Post a letter to a server that shows a certificate."""
        reactor = MemoryReactorClock()
        agent = agents.make(reactor, 2, authority())
        result = Poster(agent, reactor, URL).post("Page", b"{}")
        host, port, client_factory, _, _ = reactor.tcpClients[0]
        self.assertEqual((host, port), ("127.0.0.1", 443))
        server_factory = Factory.forProtocol(_Server)
        server_factory.received = []  # type: ignore[attr-defined]
        tls = TLSMemoryBIOFactory(shown.options(), False, server_factory, reactor)
        client = client_factory.buildProtocol(None)
        server = tls.buildProtocol(None)
        pump = _connect(server, client)
        for _ in range(20):
            pump.pump()
            reactor.advance(0.01)
            await deferLater(global_reactor, 0)
        return result, server_factory.received  # type: ignore[attr-defined]

    async def test_right_host(self) -> None:
        """A server with a certificate for the URL's host gets the letter."""
        result, received = await self.post(certificate(HOST))
        self.assertEqual(self.successResultOf(result), 0)
        self.assertTrue(received[0].startswith(b"POST /push/Page HTTP/1.1\r\n"))

    async def test_wrong_host(self) -> None:
        """A certificate for another host is refused before anything is sent."""
        result, received = await self.post(certificate("other.example"))
        failure = self.failureResultOf(result, ResponseNeverReceived)
        self.assertIn("VerificationError", repr(failure.value.reasons))
        self.assertEqual(received, [])

    async def test_unknown_authority(self) -> None:
        """So is a certificate that signs for itself."""
        _, key = _keys()
        pem = _sign(HOST, key, HOST, key, False)
        mine = PrivateCertificate.fromCertificateAndKeyPair(
            Certificate.loadPEM(pem), certificate(HOST).privateKey
        )
        result, received = await self.post(mine)
        self.failureResultOf(result, ResponseNeverReceived)
        self.assertEqual(received, [])


class _Once(Protocol):
    """Answers one request of each connection, and closes it at the next."""

    answered = False

    def connectionMade(self) -> None:
        """It is open."""
        self.factory.open.add(self)  # type: ignore[union-attr]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is not."""
        self.factory.open.discard(self)  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        """Answer as HTTP/1.0 does, or close."""
        assert self.transport is not None
        if self.answered:
            self.transport.loseConnection()
            return
        self.answered = True
        self.factory.received.append(data)  # type: ignore[union-attr]
        self.transport.write(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}")


class _Mute(_Once):
    """Closes at the first request."""

    def dataReceived(self, data: bytes) -> None:
        """Close."""
        assert self.transport is not None
        self.factory.received.append(data)  # type: ignore[union-attr]
        self.transport.loseConnection()


class KeptTests(TestCase):
    """Connections that the consumer closed meanwhile, without a word."""

    def poster(self, consumer: type[_Once]) -> Poster:
        """Who posts to such a consumer on loopback."""
        core: Any = global_reactor
        self.factory = Factory.forProtocol(consumer)
        self.factory.noisy = False
        self.factory.received = self.received = []  # type: ignore[attr-defined]
        self.factory.open = self.open = set()  # type: ignore[attr-defined]
        port = core.listenTCP(0, self.factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        base = f"http://127.0.0.1:{port.getHost().port}/"
        self.agent = agents.make(core, 2)
        return Poster(self.agent, core, base)

    async def end(self) -> None:
        """Close what is kept, and see the consumer hear of it."""
        await self.agent.close()
        while self.open:
            await deferLater(global_reactor, 0)  # type: ignore[arg-type]

    async def test_once_more(self) -> None:
        """A push that met one goes out at once on another; none is lost."""
        poster = self.poster(_Once)
        for number in range(3):
            self.assertEqual(await poster.post("Page", b"%d" % number), 0)
        bodies = [data.partition(b"\r\n\r\n")[2] for data in self.received]
        self.assertEqual(bodies, [b"0", b"1", b"2"])
        await self.end()

    async def test_nobody_there(self) -> None:
        """A consumer that answers nobody is asked twice, and then that is told."""
        asked = self.poster(_Mute).post("Page", b"x")
        await self.assertFailure(asked, ResponseNeverReceived)
        self.assertEqual(len(self.received), 2)
        await self.end()


class LogTests(SynchronousTestCase):
    """What a push leaves in the log."""

    def test_connection_is_not_told(self) -> None:
        """Its factory starts and stops in silence."""
        reactor = MemoryReactorClock()
        Poster(agents.make(reactor, 2), reactor, "http://127.0.0.1/").post("P", b"{}")
        factory = reactor.tcpClients[0][2]
        with capturedLogs() as events:
            factory.doStart()
            factory.doStop()
        self.assertEqual(events, [])


def _connect(server: Any, client: Any) -> IOPump:
    """Connect the two in memory."""
    server_side = FakeTransport(server, isServer=True)
    client_side = FakeTransport(client, isServer=False)
    pump = IOPump(client, server, client_side, server_side, False)
    server.makeConnection(server_side)
    client.makeConnection(client_side)
    return pump
