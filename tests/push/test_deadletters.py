"""
Tests of the dead-letter file and of its replay.
"""

from __future__ import annotations

import json
from pathlib import Path

from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.push.consumer import Consumer
from vos3000.errors import ParseError
from vos3000.metrics import Metrics
from vos3000.push.deadletters import DeadLetters
from vos3000.push.letter import Letter, parse_line
from vos3000.push.poster import Poster
from vos3000.push.replay import Replayed, files, replay


def letter(number: int, body: bytes = b'{"a":1}', time: int = 1000) -> Letter:
    return Letter("7", "Page", body, time, number, 3)


class LetterTests(SynchronousTestCase):
    """The line of one letter."""

    def test_line(self) -> None:
        """Everything an operator needs stands in the line."""
        self.assertEqual(
            letter(5).line("refused"),
            b'{"time": 1000, "number": 5, "key": "7", "page": "Page", "tries": 3,'
            b' "reason": "refused", "body": {"a":1}}\n',
        )

    def test_round_trip(self) -> None:
        """A line read is the letter written, but for its tries."""
        body = '{"x":"é\\n","n":-12}'.encode()
        found = parse_line(letter(5, body).line("r"))
        self.assertEqual((found.key, found.page, found.body), ("7", "Page", body))
        self.assertEqual((found.time, found.number, found.tries), (1000, 5, 0))

    def test_cut_line(self) -> None:
        """A line that was cut short is no letter."""
        line = letter(5).line("r")
        self.assertRaises(ParseError, parse_line, line[:-5])
        self.assertRaises(ParseError, parse_line, b"[]\n")


class DeadLettersTests(SynchronousTestCase):
    """The file and its bounds."""

    def setUp(self) -> None:
        self.metrics = Metrics()
        self.path = Path(self.mktemp())
        self.path.mkdir()
        self.path /= "dead.jsonl"

    def value(self, name: str) -> object:
        return {s.name: s.value for s in self.metrics.samples()}[name]

    def test_rotation(self) -> None:
        """A full file is put aside; beyond the last one letters are lost."""
        size = len(letter(1).line("r"))
        dead = DeadLetters(self.path, self.metrics, largest=2 * size, kept=1)
        for number in range(1, 6):
            dead.add(letter(number), "r")
        dead.close()
        names = sorted(path.name for path in self.path.parent.iterdir())
        self.assertEqual(names, ["dead.jsonl", "dead.jsonl.1"])
        aside = self.path.with_name("dead.jsonl.1").read_bytes()
        self.assertEqual(aside, letter(3).line("r") + letter(4).line("r"))
        self.assertEqual(self.path.read_bytes(), letter(5).line("r"))
        self.assertEqual(self.value("push_lost_total"), 2)
        self.assertEqual(self.value("push_dead_letters_total"), 5)

    def test_taken_away(self) -> None:
        """When the file is taken away the next letter begins a fresh one."""
        dead = DeadLetters(self.path, self.metrics)
        dead.add(letter(1), "r")
        self.path.rename(self.path.with_name("elsewhere"))
        dead.add(letter(2), "r")
        dead.close()
        self.assertEqual(self.path.read_bytes(), letter(2).line("r"))

    def test_disk_refuses(self) -> None:
        """A letter that cannot be written is counted and costs nothing else."""
        dead = DeadLetters(self.path.parent / "no" / "file", self.metrics)
        dead.add(letter(1), "r")
        dead.add(letter(2), "r")
        self.assertEqual(self.value("push_lost_total"), 2)


class ReplayTests(SynchronousTestCase):
    """Posting the file again."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.consumer = Consumer()
        self.poster = Poster(self.consumer, self.clock, "http://there/x?p=", ".jsp")
        directory = Path(self.mktemp())
        directory.mkdir()
        self.path = directory / "dead.jsonl"
        self.taken = directory / "dead.jsonl.replay"

    def write(self, *letters: Letter) -> None:
        self.path.write_bytes(b"".join(x.line("r") for x in letters))

    def test_all_delivered(self) -> None:
        """Letters go out as they were written first; no file is left."""
        self.write(letter(2, b'"b"'), letter(1, b'"a"'), letter(9, b'"0"', time=999))
        seen: list[int] = []
        result = self.successResultOf(replay(self.path, self.poster, seen.append))
        self.assertEqual(result, Replayed(3, 0, 0))
        self.assertEqual(
            [body for _, body in self.consumer.sent], [b'"0"', b'"a"', b'"b"']
        )
        self.assertEqual(self.consumer.sent[0][0], "http://there/x?p=Page.jsp")
        self.assertEqual(seen, [1, 2, 3])
        self.assertEqual(files(self.path), [])
        self.assertEqual(list(self.path.parent.iterdir()), [])

    def test_stops_at_a_failure(self) -> None:
        """What was not taken is kept, and a later replay goes on with it."""
        self.consumer.manual = True
        self.write(letter(1, b'"a"'), letter(2, b'"b"'), letter(3, b'"c"'))
        result = replay(self.path, self.poster)
        self.consumer.answer_next()
        self.consumer.error = ConnectionRefusedError("no")
        self.consumer.answer_next()
        found = self.successResultOf(result)
        self.assertEqual((found.delivered, found.left, found.unreadable), (1, 2, 0))
        self.assertIn("ConnectionRefusedError", found.problem)
        self.assertEqual(files(self.path), [self.path])
        self.write(letter(4, b'"d"'))
        self.consumer.error, self.consumer.manual = None, False
        self.consumer.sent.clear()
        found = self.successResultOf(replay(self.path, self.poster))
        self.assertEqual(found, Replayed(3, 0, 0))
        self.assertEqual(
            [body for _, body in self.consumer.sent], [b'"b"', b'"c"', b'"d"']
        )

    def test_bad_lines_stay(self) -> None:
        """A line that is no letter is counted and kept for the operator."""
        self.path.write_bytes(b'{"cut": \n' + letter(1).line("r"))
        result = self.successResultOf(replay(self.path, self.poster))
        self.assertEqual(result, Replayed(1, 0, 1))
        self.assertEqual(self.taken.read_bytes(), b'{"cut": \n')

    def test_late_letters_stay(self) -> None:
        """What the switch still wrote into the moved file is kept."""
        self.consumer.manual = True
        self.write(letter(1))
        result = replay(self.path, self.poster)
        with self.taken.open("ab") as file:
            file.write(letter(2).line("r"))
        self.consumer.answer_next()
        self.successResultOf(result)
        self.assertEqual(self.taken.read_bytes(), letter(2).line("r"))

    def test_cancelled(self) -> None:
        """A replay that is cancelled keeps what was not delivered."""
        self.consumer.manual = True
        self.write(letter(1, b'"a"'))
        result = replay(self.path, self.poster)
        result.cancel()
        self.failureResultOf(result)
        body = json.loads(self.taken.read_bytes())["body"]
        self.assertEqual(body, "a")

    def test_nothing_there(self) -> None:
        """Without a file nothing is to be done."""
        result = self.successResultOf(replay(self.path, self.poster))
        self.assertEqual(result, Replayed(0, 0, 0))
