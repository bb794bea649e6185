"""
By which key the names of one codec compare.

Operators, H.323 and rtpmap lines call the same codec by different names:
G.711u, ulaw and PCMU are one, and so are G.729 and its Annex A, which talk to
each other (ITU-T G.729 Annex A).
"""

from __future__ import annotations

from collections.abc import Iterable

G729 = "g729"
G723 = "g723"
EVENTS = "telephoneevent"

BESIDE = frozenset(
    (EVENTS, "cn", "red", "rtx", "ulpfec", "parityfec", "flexfec03", "tone")
)
"""What travels beside a codec and is none."""

_ALIASES = {
    alias: key
    for key, aliases in {
        "pcmu": "g711u g711ulaw g711mu g711mulaw ulaw mulaw",
        "pcma": "g711a g711alaw alaw",
        G729: "g729a g729b g729ab g729annexa g729annexb",
        G723: "g7231 g72363 g72353 g7231a",
        "g72632": "g726 g721",
        "ilbc": "ilbc20 ilbc30",
        "gsm": "gsmfr gsm610",
        "h263": "h263p h263plus h2631998 h2632000",
        "h264": "h264avc avc",
        "mp4ves": "mpeg4 mp4v",
    }.items()
    for alias in aliases.split()
}
_MEANT = {"g711": ("pcma", "pcmu")}
"""Names that mean more than one."""

_MARKS = {ord(mark): None for mark in " .-_+/()"}

STATIC_KEYS = {
    "0": "pcmu",
    "2": "g72632",
    "3": "gsm",
    "4": G723,
    "5": "dvi4",
    "6": "dvi4",
    "7": "lpc",
    "8": "pcma",
    "9": "g722",
    "10": "l16",
    "11": "l16",
    "12": "qcelp",
    "13": "cn",
    "14": "mpa",
    "15": "g728",
    "16": "dvi4",
    "17": "dvi4",
    "18": G729,
    "19": "cn",
    "25": "celb",
    "26": "jpeg",
    "28": "nv",
    "31": "h261",
    "32": "mpv",
    "33": "mp2t",
    "34": "h263",
}
"""Static payload types of audio and video (RFC 3551 tables 4 and 5)."""


def key_of(name: str) -> str:
    """
    The key of a codec's name.

    A name that nobody here knows is its own key, but for case and marks.
    """
    plain = name.lower().translate(_MARKS)
    return _ALIASES.get(plain, plain)


def keys_of(names: Iterable[str]) -> tuple[str, ...]:
    """The keys of an operator's list, in its order, none twice."""
    keys: dict[str, None] = {}
    for name in names:
        key = key_of(name)
        keys.update(dict.fromkeys(_MEANT.get(key, (key,))))
    return tuple(keys)
