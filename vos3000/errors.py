"""
The error family.

An error carries what the caller needs in order to answer: nothing above it
has to compare strings to find out what went wrong.
"""

from __future__ import annotations

from collections.abc import Sequence


class VosError(Exception):
    """Anything that goes wrong in this product for a reason it knows."""


class ParseError(VosError):
    """
    Bytes or text that do not follow their specification.

    @ivar status: The SIP status that answers it, where an answer is possible.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class MediaRefused(VosError):
    """
    A session description leaves the side that it is meant for nothing that it
    may use.
    """


class ConfigError(VosError):
    """
    Everything that is wrong with a configuration, found in one pass.

    @ivar problems: One line for each mistake: file, line, setting, cure.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class StartError(VosError):
    """The switch cannot start here; says why, and what helps."""


class StorageError(VosError):
    """The database, or the disk below it, refused or failed."""


class SchemaError(StorageError):
    """The database's schema is older or newer than this release knows."""


class BadRow(StorageError):
    """
    A row holds what cannot be used; another program wrote it.

    @ivar table: Its table.
    @ivar key: What an operator finds it by.
    """

    def __init__(self, table: str, key: str, why: object) -> None:
        super().__init__(f"{table}: the row of {key!r} cannot be used: {why}")
        self.table = table
        self.key = key


class AlreadyExists(StorageError):
    """
    What is to be created is there already.

    @ivar kind: What it is, by the interface's name: C{account}, C{name} ...
    @ivar key: Its visible key.
    """

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"{kind} {key!r} exists already")
        self.kind = kind
        self.key = key


class NotFound(StorageError):
    """
    What is asked for, or referred to, does not exist.

    @ivar kind: What it is, by the interface's name of the field that names it.
    @ivar key: The key that was looked for.
    """

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"there is no {kind} {key!r}")
        self.kind = kind
        self.key = key


class ChangedMeanwhile(StorageError):
    """
    What is to be changed is not what whoever changes it has seen.

    @ivar kind: What it is.
    @ivar key: Its visible key.
    """

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(
            f"{kind} {key!r} was changed by somebody else meanwhile: read it again"
        )
        self.kind = kind
        self.key = key


class OutOfRange(StorageError):
    """An amount that would not fit its column."""


class Referenced(StorageError):
    """
    What is to be deleted is still in use.

    @ivar kind: What it is.
    @ivar key: Its visible key.
    @ivar users: What refers to it, for the operator.
    """

    def __init__(self, kind: str, key: str, users: Sequence[str]) -> None:
        super().__init__(f"{kind} {key!r} is used by {', '.join(users)}")
        self.kind = kind
        self.key = key
        self.users = tuple(users)


class ApiError(VosError):
    """
    A refusal of the web API.

    @ivar code: The retCode of the answer, never 0.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
