"""
The names of header fields: spellings, compact forms, lists.

Inside the product a header is known by its long name in lower case, its key:
C{call-id}. Headers this table does not know have a key too and keep the
spelling in which they arrived.
"""

from __future__ import annotations

from vos3000.errors import ParseError
from vos3000.sip.uri import TOKEN

_KNOWN = """
Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events
Authentication-Info Authorization Call-ID Call-Info Contact Content-Disposition
Content-Encoding Content-Language Content-Length Content-Type CSeq Date Diversion
Error-Info Event Expires From Geolocation History-Info Identity Identity-Info
In-Reply-To Join Max-Forwards MIME-Version Min-Expires Min-SE Organization
P-Access-Network-Info P-Asserted-Identity P-Charging-Vector P-Early-Media
P-Preferred-Identity Path Priority Privacy Proxy-Authenticate Proxy-Authorization
Proxy-Require RAck Reason Record-Route Refer-To Referred-By Reject-Contact
Remote-Party-ID Replaces Reply-To Request-Disposition Require Retry-After Route RSeq
Server Service-Route Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State
Supported Timestamp To Unsupported User-Agent Via Warning WWW-Authenticate
"""

COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"""Compact form to key (the IANA registry of header fields)."""

SENT = {name.lower(): name for name in _KNOWN.split()}
"""Key to the spelling we send."""

_MANY = """
accept accept-contact accept-encoding accept-language alert-info allow
allow-events call-info contact content-encoding content-language diversion
error-info geolocation history-info in-reply-to p-asserted-identity
p-preferred-identity path proxy-require reason record-route reject-contact
remote-party-id request-disposition require route service-route supported
unsupported via
warning
"""

LISTS = frozenset(_MANY.split())
"""Keys of the headers whose values may share a line, divided by commas."""

SINGLE = frozenset(("call-id", "cseq", "from", "to", "max-forwards", "content-length"))
"""Keys of the headers that a message may not hold twice with two values."""


def _spellings() -> dict[str, str]:
    """Every spelling seen on the wire often enough to be worth an entry."""
    table: dict[str, str] = {}
    for key, name in SENT.items():
        for spelling in (name, key, key.upper(), key.title()):
            table[spelling] = key
    for short, key in COMPACT.items():
        table[short] = table[short.upper()] = key
    return table


SPELLINGS = _spellings()
"""Spelling to key. A hit costs 30 ns, L{key_of} 400 ns: a message of 14 headers
is read 5 us faster for this table."""


def key_of(name: str) -> str:
    """
    The key of a header, however it is spelled.

    @raise ParseError: The name is not a token.
    """
    name = name.rstrip(" \t")
    if not name or name.strip(TOKEN):
        raise ParseError("a header whose name is not a token")
    key = name.lower()
    return COMPACT.get(key, key)
