"""
Registrations at a switch process: SIPp as a phone, and a phone of this module
that computes SHA-256 by itself; suspension, and what a restart leaves.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import sqlite3
import tempfile
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from bench.children import Child, free_port
from bench.ledger import database
from bench.switch import Switch
from tests.sipp.runner import Outcome, Party, sipp

PHONE = "2025550150"
PASSWORD = "password"
"""What SIPp takes unless told otherwise."""

PARAMETERS = {"SS_SIP_NAT_KEEP_ALIVE_PERIOD": "1"}

STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(range(12))


class Phone:
    """
    A phone on a socket of its own: UDP, SHA-256, behind a NAT by its Contact.
    """

    def __init__(self, port: int) -> None:
        self._there = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._cseq = 0

    def close(self) -> None:
        """No more."""
        self._socket.close()

    def hears(self, seconds: float = 3.0) -> bytes:
        """The next datagram."""
        self._socket.settimeout(seconds)
        return self._socket.recv(65535)

    def says(self, data: bytes) -> None:
        """Send a datagram."""
        self._socket.sendto(data, self._there)

    def ask(self, headers: str = "") -> str:
        """Send a REGISTER, long enough for two challenges; its answer."""
        self._cseq += 1
        text = (
            f"REGISTER sip:127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 10.0.0.9;rport;branch=z9hG4bK{time.monotonic_ns()}\r\n"
            f"From: <sip:{PHONE}@127.0.0.1>;tag=a\r\nTo: <sip:{PHONE}@127.0.0.1>\r\n"
            f"Call-ID: sha256\r\nCSeq: {self._cseq} REGISTER\r\n"
            f"Contact: <sip:{PHONE}@10.0.0.9>\r\nMax-Forwards: 70\r\n"
            "User-Agent: a phone that tells what it is, as most do, in some words\r\n"
            "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER\r\n"
            f"{headers}Content-Length: 0\r\n\r\n"
        )
        self.says(text.encode())
        answer = self.hears()
        while answer == b"HELLO":
            answer = self.hears()
        return answer.decode()

    def register(self) -> str:
        """Register as RFC 8760 has it; the answer to the credentials."""
        return self.ask(self.proof(self.ask()))

    def proof(self, challenge: str) -> str:
        """The credentials that answer a challenge."""
        found = re.search(r'nonce="([^"]+)".*algorithm=SHA-256', challenge)
        assert found is not None, challenge

        def digest(text: str) -> str:
            return sha256(text.encode()).hexdigest()

        first = digest(f"{PHONE}:vos3000:{PASSWORD}")
        second = digest("REGISTER:sip:127.0.0.1")
        response = digest(f"{first}:{found[1]}:00000001:c:auth:{second}")
        return (
            f'Authorization: Digest username="{PHONE}", realm="vos3000",'
            f' nonce="{found[1]}", uri="sip:127.0.0.1", response="{response}",'
            ' algorithm=SHA-256, cnonce="c", qop=auth, nc=00000001\r\n'
        )


class RegistrarTests(TestCase):
    """
    A switch of each test's own, with one phone.
    """

    timeout = 60

    def setUp(self) -> None:
        """No SIPp, no test passes."""
        sipp()
        self.directory = Path(tempfile.mkdtemp(prefix="vos3000-registrar-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.switch = Switch(self.directory, PARAMETERS)
        # SIPp 3.6 reads the first challenge only, and knows no SHA-256.
        self.configure("MD5")
        self.switch.command("migrate")
        self.child = self.start()
        self.switch.post(
            "CreatePhone", e164=PHONE, password=PASSWORD, autoCreateAccount=True
        )

    def configure(self, algorithms: str) -> None:
        """Let devices authenticate by these."""
        path = self.directory / "etc" / "vos3000.conf"
        kept = path.read_text("utf-8").partition("\n[sip]\ndigest")[0]
        path.write_text(f"{kept}\n[sip]\ndigest = {algorithms}\n", "utf-8")

    def start(self) -> Child:
        """Start the switch, and end it with the test."""
        child = self.switch.start(None)
        self.addCleanup(child.stop)
        return child

    def restart(self, number: int, *between: str) -> None:
        """End the process by a signal, and start another after a command."""
        self.child.signal(number)
        self.child.wait(15.0)
        if between:
            self.switch.command(*between)
        self.child = self.start()

    async def play(
        self,
        scenario: str,
        host: str = "127.0.0.1",
        transport: str = "udp",
        number: str = PHONE,
    ) -> None:
        """See a scenario through."""
        party = Party(scenario, host, free_port(), transport)
        self.addCleanup(party.stop)
        where = Path(self.mktemp())
        playing = party.start(where, target=self.switch.port, number=number, hold=1200)
        outcome: Outcome = await playing
        log = self.switch.log.read_text("utf-8", "replace")[-2000:]
        self.assertEqual(outcome.status, 0, f"{outcome.errors}\n{log}")

    def registered(self) -> list[dict[str, Any]]:
        """Who is registered, as the operator sees it."""
        found: list[dict[str, Any]] = json.loads(
            self.switch.command("registrations", "--json")
        )
        return found

    def stored(self) -> list[str]:
        """Who would be registered after a crash."""
        with closing(sqlite3.connect(database(self.switch.state))) as connection:
            rows = connection.execute("SELECT aor FROM e_registration").fetchall()
        return [aor for (aor,) in rows]

    def until_stored(self) -> None:
        """Wait for the next batch of writes."""
        end = time.monotonic() + 5
        while not self.stored() and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(self.stored(), [PHONE])

    async def test_life_of_a_registration(self) -> None:
        """Registered, asked for, too brief, and gone; over UDP and over TCP."""
        for transport in ("udp", "tcp"):
            await self.play("register-life", transport=transport)
            self.assertEqual(self.registered(), [])

    async def test_listed(self) -> None:
        """What is registered is listed, and counted."""
        await self.play("register")
        (found,) = self.registered()
        self.assertEqual((found["name"], found["kind"]), (PHONE, "phone"))
        self.assertEqual(found["productId"], "sipp/phone")
        self.assertFalse(found["behindNat"])
        self.assertIn("registered       1\n", self.switch.command("status"))

    async def test_guesser_is_suspended(self) -> None:
        """With the right password, too; the phone elsewhere is not."""
        await self.play("register")
        self.switch.post("ModifyPhone", e164=PHONE, password="Pa55")
        await self.play("register-guess", "127.0.0.2")
        await self.play("register-guess", "127.0.0.3", number="9999")
        self.switch.post("ModifyPhone", e164=PHONE, password=PASSWORD)
        await self.play("register-life")
        log = self.switch.log.read_text("utf-8")
        self.assertEqual(log.count("is suspended for 180 s"), 2, log)
        self.assertNotIn("Pa55", log)

    async def test_restart(self) -> None:
        """A registration is there after an orderly end and after a crash."""
        await self.play("register")
        (before,) = self.registered()
        self.restart(signal.SIGTERM)
        self.assertEqual(self.registered(), [before])
        self.restart(signal.SIGKILL)
        self.assertEqual(self.registered(), [before])
        await self.play("register-life")
        self.assertEqual(self.registered(), [])

    async def test_new_password_over_a_restart(self) -> None:
        """Who knew the old one is not there any more."""
        await self.play("register")
        self.until_stored()
        self.restart(signal.SIGTERM, "phone", "set", PHONE, "password=other")
        self.assertEqual(self.registered(), [])

    async def test_crash(self) -> None:
        """What is a second old survives it."""
        await self.play("register")
        self.until_stored()
        self.restart(signal.SIGKILL)
        (found,) = self.registered()
        self.assertEqual(found["name"], PHONE)

    def test_sha_256_and_keep_alive(self) -> None:
        """
        The stronger algorithm; the way through the NAT is kept open, before
        and after a restart, and STUN tells the phone where it is.
        """
        self.configure("SHA-256, MD5")
        self.restart(signal.SIGTERM)
        phone = Phone(self.switch.port)
        self.addCleanup(phone.close)
        phone.says(STUN)
        answer = phone.register()
        self.assertTrue(answer.startswith("SIP/2.0 200 OK\r\n"), answer)
        self.assertIn(f"Contact: <sip:{PHONE}@10.0.0.9>;expires=3600\r\n", answer)
        self.assertEqual(phone.hears(), b"HELLO")
        phone.says(STUN)
        told = phone.hears()
        self.assertEqual((told[:4], told[8:20]), (b"\x01\x01\x00\x0c", STUN[8:]))
        self.restart(signal.SIGTERM)
        self.assertEqual(phone.hears(), b"HELLO")
        (found,) = self.registered()
        self.assertTrue(found["behindNat"])

    def test_credentials_that_were_used(self) -> None:
        """
        Sent again they prove nothing, and a nonce of before a restart is stale;
        both times the new nonce does, and nobody is suspended.
        """
        self.configure("SHA-256, MD5")
        self.restart(signal.SIGTERM)
        phone = Phone(self.switch.port)
        self.addCleanup(phone.close)
        used = phone.proof(phone.ask())
        self.assertIn("200 OK", phone.ask(used))
        again = phone.ask(used)
        self.assertRegex(again, r"^SIP/2.0 401 (?s:.*)stale=true")
        self.assertIn("200 OK", phone.ask(phone.proof(again)))
        kept = phone.proof(phone.ask())
        self.restart(signal.SIGTERM)
        stale = phone.ask(kept)
        self.assertRegex(stale, r"^SIP/2.0 401 (?s:.*)stale=true")
        self.assertIn("200 OK", phone.ask(phone.proof(stale)))

    def test_password_is_sealed(self) -> None:
        """It is nowhere in the state directory, but the interface knows it."""
        self.switch.post("ModifyPhone", e164=PHONE, password="Pa55-w0rd-of-a-phone")
        shown = self.switch.post("GetPhone", e164s=[PHONE])
        self.assertIn("Pa55-w0rd-of-a-phone", json.dumps(shown))
        self.child.stop()
        for path in filter(Path.is_file, self.switch.state.rglob("*")):
            self.assertNotIn(b"Pa55-w0rd-of-a-phone", path.read_bytes(), path)
