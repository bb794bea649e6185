"""Registrations over a restart, and tables that change below them."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.devices import HOME, Device
from tests.switch import SWITCH, FakeChannel, Switch, mapping_gateway
from vos3000.events import PhoneOnlineChanged
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

    def told(self) -> list[PhoneOnlineChanged]:
        """What is published of phones from now on."""
        told: list[PhoneOnlineChanged] = []
        self.switch.events.subscribe(PhoneOnlineChanged, told.append)
        return told

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

    def test_changed_meanwhile(self) -> None:
        """
        Another password, a lock in both directions, an address of its own: the
        phone is offline, and whoever took it for online is told.
        """
        told = self.told()
        for changes in (
            {"password": "changed"},
            {"lockType": 3},
            {"registerType": 0, "ip": HOME[0]},
        ):
            self.switch.phone("1001", dids="4930", **changes)
            self.assertIsNone(self.restored())
            self.assertEqual(self.gone, [("1001", "")], changes)
            (event,) = told
            self.assertEqual((event.e164, event.online), ("1001", False))
            self.assertEqual((event.dids, event.remote_ip), (("4930",), HOME[0]))
            self.gone.clear()
            told.clear()

    def test_connection_died(self) -> None:
        """A phone that cannot be reached any more is told as gone, too."""
        told = self.told()
        self.assertIsNone(self.restored(transport="ws"))
        self.assertEqual([event.online for event in told], [False])


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

    def test_deleted_is_told(self) -> None:
        """The push names a phone that is gone by all its numbers, once."""
        told: list[PhoneOnlineChanged] = []
        for whole in (False, True):
            switch = Switch()
            switch.phone("1001", dids="4930")
            Device(switch).register()
            switch.events.subscribe(PhoneOnlineChanged, told.append)
            if whole:
                switch.registration.load_phones([])
            else:
                switch.registration.put_phone("1001", None)
            (event,) = told
            self.assertEqual((event.e164, event.online), ("1001", False))
            self.assertEqual((event.dids, event.remote_ip), (("4930",), HOME[0]))
            told.clear()

    def test_locked(self) -> None:
        """Offline while it is locked in both directions, and only then."""
        switch = Switch()
        device = Device(switch)
        for lock, status in ((0, 200), (1, 200), (3, 403), (2, 200)):
            phone = switch.phone("1001", lockType=lock)
            self.assertEqual(device.register().status, status)
            switch.registration.load_phones([phone])
            self.assertEqual(switch.online("1001"), status == 200)
        switch.phone("1001", lockType=3)
        self.assertFalse(switch.online("1001"))

    def test_new_password(self) -> None:
        """The old one's registration is over, however the table is read."""
        switch = Switch()
        phone = switch.phone("1001")
        device = Device(switch)
        device.register()
        for password in ("new", "newer"):
            phone = attrs.evolve(phone, password=password)
            if password == "new":
                switch.registration.load_phones([phone])
            else:
                switch.registration.put_phone("1001", phone)
            self.assertFalse(switch.online("1001"))
            self.assertEqual(device.register().status, 401)
            device.password = password
            self.assertEqual(device.register().status, 200)
            switch.registration.load_phones([phone])
            switch.registration.put_phone("1001", phone)
            self.assertTrue(switch.online("1001"))

    def test_password_that_is_the_number(self) -> None:
        """It is taken as VOS3000 takes it, told once, and counted."""
        switch = Switch()
        told: list[str] = []

        def hear(event: dict[str, Any]) -> None:
            if "e164" in event:
                told.append(str(event["log_format"]).format(**event))

        globalLogPublisher.addObserver(hear)
        self.addCleanup(globalLogPublisher.removeObserver, hear)
        switch.phone("1000")
        for number in ("1001", "1002"):
            switch.phone(number, password=number)
        device = Device(switch, password="1001")
        self.assertEqual(device.register().status, 200)
        switch.registration.load_phones(switch.phones)
        (line,) = told
        self.assertIn("their number for a password: 1, such as '1001'", line)
        samples = {each.name: each.value for each in switch.metrics.samples()}
        self.assertEqual(samples["security_weak_passwords"], 2)
        switch.phone("1002")
        switch.registration.put_phone("1001", None)
        samples = {each.name: each.value for each in switch.metrics.samples()}
        self.assertEqual(samples["security_weak_passwords"], 0)

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

    def test_switch_closes_connections(self) -> None:
        """At its end they are kept, so that the next start tells who is gone."""
        switch = Switch()
        switch.phone("1001")
        channel = FakeChannel("TCP", True)
        channel.peer = HOME  # type: ignore[attr-defined]
        device = Device(switch, channel=channel)
        device.contact = "<sip:1001@10.0.0.1;transport=tcp>"
        device.register()
        kept: list[Binding | None] = []
        switch.registration.keep = lambda key, binding: kept.append(binding)
        switch.registration.stop()
        switch.registration.closed(channel)  # type: ignore[arg-type]
        self.assertEqual(kept, [])

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


class ParameterTests(SynchronousTestCase):
    """System parameters, as they are written, in what goes over the wire."""

    def test_keep_alive(self) -> None:
        """SS_SIP_NAT_KEEP_ALIVE_...: bytes, period and pauses in ms."""
        switch = Switch(
            parameters={
                "SS_SIP_NAT_KEEP_ALIVE_MESSAGE": "ping\\r\\n",
                "SS_SIP_NAT_KEEP_ALIVE_PERIOD": "20",
                "SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL": "500",
                "SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME": "2",
            }
        )
        for place in range(5):
            switch.phone(f"100{place}")
            device = Device(switch, f"100{place}", address=(HOME[0], 6000 + place))
            device.contact = "<sip:a@10.0.0.1>"
            device.register()
        switch.registration.keep_alive.start()
        switch.taken()
        counts = []
        for seconds in (19.9, 0.4, 0.5, 0.5, 10):
            switch.advance(seconds)
            sent, switch.channel.sent = switch.channel.sent, []
            counts.append(len(sent))
            self.assertLessEqual({data for data, _ in sent}, {b"ping\r\n"})
        self.assertEqual(counts, [0, 2, 2, 1, 0])

    def test_answer_in_time(self) -> None:
        """SS_SIP_AUTHENTICATION_TIMEOUT, in seconds."""
        for waited, status in ((2, 200), (4, 401)):
            switch = Switch(parameters={"SS_SIP_AUTHENTICATION_TIMEOUT": "3"})
            switch.phone("1001")
            device = Device(switch)
            device.learn(device.ask())
            switch.advance(waited)
            self.assertEqual(device.authenticated().status, status)
