"""Path: proxies between a device and us (RFC 3327)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.devices import Device
from tests.switch import Switch

FIRST = "<sip:p2.example;lr>"
SECOND = '"x, y" <sip:p1.example;lr>;z'


class PathTests(SynchronousTestCase):
    """The routes are kept with the binding and told back."""

    def setUp(self) -> None:
        """A phone behind two proxies."""
        self.switch = Switch()
        self.switch.phone("1001")
        self.device = Device(self.switch)

    def test_kept_in_order(self) -> None:
        """On one line or on several."""
        for lines in (
            [f"Path: {FIRST}, {SECOND}"],
            [f"Path: {FIRST}", f"path : {SECOND}"],
        ):
            response = self.device.register(["Supported: path", *lines])
            self.assertEqual(response.status, 200)
            self.assertEqual(response.all("path"), [FIRST, SECOND])
            self.assertIn("path", response.all("supported"))
            (found,) = self.switch.location.of("1001")
            self.assertEqual(found.path, (FIRST, SECOND))
            self.assertFalse(found.behind_nat)

    def test_gone_with_the_proxies(self) -> None:
        """The next REGISTER counts."""
        self.device.register([f"Path: {FIRST}"])
        self.device.register()
        (found,) = self.switch.location.of("1001")
        self.assertEqual(found.path, ())

    def test_refused(self) -> None:
        """Malformed, or longer than we keep; nothing changes."""
        self.device.register()
        for path in ("<sip:", f"<sip:{'x' * 2000};lr>", ", ".join([FIRST] * 9)):
            self.assertEqual(self.device.register([f"Path: {path}"]).status, 400)
            (found,) = self.switch.location.of("1001")
            self.assertEqual(found.path, ())
