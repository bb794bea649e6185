"""The IPv6 torture messages of RFC 5118, all 12 of them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.torture import request_of, torture
from vos3000.sip.message import respond
from vos3000.sip.parser import parse

CASES = torture("rfc5118")

REFUSED = {"ipv6-bad": "400", "ipv6-bug-abnf-3-colons": "400"}
"""What the codec refuses, and with what."""


class TortureTests(SynchronousTestCase):
    """Every message of the set against its row of the index."""

    def test_the_set_is_complete_and_intact(self) -> None:
        """All 12 messages are here, octet for octet."""
        self.assertEqual(len(CASES), 12)
        self.assertEqual([c.name for c in CASES.values() if not c.intact], [])

    def test_every_outcome_agrees_with_the_index(self) -> None:
        """No message is treated as the index does not allow."""
        for case in CASES.values():
            self.assertIn(case.outcome, case.allowed, case.name)

    def test_every_outcome_is_the_one_we_chose(self) -> None:
        """Where the index leaves a choice, ours does not change unnoticed."""
        expected = dict.fromkeys(CASES, "accept") | REFUSED
        self.assertEqual({c.name: c.outcome for c in CASES.values()}, expected)


class DetailTests(SynchronousTestCase):
    """What single messages are about."""

    def test_brackets_around_a_port_make_an_address(self) -> None:
        """4.3, 4.4: the port stands behind the bracket."""
        one = request_of(CASES["port-ambiguous"]).uri
        two = request_of(CASES["port-unambiguous"]).uri
        self.assertEqual((one.host, one.port), ("2001:db8::10:5070", None))
        self.assertEqual((two.host, two.port), ("2001:db8::10", 5070))

    def test_received_with_and_without_brackets(self) -> None:
        """4.5: both are the same address."""
        for name in ("via-received-param-with-delim", "via-received-param-no-delim"):
            via = request_of(CASES[name]).via
            self.assertEqual(via.received, "2001:db8::9:255", name)

    def test_mixed_hops_go_back_in_order(self) -> None:
        """4.7: only the top one is touched."""
        message = request_of(CASES["mult-ip-in-header"])
        answer = parse(respond(message, 481, received=("192.0.2.7", 5060)))
        self.assertEqual(answer.all("via")[1:], message.all("via")[1:])
        self.assertEqual(answer.via.received, "192.0.2.7")
        self.assertEqual((answer.via.host, answer.via.port), ("2001:db8::9:1", 6050))

    def test_bodies_are_cut_to_their_length(self) -> None:
        """4.6, 4.8, 4.9: octets beyond Content-Length are dropped."""
        for name in ("ipv6-in-sdp", "mult-ip-in-sdp", "ipv4-mapped-ipv6"):
            message = request_of(CASES[name])
            self.assertEqual(
                len(message.body), int(message.get("content-length") or "")
            )
