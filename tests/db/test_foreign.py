"""
Programs of others on our MariaDB, run as they are: they read records, follow them,
and add to the tables of the configuration.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from bench.switch import Switch
from tests import mariadb, rows
from vos3000.db import autoclean, upgrade, views
from vos3000.db.cdrmover import CdrMover
from vos3000.db.cdrrows import Batch, Held, put, to_row
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import ROUTING, GatewayStore
from vos3000.errors import StorageError
from vos3000.instant import Instant
from vos3000.metrics import Metrics

FOREIGN = Path(mariadb.__file__).parent / "foreign"
DAY = 86_400_000

INVITE = """\
INVITE sip:8613800138000@127.0.0.1:{port} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{branch}
Max-Forwards: 70
From: <sip:100@127.0.0.1>;tag={branch}
To: <sip:8613800138000@127.0.0.1>
Call-ID: {branch}@test
CSeq: 1 INVITE
Contact: <sip:100@127.0.0.1:{own}>
Content-Type: application/sdp
Content-Length: {length}

{body}"""
BODY = """\
v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 40000 RTP/AVP 8
"""


def run(name: str, database: str, *words: object) -> list[str]:
    """Run a program of others; the lines that it printed."""
    argv = [sys.executable, str(FOREIGN / f"{name}.py")]
    argv += [str(mariadb.server().socket), database, *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout.splitlines()


class ForeignCase(SynchronousTestCase):
    """The tests' database, with views."""

    def setUp(self) -> None:
        self.connection = mariadb.database()
        self.addCleanup(self.connection.close)
        self.pool = rows.memory_pool(self.connection)

    def show(self) -> None:
        """Make the views, until the test is over."""
        self.addCleanup(mariadb.server().drop, views.SCHEMA)
        upgrade.make_views(self.connection.url)

    def record(self, **fields: Any) -> None:
        """Write one record."""
        cdr = rows.cdr(**fields)
        held = Held(1, rows.CdrEntry(cdr), to_row(self.pool.dialect, cdr))
        batch = Batch(0, [held])
        written = self.pool.records("put", put, self.pool.dialect, batch)
        self.successResultOf(written)

    def move(self, wall: int = rows.NOON + DAY) -> None:
        """Carry records on to the tables of their days."""
        mover = CdrMover(
            self.pool, Clock(), lambda: Instant(wall, 0.0), Metrics(), rows.UTC
        )
        while self.successResultOf(mover.step()):
            pass


class RecordTests(ForeignCase):
    """Reading what was written."""

    def setUp(self) -> None:
        """Two records that were moved, of two days, and one that was not."""
        super().setUp()
        self.record(callertogatewaye164="8613", stoptime=rows.NOON + 1)
        self.record(starttime=rows.NOON - DAY, stoptime=rows.NOON - DAY + 60_000)
        self.move()
        self.record(stoptime=rows.NOON + 30_000, fee=Decimal("0.000001"))

    def report(self, database: str) -> list[str]:
        """The report of a day."""
        words = ("customer", rows.NOON, rows.NOON + DAY)
        return run("day_report", database, *words)

    def test_a_day_by_stoptime_and_numbers(self) -> None:
        """Found in information_schema: the day's table and the rolling one."""
        found = self.report("tests")
        self.assertEqual(
            sorted(found),
            [
                " vendor 60 0.000001",
                "8613 vendor 60 0.060000",
                "calls 2 seconds 120 fee 0.060001",
            ],
        )

    def test_the_same_in_vos3000db(self) -> None:
        """Views show what the tables hold, those of later days too."""
        self.show()
        self.assertEqual(self.report(views.SCHEMA), self.report("tests"))
        self.move(rows.NOON + 3 * DAY)
        self.assertEqual(self.report(views.SCHEMA), self.report("tests"))
        self.assertEqual(run("follow", views.SCHEMA, 0, 2)[-1], "last 3")

    def test_following_by_flowno(self) -> None:
        """Each number once and in order, however small the steps are."""
        self.assertEqual(run("follow", "tests", 0, 2), ["1", "2", "3", "last 3"])
        self.record()
        self.assertEqual(run("follow", "tests", 3), ["4", "last 4"])


class ViewTests(ForeignCase):
    """The views of vos3000db."""

    def shown(self) -> set[str]:
        """What a program finds there."""
        found = self.connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ?",
            (views.SCHEMA,),
        )
        return {name for (name,) in found}

    def test_every_table_with_every_column(self) -> None:
        """In the same order; Alembic's own is not shown."""
        self.show()
        tables = self.connection.tables() - {"alembic_version"}
        self.assertEqual(self.shown(), tables)
        for table in tables:
            found = self.connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE"
                " table_schema = ? AND table_name = ? ORDER BY ordinal_position",
                (views.SCHEMA, table),
            )
            names = tuple(name for (name,) in found)
            self.assertEqual(names, rows.columns(self.connection, table))

    def test_they_follow_the_days(self) -> None:
        """A table that is made is shown, one that is removed no longer."""
        self.show()
        self.record()
        self.move()
        self.assertIn("e_cdr_20260301", self.shown())
        self.connection.execute("DELETE FROM e_cdr_20260301")
        dropped = self.pool.interact(
            "drop", autoclean._drop, self.pool.dialect, "e_cdr_20260301"
        )
        self.successResultOf(dropped)
        self.assertNotIn("e_cdr_20260301", self.shown())
        self.connection.execute("DROP TABLE e_cdr_20260302")
        upgrade.make_views(self.connection.url)
        self.assertNotIn("e_cdr_20260302", self.shown())

    def test_they_are_made_on_request_only(self) -> None:
        """Nobody asked: none, and none for a new day."""
        self.record()
        self.move()
        self.assertEqual(self.shown(), set())

    def test_a_file_has_none(self) -> None:
        """It is told."""
        url = f"sqlite:///{Path(self.mktemp()).absolute()}"
        upgrade.migrate(url)
        refused = self.assertRaises(StorageError, upgrade.make_views, url)
        self.assertIn("views are for a server", str(refused))

    def test_they_follow_the_schema(self) -> None:
        """Back to an earlier release and forward again."""
        url = mariadb.server().create("viewed")
        self.addCleanup(mariadb.server().drop, "viewed")
        self.addCleanup(mariadb.server().drop, views.SCHEMA)
        upgrade.migrate(url)
        upgrade.make_views(url)
        upgrade.go_back(url, "0001")
        self.assertNotIn("e_phone", self.shown())
        upgrade.migrate(url)
        self.assertIn("e_phone", self.shown())


class NumberTests(ForeignCase):
    """MAX(id) + 1."""

    def test_gateway_is_ours_and_the_next_number_is_free(self) -> None:
        """It is loaded with defaults; what we open next has a number beyond it."""
        store = GatewayStore(self.pool, ROUTING)
        self.successResultOf(store.create({"name": "first"}))
        for name in ("second", "third"):
            run("add_gateway", "tests", name, "192.0.2.9", 5060, "86")
        found = self.successResultOf(store.values())
        self.assertEqual([each.name for each in found], ["first", "second", "third"])
        self.assertEqual((found[1].remote_ip, found[1].capacity), ("192.0.2.9", 10))
        self.successResultOf(store.create({"name": "fourth"}))
        opened = CustomerStore(self.pool).create({"account": "1000"}, 0)
        self.assertEqual(self.successResultOf(opened).id, 5)


def udp() -> socket.socket:
    """A socket on loopback."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(10)
    return made


class RunningTests(SynchronousTestCase):
    """A switch on MariaDB, in a process of its own."""

    def setUp(self) -> None:
        """It has a customer and a rate, but no vendor."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        url = mariadb.server().create("running")
        self.addCleanup(mariadb.server().drop, "running")
        upgrade.migrate(url)
        self.switch = Switch(folder, {}, "info", f"\n[database]\nurl = {url}\n")
        self.addCleanup(self.switch.start(None).stop)
        rates = folder / "rates.csv"
        rates.write_text("feePrefix,fee,period,feeRateGroup\n86,0.06,60,g\n")
        self.switch.command("import-rates", str(rates))
        self.switch.post("CreateCustomer", account="1", money=5, feeRateGroup="g")
        gateway = {"name": "in", "account": "1", "remoteIps": "127.0.0.1"}
        self.switch.post("CreateGatewayMapping", **gateway)
        self.switch.command("reload")

    def invite(self, branch: str) -> socket.socket:
        """Call through the switch."""
        caller = udp()
        self.addCleanup(caller.close)
        body = BODY.replace("\n", "\r\n")
        message = INVITE.replace("\n", "\r\n").format(
            port=self.switch.port,
            own=caller.getsockname()[1],
            branch=branch,
            length=len(body),
            body=body,
        )
        caller.sendto(message.encode(), ("127.0.0.1", self.switch.port))
        return caller

    def test_gateway_works_after_reload(self) -> None:
        """Before it a call finds no way; after it the vendor hears of one."""
        caller = self.invite("one")
        answer = "SIP/2.0 100"
        while answer.startswith("SIP/2.0 1"):
            answer = caller.recv(65536).decode().partition("\r\n")[0]
        self.assertIn(" 503 ", answer)
        vendor = udp()
        self.addCleanup(vendor.close)
        port = vendor.getsockname()[1]
        run("add_gateway", "running", "out", "127.0.0.1", port, "86")
        self.switch.command("reload")
        vendor.settimeout(0.5)
        for number in range(20):  # told to reload is not yet read
            self.invite(f"two{number}")
            with contextlib.suppress(TimeoutError):
                heard, peer = vendor.recvfrom(65536)
                break
        else:
            self.fail("the vendor hears of no call")
        self.assertIn(b"INVITE sip:8613800138000@127.0.0.1", heard)
        self.assertEqual(peer[1], self.switch.port)
