"""
The contacts of a redirection (RFC 3261 section 21.3), in their order.
"""

from __future__ import annotations

import re

import attrs

from vos3000.errors import ParseError
from vos3000.sip.fields import NameAddr, parse_name_addr, split_commas
from vos3000.sip.message import Response
from vos3000.sip.uri import Uri

MOST_CONTACTS = 20
"""Contacts of one response that are looked at."""

_QVALUE = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def contacts_in_order(response: Response, users: bool = True) -> list[Uri]:
    """
    Where a response says the call may go instead, by falling q value; of equal
    ones the first first (20.10). What is no SIP address is left out, and so
    is what a URI may say beyond it: headers, a method, a password.

    @param users: Whether an address without a user is none.
    """
    found: list[tuple[float, Uri]] = []
    values = [one for line in response.all("contact") for one in split_commas(line)]
    for value in values[:MOST_CONTACTS]:
        try:
            contact = parse_name_addr(value)
        except ParseError:
            continue
        if contact.uri.scheme in ("sip", "sips") and (contact.uri.user or not users):
            found.append((-_q(contact), _plain(contact.uri)))
    found.sort(key=lambda pair: pair[0])
    return [uri for _, uri in found]


def _q(contact: NameAddr) -> float:
    """Its q value; 1 where there is none, 0 where it is none (20.10)."""
    value = contact.param("q")
    if value is None:
        return 1.0
    return float(value) if _QVALUE.fullmatch(value) else 0.0


def _plain(uri: Uri) -> Uri:
    """A URI as it may stand in a request line (19.1.1)."""
    params = tuple(pair for pair in uri.params if pair[0].lower() != "method")
    return attrs.evolve(uri, password=None, params=params, headers="")
