"""Dialogs: what a request inside one looks like, and where it goes."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sip.rig import FakeClient, FakeLeg, Rig, ask, reply
from vos3000.errors import ParseError
from vos3000.sip.dialog import Dialog
from vos3000.sip.message import Request
from vos3000.sip.parser import parse

ROUTES = (
    "Record-Route: <sip:192.0.2.31;lr>",
    "Record-Route: <sip:192.0.2.32:5070;lr>, <sip:192.0.2.33;lr>",
)


def _answered(
    contact: str | None = "<sip:1000@192.0.2.10:5060>",
    headers: tuple[str, ...] = (),
    source: tuple[str, int] = ("192.0.2.10", 5060),
    rig: Rig | None = None,
) -> Dialog:
    """The dialog of a call that came."""
    rig = rig or Rig()
    rig.users.known.add(source[0])
    legs = rig.answering()
    rig.receive(ask(contact=contact, headers=headers), source)
    return legs[0].dialog


def _placed(
    contact: str | None = "<sip:2000@192.0.2.10:5060>",
    headers: tuple[tuple[str, str], ...] = (),
    rig: Rig | None = None,
    peer: tuple[str, int] = ("192.0.2.10", 5060),
) -> Dialog:
    """The dialog of a call that we placed."""
    rig = rig or Rig()
    user = FakeClient()
    _, dialog = rig.call(user, peer)
    rig.receive(reply(rig.request(), 200, "pt", contact, headers), peer)
    dialog.confirm(user.responses[-1])
    return dialog


def _bye(dialog: Dialog) -> Request:
    message = parse(dialog.request("BYE", dialog.local_cseq + 1, "z9hG4bKx"))
    assert isinstance(message, Request)
    return message


class RequestTests(SynchronousTestCase):
    """Requests inside a dialog (12.2.1.1)."""

    def test_of_a_call_that_came(self) -> None:
        """From is the To of the INVITE with our tag, To its From."""
        dialog = _answered()
        bye = _bye(dialog)
        self.assertEqual(bye.uri_text, "sip:1000@192.0.2.10:5060")
        self.assertEqual(
            bye.get("from"), f"<sip:2000@192.0.2.1>;tag={dialog.local_tag}"
        )
        self.assertEqual(bye.get("to"), "<sip:1000@192.0.2.10>;tag=ft")
        self.assertEqual(bye.call_id, "call-1")
        self.assertEqual((bye.cseq, bye.cseq_method), (1, "BYE"))
        self.assertEqual(
            bye.get("via"), "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKx"
        )
        self.assertEqual(bye.max_forwards, 70)
        self.assertEqual(bye.all("route"), [])

    def test_of_a_call_that_we_placed(self) -> None:
        """To has the tag of the answer."""
        bye = _bye(_placed())
        self.assertEqual(bye.uri_text, "sip:2000@192.0.2.10:5060")
        self.assertEqual(bye.to_tag, "pt")

    def test_contact(self) -> None:
        """Ours, with the transport unless it is UDP; none in a BYE."""
        for transport, contact in (
            ("UDP", "<sip:192.0.2.1:5060>"),
            ("TCP", "<sip:192.0.2.1:5060;transport=tcp>"),
        ):
            rig = Rig(transport)
            dialog = _answered(rig=rig)
            info = parse(dialog.request("INFO", 1, "z9hG4bKx"))
            self.assertEqual(info.get("contact"), contact)
            self.assertEqual(info.via.transport, transport)
            self.assertIsNone(_bye(dialog).contact)

    def test_ipv6(self) -> None:
        """Brackets in Via and Contact, none in the address."""
        peer = ("2001:db8::9", 5060)
        rig = Rig(here=("2001:db8::1", 5060))
        dialog = _answered("<sip:1000@[2001:db8::9]:5080>", source=peer, rig=rig)
        info = parse(dialog.request("INFO", 1, "z9hG4bKx"))
        assert isinstance(info, Request)
        self.assertEqual(info.uri_text, "sip:1000@[2001:db8::9]:5080")
        self.assertEqual(info.get("contact"), "<sip:[2001:db8::1]:5060>")
        self.assertEqual(
            info.get("via"), "SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z9hG4bKx"
        )
        self.assertEqual(dialog.address, ("2001:db8::9", 5080))

    def test_ipv6_of_a_call_that_we_placed(self) -> None:
        """The same on the other side."""
        peer = ("2001:db8::9", 5060)
        rig = Rig(here=("2001:db8::1", 5060))
        dialog = _placed("<sip:2000@[2001:db8::a]>", rig=rig, peer=peer)
        self.assertEqual(_bye(dialog).uri_text, "sip:2000@[2001:db8::a]")
        self.assertEqual(dialog.address, ("2001:db8::a", 5060))

    def test_body(self) -> None:
        """With its type, last."""
        dialog = _answered()
        data = dialog.request("INFO", 1, "z9hG4bKx", [("X-Test", "y")], b"0", "a/b", 5)
        info = parse(data)
        self.assertEqual((info.get("content-type"), info.body), ("a/b", b"0"))
        self.assertEqual((info.get("x-test"), info.max_forwards), ("y", 5))


class RouteTests(SynchronousTestCase):
    """Route sets (12.1, 12.2.1.1)."""

    def test_of_a_call_that_came(self) -> None:
        """In the order of Record-Route; to the first."""
        dialog = _answered(headers=ROUTES)
        bye = _bye(dialog)
        self.assertEqual(
            bye.all("route"),
            ["<sip:192.0.2.31;lr>", "<sip:192.0.2.32:5070;lr>", "<sip:192.0.2.33;lr>"],
        )
        self.assertEqual(bye.uri_text, "sip:1000@192.0.2.10:5060")
        self.assertEqual(dialog.address, ("192.0.2.31", 5060))

    def test_record_route_comes_back_in_the_answer(self) -> None:
        """So that the caller knows the same routes (12.1.1)."""
        rig = Rig()
        rig.answering()
        rig.receive(ask(headers=ROUTES))
        self.assertEqual(
            rig.response().all("record-route"),
            ["<sip:192.0.2.31;lr>", "<sip:192.0.2.32:5070;lr>", "<sip:192.0.2.33;lr>"],
        )

    def test_of_a_call_that_we_placed(self) -> None:
        """In reverse order; to the last that the answer names."""
        lines = tuple(("Record-Route", line.partition(": ")[2]) for line in ROUTES)
        dialog = _placed(headers=lines)
        self.assertEqual(
            _bye(dialog).all("route"),
            ["<sip:192.0.2.33;lr>", "<sip:192.0.2.32:5070;lr>", "<sip:192.0.2.31;lr>"],
        )
        self.assertEqual(dialog.address, ("192.0.2.33", 5060))

    def test_strict_router(self) -> None:
        """Without lr the first route is the Request-URI, the target the last."""
        dialog = _answered(
            headers=("Record-Route: <sip:192.0.2.31:5070>, <sip:192.0.2.32;lr>",)
        )
        bye = _bye(dialog)
        self.assertEqual(bye.uri_text, "sip:192.0.2.31:5070")
        self.assertEqual(
            bye.all("route"), ["<sip:192.0.2.32;lr>", "<sip:1000@192.0.2.10:5060>"]
        )
        self.assertEqual(dialog.address, ("192.0.2.31", 5070))

    def test_lr_of_the_header_is_none_of_the_route(self) -> None:
        """It must be a parameter of the URI; case and value do not matter."""
        for route, loose in (
            ("<sip:192.0.2.31>;lr", False),
            ("<sip:192.0.2.31;lrx>", False),
            ("<sip:192.0.2.31;LR>", True),
            ("<sip:192.0.2.31;lr=on>", True),
            ("Proxy <sip:192.0.2.31;lr>", True),
        ):
            dialog = _answered(headers=(f"Record-Route: {route}",))
            target = _bye(dialog).uri_text
            self.assertEqual(target.startswith("sip:1000"), loose, route)

    def test_malformed_route_of_an_answer(self) -> None:
        """It is told, and no dialog is confirmed with it."""
        with self.assertRaises(ParseError):
            _placed(headers=(("Record-Route", "<sip:192.0.2.31"),))


class AimTests(SynchronousTestCase):
    """Where requests go."""

    def test_contact_elsewhere(self) -> None:
        """To the Contact's address and port."""
        dialog = _answered("<sip:1000@192.0.2.77:5090>")
        self.assertEqual(dialog.address, ("192.0.2.77", 5090))

    def test_contact_without_port(self) -> None:
        """Port 5060."""
        dialog = _answered("<sip:1000@192.0.2.10>", source=("192.0.2.10", 40000))
        self.assertEqual(dialog.address, ("192.0.2.10", 5060))

    def test_contact_behind_a_nat(self) -> None:
        """A private address of a public sender: to where it sends from."""
        for host in ("10.1.2.3", "192.168.1.1", "127.0.0.1", "0.0.0.0", "224.0.0.1"):
            dialog = _answered(f"<sip:1000@{host}>", source=("8.8.8.8", 40000))
            self.assertEqual(dialog.address, ("8.8.8.8", 40000))

    def test_contact_by_name(self) -> None:
        """A name is not looked up: to where it sends from."""
        for host in ("gw.example", "999.999.999.999", "1.2.3", "12345"):
            dialog = _answered(f"<sip:1000@{host}>")
            self.assertEqual(dialog.address, ("192.0.2.10", 5060))
            self.assertEqual(_bye(dialog).uri_text, f"sip:1000@{host}")

    def test_no_contact(self) -> None:
        """The source address is the target as well."""
        self.assertEqual(_bye(_answered(None)).uri_text, "sip:192.0.2.10:5060")

    def test_answer_without_contact(self) -> None:
        """The target stays where the call went."""
        dialog = _placed(None)
        self.assertEqual(_bye(dialog).uri_text, "sip:2000@192.0.2.10:5060")

    def test_new_target(self) -> None:
        """A Contact in a re-INVITE or its answer moves both (12.2)."""
        dialog = _answered()
        request = parse(ask(contact="<sip:1001@192.0.2.11:5062>"))
        dialog.refresh(request)
        self.assertEqual(_bye(dialog).uri_text, "sip:1001@192.0.2.11:5062")
        self.assertEqual(dialog.address, ("192.0.2.11", 5062))

    def test_new_target_behind_routes(self) -> None:
        """With routes only the Request-URI changes."""
        dialog = _answered(headers=ROUTES)
        dialog.refresh(parse(ask(contact="<sip:1001@192.0.2.11:5062>")))
        self.assertEqual(dialog.address, ("192.0.2.31", 5060))
        self.assertEqual(_bye(dialog).uri_text, "sip:1001@192.0.2.11:5062")


class MatchTests(SynchronousTestCase):
    """Which requests are of a dialog (12.2.2)."""

    def test_tags_and_call_id(self) -> None:
        """All three."""
        rig = Rig()
        dialog = _placed(rig=rig)
        for call_id, tag, matches in (
            (dialog.call_id, "pt", True),
            (dialog.call_id, "other", False),
            ("other", "pt", False),
        ):
            request = parse(ask("BYE", call_id=call_id, from_tag=tag))
            assert isinstance(request, Request)
            self.assertEqual(dialog.matches(request), matches)

    def test_peer_without_a_tag(self) -> None:
        """Peers of RFC 2543 have none (12.1.1)."""
        rig = Rig()
        legs = rig.answering()
        rig.receive(ask().replace(b";tag=ft", b""))
        leg = legs[0]
        self.assertIsInstance(leg, FakeLeg)
        request = parse(ask("BYE").replace(b";tag=ft", b""))
        assert isinstance(request, Request)
        self.assertTrue(leg.dialog.matches(request))


class SecureTests(SynchronousTestCase):
    """SIPS (12.1.1, 26.2; RFC 5630), and how a transport stands in what we say."""

    def test_our_contact(self) -> None:
        """By transport; secure WebSocket is C{ws} in a URI (RFC 7118 5.2.2)."""
        for transport, contact in (
            ("UDP", "<sip:192.0.2.1:5060>"),
            ("TCP", "<sip:192.0.2.1:5060;transport=tcp>"),
            ("TLS", "<sip:192.0.2.1:5060;transport=tls>"),
            ("WS", "<sip:192.0.2.1:5060;transport=ws>"),
            ("WSS", "<sip:192.0.2.1:5060;transport=ws>"),
        ):
            self.assertEqual(_answered(rig=Rig(transport)).contact, contact)

    def test_peer_that_wants_sips(self) -> None:
        """By its Contact, its first Record-Route, or the Request-URI."""
        contact, route = "<sips:1000@192.0.2.10>", "Record-Route: <sips:192.0.2.31;lr>"
        for transport, ours in (
            ("TLS", "<sips:192.0.2.1:5060>"),
            ("WSS", "<sips:192.0.2.1:5060;transport=ws>"),
        ):
            for dialog in (
                _answered(contact, rig=Rig(transport)),
                _answered(headers=(route,), rig=Rig(transport)),
                _called("sips:2000@192.0.2.1", transport),
            ):
                self.assertEqual(dialog.contact, ours)
        dialog = _answered(contact, (ROUTES[0],), rig=Rig("TLS"))
        self.assertEqual(dialog.contact, "<sip:192.0.2.1:5060;transport=tls>")

    def test_requests_to_a_sips_contact(self) -> None:
        """They go there, at the port of TLS if none is named."""
        dialog = _answered("<sips:1000@192.0.2.10>", rig=Rig("TLS"))
        self.assertEqual(_bye(dialog).uri_text, "sips:1000@192.0.2.10")
        self.assertEqual(dialog.address, ("192.0.2.10", 5061))

    def test_sips_contact_on_an_open_transport(self) -> None:
        """It is not taken: requests go on to where they went."""
        for transport in ("UDP", "TCP"):
            dialog = _placed("<sips:2000@192.0.2.77>", rig=Rig(transport))
            self.assertEqual(_bye(dialog).uri_text, "sip:2000@192.0.2.10:5060")
            self.assertEqual(dialog.address, ("192.0.2.10", 5060))

    def test_reuse_is_offered_on_tls(self) -> None:
        """And nowhere else (RFC 5923)."""
        for transport in ("UDP", "TCP", "TLS", "WS", "WSS"):
            via = _bye(_answered(rig=Rig(transport))).via
            offered = via.param("alias") is not None
            self.assertEqual(offered, transport == "TLS", transport)


def _called(uri: str, transport: str) -> Dialog:
    """The dialog of a call for C{uri}."""
    rig = Rig(transport)
    legs = rig.answering()
    rig.receive(ask(uri=uri, transport=transport))
    return legs[0].dialog
