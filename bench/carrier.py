"""
The carrier that our switch serves in the benchmark, made as an operator would.

Rates come by import-rates, all else through the JSON web interface.
"""

from __future__ import annotations

import csv
from pathlib import Path

from bench.switch import Switch

CUSTOMER = "bench-customer"
VENDOR = "bench-vendor"
OPENING = 10_000_000
_RETAIL = "bench-retail"
_COST = "bench-cost"
_COLUMNS = (
    "feeRateGroup,feePrefix,areaCode,areaName,type,fee,period,lockType,ivrFee,ivrPeriod"
)


def write_rates(path: Path) -> None:
    """10,000 prefixes for the customer, and as many for the vendor, as CSV."""
    with path.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(_COLUMNS.split(","))
        for group, fee in ((_RETAIL, "0.10"), (_COST, "0.05")):
            for serial in range(10_000):
                prefix = f"86{serial:04d}"
                rows.writerow([group, prefix, prefix, "", 5, fee, 1, 0, fee, 1])


def prepare(switch: Switch, callee_port: int, opening: int = OPENING) -> None:
    """
    Make customer, vendor and their gateways on loopback.

    @param switch: It serves already.
    @param callee_port: Where the vendor's gateway listens.
    @param opening: The customer's money.
    """
    switch.post(
        "CreateCustomer",
        account=CUSTOMER,
        name="Bench customer",
        money=opening,
        feeRateGroup=_RETAIL,
    )
    switch.post(
        "CreateCustomer",
        account=VENDOR,
        name="Bench vendor",
        money=OPENING,
        type=2,
        feeRateGroup=_COST,
    )
    switch.post(
        "CreateGatewayMapping",
        name="bench-in",
        account=CUSTOMER,
        remoteIps="127.0.0.1",
        lockType=0,
        registerType=0,
        callLevel=5,
    )
    switch.post(
        "CreateGatewayRouting",
        name="bench-out",
        prefix="86",
        protocol=1,
        registerType=0,
        lockType=0,
        remoteIp="127.0.0.1",
        signalPort=callee_port,
        clearingAccount=VENDOR,
    )
