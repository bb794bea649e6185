"""
A switch in a process of its own that is killed again and again, a receiver on a real
socket that loses datagrams, and the files on a real disk.
"""

from __future__ import annotations

import random
import re
import signal
import socket
import time
from pathlib import Path

from tests import rows
from tests.test_start import StartCase
from vos3000.db.cdrrows import Batch, Held, put, to_row
from vos3000.db.cursor import Cursor
from vos3000.db.pool import local_pool
from vos3000.metrics import Metrics
from vos3000.model.cdr import CdrEntry

BURST = 12
ON = """\
SERVER_CDR_REAL_TIME_REPORT_SERVER=127.0.0.1:{port}
SERVER_CDR_FILE_WRITE_INTERVAL=60
SERVER_CDR_FILE_WRITE_MAX=100
SS_CDR_RECORD_TO_FILE=On
"""


INVITE = """\
INVITE sip:442071234@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK1
Max-Forwards: 70
From: "1,2|3" <sip:4930123@127.0.0.1>;tag=1
To: <sip:442071234@127.0.0.1>
Call-ID: a,"b|c@127.0.0.1
CSeq: 1 INVITE
Contact: <sip:127.0.0.1:{port}>
User-Agent: X|"Y",Z
Content-Length: 0

"""


class Receiver:
    """
    A program that takes records on a socket, in a bad network.

    @ivar got: The number of each datagram that came through.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.port: int = self._socket.getsockname()[1]
        self.got: list[int] = []
        self.last = b""

    def run(self, seconds: float, most: int = 1 << 30) -> None:
        """Receive for a time, or until the record C{most} came."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and most not in self.got[-1:]:
            try:
                data, sender = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            if self._chance.random() < 0.05:
                continue
            self.last = data
            number = int(data.split(b",")[41])
            self.got.append(number)
            if self._chance.random() > 0.05:
                self._socket.sendto(b"%d" % number, sender)

    def close(self) -> None:
        """Nobody is there any more."""
        self._socket.close()


class ProcessTests(StartCase):
    """kill -9 at any moment."""

    def configure_outputs(self, text: str) -> None:
        """Write mbx2008.conf."""
        (self.config / "mbx2008.conf").write_text(text, "utf-8")

    def conf(self) -> str:
        """What vos3000.conf says."""
        return (self.config / "vos3000.conf").read_text("utf-8")

    def record(self, count: int) -> None:
        """Commit records, as a switch does."""
        url = f"sqlite:///{self.state / 'vos3000.db'}"
        pool = local_pool(url, Metrics(), time.monotonic)
        stop = int(time.time() * 1000)
        made = [rows.cdr(starttime=stop - 1000, stoptime=stop) for _ in range(count)]
        held = [Held(0, CdrEntry(c), to_row(pool.dialect, c)) for c in made]

        def work(cursor: Cursor) -> None:
            put(cursor, pool.dialect, Batch(0, held))

        self.successResultOf(pool.interact("test", work))
        self.successResultOf(pool.close())

    def numbers(self, pattern: str, column: int, separator: bytes) -> list[int]:
        """A column of all files of a kind."""
        folder = self.state / "cdr"
        return [
            int(line.split(separator)[column])
            for path in sorted(folder.glob(pattern))
            for line in self.lines(path)
        ]

    def lines(self, path: Path) -> list[bytes]:
        """The lines of a file, all of them whole."""
        data = path.read_bytes()
        self.assertTrue(data.endswith(b"\n"), path)
        return data.splitlines()

    def test_call(self) -> None:
        """A call's record is on its way as soon as it is written."""
        receiver = Receiver(random.Random(1))
        self.addCleanup(receiver.close)
        self.configure_outputs(ON.format(port=receiver.port))
        self.start("-n")
        self.until("serving:")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
            caller.bind(("127.0.0.1", 0))
            text = INVITE.format(port=caller.getsockname()[1])
            port = re.search("udp = 127.0.0.1:([0-9]+)", self.conf())
            assert port is not None
            to = ("127.0.0.1", int(port[1]))
            caller.sendto(text.replace("\n", "\r\n").encode(), to)
            receiver.run(2.5, 1)
        self.assertEqual(receiver.got, [1])
        fields = receiver.last.split(b",")
        self.assertEqual(len(fields), 53)
        self.assertEqual((fields[0], fields[48]), (b'"4930123"', b"-9"))
        self.assertIn(b'"X| Y  Z"', fields)

    def test_killed(self) -> None:
        """Each record is in each kind of files once, and reaches the receiver."""
        chance = random.Random(11)
        receiver = Receiver(chance)
        self.addCleanup(receiver.close)
        self.configure_outputs(ON.format(port=receiver.port))
        process = self.start("-n")
        self.until("serving:")
        total = 0
        for _ in range(2):
            for _ in range(2):
                self.record(BURST)
                total += BURST
                receiver.run(0.2 + chance.random())
            process.kill()
            process.wait()
            self.record(BURST)
            total += BURST
            process = self.start("-n")
            self.until("serving:")
        receiver.run(30, total)
        self.assertEqual(list(dict.fromkeys(receiver.got)), list(range(1, total + 1)))
        process.send_signal(signal.SIGTERM)
        self.ends(process, 0)
        self.configure_outputs("")
        process = self.start("-n")
        self.until("serving:")
        until = time.monotonic() + 10
        while list(self.state.glob("cdr-*.place")) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        self.ends(process, 0)
        self.assertEqual(list(self.state.glob("cdr*place*")), [])
        expected = list(range(1, total + 1))
        self.assertEqual(self.numbers("cdr_*.csv", 41, b","), expected)
        self.assertEqual(self.numbers("2*.txt", 17, b"|"), expected)
        self.assertEqual(list((self.state / "cdr").glob("*part*")), [])
