"""
The registry of system parameters (SERVER_, SS_, IVR_), and their values.

What is known of each is data: C{data/parameters.tsv}. A value comes from
mbx2008.conf, else from the database (e_moconfig), else from the registry.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Any

import attrs

from vos3000 import config
from vos3000.conffile import Problems, lines, listed, port
from vos3000.model.money import parse_decimal
from vos3000.model.numbers import NumberPatterns

FILE = "mbx2008.conf"


@attrs.frozen(slots=True)
class Parameter:
    """
    What is known of one name.

    @ivar group: The group it is listed under.
    @ivar kind: How its text is read; a key of C{KINDS}.
    @ivar default: The text of its default.
    @ivar range: The accepted values, C{low..high} or C{one/other}.
    @ivar special: A word that stands for no value, such as C{None}.
    @ivar source: Who says what the default is; C{ours} where nobody does.
    @ivar in_effect: Whether this release acts on it.
    @ivar alias_of: The name this one is another spelling of; else empty.
    """

    name: str
    group: str
    kind: str
    default: str
    range: str
    special: str
    unit: str
    source: str
    in_effect: bool
    effect: str
    alias_of: str = ""

    @property
    def accepted(self) -> str:
        """The accepted values as an operator reads them."""
        kind = KINDS[self.kind]
        unit = "" if self.unit in ("-", "port", "hour") else f" {self.unit}"
        parts = (
            kind.text,
            f"{self.range}{unit}" if self.range else "",
            f"or {self.special}" if self.special else "",
        )
        return ", ".join(filter(None, parts))

    def parse(self, text: str) -> Any:
        """
        The typed value of a text.

        @return: What C{KINDS} says; None for the special word.
        @raise ValueError: Names the parameter, the text and what is accepted.
        """
        kind = KINDS[self.kind]
        if self.special and text.casefold() == self.special.casefold():
            return kind.nothing
        try:
            return kind.read(text, self.range)
        except ValueError:
            raise ValueError(
                f"{self.name} = {text!r} is not accepted; it takes {self.accepted}"
            ) from None


# Kinds


@attrs.frozen(slots=True)
class Kind:
    """
    How the text of a parameter is read.

    @ivar text: What the operator is told.
    @ivar read: Text and range to value; raises ValueError.
    @ivar nothing: The value of the special word.
    """

    text: str
    read: Callable[[str, str], Any]
    nothing: Any = None


def _between(value: Any, range_: str, read: Callable[[str], Any]) -> Any:
    low, _, high = range_.partition("..")
    if not read(low) <= value <= read(high):
        raise ValueError(range_)
    return value


def _int(text: str, range_: str) -> int:
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise ValueError(text)
    return int(_between(int(text), range_, int))


def _decimal(text: str, range_: str) -> Decimal:
    value: Decimal = _between(parse_decimal(text), range_, Decimal)
    return value


def _byte(text: str, range_: str) -> int:
    return int(_between(int(text, 0), range_, lambda bound: int(bound, 0)))


def _switch(text: str, range_: str) -> bool:
    word = text.casefold()
    if word in ("on", "1", "yes", "true"):
        return True
    if word in ("off", "0", "no", "false"):
        return False
    raise ValueError(text)


def _enum(text: str, range_: str) -> str:
    for word in range_.split("/"):
        if word.casefold() == text.casefold():
            return word
    raise ValueError(text)


def _words(text: str, range_: str) -> tuple[str, ...]:
    if not range_:
        return listed(text)
    return tuple(_enum(word, range_) for word in listed(text))


def _hours(text: str, range_: str) -> frozenset[int]:
    return frozenset(_int(hour, range_) for hour in listed(text))


def _ports(text: str, range_: str) -> tuple[int, ...]:
    return tuple(port(entry) for entry in listed(text))


def _seconds(text: str, range_: str) -> tuple[float, ...]:
    if not listed(text):
        raise ValueError(text)
    return tuple(float(_decimal(entry, range_)) for entry in listed(text))


def _minute(text: str) -> int:
    hour, colon, minute = text.partition(":")
    if not colon or len(minute) != 2:
        raise ValueError(text)
    return int(
        _between(_int(hour, "0..24") * 60 + _int(minute, "0..59"), "0..1440", int)
    )


def _periods(text: str, range_: str) -> tuple[tuple[int, int], ...]:
    found = []
    for entry in listed(text):
        begin, _, end = entry.partition("-")
        if _minute(begin) >= _minute(end):
            raise ValueError(text)
        found.append((_minute(begin), _minute(end)))
    return tuple(found)


KINDS: Mapping[str, Kind] = {
    "int": Kind("a whole number", _int),
    "decimal": Kind("a number", _decimal),
    "switch": Kind("", _switch),
    "enum": Kind("", _enum),
    "string": Kind("any text", lambda text, range_: text),
    "address": Kind("an IP address or nothing", lambda t, range_: config.address(t)),
    "url": Kind("an http address or nothing", lambda t, range_: config.base_url(t)),
    "endpoint": Kind(
        "an IP address and a port (an IPv6 address in brackets) or nothing",
        lambda text, range_: config.endpoint(text) if text else None,
    ),
    "port": Kind("a port", lambda text, range_: port(text)),
    "ports": Kind("a comma list of ports", _ports),
    "byte": Kind("a byte", _byte),
    "words": Kind("a comma list", _words),
    "numbers": Kind(
        "a comma list of numbers, each with or without * at its end",
        lambda text, range_: NumberPatterns.parse(text),
    ),
    "hours": Kind("a comma list of hours", _hours, frozenset()),
    "seconds": Kind("a comma list", _seconds),
    "periods": Kind("a comma list of periods hh:mm-hh:mm", _periods),
}
"""
The kinds of the data file. The values are int, Decimal, bool, str, tuples of
words, ports and seconds (float), L{NumberPatterns}, a frozenset of hours, pairs of
minutes of the day, and L{config.Endpoint} or None.
"""


# The registry


class Registry:
    """Every parameter by name, other spellings among them."""

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self._by_name = {parameter.name: parameter for parameter in parameters}

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def find(self, name: str) -> Parameter | None:
        """What is known of C{name}, be it an alias."""
        return self._by_name.get(name)

    def canonical(self, name: str) -> Parameter:
        """
        The parameter that C{name} sets, behind an alias too.

        @raise ValueError: If there is none; says which name comes close.
        """
        parameter = self._by_name.get(name)
        if parameter is None:
            close = difflib.get_close_matches(name, self._by_name, 1, 0.8)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ValueError(f"{name} is no system parameter{hint}")
        return self._by_name[parameter.alias_of or name]


def registry() -> Registry:
    """Read the packaged table."""
    path = resources.files("vos3000") / "data" / "parameters.tsv"
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:]]
    known = {
        name: Parameter(
            name, group, kind, default, range_, special, unit, source,
            in_effect == "yes", effect,
        )
        for name, group, kind, default, range_, special, unit, source, in_effect,
        effect in rows
        if kind != "alias"
    }  # fmt: skip
    aliases = [
        attrs.evolve(known[row[3]], name=row[0], effect=row[9], alias_of=row[3])
        for row in rows
        if row[2] == "alias"
    ]
    return Registry([*known.values(), *aliases])


# Values


class Origin(Enum):
    """Where a value comes from; a file's is shown read-only."""

    DEFAULT = "default"
    DATABASE = "database"
    FILE = "file"


@attrs.frozen(slots=True)
class Setting:
    """
    The value of one parameter.

    @ivar value: The typed value (L{KINDS}).
    @ivar text: What was written.
    """

    value: Any
    text: str
    origin: Origin


class ParameterValues(Mapping[str, Any]):
    """
    The typed value of every parameter at one moment, by its own name.

    Never changes: whoever keeps one for the length of a call bills and routes
    the call by the same rules from its start to its end.
    """

    __slots__ = ("_settings", "_values")

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self._settings = dict(settings)
        self._values = {name: each.value for name, each in settings.items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def setting(self, name: str) -> Setting:
        """
        The value of C{name}, with its text and origin.

        @raise KeyError: If no parameter has this name.
        """
        return self._settings[name]


class Parameters:
    """
    The values in force. They are swapped in whole, on start and on reload.

    @ivar values: The values now.
    @param file: What mbx2008.conf sets, by the parameters' own names.
    """

    def __init__(self, known: Registry, file: Mapping[str, Setting]) -> None:
        self.registry = known
        self._defaults = {
            each.name: Setting(each.parse(each.default), each.default, Origin.DEFAULT)
            for each in known
            if not each.alias_of
        }
        self._file = dict(file)
        self._database: dict[str, Setting] = {}
        self.values = self._together()

    def _together(self) -> ParameterValues:
        return ParameterValues({**self._defaults, **self._database, **self._file})

    def replace(self, database: Mapping[str, str]) -> tuple[str, ...]:
        """
        Take over what the database sets; the file goes on winning.

        @param database: The rows of e_moconfig, name to text.
        @return: What is wrong with them. The default stands in for a bad
            value, an unknown name is left alone, and a parameter's own name
            wins over its alias.
        """
        found: dict[str, Setting] = {}
        problems: list[str] = []
        for name, text in sorted(database.items(), key=self._aliases_first):
            try:
                parameter = self.registry.canonical(name)
                value = parameter.parse(text.strip())
            except ValueError as error:
                problems.append(f"e_moconfig: {error}")
            else:
                found[parameter.name] = Setting(value, text.strip(), Origin.DATABASE)
        self._database = found
        self.values = self._together()
        return tuple(problems)

    def mistakes(self, database: Mapping[str, str]) -> list[tuple[str, str]]:
        """
        The names that L{replace} would find bad values of, and what is wrong;
        names that nobody knows are no mistakes of ours.
        """
        found = []
        for name, text in sorted(database.items()):
            known = self.registry.find(name)
            if known is None:
                continue
            try:
                self.registry.canonical(name).parse(text.strip())
            except ValueError as error:
                found.append((name, str(error)))
        return found

    def _aliases_first(self, row: tuple[str, str]) -> tuple[bool, str]:
        parameter = self.registry.find(row[0])
        return (not (parameter and parameter.alias_of), row[0])

    def adopt(self, fresh: Parameters) -> None:
        """Take over the file's values of C{fresh}, which has just been read."""
        self._file = fresh._file
        self.values = self._together()


# The file


def read_file(path: Path, known: Registry, problems: Problems) -> dict[str, Setting]:
    """
    Read mbx2008.conf: C{NAME=value} lines, whose values may stand in quotes.

    @return: What it sets, by the parameters' own names.
    """
    found: dict[str, Setting] = {}
    for number, line in lines(path, problems):
        name, equals, text = (part.strip() for part in line.partition("="))
        try:
            if not equals or not name:
                raise ValueError(f"{line!r} is not of the form NAME=value")
            parameter = known.canonical(name)
            if parameter.name in found:
                raise ValueError(f"{parameter.name} is set a second time")
            text = _unquoted(text)
            found[parameter.name] = Setting(text, text, Origin.FILE)
            value = parameter.parse(text)
            found[parameter.name] = Setting(value, text, Origin.FILE)
        except ValueError as error:
            problems.add(path, number, str(error))
    return found


def _unquoted(text: str) -> str:
    quote = text[:1]
    if quote not in ("'", '"'):
        return text
    inside, closing, rest = text[1:].partition(quote)
    if not closing or (rest.strip() and not rest.strip().startswith("#")):
        raise ValueError(f"{text} has no closing quote at its end")
    return inside


def read(
    directory: Path | None,
    state: Path | None,
    environment: Mapping[str, str],
    root: bool,
) -> tuple[config.Config, Parameters]:
    """
    Read both files of the configuration.

    @param directory: Where they are; None for the default.
    @param state: The state directory; None for what vos3000.conf says.
    @param environment: The process's environment variables.
    @param root: Whether the process may write below /var/lib.
    @raise ConfigError: With everything that is wrong in either file.
    """
    problems = Problems()
    where = config.find(directory, problems)
    settings = config.load(where, state, environment, root, problems)
    known = registry()
    file = read_file(where / FILE, known, problems)
    problems.check()
    return settings, Parameters(known, file)


def push_url(push: config.Push, values: ParameterValues) -> str:
    """
    The base of the pushes' addresses; empty where nobody is to be told.

    The file's [push] url, else OUT_POST_URL, else IVR_CALL_REPORT_IP and
    IVR_CALL_REPORT_PORT.
    """
    url: str = push.url or values["OUT_POST_URL"]
    host: str = values["IVR_CALL_REPORT_IP"]
    if url or not host:
        return url
    port: int = values["IVR_CALL_REPORT_PORT"]
    return f"http://{config.Endpoint(host, port)}/"
