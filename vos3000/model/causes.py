"""
End reasons: one table for SIP statuses, Q.850 causes and the server's own.

A reason's code is what stands in the column C{endreason}: negative for the
server's own, 0 to 127 for a release cause of an H.323 device, 300 to 699 for
a final status of a SIP device. The data is C{data/end-reasons.tsv}.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import resources

import attrs

from vos3000.errors import VosError


@attrs.frozen(slots=True)
class EndCause:
    """
    Why a call ended, and how each protocol says so.

    @ivar code: The end reason in records.
    @ivar name: What the operator reads.
    @ivar sip: The SIP status that tells a caller.
    @ivar q850: The Q.850 cause that tells a caller.
    @ivar meaning: One sentence for the operator.
    """

    code: int
    name: str
    sip: int
    q850: int
    meaning: str = ""


class CallRejected(VosError):
    """
    A step of call control refuses the call.

    @ivar cause: Answer, record and event all come from it.
    @ivar detail: What an operator needs to find out why; never sent out.
    """

    def __init__(self, cause: EndCause, detail: str = "") -> None:
        super().__init__(f"{cause.name}: {detail}" if detail else cause.name)
        self.cause = cause
        self.detail = detail


class EndCauses:
    """
    The table, looked up by code, by name, by SIP status and by Q.850 cause.
    """

    def __init__(self, causes: Iterable[EndCause]) -> None:
        self._by_code = {cause.code: cause for cause in causes}
        self._by_name = {c.name: c for c in self._by_code.values() if c.code < 0}

    def __iter__(self) -> Iterator[EndCause]:
        return iter(self._by_code.values())

    def __getitem__(self, name: str) -> EndCause:
        """
        The server's own reason called C{name}.

        @raise KeyError: If the table has none; names are written in code only.
        """
        return self._by_name[name]

    def by_code(self, code: int) -> EndCause | None:
        """The reason with this number in records."""
        return self._by_code.get(code)

    def by_sip(self, status: int) -> EndCause:
        """
        The reason for a final SIP status from a device.

        A status the table lacks keeps its number and borrows the mapping of
        its class's first status (RFC 3261 8.1.3.2).
        """
        known = self._by_code.get(status)
        if known is not None:
            return known
        x00 = self._by_code.get(status // 100 * 100) or self._by_code[500]
        return EndCause(status, x00.name, status, x00.q850)

    def by_q850(self, cause: int) -> EndCause:
        """
        The reason for a Q.850 release cause from a device.

        A cause the table lacks keeps its number and is told as 31, normal
        unspecified (Q.850 2.2.5, RFC 3398 7.2.4.1: 500).
        """
        known = self._by_code.get(cause)
        return known if known is not None else EndCause(cause, "Unknown", 500, 31)


def load() -> EndCauses:
    """Read the packaged table."""
    path = resources.files("vos3000") / "data" / "end-reasons.tsv"
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    return EndCauses(
        EndCause(int(code), name, int(sip), int(q850), meaning)
        for code, name, sip, q850, meaning in rows[1:]
    )
