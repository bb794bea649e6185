"""
What is wrong with the SIP options of a peer, for its operator.

A call does not fail by such a mistake: the option, or the line, is as if it
were not there.
"""

from __future__ import annotations

from collections.abc import Iterator

from vos3000.call.sipleg import headers
from vos3000.call.sipleg.identity import domain
from vos3000.model.sipoptions import SipOptions


def mistakes(options: SipOptions) -> Iterator[str]:
    """One line for each."""
    if options.local_domain and not domain(options.local_domain):
        yield f"sipLocalDomain {options.local_domain[:80]!r} is no host"
    for problem in headers.read(options.invite_headers)[1]:
        yield f"sipInviteHeaders {problem}"
    for name in headers.unusable(options.extra_headers):
        yield f"sipExtraHeaders {name!r} is no header that can be let through"
