"""
Registering with other platforms (registerType 2; RFC 3261 10.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.logger import capturedLogs

from tests.call.build import CallTests, final
from tests.call.test_challenged import challenge
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.events import GatewayOnlineChanged
from vos3000.model.gateways import RegisterType, Registration, RoutingGateway
from vos3000.sip.digest import parse_credentials, secret, verify
from vos3000.sip.fields import parse_name_addr
from vos3000.sip.message import Request, respond

OTHER = ("192.0.2.31", 5060)
SILENCE = 20.0
"""Seconds after which a REGISTER was sent often enough."""


def peer(**settings: Any) -> RoutingGateway:
    """A gateway that we register with."""
    given: dict[str, Any] = {
        "register_type": RegisterType.REGISTERS,
        "registration": Registration("trunk", "auth", "carrier.example"),
        "password": "secret",
        **settings,
    }
    return routing_gateway(**given)


class RegistrationTests(CallTests):
    """What they have in common: a registrar in the callee's place."""

    def begin(self, *gateways: RoutingGateway, **parameters: str) -> Switch:
        """A switch that is about to register."""
        switch = self.switch(
            routing=gateways or [peer()],
            parameters={f"SS_SIP_USER_AGENT_{k}": v for k, v in parameters.items()},
        )
        self.told: list[GatewayOnlineChanged] = []
        switch.events.subscribe(GatewayOnlineChanged, self.told.append)
        switch.advance(0.25)
        return switch

    def asked(self, switch: Switch, address: tuple[str, int] = CALLEE) -> Request:
        """The REGISTER that was sent."""
        request = switch.request(address)
        self.assertEqual(request.method, "REGISTER")
        return request

    def reply(
        self,
        switch: Switch,
        request: Request,
        status: int,
        *headers: tuple[str, str],
        address: tuple[str, int] = CALLEE,
    ) -> None:
        """The registrar answers; with the binding, if it is a 200."""
        data = respond(request, status, None, "r", headers)
        switch.receive(data, address)

    def grant(self, switch: Switch, request: Request, expires: int = 100) -> None:
        """The registrar keeps the binding for so long."""
        ours = f"{request.get('contact')};expires={expires}"
        others = "<sip:trunk@198.51.100.1;line=99>;expires=7"
        self.reply(switch, request, 200, ("Contact", f"{others}, {ours}"))

    def up(self, **parameters: str) -> tuple[Switch, Request]:
        """A switch that is registered for 100 s; the REGISTER that did it."""
        switch = self.begin(**parameters)
        request = self.asked(switch)
        self.grant(switch, request)
        return switch, request

    def why(self, switch: Switch) -> str:
        """Why the gateway is not called."""
        return switch.availability.obstacle("first")

    def assert_credentials(self, request: Request, nonce: str, count: int) -> None:
        """They are there and right."""
        found = parse_credentials(request.get("authorization") or "")
        self.assertEqual((found.nonce, found.count), (nonce, count))
        self.assertEqual((found.username, found.uri), ("auth", request.uri_text))
        hashed = secret(found.algorithm, "auth", found.realm, "secret")
        self.assertTrue(verify(found, hashed, "REGISTER"))


class BindingTests(RegistrationTests):
    """Making and keeping a binding."""

    def test_the_request(self) -> None:
        """Section 10.2: no user in the Request-URI, To and From the record."""
        switch = self.begin()
        request = self.asked(switch)
        self.assertEqual(request.uri_text, "sip:carrier.example")
        self.assertEqual(str(request.to.uri), "sip:trunk@carrier.example")
        self.assertEqual(str(request.from_.uri), "sip:trunk@carrier.example")
        self.assertIsNone(request.to_tag)
        self.assertTrue(request.from_tag)
        self.assertEqual(request.get("contact"), "<sip:trunk@192.0.2.1:5060;line=2>")
        self.assertIsNone(request.get("expires"))
        self.assertEqual(self.why(switch), "not registered")

    def test_without_a_domain(self) -> None:
        """It is the gateway's address, with a port that is not the usual one."""
        registration = Registration("12 3", "12 3")
        gateway = peer(registration=registration, signal_port=5070)
        switch = self.begin(gateway)
        request = self.asked(switch, (CALLEE[0], 5070))
        self.assertEqual(request.uri_text, "sip:192.0.2.20:5070")
        self.assertEqual(str(request.to.uri), "sip:12%203@192.0.2.20:5070")

    def test_registered(self) -> None:
        """The gateway is called from then on, and shown as registered."""
        switch, _ = self.up()
        self.assertEqual(self.why(switch), "")
        status = switch.availability.status("first")
        assert status.registered is not None
        self.assertEqual(status.registered.name, "trunk")
        self.assertEqual([each.online for each in self.told], [True])
        numbers = {each.name: each.value for each in switch.metrics.samples()}
        self.assertEqual(numbers["trunk_registrations"], 1)
        self.assertEqual(numbers["trunk_registrations_wanted"], 1)
        Caller(switch).invite()
        self.assertEqual(self.lines(switch, CALLEE), ["INVITE"])

    def test_not_called_before(self) -> None:
        """Until then there is no route."""
        switch = self.begin()
        Caller(switch).invite()
        self.assertEqual(self.lines(switch, CALLER), ["100", "503"])
        self.assertEqual(self.lines(switch, CALLEE), ["REGISTER"])

    def test_refresh(self) -> None:
        """After three quarters: same Call-ID and tag, the next number."""
        switch, first = self.up()
        switch.advance(74.5)
        self.assertEqual(switch.taken(CALLEE), [])
        switch.advance(0.75)
        second = self.asked(switch)
        self.assertEqual(second.call_id, first.call_id)
        self.assertEqual(second.from_tag, first.from_tag)
        self.assertEqual(second.cseq, first.cseq + 1)
        self.assertEqual(second.get("contact"), first.get("contact"))
        before = switch.availability.status("first").registered
        self.grant(switch, second, 3600)
        after = switch.availability.status("first").registered
        assert before is not None
        assert after is not None
        self.assertEqual(after.since, before.since)
        self.assertGreater(after.updated.mono, before.updated.mono)
        switch.advance(2699)
        self.assertEqual(switch.taken(CALLEE), [])
        switch.advance(1.5)
        self.asked(switch)

    def test_how_long(self) -> None:
        """What Contact says, else Expires, else what was asked, else an hour."""
        for headers, parameters, refresh in (
            ((("Expires", "200"),), {}, 150),
            ((), {"EXPIRE": "400"}, 300),
            ((), {}, 2700),
            ((("Contact", "<sip:x@h>;expires=10"), ("Expires", "200")), {}, 150),
            ((("Contact", "<<<"), ("Expires", "soon")), {}, 2700),
        ):
            switch = self.begin(**parameters)  # type: ignore[arg-type]
            self.reply(switch, self.asked(switch), 200, *headers)
            switch.advance(refresh - 1)
            self.assertEqual(switch.taken(CALLEE), [])
            switch.advance(1.5)
            self.asked(switch)

    def test_asked_for(self) -> None:
        """The gateway's own value, else SS_SIP_USER_AGENT_EXPIRE."""
        switch = self.begin(EXPIRE="1800")
        self.assertEqual(self.asked(switch).get("expires"), "1800")
        own = peer(registration=Registration("trunk", "auth", "", 600))
        switch = self.begin(own, EXPIRE="1800")
        self.assertEqual(self.asked(switch).get("expires"), "600")

    def test_absurd_times(self) -> None:
        """A registrar cannot make us flood it; 0 is no binding."""
        switch = self.begin()
        self.grant(switch, self.asked(switch), 1)
        switch.advance(7.25)
        self.assertEqual(switch.taken(CALLEE), [])
        switch.advance(0.5)
        self.grant(switch, self.asked(switch), 0)
        self.assertIn("not registered", self.why(switch))
        switch.advance(59)
        self.assertEqual(switch.taken(CALLEE), [])

    def test_interval_too_brief(self) -> None:
        """423: as long as the registrar wants (10.2.8), then that is kept to."""
        switch = self.begin(EXPIRE="60")
        request = self.asked(switch)
        self.reply(switch, request, 423, ("Min-Expires", "900"))
        again = self.asked(switch)
        self.assertEqual(again.get("expires"), "900")
        self.assertEqual((again.call_id, again.cseq), (request.call_id, 2))
        self.reply(switch, again, 200)
        switch.advance(674)
        self.assertEqual(switch.taken(CALLEE), [])

    def test_nonsense_beside_423(self) -> None:
        """No Min-Expires, or not more than was asked: a refusal."""
        for headers in ((), (("Min-Expires", "60"),), (("Min-Expires", "x"),)):
            switch = self.begin(EXPIRE="60")
            self.reply(switch, self.asked(switch), 423, *headers)
            self.assertEqual(switch.taken(CALLEE), [])
            self.assertIn("423", self.why(switch))

    def test_several(self) -> None:
        """Each has a Call-ID, and a Contact of its own at the same registrar."""
        gateways = [
            peer(),
            peer(id=3, name="second", registration=Registration("b", "b", "h")),
            peer(id=4, name="third", remote_ip=SECOND[0]),
        ]
        switch = self.switch(routing=gateways)
        switch.advance(0.25)
        first, second = switch.taken(CALLEE)
        third = self.asked(switch, SECOND)
        requests = [first, second, third]
        self.assertEqual(len({each.call_id for each in requests}), 3)
        self.assertEqual(
            [each.get("contact") for each in requests],
            [
                "<sip:trunk@192.0.2.1:5060;line=2>",
                "<sip:b@192.0.2.1:5060;line=3>",
                "<sip:trunk@192.0.2.1:5060;line=4>",
            ],
        )

    def test_call_that_comes_to_the_contact(self) -> None:
        """From the registrar, which is a mapping gateway too: its number."""
        source = mapping_gateway(remote_ips=(CALLEE[0],), callee_domain=1)
        switch = self.switch(
            mapping=[source], routing=[peer(), routing_gateway(id=9, name="out")]
        )
        switch.advance(0.25)
        request = self.asked(switch)
        caller = Caller(switch, CALLEE, callee="555")
        contact = parse_name_addr(request.get("contact") or "").uri
        caller.uri = str(contact)
        caller.invite()
        self.assertEqual(switch.registry.current().__iter__().__next__().callee_e164,
                         "trunk")  # fmt: skip


class ChallengeTests(RegistrationTests):
    """401 and 407."""

    def test_challenged(self) -> None:
        """The next REGISTER has credentials; the refresh has them at once."""
        switch = self.begin()
        request = self.asked(switch)
        self.assertIsNone(request.get("authorization"))
        self.reply(switch, request, 401, ("WWW-Authenticate", challenge("n1")))
        again = self.asked(switch)
        self.assertEqual((again.cseq, again.call_id), (2, request.call_id))
        self.assert_credentials(again, "n1", 1)
        self.grant(switch, again)
        switch.advance(75.25)
        refresh = self.asked(switch)
        self.assert_credentials(refresh, "n1", 2)
        newer = challenge("n2", ', qop="auth", stale=true')
        self.reply(switch, refresh, 401, ("WWW-Authenticate", newer))
        again = self.asked(switch)
        self.assert_credentials(again, "n2", 1)
        self.grant(switch, again)
        self.assertEqual([each.online for each in self.told], [True])

    def test_proxy(self) -> None:
        """407 by Proxy-Authorization."""
        switch = self.begin()
        header = ("Proxy-Authenticate", challenge())
        self.reply(switch, self.asked(switch), 407, header)
        again = self.asked(switch)
        self.assertIsNotNone(again.get("proxy-authorization"))

    def test_wrong_password(self) -> None:
        """It is not hammered: each wait is twice as long, up to an hour."""
        switch = self.begin(RETRY_DELAY="30")
        for delay in (30, 60, 120, 240, 480, 960, 1920, 3600, 3600):
            self.reply_wrong(switch)
            self.assertEqual(self.why(switch), "not registered: 401 Unauthorized")
            switch.advance(delay - 0.5)
            self.assertEqual(switch.taken(CALLEE), [])
            switch.advance(0.75)
        self.reply(switch, self.last(switch), 401, *self.header("n1"))
        self.grant(switch, self.asked(switch))
        self.assertEqual(self.why(switch), "")

    def header(self, nonce: str) -> Iterable[tuple[str, str]]:
        """A challenge."""
        return [("WWW-Authenticate", challenge(nonce))]

    def last(self, switch: Switch) -> Request:
        """The REGISTER of a try."""
        return self.asked(switch)

    def reply_wrong(self, switch: Switch) -> None:
        """Both REGISTERs of a try are refused."""
        self.reply(switch, self.last(switch), 401, *self.header("n1"))
        self.reply(switch, self.last(switch), 401, *self.header("n2"))
        self.assertEqual(switch.taken(CALLEE), [])

    def test_without_a_password(self) -> None:
        """Nothing is answered."""
        switch = self.begin(peer(password=""))
        self.reply(switch, self.asked(switch), 401, *self.header("n1"))
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertIn("401", self.why(switch))


class FailureTests(RegistrationTests):
    """A registrar that refuses, is silent, or moves."""

    def test_refused(self) -> None:
        """403: tried again after SS_SIP_USER_AGENT_RETRY_DELAY, then later."""
        switch = self.begin()
        self.reply(switch, self.asked(switch), 403)
        self.assertEqual(self.why(switch), "not registered: 403 Forbidden")
        switch.advance(59.5)
        self.assertEqual(switch.taken(CALLEE), [])
        switch.advance(0.75)
        self.grant(switch, self.asked(switch))
        self.assertEqual(self.why(switch), "")

    def test_refresh_refused(self) -> None:
        """The binding is gone at once; that is told."""
        switch, _ = self.up()
        switch.advance(75.25)
        self.reply(switch, self.asked(switch), 403)
        self.assertEqual(self.why(switch), "not registered: 403 Forbidden")
        self.assertEqual([each.online for each in self.told], [True, False])
        self.assertIn("403", self.told[1].why)

    def test_silent(self) -> None:
        """No answer at all: tried again, the delay the same each time."""
        switch = self.begin(RETRY_DELAY="30")
        for _ in range(4):
            switch.advance(SILENCE)
            self.assertEqual(set(self.lines(switch, CALLEE)), {"REGISTER"})
            self.assertEqual(self.why(switch), "not registered: no answer")
            switch.advance(30)

    def test_silent_refresh(self) -> None:
        """The binding counts for as long as it was promised, no longer."""
        switch, _ = self.up()
        switch.advance(75.25 + SILENCE)
        self.assertEqual(self.why(switch), "")
        switch.advance(4.25)
        self.assertEqual(self.why(switch), "")
        switch.advance(0.75)
        self.assertEqual(self.why(switch), "not registered: no answer")
        switch.taken()
        switch.advance(55)
        self.grant(switch, self.asked(switch))
        self.assertEqual(self.why(switch), "")
        self.assertEqual([e.online for e in self.told], [True, False, True])

    def test_lapses_while_it_is_refreshed(self) -> None:
        """A short binding ends before its refresh was given up."""
        switch = self.begin()
        self.grant(switch, self.asked(switch), 20)
        switch.advance(15.25)
        request = self.asked(switch)
        switch.advance(5)
        self.assertEqual(self.why(switch), "not registered: not refreshed in time")
        self.grant(switch, request)
        self.assertEqual(self.why(switch), "")

    def test_out_of_service(self) -> None:
        """503 is like silence; Retry-After lengthens the wait."""
        switch, _ = self.up()
        switch.advance(75.25)
        self.reply(switch, self.asked(switch), 503, ("Retry-After", "200"))
        self.assertEqual(self.why(switch), "")
        switch.advance(199.5)
        self.assertEqual(switch.taken(CALLEE), [])
        switch.advance(0.75)
        self.asked(switch)

    def test_next_address(self) -> None:
        """Where the name leads to two addresses, the second is tried."""
        switch = self.switch(routing=[peer()])
        one = switch.gate.places
        switch.gate.places = lambda *given: one(*given) + one(*OTHER, *given[2:])  # type: ignore[method-assign]
        switch.advance(0.25)
        self.reply(switch, self.asked(switch), 503)
        request = self.asked(switch, OTHER)
        self.grant(switch, request)
        self.assertEqual(self.why(switch), "")

    def test_without_an_address(self) -> None:
        """A name that leads nowhere."""
        switch = self.switch(routing=[peer()])
        switch.gate._servers = lambda *place: ()
        switch.advance(0.25)
        self.assertEqual(self.why(switch), "not registered: its address is not known")
        switch.gate._servers = switch.located
        switch.advance(60.25)
        self.asked(switch)

    def test_moved(self) -> None:
        """A 302 is followed; refreshes go where the binding is."""
        switch = self.begin()
        contact = ("Contact", f"<sip:{OTHER[0]}>")
        self.reply(switch, self.asked(switch), 302, contact)
        request = self.asked(switch, OTHER)
        self.assertEqual(request.uri_text, f"sip:{OTHER[0]}")
        self.grant(switch, request)
        self.assertEqual(self.why(switch), "")
        switch.advance(75.25)
        refresh = self.asked(switch, OTHER)
        self.reply(switch, refresh, 403, address=OTHER)
        switch.advance(60.25)
        self.asked(switch)

    def test_moved_in_circles(self) -> None:
        """It ends."""
        switch = self.begin()
        contact = ("Contact", f"<sip:{CALLEE[0]}>")
        for _ in range(7):
            self.reply(switch, self.asked(switch), 302, contact)
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertIn("302", self.why(switch))

    def test_moved_nowhere(self) -> None:
        """A 302 without a place to go to is a refusal."""
        switch = self.begin()
        self.reply(switch, self.asked(switch), 302)
        self.assertIn("302", self.why(switch))

    def test_warned_once(self) -> None:
        """The log has a line for the first failure, not for each."""
        switch = self.begin(RETRY_DELAY="30")
        with capturedLogs() as events:
            for delay in (30, 60, 120):
                self.reply(switch, self.asked(switch), 403)
                switch.advance(delay + 0.25)
            self.reply(switch, self.asked(switch), 404)
        told = [event["why"] for event in events if "why" in event]
        self.assertEqual(told, ["403 Forbidden", "404 Not Found"])


class LeavingTests(RegistrationTests):
    """The end of a registration."""

    def test_unregister(self) -> None:
        """When the switch stops: Expires 0 for our Contact only."""
        switch, first = self.up()
        switch.trunks.stop()
        request = self.asked(switch)
        self.assertEqual(request.get("expires"), "0")
        self.assertEqual(request.get("contact"), first.get("contact"))
        self.assertEqual((request.cseq, request.call_id), (2, first.call_id))
        self.assertTrue(switch.core.layer.busy())
        self.reply(switch, request, 200)
        self.assertFalse(switch.core.layer.busy())
        self.assertEqual(switch.left(), {})

    def test_challenged(self) -> None:
        """That REGISTER is answered for, too."""
        switch, _ = self.up()
        switch.trunks.stop()
        header = ("WWW-Authenticate", challenge())
        self.reply(switch, self.asked(switch), 401, header)
        again = self.asked(switch)
        self.assertEqual(again.get("expires"), "0")
        self.assert_credentials(again, "n1", 1)
        self.reply(switch, again, 401, header)
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(switch.left(), {})

    def test_silent(self) -> None:
        """A registrar that is gone is asked no longer than anybody."""
        switch, _ = self.up()
        switch.trunks.stop()
        switch.advance(SILENCE)
        self.assertEqual(switch.left(), {})

    def test_switched_off(self) -> None:
        """SS_SIP_USER_AGENT_SEND_UNREGISTER."""
        switch, _ = self.up(SEND_UNREGISTER="Off")
        switch.trunks.stop()
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(switch.left(), {})

    def test_never_registered(self) -> None:
        """There is nothing to take back, unless a REGISTER is under way."""
        switch = self.begin()
        self.reply(switch, self.asked(switch), 403)
        switch.trunks.stop()
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(switch.left(), {})
        switch = self.begin()
        first = self.asked(switch)
        switch.trunks.stop()
        self.assertEqual(self.asked(switch).get("expires"), "0")
        self.grant(switch, first)
        self.assertEqual(self.why(switch), "not registered")

    def test_not_even_begun(self) -> None:
        """A start that is stopped at once."""
        switch = self.switch(routing=[peer()])
        switch.trunks.stop()
        switch.advance(5)
        self.assertEqual(switch.taken(), [])
        self.assertEqual(switch.left(), {})

    def test_gateway_removed(self) -> None:
        """It is left when the tables no longer have it."""
        switch, _ = self.up()
        switch.selector.load([])
        switch.trunks.load_routing([])
        self.assertEqual(self.asked(switch).get("expires"), "0")

    def test_gateway_changed(self) -> None:
        """Left there, entered here; not called in between."""
        switch, _ = self.up()
        moved = [peer(remote_ip=OTHER[0])]
        switch.selector.load(moved)
        switch.trunks.load_routing(moved)
        switch.advance(0.25)
        self.assertEqual(self.asked(switch).get("expires"), "0")
        self.assertEqual(self.why(switch), "not registered: changed")
        self.grant(switch, self.asked(switch, OTHER))
        self.assertEqual(self.why(switch), "")

    def test_gateway_unchanged(self) -> None:
        """Reading the tables again, or another prefix, disturbs nothing."""
        switch, _ = self.up()
        same = [peer(prefixes=("49",))]
        switch.selector.load(same)
        switch.trunks.load_routing(same)
        switch.advance(1)
        self.assertEqual(switch.taken(), [])
        self.assertEqual(self.why(switch), "")

    def test_becomes_static(self) -> None:
        """It is left, and called without a registration."""
        switch, _ = self.up()
        static = [routing_gateway()]
        switch.selector.load(static)
        switch.trunks.load_routing(static)
        self.assertEqual(self.asked(switch).get("expires"), "0")
        self.assertEqual(self.why(switch), "")


class TrunkCallTests(RegistrationTests):
    """Calls through a registration."""

    def test_challenged(self) -> None:
        """The call is authenticated with the registration's name."""
        switch, _ = self.up()
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        callee.reply(invite, 407, b"", [("Proxy-Authenticate", challenge())])
        _, again = switch.taken(CALLEE)
        found = parse_credentials(again.get("proxy-authorization") or "")
        self.assertEqual(found.username, "auth")
        callee.reply(again, 200, ANSWER)  # type: ignore[arg-type]
        caller.ack(final(switch, CALLER))
        caller.ask("BYE")
        self.assert_over(switch, -8, 0)
