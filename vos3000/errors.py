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


class ConfigError(VosError):
    """
    Everything that is wrong with a configuration, found in one pass.

    @ivar problems: One line for each mistake: file, line, setting, cure.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class StorageError(VosError):
    """The database, or the disk below it, refused or failed."""


class SchemaError(StorageError):
    """The database's schema is older or newer than this release knows."""


class ApiError(VosError):
    """
    A refusal of the web API.

    @ivar code: The retCode of the answer, never 0.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
