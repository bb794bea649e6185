"""
What peers of random runs say beside the message itself.
"""

from __future__ import annotations

from random import Random

from vos3000.sip.message import Response

_SESSIONS = ("1", "90", "100", "600;refresher=uac", "90;refresher=uas", "4294967295")
_SHORTEST = ("1", "90", "150", "86400", "99999999")
_PAUSES = ("1", "0", "4294967295", "99999999999999999999", "x", "5 (later);duration=1")
_LIFETIMES = ("0", "1", "3600", "4294967295", "x")


def wishes(chance: Random) -> list[str]:
    """What the INVITE or UPDATE of a peer wants of extensions."""
    lines = []
    if chance.random() < 0.3:
        lines.append(
            f"Supported: {chance.choice(('100rel', 'timer', '100rel, timer'))}"
        )
        lines.append("Allow: INVITE, ACK, BYE, CANCEL, PRACK, UPDATE")
    if chance.random() < 0.15:
        lines.append(f"Session-Expires: {chance.choice(_SESSIONS)}")
    if chance.random() < 0.1:
        lines.append(f"Min-SE: {chance.choice(_SHORTEST)}")
    if chance.random() < 0.03:
        lines.append(f"Require: {chance.choice(('100rel', 'timer', 'nonsense'))}")
    return lines


def reasons(chance: Random, status: int) -> list[tuple[str, str]]:
    """What a refusal wants."""
    if status == 422:
        return [("Min-SE", chance.choice(_SHORTEST))]
    if status in (480, 500, 503):
        return [("Retry-After", chance.choice(_PAUSES))]
    return []


def agreements(chance: Random) -> list[tuple[str, str]]:
    """What a 2xx says of the session."""
    if chance.random() < 0.7:
        return []
    allow = chance.choice(("INVITE, ACK, BYE", "INVITE, ACK, BYE, UPDATE, PRACK"))
    return [("Session-Expires", chance.choice(_SESSIONS)), ("Allow", allow)]


def acknowledged(chance: Random, response: Response) -> str | None:
    """The RAck for a reliable response; now and then a wrong one, or none."""
    rseq = response.get("rseq")
    if rseq is None or chance.random() < 0.15:
        return None
    if chance.random() < 0.1:
        rseq = str(chance.randrange(1 << 32))
    return f"{rseq} {response.cseq} INVITE"


def place(chance: Random, mine: str) -> tuple[list[str], list[str]]:
    """
    The Contacts of a phone's REGISTER, and what else it says.

    @param mine: Where it is.
    """
    roll = chance.random()
    if roll < 0.2:
        return ["*"], [f"Expires: {chance.choice(_LIFETIMES)}"]
    if roll < 0.3:
        host = "198.51.100.7"
        many = [f"<sip:x@{host}:{5000 + n}>;q=0.{n % 9}" for n in range(60)]
        return many, []
    if roll < 0.4:
        return [mine], ["Supported: path", "Path: <sip:198.51.100.7:5060;lr>"]
    return [f"{mine};expires={chance.choice(_LIFETIMES)}"], []
