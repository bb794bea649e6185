"""
TLS on real sockets of loopback, with an authority of the tests' own.
"""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.trial.unittest import TestCase

from tests.certificates import Authority, private
from tests.sockets import Real
from vos3000.config import Endpoint, Sip
from vos3000.errors import ConfigError
from vos3000.sip.sockets import marking
from vos3000.sip.transaction import ANYWHERE, Channel

HOST = "127.0.0.1"
AUTHORITY = Authority()


class TlsCase(TestCase):
    """Transports with certificates, each closed with its test."""

    def setUp(self) -> None:
        """A directory for the files."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self._running: list[Real] = []
        self.ca = AUTHORITY.write_itself(self.directory)

    async def tearDown(self) -> None:
        """Close all sockets."""
        for each in self._running:
            await each.stop()

    def sip(self, certificate: Path, **more: Any) -> Sip:
        """A configuration that listens for TLS."""
        return Sip(
            udp=(),
            tcp=(),
            tls=(Endpoint(HOST, 0),),
            tls_certificate=certificate,
            **{"tls_ca": self.ca, **more},
        )

    def start(self, *names: str, **more: Any) -> Real:
        """Listen with a certificate for C{names}."""
        path = AUTHORITY.write(self.directory, *(names or (HOST,)))
        real = Real(self.sip(path, **more))
        self._running.append(real)
        return real

    def to(
        self,
        one: Real,
        other: Real,
        domain: str = "",
        verify: bool = True,
        by: str = "tls",
    ) -> tuple[Channel | None, tuple[str, int]]:
        """The channel from one to another, and where that is."""
        there = (HOST, other.port)
        return one.all.transport.channel(by, there, ANYWHERE, domain, verify), there

    async def refused(self, one: Real, other: Real, domain: str = "") -> str:
        """
        A request that fails before anybody reads it; says why, as who sent it
        tells it. The other one, which is in this process too, has its own line.
        """
        with capturedLogs() as logs:
            user = one.ask(*self.to(one, other, domain))
            self.assertEqual(await one.answered(user), [])
        self.assertEqual(other.rig.metric("sip_received_messages_total"), 0)
        (told,) = [
            event["why"]
            for event in logs
            if event["log_namespace"] == "vos3000.sip.connections.Connections"
        ]
        assert isinstance(told, str)
        return told


class VerifyTests(TlsCase):
    """Whom we call must be whom we mean (RFC 5922)."""

    async def test_by_address(self) -> None:
        """The certificate names the address."""
        here, there = self.start(), self.start(HOST)
        self.assertEqual(await here.answered(here.ask(*self.to(here, there))), [200])

    async def test_by_name(self) -> None:
        """It names the gateway, by whatever address it was found."""
        here, there = self.start(), self.start("gw.example", "*.example.net")
        for domain in ("gw.example", "a.example.net"):
            user = here.ask(*self.to(here, there, domain))
            self.assertEqual(await here.answered(user), [200])

    async def test_another_name(self) -> None:
        """It names somebody else: nothing is sent, and the log says why."""
        here, there = self.start(), self.start("gw.example")
        for domain in ("", "other.example", "sub.gw.example"):
            told = await self.refused(here, there, domain)
            self.assertIn("names somebody else", told)

    async def test_another_authority(self) -> None:
        """Nobody we trust signed it."""
        path = Authority("others").write(self.directory, HOST)
        here = self.start()
        there = Real(self.sip(path))
        self._running.append(there)
        told = await self.refused(here, there)
        self.assertIn("certificate verify failed", told)

    async def test_certificate_that_is_over(self) -> None:
        """Whom it names and who signed it makes no difference."""
        certificate, key = AUTHORITY.issue(HOST, first=datetime(2020, 1, 1, tzinfo=UTC))
        path = self.directory / "over.pem"
        path.write_bytes(certificate + private(key))
        here = self.start()
        there = Real(self.sip(path))
        self._running.append(there)
        told = await self.refused(here, there)
        self.assertIn("certificate verify failed", told)

    async def test_the_systems_authorities(self) -> None:
        """Without tls_ca they count, and they do not know ours."""
        here, there = self.start(tls_ca=None), self.start()
        self.assertIn("verify failed", await self.refused(here, there))

    async def test_verification_switched_off(self) -> None:
        """Whoever answers is taken, where the gateway says so."""
        here, there = self.start(tls_ca=None), self.start("gw.example")
        user = here.ask(*self.to(here, there, "other.example", False))
        self.assertEqual(await here.answered(user), [200])


class ClientTests(TlsCase):
    """Peers that connect (tls_verify_clients), seen from their side."""

    async def _shakes_hands(
        self, there: Real, show: Path | None = None, **versions: ssl.TLSVersion
    ) -> str:
        """Connect as OpenSSL does; the version, or what went wrong."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if show is not None:
            context.load_cert_chain(show)
        for name, version in versions.items():
            setattr(context, name, version)
        found = deferToThread(_connect, context, there.port)
        done: str = await found
        return done

    async def test_versions(self) -> None:
        """TLS 1.2 and 1.3; what is older is not spoken."""
        there = self.start()
        two, three = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
        self.assertEqual(await self._shakes_hands(there), "TLSv1.3")
        said = await self._shakes_hands(there, maximum_version=two)
        self.assertEqual(said, "TLSv1.2")
        said = await self._shakes_hands(there, minimum_version=three)
        self.assertEqual(said, "TLSv1.3")
        old = ssl.TLSVersion.TLSv1_1
        said = await self._shakes_hands(there, minimum_version=old, maximum_version=old)
        self.assertNotIn("TLSv1.1", said)

    async def test_required(self) -> None:
        """A peer without a certificate, or with a stranger's, gets nowhere."""
        there = self.start(tls_verify_clients="require")
        self.assertIn("required", await self._shakes_hands(there))
        path = Authority("others").write(self.directory, "peer.example")
        said = await self._shakes_hands(there, path)
        self.assertIn("unknown ca", said.replace("_", " ").lower())
        path = AUTHORITY.write(self.directory, "peer.example")
        self.assertEqual(await self._shakes_hands(there, path), "TLSv1.3")

    async def test_we_show_ours(self) -> None:
        """A peer that wants to know who calls is told."""
        here, there = self.start(), self.start(tls_verify_clients="require")
        self.assertEqual(await here.answered(here.ask(*self.to(here, there))), [200])

    async def test_requested(self) -> None:
        """One without is taken, too."""
        there = self.start(tls_verify_clients="request")
        self.assertEqual(await self._shakes_hands(there), "TLSv1.3")


class ReuseTests(TlsCase):
    """Connections in both directions (RFC 5923)."""

    async def _back(self, first: Real, second: Real, domain: str = "") -> Any:
        """First calls second; the channel on which second would call first."""
        user = first.ask(*self.to(first, second))
        self.assertEqual(await first.answered(user), [200])
        (own,) = second.connections
        channel, there = self.to(second, first, domain)
        return channel, there, own

    async def test_peer_with_its_certificate(self) -> None:
        """It is called on the connection that it opened."""
        first, second = self.start(), self.start(tls_verify_clients="request")
        channel, there, own = await self._back(first, second)
        self.assertIs(channel, own)
        user = second.ask(channel, there)
        self.assertEqual(await second.answered(user), [200])
        self.assertEqual(len(second.connections), 1)

    async def test_peer_with_another_name(self) -> None:
        """Its certificate does not name whom we call: it gets no call of his."""
        first, second = self.start(), self.start(tls_verify_clients="request")
        channel, _, own = await self._back(first, second, "bank.example")
        self.assertIsNot(channel, own)

    async def test_peer_that_was_not_asked(self) -> None:
        """Who has not shown a certificate is not called back on trust."""
        first, second = self.start(), self.start()
        channel, _, own = await self._back(first, second)
        self.assertIsNot(channel, own)


class ReloadTests(TlsCase):
    """Certificates that change while calls are up."""

    async def test_new_certificate(self) -> None:
        """New connections get it, and one that is open goes on with the old."""
        here, there = self.start(), self.start("old.example")
        channel, place = self.to(here, there, "old.example")
        user = here.ask(channel, place)
        self.assertEqual(await here.answered(user), [200])
        path = AUTHORITY.write(self.directory, "new.example")
        there.all.use(there.all.read(self.sip(path)))
        user = here.ask(*self.to(here, there, "new.example"))
        self.assertEqual(await here.answered(user), [200])
        user = here.ask(channel, place)
        self.assertEqual(await here.answered(user), [200])
        assert channel is not None
        self.assertFalse(channel.closed)
        self.assertEqual(len(there.connections), 2)

    async def test_new_certificate_that_is_bad(self) -> None:
        """The old one stays."""
        here, there = self.start(), self.start("old.example")
        path = self.directory / "none.pem"
        self.assertRaises(ConfigError, there.all.read, self.sip(path))
        user = here.ask(*self.to(here, there, "old.example"))
        self.assertEqual(await here.answered(user), [200])


class WebSocketTests(TlsCase):
    """WebSocket, plain and on TLS, between two of ours."""

    def _start(self, **more: Any) -> Real:
        path = AUTHORITY.write(self.directory, "gw.example")
        sip = Sip(udp=(), tcp=(), tls_certificate=path, tls_ca=self.ca, **more)
        real = Real(sip)
        real.all.need(["ws"])
        self._running.append(real)
        return real

    async def test_plain(self) -> None:
        """Requests go out, responses come back, and it is kept for the next."""
        here, there = self._start(), self._start(ws=(Endpoint(HOST, 0),))
        for _ in range(2):
            user = here.ask(*self.to(here, there, by="ws"))
            self.assertEqual(await here.answered(user), [200])
        (own,) = there.connections
        self.assertEqual((own.name, len(here.connections)), ("WS", 1))
        user = there.ask(own, own.peer)
        self.assertEqual(await there.answered(user), [200], "the other way")

    async def test_secure(self) -> None:
        """The certificate must name whom we call."""
        here, there = self._start(), self._start(wss=(Endpoint(HOST, 0),))
        user = here.ask(*self.to(here, there, "gw.example", by="wss"))
        self.assertEqual(await here.answered(user), [200])
        self.assertEqual({each.name for each in there.connections}, {"WSS"})
        user = here.ask(*self.to(here, there, "other.example", by="wss"))
        self.assertEqual(await here.answered(user), [])

    async def test_marks(self) -> None:
        """SS_QOS_SIGNAL is on the sockets below TLS and WebSocket."""
        everywhere = (Endpoint(HOST, 0),)
        for by in ("tls", "ws", "wss"):
            here, there = self._start(tls=everywhere), self._start(**{by: everywhere})
            for each in (here, there):
                each.all.tune(0xA0, False)
            user = here.ask(*self.to(here, there, "gw.example", by=by))
            self.assertEqual(await here.answered(user), [200])
            both = [*here.connections, *there.connections]
            marks = [marking(each.transport.socket) for each in both]
            self.assertEqual(marks, [0xA0, 0xA0], by)


class StartTests(TlsCase):
    """A start with mistakes."""

    def test_all_at_once(self) -> None:
        """Files and ports are reported together."""
        with socket.socket() as taken:
            taken.bind((HOST, 0))
            taken.listen()
            port = taken.getsockname()[1]
            sip = Sip(
                udp=(),
                tcp=(Endpoint(HOST, port),),
                tls=(Endpoint(HOST, port),),
                tls_ca=self.directory / "none.pem",
            )
            error = self.assertRaises(ConfigError, Real, sip)
        self.assertEqual(len(error.problems), 4)
        for part in ("[sip] tcp =", "tls_ca =", "needs [sip] tls_certificate"):
            self.assertTrue(any(part in each for each in error.problems), part)


def _connect(context: ssl.SSLContext, port: int) -> str:
    """In a thread: one handshake, and a request to see whether it is heard."""
    try:
        with (
            socket.create_connection((HOST, port), 5) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as wrapped,
        ):
            wrapped.sendall(b"\r\n\r\n")
            wrapped.recv(2)
            return wrapped.version() or ""
    except (ssl.SSLError, OSError) as error:
        return str(error)
