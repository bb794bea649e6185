"""Tests of L{vos3000.db.numbergroups}."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.db.customers import CustomerStore
from vos3000.db.gateways import MAPPING, ROUTING, GatewayStore
from vos3000.db.numbergroups import CHUNK, Named, NumberGroupStore
from vos3000.db.phones import PhoneStore
from vos3000.errors import AlreadyExists, NotFound, Referenced


class NumberGroupTests(SynchronousTestCase):
    """Groups and their numbers."""

    def setUp(self) -> None:
        self.pool = rows.memory_pool(rows.empty_database())
        self.store = NumberGroupStore(self.pool)

    def test_groups(self) -> None:
        """Made, noted, removed; in the order of making."""
        for name in ("b", "a"):
            self.successResultOf(self.store.create(name, f"of {name}"))
        self.successResultOf(self.store.note("a", "changed"))
        self.assertEqual(
            self.successResultOf(self.store.groups()),
            [Named("b", "of b"), Named("a", "changed")],
        )
        self.successResultOf(self.store.delete("b"))
        self.assertEqual(self.successResultOf(self.store.all()), {"a": ()})

    def test_numbers(self) -> None:
        """Put in, noted anew, taken out; in order."""
        self.successResultOf(self.store.create("a"))
        self.successResultOf(self.store.create("b"))
        given = [Named("2"), Named("1", "old"), Named("3"), Named("2", "twice")]
        self.successResultOf(self.store.add("a", given))
        self.successResultOf(self.store.add("a", [Named("1", "new")]))
        self.successResultOf(self.store.add("b", [Named("1")]))
        self.successResultOf(self.store.remove("a", ["3", "4"]))
        self.assertEqual(
            self.successResultOf(self.store.numbers("a")),
            [Named("1", "new"), Named("2", "twice")],
        )
        only = self.successResultOf(self.store.numbers("a", ("2", "9")))
        self.assertEqual(only, [Named("2", "twice")])
        self.assertEqual(
            self.successResultOf(self.store.all()), {"a": ("1", "2"), "b": ("1",)}
        )
        self.successResultOf(self.store.delete("a"))
        self.assertEqual(self.successResultOf(self.store.all()), {"b": ("1",)})

    def test_many(self) -> None:
        """More than one statement takes."""
        many = [str(number) for number in range(2 * CHUNK + 1)]
        self.successResultOf(self.store.create("a"))
        self.successResultOf(self.store.add("a", map(Named, many)))
        self.successResultOf(self.store.remove("a", many[:-1]))
        self.assertEqual(self.successResultOf(self.store.all()), {"a": (many[-1],)})

    def test_unknown_group(self) -> None:
        """Nothing can be done with it."""
        for done in (
            self.store.note("x", ""),
            self.store.delete("x"),
            self.store.numbers("x"),
            self.store.add("x", [Named("1")]),
            self.store.remove("x", ["1"]),
        ):
            self.failureResultOf(done, NotFound)

    def test_name_taken(self) -> None:
        """A name is a group's key."""
        self.successResultOf(self.store.create("a"))
        self.failureResultOf(self.store.create("a"), AlreadyExists)

    def test_in_use(self) -> None:
        """A group that a gateway names stays until it names it no more."""
        self.successResultOf(self.store.create("a"))
        for kind in (MAPPING, ROUTING):
            gateways = GatewayStore(self.pool, kind)
            field = "forwardSignalRewriteE164Group"
            self.successResultOf(gateways.create({"name": "gw", field: "a"}))
            error = self.failureResultOf(self.store.delete("a"), Referenced).value
            self.assertEqual(len(error.users), 1)
            self.assertIn("gateway gw", error.users[0])
            self.successResultOf(gateways.delete("gw"))
            for field in ("callerLimitE164Groups", "calleeLimitE164Groups"):
                self.successResultOf(gateways.create({"name": "gw", field: "b, a"}))
                error = self.failureResultOf(self.store.delete("a"), Referenced).value
                self.assertEqual(len(error.users), 1)
                self.successResultOf(gateways.delete("gw"))
        phones = PhoneStore(self.pool, CustomerStore(self.pool))
        listed = {"e164": "1001", "callerLimitE164Groups": "aa,b,a"}
        self.successResultOf(phones.create(listed))
        error = self.failureResultOf(self.store.delete("a"), Referenced).value
        self.assertEqual(error.users, ("phone 1001",))
        self.successResultOf(phones.modify("1001", {"callerLimitE164Groups": "aa,b"}))
        self.successResultOf(self.store.delete("a"))
