"""
Passwords at rest: sealed with a key that is not in the database.

The web interface shows passwords in clear, as its contract has it, and we
register with other platforms by them, so that a hash would not do. They stand
in their columns as C{{1}} and the base64 of nonce, text and code of AES-GCM;
who reads the database, or a copy of it, has nothing without the key file. A
value without that mark was written by another program: it is taken as it is,
and sealed when it is written next.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from twisted.logger import Logger

from vos3000.errors import StartError

FILE = "passwords.key"
"""The key file in the state directory; its owner alone can read it."""

MARK = "{1}"
"""How a sealed value begins; the digit is that of the method."""

_KEY = 32
_NONCE = 12


class Secrets(Protocol):
    """Seals and opens what is secret in a row."""

    def seal(self, text: str) -> str:
        """What stands in the column for C{text}."""

    def open(self, value: str) -> str:
        """What a column's value means; empty if it cannot be told."""


class Clear:
    """
    Without a key: nothing is sealed, and what is sealed stays so. For tests,
    and for commands that do not get at the key.
    """

    def seal(self, text: str) -> str:
        """The text itself."""
        return text

    def open(self, value: str) -> str:
        """The value itself, unless it is sealed."""
        return "" if value.startswith(MARK) else value


class Sealer:
    """
    Seals with one key.

    @param key: 32 random bytes.
    """

    _log = Logger()

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._told = False

    def seal(self, text: str) -> str:
        """What stands in the column for C{text}; nothing stays nothing."""
        if not text:
            return text
        nonce = os.urandom(_NONCE)
        data = text.encode("utf-8", "surrogateescape")
        return (
            MARK + b64encode(nonce + self._cipher.encrypt(nonce, data, None)).decode()
        )

    def open(self, value: str) -> str:
        """
        What a column's value means. One that was sealed with another key is
        empty: its owner cannot authenticate, and the log says why, once.
        """
        if not value.startswith(MARK):
            return value
        try:
            data = b64decode(value[len(MARK) :], validate=True)
            text = self._cipher.decrypt(data[:_NONCE], data[_NONCE:], None)
        except (ValueError, InvalidTag):
            if not self._told:
                self._told = True
                self._log.error(
                    "passwords in the database were sealed with another key than that"
                    " in {file}: put back the one that belongs to it",
                    file=FILE,
                )
            return ""
        return text.decode("utf-8", "surrogateescape")


def sealer(state: Path) -> Sealer:
    """
    The sealer of a state directory; its key is made if there is none.

    @raise StartError: If the key cannot be read or made; says what to do.
    """
    path = state / FILE
    try:
        key = _read(path) if path.exists() else _make(path)
    except (OSError, ValueError) as error:
        raise StartError(
            f"the key of the passwords, {path}, cannot be used: {error}. Put back the"
            " file that belongs to the database; without it passwords are lost"
        ) from error
    return Sealer(key)


def readable(state: Path) -> Secrets:
    """What this user can do: seal and open if the key can be read."""
    try:
        return Sealer(_read(state / FILE))
    except (OSError, ValueError):
        return Clear()


def _read(path: Path) -> bytes:
    key = b64decode(path.read_bytes().strip(), validate=True)
    if len(key) != _KEY:
        raise ValueError("it holds no key")
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return key


def _make(path: Path) -> bytes:
    """A fresh key, on the disk before anything is sealed with it."""
    key = os.urandom(_KEY)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, b64encode(key) + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
    return key
