"""Tests of L{vos3000.reports.forms}: records at the byte."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.model.cdr import COLUMNS, Cdr
from vos3000.reports.forms import (
    CSV_COLUMNS,
    LONGEST,
    PIPE_COLUMNS,
    REPORT_COLUMNS,
    csv_line,
    datagram,
    pipe_line,
)

FULL: dict[str, Any] = {
    "callerrtpip": "192.0.2.9",
    "callercodec": "g729",
    "callerproductid": "Phone/1.0",
    "callertogatewaye164": "00493012",
    "callertype": 1,
    "calleertpip": "198.51.100.9",
    "calleecodec": "pcma",
    "calleeproductid": "GW",
    "calleetogatewaye164": "9442071234",
    "calleetype": 2,
    "calllevel": 4,
    "agentfeetime": 61,
    "callerpdd": 10000,
    "calleepdd": 1988,
    "callerareacode": "44",
    "tax": Decimal("0.000001"),
    "suitefee": Decimal("1.50"),
    "suitefeetime": 5,
    "calleeareacode": "4420",
    "agentfee": Decimal("-0.02"),
    "agentaccount": "vendor",
    "agentname": "The vendor",
    "flowno": 4711,
    "calleroriginalcallid": "o@192.0.2.1",
    "rtpforward": 1,
    "enddirection": 2,
    "endreason": -8,
    "billingtype": 1,
}

CSV_BYTES = (
    b"4930123,030123,442071234,00442071234,192.0.2.1,g729,customer,Phone/1.0,00493012,1,"
    b"198.51.100.1,pcma,vendor,GW,9442071234,2,1,4,61,1772366400000,1772366460000,"
    b"10000,1988,60,44,60,0.06,0.000001,1.5,5,0,0,1000,one thousand,4420,-0.02,0,0,0,"
    b"vendor,The vendor,4711,MBX,7,a@192.0.2.1,o@192.0.2.1,1,2,-8,1,0,-1\n"
)


class ByteTests(SynchronousTestCase):
    """A record in each form."""

    def test_csv(self) -> None:
        """The 52 fields of the contract, in its order."""
        self.assertEqual(csv_line(rows.cdr(**FULL)), CSV_BYTES)
        self.assertEqual(len(CSV_COLUMNS), 52)
        self.assertEqual(CSV_BYTES.count(b","), 51)

    def test_pipe(self) -> None:
        """18 fields; the first nine, 16 and 17 where the contract has them."""
        self.assertEqual(
            pipe_line(rows.cdr(**FULL)),
            b"4930123|442071234|1772366400000|1772366460000|60|-8|2|customer|vendor|"
            b"192.0.2.1|198.51.100.1|192.0.2.9|198.51.100.9|00493012|9442071234|"
            b"1|1|4711\n",
        )
        self.assertEqual(len(PIPE_COLUMNS), 18)

    def test_datagram(self) -> None:
        """Texts in quotes, numbers bare; the callee's call id follows the CSV's."""
        self.assertEqual(
            datagram(rows.cdr(**FULL)),
            b'"4930123","030123","442071234","00442071234","192.0.2.1","g729",'
            b'"customer","Phone/1.0","00493012",1,"198.51.100.1","pcma","vendor","GW",'
            b'"9442071234",2,1,4,61,1772366400000,1772366460000,10000,1988,60,"44",60,'
            b'0.06,0.000001,1.5,5,0,0,"1000","one thousand","4420",-0.02,0,0,0,'
            b'"vendor","The vendor",4711,"MBX",7,"a@192.0.2.1","o@192.0.2.1",1,2,'
            b'-8,1,0,-1,"b@203.0.113.1"',
        )
        self.assertEqual(REPORT_COLUMNS[:52], CSV_COLUMNS)

    def test_empty_record(self) -> None:
        """Nothing is an empty field; an empty text still has its quotes."""
        self.assertTrue(csv_line(Cdr()).startswith(b",,,,,,,,,0,,"))
        self.assertTrue(pipe_line(Cdr()).startswith(b"||0|0|0|0|0||||"))
        self.assertTrue(datagram(Cdr()).startswith(b'"","",'))

    def test_columns_exist(self) -> None:
        """Each is one of the table's."""
        for name in (*CSV_COLUMNS, *PIPE_COLUMNS, *REPORT_COLUMNS):
            self.assertIn(name, COLUMNS)


HOSTILE = 'a,b|c"d\r\ne\x00f\u2028g\x85h\x0bi\x1cj\tk'


class StrangerTests(SynchronousTestCase):
    """What callers write adds neither a line nor a field."""

    def test_every_separator(self) -> None:
        """Each becomes a space, in the forms that have it."""
        record = rows.cdr(callerproductid=HOSTILE, callergatewayid=HOSTILE)
        self.assertIn(b",a b|c d  e f g h i j k,", csv_line(record))
        self.assertIn(b'|a,b c"d  e f g h i j k|', pipe_line(record))
        self.assertIn(b',"a b|c d  e f g h i j k",', datagram(record))

    def test_half_characters(self) -> None:
        """What is no UTF-8 becomes a question mark."""
        record = rows.cdr(callergatewayid="x\udcffy")
        self.assertIn(b"|x?y|", pipe_line(record))

    def test_numbers_that_are_none(self) -> None:
        """Another program may put a text where a number belongs."""
        wrong: Any = "1|2,3\n4"
        record = rows.cdr(holdtime=wrong, callerpdd=None)
        self.assertEqual(pipe_line(record).split(b"|")[4], b"1 2,3 4")
        self.assertEqual(csv_line(record).split(b",")[23], b"1|2 3 4")
        self.assertEqual(csv_line(record).split(b",")[21], b"")

    @given(st.lists(st.text(max_size=300), min_size=63, max_size=63))
    def test_any_text_anywhere(self, texts: list[str]) -> None:
        """One line, 52 and 18 fields, for bytes, str and the csv module alike."""
        record = Cdr(*texts)  # type: ignore[arg-type]
        line = csv_line(record)
        self.assertEqual(line.count(b"\n"), 1)
        self.assertEqual(line.count(b","), 51)
        text = line.decode()
        self.assertEqual(len(text.splitlines()), 1)
        self.assertEqual([len(row) for row in csv.reader([text])], [52])
        pipe = pipe_line(record).decode()
        self.assertEqual((len(pipe.splitlines()), pipe.count("|")), (1, 17))
        sent = datagram(record)
        self.assertEqual(sent.count(b'"'), 2 * 53)
        self.assertLess(len(sent), 65_507)
        self.assertEqual(
            [len(row) for row in csv.reader([sent.decode()], strict=True)], [53]
        )

    def test_longest(self) -> None:
        """Texts end where the widest column does."""
        record = rows.cdr(customername="x" * 300)
        self.assertIn(b"," + b"x" * LONGEST + b",", csv_line(record))
