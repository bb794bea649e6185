"""
What the configuration says about the log ([log] level, format).

twistd takes a logger only by its dotted name, before the service exists. So
there is a name for each choice: C{vos3000.logs.text.info} and the like.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    jsonFileLogObserver,
    textFileLogObserver,
)

from vos3000.config import Log

_FORMATS = {"text": textFileLogObserver, "json": jsonFileLogObserver}

_TALKATIVE = ("twisted", "log_legacy")
"""Namespaces; the second one is that of everything older than namespaces."""


def observer(log: Log, stream: TextIO) -> ILogObserver:
    """
    Write to C{stream} what is at least as grave as the configured level; what
    the framework has to tell of its factories is C{debug} to us.

    JSON comes as RFC 7464 records: one object to a line, each after a record
    separator, with every field of the event.
    """
    write = _FORMATS[log.format](stream)
    least = LogLevel.levelWithName(log.level)
    level = LogLevelFilterPredicate(least)
    if least is LogLevel.info:
        for namespace in _TALKATIVE:
            level.setLogLevelForNamespace(namespace, LogLevel.warn)
        level.setLogLevelForNamespace("twisted.scripts", least)
    return FilteringLogObserver(write, [level])


class Format:
    """
    The loggers of one format, each an attribute named after its level.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, level: str) -> Callable[[], ILogObserver]:
        if level.startswith("_"):
            raise AttributeError(level)
        return lambda: observer(Log(level, self._name), sys.stdout)


text = Format("text")
json = Format("json")
