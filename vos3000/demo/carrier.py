"""
The demonstration carrier: one customer, two vendors, two destinations.

The customer has paid 1.00, which is just what the first two calls cost; the
third one is refused because nothing is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import attrs

from vos3000.commands.context import Complaint

CUSTOMER = "demo"
VENDOR = "demo-vendor"
MAPPING = "demo-customer"
REFUSING = "demo-vendor-1"
ANSWERING = "demo-vendor-2"
RETAIL = "demo-retail"
COST = "demo-cost"

MONEY = Decimal("1.00")
"""What the customer has before the first call."""

CALLER_NUMBER = "442079460123"
GERMANY = "493023125000"
FRANCE = "33199001234"

RATES = f"""\
feeRateGroup,feePrefix,areaCode,areaName,fee,period
{RETAIL},49,49,Germany,0.60,60
{RETAIL},33,33,France,0.40,60
{COST},49,49,Germany,0.35,60
{COST},33,33,France,0.21,60
"""
"""What C{vos3000 import-rates} is given: prices of a minute."""


@attrs.frozen(slots=True)
class Placement:
    """
    One call of the demonstration.

    @ivar expected: The final SIP status, any of these.
    """

    title: str
    callee: str
    talk: float
    expected: tuple[int, ...]


CALLS = (
    Placement("1. an answered call", GERMANY, 2.0, (200,)),
    Placement("2. the first vendor refuses, the second answers", FRANCE, 1.2, (200,)),
    Placement("3. nothing is left on the account", GERMANY, 1.0, (402, 403)),
)

Ask = Callable[[str, Mapping[str, Any]], Any]
"""Calls one interface of the switch; raises L{Complaint} if it refuses."""


def load(ask: Ask, refusing_port: int, answering_port: int) -> None:
    """
    Make the carrier, or put right what an earlier demonstration left.

    The rate groups are there already: the rates have been imported.
    """
    customer = {"account": CUSTOMER, "name": "Demo customer", "money": MONEY}
    _account(ask, {**customer, "feeRateGroup": RETAIL})
    vendor = {"account": VENDOR, "name": "Demo vendor", "type": 2}
    _account(ask, {**vendor, "feeRateGroup": COST})
    _gateway(
        ask,
        "GatewayMapping",
        {"name": MAPPING, "remoteIps": "127.0.0.1", "account": CUSTOMER},
    )
    for name, port, prefix, priority in (
        (REFUSING, refusing_port, "33", 1),
        (ANSWERING, answering_port, "33,49", 2),
    ):
        settings = {"prefix": prefix, "priority": priority, "signalPort": port}
        _gateway(
            ask,
            "GatewayRouting",
            {
                **settings,
                "name": name,
                "remoteIp": "127.0.0.1",
                "protocol": 1,
                "clearingAccount": VENDOR,
            },
        )


def _account(ask: Ask, fields: dict[str, Any]) -> None:
    """Open an account; one that exists gets the balance it should have."""
    money = fields.get("money", Decimal(0))
    try:
        ask("CreateCustomer", {**fields, "money": float(money)})
    except Complaint:
        missing = money - balance(ask, fields["account"])
        if money and missing:
            ask(
                "Pay",
                {
                    "ownerName": fields["account"],
                    "ownerType": 2,
                    "money": float(missing),
                    "memo": "demonstration",
                },
            )


def _gateway(ask: Ask, kind: str, fields: dict[str, Any]) -> None:
    try:
        ask(f"Create{kind}", fields)
    except Complaint:
        ask(f"Modify{kind}", fields)


def balance(ask: Ask, account: str) -> Decimal:
    """What an account has now."""
    answer = ask("GetCustomer", {"accounts": [account]})
    (customer,) = answer["infoCustomers"]
    return Decimal(customer["money"])
