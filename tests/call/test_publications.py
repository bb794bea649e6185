"""
Gateways that publish how they stand (sipAllowPublish; RFC 3903).
"""

from __future__ import annotations

from typing import Any

from tests.call.build import CallTests, final
from tests.devices import Device
from tests.peers import Callee, Caller
from tests.switch import (
    CALLEE,
    CALLER,
    SECOND,
    STRANGER,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.call.trunk.publications import Told, read_lines, read_presence
from vos3000.errors import ParseError
from vos3000.model.gateways import RoutingGateway
from vos3000.model.sipoptions import SipOptions
from vos3000.sip.message import Response

PUBLISHES = SipOptions(allows_publish=True)
LINES = "text/plain"
PIDF = "application/pidf+xml"


def presence(*basic: str) -> str:
    """A presence document with these statuses."""
    tuples = "".join(
        f'<tuple id="t{n}"><status><basic>{each}</basic></status></tuple>'
        for n, each in enumerate(basic)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:gw@h">'
        f"{tuples}</presence>"
    )


class PublishTests(CallTests):
    """What they have in common."""

    def begin(self, *gateways: RoutingGateway, **settings: Any) -> Switch:
        """A switch whose first gateway may publish."""
        self._number = 0
        return self.switch(
            routing=gateways or [routing_gateway(sip=PUBLISHES)], **settings
        )

    def publish(
        self,
        switch: Switch,
        body: str = "",
        *headers: str,
        kind: str = LINES,
        event: str = "presence",
        source: tuple[str, int] = CALLEE,
        uri: str = "sip:192.0.2.1",
    ) -> Response:
        """The answer to a PUBLISH."""
        self._number += 1
        lines = [
            f"PUBLISH {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {source[0]}:{source[1]};branch=z9hG4bKp{self._number}",
            "Max-Forwards: 70",
            f"From: <sip:gw@{source[0]}>;tag=p",
            "To: <sip:gw@192.0.2.1>",
            "Call-ID: publish",
            f"CSeq: {self._number} PUBLISH",
            *([f"Event: {event}"] if event else []),
            *headers,
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        switch.receive("\r\n".join(lines) + "\r\n\r\n" + body, source)
        return switch.response(source)

    def why(self, switch: Switch, name: str = "first") -> str:
        """Why a gateway is not called."""
        return switch.availability.obstacle(name)


class StateTests(PublishTests):
    """What it means."""

    def test_no_line_free(self) -> None:
        """The gateway is left out, and a call for it refused."""
        switch = self.begin()
        self.assertEqual(self.publish(switch, "capacity=0").status, 200)
        self.assertEqual(self.why(switch), "full, as it published")
        Caller(switch).invite()
        self.assertEqual(final(switch, CALLER).status, 503)
        self.assertEqual(self.publish(switch, "capacity=1").status, 200)
        self.assertEqual(self.why(switch), "")

    def test_lines_taken_since(self) -> None:
        """Calls of ours count against what was free; ended ones no more."""
        switch = self.begin()
        self.publish(switch, "capacity=1")
        caller = Caller(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        self.assertEqual(self.why(switch), "full, as it published")
        Callee(switch).reply(invite, 486)
        self.assertEqual(self.why(switch), "")

    def test_closed(self) -> None:
        """By a line, or by a presence document."""
        for body, kind in (("status=closed", LINES), (presence("closed"), PIDF)):
            switch = self.begin()
            self.assertEqual(self.publish(switch, body, kind=kind).status, 200)
            self.assertEqual(self.why(switch), "closed, as it published")
            self.publish(switch, presence("closed", "open"), kind=PIDF)
            self.assertEqual(self.why(switch), "")

    def test_expires(self) -> None:
        """It holds for as long as it says, SS_SIP_PUBLISH_EXPIRE at most."""
        for header, seconds in (("Expires: 60", 60), ("Expires: 9999", 300)):
            switch = self.begin()
            answer = self.publish(switch, "capacity=0", header)
            self.assertEqual(answer.get("expires"), str(seconds))
            switch.advance(seconds - 0.25)
            self.assertNotEqual(self.why(switch), "")
            switch.advance(0.5)
            self.assertEqual(self.why(switch), "")
            self.assertEqual(switch.left(), {})

    def test_parameter(self) -> None:
        """SS_SIP_PUBLISH_EXPIRE holds where nobody says how long."""
        switch = self.begin(parameters={"SS_SIP_PUBLISH_EXPIRE": "40"})
        answer = self.publish(switch, "capacity=0")
        self.assertEqual(answer.get("expires"), "40")

    def test_read_again(self) -> None:
        """Reading the tables again keeps it; without the option it is gone."""
        switch = self.begin()
        self.publish(switch, "capacity=0")
        same = [routing_gateway(sip=PUBLISHES)]
        switch.selector.load(same)
        switch.trunks.load_routing(same)
        self.assertNotEqual(self.why(switch), "")
        switch.trunks.load_routing([routing_gateway()])
        self.assertEqual(self.why(switch), "")
        self.assertEqual(switch.left(), {})

    def test_mapping_gateway(self) -> None:
        """It is shown, and its calls are taken."""
        switch = self.switch(mapping=[mapping_gateway(sip=PUBLISHES)])
        self._number = 0
        answer = self.publish(switch, "status=closed", source=CALLER)
        self.assertEqual(answer.status, 200)
        self.assertEqual(switch.presence.obstacle("ingress"), "closed, as it published")
        Caller(switch).invite()
        self.assertEqual(self.lines(switch, CALLEE), ["INVITE"])


class ProtocolTests(PublishTests):
    """Entity tags and refusals."""

    def test_refreshed(self) -> None:
        """By its tag, without a body; each answer has a new tag (section 6)."""
        switch = self.begin()
        first = self.publish(switch, "capacity=0", "Expires: 60")
        switch.advance(50)
        tag = first.get("sip-etag")
        second = self.publish(switch, "", f"SIP-If-Match: {tag}", "Expires: 60")
        self.assertEqual(second.status, 200)
        self.assertNotEqual(second.get("sip-etag"), tag)
        switch.advance(50)
        self.assertNotEqual(self.why(switch), "")
        switch.advance(10.5)
        self.assertEqual(self.why(switch), "")

    def test_modified_and_removed(self) -> None:
        """By its tag, with a body; by Expires 0."""
        switch = self.begin()
        tag = self.publish(switch, "capacity=0").get("sip-etag")
        answer = self.publish(switch, "capacity=9", f"SIP-If-Match: {tag}")
        self.assertEqual(self.why(switch), "")
        tag = answer.get("sip-etag")
        self.publish(switch, "status=closed", f"SIP-If-Match: {tag}")
        self.assertNotEqual(self.why(switch), "")
        tag = self.publish(switch, "status=closed").get("sip-etag")
        answer = self.publish(switch, "", f"SIP-If-Match: {tag}", "Expires: 0")
        self.assertEqual((answer.status, answer.get("expires")), (200, "0"))
        self.assertEqual(self.why(switch), "")
        self.assertEqual(switch.left(), {})

    def test_wrong_tag(self) -> None:
        """412: unknown, used before, expired, or of another package."""
        switch = self.begin()
        tag = self.publish(switch, "capacity=0").get("sip-etag")
        match = f"SIP-If-Match: {tag}"
        self.assertEqual(self.publish(switch, "", "SIP-If-Match: x").status, 412)
        self.assertEqual(self.publish(switch, "", match, event="capacity").status, 412)
        self.assertEqual(self.publish(switch, "", match).status, 200)
        self.assertEqual(self.publish(switch, "", match).status, 412)
        switch.advance(301)
        self.assertEqual(self.publish(switch, "", match).status, 412)
        self.assertEqual(self.publish(switch, "", match, match).status, 400)

    def test_refusals(self) -> None:
        """Each with what the gateway needs to know; nothing changes."""
        for body, headers, more, status, header, value in (
            ("capacity=0", (), {"event": "dialog"}, 489, "allow-events", "presence"),
            ("capacity=0", (), {"event": ""}, 489, "allow-events", "capacity"),
            ("capacity=0", ("Expires: 29",), {}, 423, "min-expires", "30"),
            ("capacity=0", (), {"kind": "text/html"}, 415, "accept", LINES),
            (
                "capacity=0",
                ("Content-Encoding: gzip",),
                {},
                415,
                "accept-encoding",
                "identity",
            ),
            ("capacity=0", ("Expires: soon",), {}, 400, "", ""),
            ("", (), {}, 400, "", ""),
            ("capacity=many", (), {}, 400, "", ""),
            ("capacity=0" + " " * 9000, (), {}, 413, "", ""),
        ):
            switch = self.begin()
            answer = self.publish(switch, body, *headers, **more)  # type: ignore[arg-type]
            self.assertEqual(answer.status, status, body[:20])
            if header:
                self.assertIn(value, ", ".join(answer.all(header)))
            self.assertEqual(self.why(switch), "")
            self.assertEqual(switch.left(), {})

    def test_who_may(self) -> None:
        """A gateway without the option is told so, a stranger 403."""
        switch = self.begin(routing_gateway())
        answer = self.publish(switch, "capacity=0")
        self.assertEqual(answer.status, 405)
        self.assertNotIn("PUBLISH", answer.all("allow"))
        answer = self.publish(switch, "capacity=0", source=STRANGER)
        self.assertEqual(answer.status, 403)
        self.assertEqual(switch.left(), {})

    def test_stranger_in_silence(self) -> None:
        """With SS_REPLY_UNAUTHORIZED off it hears nothing."""
        switch = self.begin(parameters={"SS_REPLY_UNAUTHORIZED": "Off"})
        with self.assertRaises(AssertionError):
            self.publish(switch, "capacity=0", source=STRANGER)
        self.assertEqual(switch.left(), {})

    def test_several_at_one_address(self) -> None:
        """The one that the Request-URI names; no name, no guess."""
        both = [
            routing_gateway(sip=PUBLISHES),
            routing_gateway(id=3, name="second", sip=PUBLISHES),
        ]
        switch = self.begin(*both)
        self.assertEqual(self.publish(switch, "capacity=0").status, 404)
        uri = "sip:second@192.0.2.1"
        self.assertEqual(self.publish(switch, "capacity=0", uri=uri).status, 200)
        self.assertEqual((self.why(switch), self.why(switch, "second")),
                         ("", "full, as it published"))  # fmt: skip
        uri = "sip:elsewhere@192.0.2.1"
        self.assertEqual(self.publish(switch, "capacity=0", uri=uri).status, 404)

    def test_only_its_own(self) -> None:
        """A gateway speaks for nobody at another address."""
        other = routing_gateway(id=3, name="second", remote_ip=SECOND[0], sip=PUBLISHES)
        switch = self.begin(routing_gateway(sip=PUBLISHES), other)
        self.publish(switch, "capacity=0", uri="sip:second@192.0.2.1")
        self.assertEqual(self.why(switch, "second"), "")
        self.assertNotEqual(self.why(switch), "")

    def test_registered_gateway(self) -> None:
        """It speaks for itself from where it is registered; a phone does not."""
        home = ("203.0.113.80", 5070)
        for number, status in (("trunk", 200), ("1001", 403)):
            switch = self.begin(
                routing_gateway(
                    name="trunk",
                    remote_ip="",
                    register_type=1,
                    password="secret",
                    sip=PUBLISHES,
                ),
                routing_gateway(id=3, name="1001", remote_ip=SECOND[0], sip=PUBLISHES),
            )
            switch.phone("1001")
            self.assertEqual(
                Device(switch, number, address=home).register().status, 200
            )
            answer = self.publish(switch, "status=closed", source=home)
            self.assertEqual(answer.status, status)
            closed = [self.why(switch, name) != "" for name in ("trunk", "1001")]
            self.assertEqual(closed, [number == "trunk", False])


class DocumentTests(CallTests):
    """The two formats."""

    def test_lines(self) -> None:
        """Known names, in any case, the first of each; others passed over."""
        for text, told in (
            (b"capacity=5", Told(True, 5)),
            (b"Status = Open\r\nCapacity = 0\r\n", Told(True, 0)),
            (b"load=3\n\nstatus=closed\nnonsense", Told(False)),
            (b"capacity=1\ncapacity=2", Told(True, 1)),
        ):
            self.assertEqual(read_lines(text), told)

    def test_malformed_lines(self) -> None:
        """Nothing is guessed."""
        for text in (b"", b"load=1", b"capacity=-1", b"capacity=", b"status=busy",
                     b"capacity=1000000", b"\xff=1"):  # fmt: skip
            with self.assertRaises(ParseError):
                read_lines(text)

    def test_presence(self) -> None:
        """Open if any tuple is."""
        for basic, is_open in (
            (("open",), True),
            (("closed",), False),
            (("closed", " OPEN "), True),
        ):
            self.assertEqual(read_presence(presence(*basic).encode()), Told(is_open))

    def test_malformed_presence(self) -> None:
        """A document type is refused before anything of it is expanded."""
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + presence("open")[38:]
        for text in ("", "<", bomb, presence(), presence("away"), "<presence/>",
                     presence("open").replace("presence", "x"),
                     presence("open").replace("UTF-8", "nonsense"),
                     "<a>" * 5000):  # fmt: skip
            with self.assertRaises(ParseError, msg=text[:60]):
                read_presence(text.encode())
        with self.assertRaises(ParseError):
            read_presence(bomb.replace("UTF-8", "UTF-16").encode("utf-16"))
