"""Tests of L{vos3000.web.obstacles}."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.events import Events
from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.model.gateways import MappingGateway, RoutingGateway
from vos3000.routing.availability import Availability
from vos3000.routing.capacity import Capacity
from vos3000.web.obstacles import listed


class ListedTests(SynchronousTestCase):
    """The gateways that are not called."""

    def setUp(self) -> None:
        clock = Clock()
        now = instants(clock.seconds, clock.seconds)
        self.known = Availability("any", now, Capacity().used, Events(), Metrics())

    def test_routing(self) -> None:
        """The reason is what the registrar said, and the name stays a name."""
        self.known.load(["up", "fine"], ["up"])
        self.known.unregistered("up", "403 Forbidden")
        gateways = [
            RoutingGateway(id=1, name="up", remote_ip="sip.example.net"),
            RoutingGateway(id=2, name="fine", remote_ip="192.0.2.1"),
        ]
        self.assertEqual(
            listed(gateways, self.known),
            {
                "up": {
                    "why": "not registered: 403 Forbidden",
                    "address": "sip.example.net",
                }
            },
        )

    def test_mapping(self) -> None:
        """All addresses it may call from."""
        self.known.answers("m", False)
        gateway = MappingGateway(
            id=1, name="m", remote_ips=("192.0.2.1", "198.51.100.0/24")
        )
        self.assertEqual(
            listed([gateway], self.known),
            {
                "m": {
                    "why": "does not answer OPTIONS",
                    "address": "192.0.2.1,198.51.100.0/24",
                }
            },
        )
