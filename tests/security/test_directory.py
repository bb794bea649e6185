"""Who can authenticate, and as what."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.model.phones import Phone
from vos3000.security.directory import Directory
from vos3000.sip.digest import secret


def phone(e164: str, password: str = "secret", **settings: Any) -> Phone:
    """A phone with a password."""
    origin, route = MappingGateway(0, e164), RoutingGateway(0, e164)
    return Phone(0, e164, origin, route, password=password, **settings)


class DirectoryTests(SynchronousTestCase):
    """Phones and gateways by name."""

    def setUp(self) -> None:
        """Nobody is known."""
        self.hashes = 0
        self.directory = Directory("r", self._hashed, ("SHA-256", "MD5"))

    def _hashed(self, algorithm: str, user: str, realm: str, password: str) -> str:
        self.hashes += 1
        return secret(algorithm, user, realm, password)

    def test_phone(self) -> None:
        """Its secrets, its numbers, and that it may register."""
        self.directory.load_phones([phone("1001", dids=("4930",))])
        found = self.directory.find("1001")
        assert found is not None
        self.assertTrue(found.registers and found.phone)
        self.assertFalse(found.mapping or found.routing)
        for algorithm in ("SHA-256", "MD5"):
            self.assertEqual(
                self.directory.secret("1001", algorithm),
                secret(algorithm, "1001", "r", "secret"),
            )
        self.assertIsNone(self.directory.secret("1001", "SHA-512-256"))
        self.assertEqual(self.directory.dids("1001"), ("4930",))

    def test_nobody(self) -> None:
        """Unknown users, and those whose password everybody would know."""
        self.directory.load_phones([phone("1001", "")])
        for user in ("1001", "1002", ""):
            self.assertIsNone(self.directory.find(user))
            self.assertIsNone(self.directory.secret(user, "MD5"))
            self.assertIsNone(self.directory.dids(user))

    def test_static_devices_do_not_register(self) -> None:
        """They may authenticate calls."""
        self.directory.load_phones([phone("1001", register_type=0)])
        self.directory.load_mapping([MappingGateway(1, "in", password="x")])
        self.directory.load_routing(
            [
                RoutingGateway(2, "static", password="x"),
                RoutingGateway(3, "there", password="x", register_type=2),
            ]
        )
        for user in ("1001", "in"):
            found = self.directory.find(user)
            assert found is not None
            self.assertFalse(found.registers)
        self.assertIsNone(self.directory.find("static"))
        self.assertIsNone(self.directory.find("there"))

    def test_one_device_of_two_gateways(self) -> None:
        """One name and one password: it registers once, as both."""
        self.directory.load_mapping(
            [MappingGateway(1, "gw", password="x", register_type=1)]
        )
        self.directory.load_routing(
            [RoutingGateway(2, "gw", password="x", register_type=1)]
        )
        found = self.directory.find("gw")
        assert found is not None
        self.assertTrue(found.mapping and found.routing and found.registers)
        self.assertIsNone(self.directory.dids("gw"))
        self.assertEqual(self.directory.problems, ())

    def test_two_devices_of_one_name(self) -> None:
        """The phone has the name, then the mapping gateway; it is told."""
        gateway = MappingGateway(1, "1001", password="other", register_type=1)
        self.directory.load_mapping([gateway])
        self.directory.load_phones([phone("1001")])
        found = self.directory.find("1001")
        assert found is not None
        self.assertTrue(found.phone and not found.mapping)
        (problem,) = self.directory.problems
        self.assertIn("1001", problem)
        self.directory.load_phones([])
        self.assertEqual(self.directory.problems, ())
        found = self.directory.find("1001")
        assert found is not None
        self.assertTrue(found.mapping)

    def test_one_phone(self) -> None:
        """It comes, changes and goes as if all were loaded again."""
        gateway = MappingGateway(1, "1002", password="other", register_type=1)
        self.directory.load_mapping([gateway])
        self.directory.load_phones([phone("1001")])
        before = self.hashes
        self.directory.put_phone("1002", phone("1002", dids=("9",)))
        self.assertEqual(self.directory.dids("1002"), ("9",))
        self.assertEqual(self.hashes - before, 2)
        found = self.directory.find("1002")
        assert found is not None
        self.assertFalse(found.mapping)
        self.directory.put_phone("1002", phone("1002", "other"))
        found = self.directory.find("1002")
        assert found is not None
        self.assertTrue(found.phone and found.mapping)
        self.directory.put_phone("1002", None)
        found = self.directory.find("1002")
        assert found is not None
        self.assertTrue(found.mapping and not found.phone)
        self.directory.put_phone("1001", phone("1001", ""))
        self.assertIsNone(self.directory.find("1001"))
        self.assertIsNotNone(self.directory.find("1002"))

    def test_a_new_password_counts_at_once(self) -> None:
        """After each load; what did not change is not computed again."""
        self.directory.load_phones([phone("1001"), phone("1002")])
        before = self.hashes
        self.directory.load_phones([phone("1001"), phone("1002", "new")])
        self.assertEqual(self.hashes - before, 2)
        self.assertEqual(
            self.directory.secret("1002", "MD5"), secret("MD5", "1002", "r", "new")
        )

    def test_nothing_leaks(self) -> None:
        """No password is kept, and no secret is shown."""
        self.directory.load_phones([phone("1001", "Pa55")])
        found = self.directory.find("1001")
        self.assertNotIn(secret("MD5", "1001", "r", "Pa55"), repr(found))
        self.assertNotIn("Pa55", repr(found))
