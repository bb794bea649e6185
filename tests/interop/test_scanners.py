"""
Debian's sipvicious and sipsak: who looks for numbers and passwords learns nothing.
"""

from __future__ import annotations

from pathlib import Path

from tests.interop.program import Program, find
from tests.sipp.case import OPENING, SharedCalls
from tests.sipp.shared import Shared

SECRET = "4711"
"""A password that is sure to be guessed where guessing is free."""


class ScannerTests(SharedCalls):
    """
    A stranger with the usual tools, and a switch of its own: what it brings on its
    address meets nobody else. MD5 is all that svcrack knows.
    """

    timeout = 120
    shared = Shared("digest = MD5")

    def setUp(self) -> None:
        """Phones that a scanner would like to find."""
        super().setUp()
        self.carrier.create(OPENING)
        for number in ("1001", "1003"):
            self.carrier.switch.post(
                "CreatePhone",
                e164=self.number(number),
                account=self.carrier.customer,
                password=SECRET,
                autoCreateAccount=False,
            )

    def number(self, last: str) -> str:
        """A number of this test's own."""
        return f"7{self.carrier.serial:03d}{last}"

    async def run_tool(self, name: str, package: str, *arguments: str) -> Program:
        """Run a tool to its end."""
        program = Program(find(name, package), *arguments)
        program.start(Path(self.mktemp()))
        self.addCleanup(program.stop)
        await program.over()
        return program

    async def sipvicious(self, name: str, *arguments: str) -> str:
        """What a tool of sipvicious says of the switch."""
        where = ("-p", str(self.carrier.switch.port), *arguments, "127.0.0.1")
        program = await self.run_tool(name, "sipvicious", *where)
        return program.output

    async def test_svmap_finds_no_product(self) -> None:
        """A stranger's OPTIONS is refused without saying by what."""
        for method in ("OPTIONS", "INVITE", "REGISTER"):
            said = await self.sipvicious("svmap", "-m", method)
            self.assertIn("127.0.0.1", said)
            self.assertNotIn("vos3000", said.lower(), method)

    async def test_svwar_finds_no_number(self) -> None:
        """Numbers that exist look like those that do not, by any method."""
        first = self.number("1000")
        last = self.number("1004")
        for method in ("REGISTER", "INVITE", "OPTIONS"):
            said = await self.sipvicious(
                "svwar", "-m", method, "-e", f"{first}-{last}", "--force"
            )
            self.assertIn("found nothing", said)
            for number in ("1001", "1003"):
                self.assertNotIn(self.number(number), said, method)

    async def test_svcrack_is_suspended(self) -> None:
        """
        The guesses of one source are soon taken no more, the right one neither;
        from elsewhere the owner registers.
        """
        victim = self.number("1001")
        low, high = int(SECRET) - 30, int(SECRET) + 30
        port = str(self.carrier.switch.port)
        guesses = ("-p", port, "-u", victim, "-r", f"{low}-{high}", "127.0.0.1")
        program = Program(find("svcrack", "sipvicious"), *guesses)
        program.start(Path(self.mktemp()))
        self.addCleanup(program.stop)
        # refused, it asks for ever: nothing tells it that it is suspended
        await self.pause(6)
        await program.stop()
        said = program.output
        self.assertNotIn(SECRET, said)
        online = self.carrier.switch.post("GetAllPhoneOnline")
        self.assertNotIn(victim, online["e164s"])

    async def test_sipsak_is_answered_if_it_is_known(self) -> None:
        """A customer's OPTIONS gets 200; a stranger's is refused."""
        port = self.carrier.switch.port
        uri = f"sip:ping@127.0.0.1:{port}"
        stranger = await self.run_tool("sipsak", "sipsak", "-vv", "-s", uri)
        self.assertIn("403", stranger.output)
        self.carrier.switch.post(
            "ModifyGatewayMapping",
            name=self.carrier.gateway("in"),
            remoteIps="127.0.0.1",
        )
        self.addCleanup(
            self.carrier.switch.post,
            "ModifyGatewayMapping",
            name=self.carrier.gateway("in"),
            remoteIps=self.carrier.address,
        )
        known = await self.run_tool("sipsak", "sipsak", "-vv", "-s", uri)
        self.assertIn("SIP/2.0 200 OK", known.output)
