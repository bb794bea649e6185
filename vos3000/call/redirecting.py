"""
Calls whose routes an external redirect server names (sipRedirectServer).
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from vos3000.call.call import Call
from vos3000.call.phoneterms import origin_of
from vos3000.model.gateways import MappingGateway
from vos3000.routing.routes import Directed

AskRedirect = Callable[
    [str, str, str, MappingGateway], "Deferred[tuple[Directed, ...] | None]"
]
"""
Asks a redirect server where a call goes: server, caller, callee, and who calls.
The result is None where it does not say, so that the call takes its ordinary
way; it fails with L{vos3000.model.causes.CallRejected} where the server refuses
the call. Canceling it takes the question back.
"""


def redirect_server_of(call: Call, gateway: MappingGateway) -> str:
    """The server that is asked about a call: the phone's, else the gateway's."""
    return origin_of(call, gateway).sip.redirect_server or gateway.sip.redirect_server


def unserved(places: tuple[Directed, ...]) -> str:
    """Why none of the places that a server named is a route."""
    named = ", ".join(f"{each.host}:{each.port}" for each in places[:5])
    return f"the redirect server named no routing gateway: {named or 'nothing'}"
