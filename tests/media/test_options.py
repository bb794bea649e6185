"""Tests of L{vos3000.media.options}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.db.sipfields import gateway_options, phone_options
from vos3000.media.options import rules_of
from vos3000.model.sipoptions import ORDINARY, AnnexMode, G729Mode, SipOptions
from vos3000.sdp.rules import PLAIN, Annex, Rules


class RulesOfTests(SynchronousTestCase):
    """From options to rules."""

    def test_nothing_wanted_is_plain(self) -> None:
        """The very object, so that nobody has to compare."""
        self.assertIs(rules_of(ORDINARY), PLAIN)
        self.assertIs(rules_of(SipOptions(timer=False)), PLAIN)
        self.assertIs(rules_of(SipOptions(codecs=("T38", "telephone-event"))), PLAIN)

    def test_every_option(self) -> None:
        """Each has its place."""
        options = SipOptions(
            codecs=("G729A", "G.711u", "g729", "T38", "CN"),
            g729_mode=G729Mode.BOTH,
            g729_annexb=AnnexMode.NO,
            g723_annexa=AnnexMode.PASS,
            ptime=30,
            dtmf_payload=97,
            t38=False,
        )
        self.assertEqual(
            rules_of(options),
            Rules(
                codecs=("g729", "pcmu"),
                g729=("G729", "G729a"),
                annexb=Annex.NO,
                annexa=Annex.PASS,
                ptime=30,
                events=97,
                t38=False,
            ),
        )
        self.assertIs(rules_of(options), rules_of(options))

    def test_static_number_is_none_for_events(self) -> None:
        """0 to 95 belong to others (RFC 3551 6)."""
        self.assertIs(rules_of(SipOptions(dtmf_payload=8)), PLAIN)

    def test_fields_of_the_web_interface(self) -> None:
        """A list counts only where it is switched on (sipCodecAssign)."""
        fields = {"sipCodecs": ["G729"], "dtmfSendPayloadTypeSIP": 101}
        self.assertIs(rules_of(gateway_options(fields)), PLAIN)
        keys = {"dtmfSendMethodSIP": 50, "dtmfReceiveMethod": 20}
        rules = rules_of(gateway_options(keys))
        self.assertEqual(rules, Rules(sends_events=False, takes_events=False))
        self.assertIs(rules_of(gateway_options({"dtmfSendMethodSIP": 10})), PLAIN)
        phone = phone_options({"dtmfSIPSendMethod": 60, "dtmfReceiveMethod": 10})
        self.assertEqual(rules_of(phone), Rules(takes_events=False))
        rules = rules_of(gateway_options({**fields, "sipCodecAssign": True}))
        self.assertEqual(rules, Rules(codecs=("g729",)))
