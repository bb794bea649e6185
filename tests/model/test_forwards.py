"""Where a phone's calls go instead, as its services say it."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from vos3000.model.forwards import (
    ALWAYS,
    AT_TIMES,
    MOST_TARGETS,
    Forwards,
    Targets,
    forwards_of,
)

MONDAY, NOON = 1, 43_200
SWITCHES = ("unconditional", "busy", "noAnswer", "offline")


class ServicesTests(SynchronousTestCase):
    """InfoPhoneValueAdded."""

    def test_each(self) -> None:
        """Each service has a switch and a record of numbers."""
        made = [
            forwards_of(
                {f"{name}Forward": True, f"{name}ForwardE164": {"e164": " 1, 2,"}}
            )
            for name in SWITCHES
        ]
        two = Targets(("1", "2"))
        self.assertEqual(
            made,
            [
                Forwards(always=two),
                Forwards(busy=two),
                Forwards(no_answer=two),
                Forwards(offline=two),
            ],
        )

    def test_nothing(self) -> None:
        """Off, or without a number, or no record: as if it were not there."""
        wrong: list[Any] = [None, {}, {"e164": ""}, {"e164": " , "}, "1", []]
        for record in wrong:
            for name in SWITCHES:
                given = {f"{name}Forward": True, f"{name}ForwardE164": record}
                self.assertIsNone(forwards_of(given), record)
        off = {"busyForward": False, "busyForwardE164": {"e164": "1"}}
        self.assertIsNone(forwards_of({**off, "callForwardDisplay": 1}))

    def test_record(self) -> None:
        """Order, seconds of ringing, and no more numbers than may be."""
        for record, expected in (
            ({"forwardMethod": 2}, Targets(("1",), shuffled=True)),
            ({"forwardMethod": 3}, Targets(("1",))),
            ({"alertSecond": 15}, Targets(("1",), alert=15)),
            ({"alertSecond": -1}, Targets(("1",))),
        ):
            record = {"e164": "1", **record}
            made = forwards_of({"busyForward": True, "busyForwardE164": record})
            self.assertEqual(made, Forwards(busy=expected))
        many = {"e164": ",".join(map(str, range(100)))}
        made = forwards_of({"busyForward": True, "busyForwardE164": many})
        assert made is not None and made.busy is not None
        self.assertEqual(len(made.busy.numbers), MOST_TARGETS)

    def test_hours(self) -> None:
        """Every day, all day, unless the rule says; the first that holds counts."""
        morning = {"beginSecondInDay": 0, "endSecondInDay": NOON}
        rules = [
            {**morning, "weekOfDay": "1,2", "forwardE164": {"e164": "1"}},
            {"weekOfDay": "", "forwardE164": {"e164": "2"}},
        ]
        given = {
            "periodForwarding": True,
            "infoPhoneValueAddedPeriodForwardings": rules,
        }
        made = forwards_of(given)
        assert made is not None
        first, second = Targets(("1",)), Targets(("2",))
        self.assertEqual(made.now((MONDAY, NOON - 1)), (AT_TIMES, first))
        self.assertEqual(made.now((MONDAY, NOON)), (AT_TIMES, second))
        self.assertEqual(made.now((0, 0)), (AT_TIMES, second))
        always = {
            "unconditionalForward": True,
            "unconditionalForwardE164": {"e164": "3"},
        }
        made = forwards_of({**given, **always})
        assert made is not None
        self.assertEqual(made.now((MONDAY, 0)), (ALWAYS, Targets(("3",))))
        self.assertIsNone(forwards_of({**given, "periodForwarding": False}))
