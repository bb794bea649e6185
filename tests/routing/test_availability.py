"""Which gateways can be called, and what is told of it."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.events import Events, GatewayOnlineChanged
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.routing.availability import LONGEST_PAUSE, Availability, Obstacle
from vos3000.routing.capacity import Capacity


class AvailabilityCase(SynchronousTestCase):
    """What the tests have in common."""

    def setUp(self) -> None:
        """A static gateway and one that we register with."""
        self.clock = Clock()
        self.clock.advance(1000)
        self.lines = Capacity()
        self.events = Events()
        self.metrics = Metrics()
        self.told: list[GatewayOnlineChanged] = []
        self.events.subscribe(GatewayOnlineChanged, self.told.append)
        self.known = Availability(
            "routing",
            instants(self.clock.seconds, self.clock.seconds),
            self.lines.used,
            self.events,
            self.metrics,
        )
        self.known.load(["static", "peer"], ["peer"])

    def values(self, name: str) -> object:
        """A metric as it stands."""
        return {each.name: each.value for each in self.metrics.samples()}[name]


class ObstacleTests(AvailabilityCase):
    """Why a gateway is not called."""

    def test_nothing_known(self) -> None:
        """It is called."""
        for name in ("static", "unheard of"):
            self.assertEqual(self.known.obstacle(name), "")
            self.assertTrue(self.known.status(name).online)

    def test_pause(self) -> None:
        """A pause ends by itself, and is shown in ms and by its rest."""
        self.known.pause("static", 12)
        self.clock.advance(0.5)
        why = "disabled for 12 s by Retry-After"
        self.assertEqual(self.known.obstacle("static"), why)
        status = self.known.status("static")
        self.assertEqual((status.online, status.why, status.pause), (True, why, 11500))
        self.assertEqual(
            self.values("routing_gateway_obstacle"), {"peer": 1, "static": 3}
        )
        self.assertEqual(self.values("routing_gateway_pause_seconds"), {"static": 12})
        self.clock.advance(11)
        self.assertEqual(
            self.known.obstacle("static"), "disabled for 1 s by Retry-After"
        )
        self.clock.advance(0.5)
        self.assertEqual(self.known.obstacle("static"), "")
        self.assertEqual(self.known.status("static").pause, 0)
        self.assertEqual(self.values("routing_gateway_obstacle"), {"peer": 1})
        self.assertEqual(self.values("routing_gateway_pause_seconds"), {})
        self.assertEqual(self.told, [])

    def test_pause_is_bounded(self) -> None:
        """A mistake of days counts as an hour, one of 0 not at all."""
        self.known.pause("static", 86_400)
        self.clock.advance(LONGEST_PAUSE - 1)
        self.assertNotEqual(self.known.obstacle("static"), "")
        self.clock.advance(1)
        self.assertEqual(self.known.obstacle("static"), "")
        self.known.pause("static", 0)
        self.assertEqual(self.known.obstacle("static"), "")

    def test_registration(self) -> None:
        """A gateway that we register with is called only meanwhile."""
        self.assertEqual(self.known.obstacle("peer"), "not registered")
        self.known.unregistered("peer", "403 Forbidden")
        why = "not registered: 403 Forbidden"
        self.assertEqual(self.known.obstacle("peer"), why)
        self.assertEqual(self.known.reasons(), {"peer": why})
        self.known.registered("peer", "trunk")
        self.assertEqual(self.known.reasons(), {})
        self.clock.advance(50)
        self.known.registered("peer", "trunk")
        status = self.known.status("peer")
        assert status.registered is not None
        self.assertEqual((status.online, status.why), (True, ""))
        self.assertEqual(status.registered.name, "trunk")
        self.assertEqual(status.registered.since.wall, 1_000_000)
        self.assertEqual(status.registered.updated.wall, 1_050_000)

    def test_registration_lost(self) -> None:
        """The next one begins anew; each change is told once."""
        self.known.registered("peer", "trunk")
        self.known.unregistered("peer", "no answer")
        self.known.unregistered("peer", "no answer")
        self.clock.advance(5)
        self.known.registered("peer", "trunk")
        status = self.known.status("peer")
        assert status.registered is not None
        self.assertEqual(status.registered.since.wall, 1_005_000)
        self.assertEqual(
            [(each.online, each.why) for each in self.told],
            [(True, ""), (False, "not registered: no answer"), (True, "")],
        )
        self.assertEqual(self.told[1].gateway, "peer")
        self.assertEqual(self.told[1].event_time, 1_000_000)

    def test_silence(self) -> None:
        """One that does not answer OPTIONS is offline, and told once."""
        for alive in (True, False, False, True):
            self.known.answers("static", alive)
        self.assertEqual([each.online for each in self.told], [False, True])
        self.known.answers("static", False)
        self.assertEqual(self.known.obstacle("static"), "does not answer OPTIONS")
        self.assertFalse(self.known.status("static").online)
        self.known.answers("static", None)
        self.assertEqual(self.known.obstacle("static"), "")

    def test_published(self) -> None:
        """Closed, or as many lines taken since as were free then."""
        self.lines.acquire("static", 0)
        self.known.publish("static", True, 2)
        self.assertEqual(self.known.obstacle("static"), "")
        self.lines.acquire("static", 0)
        self.lines.acquire("static", 0)
        self.assertEqual(self.known.obstacle("static"), "full, as it published")
        self.lines.release("static")
        self.assertEqual(self.known.obstacle("static"), "")
        self.known.publish("static", False, 5)
        self.assertEqual(self.known.obstacle("static"), "closed, as it published")
        self.assertEqual(
            self.values("routing_gateway_obstacle"),
            {"static": Obstacle.CLOSED} | {"peer": Obstacle.UNREGISTERED},
        )
        self.known.unpublish("static")
        self.assertEqual(self.known.obstacle("static"), "")

    def test_published_without_capacity(self) -> None:
        """Open and nothing else: it is called."""
        self.known.publish("static", True, None)
        self.assertEqual(self.known.obstacle("static"), "")


class LoadTests(AvailabilityCase):
    """The tables are read again."""

    def test_what_stays(self) -> None:
        """What is known of gateways that stay is kept, the rest forgotten."""
        self.known.pause("static", 60)
        self.known.registered("peer", "trunk")
        self.known.load(["static", "peer"], ["peer"])
        self.assertNotEqual(self.known.obstacle("static"), "")
        self.assertEqual(self.known.obstacle("peer"), "")
        self.known.load(["peer"], ["peer"])
        self.known.load(["static", "peer"], ["peer"])
        self.assertEqual(self.known.obstacle("static"), "")

    def test_registers_no_longer(self) -> None:
        """A gateway that became static is called without a registration."""
        self.known.load(["static", "peer"], [])
        self.assertEqual(self.known.obstacle("peer"), "")
