"""
The names of RTP payload types.

A codec is called by its encoding name (RFC 3551 table 4 and 5, and the IANA
registry), because that is what stands in the columns C{callercodec} and
C{calleecodec}. Tones and comfort noise travel beside a codec and are none.
"""

from __future__ import annotations

STATIC: dict[bytes, str] = {
    b"0": "PCMU",
    b"2": "G726-32",
    b"3": "GSM",
    b"4": "G723",
    b"5": "DVI4",
    b"6": "DVI4",
    b"7": "LPC",
    b"8": "PCMA",
    b"9": "G722",
    b"10": "L16",
    b"11": "L16",
    b"12": "QCELP",
    b"14": "MPA",
    b"15": "G728",
    b"16": "DVI4",
    b"17": "DVI4",
    b"18": "G729",
}
"""
Static payload types of audio (RFC 3551 table 4), and 2, which was G726-32 once
and still is to many.
"""

BESIDE = frozenset({b"13", b"19"})
"""Static types that are no codec: comfort noise, and the number it once had."""

_KNOWN = {
    name.lower().encode(): name
    for name in (
        *("PCMU", "GSM", "G723", "G7231", "DVI4", "LPC", "PCMA", "G722", "L8"),
        *("L16", "QCELP", "MPA", "G728", "G729", "G729D", "G729E", "GSM-EFR"),
        *("G726-16", "G726-24", "G726-32", "G726-40", "G7221", "G719", "iLBC"),
        *("AMR", "AMR-WB", "EVS", "opus", "SILK", "speex", "VDVI", "EVRC"),
    )
}
_BESIDE_NAMES = frozenset({b"telephone-event", b"cn", b"red", b"parityfec"})


def codec_name(encoding: bytes) -> str:
    """
    The name of a codec from the value of its rtpmap, empty for none.

    @param encoding: What follows the payload type, such as C{PCMA/8000/1}.
        Case does not matter (RFC 8866 6.6); a codec nobody knows keeps its own.
    """
    written = encoding.partition(b"/")[0].strip()
    name = written.lower()
    known = _KNOWN.get(name)
    if known is not None:
        return known
    return "" if name in _BESIDE_NAMES else written.decode("ascii", "replace")
