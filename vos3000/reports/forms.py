"""
A record as a line of a text file, or as a datagram.

Numbers, names and header texts come from strangers. Whatever a reader could take
for the end of a line or of a field becomes a space: a record is always one line
of as many fields as its form has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter

from vos3000.model.cdr import Cdr
from vos3000.model.money import plain

CSV_COLUMNS = (
    *("callere164", "calleraccesse164", "calleee164", "calleeaccesse164"),
    *("callerip", "callercodec", "callergatewayid", "callerproductid"),
    *("callertogatewaye164", "callertype", "calleeip", "calleecodec"),
    *("calleegatewayid", "calleeproductid", "calleetogatewaye164", "calleetype"),
    *("billingmode", "calllevel", "agentfeetime", "starttime", "stoptime"),
    *("callerpdd", "calleepdd", "holdtime", "callerareacode", "feetime", "fee"),
    *("tax", "suitefee", "suitefeetime", "incomefee", "incometax"),
    *("customeraccount", "customername", "calleeareacode", "agentfee", "agenttax"),
    *("agentsuitefee", "agentsuitefeetime", "agentaccount", "agentname", "flowno"),
    *("softswitchname", "softswitchcallid", "callercallid", "calleroriginalcallid"),
    *("rtpforward", "enddirection", "endreason", "billingtype", "cdrlevel"),
    "agentcdr_id",
)
"""The 52 fields of C{cdr_*.csv}."""

PIPE_COLUMNS = (
    *("callere164", "calleee164", "starttime", "stoptime", "holdtime"),
    *("endreason", "enddirection", "callergatewayid", "calleegatewayid"),
    *("callerip", "calleeip", "callerrtpip", "calleertpip"),
    *("callertogatewaye164", "calleetogatewaye164", "billingtype", "billingmode"),
    "flowno",
)
"""The 18 fields of the hourly files; no source has 11 to 15 and 18."""

REPORT_COLUMNS = (*CSV_COLUMNS, "calleecallid")
"""The fields of a datagram: those of the CSV, and the one call id it lacks."""

LONGEST = 255
"""Characters of a text; no column holds more, and a datagram must stay one."""

_BREAKS = "\x00-\x1f\x7f-\x9f\u2028\u2029"
_IN_CSV = re.compile(f'[{_BREAKS},"]')
_IN_PIPE = re.compile(f"[{_BREAKS}|]")

_csv_values = attrgetter(*CSV_COLUMNS)
_pipe_values = attrgetter(*PIPE_COLUMNS)
_report_values = attrgetter(*REPORT_COLUMNS)


def _field(value: object, unsafe: re.Pattern[str], quote: str = "") -> str:
    """
    One field. What another program wrote may be of any type: what is no number
    is text.

    @param quote: What stands around texts.
    """
    kind = type(value)
    if kind is int:
        return str(value)
    if kind is Decimal:
        return plain(value) if value else "0"  # type: ignore[arg-type]
    text = "" if value is None else str(value)[:LONGEST]
    return f"{quote}{unsafe.sub(' ', text) if text else text}{quote}"


def _encoded(fields: list[str], separator: str, end: str) -> bytes:
    return (separator.join(fields) + end).encode("utf-8", "replace")


def csv_line(cdr: Cdr) -> bytes:
    """A line of C{cdr_*.csv}: 52 fields, commas between them, no quotes."""
    return _encoded([_field(v, _IN_CSV) for v in _csv_values(cdr)], ",", "\n")


def pipe_line(cdr: Cdr) -> bytes:
    """A line of an hourly file: 18 fields with C{|} between them."""
    return _encoded([_field(v, _IN_PIPE) for v in _pipe_values(cdr)], "|", "\n")


def datagram(cdr: Cdr) -> bytes:
    """
    What is sent to SERVER_CDR_REAL_TIME_REPORT_SERVER: texts in double quotes,
    numbers bare, commas between them.
    """
    return _encoded([_field(v, _IN_CSV, '"') for v in _report_values(cdr)], ",", "")


Line = Callable[[Cdr], bytes]
"""A form of lines."""
