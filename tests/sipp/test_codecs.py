"""
The codec and description options of gateways, with SIPp on both sides.
"""

from __future__ import annotations

import socket

from tests.sipp.case import BY_CALLER, BY_SERVER, OPENING, ORDINARY, TALK, SharedCalls
from vos3000.model import causes

_MISMATCH = causes.load()["CodecMismatch"].code


class CodecTests(SharedCalls):
    """Calls whose gateways have options about codecs."""

    def silent(self) -> socket.socket:
        """A socket that must stay silent, on a port of 127.0.0.1."""
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listening.bind(("127.0.0.1", 0))
        listening.setblocking(False)
        self.addCleanup(listening.close)
        return listening

    def assert_silent(self, listening: socket.socket) -> None:
        """Nobody sent anything there."""
        self.assertRaises(BlockingIOError, listening.recv, 1)

    async def test_offer_is_written_as_the_vendor_wants_it(self) -> None:
        """Its codecs in its order, its names, no annex B, 30 ms, events as 96."""
        self.carrier.create(OPENING)
        callee = self.callee(
            "callee-codecs",
            sipCodecAssign=True,
            sipCodecs=["G711A", "G729"],
            sipG729SendMode=2,
            sipG729Annexb=2,
            dtmfSendPayloadTypeSIP=96,
            sipT38=False,
        )
        self.carrier.column("a", "sipptime", 30)
        caller = self.caller("caller-codecs")
        await self.call(self.carrier, caller, callee, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(
            row,
            callercodec="PCMA,G729",
            calleecodec="G729",
            endreason=ORDINARY,
            enddirection=BY_CALLER,
        )
        self.assert_paid(self.carrier, row)

    async def test_vendor_without_keys(self) -> None:
        """dtmfSendMethodSIP 60: neither events nor INFO; the talk goes on."""
        self.carrier.create(OPENING)
        callee = self.callee("callee-answers", dtmfSendMethodSIP=60)
        caller = self.caller("caller-keyless")
        await self.call(self.carrier, caller, callee, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(row, endreason=ORDINARY, enddirection=BY_CALLER)
        self.assert_paid(self.carrier, row)

    async def test_next_vendor_is_called(self) -> None:
        """One that may use nothing of the offer hears nothing of the call."""
        self.carrier.create(OPENING)
        silent = self.silent()
        port = silent.getsockname()[1]
        self.carrier.route(
            "a", port, priority=1, sipCodecAssign=True, sipCodecs=["G729"]
        )
        callee = self.callee("callee-answers", "b", priority=2)
        await self.call(self.carrier, self.caller("caller-answered"), callee, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(
            row, calleegatewayid=self.carrier.gateway("b"), calleecodec="PCMU"
        )
        self.assert_paid(self.carrier, row)
        self.assert_silent(silent)

    async def test_no_codec_in_common(self) -> None:
        """488, a record that says why, and no charge."""
        self.carrier.create(OPENING)
        silent = self.silent()
        port = silent.getsockname()[1]
        self.carrier.route("a", port, sipCodecAssign=True, sipCodecs=["G729", "G723"])
        await self.call(self.carrier, self.caller("caller-refused", status=488))
        row = await self.record(self.carrier)
        self.assert_columns(
            row,
            endreason=_MISMATCH,
            enddirection=BY_SERVER,
            calleegatewayid=self.carrier.gateway("a"),
        )
        self.assert_free(self.carrier, row)
        self.assert_silent(silent)

    async def test_late_offer_is_cut_for_the_caller(self) -> None:
        """The callee offers in its 200, the caller sees what it may use."""
        self.carrier.create(OPENING)
        self.carrier.switch.post(
            "ModifyGatewayMapping",
            name=self.carrier.gateway("in"),
            sipCodecAssign=True,
            sipCodecs=["PCMU", "G729"],
        )
        callee = self.callee("callee-offers")
        caller = self.caller("caller-late-codecs")
        await self.call(self.carrier, caller, callee, hold=TALK)
        row = await self.record(self.carrier)
        self.assert_columns(row, callercodec="PCMU", calleecodec="PCMU")
        self.assert_paid(self.carrier, row)
