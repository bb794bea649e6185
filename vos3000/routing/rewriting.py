"""
The number rules: C{original:target}, by comma.

The language is VOS3000's (docs/routing.md tells it with examples):

  - an original is a prefix; C{*} in it stands for any characters, also none,
    C{?} for one digit; with C{*} at its end it is the whole number.
    C{/L9}, C{/E9}, C{/G9}, C{/F9} after it ask for a number that is shorter
    than, as long as, longer than, or not as long as nine characters.
  - in a target C{*} is what the C{*} of the original stood for, C{?} a random
    digit, C{$} the character of the same place, C{a-b} a random number of the
    range, and C{;} stands between targets of which one is drawn.
  - a backslash takes the meaning from the sign that follows it.

The longest original that fits is applied, and only that one.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import attrs

from vos3000.routing.numbergroups import Choose, NumberGroups
from vos3000.routing.segments import Segment, Sign, segment, stars_of

LONGEST_NUMBER = 128
"""A longer one is no telephone number; it is left as it is."""

MOST_STARS = 3
MOST_CONDITIONS = 4
MOST_STEPS = 200_000
"""
Steps that the rules of one list may take together for one number: what a call
waits for stays well below a millisecond, whatever the list.
"""

MOST_CACHED = 10_000

_NUMBER = 64
"""Characters of a number, for steps."""

_WILD_STEPS = 100
_DOUBLE_STEPS = 50

_DIGITS = "0123456789"
_LENGTH = re.compile(r"([LEGF])([0-9]{1,3})")
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "L": operator.lt,
    "E": operator.eq,
    "G": operator.gt,
    "F": operator.ne,
}


@attrs.frozen(slots=True)
class _Star:
    """What the C{*} with this number stood for."""

    number: int


@attrs.frozen(slots=True)
class _Range:
    """A number from C{first} on, of C{count}, C{width} digits at least."""

    first: int
    count: int
    width: int


@attrs.frozen(slots=True)
class _Digit:
    """A random digit."""


@attrs.frozen(slots=True)
class _Keep:
    """The character of the same place in the number before."""


_Part = str | _Star | _Range | _Digit | _Keep


@attrs.frozen(slots=True)
class _Original:
    """
    The left side of a rule.

    @ivar signs: What it is made of.
    @ivar lengths: What it asks of the number's length.
    """

    signs: tuple[Sign, ...]
    lengths: tuple[tuple[Callable[[int, int], bool], int], ...]

    @property
    def stars(self) -> int:
        """How many C{*} it has."""
        return self.signs.count(("*", True))

    @property
    def whole(self) -> bool:
        """Whether it is the whole number and no prefix."""
        return self.signs[-1:] == (("*", True),)

    @property
    def literal(self) -> str | None:
        """The prefix itself, if it has no wildcard."""
        if ("*", True) in self.signs or ("?", True) in self.signs:
            return None
        return "".join(char for char, _ in self.signs)

    def segments(self) -> list[Segment]:
        """What stands before, between and after the C{*}."""
        first, *others = _split(self.signs, "*")
        return [segment(first, ""), *(segment(other, ".*") for other in others)]

    @property
    def steps(self) -> int:
        """What looking whether it fits takes, for a rule that is looked at."""
        _, *floating = _split(self.signs, "*")
        tries = (len(part) * max(_NUMBER + 1 - len(part), 0) for part in floating)
        return _WILD_STEPS + len(self.signs) + sum(tries)

    def order(self) -> tuple[int, int, int]:
        """Longest first, then fewest wildcards, then most conditions."""
        wild = self.stars + self.signs.count(("?", True))
        return -len(self.signs), wild, -len(self.lengths)


class _Rule:
    """One rule, ready to be applied."""

    __slots__ = ("_alternatives", "_lengths", "_segments", "_whole", "original")

    def __init__(
        self, original: _Original, alternatives: Sequence[Sequence[_Part]]
    ) -> None:
        self.original = original
        self._lengths = original.lengths
        self._segments = original.segments()
        self._whole = original.whole
        self._alternatives = tuple(alternatives)

    def apply(self, number: str, choose: Choose) -> str | None:
        """The number after the rule; None where it does not fit."""
        for compare, length in self._lengths:
            if not compare(len(number), length):
                return None
        stars = stars_of(self._segments, self._whole, number)
        if stars is None:
            return None
        choices = self._alternatives
        parts = choices[choose(len(choices))] if len(choices) > 1 else choices[0]
        return _render(parts, number, stars, choose)


def _render(
    parts: Sequence[_Part], number: str, stars: Sequence[str], choose: Choose
) -> str:
    result = ""
    for part in parts:
        if part.__class__ is str:
            result += part
        elif isinstance(part, _Star):
            result += stars[part.number]
        elif isinstance(part, _Keep):
            result += number[len(result) : len(result) + 1]
        elif isinstance(part, _Digit):
            result += _DIGITS[choose(10)]
        elif isinstance(part, _Range):
            result += str(part.first + choose(part.count)).zfill(part.width)
    return result


def _signs(text: str) -> list[Sign]:
    """
    C{text} as characters that know whether they were escaped.

    @raise ValueError: If nothing follows the last backslash.
    """
    signs: list[Sign] = []
    chars = iter(text)
    for char in chars:
        if char != "\\":
            signs.append((char, True))
            continue
        follows = next(chars, None)
        if follows is None:
            raise ValueError("nothing follows the backslash")
        signs.append((follows, False))
    return signs


def _split(signs: Iterable[Sign], at: str) -> list[list[Sign]]:
    pieces: list[list[Sign]] = [[]]
    for sign in signs:
        if sign == (at, True):
            pieces.append([])
        else:
            pieces[-1].append(sign)
    return pieces


def _original(signs: list[Sign]) -> _Original:
    pattern, *conditions = _split(signs, "/")
    lengths = []
    if len(conditions) > MOST_CONDITIONS:
        raise ValueError(f"more than {MOST_CONDITIONS} lengths")
    for condition in conditions:
        text = "".join(char if sign else "\\" for char, sign in condition)
        match = _LENGTH.fullmatch(text)
        if match is None:
            raise ValueError(f"/{text} is none of /L, /E, /G, /F and a length")
        lengths.append((_COMPARE[match[1]], int(match[2])))
    original = _Original(tuple(pattern), tuple(lengths))
    if original.stars > MOST_STARS:
        raise ValueError(f"more than {MOST_STARS} * in the original")
    for sign in (("$", True), (";", True), ("-", True)):
        if sign in original.signs:
            raise ValueError(f"{sign[0]} has no meaning in the original")
    return original


def _parts(signs: list[Sign]) -> Iterator[_Part]:
    """
    One alternative of a target, piece by piece.

    @raise ValueError: If a range is none.
    """
    stars = 0
    at = 0
    while at < len(signs):
        end = _digits_end(signs, at)
        if end > at and signs[end : end + 1] == [("-", True)]:
            last = _digits_end(signs, end + 1)
            yield _range(signs[at:end], signs[end + 1 : last])
            at = last
            continue
        char, sign = signs[at]
        if sign and char == "*":
            yield _Star(stars)
            stars += 1
        elif sign and char in "?$":
            yield _Digit() if char == "?" else _Keep()
        elif sign and char in "-/":
            raise ValueError(f"{char} has no meaning there")
        else:
            yield char
        at += 1


def _digits_end(signs: list[Sign], at: int) -> int:
    while at < len(signs) and signs[at][1] and signs[at][0] in _DIGITS:
        at += 1
    return at


def _range(first: list[Sign], last: list[Sign]) -> _Range:
    low, high = ("".join(char for char, _ in signs) for signs in (first, last))
    if max(len(low), len(high)) > LONGEST_NUMBER or not high or int(low) > int(high):
        raise ValueError(f"{low}-{high} is no range")
    return _Range(int(low), int(high) - int(low) + 1, len(low))


def _joined(parts: Iterable[_Part]) -> list[_Part]:
    """The same parts, literal ones that touch made one."""
    joined: list[_Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _alternative(original: _Original, signs: list[Sign]) -> list[_Part]:
    if len(signs) > LONGEST_NUMBER:
        raise ValueError("the target is longer than any number")
    parts = list(_parts(signs))
    used = sum(isinstance(part, _Star) for part in parts)
    stars = original.stars + (not original.whole)
    if used > stars:
        raise ValueError("the target has more * than the original")
    if used < stars and (not original.whole or not parts):
        # What follows a prefix stays; so does what a last * stood for where
        # the target is empty.
        parts.append(_Star(stars - 1))
    return _joined(parts)


def _rule(signs: list[Sign]) -> _Rule:
    sides = _split(signs, ":")
    if len(sides) != 2:
        raise ValueError("a rule is original:target")
    original = _original(sides[0])
    targets = _split(sides[1], ";")
    return _Rule(original, [_alternative(original, target) for target in targets])


def _steps(original: _Original, known: set[str]) -> int:
    """
    The steps that a further rule takes for a number.

    @param known: The originals without wildcard there are; one dict access
        finds the rule of any of them, so only a second one counts.
    """
    literal = original.literal
    if literal is None:
        return original.steps
    if literal in known:
        return _DOUBLE_STEPS
    known.add(literal)
    return 0


class Rules:
    """
    A list of rules, compiled.

    Rules without a wildcard are found by one dict access for each length of
    original, so a list of thousands costs no more than a short one.
    """

    __slots__ = ("_levels",)

    def __init__(self, rules: Iterable[_Rule]) -> None:
        levels: dict[int, tuple[dict[str, list[_Rule]], list[_Rule]]] = {}
        for rule in sorted(rules, key=lambda rule: rule.original.order()):
            length = len(rule.original.signs)
            literals, patterns = levels.setdefault(length, ({}, []))
            literal = rule.original.literal
            if literal is None:
                patterns.append(rule)
            else:
                literals.setdefault(literal, []).append(rule)
        self._levels = [(n, *levels[n]) for n in sorted(levels, reverse=True)]

    @classmethod
    def read(cls, text: str) -> tuple[Rules, list[str]]:
        """
        The rules of C{text} that can be read, and what is wrong with others.
        """
        rules: list[_Rule] = []
        problems: list[str] = []
        known: set[str] = set()
        steps = 0
        for rule in _separate(text):
            try:
                made = _rule(_signs(rule))
                more = _steps(made.original, known)
                if steps + more > MOST_STEPS:
                    raise ValueError("too many rules with * or ?, or of one original")
                steps += more
                rules.append(made)
            except ValueError as error:
                problems.append(f"{rule!r}: {error}")
        return cls(rules), problems

    @classmethod
    def parse(cls, text: str) -> Rules:
        """
        The rules of C{text}.

        @raise ValueError: If one is wrong; the message names each that is.
        """
        rules, problems = cls.read(text)
        if problems:
            raise ValueError("; ".join(problems))
        return rules

    def apply(self, number: str, choose: Choose) -> str:
        """
        C{number} after the rule that fits best; unchanged if none does.

        @param choose: Draws a number from 0 to n - 1.
        """
        if len(number) > LONGEST_NUMBER:
            return number
        for length, literals, patterns in self._levels:
            if literals and len(number) >= length:
                for rule in literals.get(number[:length], ()):
                    result = rule.apply(number, choose)
                    if result is not None:
                        return result
            for rule in patterns:
                result = rule.apply(number, choose)
                if result is not None:
                    return result
        return number


def _separate(text: str) -> Iterator[str]:
    """The rules of a list; a comma after a backslash is part of one."""
    start = at = 0
    while at < len(text):
        if text[at] == ",":
            yield from filter(None, (text[start:at].strip(),))
            start = at + 1
        at += 2 if text[at] == "\\" else 1
    yield from filter(None, (text[start:].strip(),))


class Rewriting:
    """
    Applies rules by their text; each text is compiled once.

    A rule that cannot be read is left out here, for a call must not fail by
    it; the web interface refuses such rules and C{vos3000 check} reports them.

    @ivar groups: The number groups that rules draw from.
    """

    __slots__ = ("_choose", "_compiled", "groups")

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self.groups = NumberGroups(choose)
        self._compiled: dict[str, Rules] = {}

    def rewrite(self, text: str, number: str) -> str:
        """C{number} after the rules of C{text}; unchanged by an empty text."""
        if not text:
            return number
        rules = self._compiled.get(text)
        if rules is None:
            rules = self._compile(text)
        return rules.apply(number, self._choose)

    def _compile(self, text: str) -> Rules:
        if len(self._compiled) >= MOST_CACHED:
            del self._compiled[next(iter(self._compiled))]
        rules, _ = Rules.read(text)
        self._compiled[text] = rules
        return rules
