"""
How a caller is told that it rings over there (sipRemoteRingSignal).
"""

from __future__ import annotations

from vos3000.call.leg import Content, Stage
from vos3000.model.sipoptions import RemoteRing

_STAGES = {
    RemoteRing.PROGRESS_SDP: Stage.PROGRESS,
    RemoteRing.RINGING_SDP: Stage.RINGING,
}


def told(
    mode: RemoteRing, stage: Stage, content: Content, described: Content
) -> tuple[Stage, Content]:
    """
    What the caller hears of ringing and of early media: the one stage that its
    option names, with what the callee described by then. A callee that described
    nothing yet is told of as it is: there is no media of ours to point at.

    @param described: The callee's last description; nothing if there is none.
    """
    wanted = _STAGES.get(mode)
    if wanted is None or stage not in (Stage.PROGRESS, Stage.RINGING):
        return stage, content
    if not described.body:
        return stage, content
    return wanted, Content(described.body, described.type, content.headers)
