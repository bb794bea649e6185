"""
What routing and authentication cost: C{python -m bench.routing}.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from timeit import Timer

from vos3000.events import Events
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model import causes
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.routing.availability import Availability
from vos3000.routing.capacity import Capacity
from vos3000.routing.rewriting import Rewriting
from vos3000.routing.selector import Selector, SwitchSettings
from vos3000.security.auth import Authenticator
from vos3000.security.screening import Screening

CALLEE = "8613800138000"
HOST = "192.0.2.1"
COUNT = 20_000


def microseconds(work: Callable[[], object]) -> float:
    """The best of five rounds, for one call of C{work}."""
    return min(Timer(work).repeat(5, COUNT)) / COUNT * 1e6


def selection(candidates: int) -> Callable[[], object]:
    """A selection among limited gateways below three prefixes."""
    capacity = Capacity()
    now = instants(monotonic, monotonic)
    availability = Availability("routing", now, capacity.used, Events(), Metrics())
    selector = Selector(capacity, availability, causes.load(), SwitchSettings)
    prefixes = ("", "86", "86138")
    selector.load(
        RoutingGateway(
            id=number,
            name=f"gw{number}",
            prefixes=(prefixes[number % 3],),
            continues=True,
            capacity=100,
            priority=number % 2,
            remote_ip="192.0.2.9",
        )
        for number in range(candidates)
    )
    mapping = MappingGateway(1, "customer")
    return lambda: selector.select(CALLEE, mapping, "4420")


def authentication(host: str) -> Callable[[], object]:
    """Who calls, among a thousand addresses and a hundred blocks."""
    authenticator = Authenticator()
    authenticator.load(
        MappingGateway(
            n, f"gw{n}", (f"192.0.{n // 250}.{n % 250}", f"10.{n % 99}.0.0/16")
        )
        for n in range(1000)
    )
    return lambda: authenticator.mapping_gateway(host, 5060)


def rewriting(text: str) -> Callable[[], object]:
    """The rules of C{text}, compiled before."""
    rewrite = Rewriting(lambda count: 0).rewrite
    return lambda: rewrite(text, CALLEE)


def screening(settings: dict[str, object]) -> Callable[[], object]:
    """The checks of a gateway with C{settings}."""
    check = Screening(causes.load()).check
    gateway = MappingGateway(1, "customer", settings=settings)
    return lambda: check(gateway, "4420", CALLEE)


def main() -> None:
    """Print a figure for each step of a call."""
    thousand = ",".join(f"{n}:1" for n in range(1000, 2000)) + ",86:"
    for name, work in [
        ("select, 1 candidate", selection(1)),
        ("select, 2 candidates", selection(2)),
        ("select, 10 candidates", selection(10)),
        ("authenticate, address", authentication(HOST)),
        ("authenticate, block", authentication("10.98.0.1")),
        ("authenticate, unknown IPv6", authentication("2001:db8::1")),
        ("rewrite, no rules", rewriting("")),
        ("rewrite, a prefix", rewriting("0086:,86:")),
        ("rewrite, wildcards", rewriting("0*:1*,86?3*/E13:00*")),
        ("rewrite, 1,001 rules", rewriting(thousand)),
        ("screen, no limits", screening({})),
        ("screen, prefixes", screening({"calloutCalleePrefixes": "1,2,33"})),
    ]:
        sys.stdout.write(f"{name:<28}{microseconds(work):8.2f} us\n")


if __name__ == "__main__":
    main()
