"""
Databases of a VOS3000 to take over, made up: one as releases about 2.1.6 had it, one
as 2.1.9 has it. Names are those of the reference; where it says nothing of a column,
the older one names others by their number, the newer one by their visible key.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pymysql

from tests import mariadb
from vos3000.model.cdr import AMOUNT_COLUMNS, COLUMNS

READER = "reader"
PASSWORD = "looks: only"

NOON = 1_772_366_400_000
"""2026-03-01 12:00:00 UTC, ms."""

DAY = 86_400_000

LATIN_NAME = "Müller"
CHINESE_NAME = "上海电信"

_OLD = """
CREATE TABLE e_customer (id INT PRIMARY KEY, account VARCHAR(64),
 name VARCHAR(64) CHARACTER SET gbk, money DOUBLE, limitmoney DOUBLE,
 feerategroup_id INT, type INT, locktype INT, agent_id INT, starttime BIGINT,
 validtime BIGINT, memo VARCHAR(255) CHARACTER SET latin1, category INT);
CREATE TABLE e_payhistory (id INT, customer_id INT, fee DOUBLE, type INT,
 paytype INT, customermoney DOUBLE, paytime BIGINT, memo VARCHAR(255));
CREATE TABLE e_feerategroup (id INT PRIMARY KEY, name VARCHAR(64), memo VARCHAR(64));
CREATE TABLE e_feerate (id INT PRIMARY KEY, feerategroup_id INT, feeprefix VARCHAR(64),
 areacode VARCHAR(64), areaname VARCHAR(64), type INT, fee DOUBLE, period INT,
 firsttime INT, firstfee DOUBLE, locktype INT, tax DOUBLE);
CREATE TABLE e_gatewaymapping (id INT PRIMARY KEY, name VARCHAR(64),
 password VARCHAR(64), locktype INT, calllevel INT, capacity INT, registertype INT,
 remoteips TEXT, customer_id INT, rewriterulesoutcallee TEXT, rtpforwardtype INT,
 siptimer BIT(1), vendorswitch INT, memo VARCHAR(64));
CREATE TABLE e_gatewayrouting (id INT PRIMARY KEY, name VARCHAR(64), prefix TEXT,
 prefixstyle INT, password VARCHAR(64), capacity INT, locktype INT, protocol INT,
 remoteip VARCHAR(64), signalport INT, clearingcustomer_id INT, registertype INT);
CREATE TABLE e_phone (id INT PRIMARY KEY, e164 VARCHAR(64), password VARCHAR(64),
 customer_id INT, locktype INT, linecapacity INT);
CREATE TABLE e_syspara (name VARCHAR(128), value TEXT);
CREATE TABLE e_suite (id INT PRIMARY KEY, name VARCHAR(64), giftmoney DOUBLE);
CREATE TABLE e_somethingold (id INT PRIMARY KEY)
"""

_NEW = """
CREATE TABLE e_customer (id INT PRIMARY KEY, account VARCHAR(255), name VARCHAR(255),
 money DECIMAL(20,4), limitmoney DECIMAL(20,4), feerategroup VARCHAR(255), type INT,
 locktype INT, agentaccount VARCHAR(255), phonebooklimit INT, starttime BIGINT,
 validtime BIGINT, ctdbillingtype INT, canceled TINYINT, memo VARCHAR(255));
CREATE TABLE e_customerdetail (id INT PRIMARY KEY, cardtype INT, address VARCHAR(255),
 email VARCHAR(255), website VARCHAR(64));
CREATE TABLE e_payhistory (id INT PRIMARY KEY, account VARCHAR(255), name VARCHAR(255),
 fee DECIMAL(20,4), type INT, paytype INT, customermoney DECIMAL(20,4), paytime BIGINT,
 memo VARCHAR(255));
CREATE TABLE e_consumption (id INT PRIMARY KEY, account VARCHAR(255),
 money DECIMAL(20,4), customermoney DECIMAL(20,4), type INT,
 consumptionname VARCHAR(255), time BIGINT);
CREATE TABLE e_feerategroup (id INT PRIMARY KEY, name VARCHAR(255), memo VARCHAR(255),
 fakeminute INT);
CREATE TABLE e_feerate (id INT PRIMARY KEY, feerategroup_id INT, feeprefix VARCHAR(64),
 areacode VARCHAR(64), areaname VARCHAR(255), type INT, fee DOUBLE, period INT,
 locktype INT, ivrfee DOUBLE, ivrperiod INT);
CREATE TABLE e_feeratesection (id INT PRIMARY KEY, feerate_id INT, position INT,
 time INT, fee DOUBLE);
CREATE TABLE e_gatewaymapping (id INT PRIMARY KEY, name VARCHAR(255),
 password VARCHAR(255), locktype INT, calllevel INT, capacity INT, registertype INT,
 remoteips TEXT, account VARCHAR(255), memo VARCHAR(255));
CREATE TABLE e_gatewaymappingsetting (id INT PRIMARY KEY, gatewaymapping_id INT,
 rewriterulesoutcallee TEXT, sip100rel TINYINT, sipcodecassign TINYINT,
 sipcodecs VARCHAR(255), maxsecondrates DOUBLE, bilateralreconciliation TINYINT,
 calleelimite164groups VARCHAR(255));
CREATE TABLE e_gatewayrouting (id INT PRIMARY KEY, name VARCHAR(255),
 prefix VARCHAR(512), prefixstyle INT, password VARCHAR(255), capacity INT,
 locktype INT, protocol INT, remoteip VARCHAR(64), signalport INT,
 clearingaccount VARCHAR(255), registertype INT, gatewaygroups TEXT);
CREATE TABLE e_phone (id INT PRIMARY KEY, e164 VARCHAR(64), password VARCHAR(255),
 account VARCHAR(255), locktype INT, calllevel INT, feerategroup VARCHAR(255));
CREATE TABLE e_phonesetting (phone_id INT PRIMARY KEY, registertype INT,
 ip VARCHAR(64));
CREATE TABLE e_phoneservice (phone_id INT PRIMARY KEY, donotdisturb TINYINT,
 unconditionalforward TINYINT);
CREATE TABLE e_moconfig (name VARCHAR(128), value TEXT, editable INT, moid INT,
 motype INT);
CREATE TABLE e_web_access_control (id INT PRIMARY KEY, path VARCHAR(255), ips TEXT,
 webdevice VARCHAR(64));
CREATE TABLE e_othermaxid (type VARCHAR(64), maxid BIGINT);
CREATE TABLE e_suite (id INT PRIMARY KEY, name VARCHAR(255));
CREATE TABLE e_limit_e164_group (id INT PRIMARY KEY, name VARCHAR(255));
CREATE TABLE e_limit_e164 (id INT PRIMARY KEY, limite164group_id INT, e164 VARCHAR(64),
 memo VARCHAR(255));
CREATE TABLE e_system_limit_e164 (e164 VARCHAR(64), memo VARCHAR(255));
CREATE TABLE e_user (id INT PRIMARY KEY, loginname VARCHAR(64), password VARCHAR(64))
"""

ACCOUNTS = (
    "CREATE TABLE e_customer (id INT PRIMARY KEY, account VARCHAR(64), money DOUBLE)"
)
"""Next to nothing."""

_CDR_OLD = (
    "CREATE TABLE {} (id INT, callere164 VARCHAR(64), calleee164 VARCHAR(64),"
    " callergatewayh323id VARCHAR(64), calleegatewayh323id VARCHAR(64), pdd INT,"
    " feeprefix VARCHAR(64), agentfeeprefix VARCHAR(64), calleebilling INT,"
    " softswitchdn VARCHAR(64), subcdr_id INT, starttime BIGINT, stoptime BIGINT,"
    " holdtime INT, feetime INT, fee DOUBLE, customeraccount VARCHAR(64),"
    " customername VARCHAR(64), agentfee DOUBLE, agentaccount VARCHAR(64),"
    " endreason INT, enddirection INT, flowno BIGINT PRIMARY KEY)"
)


class VosSource:
    """
    A made-up VOS3000.

    @ivar url: What import-vos is called with; its user may only SELECT.
    """

    def __init__(self, name: str, tables: str, cdr: str, options: str) -> None:
        self.name = name
        self._cdr = cdr
        self._options = options
        server = mariadb.server()
        server.create(name)
        self._connection = pymysql.connect(
            unix_socket=str(server.socket),
            user="root",
            database=name,
            autocommit=True,
            charset="utf8mb4",
        )
        for statement in tables.split(";"):
            self.run(statement + options)
        self.run(
            f"CREATE OR REPLACE USER {READER}@localhost IDENTIFIED BY '{PASSWORD}'"
        )
        self.run(f"GRANT SELECT ON {name}.* TO {READER}@localhost")
        password = PASSWORD.replace(" ", "%20").replace(":", "%3A")
        self.url = (
            f"mysql://{READER}:{password}@localhost/{name}?unix_socket={server.socket}"
        )

    def run(self, sql: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement as its owner."""
        cursor = self._connection.cursor()
        cursor.execute(sql, values)
        return list(cursor.fetchall())

    def put(self, table: str, **values: Any) -> None:
        """Add a row."""
        marks = ", ".join(["%s"] * len(values))
        self.run(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})",
            tuple(values.values()),
        )

    def day(self, table: str) -> None:
        """Make a table of records."""
        self.run(self._cdr.format(table) + self._options)

    def checksum(self) -> dict[str, Any]:
        """What stands in its tables."""
        names = [name for (name,) in self.run("SHOW TABLES")]
        return dict(self.run(f"CHECKSUM TABLE {', '.join(names)}"))

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def _cdr_new() -> str:
    kinds: Mapping[str, str] = {
        **dict.fromkeys(AMOUNT_COLUMNS, "DOUBLE"),
        **dict.fromkeys(("starttime", "stoptime", "softswitchcallid"), "BIGINT"),
        **dict.fromkeys(("recordstarttime", "flownofirst"), "BIGINT"),
        **dict.fromkeys(("id", "callertype", "calleetype", "billingmode"), "INT"),
        **dict.fromkeys(("holdtime", "feetime", "enddirection", "endreason"), "INT"),
        **dict.fromkeys(("calllevel", "agentfeetime", "callerpdd", "calleepdd"), "INT"),
        **dict.fromkeys(("suitefeetime", "agentsuitefeetime", "rtpforward"), "INT"),
        **dict.fromkeys(("billingtype", "cdrlevel", "agentcdr_id"), "INT"),
        "flowno": "BIGINT PRIMARY KEY",
        "additional": "BLOB",
        "dynamicValue": "TEXT",
    }
    columns = ", ".join(f"{c} {kinds.get(c, 'VARCHAR(64)')}" for c in COLUMNS)
    return f"CREATE TABLE {{}} ({columns})"


def old() -> VosSource:
    """
    About 2.1.6: MyISAM, references by number, one table for a gateway, records with
    the old columns, names in GBK, and a text in UTF-8 where latin1 was declared.
    """
    made = VosSource("vos216", _OLD, _CDR_OLD, " ENGINE=MyISAM DEFAULT CHARSET=utf8")
    made.put("e_feerategroup", id=1, name="retail", memo="")
    made.put("e_feerategroup", id=2, name="vendor", memo="")
    rate = {"areacode": "49", "areaname": "Germany", "type": 5, "period": 60}
    made.put("e_feerate", id=10, feerategroup_id=1, feeprefix="49", fee=0.06,
             firsttime=30, firstfee=0.05, locktype=0, tax=0, **rate)  # fmt: skip
    made.put("e_feerate", id=11, feerategroup_id=1, feeprefix="491", fee=0.1,
             firsttime=0, firstfee=0, locktype=0, tax=0.19, **rate)  # fmt: skip
    made.put("e_feerate", id=12, feerategroup_id=2, feeprefix="49", fee=0.02,
             firsttime=0, firstfee=0, locktype=7, tax=0, **rate)  # fmt: skip
    made.put("e_feerate", id=13, feerategroup_id=9, feeprefix="33", fee=0.02,
             firsttime=0, firstfee=0, locktype=0, tax=0, **rate)  # fmt: skip
    made.put("e_customer", id=21, account="1000", name=CHINESE_NAME, money=12.345678901,
             limitmoney=5, feerategroup_id=1, type=0, locktype=0, agent_id=0,
             starttime=NOON - 9 * DAY, validtime=0, memo="", category=3)  # fmt: skip
    made.put("e_customer", id=22, account="2000", name="vendor", money=-0.3,
             limitmoney=100, feerategroup_id=2, type=2, locktype=0, agent_id=0,
             starttime=NOON - 9 * DAY, validtime=NOON + DAY, memo="",
             category=0)  # fmt: skip
    made.put("e_customer", id=23, account="1001", name="below", money=0.1,
             limitmoney=0, feerategroup_id=77, type=0, locktype=5, agent_id=21,
             starttime=0, validtime=0, memo="", category=0)  # fmt: skip
    made.run(
        "UPDATE e_customer SET memo = CAST(%s AS BINARY) WHERE id = 22",
        (LATIN_NAME.encode("utf-8"),),
    )
    made.put("e_payhistory", id=1, customer_id=21, fee=20, type=0, paytype=0,
             customermoney=20, paytime=NOON - 8 * DAY, memo="cash")  # fmt: skip
    made.put("e_payhistory", id=2, customer_id=21, fee=3, type=1, paytype=5,
             customermoney=17, paytime=NOON - 7 * DAY, memo="")  # fmt: skip
    made.put("e_payhistory", id=3, customer_id=99, fee=3, type=0, paytype=5,
             customermoney=3, paytime=NOON - 7 * DAY, memo="")  # fmt: skip
    made.put("e_gatewaymapping", id=31, name="customer", password="in clear",
             locktype=0, calllevel=5, capacity=30, registertype=0,
             remoteips="192.0.2.1,192.0.2.2", customer_id=21,
             rewriterulesoutcallee="00:", rtpforwardtype=9, siptimer=b"\0",
             vendorswitch=4, memo="")  # fmt: skip
    made.put("e_gatewayrouting", id=41, name="carrier", prefix="49,33", prefixstyle=1,
             password="", capacity=100, locktype=9, protocol=1, remoteip="198.51.100.1",
             signalport=5060, clearingcustomer_id=22, registertype=0)  # fmt: skip
    made.put("e_phone", id=51, e164="2001", password="phone pw", customer_id=21,
             locktype=0, linecapacity=2)  # fmt: skip
    made.put("e_syspara", name="SERVER_BILLING_FREE_TIME", value="3")
    made.put("e_syspara", name="SS_NOBODY_KNOWS", value="1")
    made.put("e_suite", id=1, name="gift", giftmoney=3)
    made.put("e_somethingold", id=1)
    for number, table in enumerate(("e_cdr_20260227", "e_cdr_20260228", "e_cdr")):
        made.day(table)
        for each in range(5):
            _old_record(made, table, 5_000_000_000 + number * 10 + each, number - 2)
    made.put("e_cdr", id=0, flowno=5_000_000_099, starttime=NOON, stoptime=0)
    return made


def _old_record(made: VosSource, table: str, flowno: int, day: int) -> None:
    start = NOON + day * DAY + flowno % 10 * 1000
    made.put(table, id=0, callere164="301", calleee164="49301",
             callergatewayh323id="customer", calleegatewayh323id="carrier", pdd=1200,
             feeprefix="49", agentfeeprefix="49", calleebilling=0, softswitchdn="MBX",
             subcdr_id=7, starttime=start, stoptime=start + 61_000, holdtime=61,
             feetime=120, fee=0.1, customeraccount="1000", customername=CHINESE_NAME,
             agentfee=0.0400000004, agentaccount="2000", endreason=16, enddirection=0,
             flowno=flowno)  # fmt: skip


def new() -> VosSource:
    """About 2.1.9: InnoDB, settings apart, references by key, all 63 columns."""
    made = VosSource(
        "vos219",
        _NEW,
        _cdr_new(),
        " ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_bin",
    )
    made.put("e_feerategroup", id=1, name="retail", memo="all", fakeminute=55)
    made.put("e_feerate", id=10, feerategroup_id=1, feeprefix="49", areacode="49",
             areaname="Deutschland", type=5, fee=0.1, period=60, locktype=0, ivrfee=0.2,
             ivrperiod=30)  # fmt: skip
    made.put("e_feerate", id=11, feerategroup_id=1, feeprefix="33", areacode="33",
             areaname="France", type=3, fee=0.01, period=0, locktype=0, ivrfee=0,
             ivrperiod=60)  # fmt: skip
    made.put("e_feeratesection", id=1, feerate_id=10, position=1, time=60, fee=0.02)
    made.put("e_feeratesection", id=2, feerate_id=10, position=0, time=30, fee=0.05)
    _new_accounts(made)
    _new_devices(made)
    made.put("e_moconfig", name="SERVER_BILLING_HOLD_TIME_PRECISION", value="1",
             editable=1, moid=0, motype=0)  # fmt: skip
    made.put("e_moconfig", name="SS_SIP_SESSION_TTL", value="900", editable=1, moid=5,
             motype=2)  # fmt: skip
    made.put("e_moconfig", name="SS_SIP_SESSION_TTL", value="600", editable=1, moid=0,
             motype=0)  # fmt: skip
    made.put("e_moconfig", name="SERVER_BILLING_FREE_TIME", value="many", editable=1,
             moid=0, motype=0)  # fmt: skip
    made.put("e_web_access_control", id=61, path="/external/server",
             ips="192.0.2.7,nonsense", webdevice="web1")  # fmt: skip
    made.put("e_othermaxid", type="cdr_flowno", maxid=7_000_000_000)
    made.put("e_suite", id=1, name="gift")
    made.put("e_limit_e164_group", id=71, name="black")
    made.put("e_limit_e164", id=1, limite164group_id=71, e164="4990", memo="dear")
    made.put("e_limit_e164", id=2, limite164group_id=72, e164="4991", memo="")
    made.put("e_system_limit_e164", e164="110", memo="")
    made.put("e_user", id=1, loginname="admin", password="secret")
    for table in ("e_cdr_20260228", "e_cdr"):
        made.day(table)
    for each in range(7):
        new_record(made, "e_cdr_20260228", 6_000_000_000 + each, NOON - DAY)
    new_record(made, "e_cdr", 6_000_000_100, NOON)
    return made


def _new_accounts(made: VosSource) -> None:
    common = {"type": 0, "locktype": 0, "agentaccount": "", "phonebooklimit": 9,
              "starttime": NOON - 9 * DAY, "validtime": (1 << 63) - 1,
              "ctdbillingtype": 0, "canceled": 0, "memo": ""}  # fmt: skip
    made.put("e_customer", id=21, account="1000", name="one", limitmoney=0,
             money=Decimal("9.2"), feerategroup="retail", **common)  # fmt: skip
    made.put("e_customer", id=22, account="1001", name="two", limitmoney=0,
             money=Decimal("-7.25"), feerategroup="", **common)  # fmt: skip
    made.put("e_customerdetail", id=21, cardtype=1, address="Bund 1",
             email="a@example.com", website="example.com")  # fmt: skip
    made.put("e_payhistory", id=1, account="1000", name="one", fee=Decimal("10.5"),
             type=0, paytype=0, customermoney=Decimal("10.5"), paytime=NOON - 9 * DAY,
             memo="")  # fmt: skip
    made.put("e_consumption", id=1, account="1000", money=Decimal("0.5"),
             customermoney=10, type=1, consumptionname="rent",
             time=NOON - 5 * DAY)  # fmt: skip


def _new_devices(made: VosSource) -> None:
    made.put("e_gatewaymapping", id=31, name="customer", password="in clear",
             locktype=0, calllevel=5, capacity=30, registertype=0,
             remoteips="192.0.2.1", account="1000", memo="")  # fmt: skip
    made.put("e_gatewaymappingsetting", id=1, gatewaymapping_id=31,
             rewriterulesoutcallee="0:49", sip100rel=0, sipcodecassign=1,
             sipcodecs="audio/PCMA;audio/G729", maxsecondrates=0.0123,
             bilateralreconciliation=1, calleelimite164groups="71")  # fmt: skip
    routing = {"prefixstyle": 0, "password": "", "capacity": 100, "protocol": 1,
               "remoteip": "198.51.100.1", "signalport": 5060, "registertype": 0,
               "gatewaygroups": "a,b", "locktype": 0}  # fmt: skip
    made.put("e_gatewayrouting", id=41, name="carrier", prefix="49",
             clearingaccount="1001", **routing)  # fmt: skip
    made.put("e_gatewayrouting", id=42, name="long", prefix="1" * 300,
             clearingaccount="gone", **routing)  # fmt: skip
    made.put("e_phone", id=51, e164="2001", password="phone pw", account="1000",
             locktype=0, calllevel=3, feerategroup="retail")  # fmt: skip
    made.put("e_phonesetting", phone_id=51, registertype=1, ip="")
    made.put("e_phoneservice", phone_id=51, donotdisturb=1, unconditionalforward=0)


def new_record(made: VosSource, table: str, flowno: int, start: int) -> None:
    """Add a record that costs 1000 0.1, and 1001 0.04."""
    made.put(table, id=0, callere164="301", calleee164="49301",
             callergatewayid="customer", calleegatewayid="carrier", callerpdd=100,
             callerareacode="49", starttime=start, stoptime=start + 61_000, holdtime=61,
             feetime=120, fee=0.1, customeraccount="1000", customername="one",
             agentfee=0.04, agentaccount="1001", endreason=16, enddirection=0,
             billingmode=1, flowno=flowno, dynamicValue='{"a":1}')  # fmt: skip
