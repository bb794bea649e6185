"""What a tap sees of messages, and what sockets tell of their queues."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.connections import ListenerCase
from tests.sip.rig import PEER, Rig, ask
from tests.sip.test_transport import _bound
from vos3000.sip import backlog
from vos3000.sip.transaction import Address, Channel


class Tap:
    """Keeps what it sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes, Address]] = []

    def received(self, data: bytes, channel: Channel, address: Address) -> None:
        """A message came."""
        self.seen.append(("<", channel.name, data, address))

    def sent(self, data: bytes, channel: Channel, address: Address) -> None:
        """A message goes out."""
        self.seen.append((">", channel.name, data, address))


class DatagramTests(SynchronousTestCase):
    """A datagram socket."""

    def setUp(self) -> None:
        """A socket that somebody watches."""
        self.rig = Rig()
        self.tap = self.rig.reception.tap = Tap()
        self.channel, self.socket = _bound(self.rig, "192.0.2.1")

    def test_both_directions(self) -> None:
        """Byte for byte, in order, with the peer's address."""
        self.channel.datagramReceived(ask("OPTIONS"), PEER)
        ((answer, _),) = self.socket.written
        self.assertEqual(
            self.tap.seen,
            [("<", "UDP", ask("OPTIONS"), PEER), (">", "UDP", answer, PEER)],
        )

    def test_what_is_malformed(self) -> None:
        """As it came, and its answer."""
        data = ask("OPTIONS", headers=["Content-Length: 99"])
        self.channel.datagramReceived(data, PEER)
        self.assertEqual(next(each[2] for each in self.tap.seen), data)
        self.assertTrue(self.tap.seen[1][2].startswith(b"SIP/2.0 400 "))

    def test_keep_alives(self) -> None:
        """They are no messages."""
        self.channel.datagramReceived(b"\r\n\r\n", PEER)
        self.assertEqual(self.tap.seen, [])


class ConnectionTests(ListenerCase):
    """A connection."""

    def test_both_directions(self) -> None:
        """Each message by itself, and folded lines as one; the peer's own port."""
        tap = self.rig.reception.tap = Tap()
        channel, connection = self.incoming()
        data = ask("OPTIONS", transport="TCP", headers=["Subject: a\r\n b"])
        channel.dataReceived(data + ask("OPTIONS", "z9hG4bK2", transport="TCP"))
        kinds = [(way, name, address) for way, name, _, address in tap.seen]
        peer = channel.connection.peer
        self.assertEqual(
            kinds, [("<", "TCP", peer), (">", "TCP", peer)] * 2, connection.value()
        )
        self.assertEqual(tap.seen[0][2], data.replace(b"a\r\n b", b"a b"))
        sent = b"".join(each[2] for each in tap.seen if each[0] == ">")
        self.assertEqual(sent, connection.value())


class BacklogTests(SynchronousTestCase):
    """What the kernel tells of a queue; nothing where it tells nothing."""

    def test_what_is_no_socket(self) -> None:
        """No age, nothing unread, nothing lost."""
        with open("/dev/null", "rb") as nothing:
            backlog.begin(nothing.fileno())
            self.assertEqual(backlog.age(nothing.fileno(), 0), 0.0)
            self.assertEqual(backlog.unread(nothing.fileno()), 0)

    def test_a_socket_that_read_nothing(self) -> None:
        """Nothing waited, nothing is left, nothing was lost."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with one, other:
            self.assertEqual(backlog.age(one.fileno(), 1_772_366_400_000), 0.0)
            self.assertEqual(backlog.lost(one), 0)
            other.send(b"12345")
            self.assertEqual(backlog.unread(one.fileno()), 5)

    def test_sockets_of_memory(self) -> None:
        """A channel without a socket was never late."""
        channel, _ = _bound(Rig(), "192.0.2.1")
        self.assertEqual((channel.waited(), channel.lost()), (0.0, 0))
