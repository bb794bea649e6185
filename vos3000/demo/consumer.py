"""
The other system: hears what the switch pushes.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import Request

from vos3000.model.states import CallState


class Consumer(Resource):
    """
    Takes every push and remembers it.

    @ivar taken: Name and content of each push, in order.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[str, dict[str, Any]]] = []

    def render_POST(self, request: Request) -> bytes:
        """Answer C{retCode} 0, whatever it is; what is no JSON is forgotten."""
        name = request.path.rpartition(b"/")[2].decode("ascii", "replace")
        body = request.content.read() if request.content is not None else b""
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        if isinstance(content, dict):
            self.taken.append((name, content))
        request.setHeader(b"content-type", b"text/html;charset=UTF-8")
        return b'{"retCode":0}'

    def states(self, call_id: str) -> list[CallState]:
        """
        The states that were reported of a call.

        @param call_id: The Call-ID of its caller's side.
        """
        return [
            CallState(content["callState"])
            for name, content in self.taken
            if name.startswith("CallStateReport")
            and content.get("callIdentifier") == call_id
        ]

    def over(self, call_id: str) -> bool:
        """Whether the call's end was reported."""
        return CallState.RELEASE in self.states(call_id)
