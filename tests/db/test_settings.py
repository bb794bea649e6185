"""Tests of system parameters and of the access list."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from vos3000.db.settings import AccessRule, AccessStore, ParameterStore
from vos3000.errors import NotFound


class ParameterStoreTests(SynchronousTestCase):
    """e_moconfig."""

    def test_set_and_read(self) -> None:
        """The last value counts; other objects' parameters are not ours."""
        connection = rows.empty_database()
        store = ParameterStore(rows.memory_pool(connection))
        connection.execute(
            "INSERT INTO e_moconfig (name, value, moid, motype) VALUES ('A', 'x', 7, 1)"
        )
        for value in ("1", "2"):
            self.successResultOf(store.set("A", value))
        self.successResultOf(store.set("B", ""))
        self.assertEqual(self.successResultOf(store.all()), {"A": "2", "B": ""})


class AccessStoreTests(SynchronousTestCase):
    """e_web_access_control."""

    def test_rules(self) -> None:
        """A path has one rule; it can be replaced and removed."""
        store = AccessStore(rows.memory_pool())
        self.successResultOf(store.allow("/external/server", ("127.0.0.1", "::1")))
        self.successResultOf(store.allow("/external/server/Pay", ("10.0.0.0/8",)))
        self.successResultOf(store.allow("/external/server", ("::1",)))
        self.assertEqual(
            self.successResultOf(store.rules()),
            [
                AccessRule("/external/server", ("::1",)),
                AccessRule("/external/server/Pay", ("10.0.0.0/8",)),
            ],
        )
        self.successResultOf(store.remove("/external/server"))
        self.assertEqual(len(self.successResultOf(store.rules())), 1)
        self.failureResultOf(store.remove("/external/server"), NotFound)
