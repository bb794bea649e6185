"""
What gateways want failures of their calls to be called.
"""

from __future__ import annotations

from vos3000.model.causes import EndCause


def mapped(pairs: str, cause: EndCause) -> int:
    """
    What a gateway's map puts in place of a cause (callFailedSipCode): pairs
    C{from:to} by comma, C{from} an end reason or SIP status, 0 for any other;
    C{to} 0 leaves it. Of several that fit the first counts. What is no pair of
    numbers, and what no call can be refused with, says nothing.

    @return: The status to send; 0 to send the cause's own.
    """
    return _mapped(pairs, (cause.code, cause.sip), range(300, 700))


def mapped_q850(pairs: str, cause: EndCause) -> int:
    """
    What a gateway's map puts in place of a Q.850 cause
    (callFailedQ931CauseValue): as L{mapped}, of end reasons and Q.850 causes.

    @return: The cause to tell, 1 to 127; 0 to tell its own.
    """
    return _mapped(pairs, (cause.code, cause.q850), range(1, 128))


def _mapped(pairs: str, codes: tuple[int, int], targets: range) -> int:
    found = other = None
    for pair in pairs.split(","):
        given, _, target = (part.strip() for part in pair.partition(":"))
        if not target.isdecimal() or not given.removeprefix("-").isdecimal():
            continue
        code, status = int(given), int(target)
        if status and status not in targets:
            continue
        if code == 0:
            other = status if other is None else other
        elif code in codes and found is None:
            found = status
    return (other or 0) if found is None else found
