"""
The call detail record: the 63 columns of e_cdr and e_cdr_YYYYMMDD.

Names are the columns' own, so that row, value and export cannot drift apart.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from vos3000.model.accounts import Movement
from vos3000.model.money import ZERO
from vos3000.values import fixed


@attrs.define(slots=True)
class Cdr:
    """
    One finished call. Filled by call control once, then handed on.

    The three numbers of each side: as received (C{...accesse164}), after the
    mapping side's rules, which is the number that is billed (C{...e164}), and
    after the routing side's rules (C{...togatewaye164}).

    Times are UTC ms; C{starttime} is the moment of answer, or of the end for
    a call that was not answered. C{callerpdd} and C{calleepdd} are ms.
    """

    id: int = 0
    callere164: str = ""
    calleraccesse164: str = ""
    calleee164: str = ""
    calleeaccesse164: str = ""
    callerip: str = ""
    callerrtpip: str = ""
    callercodec: str = ""
    callergatewayid: str = ""
    callerproductid: str = ""
    callertogatewaye164: str = ""
    callertype: int = 0
    calleeip: str = ""
    calleertpip: str = ""
    calleecodec: str = ""
    calleegatewayid: str = ""
    calleeproductid: str = ""
    calleetogatewaye164: str = ""
    calleetype: int = 0
    billingmode: int = 1
    calllevel: int = 0
    agentfeetime: int = 0
    starttime: int = 0
    stoptime: int = 0
    callerpdd: int = 0
    calleepdd: int = 0
    holdtime: int = 0
    callerareacode: str = ""
    feetime: int = 0
    fee: Decimal = ZERO
    tax: Decimal = ZERO
    suitefee: Decimal = ZERO
    suitefeetime: int = 0
    incomefee: Decimal = ZERO
    incometax: Decimal = ZERO
    customeraccount: str = ""
    customername: str = ""
    calleeareacode: str = ""
    agentfee: Decimal = ZERO
    agenttax: Decimal = ZERO
    agentsuitefee: Decimal = ZERO
    agentsuitefeetime: int = 0
    agentaccount: str = ""
    agentname: str = ""
    flowno: int = 0
    softswitchname: str = ""
    softswitchcallid: int = 0
    callercallid: str = ""
    calleroriginalcallid: str = ""
    calleecallid: str = ""
    calleroriginalinfo: str = ""
    rtpforward: int = 0
    enddirection: int = 0
    endreason: int = 0
    billingtype: int = 0
    cdrlevel: int = 0
    agentcdr_id: int = -1
    sipreasonheader: str = ""
    recordstarttime: int = 0
    transactionid: str = ""
    flownofirst: int = 0
    additional: bytes | None = None
    dynamicValue: str | None = None


COLUMNS: tuple[str, ...] = tuple(field.name for field in attrs.fields(Cdr))
"""The columns in the order of the table."""

AMOUNT_COLUMNS = (
    "fee",
    "tax",
    "suitefee",
    "incomefee",
    "incometax",
    "agentfee",
    "agenttax",
    "agentsuitefee",
)
"""The columns that hold money."""

AMOUNTS = tuple(COLUMNS.index(name) for name in AMOUNT_COLUMNS)
"""Where they are in a row."""


@fixed
class CdrEntry:
    """
    What the end of one call writes, in one transaction.

    @ivar cdr: The record; None where the rules say that none is kept.
    @ivar movements: The charges, one for each account; none of them zero.
    """

    cdr: Cdr | None
    movements: tuple[Movement, ...] = ()
