"""
Tests of the push PhoneOnline: from a REGISTER to the bytes of the letter.
"""

from __future__ import annotations

from itertools import count

from twisted.trial.unittest import SynchronousTestCase

from tests.phones import DESK, HALL, PhonePeer
from tests.switch import Switch
from vos3000.push.letter import Letter
from vos3000.push.phoneonline import PhoneOnlinePusher


class Letters:
    """An outbox that keeps what it is given."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def add(self, letter: Letter) -> None:
        """Keep it."""
        self.letters.append(letter)


class PhoneOnlineTests(SynchronousTestCase):
    """Two phones come, move and go."""

    def setUp(self) -> None:
        self.enabled = True
        self.outbox = Letters()
        self.switch = Switch()
        self.switch.phone("1001", dids="2001,2002")
        self.switch.phone("1002")
        pusher = PhoneOnlinePusher(
            self.outbox,  # type: ignore[arg-type]
            lambda: self.enabled,
            self.switch.now,
            count(1),
        )
        pusher.listen(self.switch.events)

    def taken(self) -> list[str]:
        """The bodies written since the last time."""
        letters, self.outbox.letters = self.outbox.letters, []
        return [letter.body.decode() for letter in letters]

    def body(self, online: str, time: int, remote: str) -> str:
        """The body of a letter about the phone 1001."""
        return (
            f'{{"e164":"1001","dids":["2001","2002"],"online":{online},'
            f'"eventTime":{time},"localIp":"192.0.2.1","localPort":5060,'
            f'"remoteIp":"{remote}","productId":"device/1"}}'
        )

    def test_comes_and_goes(self) -> None:
        """The interface's fields in its order; a renewal is no event."""
        phone = PhonePeer(self.switch)
        phone.register()
        start = 1_700_000_000_000
        self.assertEqual(self.taken(), [self.body("true", start, DESK[0])])
        self.switch.advance(10)
        phone.register()
        self.assertEqual(self.taken(), [])
        phone.device.register(["Expires: 0"])
        self.assertEqual(self.taken(), [self.body("false", start + 10_000, DESK[0])])

    def test_expires(self) -> None:
        """A phone that is not heard of again went."""
        PhonePeer(self.switch).register(["Expires: 60"])
        self.taken()
        self.switch.advance(61)
        (text,) = self.taken()
        self.assertIn('"online":false', text)

    def test_moves(self) -> None:
        """A phone that registers from elsewhere is told of anew."""
        PhonePeer(self.switch).register()
        self.taken()
        moved = PhonePeer(self.switch, "1001", HALL)
        moved.device.call_id = "elsewhere"
        moved.register()
        (text,) = self.taken()
        self.assertEqual(text, self.body("true", 1_700_000_000_000, HALL[0]))

    def test_in_order_for_each(self) -> None:
        """Letters about one phone share a key, and no other phone's."""
        one, two = PhonePeer(self.switch), PhonePeer(self.switch, "1002", HALL)
        one.register()
        two.register()
        one.device.register(["Expires: 0"])
        keys = [letter.key for letter in self.outbox.letters]
        self.assertEqual(keys, ["phone 1001", "phone 1002", "phone 1001"])
        self.assertEqual([letter.number for letter in self.outbox.letters], [1, 2, 3])
        self.assertEqual(
            {letter.page for letter in self.outbox.letters}, {"PhoneOnline"}
        )

    def test_switched_off(self) -> None:
        """EXTERNAL_WEB_SEND_PHONE_ONLINE, whenever it is changed."""
        self.enabled = False
        PhonePeer(self.switch).register()
        self.assertEqual(self.taken(), [])
        self.enabled = True
        PhonePeer(self.switch, "1002", HALL).register()
        self.assertEqual(len(self.taken()), 1)
