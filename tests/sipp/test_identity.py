"""
Who calls, who forwarded the call and why it ended, as SIPp is told it.
"""

from __future__ import annotations

from typing import Any

from tests.sipp.case import BY_CALLEE, BY_CALLER, OPENING, ORDINARY, SharedCalls
from tests.sipp.shared import CALLER


class IdentityTests(SharedCalls):
    """Calls whose gateways have options about identities and headers."""

    def create(self, **options: Any) -> None:
        """The accounts, and the customer's gateway with these options."""
        self.carrier.create(OPENING)
        name = self.carrier.gateway("in")
        self.carrier.switch.post("ModifyGatewayMapping", name=name, **options)

    async def test_trusted_gateway_is_told_all(self) -> None:
        """
        Withheld from the callee, told to the gateway: identities, who forwarded
        the call, headers of ours and of the caller's; Reason and a header in BYE.
        """
        self.create(sipRecognizeForwardSignal=True)
        callee = self.callee(
            "callee-told",
            sipPAssertedIdentity=1,
            sipPrivacy=1,
            sipRemotePartyId=True,
            sipSendForwardSignal=3,
            sipLocalDomain="carrier.example",
            sipUserPhone=True,
            sipReason=1,
            sipExtraHeaders="x-account",
            sipInviteHeaders="X-Route: ${gateway}/${billed-caller}",
        )
        await self.call(self.carrier, self.caller("caller-withheld"), callee)
        self.assert_columns(
            await self.record(self.carrier),
            callere164=CALLER,
            calleroriginalinfo="2025550177 (no-answer)",
            sipreasonheader='Q.850;cause=31;text="Bye"',
            enddirection=BY_CALLER,
            endreason=ORDINARY,
        )

    async def test_forwarder_of_a_pool(self) -> None:
        """forwardSignalRewriteE164Group: a number of the vendor's, out of a table."""
        self.create(sipRecognizeForwardSignal=True)
        post, group = self.carrier.switch.post, f"pool-{self.carrier.number}"
        post("CreateLimitE164Group", name=group)
        numbers = [{"e164": "2025550199"}]
        post("CreateLimitE164", limitE164GroupName=group, infoLimitE164s=numbers)
        callee = self.callee(
            "callee-pooled",
            sipSendForwardSignal=1,
            forwardSignalRewriteE164GroupEnable=True,
            forwardSignalRewriteE164Group=group,
        )
        await self.call(self.carrier, self.caller("caller-withheld"), callee)
        told = "2025550177 (no-answer)"
        row = await self.record(self.carrier)
        self.assert_columns(row, calleroriginalinfo=told, endreason=ORDINARY)

    async def test_reason_of_a_refusal(self) -> None:
        """Status and Q.850 cause are what the customer's maps say."""
        self.create(
            sipReason=2, callFailedSipCode="404:503", callFailedQ931CauseValue="1:34"
        )
        callee = self.callee("callee-reasons", status=404)
        await self.call(self.carrier, self.caller("caller-reasoned", 503), callee)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=404, enddirection=BY_CALLEE)
        told = 'SIP;cause=404, Q.850;cause=1;text="Unallocated"'
        self.assertEqual(row["sipreasonheader"], told)

    async def test_requests_go_to_the_socket(self) -> None:
        """sipRequestAddressMethod 0: a caller with a Contact that leads nowhere."""
        self.create(sipRequestAddressMethod=0)
        callee = self.callee("callee-hangs-up")
        await self.call(self.carrier, self.caller("caller-elsewhere"), callee)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLEE)
        self.assert_paid(self.carrier, row)
