"""SIP over WebSocket (RFC 7118), in memory: framing, limits, time."""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Any

from twisted.internet.address import IPv4Address

from tests.frames import (
    ACCEPT,
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    frame,
    frames,
    length,
    upgrade,
)
from tests.sip.connections import FakeConnection, ListenerCase
from tests.sip.rig import PEER, SDP, STRANGER, FakeClient, ask, reply
from vos3000.sip import connection as one
from vos3000.sip import websocket
from vos3000.sip.connection import Connection, Way
from vos3000.sip.message import Request, Response
from vos3000.sip.parser import MAX_SIZE, parse
from vos3000.sip.strangers import MOST_STRANGERS
from vos3000.sip.transaction import Address
from vos3000.sip.websocket import WebSocketListener

VIA = "SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks"


class Reactor:
    """What the listener wants of one: it opens nothing by itself."""

    def __init__(self, connector: Any) -> None:
        self.connectTCP = connector.connectTCP


class WebSocketCase(ListenerCase):
    """A listener of WebSocket."""

    def setUp(self) -> None:
        """It listens on 8088."""
        super().setUp()
        self.ws = self.listen()

    def listen(self, origins: tuple[str, ...] = ()) -> WebSocketListener:
        """A listener that lets these pages connect."""
        reactor = Reactor(self.connector)
        listener = WebSocketListener("WS", self.connections, reactor, origins=origins)
        listener.port = 8088
        return listener

    def connects(
        self,
        peer: Address = (PEER[0], 40000),
        listener: WebSocketListener | None = None,
    ) -> tuple[Any, FakeConnection]:
        """A peer connects, and says nothing yet."""
        acceptor = (listener or self.ws).acceptor()
        wire = acceptor.buildProtocol(IPv4Address("TCP", *peer))
        assert wire is not None
        transport = FakeConnection(("192.0.2.1", 8088))
        wire.makeConnection(transport)
        return wire, transport

    def opens(self, peer: Address = (PEER[0], 40000)) -> tuple[Any, FakeConnection]:
        """A peer connects and shakes hands."""
        wire, transport = self.connects(peer)
        wire.dataReceived(upgrade())
        self.assertIn(b"101 Switching Protocols", transport.value())
        transport.clear()
        return wire, transport

    def messages(self, transport: FakeConnection) -> list[Request | Response]:
        """The messages written since the last time."""
        data = transport.value()
        transport.clear()
        return [parse(each) for opcode, each in frames(data) if opcode in (1, 2)]


class HandshakeTests(WebSocketCase):
    """HTTP's part (RFC 7118 section 4)."""

    def test_it_is_accepted(self) -> None:
        """With the subprotocol, and without saying who we are."""
        wire, transport = self.connects()
        wire.dataReceived(upgrade())
        said = transport.value().decode()
        self.assertIn(f"Sec-WebSocket-Accept: {ACCEPT}\r\n", said)
        self.assertIn("Sec-WebSocket-Protocol: sip\r\n", said)
        self.assertNotIn("Server:", said)
        self.assertNotIn("Extensions:", said)

    def test_among_other_subprotocols(self) -> None:
        """Ours is chosen, in whatever case."""
        for offered in ("xmpp, sip", "SIP"):
            wire, transport = self.connects()
            wire.dataReceived(upgrade(offered))
            self.assertIn(b"101 ", transport.value())

    def test_another_subprotocol(self) -> None:
        """Refused, and so is none."""
        for offered in ("xmpp", None):
            wire, transport = self.connects()
            wire.dataReceived(upgrade(offered))
            said = transport.value()
            self.assertTrue(said.startswith(b"HTTP/1.1 400 "), said)
            self.assertTrue(transport.disconnecting)

    def test_compression_is_not_taken(self) -> None:
        """A small frame cannot become a large message."""
        wire, transport = self.connects()
        offer = "Sec-WebSocket-Extensions: permessage-deflate"
        wire.dataReceived(upgrade("sip", "", offer))
        self.assertIn(b"101 ", transport.value())
        self.assertNotIn(b"deflate", transport.value())

    def test_origin(self) -> None:
        """Any page, where none is named; only those that are; no browser, any."""
        listed = self.listen(("https://Phone.example", "https://b.example:8443"))
        for listener, origin, taken in (
            (None, "https://evil.example", True),
            (listed, "https://phone.example", True),
            (listed, "HTTPS://B.example:8443", True),
            (listed, "https://evil.example", False),
            (listed, "https://phone.example.evil.example", False),
            (listed, "http://phone.example", False),
            (listed, "null", False),
            (listed, "", True),
        ):
            wire, transport = self.connects(listener=listener)
            wire.dataReceived(upgrade("sip", origin))
            said = transport.value()
            self.assertTrue(said.startswith(b"HTTP/1.1 101 ") is taken, origin)
            if not taken:
                self.assertTrue(said.startswith(b"HTTP/1.1 403 "), said)

    def test_no_websocket(self) -> None:
        """A web page is not served here."""
        wire, transport = self.connects()
        wire.dataReceived(b"GET / HTTP/1.1\r\nHost: sip.example\r\n\r\n")
        self.assertTrue(transport.value().startswith(b"HTTP/1.1 4"))
        self.assertTrue(transport.disconnecting)
        self.assertNotIn(b"<html", transport.value().lower())

    def test_garbage(self) -> None:
        """TLS, SIP, bytes."""
        for data in (
            b"\x16\x03\x01\r\n\r\n",
            ask("OPTIONS"),
            bytes(4000) + b"\r\n\r\n",
        ):
            wire, transport = self.connects()
            wire.dataReceived(data)
            self.assertTrue(transport.disconnecting or transport.aborting)
        self.assertEqual(self.rig.metric("sip_received_messages_total"), 0)

    def test_request_without_end(self) -> None:
        """It is cut off, in one piece or in many."""
        for size in (websocket.MOST_HANDSHAKE + 1, 100):
            wire, transport = self.connects()
            for _ in range(websocket.MOST_HANDSHAKE // size + 1):
                wire.dataReceived(b"x" * size)
            self.assertTrue(transport.aborting)


class MessageTests(WebSocketCase):
    """Messages (RFC 7118 section 5)."""

    def test_text_and_binary(self) -> None:
        """Either is read; what we send is text if it is text."""
        wire, transport = self.opens()
        for number, opcode in enumerate((TEXT, BINARY)):
            via = f"{VIA}{number}"
            wire.dataReceived(frame(ask("OPTIONS", via=via), opcode))
            ((written, data),) = frames(transport.value())
            transport.clear()
            self.assertEqual(written, TEXT)
            answer = parse(data)
            assert isinstance(answer, Response)
            self.assertEqual(answer.status, 200)
            self.assertIn("df7jal23ls0d.invalid", answer.get("via") or "")
        wire.connection.send(b"\xff\xfe", PEER)
        self.assertEqual(frames(transport.value()), [(BINARY, b"\xff\xfe")])

    def test_content_length_is_not_needed(self) -> None:
        """A message ends with its frame."""
        wire, transport = self.opens()
        data = ask("OPTIONS", via=VIA).replace(b"Content-Length: 0\r\n", b"")
        wire.dataReceived(frame(data))
        self.assertEqual([each.status for each in self.messages(transport)], [200])

    def test_one_message_each(self) -> None:
        """What stands behind it in the frame is not read."""
        wire, transport = self.opens()
        data = ask("OPTIONS", via=VIA) + ask("OPTIONS", via=VIA + "2", cseq=2)
        wire.dataReceived(frame(data))
        self.assertEqual([each.cseq for each in self.messages(transport)], [1])

    def test_in_pieces(self) -> None:
        """Frames cut anywhere, and messages of several frames."""
        wire, transport = self.opens()
        data = ask("OPTIONS", via=VIA, body=SDP)
        whole = (
            frame(data[:50], TEXT, fin=False)
            + frame(b"", PING)
            + frame(data[50:100], 0, fin=False)
            + frame(data[100:], 0)
        )
        for at in range(len(whole)):
            wire.dataReceived(whole[at : at + 1])
        pong, answer = frames(transport.value())
        self.assertEqual(pong, (PONG, b""))
        self.assertTrue(answer[1].startswith(b"SIP/2.0 200 "))

    def test_with_the_handshake(self) -> None:
        """What comes in the same segment is not lost."""
        wire, transport = self.connects()
        wire.dataReceived(upgrade() + frame(ask("OPTIONS", via=VIA)))
        self.assertIn(b"SIP/2.0 200 ", transport.value())

    def test_malformed(self) -> None:
        """Answered like a datagram; the connection stays, and so do its calls."""
        wire, transport = self.opens()
        bad = ask(via=VIA).replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE")
        wire.dataReceived(
            frame(bad) + frame(b"nonsense") + frame(ask("OPTIONS", via=VIA))
        )
        self.assertEqual([each.status for each in self.messages(transport)], [400, 200])
        self.assertFalse(transport.disconnecting)

    def test_keep_alive(self) -> None:
        """A double CRLF is answered by a single one (section 6); less is none."""
        wire, transport = self.opens()
        wire.dataReceived(frame(b"\r\n\r\n") + frame(b"\r\n") + frame(b""))
        self.assertEqual(frames(transport.value()), [(TEXT, b"\r\n")])
        self.assertEqual(self.rig.metric("sip_received_messages_total"), 0)

    def test_what_we_say_of_it(self) -> None:
        """Via and Contact name the transport (5.2)."""
        legs = self.rig.answering()
        wire, transport = self.opens()
        contact = "<sip:1000@df7jal23ls0d.invalid;transport=ws>"
        wire.dataReceived(frame(ask(via=VIA, contact=contact)))
        dialog = legs[0].dialog
        self.assertEqual(dialog.contact, "<sip:192.0.2.1:8088;transport=ws>")
        transport.clear()
        data = dialog.request("BYE", 1, "z9hG4bKb")
        self.rig.layer.send(
            "z9hG4bKb", "BYE", data, dialog.channel, dialog.address, FakeClient()
        )
        (bye,) = self.messages(transport)
        assert isinstance(bye, Request)
        self.assertEqual(bye.uri_text, "sip:1000@df7jal23ls0d.invalid;transport=ws")
        self.assertEqual(bye.via.transport, "WS")

    def test_close_by_the_peer(self) -> None:
        """It gets its farewell, and the connection ends."""
        wire, transport = self.opens()
        wire.dataReceived(frame(struct.pack("!H", 1000), CLOSE))
        ((opcode, _),) = frames(transport.value())
        self.assertEqual(opcode, CLOSE)
        self.assertTrue(transport.disconnecting)

    def test_close_by_us(self) -> None:
        """We say so, and wait a little for the peer to agree."""
        wire, transport = self.opens()
        wire.connection.close()
        ((opcode, _),) = frames(transport.value())
        self.assertEqual(opcode, CLOSE)
        self.assertFalse(transport.aborting)
        wire.dataReceived(frame(ask("OPTIONS", via=VIA)))
        self.assertEqual(self.rig.metric("sip_received_messages_total"), 0)
        self.rig.advance(one.CLOSING + 0.2)
        self.assertTrue(transport.aborting)


class LimitTests(WebSocketCase):
    """What a peer may cost."""

    def test_large_message(self) -> None:
        """The largest is taken, in one frame or in many; a larger one is cut off."""
        wire, transport = self.opens()
        body = b"x" * (MAX_SIZE - 400)
        data = ask("OPTIONS", via=VIA, body=body)
        wire.dataReceived(frame(data))
        self.assertEqual(len(self.messages(transport)), 1)
        wire.dataReceived(bytes([0x81]) + length(MAX_SIZE + 1))
        self.assertTrue(transport.aborting)

    def test_frame_that_only_claims(self) -> None:
        """No memory is kept for what has not come."""
        wire, transport = self.opens()
        wire.dataReceived(bytes([0x82]) + length(1 << 62))
        self.assertTrue(transport.aborting)

    def test_message_of_many_frames(self) -> None:
        """All of them together have that limit."""
        wire, transport = self.opens()
        wire.dataReceived(frame(b"x" * 30_000, TEXT, fin=False))
        wire.dataReceived(frame(b"x" * 30_000, 0, fin=False))
        self.assertFalse(transport.aborting)
        wire.dataReceived(frame(b"x" * 30_000, 0, fin=False))
        self.assertTrue(transport.aborting)

    def test_what_breaks_the_protocol(self) -> None:
        """Text that is none, frames without a mask, reserved bits."""
        for data in (
            frame(b"\xff\xff\xff", TEXT),
            frame(b"x", TEXT, masked=False),
            b"\xf1" + length(1) + b"x",
            frame(b"x" * 126, PING),
            frame(b"x", 0),
        ):
            wire, transport = self.opens()
            wire.dataReceived(data)
            self.assertTrue(transport.aborting, data[:4])
            written = transport.value()
            wire.connection.send(b"to a peer that was given up", PEER)
            self.assertEqual(transport.value(), written)

    def test_slow_handshake(self) -> None:
        """It and the first message have one limit together."""
        wire, transport = self.connects()
        data = upgrade()
        for at in range(16):
            self.assertFalse(transport.aborting)
            wire.dataReceived(data[at : at + 1])
            self.rig.advance(1)
        self.assertTrue(transport.aborting)

    def test_slow_message(self) -> None:
        """Frame by frame, byte by byte, with pings between them."""
        for piece in (frame(b"x", 0, fin=False), frame(b"", 0, fin=False)):
            wire, transport = self.opens()
            wire.dataReceived(frame(b"OPTIONS", TEXT, fin=False))
            for _ in range(14):
                wire.dataReceived(piece + frame(b"", PING))
                self.rig.advance(1)
            self.assertFalse(self._closing(transport))
            self.rig.advance(2)
            self.assertTrue(self._closing(transport))

    def _closing(self, transport: FakeConnection) -> bool:
        return any(opcode == CLOSE for opcode, _ in frames(transport.value()))

    def test_silent_peer(self) -> None:
        """It must send its first message soon."""
        _, transport = self.opens()
        self.rig.advance(one.SLOW_SENDER + 0.5)
        self.assertTrue(self._closing(transport))

    def test_connections(self) -> None:
        """The limits are those of TCP, for all transports together."""
        for port in range(100):
            self.connects((PEER[0], port))
            self.incoming((PEER[0], 1000 + port))
        acceptor = self.ws.acceptor()
        self.assertIsNone(acceptor.buildProtocol(IPv4Address("TCP", PEER[0], 9)))
        self.assertIsNone(self.listener.buildProtocol(IPv4Address("TCP", PEER[0], 9)))
        for number in range(MOST_STRANGERS):
            self.connects((f"198.51.100.{number}", 40000))
        self.assertIsNone(acceptor.buildProtocol(IPv4Address("TCP", *STRANGER)))

    def test_peer_that_does_not_read(self) -> None:
        """Its pings get no answer, and too many messages cut it off."""
        wire, transport = self.opens()
        transport.producer.pauseProducing()
        for _ in range(10):
            wire.dataReceived(frame(b"x", PING) * 100)
        self.assertEqual(transport.value(), b"")
        for _ in range(one.MOST_UNSENT // 1000 + 1):
            wire.connection.send(b"x" * 1000, PEER)
        self.assertTrue(transport.aborting)

    def test_many_small_frames_at_once(self) -> None:
        """
        One read of nothing but frames without content ends the connection soon:
        served to the end, it would hold everybody up. As many as messages of a
        busy peer may be are served.
        """
        for opcode in (PING, PONG, TEXT):
            wire, transport = self.opens()
            wire.dataReceived(frame(b"", opcode) * websocket.MOST_FRAMES)
            self.assertFalse(transport.aborting, opcode)
            wire.dataReceived(frame(b"", opcode) * 10_000)
            self.assertTrue(transport.aborting, opcode)
            answered = len(frames(transport.value()))
            self.assertLessEqual(answered, 2 * websocket.MOST_FRAMES)
            wire.dataReceived(frame(ask("OPTIONS", via=VIA)))
            self.assertEqual(len(frames(transport.value())), answered)
            wire.connectionLost()


class AliveTests(WebSocketCase):
    """Whether a peer is still there (section 6)."""

    def test_pings(self) -> None:
        """Regularly; a pong, or anything else, shows that it lives."""
        wire, transport = self.opens()
        wire.connection.welcome()
        for _ in range(10):
            self.rig.advance(websocket.PING + 0.1)
            self.assertEqual(frames(transport.value()), [(PING, b"")])
            transport.clear()
            wire.dataReceived(frame(b"", PONG))
        self.assertFalse(transport.aborting)

    def test_dead_peer(self) -> None:
        """After some pings without any sign of life it is cut off."""
        wire, transport = self.opens()
        wire.connection.welcome()
        self.rig.advance(websocket.PING * websocket.MOST_PINGS + 1)
        self.assertFalse(transport.aborting)
        self.rig.advance(websocket.PING)
        self.assertTrue(transport.aborting)

    def test_no_timer_is_left(self) -> None:
        """Of a connection that ended."""
        wire, _ = self.opens()
        wire.dataReceived(frame(b"OPT", TEXT, fin=False))
        self.lost(wire)
        self.assertTrue(self.rig.quiet())
        self.assertEqual(self.count(), 0)


class GoneTests(WebSocketCase):
    """A browser that went away cannot be called back."""

    def test_request(self) -> None:
        """It fails soon, and nobody is dialed."""
        wire, _ = self.opens()
        channel: Connection = wire.connection
        self.lost(wire)
        self.assertTrue(channel.closed)
        self.assertIs(channel.live(PEER), channel)
        user = FakeClient()
        data = ask("OPTIONS", "z9hG4bKo", transport="WS")
        self.rig.layer.send("z9hG4bKo", "OPTIONS", data, channel, PEER, user)
        self.rig.advance(0.2)
        self.assertEqual((user.timeouts, self.connector.asked), (1, []))

    def test_response(self) -> None:
        """It is lost."""
        wire, _ = self.opens()
        self.lost(wire)
        wire.connection.send(b"SIP/2.0 200 OK\r\n\r\n", PEER)
        self.assertEqual(self.connector.asked, [])
        self.assertEqual(self.rig.metric("sip_failed_sends_total"), 1)


class OutgoingTests(WebSocketCase):
    """Gateways that are called by WebSocket."""

    def _begin(self, domain: str = "") -> tuple[Connection, FakeClient, FakeConnection]:
        channel = self.connections.to(self.ws, Way("WS", PEER, "", domain))
        user = FakeClient()
        data = ask("OPTIONS", "z9hG4bKo", transport="WS")
        self.rig.layer.send("z9hG4bKo", "OPTIONS", data, channel, PEER, user)
        return channel, user, self.connector.open()

    def _agreed(self, connection: FakeConnection, protocol: str = "sip") -> bytes:
        """The answer to the handshake that we began."""
        asked = connection.value().decode()
        connection.clear()
        key = asked.partition("Sec-WebSocket-Key: ")[2].partition("\r\n")[0]
        magic = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode() + magic).digest()).decode()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
        ]
        if protocol:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        return "\r\n".join([*lines, "", ""]).encode()

    def test_request_waits_for_the_handshake(self) -> None:
        """Then it goes out, masked, and its response counts."""
        _, user, connection = self._begin("gw.example")
        asked = connection.value()
        self.assertIn(b"Host: gw.example:5060\r\n", asked)
        self.assertIn(b"Sec-WebSocket-Protocol: sip\r\n", asked)
        self.hear(self._agreed(connection))
        data = connection.value()
        self.assertTrue(data[1] & 0x80, "clients mask")
        sent = parse(ask("OPTIONS", "z9hG4bKo", transport="WS"))
        assert isinstance(sent, Request)
        self.hear(frame(reply(sent, 200), masked=False))
        self.assertEqual(user.heard, [200])

    def test_peer_that_does_not_speak_sip(self) -> None:
        """The request fails; nothing is sent."""
        _, _, connection = self._begin()
        self.hear(self._agreed(connection, ""))
        self.assertTrue(connection.aborting)
        self.assertEqual(connection.value(), b"")

    def test_peer_that_never_answers(self) -> None:
        """It is given up in time."""
        _, _, connection = self._begin()
        self.rig.advance(one.OPENING + 0.2)
        self.assertTrue(connection.aborting)

    def test_our_address(self) -> None:
        """What does not listen names a port all the same."""
        self.ws.port = 0
        channel, _, _ = self._begin()
        self.assertEqual(channel.local(PEER), ("192.0.2.1", 80))
