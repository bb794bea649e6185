"""
L{vos3000.logs}: what [log] changes.
"""

from __future__ import annotations

import json
from io import StringIO

from twisted.logger import Logger, LogPublisher
from twisted.python.reflect import namedAny
from twisted.trial.unittest import SynchronousTestCase

from vos3000.config import Log
from vos3000.logs import observer


class ObserverTests(SynchronousTestCase):
    """Level and format of the log."""

    def written(self, log: Log) -> str:
        """What one event of each of three levels leaves."""
        stream = StringIO()
        logger = Logger("test", observer=LogPublisher(observer(log, stream)))
        logger.debug("one {call}", call=7)
        logger.info("two {call}", call=7)
        logger.error("three {call}", call=7)
        return stream.getvalue()

    def test_graver_than_the_level_is_written(self) -> None:
        """Events below the level are left out."""
        lines = self.written(Log(level="info")).splitlines()
        self.assertEqual([line.split("] ")[1] for line in lines], ["two 7", "three 7"])

    def test_debug_writes_all(self) -> None:
        """The lowest level leaves nothing out."""
        self.assertEqual(len(self.written(Log(level="debug")).splitlines()), 3)

    def test_talk_of_the_framework_is_left_out(self) -> None:
        """Which factory starts is of interest when debugging, not else."""
        lines = {}
        for level in ("info", "debug"):
            stream = StringIO()
            publisher = LogPublisher(observer(Log(level=level), stream))
            for name, text in (
                ("twisted.web.client._HTTP11ClientFactory", "Starting factory"),
                ("log_legacy", "UdpChannel starting on 5060"),
                ("twisted.scripts._twistd_unix.UnixAppLogger", "Server Shut Down."),
                ("vos3000.service.Switch", "serving"),
            ):
                Logger(name, observer=publisher).info(text)
            Logger("twisted.internet.defer", observer=publisher).error("Unhandled")
            written = stream.getvalue().splitlines()
            lines[level] = [line.split("] ")[1] for line in written]
        self.assertEqual(lines["info"], ["Server Shut Down.", "serving", "Unhandled"])
        self.assertEqual(len(lines["debug"]), 5)

    def test_json_keeps_the_fields(self) -> None:
        """A record has each field of its event, by name."""
        [record] = self.written(Log(level="error", format="json")).split("\n")[:-1]
        event = json.loads(record.lstrip("\x1e"))
        self.assertEqual((event["call"], event["log_format"]), (7, "three {call}"))

    def test_each_choice_has_a_name_for_twistd(self) -> None:
        """A dotted name leads to a maker of an observer."""
        for name in ("text.debug", "text.critical", "json.info", "json.warn"):
            self.assertTrue(callable(namedAny(f"vos3000.logs.{name}")()))
