"""
Descriptions of somebody on hold, for somebody else (RFC 3264 section 8.4).
"""

from __future__ import annotations

import re

_DIRECTIONS = re.compile(rb"(?m)^a=(?:sendrecv|sendonly|recvonly|inactive)[ \t]*\r?\n")

_TRANSPORT = re.compile(
    rb"(?m)^(?:c=[^\r\n]*|m=\S+ \S+ \S+|a=(?:crypto|ice-ufrag|ice-pwd|fingerprint"
    rb"|setup|candidate|rtcp|rtcp-mux|sendonly|recvonly|inactive)(?=[:\r\n])[^\r\n]*)"
)


def resumed(body: bytes) -> bytes:
    """
    A description that somebody gave while on hold, as it is without: each stream
    goes both ways, as it does where nothing is said (RFC 4566 section 6).
    """
    if not body.endswith(b"\n"):
        body += b"\r\n"
    return _DIRECTIONS.sub(b"", body)


def transport(body: bytes) -> tuple[bytes, ...]:
    """
    Where the streams of a description are, how they are secured and which way
    they go; two that agree in it differ in nothing that cannot wait.
    """
    return tuple(_TRANSPORT.findall(body))
