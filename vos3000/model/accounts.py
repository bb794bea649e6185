"""
Accounts: customers and the clearing accounts of vendors.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum

import attrs

from vos3000.model.money import ZERO

UNLIMITED = 2147483647
"""What the interface sends for "no limit" in a 32-bit field."""

ENDLESS = 9223372036854775807
"""What the interface sends for "never" in a 64-bit time."""


class AccountType(IntEnum):
    """Kind of account (CustomerFields.type)."""

    ORDINARY = 0
    PHONE_CARD = 1
    CLEARING = 2


@attrs.frozen(slots=True)
class Customer:
    """
    An account as it stands in e_customer.

    @ivar id: Its number over all object tables.
    @ivar account: The account number, the visible key.
    @ivar money: The balance as committed.
    @ivar limit_money: How far below zero the balance may go (overdraft).
    @ivar fee_rate_group: Name of its rate group; empty for none.
    @ivar lock_type: 0 unlocked, 1 locked.
    @ivar agent_account: Account number of the agent above it; empty for none.
    @ivar start_time: When it was opened, UTC ms.
    @ivar valid_time: When it expires, UTC ms; L{ENDLESS} for never.
    """

    id: int
    account: str
    name: str = ""
    money: Decimal = ZERO
    limit_money: Decimal = ZERO
    fee_rate_group: str = ""
    type: int = AccountType.ORDINARY
    lock_type: int = 0
    agent_account: str = ""
    phone_book_limit: int = 0
    start_time: int = 0
    valid_time: int = ENDLESS
    ctd_billing_type: int = 0
    canceled: bool = False
    memo: str = ""


@attrs.frozen(slots=True)
class Movement:
    """
    A change of one account's balance.

    @ivar account: The account number.
    @ivar amount: What is added to the balance; a charge is negative.
    """

    account: str
    amount: Decimal
