"""
Who is registered, as C{/registrations} lists it for the operator's command.

The web interface of VOS3000 tells less of it (GetPhoneOnline and its kin);
this page is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vos3000.model.bindings import Binding

MOST = 10_000
"""Registrations of one answer."""


def listed(
    bindings: Iterable[Binding], kind: Callable[[str], str], prefix: str
) -> Mapping[str, Any]:
    """
    The registrations whose name begins with C{prefix}, in the order of names.

    @param kind: What a device is: C{phone} or C{gateway}.
    @return: How many there are, and the first L{MOST} of them.
    """
    found = [each for each in bindings if each.aor.startswith(prefix)]
    found.sort(key=lambda each: each.key)
    rows = [_row(each, kind(each.aor)) for each in found[:MOST]]
    return {"count": len(found), "registrations": rows}


def _row(binding: Binding, kind: str) -> Mapping[str, Any]:
    return {
        "name": binding.aor,
        "kind": kind,
        "contact": binding.contact,
        "path": [_text(each) for each in binding.path],
        "flow": binding.flow,
        "transport": binding.transport,
        "remoteIp": binding.remote[0],
        "remotePort": binding.remote[1],
        "localIp": binding.local[0],
        "localPort": binding.local[1],
        "behindNat": binding.behind_nat,
        "productId": binding.product,
        "registerTime": binding.registered,
        "updateTime": binding.updated,
        "expireTime": binding.expires,
    }


def _text(value: str) -> str:
    """What came from the network, as valid UTF-8."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
