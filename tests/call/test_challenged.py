"""
Requests of ours that a gateway challenges (RFC 3261 22, RFC 8760).
"""

from __future__ import annotations

from typing import Any

from tests.call.build import CallTests, final
from tests.call.test_again import at
from tests.call.test_failover import second
from tests.peers import Callee, Caller
from tests.switch import (
    ANSWER,
    CALLEE,
    CALLER,
    OFFER,
    SECOND,
    Switch,
    mapping_gateway,
    routing_gateway,
)
from vos3000.model.gateways import Registration
from vos3000.model.sipoptions import SipOptions
from vos3000.sip.digest import Credentials, parse_credentials, secret, verify
from vos3000.sip.message import Request

OTHER = ("192.0.2.31", 5080)
REALM = "carrier.example"
WWW = "WWW-Authenticate"
PROXY = "Proxy-Authenticate"


def challenge(nonce: str = "n1", more: str = ', qop="auth"', realm: str = REALM) -> str:
    """A challenge."""
    return f'Digest realm="{realm}", nonce="{nonce}"{more}'


class ChallengedTests(CallTests):
    """What they have in common."""

    def begin(self, **settings: Any) -> tuple[Switch, Caller, Callee, Request]:
        """A call at a gateway that has a password."""
        parameters = settings.pop("parameters", {})
        given = {"password": "secret", **settings}
        switch = self.switch(
            routing=[routing_gateway(**given), second()], parameters=parameters
        )
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        switch.taken(CALLER)
        return switch, caller, callee, switch.request(CALLEE)

    def refuse(
        self, callee: Callee, request: Request, *challenges: str, status: int = 401
    ) -> None:
        """The gateway challenges."""
        name = WWW if status == 401 else PROXY
        callee.reply(request, status, b"", [(name, each) for each in challenges])

    def again(self, switch: Switch, invite: Request) -> Request:
        """The INVITE that follows the ACK of a refused one."""
        ack, request = switch.taken(CALLEE)
        assert isinstance(ack, Request)
        assert isinstance(request, Request)
        self.assertEqual((ack.method, ack.cseq), ("ACK", invite.cseq))
        self.assertEqual(ack.branch, invite.branch)
        self.assertEqual(request.method, "INVITE")
        return request

    def given(
        self,
        request: Request,
        header: str = "authorization",
        user: str = "first",
        realm: str = REALM,
    ) -> Credentials:
        """The credentials of a request, which must be right."""
        [value] = [v for v in request.all(header) if f'"{realm}"' in v]
        found = parse_credentials(value)
        self.assertEqual((found.username, found.realm), (user, realm))
        self.assertEqual(found.uri, request.uri_text)
        hashed = secret(found.algorithm, user, realm, "secret")
        self.assertTrue(verify(found, hashed, request.method, request.body))
        return found


class InviteTests(ChallengedTests):
    """An INVITE that is challenged."""

    def test_401(self) -> None:
        """
        It goes out once more with credentials, the same but for CSeq and
        branch; the caller learns nothing; one record, one attempt.
        """
        switch, caller, callee, invite = self.begin()
        self.refuse(callee, invite, challenge())
        request = self.again(switch, invite)
        found = self.given(request)
        self.assertEqual((found.nc, found.qop), ("00000001", "auth"))
        for name in ("call-id", "from", "to", "contact", "max-forwards"):
            self.assertEqual(request.get(name), invite.get(name), name)
        self.assertEqual((request.uri_text, request.body),
                         (invite.uri_text, invite.body))  # fmt: skip
        self.assertEqual(request.cseq, invite.cseq + 1)
        self.assertNotEqual(request.branch, invite.branch)
        self.assertEqual(self.lines(switch, CALLER), [])
        self.assertEqual(switch.lines_out.used("first"), 1)
        callee.reply(request, 200, ANSWER)
        caller.ack(final(switch, CALLER))
        caller.ask("BYE")
        switch.taken(CALLER)
        self.assert_over(switch, -8, 0)
        self.assertEqual(switch.selector._attempts["first"], 1)

    def test_407(self) -> None:
        """With Proxy-Authorization."""
        switch, _, callee, invite = self.begin()
        self.refuse(callee, invite, challenge(), status=407)
        self.given(self.again(switch, invite), "proxy-authorization")

    def test_name_of_the_registration(self) -> None:
        """Where we register, the name of the registration is used."""
        registration = Registration("trunk", "auth-7")
        switch, _, callee, invite = self.begin(registration=registration)
        self.refuse(callee, invite, challenge())
        self.given(self.again(switch, invite), user="auth-7")

    def test_ack_of_the_answer(self) -> None:
        """It holds the credentials of the INVITE (13.2.2.4)."""
        switch, _, callee, invite = self.begin()
        self.refuse(callee, invite, challenge())
        request = self.again(switch, invite)
        callee.reply(request, 200, ANSWER)
        ack = switch.request(CALLEE)
        self.assertEqual((ack.method, ack.cseq), ("ACK", request.cseq))
        self.assertEqual(ack.get("authorization"), request.get("authorization"))

    def test_strongest(self) -> None:
        """SHA-256 beside MD5 is answered; what nobody knows is passed over."""
        switch, _, callee, invite = self.begin()
        self.refuse(
            callee,
            invite,
            challenge("m", ", algorithm=MD5"),
            challenge("s", ', algorithm=SHA-256, qop="auth,auth-int", opaque="o"'),
            challenge("x", ", algorithm=SHA3"),
            'Bearer realm="x"',
        )
        found = self.given(self.again(switch, invite))
        self.assertEqual(found.algorithm, "SHA-256")
        self.assertEqual((found.nonce, found.opaque), ("s", "o"))

    def test_integrity(self) -> None:
        """auth-int covers the body."""
        switch, _, callee, invite = self.begin()
        self.refuse(callee, invite, challenge(more=', qop="auth-int"'))
        self.assertEqual(self.given(self.again(switch, invite)).qop, "auth-int")

    def test_wrong_password(self) -> None:
        """Refused once with credentials, they are not sent again."""
        switch, _, callee, invite = self.begin()
        self.refuse(callee, invite, challenge())
        request = self.again(switch, invite)
        self.refuse(callee, request, challenge("n2"))
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_stale(self) -> None:
        """A nonce that was only too old is answered anew, within bounds."""
        switch, _, callee, request = self.begin()
        for turn in range(3):
            self.refuse(callee, request, challenge(f"n{turn}", ", stale=true"))
            request = self.again(switch, request)
            self.assertEqual(self.given(request).nonce, f"n{turn}")
        self.refuse(callee, request, challenge("n9", ", stale=true"))
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_retry_parameter(self) -> None:
        """SS_SIP_AUTHENTICATION_RETRY: how often it may be challenged again."""
        switch, _, callee, invite = self.begin(
            parameters={"SS_SIP_AUTHENTICATION_RETRY": "0"}
        )
        self.refuse(callee, invite, challenge("n1", ", stale=true"))
        request = self.again(switch, invite)
        self.refuse(callee, request, challenge("n2", ", stale=true"))
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])

    def test_proxy_and_server(self) -> None:
        """Both get theirs, each with a count of its own."""
        switch, _, callee, invite = self.begin()
        self.refuse(callee, invite, challenge(realm="proxy"), status=407)
        request = self.again(switch, invite)
        self.refuse(callee, request, challenge("n2"))
        request = self.again(switch, request)
        self.assertEqual(self.given(request).nc, "00000001")
        proxy = self.given(request, "proxy-authorization", realm="proxy")
        self.assertEqual(proxy.nc, "00000002")

    def test_unanswerable(self) -> None:
        """No password, no challenge, none that we know: a plain refusal."""
        for settings, challenges in (
            ({"password": ""}, [challenge()]),
            ({}, []),
            ({}, ["Digest nonsense"]),
            ({}, [challenge(more=", algorithm=SHA3")]),
        ):
            switch, _, callee, invite = self.begin(**settings)
            self.refuse(callee, invite, *challenges)
            self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
            self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_phone(self) -> None:
        """A phone is not shown the password by which it proves itself."""
        switch = self.switch()
        switch.phone("2000", registerType=0, ip=CALLEE[0])
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        self.assertEqual(invite.uri_text, "sip:2000@192.0.2.20:5060")
        self.refuse(callee, invite, challenge())
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assert_over(switch, 401, 1)

    def test_caller_gave_up(self) -> None:
        """A challenge in place of the 487 is not answered."""
        switch, caller, callee, invite = self.begin()
        callee.reply(invite, 100)
        caller.cancel()
        self.assertEqual(self.lines(switch, CALLEE), ["CANCEL"])
        self.refuse(callee, invite, challenge())
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        self.assert_over(switch, -7, 0)
        self.assert_idle(switch)

    def test_cancel(self) -> None:
        """CANCEL is that of the INVITE under way."""
        switch, caller, callee, invite = self.begin()
        self.refuse(callee, invite, challenge())
        request = self.again(switch, invite)
        callee.reply(request, 180)
        caller.cancel()
        cancel = switch.request(CALLEE)
        self.assertEqual((cancel.method, cancel.cseq), ("CANCEL", request.cseq))
        self.assertEqual(cancel.branch, request.branch)
        callee.reply(request, 487)
        self.assert_over(switch, -7, 0)
        self.assert_idle(switch)

    def test_stages_begin_anew(self) -> None:
        """The INVITE stage is that of the request under way."""
        switch, _, callee, invite = self.begin()
        switch.advance(8)
        switch.taken(CALLEE)
        self.refuse(callee, invite, challenge())
        switch.advance(9.75)
        self.assertEqual(switch.taken(SECOND), [])
        switch.advance(0.5)
        self.assertEqual(self.lines(switch, SECOND), ["INVITE"])

    def test_redirected(self) -> None:
        """At another place the credentials are made for that Request-URI."""
        switch, _, callee, invite = self.begin(sip=SipOptions(follows_redirect=True))
        self.refuse(callee, invite, challenge())
        request = self.again(switch, invite)
        to = f"{request.get('to')};tag=x"
        lines = ["SIP/2.0 302 Moved", f"Via: {request.get('via')}", f"To: {to}"]
        lines += [f"{n}: {request.get(n.lower())}" for n in ("From", "Call-ID", "CSeq")]
        lines += [f"Contact: {at(OTHER)}", "Content-Length: 0", "", ""]
        switch.receive("\r\n".join(lines), CALLEE)
        moved = switch.request(OTHER)
        self.assertEqual(self.given(moved).nc, "00000002")
        self.refuse(Callee(switch, OTHER), moved, challenge("n2"))
        _, request = switch.taken(OTHER)
        assert isinstance(request, Request)
        self.assertEqual(self.given(request).nonce, "n2")

    def test_nothing_is_shown(self) -> None:
        """The password stands in no representation of what holds it."""
        gateway = routing_gateway(password="secret")
        self.assertNotIn("secret", repr(gateway))


class DialogTests(ChallengedTests):
    """Requests inside an answered call."""

    def up(self, **settings: Any) -> tuple[Switch, Caller, Callee]:
        """A call that was challenged (C{asked}) and answered."""
        asked = settings.pop("asked", False)
        switch, caller, callee, invite = self.begin(**settings)
        if asked:
            self.refuse(callee, invite, challenge())
            invite = self.again(switch, invite)
        callee.reply(invite, 200, ANSWER)
        caller.ack(final(switch, CALLER))
        self.assertEqual(self.lines(switch, CALLEE), ["ACK"])
        return switch, caller, callee

    def test_bye(self) -> None:
        """BYE gets through; then the dialog is forgotten."""
        switch, caller, callee = self.up()
        caller.ask("BYE")
        bye = switch.request(CALLEE)
        self.assertIsNone(bye.get("authorization"))
        self.refuse(callee, bye, challenge())
        again = switch.request(CALLEE)
        self.assertEqual((again.method, again.cseq), ("BYE", bye.cseq + 1))
        self.given(again)
        self.assertEqual(len(switch.core.dialogs), 1)
        callee.reply(again, 200)
        self.assertEqual(len(switch.core.dialogs), 0)
        self.assert_over(switch, -8, 0)
        self.assert_idle(switch)

    def test_bye_refused_for_good(self) -> None:
        """It is over all the same."""
        switch, caller, callee = self.up()
        caller.ask("BYE")
        self.refuse(callee, switch.request(CALLEE), challenge())
        self.refuse(callee, switch.request(CALLEE), challenge())
        self.assertEqual(switch.taken(CALLEE), [])
        self.assertEqual(len(switch.core.dialogs), 0)
        self.assert_idle(switch)

    def test_known_challenge(self) -> None:
        """What was asked for once is sent without asking, counted (22.3)."""
        switch, caller, _ = self.up(asked=True)
        caller.ask("BYE")
        bye = switch.request(CALLEE)
        found = self.given(bye)
        self.assertEqual((found.nonce, found.nc), ("n1", "00000002"))

    def test_reinvite(self) -> None:
        """The other side's re-INVITE gets through, with its body and ACK."""
        for asked in (False, True):
            switch, caller, callee = self.up(asked=asked)
            caller.ask("INVITE", OFFER)
            switch.taken(CALLER)
            reinvite = switch.request(CALLEE)
            self.refuse(callee, reinvite, challenge("n5"))
            again = self.again(switch, reinvite)
            self.assertEqual(self.given(again).nonce, "n5")
            self.assertEqual(again.body, reinvite.body)
            callee.reply(again, 200, ANSWER)
            ack = switch.request(CALLEE)
            self.assertEqual((ack.method, ack.cseq), ("ACK", again.cseq))
            self.assertEqual(ack.get("authorization"), again.get("authorization"))
            self.assertEqual(final(switch, CALLER).status, 200)

    def test_update_and_info(self) -> None:
        """Likewise."""
        for method in ("UPDATE", "INFO"):
            switch, caller, callee = self.up()
            caller.ask(method, OFFER)
            self.refuse(callee, switch.request(CALLEE), challenge())
            again = switch.request(CALLEE)
            self.assertEqual(again.method, method)
            self.given(again)
            callee.reply(again, 200, ANSWER)
            self.assertEqual(final(switch, CALLER).status, 200)

    def test_wrong_password_of_a_reinvite(self) -> None:
        """The refusal goes back; the call goes on."""
        switch, caller, callee = self.up()
        caller.ask("INVITE", OFFER)
        reinvite = switch.request(CALLEE)
        self.refuse(callee, reinvite, challenge())
        self.refuse(callee, self.again(switch, reinvite), challenge())
        self.assertEqual(final(switch, CALLER).status, 401)
        self.assertEqual(len(switch.registry), 1)

    def test_towards_the_caller(self) -> None:
        """Our BYE to a mapping gateway that has a password."""
        gateway = mapping_gateway(password="secret")
        switch = self.switch(mapping=[gateway], routing=[routing_gateway()])
        caller, callee = Caller(switch), Callee(switch)
        caller.invite()
        invite = switch.request(CALLEE)
        callee.reply(invite, 200, ANSWER)
        caller.ack(switch.taken(CALLER)[-1])  # type: ignore[arg-type]
        callee.ask(invite, "BYE")
        bye = switch.request(CALLER)
        data = [("WWW-Authenticate", challenge())]
        Callee(switch, CALLER).reply(bye, 401, b"", data)
        again = switch.request(CALLER)
        self.given(again, user="ingress")
