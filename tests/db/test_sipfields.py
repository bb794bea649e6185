"""
Each SIP option of a gateway and of a phone by itself: what is stored under the
interface's name is what calls go by, and nothing else.
"""

from __future__ import annotations

from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from tests.switch import phone
from vos3000.db import phonefields
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.sipfields import _PHONE_NAMES, gateway_options
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.sipoptions import ORDINARY, SipOptions

OPTIONS: tuple[tuple[str, object, str, object], ...] = (
    ("sipTimer", False, "timer", False),
    ("sip100Rel", False, "rel100", False),
    ("sipT38", False, "t38", False),
    ("sipRequestAddressMethod", 1, "request_address", 1),
    ("sipRequestAddressMethod", 2, "request_address", 2),
    ("sipResponseAddressMethod", 1, "response_address", 1),
    ("sipResponseAddressMethod", 2, "response_address", 2),
    ("sipRemoteRingSignal", 1, "remote_ring", 1),
    ("sipRemoteRingSignal", 2, "remote_ring", 2),
    ("sipPrivacySupport", False, "honors_privacy", False),
    ("sipDisplay", False, "display", False),
    ("sipRemotePartyId", True, "remote_party_id", True),
    *(("sipPrivacy", value, "privacy", value) for value in range(4)),
    ("sipPPreferredIdentity", 1, "p_preferred", 1),
    ("sipPPreferredIdentity", 2, "p_preferred", 2),
    ("sipPAssertedIdentity", 1, "p_asserted", 1),
    ("sipPAssertedIdentity", 2, "p_asserted", 2),
    ("sipUserPhone", True, "user_phone", True),
    ("sipLocalDomain", " a.example ", "local_domain", "a.example"),
    ("sipInviteHeaders", "X-A: 1", "invite_headers", "X-A: 1"),
    ("sipExtraHeaders", "*", "extra_headers", "*"),
    ("sipReason", 1, "reason", 1),
    ("sipReason", 2, "reason", 2),
    ("sipRecognizeForwardSignal", True, "recognizes_forward", True),
    *(("sipSendForwardSignal", mode, "sends_forward", mode) for mode in (1, 2, 3)),
    ("sipAllowPublish", True, "allows_publish", True),
    ("sipOptionsPeriod", 60, "options_period", 60),
    ("enableCallTransfer", True, "allows_transfer", True),
    ("sipRedirectServer", "r.example", "redirect_server", "r.example"),
    ("sipFollowRedirect", True, "follows_redirect", True),
    *(("sipG729SendMode", mode, "g729_mode", mode) for mode in (1, 2, 3)),
    *(("sipG729Annexb", mode, "g729_annexb", mode) for mode in (1, 2, 3, 4)),
    *(("sipG723Annexa", mode, "g723_annexa", mode) for mode in (1, 2, 3, 4)),
    ("sipPtime", 30, "ptime", 30),
    ("dtmfSendPayloadTypeSIP", 96, "dtmf_payload", 96),
    *(("dtmfReceiveMethod", mode, "keys_from", mode) for mode in (10, 20, 30)),
    *(("dtmfSendMethodSIP", mode, "keys_to", mode) for mode in (10, 50, 60)),
    ("sipSdpIpFirst", True, "sdp_ip_first", True),
    ("sipTlsVerify", False, "tls_verify", False),
)
"""A field of gateways, a value, the option it becomes, and that one's value."""

SWITCHING: tuple[tuple[str, object, str, object], ...] = (
    ("timeoutInvite", 7, "timeouts", (7, 0, 0, 0, 0)),
    ("timeoutTrying", 7, "timeouts", (0, 7, 0, 0, 0)),
    ("timeoutSessionProgress", 7, "timeouts", (0, 0, 7, 0, 0)),
    ("timeoutSessionProgressSdp", 7, "timeouts", (0, 0, 0, 7, 0)),
    ("timeoutRinging", 7, "timeouts", (0, 0, 0, 0, 7)),
    *(("switchAllowRing", may, "switch_on_ring", may) for may in (True, False)),
    *(("switchAllowSdp", may, "switch_on_sdp", may) for may in (True, False)),
    *(("switchAllowBusy", may, "switch_on_busy", may) for may in (True, False)),
    ("stopSwitchSipCodes", "404, 480", "stop_codes", frozenset((404, 480))),
)
"""The same for what routing gateways say of failover."""

NONSENSE = (-1, 99)


class SipFieldTests(SynchronousTestCase):
    """From the row to the value."""

    def kept(self, kind: Any, field: str, value: object) -> Any:
        """A gateway that was made with one field, as calls see it."""
        store = GatewayStore(rows.memory_pool(rows.empty_database()), kind)
        self.successResultOf(store.create({"name": "gw", field: value}))
        (gateway,) = self.successResultOf(store.values())
        return gateway

    def has(self, kind: Any, field: str) -> bool:
        """Whether such a gateway has the field."""
        return any(each.name == field for each in (*kind.contract, *kind.more))

    def test_gateways(self) -> None:
        """Each option that they have, and no other, is what was stored."""
        for field, value, option, expected in OPTIONS:
            kinds = [kind for kind in (MAPPING, ROUTING) if self.has(kind, field)]
            self.assertNotEqual(kinds, [], field)
            for kind in kinds:
                gateway = self.kept(kind, field, value)
                self.assertEqual(gateway.sip, SipOptions(**{option: expected}), field)

    def test_phones(self) -> None:
        """The same under the names that phones have for it."""
        records = phonefields.ADDITIONAL + phonefields.ADDITIONAL_MORE
        names = {each.name for each in (*records, *phonefields.SERVICES)}
        plain, found = phone("1001").origin.sip, 0
        for field, value, option, expected in OPTIONS:
            name = _PHONE_NAMES.get(field, field)
            if name in names:
                made = phone("1001", **{name: value}).origin.sip
                self.assertEqual(made, attrs.evolve(plain, **{option: expected}), name)
                found += 1
        self.assertGreater(found, 30)

    def test_codecs(self) -> None:
        """The list counts where sipCodecAssign is on."""
        for assign, expected in ((True, ("PCMA", "G729")), (False, ())):
            given = {"sipCodecAssign": assign, "sipCodecs": ("PCMA", "G729")}
            self.assertEqual(gateway_options(given).codecs, expected)

    def test_every_option_is_here(self) -> None:
        """One that is added is added to the table, too."""
        named = {option for _, _, option, _ in OPTIONS} | {"codecs"}
        self.assertEqual(named, {each.name for each in attrs.fields(SipOptions)})

    def test_nonsense_of_another_program(self) -> None:
        """Numbers that mean nothing are as if they were not there."""
        for field, value, option, _ in OPTIONS:
            if isinstance(value, bool) or not isinstance(value, int):
                continue
            for wrong in NONSENSE if option != "dtmf_payload" else (-1, 128):
                if option in ("options_period", "ptime") and wrong > 0:
                    continue
                made = gateway_options({field: wrong})
                if option == "privacy":
                    self.assertEqual(made.privacy, 0, "set, and so not the system's")
                else:
                    self.assertIs(made, ORDINARY, (field, wrong))

    def test_failover(self) -> None:
        """Each setting is its own attribute; the others are unset."""
        plain = self.kept(ROUTING, "memo", "")
        for field, value, attribute, expected in SWITCHING:
            gateway = self.kept(ROUTING, field, value)
            self.assertIsInstance(gateway, RoutingGateway)
            self.assertEqual(
                gateway, attrs.evolve(plain, **{attribute: expected}), field
            )
        for may in (True, False):
            gateway = self.kept(ROUTING, "switchAllowErrorCode", may)
            self.assertIs(gateway.settings["switchAllowErrorCode"], may)

    def test_patience(self) -> None:
        """timeoutCallProceeding of a mapping gateway."""
        plain = self.kept(MAPPING, "memo", "")
        self.assertIsInstance(plain, MappingGateway)
        self.assertEqual(plain.timeout_call_proceeding, -1)
        gateway = self.kept(MAPPING, "timeoutCallProceeding", 7)
        self.assertEqual(gateway, attrs.evolve(plain, timeout_call_proceeding=7))
