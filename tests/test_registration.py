"""Registrations over a restart, and tables that change below them."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.devices import HOME, Device
from tests.switch import SWITCH, FakeChannel, Switch, mapping_gateway
from vos3000.model.bindings import Address, Binding, Key


class RestartTests(SynchronousTestCase):
    """What is left of bindings when the process is another."""

    def setUp(self) -> None:
        """A phone registered, and the process ended."""
        before = Switch()
        before.phone("1001")
        self.gone: list[Key] = []
        Device(before).register(["Expires: 600"])
        found = before.location.find("1001")
        assert found is not None
        self.stored = attrs.evolve(found, channel=None, named=None)
        self.switch = Switch()
        self.switch.phone("1001")
        self.switch.registration.keep = self._keep

    def _keep(self, key: Key, value: Binding | None) -> None:
        if value is None:
            self.gone.append(key)

    def _socket(self, local: Address) -> Any:
        return self.switch.channel if local == SWITCH else None

    def restored(self, **changes: Any) -> Binding | None:
        """The binding after a restart."""
        stored = attrs.evolve(self.stored, **changes)
        self.switch.registration.restore([stored], self._socket)
        return self.switch.location.find("1001")

    def test_udp(self) -> None:
        """It can be called at once, through the socket of its address."""
        found = self.restored()
        assert found is not None
        self.assertIs(found.channel, self.switch.channel)
        self.assertEqual((found.named, found.remote), (HOME, HOME))
        self.assertEqual(self.gone, [])

    def test_goes_on(self) -> None:
        """Its next REGISTER renews it, and its time ends as it would have."""
        self.restored()
        device = Device(self.switch)
        device.cseq = 10
        self.assertEqual(device.register(["Expires: 60"]).status, 200)
        self.switch.advance(61)
        self.assertIsNone(self.switch.location.find("1001"))

    def test_socket_that_is_gone(self) -> None:
        """Another configuration: who calls it looks for another socket."""
        found = self.restored(local=("192.0.2.99", 5060))
        assert found is not None
        self.assertIsNone(found.channel)

    def test_connections(self) -> None:
        """Only those that can be made again to the Contact."""
        for transport, changes, stays in (
            ("tcp", {"remote": (HOME[0], 40000)}, True),
            ("tls", {"remote": (HOME[0], 40000)}, True),
            ("tcp", {"contact": "sip:1001@10.0.0.1"}, False),
            ("tcp", {"contact": "sip:1001@host.example"}, False),
            ("tcp", {"flow": "<urn:uuid:1> 1"}, False),
            ("ws", {}, False),
            ("wss", {}, False),
        ):
            found = self.restored(transport=transport, **changes)
            self.assertEqual(found is not None, stays, (transport, changes))
            self.assertEqual(bool(self.gone), not stays)
            self.gone.clear()
            for each in self.switch.location.of("1001"):
                self.switch.location.remove(*each.key)
            self.gone.clear()

    def test_of_no_use(self) -> None:
        """A device that may not register any more, a Contact that is none."""
        for changes in (
            {"aor": "1002"},
            {"contact": "by hand"},
            {"expires": self.switch.now().wall - 1},
        ):
            self.assertIsNone(self.restored(**changes))
            self.assertEqual(len(self.gone), 1, changes)
            self.gone.clear()


class ChangeTests(SynchronousTestCase):
    """Tables that are read again."""

    def test_deleted(self) -> None:
        """A phone that is gone, or became static, is offline at once."""
        switch = Switch()
        switch.phone("1001")
        switch.phone("1002")
        for user in ("1001", "1002"):
            Device(switch, user).register()
        switch.registration.load_phones(
            [attrs.evolve(switch.phones[0], register_type=0)]
        )
        self.assertEqual(list(switch.location.bindings()), [])

    def test_new_password(self) -> None:
        """It counts for the next REGISTER; until then the phone stays."""
        switch = Switch()
        phone = switch.phone("1001")
        device = Device(switch)
        device.register()
        switch.registration.load_phones([attrs.evolve(phone, password="new")])
        self.assertIsNotNone(switch.location.find("1001"))
        self.assertEqual(device.register().status, 401)
        device.password = "new"
        self.assertEqual(device.register().status, 200)

    def test_connection_closes(self) -> None:
        """A phone behind NAT goes with its connection."""
        switch = Switch()
        switch.phone("1001")
        channel = FakeChannel("TCP", True)
        device = Device(switch, channel=channel)
        device.contact = "<sip:1001@10.0.0.1;transport=tcp>"
        device.register()
        switch.location.lost(channel, HOME)
        self.assertIsNone(switch.location.find("1001"))

    def test_name_of_two_devices(self) -> None:
        """The operator is told which password counts, once."""
        switch = Switch()
        gateway = mapping_gateway(name="1001", password="x", register_type=1)
        told: list[str] = []

        def hear(event: dict[str, Any]) -> None:
            told.append(str(event.get("problem", "")))

        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)
        switch.registration.load_mapping([gateway])
        switch.phone("1001")
        switch.registration.load_phones(switch.phones)
        (line,) = told
        self.assertIn("1001: the name belongs to two devices", line)
