"""Calls over connections, and those that close meanwhile."""

from __future__ import annotations

from tests.sip.connections import FakeConnection, ListenerCase
from tests.sip.rig import GIVEN_UP, PEER, FakeClient, FakeLeg, ask, reply
from vos3000.sip.dialog import Dialog
from vos3000.sip.message import Request
from vos3000.sip.parser import parse
from vos3000.sip.tcp import Stream


class CallTests(ListenerCase):
    """Whole calls over connections, and those that close meanwhile."""

    def _called(self) -> tuple[Stream, FakeConnection, FakeLeg]:
        """A peer connected, called and was answered."""
        legs = self.rig.answering()
        channel, connection = self.incoming()
        contact = "<sip:1000@192.0.2.10:5070;transport=tcp>"
        channel.dataReceived(
            ask(transport="TCP", contact=contact, sent_by="192.0.2.10:5080")
        )
        return channel, connection, legs[0]

    def _ack(self, connection: FakeConnection) -> bytes:
        (ok,) = self.taken(connection)
        return ask("ACK", "z9hG4bK2", to_tag=ok.to_tag or "", transport="TCP")

    def _bye(self, dialog: Dialog, user: FakeClient) -> None:
        data = dialog.request("BYE", 1, "z9hG4bKb")
        channel, address = dialog.channel, dialog.address
        self.rig.layer.send("z9hG4bKb", "BYE", data, channel, address, user)

    def test_answer_names_the_transport(self) -> None:
        """Our Contact and the Via of our requests are of TCP."""
        channel, connection, leg = self._called()
        channel.dataReceived(self._ack(connection))
        self.assertEqual(leg.dialog.contact, "<sip:192.0.2.1:5060;transport=tcp>")
        self._bye(leg.dialog, FakeClient())
        (bye,) = self.taken(connection)
        self.assertEqual(bye.via.transport, "TCP")

    def test_requests_use_the_connection_of_the_peer(self) -> None:
        """As long as it is open none is made."""
        channel, connection, leg = self._called()
        user = FakeClient()
        channel.dataReceived(self._ack(connection))
        self._bye(leg.dialog, user)
        (bye,) = self.taken(connection)
        channel.dataReceived(reply(bye, 200))
        self.assertEqual((user.heard, self.connector.asked), ([200], []))

    def test_requests_after_the_peer_closed(self) -> None:
        """A new connection to its Contact; the response on that counts."""
        channel, connection, leg = self._called()
        channel.dataReceived(self._ack(connection))
        self.lost(channel)
        user = FakeClient()
        self._bye(leg.dialog, user)
        ((host, port, _, _),) = self.connector.asked
        self.assertEqual((host, port), ("192.0.2.10", 5070))
        after = self.connector.open()
        (bye,) = self.taken(after)
        assert isinstance(bye, Request)
        self.assertEqual(bye.uri_text, "sip:1000@192.0.2.10:5070;transport=tcp")
        self.hear(reply(bye, 200))
        self.assertEqual(user.heard, [200])

    def test_peer_that_closed_and_does_not_listen(self) -> None:
        """The user hears of it when the connection fails."""
        channel, connection, leg = self._called()
        channel.dataReceived(self._ack(connection))
        self.lost(channel)
        user = FakeClient()
        self._bye(leg.dialog, user)
        self.assertEqual(user.timeouts, 0)
        self.connector.fail()
        self.assertEqual(user.timeouts, 1)

    def test_answer_after_the_peer_closed(self) -> None:
        """A new connection to the sent-by of its Via (18.2.2)."""
        channel, _ = self.incoming()
        channel.dataReceived(ask(transport="TCP", sent_by="192.0.2.10:5080"))
        self.lost(channel)
        leg = FakeLeg(self.rig)
        self.rig.ring(self.rig.users.calls[0], leg)
        self.rig.accept(leg)
        ((host, port, _, _),) = self.connector.asked
        self.assertEqual((host, port), ("192.0.2.10", 5080))
        (ok,) = self.taken(self.connector.open())
        self.assertEqual(ok.status, 200)

    def test_ack_after_the_peer_closed(self) -> None:
        """It finds its way too."""
        channel = self.outgoing(PEER)
        self.rig.channel = channel  # type: ignore[assignment]
        user = FakeClient()
        transaction, dialog = self.rig.call(user)
        (invite,) = self.taken(self.connector.open())
        contact = "<sip:2000@192.0.2.10:5070;transport=tcp>"
        self.hear(reply(invite, 200, contact=contact))
        self.lost(self.connector.wires[-1])
        dialog.confirm(user.responses[-1])
        ack = dialog.request("ACK", 1, "z9hG4bKa")
        transaction.acknowledge(ack, "pt", dialog.channel, dialog.address)
        (sent,) = self.taken(self.connector.open())
        self.assertEqual(sent.method, "ACK")

    def test_cancel_matches_its_invite(self) -> None:
        """Its Via is the INVITE's, though our address was learned later."""
        channel = self.outgoing(PEER)
        self.rig.channel = channel  # type: ignore[assignment]
        transaction, _ = self.rig.call(FakeClient())
        connection = self.connector.open(("192.0.2.99", 40001))
        (invite,) = self.taken(connection)
        self.hear(reply(invite, 180))
        self.rig.core.cancel(transaction)
        (cancel,) = self.taken(connection)
        self.assertEqual(cancel.get("via"), invite.get("via"))

    def test_unanswered_success_over_a_closed_connection(self) -> None:
        """The 200 is tried on new connections until it is given up."""
        channel, _, leg = self._called()
        self.lost(channel)
        self.rig.advance(GIVEN_UP + 1)
        self.assertEqual(leg.missing, 1)
        self.assertEqual(len(self.connector.asked), 1)

    def test_parse_of_what_is_written(self) -> None:
        """Whatever was written is read back whole."""
        _, connection, _ = self._called()
        self.assertEqual(parse(connection.value()).cseq_method, "INVITE")
