"""
The carrier that our switch serves in the benchmark, made as an operator would.

Rates come by import-rates, all else through the JSON web interface.
"""

from __future__ import annotations

import csv
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

CUSTOMER = "bench-customer"
VENDOR = "bench-vendor"
OPENING = 10_000_000
_RETAIL = "bench-retail"
_COST = "bench-cost"
_READY_SECONDS = 30.0
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


def post(port: int, function: str, /, **fields: Any) -> dict[str, Any]:
    """
    Call one function of the web interface.

    @raise RuntimeError: If it refuses.
    """
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/external/server/{function}",
        json.dumps(fields).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        answer: dict[str, Any] = json.loads(reply.read())
    if answer.get("retCode") != 0:
        raise RuntimeError(f"{function} {fields}: {answer}")
    return answer


def _await_http(port: int) -> None:
    end = time.monotonic() + _READY_SECONDS
    while True:
        try:
            post(port, "GetFeeRateGroup", names=[])
            return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def prepare(port: int, callee_port: int) -> None:
    """
    Make customer, vendor and their gateways on loopback.

    @param port: The web interface's port.
    @param callee_port: Where the vendor's gateway listens.
    """
    _await_http(port)
    post(
        port,
        "CreateCustomer",
        account=CUSTOMER,
        name="Bench customer",
        money=OPENING,
        feeRateGroup=_RETAIL,
    )
    post(
        port,
        "CreateCustomer",
        account=VENDOR,
        name="Bench vendor",
        money=OPENING,
        type=2,
        feeRateGroup=_COST,
    )
    post(
        port,
        "CreateGatewayMapping",
        name="bench-in",
        account=CUSTOMER,
        remoteIps="127.0.0.1",
        lockType=0,
        registerType=0,
        callLevel=5,
    )
    post(
        port,
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
