"""Bindings over a restart: written behind, in batches, and read back."""

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests import rows
from tests.routing.test_location import binding
from vos3000.db import registrations
from vos3000.db.registrations import GATHER, RETRY, RegistrationStore
from vos3000.db.secrets import Sealer
from vos3000.errors import StorageError
from vos3000.metrics import Metrics
from vos3000.model.bindings import Binding


class StoreTests(SynchronousTestCase):
    """The store on a database in memory."""

    def setUp(self) -> None:
        """Nothing is stored."""
        self.connection = rows.empty_database()
        self.metrics = Metrics()
        self.pool = rows.memory_pool(self.connection, self.metrics)
        self.clock = Clock()
        self.store = RegistrationStore(self.pool, self.clock, Metrics())

    def loaded(self) -> list[Binding]:
        """What a restart would find."""
        return self.successResultOf(
            RegistrationStore(self.pool, self.clock, Metrics()).load()
        )

    def keep(self, *bindings: Binding) -> None:
        """These are new or renewed."""
        for each in bindings:
            self.store.note(each.key, each)

    def break_table(self) -> None:
        """The database refuses from now on."""
        self.connection.execute("ALTER TABLE e_registration RENAME TO gone")

    def mend_table(self) -> None:
        """It takes them again."""
        self.connection.execute("ALTER TABLE gone RENAME TO e_registration")

    def test_every_attribute(self) -> None:
        """All but where it can be reached now, which is found out anew."""
        kept = binding(
            flow="<urn:uuid:1> 1",
            path=("<sip:p1;lr>", "<sip:p2;lr;ob>"),
            cseq=2**32 - 1,
            named=None,
            channel=object(),
            mark="0123456789abcdef",
        )
        plain = binding("1002")
        self.keep(kept, plain)
        self.clock.advance(GATHER)
        first, second = self.loaded()
        self.assertEqual(first, kept)
        self.assertIsNone(first.channel)
        self.assertEqual(second, attrs.evolve(plain, named=None))

    def test_mark_is_sealed(self) -> None:
        """Who reads the database has nothing to compare guesses with."""
        self.pool.dialect.secrets = Sealer(bytes(32))
        kept = binding(named=None, mark="0123456789abcdef")
        self.keep(kept)
        self.clock.advance(GATHER)
        (row,) = self.connection.execute("SELECT * FROM e_registration")
        self.assertNotIn("0123456789abcdef", repr(tuple(row)))
        self.assertEqual(self.loaded(), [kept])
        self.assertNotIn("0123456789abcdef", repr(kept))
        self.pool.dialect.secrets = Sealer(bytes(31) + b"1")
        (found,) = self.loaded()
        self.assertEqual(found.mark, "")
        self.flushLoggedErrors()

    def test_gathered(self) -> None:
        """Each change is written as it is by then, once."""
        self.keep(binding(), binding(cseq=2))
        self.store.note(("1002", ""), binding("1002"))
        self.store.note(("1002", ""), None)
        self.clock.advance(GATHER - 0.1)
        self.assertEqual(self.loaded(), [])
        self.clock.advance(0.1)
        self.assertEqual([each.cseq for each in self.loaded()], [2])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gone(self) -> None:
        """A binding that ended is not found again."""
        self.keep(binding())
        self.clock.advance(GATHER)
        self.store.note(("1001", ""), None)
        self.clock.advance(GATHER)
        self.assertEqual(self.loaded(), [])

    def test_batches(self) -> None:
        """Many are written in several transactions, one after the other."""
        self.keep(*(binding(str(n)) for n in range(registrations.LIMIT + 1)))
        self.clock.advance(GATHER)
        self.assertEqual(len(self.loaded()), registrations.LIMIT + 1)
        (done,) = [
            s for s in self.metrics.samples() if s.name == "db_interaction_total"
        ]
        assert isinstance(done.value, dict)
        self.assertEqual(done.value["registration_write"], 2)

    def test_database_down(self) -> None:
        """Nothing is lost, nobody waits; what changed meanwhile counts."""
        self.break_table()
        self.keep(binding(), binding("1002"))
        self.clock.advance(GATHER)
        self.keep(binding(cseq=7))
        self.clock.advance(RETRY)
        self.mend_table()
        self.clock.advance(RETRY)
        found = {each.aor: each.cseq for each in self.loaded()}
        self.assertEqual(found, {"1002": 1, "1001": 7})

    def test_close(self) -> None:
        """What waits is written at once."""
        self.keep(*(binding(str(n)) for n in range(registrations.LIMIT + 1)))
        closing = Deferred.fromCoroutine(self.store.close(1.0))
        self.successResultOf(closing)
        self.assertEqual(len(self.loaded()), registrations.LIMIT + 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.keep(binding())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_close_without_a_database(self) -> None:
        """It says so and does not wait for it."""
        self.break_table()
        self.keep(binding())
        closing = Deferred.fromCoroutine(self.store.close(1.0))
        self.failureResultOf(closing, StorageError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_text_from_the_network(self) -> None:
        """What is no text is stored as what it can be."""
        self.keep(binding(product="\udcff", contact="sip:\udcc3@h"))
        self.clock.advance(GATHER)
        (found,) = self.loaded()
        self.assertEqual((found.product, found.contact), ("�", "sip:�@h"))

    def test_nothing_missing(self) -> None:
        """The store knows every column of the table."""
        found = rows.columns(self.connection, "e_registration")
        self.assertEqual(found, registrations._COLUMNS)
