"""
The switch of random runs: its prices are crooked, its money is short, its limits are
narrow.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random

import attrs

from tests.switch import SECOND, Switch, mapping_gateway, routing_gateway
from vos3000.model.accounts import Customer
from vos3000.model.rates import Rate
from vos3000.model.sipoptions import SipOptions

ELSEWHERE = ("192.0.2.31", 5080)
"""Where the first gateway may redirect to, and the redirect server."""

PHONES = {
    "1001": ("198.51.100.7", 5060),
    "1002": ("198.51.100.8", 5062),
    "1003": ("198.51.100.9", 5064),
}


def chaotic(seed: int) -> Switch:
    """The switch of one run."""
    chance = Random(seed)
    options = SipOptions(
        follows_redirect=chance.random() < 0.7,
        rel100=chance.random() < 0.7,
        allows_transfer=True,
    )
    asking = attrs.evolve(
        options, redirect_server="{}:{}".format(*ELSEWHERE) * (chance.random() < 0.2)
    )
    limits = [(-1, -1), (-1, -1), (20, 90), (0, 0)]
    switch = Switch(
        mapping=[
            mapping_gateway(
                sip=asking,
                capacity=chance.choice((0, 2)),
                max_duration=chance.choice(limits),
            )
        ],
        routing=[
            routing_gateway(
                sip=options,
                password="pw",
                capacity=chance.choice((0, 2)),
                max_duration=chance.choice(limits),
            ),
            routing_gateway(id=3, name="second", remote_ip=SECOND[0]),
        ],
        customers=_customers(chance),
        rates={
            "retail": [Rate("", Decimal("0.0617"), chance.choice((1, 6, 60)))],
            "cost": [Rate("", Decimal("0.0213"), chance.choice((1, 6, 60)))],
        },
        parameters={
            "SS_MAXCALLDURATION": "200",
            "SS_SIP_NO_TIMER_REINVITE_INTERVAL": chance.choice(("120", "7200")),
        },
    )
    switch.watch()
    for e164 in PHONES:
        switch.phone(
            e164,
            noBillingToPhone=chance.choice((0, 1)),
            callTransfer=True,
            lineCapacity=chance.choice((0, 0, 2)),
            **_sent_on(chance),
        )
    return switch


def _sent_on(chance: Random) -> dict[str, object]:
    """Where a phone sends calls on to: often in a circle."""
    if chance.random() < 0.7:
        return {}
    case = chance.choice(("unconditional", "busy", "noAnswer", "offline"))
    numbers = chance.sample(("2000", "00441", *PHONES), 2)
    return {
        f"{case}Forward": True,
        f"{case}ForwardE164": {"e164": ",".join(numbers), "alertSecond": 5},
    }


def _customers(chance: Random) -> list[Customer]:
    return [
        Customer(
            1,
            "acme",
            "Acme",
            money=Decimal(chance.choice(("0.5", "3.1234", "100"))),
            limit_money=Decimal(chance.choice(("0", "0.37"))),
            fee_rate_group="retail",
        ),
        Customer(2, "vendor", "Vendor", fee_rate_group="cost"),
    ]
