"""
The return codes of the web interface.

The first five are VOS3000's own, with its own texts, which clients show and
compare. Nobody has published the others, so ours are far away from them
(docs/webapi.md lists all).
"""

from __future__ import annotations

from vos3000.errors import ApiError

OK = 0
NOT_FOUND = -10007
QUERY_TOO_LONG = -10033
BAD_INPUT = -10124
MISSING = -12103

EXISTS = -20001
IN_USE = -20002
NOT_IN_RELEASE = -20003
STORAGE = -20005
INTERNAL = -20006
UNKNOWN = -20007
REFUSED = -20008
TOO_LARGE = -20009
METHOD = -20010
BUSY = -20011
TIMEOUT = -20012
CHANGED = -20013

LONGEST = 200
"""Characters of a detail: what is wrong may quote what was sent."""

TEXTS = {
    NOT_FOUND: "Not found, operation failed.",
    QUERY_TOO_LONG: "Over the limitation of inquiry interval, "
    "please contact system administrator",
    BAD_INPUT: "Input parameter error",
    MISSING: "Miss parameters",
    EXISTS: "Already exists, operation failed.",
    IN_USE: "In use, operation failed.",
    NOT_IN_RELEASE: "Not in this release",
    STORAGE: "The database is not available, try again",
    INTERNAL: "Internal error, see the server's log",
    UNKNOWN: "Unknown interface",
    REFUSED: "Access refused",
    TOO_LARGE: "Request too large",
    METHOD: "POST a JSON object",
    BUSY: "Too many requests at once, try again",
    CHANGED: "Changed by somebody else meanwhile",
    TIMEOUT: "No answer yet; what was asked for may still take effect",
}


def refusal(code: int, detail: str = "") -> ApiError:
    """
    The error that answers with C{code}.

    @param detail: What is wrong exactly; it follows the code's own text.
    """
    text, detail = TEXTS[code], detail[:LONGEST]
    if not detail:
        return ApiError(code, text)
    return ApiError(
        code, f"{text} ({detail})" if text[-1] == "." else f"{text}: {detail}"
    )
