"""
Starts from a journal that was damaged: whatever its bytes say, the switch starts,
says what is wrong, and neither charges a call twice nor a balance without a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.failure import Failure

from tests.test_journaled import JournaledCase, Machine, Run
from vos3000.errors import StorageError
from vos3000.journal import naming
from vos3000.journal.entries import Kind
from vos3000.journal.frames import Scan, pack

STEP = 61
"""Every so manieth byte is where the journal ends; 1 takes minutes."""

OVERWRITES = 60
"""Journals that chance writes into."""

Damaging = Callable[[bytearray], None]


class DamagedTests(JournaledCase):
    """One journal with calls that ended, are up and ring; damaged anew each time."""

    def setUp(self) -> None:
        """Two records of four are written; a call is up, and one rings."""
        super().setUp()
        run = self.run_()
        callers = [run.call(number) for number in range(5)]
        run.switch.advance(2)
        for caller in callers[:2]:
            run.hang_up(caller)
            run.switch.advance(1)
        self.backup = self.machine.copy()
        for caller in callers[2:4]:
            run.hang_up(caller)
            run.switch.advance(1)
        run.call(5, answered=False)
        run.switch.advance(1)
        run.die()
        disk = self.machine.disk
        self.files = {name: disk.read(name) for name in disk.names()}
        self.first = min(name for name in self.files if name.endswith(".journal"))
        self.machine.put_back(self.backup)
        self.size = len(self.files[self.first].rstrip(b"\0"))

    def start(self, damage: Damaging) -> list[dict[str, Any]]:
        """
        Start twice on a damaged copy, and hold the books to account.

        @return: What was logged as a warning or worse.
        """
        machine = self.machine = Machine()
        machine.put_back(self.backup)
        machine.first = 5_000
        for name, data in self.files.items():
            content = bytearray(data)
            if name == self.first:
                damage(content)
            machine.disk.create(name, len(content))
            machine.disk.files[name].kept = content
        said: list[dict[str, Any]] = []

        def hear(event: dict[str, Any]) -> None:
            if event["log_level"] >= LogLevel.warn:
                said.append(event)

        globalLogPublisher.addObserver(hear)
        try:
            for _ in range(2):
                run = Run(machine)
                if isinstance(getattr(run.result, "result", None), Failure):
                    self.failureResultOf(run.result).raiseException()
                self.successResultOf(run.result)
                run.switch.advance(2)
                run.die()
                self.check()
        finally:
            globalLogPublisher.removeObserver(hear)
        aside = self.flushLoggedErrors(StorageError, ArithmeticError)
        self.assertEqual(aside[1:], [])
        return said

    def lost(self) -> int:
        """How many of the five answered calls have no record."""
        found = {call for (call,) in self.records("callercallid")}
        return sum(f"call-0-{number}" not in found for number in range(5))

    def test_whole(self) -> None:
        """Undamaged, every call is there."""
        self.start(lambda content: None)
        self.assertEqual(self.lost(), 0)
        self.assertEqual(len(self.records("flowno")), 6)

    def test_cut(self) -> None:
        """Wherever it ends, what stands before that is kept."""
        before = 5
        for end in [*range(0, self.size, STEP), self.size]:
            self.start(lambda content, end=end: content.__delitem__(slice(end, None)))
            self.assertLessEqual(self.lost(), before, end)
            before = self.lost()
        self.assertEqual(before, 0)

    def test_overwritten(self) -> None:
        """Chance writes over some of it: each is told of, however it turns out."""
        for seed in range(OVERWRITES):
            random = Random(seed)

            def overwrite(content: bytearray, random: Random = random) -> None:
                for _ in range(random.choice((1, 1, 3))):
                    length = random.choice((1, 2, 8, 21, 300, 2_000))
                    place = random.randrange(self.size)
                    some = random.choice((random.randbytes(length), b"\0" * length))
                    content[place : place + length] = some

            said = self.start(overwrite)
            with self.subTest(seed=seed):
                if self.lost():
                    self.assertNotEqual(said, [])

    def test_copied(self) -> None:
        """Parts of it that stand there twice count once."""
        for seed in range(OVERWRITES // 3):
            random = Random(seed)

            def copy(content: bytearray, random: Random = random) -> None:
                begin = random.randrange(self.size)
                length = random.randrange(2_000)
                some = content[begin : begin + length]
                place = random.choice((self.size, random.randrange(self.size)))
                content[place : place + length] = some[: len(content) - place]

            self.start(copy)

    def test_nameless(self) -> None:
        """
        The name of the journal is lost with its first bytes: it stands in a file
        as well, and without that nothing is charged on suspicion.
        """
        self.start(lambda content: content.__setitem__(slice(0, 40), b"\0" * 40))
        self.assertEqual(self.lost(), 0)
        name = self.files.pop(naming.FILE)
        self.assertRegex(name, rb"^0-1\n$")
        with self.assertRaises(StorageError) as caught:
            self.start(lambda content: content.__setitem__(0, content[0] ^ 1))
        self.assertIn("its name is lost", str(caught.exception))

    def test_texts(self) -> None:
        """
        Whole frames whose texts nobody understands, as another release or a
        bug may have left them: each costs its own call, and the rest is kept.
        """
        for kind, text in self.texts():
            with self.subTest(kind=kind, text=text):
                said = self.start(lambda c, k=kind, t=text: _retold(c, k, t))
                self.assertLessEqual(self.lost(), 1)
                self.assertTrue(any(e["log_level"] > LogLevel.warn for e in said))

    def texts(self) -> Iterator[tuple[Kind, bytes]]:
        """Kinds of entries, and what the last of each says."""
        for text in (b"{}", b"[", b"[4]", b"[4,[],[]]", b'["x"]', b"\xff\xfe", b"null"):
            yield Kind.END, text
        yield Kind.END, b"[" * 100_000
        yield Kind.END, b'[4,null,[["acme","0.12345678901"]]]'
        for text in (b"[5]", b"[]", b"[5,1,[],[]]", b'[5,"x",null,null]'):
            yield Kind.ANSWER, text


def _retold(content: bytearray, kind: Kind, text: bytes) -> None:
    """Let the last entry of a kind say something else, all the rest be whole."""
    frames = list(Scan(bytes(content)))
    last = max(at for at, frame in enumerate(frames) if frame.kind == kind)
    made = bytearray()
    for at, frame in enumerate(frames):
        said = text if at == last else frame.text
        made += pack(frame.sequence, frame.mono, frame.kind, said)
    content[:] = made.ljust(len(content), b"\0")
