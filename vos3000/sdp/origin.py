"""
The o= line a back-to-back user agent puts in place of the other side's.

Everything else of a description passes through byte by byte. The o= line may
not: it names the other side's host (RFC 8866 5.2), and its version has to rise
by one exactly when the description changes (RFC 3264 5, 8), also where a
failed-over call shows the caller the answers of two different vendors.
"""

from __future__ import annotations


def _span(body: bytes) -> tuple[int, int]:
    """Where the o= line stands, without its line end; (-1, -1) for nowhere."""
    start = body.find(b"\no=") + 1
    if not start:
        return -1, -1
    end = body.find(b"\n", start)
    if end < 0:
        return start, len(body)
    return start, end - 1 if body[end - 1] == 13 else end


def _family(address: str) -> str:
    return "IP6" if ":" in address else "IP4"


def replace_origin(body: bytes, session_id: int, version: int, address: str) -> bytes:
    """
    C{body} with another o= line, and otherwise unchanged.

    @param address: The address that the reader of this description knows us by.
    @return: C{body} itself where it has no o= line: there is nothing to hide.
    """
    start, end = _span(body)
    if start < 0:
        return body
    line = f"o=- {session_id} {version} IN {_family(address)} {address}"
    return body[:start] + line.encode("ascii") + body[end:]


class Origin:
    """
    Our origin in the descriptions handed to one side of a call.

    @ivar version: The version last shown; 0 before the first.
    """

    __slots__ = ("_head", "_tail", "_content", "version")

    def __init__(self, session_id: int, address: str) -> None:
        self._head = b"o=- %d " % session_id
        self._tail = f" IN {_family(address)} {address}".encode("ascii")
        self._content = 0
        self.version = 0

    def present(self, body: bytes) -> bytes:
        """
        C{body} as this side may see it.

        The other side's own o= line does not count as content: a refresh that
        changes nothing else keeps the version (RFC 4028 7.4, RFC 3264 8).
        """
        start, end = _span(body)
        if start < 0:
            return body
        before, after = body[:start], body[end:]
        content = hash((before, after))
        if content != self._content or not self.version:
            self._content = content
            self.version += 1
        return b"%b%b%d%b%b" % (before, self._head, self.version, self._tail, after)
