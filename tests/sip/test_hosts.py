"""Host names of gateways: where they lead, kept so that no call waits."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.names import FakeNames
from vos3000.sip.avoided import AVOIDED, MOST_AVOIDED, Avoided
from vos3000.sip.hosts import MOST_ASKED, SHORTEST, Hosts, is_address
from vos3000.sip.locate import ANY, Naptr, Place, Srv, Target
from vos3000.sip.lookup import LONGEST, RETRY
from vos3000.timers import TimerWheel

GW = Place("gw.example", "udp", 0)
PORT = Place("gw.example", "udp", 5070)


class IsAddressTests(SynchronousTestCase):
    """Addresses and names."""

    def test_addresses(self) -> None:
        """Both versions."""
        for host in ("192.0.2.1", "::1", "2001:db8::9", "0.0.0.0"):
            self.assertTrue(is_address(host), host)

    def test_names(self) -> None:
        """What looks like one but is none, too: a socket would look it up."""
        for host in (
            "gw.example",
            "999.1.1.1",
            "1.2.3",
            "1234",
            "1.2.3.4.5",
            "1::2::3",
            "",
            "192.0.2.1\0",
        ):
            self.assertFalse(is_address(host), host)


class HostsCase(SynchronousTestCase):
    """Nothing is loaded."""

    def setUp(self) -> None:
        """A name service that knows one name."""
        self.clock = Clock()
        self.timers = TimerWheel(self.clock)
        self.names = FakeNames()
        self.names.addresses_of("gw.example", "192.0.2.1")
        self.choose: Callable[[int], int] = lambda count: 0
        self.hosts = Hosts(self.names, self.timers, lambda count: self.choose(count))

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.pump([0.5] * round(seconds / 0.5))

    def where(self, place: Place = GW) -> list[tuple[str, str, int]]:
        """Where it leads."""
        found = self.hosts.targets(place.name, place.transport, place.port)
        return [(kind, *address) for kind, address in found]


class QuestionTests(HostsCase):
    """Which questions are asked (RFC 3263 4.1, 4.2)."""

    def test_addresses_need_none(self) -> None:
        """They are their own."""
        place = Place("192.0.2.7", "tls", 0)
        self.hosts.load([place, Place("", "udp", 0)])
        self.assertEqual(self.where(place), [("tls", "192.0.2.7", 5061)])
        self.assertEqual(
            self.where(Place("2001:db8::7", ANY, 0)), [("udp", "2001:db8::7", 5060)]
        )
        self.assertEqual((self.names.asked, len(self.timers)), ([], 0))

    def test_name_with_a_port(self) -> None:
        """Its addresses, at that port."""
        self.hosts.load([PORT])
        self.assertEqual(self.names.asked, ["A gw.example"])
        self.assertEqual(self.where(PORT), [("udp", "192.0.2.1", 5070)])

    def test_name_without_a_port(self) -> None:
        """Its SRV records for the transport, and what they lead to."""
        self.names.srv_of(
            "_sip._tcp.gw.example",
            Srv(20, 0, 5062, "b.example"),
            Srv(10, 0, 5061, "a.example"),
        )
        self.names.addresses_of("a.example", "192.0.2.11", "2001:db8::11")
        self.names.addresses_of("b.example", "192.0.2.12")
        place = Place("gw.example", "tcp", 0)
        self.hosts.load([place])
        self.assertEqual(
            self.where(place),
            [
                ("tcp", "192.0.2.11", 5061),
                ("tcp", "2001:db8::11", 5061),
                ("tcp", "192.0.2.12", 5062),
            ],
        )
        self.assertNotIn("A gw.example", self.names.asked)

    def test_name_without_records(self) -> None:
        """Its addresses, at the transport's own port."""
        self.hosts.load([GW, Place("gw.example", "tls", 0)])
        self.assertEqual(self.where(), [("udp", "192.0.2.1", 5060)])
        place = Place("gw.example", "tls", 0)
        self.assertEqual(self.where(place), [("tls", "192.0.2.1", 5061)])
        self.assertIn("SRV _sips._tcp.gw.example", self.names.asked)

    def test_websocket_has_no_srv(self) -> None:
        """Addresses are asked for at once."""
        place = Place("gw.example", "wss", 0)
        self.hosts.load([place])
        self.assertEqual(self.names.asked, ["A gw.example"])
        self.assertEqual(self.where(place), [("wss", "192.0.2.1", 443)])

    def test_any_transport(self) -> None:
        """NAPTR says which there are, and where."""
        self.names.naptr_of(
            "gw.example",
            Naptr(20, 1, "s", "SIP+D2U", "_sip._udp.b.example"),
            Naptr(10, 1, "s", "SIPS+D2T", "_sips._tcp.a.example"),
        )
        self.names.srv_of("_sips._tcp.a.example", Srv(5, 0, 5061, "a.example"))
        self.names.srv_of("_sip._udp.b.example", Srv(1, 0, 5060, "b.example"))
        self.names.addresses_of("a.example", "192.0.2.11")
        self.names.addresses_of("b.example", "192.0.2.12")
        place = Place("gw.example", ANY, 0)
        self.hosts.load([place])
        self.assertEqual(
            self.where(place),
            [("tls", "192.0.2.11", 5061), ("udp", "192.0.2.12", 5060)],
        )

    def test_any_transport_without_naptr(self) -> None:
        """SRV records of each are looked for, then addresses for UDP."""
        place = Place("gw.example", ANY, 0)
        self.names.srv_of("_sip._tcp.gw.example", Srv(1, 0, 5064, "a.example"))
        self.names.addresses_of("a.example", "192.0.2.11")
        self.hosts.load([place])
        self.assertEqual(self.where(place), [("tcp", "192.0.2.11", 5064)])
        self.names.records.pop("SRV _sip._tcp.gw.example")
        self.advance(301)
        self.assertEqual(self.where(place), [("udp", "192.0.2.1", 5060)])

    def test_service_that_there_is_not(self) -> None:
        """A record that says so is believed: its addresses are not called."""
        self.names.srv_of("_sip._udp.gw.example", Srv(0, 0, 0, "."))
        self.hosts.load([GW])
        self.assertEqual(self.where(), [])
        self.assertNotIn("A gw.example", self.names.asked)

    def test_shared_load(self) -> None:
        """Each call draws anew."""
        self.names.srv_of(
            "_sip._udp.gw.example",
            Srv(1, 50, 5060, "a.example"),
            Srv(1, 50, 5060, "b.example"),
        )
        self.names.addresses_of("a.example", "192.0.2.11")
        self.names.addresses_of("b.example", "192.0.2.12")
        self.hosts.load([GW])
        self.assertEqual([h for _, h, _ in self.where()], ["192.0.2.11", "192.0.2.12"])
        self.choose = lambda count: count - 1
        self.assertEqual([h for _, h, _ in self.where()], ["192.0.2.12", "192.0.2.11"])

    def test_too_many_servers(self) -> None:
        """What one name may cost is bounded."""
        records = [Srv(n, 0, 5060, f"s{n}.example") for n in range(64)]
        self.names.srv_of("_sip._udp.gw.example", *records)
        for number in range(64):
            self.names.addresses_of(f"s{number}.example", f"192.0.2.{number}")
        self.hosts.load([GW])
        self.assertEqual(len(self.names.asked), 17)
        self.assertEqual(len(self.where()), 16)


class TimeTests(HostsCase):
    """How long answers hold."""

    def test_nothing_waits(self) -> None:
        """While a name is looked up again the old answer holds."""
        self.hosts.load([GW])
        self.names.held = []
        self.names.addresses_of("gw.example", "192.0.2.2")
        self.advance(301)
        self.assertEqual(self.where(), [("udp", "192.0.2.1", 5060)])
        for _ in range(2):
            self.names.go_on()
        self.assertEqual(self.where(), [("udp", "192.0.2.2", 5060)])

    def test_lifetime(self) -> None:
        """As the records say, within our bounds."""
        for ttl, seconds in ((0.0, SHORTEST), (300.0, 300.0), (86_400.0, LONGEST)):
            self.setUp()
            self.names.ttl = ttl
            self.hosts.load([PORT])
            self.advance(seconds - 1)
            self.assertEqual(len(self.names.asked), 1)
            self.advance(2)
            self.assertEqual(len(self.names.asked), 2)

    def test_slow_answers_do_not_pile_up(self) -> None:
        """A name is not asked for while its answer is awaited."""
        self.names.held = []
        self.hosts.load([PORT])
        self.hosts.load([PORT, GW])
        self.advance(1000)
        self.assertEqual(self.names.asked.count("A gw.example"), 1)

    def test_no_answer(self) -> None:
        """What is known stays, and it is tried again soon."""
        self.hosts.load([GW])
        self.names.silent.add("*")
        self.advance(301)
        asked = len(self.names.asked)
        self.assertEqual(self.where(), [("udp", "192.0.2.1", 5060)])
        self.advance(RETRY + 1)
        self.assertGreater(len(self.names.asked), asked)

    def test_no_answer_at_first(self) -> None:
        """Addresses are better than nothing, until there is an answer."""
        self.names.silent.add("SRV _sip._udp.gw.example")
        self.names.srv_of("_sip._udp.gw.example", Srv(1, 0, 5099, "gw.example"))
        self.hosts.load([GW])
        self.assertEqual(self.where(), [("udp", "192.0.2.1", 5060)])
        self.names.silent.clear()
        self.advance(RETRY + 1)
        self.assertEqual(self.where(), [("udp", "192.0.2.1", 5099)])

    def test_no_answer_for_one_server(self) -> None:
        """The others are called."""
        self.names.srv_of(
            "_sip._udp.gw.example",
            Srv(1, 0, 5060, "silent.example"),
            Srv(2, 0, 5060, "gw.example"),
        )
        self.names.silent.add("A silent.example")
        self.hosts.load([GW])
        self.assertEqual(self.where(), [("udp", "192.0.2.1", 5060)])

    def test_name_that_is_gone(self) -> None:
        """Who says that there is none is believed, and the log tells it once."""
        self.hosts.load([GW])
        self.names.addresses_of("gw.example")
        with capturedLogs() as logs:
            self.advance(1000)
        self.assertEqual(self.where(), [])
        told = [event["log_format"] for event in logs]
        self.assertEqual(told, ["the host name {host} leads nowhere: {why}"])
        self.names.addresses_of("gw.example", "192.0.2.1")
        self.advance(301)
        self.assertEqual(len(self.where()), 1)

    def test_error_of_ours(self) -> None:
        """It is logged, no call hears of it, and the name is looked up again."""
        self.names.srv_of("_sip._udp.gw.example", None)  # type: ignore[arg-type]
        self.hosts.load([GW])
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.assertEqual(self.where(), [])
        self.names.srv_of("_sip._udp.gw.example")
        self.advance(RETRY + 1)
        self.assertEqual(len(self.where()), 1)


class KnownTests(HostsCase):
    """Whose names are kept, and what they make known."""

    def test_known_sources(self) -> None:
        """Every address that a gateway's name leads to is a gateway's."""
        self.names.srv_of(
            "_sip._udp.gw.example",
            Srv(1, 0, 5060, "a.example"),
            Srv(2, 0, 5060, "b.example"),
        )
        self.names.addresses_of("a.example", "192.0.2.11", "192.0.2.13")
        self.names.addresses_of("b.example", "192.0.2.12")
        self.hosts.load([GW])
        for last in (11, 12, 13):
            self.assertTrue(self.hosts.found(f"192.0.2.{last}"))
            self.assertEqual(self.hosts.names(f"192.0.2.{last}"), ("gw.example",))
        self.assertFalse(self.hosts.found("192.0.2.1"))
        self.hosts.load([])
        self.assertFalse(self.hosts.found("192.0.2.11"))

    def test_sources_of_names_that_change(self) -> None:
        """The new ones are, the old ones are not."""
        self.hosts.load([GW, PORT])
        self.names.addresses_of("gw.example", "192.0.2.2")
        self.advance(301)
        self.assertFalse(self.hosts.found("192.0.2.1"))
        self.assertEqual(self.hosts.names("192.0.2.2"), ("gw.example",))

    def test_two_names_of_one_address(self) -> None:
        """Both are told."""
        self.names.addresses_of("other.example", "192.0.2.1")
        self.hosts.load([GW, Place("other.example", "udp", 0)])
        self.assertEqual(
            set(self.hosts.names("192.0.2.1")), {"gw.example", "other.example"}
        )

    def test_names_no_longer_wanted(self) -> None:
        """They are forgotten, and so is an answer that comes late."""
        self.names.held = []
        self.hosts.load([PORT])
        self.hosts.load([])
        self.names.go_on()
        self.assertFalse(self.hosts.found("192.0.2.1"))
        self.assertEqual(len(self.timers), 0)

    def test_loading_again_keeps_what_is_known(self) -> None:
        """A change of another gateway asks for nothing that is known."""
        self.hosts.load([PORT])
        self.names.asked.clear()
        self.names.addresses_of("new.example", "192.0.2.5")
        new = Place("new.example", "udp", 5060)
        self.hosts.load([PORT, new])
        self.assertEqual(self.names.asked, ["A new.example"])
        self.assertEqual(len(self.where(PORT)), 1)

    def test_name_that_nobody_loaded(self) -> None:
        """It is looked up for the next time, and makes nobody known."""
        self.names.held = []
        self.assertEqual(self.where(PORT), [])
        self.names.go_on()
        self.names.held = None
        self.assertEqual(self.where(PORT), [("udp", "192.0.2.1", 5070)])
        self.assertFalse(self.hosts.found("192.0.2.1"))

    def test_name_that_nobody_asks_for_any_more(self) -> None:
        """It is looked up again as long as somebody does."""
        self.where(PORT)
        for _ in range(3):
            self.where(PORT)
            self.advance(301)
        self.assertEqual(len(self.names.asked), 4)
        self.advance(301)
        self.assertEqual((len(self.names.asked), len(self.timers)), (4, 0))

    def test_names_without_end(self) -> None:
        """The oldest make room."""
        for number in range(MOST_ASKED + 10):
            self.where(Place(f"n{number}.example", "udp", 5060))
        self.assertEqual(len(self.hosts._asked), MOST_ASKED)
        self.assertEqual(len(self.timers), MOST_ASKED)

    def test_name_that_becomes_a_gateways(self) -> None:
        """What is known of it is not asked again, and it is kept."""
        self.where(PORT)
        self.hosts.load([PORT])
        self.assertTrue(self.hosts.found("192.0.2.1"))
        self.advance(301)
        self.advance(301)
        self.assertEqual(len(self.where(PORT)), 1)
        self.assertEqual(len(self.timers), 1)


class AvoidedTests(SynchronousTestCase):
    """Servers that failed a moment ago."""

    def test_they_come_last(self) -> None:
        """For a while, and in the same order among themselves."""
        clock = Clock()
        avoided = Avoided(TimerWheel(clock))
        targets = [Target("udp", (f"192.0.2.{n}", 5060)) for n in range(4)]
        avoided.add(targets[0].address)
        avoided.add(targets[2].address)
        found = avoided.last(targets, lambda target: target.address)
        self.assertEqual([targets.index(each) for each in found], [1, 3, 0, 2])
        clock.pump([1] * round(AVOIDED + 1))
        self.assertEqual(avoided.last(targets, lambda t: t.address), targets)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_bound(self) -> None:
        """No flood of failures fills it."""
        avoided = Avoided(TimerWheel(Clock()))
        for port in range(MOST_AVOIDED + 10):
            avoided.add(("192.0.2.1", port))
        self.assertEqual(len(avoided), MOST_AVOIDED)
