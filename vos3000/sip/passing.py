"""
Which headers of one side's message may stand in one to the other side.

A back-to-back user agent writes its own messages. What routes them, makes
their dialog, secures them, tells who calls or describes the body is its own to
write; all else may be passed where that is wanted.
"""

from __future__ import annotations

from vos3000.errors import ParseError
from vos3000.sip.message import Message
from vos3000.sip.names import key_of

ALL = "*"
"""Stands for every header that may pass unasked."""

MOST_HEADERS = 32
"""Header lines of one message that are passed."""

MOST_CHARACTERS = 4096
"""Characters of them together: what is passed must not make a message too
long for a datagram."""

_OURS = """
accept accept-contact accept-encoding accept-language accept-resource-priority
alert-msg-id allow allow-events authentication-info authorization call-id contact
content-disposition content-encoding content-language content-length content-type
cseq diversion error-info event expires flow-timer from history-info identity-info
info-package join max-breadth max-forwards mime-version min-expires min-se
p-asserted-identity p-associated-uri p-called-party-id p-preferred-identity path
permission-missing policy-contact policy-id privacy proxy-authenticate
proxy-authentication-info proxy-authorization proxy-require rack reason recv-info
record-route refer-events-at refer-sub refer-to referred-by reject-contact
remote-party-id replaces request-disposition require retry-after route rseq
security-client security-server security-verify server service-route
session-expires sip-etag sip-if-match subscription-state supported suppress-if-match
target-dialog timestamp to trigger-consent unsupported user-agent via warning
www-authenticate
"""

OURS = frozenset(_OURS.split())
"""Keys of the headers that never pass, nor can be added by hand."""

_BY_NAME = frozenset(("identity", "date", "organization", "reply-to", "in-reply-to"))
"""Keys of those that pass only where they are named. A signature (RFC 8224) is of
numbers and a date that may not be those we send; the others tell who or where
the peer is."""


def wanted(text: str) -> frozenset[str]:
    """
    The keys of the headers that a list names: C{*} or names by comma. Names
    that no header can have, and those that never pass, are left out.
    """
    return frozenset(_keys(text)[0])


def unusable(text: str) -> tuple[str, ...]:
    """The entries of a list that L{wanted} leaves out."""
    return tuple(_keys(text)[1])


def _keys(text: str) -> tuple[list[str], list[str]]:
    good: list[str] = []
    bad: list[str] = []
    for entry in filter(None, map(str.strip, text.split(","))):
        try:
            key = ALL if entry == ALL else key_of(entry)
        except ParseError:
            key = ""
        (good if key and key not in OURS else bad).append(key or entry)
    return good, bad


def passing(message: Message, names: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """
    The header lines of C{message} that pass, in their order.

    @param names: What L{wanted} gave; not empty.
    """
    everything = ALL in names
    found: list[tuple[str, str]] = []
    left = MOST_CHARACTERS
    for key, name, value in message.named():
        if key in names or (everything and key not in OURS and key not in _BY_NAME):
            left -= len(name) + len(value)
            if left < 0 or len(found) == MOST_HEADERS:
                break
            found.append((name, value))
    return tuple(found)
