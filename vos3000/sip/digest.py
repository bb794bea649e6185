"""
Digest authentication (RFC 7616; RFC 2617 and 2069 for older peers), as RFC
3261 section 22 and RFC 8760 use it: the codec, and the arithmetic.

Both directions: a registrar makes challenges and checks credentials, a user
agent answers challenges.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from hashlib import md5, new, sha256
from hmac import compare_digest

import attrs

from vos3000.errors import ParseError
from vos3000.sip.fields import MAX_VALUE, quote, unquote

MOST_PARAMS = 32
"""Parameters of one value; more are refused."""

# pydoctor cannot read possessive expressions where they are compiled.
_VALUE = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,"]*+'
_PARAM = re.compile(rf'\s*+([^\s=,"]++)\s*+=\s*+({_VALUE})\s*+(?:,|$)', re.S)
_BLANKS = r"[\s,]*+"
_EMPTY = re.compile(_BLANKS)
_COUNT = re.compile(r"[0-9a-fA-F]{1,8}")
_SESSION = "-sess"


def _sha512_256(data: bytes) -> str:
    return new("sha512_256", data).hexdigest()


_HASHES: dict[str, tuple[str, Callable[[bytes], str]]] = {
    "sha-512-256": ("SHA-512-256", _sha512_256),
    "sha-256": ("SHA-256", lambda data: sha256(data).hexdigest()),
    "md5": ("MD5", lambda data: md5(data, usedforsecurity=False).hexdigest()),
}
"""Lower case to the spelling of RFC 7616 and the hash, strongest first."""


@attrs.frozen(slots=True)
class Challenge:
    """
    A value of WWW-Authenticate or Proxy-Authenticate.

    @ivar algorithm: As written; empty where it is left out, which means MD5.
    @ivar qop: The qualities offered; none where the peer knows RFC 2069 only.
    @ivar stale: Whether only the nonce was too old.
    """

    realm: str
    nonce: str
    algorithm: str = ""
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False

    def __str__(self) -> str:
        """The value as to be sent."""
        parts = [f"Digest realm={quote(self.realm)}", f'nonce="{self.nonce}"']
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.stale:
            parts.append("stale=true")
        if self.algorithm:
            parts.append(f"algorithm={self.algorithm}")
        if self.qop:
            parts.append(f'qop="{",".join(self.qop)}"')
        return ", ".join(parts)


@attrs.frozen(slots=True)
class Credentials:
    """
    A value of Authorization or Proxy-Authorization.

    @ivar uri: The digest-uri, as written.
    @ivar algorithm: As written; empty where it is left out, which means MD5.
    @ivar qop: Empty where it is left out (RFC 2069).
    @ivar nc: The nonce count as written, since it is hashed so.
    """

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = attrs.field(repr=False)
    algorithm: str = ""
    cnonce: str = ""
    qop: str = ""
    nc: str = ""
    opaque: str | None = None

    @property
    def count(self) -> int:
        """The nonce count; 0 where there is none."""
        return int(self.nc, 16) if self.nc else 0

    def __str__(self) -> str:
        """The value as to be sent."""
        parts = [
            f"Digest username={quote(self.username)}",
            f"realm={quote(self.realm)}",
            f"nonce={quote(self.nonce)}",
            f"uri={quote(self.uri)}",
            f'response="{self.response}"',
        ]
        if self.algorithm:
            parts.append(f"algorithm={self.algorithm}")
        if self.cnonce:
            parts.append(f'cnonce="{self.cnonce}"')
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.qop:
            parts += [f"qop={self.qop}", f"nc={self.nc}"]
        return ", ".join(parts)


def _params(text: str) -> dict[str, str]:
    """
    The parameters of a value, by name in lower case, quotes undone.

    @raise ParseError: Another scheme, malformed, or one of them twice.
    """
    if len(text) > MAX_VALUE:
        raise ParseError("too long for a digest")
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() != "digest":
        raise ParseError("another scheme than Digest")
    found: dict[str, str] = {}
    at = _end(_EMPTY, rest, 0)
    while at < len(rest):
        match = _PARAM.match(rest, at)
        if match is None:
            raise ParseError("a malformed parameter of a digest")
        name = match[1].lower()
        if name in found or len(found) >= MOST_PARAMS:
            raise ParseError("a parameter of a digest too many")
        found[name] = unquote(match[2])
        at = _end(_EMPTY, rest, match.end())
    return found


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in text.split(",") if word.strip())


def parse_challenge(text: str) -> Challenge:
    """
    Read a challenge.

    @raise ParseError: Malformed, or of another scheme.
    """
    found = _params(text)
    if "realm" not in found or not found.get("nonce"):
        raise ParseError("a challenge without realm or nonce")
    return Challenge(
        found["realm"],
        found["nonce"],
        found.get("algorithm", ""),
        _words(found.get("qop", "")),
        found.get("opaque"),
        found.get("stale", "").lower() == "true",
    )


def parse_credentials(text: str) -> Credentials:
    """
    Read credentials.

    @raise ParseError: Malformed, incomplete, or of another scheme.
    """
    found = _params(text)
    missing = {"username", "realm", "nonce", "uri", "response"} - found.keys()
    if missing:
        raise ParseError(f"credentials without {', '.join(sorted(missing))}")
    qop, count = found.get("qop", "").lower(), found.get("nc", "")
    if qop and not (found.get("cnonce") and _COUNT.fullmatch(count)):
        raise ParseError("credentials with qop and without cnonce or nc")
    return Credentials(
        found["username"],
        found["realm"],
        found["nonce"],
        found["uri"],
        found["response"].lower(),
        found.get("algorithm", ""),
        found.get("cnonce", ""),
        qop,
        count if qop else "",
        found.get("opaque"),
    )


# The arithmetic


def _hash_of(algorithm: str) -> tuple[str, Callable[[bytes], str], bool] | None:
    """Name of the hash, the hash, and whether it is a -sess algorithm."""
    name = algorithm.lower() or "md5"
    session = name.endswith(_SESSION)
    known = _HASHES.get(name.removesuffix(_SESSION))
    return None if known is None else (*known, session)


def hash_name(algorithm: str) -> str | None:
    """
    Which hash an algorithm uses: C{MD5}, C{SHA-256} or C{SHA-512-256}; None for
    an algorithm that we do not know.
    """
    known = _hash_of(algorithm)
    return None if known is None else known[0]


def secret(algorithm: str, username: str, realm: str, password: str) -> str:
    """
    What stands for the password in one realm: H(A1) without a session (RFC
    7616 section 3.4.2). Whoever holds it can authenticate in that realm, and
    learns nothing of the password itself.

    @raise ValueError: If the algorithm is not known.
    """
    known = _hash_of(algorithm)
    if known is None:
        raise ValueError(f"{algorithm} is no digest algorithm")
    return known[1](_bytes(f"{username}:{realm}:{password}"))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _response(given: Credentials, hashed: str, method: str, body: bytes) -> str | None:
    """
    The response that credentials must hold (RFC 7616 section 3.4.1; RFC 2069
    section 2.1.2 where there is no qop).

    @param hashed: What L{secret} made of the password.
    @return: None where algorithm or qop is not known.
    """
    known = _hash_of(given.algorithm)
    if known is None or given.qop not in ("", "auth", "auth-int"):
        return None
    _, digest, session = known
    if session:
        hashed = digest(_bytes(f"{hashed}:{given.nonce}:{given.cnonce}"))
    second = f"{method}:{given.uri}"
    if given.qop == "auth-int":
        second += f":{digest(body)}"
    second = digest(_bytes(second))
    middle = given.nonce
    if given.qop:
        middle += f":{given.nc}:{given.cnonce}:{given.qop}"
    return digest(_bytes(f"{hashed}:{middle}:{second}"))


def verify(given: Credentials, hashed: str, method: str, body: bytes = b"") -> bool:
    """
    Whether credentials prove that their sender knows the password.

    @param hashed: What L{secret} made of it, by the hash of their algorithm.
    """
    expected = _response(given, hashed, method, body)
    if expected is None:
        return False
    return compare_digest(expected.encode(), _bytes(given.response))


def strongest(challenges: Iterable[Challenge]) -> Challenge | None:
    """
    The challenge to answer: that of the strongest hash (RFC 8760 section 2.4
    leaves the choice to us), among equals the first; None if none can be.
    """
    ranks = [name for name, _ in _HASHES.values()]
    best: Challenge | None = None
    rank = len(ranks)
    for challenge in challenges:
        name = hash_name(challenge.algorithm)
        if name is None or not _quality(challenge.qop)[1]:
            continue
        if ranks.index(name) < rank:
            best, rank = challenge, ranks.index(name)
    return best


def _quality(offered: tuple[str, ...]) -> tuple[str, bool]:
    """The quality to use of those offered, and whether there is one."""
    for quality in ("auth", "auth-int"):
        if quality in offered:
            return quality, True
    return "", not offered


def answer(
    challenge: Challenge,
    username: str,
    password: str,
    method: str,
    uri: str,
    cnonce: str,
    count: int = 1,
    body: bytes = b"",
) -> Credentials:
    """
    The credentials that answer a challenge (RFC 3261 section 22.2).

    @param uri: The Request-URI as it is sent.
    @param cnonce: A fresh random text.
    @param count: How often this nonce was used with this request: 1, 2, ...
    @raise ValueError: If the challenge cannot be answered; L{strongest} never
        returns such a one.
    """
    quality, usable = _quality(challenge.qop)
    if not usable:
        raise ValueError("no quality of protection that we know")
    hashed = secret(challenge.algorithm, username, challenge.realm, password)
    session = challenge.algorithm.lower().endswith(_SESSION)
    blank = Credentials(
        username,
        challenge.realm,
        challenge.nonce,
        uri,
        "",
        challenge.algorithm,
        cnonce if quality or session else "",
        quality,
        f"{count:08x}" if quality else "",
        challenge.opaque,
    )
    return attrs.evolve(blank, response=_response(blank, hashed, method, body) or "")
