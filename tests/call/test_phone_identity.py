"""
Options about identities, headers and addresses where they are a phone's.
"""

from __future__ import annotations

from tests.call.phones import PhoneCallTests
from tests.peers import Caller
from tests.switch import CALLEE, OFFER, routing_gateway
from vos3000.model.sipoptions import ForwardSignal, SipOptions
from vos3000.sip.message import Request

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
THEIRS = ("P-Asserted-Identity: <tel:1000>", "X-One: 1")


class PhoneIdentityTests(PhoneCallTests):
    """A platform phone is told, and tells."""

    def rung(self, headers: tuple[str, ...] = THEIRS, **fields: object) -> Request:
        """The INVITE that a phone with these fields gets from a gateway."""
        switch = self.switch()
        switch.phone("1002", **fields)
        _, two = self.phones(switch)
        Caller(switch, callee="1002").invite(OFFER, headers)
        return two.rings()

    def test_told(self) -> None:
        """Identities, headers that are added and that pass, user=phone."""
        invite = self.rung(
            sipPAssertedIdentity=1,
            sipPPreferredIdentity=2,
            sipPrivacy=2,
            sipRemotePartyId=True,
            sipLocalDomain="carrier.example",
            sipExtraHeaders="x-one",
            sipInviteHeaders="X-Who: ${source} to ${gateway}",
        )
        mine = '"A" <sip:1000@carrier.example>'
        self.assertEqual(invite.get("p-asserted-identity"), "<tel:1000>")
        self.assertEqual(invite.get("p-preferred-identity"), mine)
        self.assertEqual(invite.get("privacy"), "id")
        self.assertEqual(
            invite.get("remote-party-id"),
            f"{mine};party=calling;screen=yes;privacy=full",
            "it may not say another thing than Privacy",
        )
        self.assertEqual(invite.get("x-one"), "1")
        self.assertEqual(invite.get("x-who"), "ingress to 1002")

    def test_no_caller(self) -> None:
        """callerIdDisplay off: nothing of it, whatever else the options say."""
        for mode in (1, 2):
            invite = self.rung(
                callerIdDisplay=False,
                sipPAssertedIdentity=mode,
                sipPPreferredIdentity=mode,
                sipRemotePartyId=True,
            )
            from_ = (invite.get("from") or "").partition(";tag=")[0]
            self.assertEqual(from_, ANONYMOUS)
            for name in ("p-asserted-identity", "remote-party-id"):
                self.assertIsNone(invite.get(name))

    def test_withheld(self) -> None:
        """A caller's Privacy holds towards phones as towards gateways."""
        invite = self.rung((*THEIRS, "Privacy: id"))
        from_ = (invite.get("from") or "").partition(";tag=")[0]
        self.assertEqual(from_, ANONYMOUS)

    def test_calling(self) -> None:
        """Its Privacy is honored by its own setting, and its Diversion read."""
        told = SipOptions(sends_forward=ForwardSignal.DIVERSION)
        for honored in (True, False):
            switch = self.switch(routing=[routing_gateway(sip=told)])
            switch.phone(
                "1001", sipPrivacySupport=honored, sipRecognizeForwardSignal=True
            )
            one, _ = self.phones(switch)
            one.call("2000", headers=("Privacy: id", "Diversion: <sip:7@x>"))
            invite = switch.request(CALLEE)
            self.assertEqual(invite.from_.uri.user == "anonymous", honored)
            self.assertIn("<sip:7@192.0.2.1>", invite.get("diversion") or "")
