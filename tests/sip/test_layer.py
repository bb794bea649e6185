"""Finding the transaction of each message, and what floods leave behind."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import (
    GIVEN_UP,
    PEER,
    STRANGER,
    FakeChannel,
    FakeClient,
    FakeLeg,
    Rig,
    ask,
    reply,
)
from vos3000.sip import layer, matching
from vos3000.sip.layer import Generations
from vos3000.sip.message import Request
from vos3000.sip.parser import parse
from vos3000.sip.transaction import LONGEST_ANSWER, InviteServerTransaction


def _read(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


class ReplyTests(SynchronousTestCase):
    """Where responses go (18.2.2, RFC 3581)."""

    SOURCE = ("192.0.2.10", 40000)

    def _reply(self, data: bytes) -> tuple[bytes, tuple[str, int]]:
        rig = Rig()
        rig.receive(data, self.SOURCE)
        (sent,) = rig.sent()
        return sent

    def test_rport(self) -> None:
        """To the source port, which is told in rport, with received."""
        data, address = self._reply(ask("OPTIONS"))
        self.assertEqual(address, self.SOURCE)
        via = _via(data)
        self.assertEqual((via.rport, via.received), ("40000", "192.0.2.10"))

    def test_rport_in_any_spelling(self) -> None:
        """Case and white space do not matter."""
        via = "SIP/2.0/UDP 192.0.2.10:5070 ; RPORT ;branch=z9hG4bK1"
        data, address = self._reply(ask("OPTIONS", via=via))
        self.assertEqual(address, self.SOURCE)
        self.assertEqual(_via(data).rport, "40000")

    def test_without_rport(self) -> None:
        """To the port of sent-by."""
        data, address = self._reply(
            ask("OPTIONS", rport=False, sent_by="192.0.2.10:5070")
        )
        self.assertEqual(address, ("192.0.2.10", 5070))
        self.assertIsNone(_via(data).received)

    def test_without_port(self) -> None:
        """To port 5060."""
        _, address = self._reply(ask("OPTIONS", rport=False, sent_by="192.0.2.10"))
        self.assertEqual(address, ("192.0.2.10", 5060))

    def test_received(self) -> None:
        """Another sent-by: to the address it came from, told in received."""
        data, address = self._reply(
            ask("OPTIONS", rport=False, sent_by="gw.example:5080")
        )
        self.assertEqual(address, ("192.0.2.10", 5080))
        self.assertEqual(_via(data).received, "192.0.2.10")

    def test_maddr_is_not_followed(self) -> None:
        """Nobody aims our responses at others."""
        via = "SIP/2.0/UDP 192.0.2.10:5070;branch=z9hG4bK1;maddr=203.0.113.9"
        self.assertEqual(self._reply(ask("OPTIONS", via=via))[1], ("192.0.2.10", 5070))

    def test_all_responses_go_there(self) -> None:
        """Provisional, final, repeated; 200, and what is answered statelessly."""
        rig = Rig()
        data = ask(rport=False, sent_by="192.0.2.10:5070")
        rig.receive(data, self.SOURCE)
        (transaction,) = rig.users.calls
        rig.core.answer(transaction, 100)
        rig.receive(data, self.SOURCE)
        rig.core.refuse(transaction, 486)
        rig.advance(0.7)
        bad = data.replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE")
        rig.receive(bad, self.SOURCE)
        places = [address for _, address in rig.sent()]
        self.assertEqual(places, [("192.0.2.10", 5070)] * 5)

    def test_ipv6(self) -> None:
        """Brackets in the Via, none in the address."""
        rig = Rig(here=("2001:db8::1", 5060))
        rig.users.known.add("2001:db8::9")
        data = ask("OPTIONS", sent_by="[2001:db8::9]:5070", rport=False)
        rig.receive(data, ("2001:db8::9", 40000))
        rig.receive(
            ask("OPTIONS", "z9hG4bK2", sent_by="gw.example"), ("2001:db8::9", 40000)
        )
        (_, first), (second, address) = rig.sent()
        self.assertEqual(first, ("2001:db8::9", 5070))
        self.assertEqual(address, ("2001:db8::9", 40000))
        self.assertIn(
            b"received=2001:db8::9;rport=40000",
            second.replace(b"[", b"").replace(b"]", b""),
        )


def _via(data: bytes):  # type: ignore[no-untyped-def]
    return parse(data).via


class MatchingTests(SynchronousTestCase):
    """Which messages belong together (17.2.3)."""

    def test_same_branch_of_another_sender(self) -> None:
        """Sent-by is part of what tells transactions apart."""
        rig = Rig()
        rig.receive(ask())
        rig.receive(ask(call_id="call-2", sent_by="192.0.2.11:5060"))
        self.assertEqual(len(rig.users.calls), 2)

    def test_spelling_of_the_hop_is_no_difference(self) -> None:
        """White space and case of sent-by do not matter."""
        rig = Rig()
        rig.receive(ask(via="SIP/2.0/UDP gw.example:5060;branch=z9hG4bK1"))
        rig.core.refuse(rig.users.calls[0], 486)
        rig.receive(ask("ACK", via="SIP / 2.0 / udp  GW.example: 5060;branch=z9hG4bK1"))
        self.assertTrue(rig.quiet())

    def test_a_branch_used_twice(self) -> None:
        """
        Another Call-ID or number is another request, and so is another address
        but for INVITE, whose ACK may be sent elsewhere although it must not.
        """
        rig = Rig()
        legs = rig.answering()
        for data in (ask(), ask(call_id="call-2"), ask(cseq=2)):
            rig.receive(data)
        self.assertEqual(len(legs), 3)
        rig.sent()
        rig.receive(ask("OPTIONS"))
        rig.receive(ask("OPTIONS", uri="sip:2001@192.0.2.1"))
        first, second = rig.sent()
        self.assertNotEqual(first, second)

    def test_ack_to_another_address(self) -> None:
        """It ends the refusal all the same."""
        rig = Rig()
        rig.receive(ask())
        rig.core.refuse(rig.users.calls[0], 486)
        rig.receive(ask("ACK", uri="sip:elsewhere@192.0.2.1"))
        self.assertTrue(rig.quiet())

    def test_same_branch_of_another_method(self) -> None:
        """CANCEL and INVITE share a branch and nothing else."""
        rig = Rig()
        rig.receive(ask("OPTIONS"))
        rig.receive(ask("INFO"))
        self.assertEqual(rig.lines(), ["200 OPTIONS", "481 INFO"])


class OldBranchTests(SynchronousTestCase):
    """Senders of RFC 2543, whose Via has no branch, or one without the cookie."""

    def _each(self) -> list[str | None]:
        return [None, "old-style", "z9hG4bK"]

    def test_retransmission_is_absorbed(self) -> None:
        """It is the same in Request-URI, From, Call-ID, number and Via."""
        for branch in self._each():
            rig = Rig()
            rig.receive(ask(branch=branch))
            rig.receive(ask(branch=branch))
            self.assertEqual(len(rig.users.calls), 1)
            rig.receive(ask("OPTIONS", branch))
            rig.receive(ask("OPTIONS", branch))
            first, second = rig.sent()
            self.assertEqual(first, second)

    def test_another_call(self) -> None:
        """Another Call-ID or number is another request."""
        rig = Rig()
        rig.receive(ask(branch=None))
        rig.receive(ask(branch=None, call_id="call-2"))
        rig.receive(ask(branch=None, cseq=2))
        self.assertEqual(len(rig.users.calls), 3)

    def test_cancel_finds_its_invite(self) -> None:
        """And the ACK of the 487."""
        for branch in self._each():
            rig = Rig()
            rig.receive(ask(branch=branch))
            leg = FakeLeg(rig)
            rig.ring(rig.users.calls[0], leg)
            rig.receive(ask("CANCEL", branch))
            self.assertEqual(rig.lines(), ["200 CANCEL", "487 INVITE"])
            rig.receive(ask("ACK", branch, to_tag="t1"))
            self.assertTrue(rig.quiet())

    def test_ack_of_an_answer(self) -> None:
        """To the same Request-URI or to our Contact."""
        for uri in ("sip:2000@192.0.2.1", "sip:192.0.2.1:5060"):
            rig = Rig()
            legs = rig.answering()
            rig.receive(ask(branch=None))
            tag = rig.response().to_tag or ""
            rig.receive(ask("ACK", None, uri=uri, to_tag=tag))
            self.assertEqual(len(legs[0].acks), 1)
            self.assertTrue(rig.quiet())


class LostChannelTests(SynchronousTestCase):
    """A connection that closed."""

    def test_waiting_users_hear_at_once(self) -> None:
        """Those of that channel, and only those."""
        rig = Rig("TCP")
        inviting, asking, elsewhere = FakeClient(), FakeClient(), FakeClient()
        rig.call(inviting)
        invite = rig.request()
        rig.receive(reply(invite, 180))
        rig.layer.send("z9hG4bKo", "INFO", ask("INFO"), rig.channel, PEER, asking)
        other = FakeChannel("TCP")
        rig.layer.send("z9hG4bKp", "INFO", ask("INFO"), other, PEER, elsewhere)
        rig.layer.channel_lost(rig.channel)
        found = [each.timeouts for each in (inviting, asking, elsewhere)]
        self.assertEqual(found, [1, 1, 0])

    def test_requests_take_the_next_channel(self) -> None:
        """A request on a closed connection goes out on what replaces it."""
        rig = Rig("TCP")
        rig.channel.next = after = FakeChannel("TCP")
        user = FakeClient()
        rig.layer.send("z9hG4bKo", "INFO", ask("INFO"), rig.channel, PEER, user)
        self.assertEqual(len(after.sent), 1)
        rig.layer.channel_lost(after)
        self.assertEqual(user.timeouts, 1)


class GenerationsTests(SynchronousTestCase):
    """A dict that forgets."""

    def test_value_lives_two_turns_at_least(self) -> None:
        """And three at most."""
        kept: Generations[int] = Generations()
        kept["a"] = 1
        for _ in range(2):
            kept.turn()
            self.assertEqual(kept.get("a"), 1)
        kept.turn()
        self.assertIsNone(kept.get("a"))

    def test_newer_value_counts(self) -> None:
        """Of two generations that hold the key."""
        kept: Generations[bytes] = Generations()
        kept["a"] = b"old"
        kept.turn()
        kept["a"] = b""
        self.assertEqual(kept.get("a"), b"")

    def test_is_bounded(self) -> None:
        """Three generations of a certain size."""
        kept: Generations[int] = Generations()
        for number in range(4 * layer.MOST_REMEMBERED):
            kept[str(number)] = number
        self.assertLessEqual(len(kept), 3 * layer.MOST_REMEMBERED)
        self.assertEqual(kept.get(str(number)), number)


class FloodTests(SynchronousTestCase):
    """Floods leave tables of a bounded size."""

    def _flood(self, rig: Rig, method: str, count: int, source: str) -> None:
        data = ask(method, "z9hG4bK@", call_id="call-@")
        for number in range(count):
            rig.receive(data.replace(b"@", b"%d" % number), (source, 5060))
            rig.channel.sent.clear()

    def _sizes(self, rig: Rig) -> tuple[float, float, float]:
        return (
            rig.metric("sip_server_transactions"),
            rig.metric("sip_client_transactions"),
            rig.metric("sip_lingering_transactions"),
        )

    def test_invites_of_strangers(self) -> None:
        """200,000 refused: no transaction, no timer, few answers kept."""
        rig = Rig()

        def refuse(transaction: InviteServerTransaction) -> None:
            transaction.send_once(b"SIP/2.0 403 Forbidden\r\n\r\n")

        rig.users.take = refuse
        self._flood(rig, "INVITE", 200_000, STRANGER[0])
        server, client, lingering = self._sizes(rig)
        self.assertEqual((server, client), (0, 0))
        self.assertLessEqual(lingering, 3 * layer.MOST_REMEMBERED)
        self.assertEqual(len(rig.timers), 1)
        self.assertEqual(len(rig.layer._merging), 0)
        rig.advance(65)
        self.assertEqual(self._sizes(rig), (0, 0, 0))

    def test_options(self) -> None:
        """200,000 of a known peer: answered, and few answers kept."""
        rig = Rig()
        self._flood(rig, "OPTIONS", 200_000, PEER[0])
        server, client, lingering = self._sizes(rig)
        self.assertEqual((server, client), (0, 0))
        self.assertLessEqual(lingering, 3 * layer.MOST_REMEMBERED)
        self.assertEqual(len(rig.timers), 1)

    def test_options_of_strangers(self) -> None:
        """Refused each time they come, and nothing of them is kept."""
        rig = Rig()
        data = ask("OPTIONS")
        for _ in range(2):
            rig.receive(data, STRANGER)
            self.assertEqual(rig.response().status, 403)
        self.assertEqual(self._sizes(rig), (0, 0, 0))

    def test_answers_are_for_their_askers(self) -> None:
        """
        Who repeats the branch of another's request gets no answer of it: what
        comes from elsewhere is a request of its own.
        """
        rig = Rig()
        rig.receive(ask("OPTIONS"))
        self.assertEqual(rig.response().status, 200)
        rig.receive(ask("OPTIONS"), STRANGER)
        [(data, address)] = rig.sent()
        self.assertTrue(data.startswith(b"SIP/2.0 403 "))
        self.assertEqual(address[0], STRANGER[0])

    def test_a_long_refusal_is_not_sent_again(self) -> None:
        """A short retransmission must not cause a long answer."""
        rig = Rig()
        long = b"SIP/2.0 403 Forbidden\r\nVia: " + b"x" * LONGEST_ANSWER + b"\r\n\r\n"
        rig.users.take = lambda transaction: transaction.send_once(long)
        rig.receive(ask("INVITE"), STRANGER)
        self.assertEqual(len(rig.sent()), 1)
        rig.receive(ask("INVITE"), STRANGER)
        self.assertEqual(rig.sent(), [])

    def test_long_branches_make_no_long_keys(self) -> None:
        """What is remembered of a request does not grow with it."""
        rig = Rig()
        rig.receive(ask("OPTIONS", "z9hG4bK" + "y" * 3000))
        self.assertEqual(rig.response().status, 200)
        [key] = rig.layer._answers._new
        self.assertLessEqual(len(key), matching.LONGEST_KEY)

    def test_silent_strangers(self) -> None:
        """Of those that get no answer it is kept that they came, no more."""
        rig = Rig()
        rig.users.silent = True
        rig.users.take = lambda each: rig.core.refuse_stranger(each, b"SIP/2.0 403")
        self._flood(rig, "INVITE", 1000, STRANGER[0])
        self.assertEqual(self._sizes(rig), (0, 0, 1000))
        self.assertEqual(set(rig.layer._answers._new.values()), {b""})
        self.assertEqual(len(rig.layer._merging), 0)

    def test_calls_that_nobody_answers(self) -> None:
        """Further requests are dropped while too many are under way."""
        rig = Rig()
        rig.layer.most = 100
        self._flood(rig, "INVITE", 300, PEER[0])
        self.assertEqual(self._sizes(rig)[0], 100)
        self.assertEqual(rig.metric("sip_dropped_requests_total"), 200)

    def test_responses_that_nobody_awaits(self) -> None:
        """Counted and forgotten, whatever their status."""
        rig = Rig()
        request = _read(ask())
        for number in range(1000):
            for status in (100, 200, 404):
                data = reply(request, status).replace(b"K1", b"K%d" % number)
                rig.receive(data)
        self.assertEqual(rig.sent(), [])
        self.assertEqual(self._sizes(rig), (0, 0, 0))
        self.assertEqual(rig.metric("sip_unmatched_responses_total"), 3000)

    def test_forks_without_end(self) -> None:
        """2xx with ever other tags: each is ended, remembered and forgotten."""
        rig = Rig()
        rig.call(FakeClient())
        invite = rig.request()
        rig.receive(reply(invite, 486))
        for number in range(500):
            rig.receive(reply(invite, 200, f"fork{number}"))
        self.assertEqual(self._sizes(rig), (0, 500, 501))
        rig.advance(65)
        self.assertEqual(self._sizes(rig), (0, 0, 0))

    def test_acks_that_nobody_awaits(self) -> None:
        """Neither kept nor answered."""
        rig = Rig()
        self._flood(rig, "ACK", 1000, STRANGER[0])
        self.assertEqual(self._sizes(rig), (0, 0, 0))


class GarbageTests(SynchronousTestCase):
    """What is no SIP."""

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=200))
    def test_bytes(self, data: bytes) -> None:
        """Any bytes: no answer and no error."""
        rig = Rig()
        rig.receive(data)
        self.assertEqual(rig.sent(), [])
        self.assertTrue(rig.quiet())

    @settings(max_examples=500, deadline=None)
    @given(
        st.sampled_from(("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO")),
        st.lists(
            st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=3)),
            min_size=1,
            max_size=4,
        ),
    )
    def test_damaged_requests(
        self, method: str, damages: list[tuple[int, bytes]]
    ) -> None:
        """Requests with some bytes changed: an answer or none, never an error."""
        data = bytearray(ask(method, to_tag="" if method == "INVITE" else "x"))
        for at, change in damages:
            data[at : at + len(change)] = change
        rig = Rig()
        rig.answering()
        rig.receive(bytes(data))
        rig.receive(bytes(data))
        rig.advance(GIVEN_UP + 1)
        rig.receive(bytes(data))
        self.assertEqual(self.flushLoggedErrors(), [])

    @settings(max_examples=300, deadline=None)
    @given(
        st.sampled_from((100, 180, 200, 302, 486)),
        st.lists(
            st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=3)),
            min_size=1,
            max_size=4,
        ),
    )
    def test_damaged_responses(
        self, status: int, damages: list[tuple[int, bytes]]
    ) -> None:
        """Responses with some bytes changed end the call or do nothing."""
        rig = Rig()
        user = FakeClient()
        rig.call(user)
        data = bytearray(reply(rig.request(), status))
        for at, change in damages:
            data[at : at + len(change)] = change
        rig.receive(bytes(data))
        rig.receive(bytes(data))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_64_kilobytes(self) -> None:
        """The largest datagrams, of one header, of many, of a body."""
        rig = Rig()
        long = b"X-Long: " + b"x" * 64_000 + b"\r\n"
        many = b"X: y\r\n" * 10_000
        vias = b"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1\r\n" * 1400
        for more in (long, many, vias):
            data = ask().replace(b"Call-ID", more + b"Call-ID")
            rig.receive(data[:65535])
        rig.receive(b"\0" * 65535)
        rig.receive(b"\r\n" * 32767)
        rig.receive(ask(body=b"x" * 64_000))
        self.assertEqual(len(rig.users.calls), 1)
        for data, _ in rig.sent():
            self.assertIn(data[:11], (b"SIP/2.0 400", b"SIP/2.0 513"))
