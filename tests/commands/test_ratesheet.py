"""Tests of L{vos3000.commands.ratesheet}."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from vos3000.commands.ratesheet import SHOWN, RateSheet, Row
from vos3000.errors import ParseError
from vos3000.model.rates import Rate, RateSection


class SheetCase(SynchronousTestCase):
    """Writes sheets."""

    def sheet(
        self, text: str | bytes, group: str | None = None, encoding: str = "utf-8"
    ) -> RateSheet:
        """The sheet of a text."""
        path = Path(self.mktemp())
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return RateSheet(path, group, encoding, lambda done: None)


class GoodSheetTests(SheetCase):
    """What becomes of good rows."""

    def test_columns_in_any_order(self) -> None:
        """Names decide, not places, and not their case."""
        sheet = self.sheet(
            "period,FEE,areaname,feePrefix,feeRateGroup,type,areaCode,lockType,"
            "ivrFee,ivrPeriod\n60,0.0123,Berlin,4930,retail,4,030,1,0.02,30\n"
        )
        rate = Rate(
            "4930", Decimal("0.0123"), 60, (), 4, 1, "030", "Berlin",
            Decimal("0.02"), 30,
        )  # fmt: skip
        self.assertEqual(list(sheet), [Row(2, "retail", rate)])
        self.assertEqual(sheet.groups, ["retail"])

    def test_defaults(self) -> None:
        """Prefix, fee and period are enough where the group is given."""
        (row,) = self.sheet("feePrefix,fee,period\n49,0,6\n", "g")
        self.assertEqual(row, Row(2, "g", Rate("49", Decimal(0), 6)))

    def test_sections(self) -> None:
        """Sections come in their order; trailing empty ones are none."""
        sheet = self.sheet(
            "feePrefix,section2Fee,section1Time,section1Fee,section2Time,fee,period\n"
            "49,0.1,30,0.5,6,1,60\n"
            "33,,30,0.5,,1,60\n"
            "1,,,,,1,60\n",
            "g",
        )
        first, second = RateSection(30, Decimal("0.5")), RateSection(6, Decimal("0.1"))
        self.assertEqual(
            [row.rate.sections for row in sheet], [(first, second), (first,), ()]
        )

    def test_spreadsheets(self) -> None:
        """A byte order mark, semicolons, tabs, CRLF and blank lines are fine."""
        for delimiter in ";\t,":
            text = "\ufefffeePrefix,fee,period\r\n\r\n49,1,60\r\n,,\r\n"
            sheet = self.sheet(text.replace(",", delimiter), "g")
            self.assertEqual([row.rate.prefix for row in sheet], ["49"])
            self.assertEqual(sheet.bad_count, 0)

    def test_quoted_cells(self) -> None:
        """A name may hold the delimiter and a line end."""
        sheet = self.sheet('feePrefix,areaName,fee,period\n49,"a, b\nc",1,60\n', "g")
        (row,) = sheet
        self.assertEqual((row.line, row.rate.area_name), (3, "a, b\nc"))

    def test_other_encodings(self) -> None:
        """Chinese sheets are read when their encoding is named."""
        text = "feePrefix,areaName,fee,period\n86,中国,1,60\n".encode("gb18030")
        (row,) = self.sheet(text, "g", "gb18030")
        self.assertEqual(row.rate.area_name, "中国")
        wrong = self.sheet(text, "g")
        self.assertEqual(list(wrong), [])
        self.assertIn("--encoding", wrong.bad[0].reason)


class BadRowTests(SheetCase):
    """Each bad row is named by its line, with the reason."""

    HEADER = "feeRateGroup,feePrefix,fee,period,type,lockType,areaName\n"

    def _reason(self, row: str) -> str:
        sheet = self.sheet(f"{self.HEADER}g,1,1,60,5,0,x\n{row}\n")
        self.assertEqual(len(list(sheet)), 1)
        (bad,) = sheet.bad
        self.assertEqual(bad.line, 3)
        return bad.reason

    def test_reasons(self) -> None:
        """The reason says what is wrong and what would be right."""
        for row, words in (
            ("g,2,1,60,5,0", "6 columns, the header has 7"),
            (",2,1,60,5,0,x", "--group"),
            ("g,,1,60,5,0,x", "feePrefix is ''"),
            ("g,4 9,1,60,5,0,x", "feePrefix is '4 9'"),
            ("g,1,1,60,5,0,x", "feePrefix 1 stands in group g already"),
            ("g,2,one,60,5,0,x", "fee: 'one' is not a number"),
            ("g,2,,60,5,0,x", "fee: '' is not a number"),
            ("g,2,-1,60,5,0,x", "fee is -1, below zero"),
            ("g,2,1e-13,60,5,0,x", "12 digits"),
            ("g,2,1000000,60,5,0,x", "fee is 1000000, not below 1000000"),
            ("g,2,1,0,5,0,x", "period is '0'"),
            ("g,2,1,,5,0,x", "period is ''"),
            ("g,2,1,60,3,0,x", "not 1, 2, 4 or 5"),
            ("g,2,1,60,5,2,x", "lockType is '2'"),
            ("g" * 65 + ",2,1,60,5,0,x", "64"),
            ("g,2,1,60,5,0," + "x" * 256, "areaName"),
        ):
            self.assertIn(words, self._reason(row))

    def test_sections_have_no_holes(self) -> None:
        """A section without time or fee, or after an empty one, is bad."""
        header = "feePrefix,fee,period,section1Time,section1Fee,"
        sheet = self.sheet(
            f"{header}section2Time,section2Fee\n"
            "1,1,60,30,,,\n2,1,60,,,30,1\n3,1,60,0,1,,\n",
            "g",
        )
        self.assertEqual(list(sheet), [])
        self.assertEqual([bad.line for bad in sheet.bad], [2, 3, 4])
        self.assertIn("section1 is empty", sheet.bad[1].reason)

    def test_first_hundred_are_kept(self) -> None:
        """All bad rows are counted, a hundred have their reasons."""
        sheet = self.sheet("feePrefix,fee,period\n" + "x y,1,60\n" * 250, "g")
        self.assertEqual(list(sheet), [])
        self.assertEqual((len(sheet.bad), sheet.bad_count), (SHOWN, 250))

    def test_broken_csv_ends_the_file(self) -> None:
        """What is no CSV any more is one bad row, not an error."""
        text = "feePrefix,fee,period\n49,1,60\n" + "9" * 200_000 + ",1,60\n"
        sheet = self.sheet(text, "g")
        self.assertEqual(len(list(sheet)), 1)
        self.assertIn("no CSV", sheet.bad[0].reason)


class HeaderTests(SheetCase):
    """A header that cannot be used stops everything."""

    def test_reasons(self) -> None:
        """It says which column is wrong."""
        for header, words in (
            ("", "feeRateGroup is missing"),
            ("feeRateGroup,feePrefix,fee", "period is missing"),
            ("feeRateGroup,feePrefix,fee,period,fees", "unknown column 'fees'"),
            ("feeRateGroup,feePrefix,fee,period,Fee", "'Fee' stands there twice"),
            ("feeRateGroup,feePrefix,fee,period,section1Time", "section1Fee"),
            (
                "feeRateGroup,feePrefix,fee,period,section2Time,section2Fee",
                "without a gap",
            ),
        ):
            error = self.assertRaises(ParseError, list, self.sheet(header + "\n"))
            self.assertIn(words, str(error))


class NoTextTests(SheetCase):
    """Files that are something else."""

    def _refusal(self, data: bytes, encoding: str = "utf-8") -> str:
        with self.assertRaises(ParseError) as caught:
            list(self.sheet(data, encoding=encoding))
        return str(caught.exception)

    def test_other_encodings(self) -> None:
        """UTF-16 and binary files: the option is named."""
        text = "feeRateGroup,feePrefix,fee,period\ng,49,1,60\n"
        for data in (text.encode("utf-16"), text.encode("utf-16-le"), b"PK\3\4\0\0"):
            self.assertIn("not UTF-8, see --encoding", self._refusal(data))
        (row,) = self.sheet(text.encode("utf-16"), encoding="utf-16")
        self.assertEqual(row.rate.prefix, "49")
        self.assertIn("not UTF-16, see", self._refusal(b"\xff\xfea\0b", "utf-16"))

    def test_broken_off(self) -> None:
        """Half a letter at the end of the file is a bad row."""
        data = "feePrefix,fee,period\n49,1,60\n".encode("utf-16") + b"4"
        sheet = self.sheet(data, "g", "utf-16")
        list(sheet)
        self.assertIn("not UTF-16", sheet.bad[-1].reason)

    def test_no_header(self) -> None:
        """Empty and endless first lines are told apart."""
        self.assertIn("is empty", self._refusal(b""))
        self.assertIn("too long", self._refusal(b"a" * 1_000_000))

    def test_group_is_missing(self) -> None:
        """The cure is named."""
        told = self._refusal(b"feePrefix,fee,period\n49,1,60\n")
        self.assertIn("feeRateGroup is missing: name it, or give --group", told)
