"""
vos3000.conf: an INI file becomes frozen values, one class for each section.

Everything is checked before anything starts, and every mistake is noted with
its file and line. A missing file, section or key means the default; an empty
value switches a listener off.
"""

from __future__ import annotations

import ipaddress
import os
import string
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import attrs

from vos3000.conffile import Problems, lines, listed, port

T = TypeVar("T")

FILE = "vos3000.conf"
_HOST_CHARACTERS = frozenset(f"{string.ascii_letters}{string.digits}-._")
SYSTEM_DIRECTORY = Path("/etc/vos3000")


@attrs.frozen(slots=True)
class Endpoint:
    """
    Where a listener is bound.

    @ivar host: An IPv4 or IPv6 address, without brackets.
    """

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


Endpoints = tuple[Endpoint, ...]


@attrs.frozen(slots=True)
class State:
    """
    Section C{[state]}.

    @ivar dir: Where the database and the journal are; an absolute path.
    @ivar zone: The time zone whose days are the days of records and reports.
    @ivar journal_keep_hours: How long segments of the journal are kept once the
        database has written them.
    @ivar journal_keep_mib: How many MiB they may have together; 0 keeps none.
    """

    dir: Path
    zone: ZoneInfo
    journal_keep_hours: int = 26
    journal_keep_mib: int = 1024


@attrs.frozen(slots=True)
class Database:
    """
    Section C{[database]}.

    @ivar url: Empty for SQLite in the state directory.
    """

    url: str = ""


@attrs.frozen(slots=True)
class Sip:
    """
    Section C{[sip]}: the listeners of each transport, and who asks.

    @ivar ws_origins: The pages from which browsers may connect, as
        C{https://phone.example}; empty for all.
    @ivar dns: The name servers; none for the system's.
    @ivar tls_certificate: Our certificate and those that lead to its root, PEM.
    @ivar tls_key: Its key; None where it stands in the same file.
    @ivar tls_ca: Whose word is taken for a peer's certificate; None for the
        system's authorities.
    @ivar tls_verify_clients: Whether peers that connect are asked for one:
        C{off}, C{request} or C{require}.
    @ivar realm: The realm of our digest; part of what is kept of passwords.
    @ivar digest: The algorithms that are asked for, what is preferred first.
    """

    udp: Endpoints = (Endpoint("0.0.0.0", 5060),)
    tcp: Endpoints = (Endpoint("0.0.0.0", 5060),)
    tls: Endpoints = ()
    ws: Endpoints = ()
    wss: Endpoints = ()
    ws_origins: tuple[str, ...] = ()
    dns: Endpoints = ()
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    tls_verify_clients: str = "off"
    realm: str = "vos3000"
    digest: tuple[str, ...] = ("SHA-256", "MD5")


@attrs.frozen(slots=True)
class H323:
    """Section C{[h323]}: call signalling and RAS."""

    signal: Endpoints = (Endpoint("0.0.0.0", 1720),)
    ras: Endpoints = (Endpoint("0.0.0.0", 1719),)


@attrs.frozen(slots=True)
class Http:
    """
    Section C{[http]}: the web interface and the metrics.

    @ivar prefixes: Paths below which the web interface answers, each with a
        slash in front and none at the end.
    """

    listen: Endpoints = (Endpoint("127.0.0.1", 8080),)
    prefixes: tuple[str, ...] = ("/external/server",)


@attrs.frozen(slots=True)
class Media:
    """
    Section C{[media]}.

    @ivar address: What peers are told to send media to; empty for the address
        that faces each peer.
    @ivar ports: The first and the last port.
    """

    address: str = ""
    ports: tuple[int, int] = (10000, 19999)


@attrs.frozen(slots=True)
class Push:
    """
    Section C{[push]}.

    @ivar url: Base of the pushes' addresses; empty for what the system
        parameters say (OUT_POST_URL, IVR_CALL_REPORT_IP).
    """

    url: str = ""


@attrs.frozen(slots=True)
class Hep:
    """
    Section C{[hep]}: where every SIP message is copied to.

    @ivar server: Host (a name or an address) and port; None for nowhere.
    @ivar capture_id: The number that the server knows this switch by.
    @ivar password: What it knows it by, besides; empty for none.
    """

    server: Endpoint | None = None
    capture_id: int = 2001
    password: str = attrs.field(default="", repr=False)


@attrs.frozen(slots=True)
class Log:
    """
    Section C{[log]}.

    @ivar level: debug, info, warn, error or critical.
    @ivar format: text or json.
    """

    level: str = "info"
    format: str = "text"


@attrs.frozen(slots=True)
class Cluster:
    """Section C{[cluster]}: known, without any key yet."""


@attrs.frozen(slots=True)
class Config:
    """
    All of vos3000.conf.

    @ivar directory: Where it was read from; mbx2008.conf lies beside it.
    @ivar without_effect: Settings that the file makes and that this release
        does not act on yet, such as C{[h323] ras}.
    """

    directory: Path
    state: State
    database: Database = Database()
    sip: Sip = Sip()
    h323: H323 = H323()
    http: Http = Http()
    media: Media = Media()
    push: Push = Push()
    hep: Hep = Hep()
    log: Log = Log()
    cluster: Cluster = Cluster()
    without_effect: tuple[str, ...] = ()

    @property
    def database_url(self) -> str:
        """The database: the one named, else SQLite in the state directory."""
        path = self.state.dir.absolute() / "vos3000.db"
        return self.database.url or f"sqlite:///{path}"


# Values


def endpoint(text: str) -> Endpoint:
    """
    Read C{address:port}; an IPv6 address stands in brackets.

    @raise ValueError: If it is none.
    """
    host, colon, number = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if not colon or address is None or bracketed != (address.version == 6):
        raise ValueError(
            f"{text!r} is no listener, 0.0.0.0:5060 or [::]:5060 would be"
        ) from None
    return Endpoint(host, port(number))


def endpoints(text: str) -> Endpoints:
    """
    Read a comma list of listeners.

    @raise ValueError: If one is wrong, or stands there twice.
    """
    found = tuple(endpoint(entry) for entry in listed(text))
    if len(set(found)) < len(found):
        raise ValueError("the same listener stands there twice")
    return found


def _prefixes(text: str) -> tuple[str, ...]:
    found = listed(text)
    for prefix in found:
        if not prefix.startswith("/") or any(c in prefix for c in " ?#"):
            raise ValueError(f"{prefix!r} is no path, /external/server would be")
    if not found:
        raise ValueError("at least one path is needed; / is the root")
    return tuple(prefix.rstrip("/") for prefix in found)


def address(text: str) -> str:
    """
    Read an IP address, in its shortest form; empty for none.

    @raise ValueError: If it is neither.
    """
    try:
        return str(ipaddress.ip_address(text)) if text else ""
    except ValueError:
        raise ValueError(f"{text!r} is no IP address") from None


def _ports(text: str) -> tuple[int, int]:
    first, dash, last = (part.strip() for part in text.partition("-"))
    if not dash or port(first) > port(last):
        raise ValueError(f"{text!r} is no range of ports, 10000-19999 would be")
    return port(first), port(last)


def base_url(text: str) -> str:
    """
    Read the base of HTTP addresses; empty for none.

    @raise ValueError: If it is neither empty nor an http or https address.
    """
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if text and not good:
        raise ValueError(f"{text!r} is no http:// or https:// address")
    return text


def _server(text: str) -> Endpoint | None:
    if not text:
        return None
    host, colon, number = text.rpartition(":")
    try:
        return endpoint(text)
    except ValueError:
        if not colon or not host or not set(host) <= _HOST_CHARACTERS:
            raise ValueError(f"{text!r} is no host:port") from None
    return Endpoint(host, port(number))


def _capture_id(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) < 1 << 32):
        raise ValueError(f"{text!r} is no number of 32 bits")
    return int(text)


def _database(text: str) -> str:
    if not text:
        return text
    try:
        parts = urlsplit(text)
        good = parts.scheme == "mysql" and parts.path.strip("/") and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError(
            "mysql://user:password@host:3306/vos3000 is the form, or empty"
        )
    return text


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        raise ValueError(f"{text!r} is no time zone, Europe/Berlin would be") from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 8):
        raise ValueError(f"{text!r} is no number from 0 to 9999999")
    return int(text)


def _realm(text: str) -> str:
    if not text or not text.isprintable() or '"' in text or "\\" in text:
        raise ValueError(f"{text!r} is no realm, vos3000 or example.com would be")
    return text


def _algorithms(text: str) -> tuple[str, ...]:
    found = tuple(word.upper() for word in listed(text))
    if not found or len(set(found)) < len(found) or set(found) - {"SHA-256", "MD5"}:
        raise ValueError(f"{text!r} is none of SHA-256, MD5, nor both in some order")
    return found


def _directory(text: str) -> Path:
    if not text:
        raise ValueError("a directory is needed")
    return Path(text).expanduser()


def _origins(text: str) -> tuple[str, ...]:
    found = tuple(origin.lower() for origin in listed(text))
    for origin in found:
        parts = urlsplit(origin)
        plain = parts.scheme and parts.hostname and not (parts.path or parts.query)
        if origin != "null" and not plain:
            raise ValueError(f"{origin!r} is no origin, https://phone.example would be")
    return found


def _file(text: str) -> Path | None:
    return Path(text).expanduser() if text else None


def _choice(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is none of {', '.join(words)}")
        return text

    return read


FILES = ("tls_certificate", "tls_key", "tls_ca")
"""Keys of [sip] that name files; what is not absolute is below the directory of
vos3000.conf."""

KEYS: Mapping[str, Mapping[str, Callable[[str], Any]]] = {
    "state": {
        "dir": _directory,
        "zone": _zone,
        "journal_keep_hours": _count,
        "journal_keep_mib": _count,
    },
    "database": {"url": _database},
    "sip": {
        **dict.fromkeys(("udp", "tcp", "tls", "ws", "wss"), endpoints),
        "ws_origins": _origins,
        "dns": endpoints,
        **dict.fromkeys(FILES, _file),
        "tls_verify_clients": _choice("off", "request", "require"),
        "realm": _realm,
        "digest": _algorithms,
    },
    "h323": {"signal": endpoints, "ras": endpoints},
    "http": {"listen": endpoints, "prefixes": _prefixes},
    "media": {"address": address, "ports": _ports},
    "push": {"url": base_url},
    "hep": {"server": _server, "capture_id": _capture_id, "password": str},
    "log": {
        "level": _choice("debug", "info", "warn", "error", "critical"),
        "format": _choice("text", "json"),
    },
    "cluster": {},
}
"""Every section, its keys, and how each is read."""

_SECTIONS: Mapping[str, type] = {
    "database": Database,
    "sip": Sip,
    "h323": H323,
    "http": Http,
    "media": Media,
    "push": Push,
    "hep": Hep,
    "log": Log,
    "cluster": Cluster,
}

_LATER = (
    ("h323", "signal"),
    ("h323", "ras"),
    ("media", "address"),
    ("media", "ports"),
)
"""Settings that are read and checked, and acted on by a later release."""


# The file


def _assignments(path: Path, problems: Problems) -> Iterator[tuple[int, str, str, str]]:
    """Line number, section, key and text of each setting of an INI file."""
    section = ""
    for number, line in lines(path, problems):
        key, equals, text = (part.strip() for part in line.partition("="))
        if line.startswith("["):
            section = line.removeprefix("[").removesuffix("]").strip()
            if not line.endswith("]") or section not in KEYS:
                known = ", ".join(f"[{name}]" for name in KEYS)
                problems.add(path, number, f"{line} is no section; known are {known}")
                section = "?"
        elif not equals or not key:
            problems.add(path, number, f"{line!r} is not of the form key = value")
        elif not section:
            problems.add(path, number, f"{key} stands before any [section]")
        elif section != "?":
            yield number, section, key, text


def _settings(path: Path, problems: Problems) -> dict[tuple[str, str], Any]:
    """The values that a file sets, by section and key."""
    found: dict[tuple[str, str], Any] = {}
    for number, section, key, text in _assignments(path, problems):
        name = f"[{section}] {key}"
        read = KEYS[section].get(key)
        if read is None:
            known = ", ".join(KEYS[section]) or "none"
            problems.add(path, number, f"{name} is not known; the keys are {known}")
        elif (section, key) in found:
            problems.add(path, number, f"{name} is set a second time")
        else:
            found[section, key] = None
            try:
                found[section, key] = read(text)
            except ValueError as error:
                problems.add(path, number, f"{name}: {error}")
    return found


# The surroundings


def packaged() -> Path:
    """The directory of the configuration that comes with the package."""
    return Path(str(resources.files("vos3000"))) / "etc"


def default_state(root: bool, environment: Mapping[str, str]) -> Path:
    """
    Where state is kept when nobody says.

    @param root: Whether the process may write below /var/lib.
    @param environment: HOME and XDG_STATE_HOME are looked at.
    """
    if root:
        return Path("/var/lib/vos3000")
    below = environment.get("XDG_STATE_HOME") or Path(
        environment.get("HOME") or ".", ".local", "state"
    )
    return Path(below, "vos3000")


def system_zone(
    environment: Mapping[str, str], localtime: Path = Path("/etc/localtime")
) -> ZoneInfo:
    """
    The machine's time zone: TZ, else what /etc/localtime links to, else UTC.
    """
    link = os.readlink(localtime) if localtime.is_symlink() else ""
    for name in (environment.get("TZ", ""), link.partition("zoneinfo/")[2]):
        try:
            return ZoneInfo(name.removeprefix(":"))
        except (ValueError, OSError, KeyError):
            continue
    return ZoneInfo("UTC")


def find(directory: Path | None, problems: Problems) -> Path:
    """
    The directory of the configuration.

    @param directory: What was asked for; None for the default.
    """
    if directory is None:
        return SYSTEM_DIRECTORY if SYSTEM_DIRECTORY.is_dir() else packaged()
    if not directory.is_dir():
        problems.add(directory, 0, "is no directory")
    return directory


def load(
    directory: Path,
    state: Path | None,
    environment: Mapping[str, str],
    root: bool,
    problems: Problems,
) -> Config:
    """
    Read vos3000.conf.

    What is wrong goes to C{problems}, and the default stands in its place.

    @param directory: Where the file is, if there is one (L{find}).
    @param state: The state directory, if it was given outside the file.
    @param environment: The process's environment variables.
    @param root: Whether the process may write below /var/lib.
    """
    found = _settings(directory / FILE, problems)
    values = {place: value for place, value in found.items() if value is not None}
    for key in FILES:
        if ("sip", key) in values:
            values["sip", key] = directory.absolute() / values["sip", key]
    later = (place for place in _LATER if values.get(place))
    where = state or values.get(("state", "dir")) or default_state(root, environment)
    return Config(
        directory,
        State(
            where.absolute(),
            values.get(("state", "zone")) or system_zone(environment),
            **{
                key: values["state", key]
                for key in ("journal_keep_hours", "journal_keep_mib")
                if ("state", key) in values
            },
        ),
        **{name: _section(name, made, values) for name, made in _SECTIONS.items()},
        without_effect=tuple(f"[{section}] {key}" for section, key in later),
    )


def _section(name: str, made: type[T], values: Mapping[tuple[str, str], Any]) -> T:
    keys = (key for key in KEYS[name] if (name, key) in values)
    return made(**{key: values[name, key] for key in keys})
