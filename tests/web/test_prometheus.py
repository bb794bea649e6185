"""
Tests of the metrics page and of the reactor's lag.
"""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from vos3000.instant import instants
from vos3000.metrics import Metrics
from vos3000.web.lag import INTERVAL, KEPT, LagProbe
from vos3000.web.prometheus import Exposition


class ExpositionTests(SynchronousTestCase):
    """The text of the page."""

    def lines(self, metrics: Metrics) -> list[str]:
        text = Exposition(metrics).text().decode()
        return [line for line in text.splitlines() if "vos3000_" in line]

    def test_kinds(self) -> None:
        """Each kind of metric is written as the format wants it."""
        metrics = Metrics()
        metrics.counter("call_setups_total", "Calls set up.").value = 3
        reasons = metrics.labelled("call_ended_total", "Calls ended.", "reason")
        reasons.add('a "quoted"\\ name', 2)
        metrics.gauge("call_current", "Calls up.", lambda: 1.5)
        pdd = metrics.histogram("call_pdd_seconds", "Delay.", (0.5, 1.0))
        for value in (0.1, 0.5, 0.7, 9.0):
            pdd.observe(value)
        self.assertEqual(
            self.lines(metrics),
            [
                "# HELP vos3000_call_setups_total Calls set up.",
                "# TYPE vos3000_call_setups_total counter",
                "vos3000_call_setups_total 3.0",
                "# HELP vos3000_call_ended_total Calls ended.",
                "# TYPE vos3000_call_ended_total counter",
                'vos3000_call_ended_total{reason="a \\"quoted\\"\\\\ name"} 2.0',
                "# HELP vos3000_call_current Calls up.",
                "# TYPE vos3000_call_current gauge",
                "vos3000_call_current 1.5",
                "# HELP vos3000_call_pdd_seconds Delay.",
                "# TYPE vos3000_call_pdd_seconds histogram",
                'vos3000_call_pdd_seconds_bucket{le="0.5"} 2.0',
                'vos3000_call_pdd_seconds_bucket{le="1.0"} 3.0',
                'vos3000_call_pdd_seconds_bucket{le="+Inf"} 4.0',
                "vos3000_call_pdd_seconds_count 4.0",
                "vos3000_call_pdd_seconds_sum 10.3",
            ],
        )

    def test_labelled_without_values(self) -> None:
        """A counter nobody has counted with yet is announced."""
        metrics = Metrics()
        metrics.labelled("call_ended_total", "Calls ended.", "reason")
        self.assertEqual(len(self.lines(metrics)), 2)

    def test_process(self) -> None:
        """What the kernel knows of the process is there under its usual names."""
        text = Exposition(Metrics()).text().decode()
        names = {family.name for family in text_string_to_metric_families(text)}
        self.assertIn("process_resident_memory_bytes", names)
        self.assertIn("process_cpu_seconds", names)

    def test_read_when_asked(self) -> None:
        """Two readings see what was counted between them."""
        metrics = Metrics()
        counter = metrics.counter("x_total", "X.")
        exposition = Exposition(metrics)
        first = exposition.text()
        counter.value += 1
        self.assertIn(b"\nvos3000_x_total 0.0\n", first)
        self.assertIn(b"\nvos3000_x_total 1.0\n", exposition.text())


class LagProbeTests(SynchronousTestCase):
    """How late the reactor is."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.metrics = Metrics()
        now = instants(self.clock.seconds, self.clock.seconds)
        self.probe = LagProbe(self.clock, now, self.metrics)

    def lag(self) -> float:
        (sample,) = self.metrics.samples()
        assert isinstance(sample.value, float)
        return round(sample.value, 6)

    def test_on_time(self) -> None:
        """A reactor with nothing to do is not late."""
        self.probe.start()
        self.clock.pump([INTERVAL] * 3)
        self.assertEqual(self.lag(), 0.0)

    def test_worst_is_kept(self) -> None:
        """The worst delay is shown until it is old."""
        self.probe.start()
        self.clock.advance(INTERVAL + 0.3)
        self.clock.advance(INTERVAL + 0.1)
        self.assertEqual(self.lag(), 0.3)
        self.clock.pump([INTERVAL] * (KEPT - 2))
        self.assertEqual(self.lag(), 0.3)
        self.clock.advance(INTERVAL)
        self.assertEqual(self.lag(), 0.1)

    def test_stop(self) -> None:
        """A probe that was stopped leaves no timer; stopping twice is no error."""
        self.probe.start()
        self.probe.stop()
        self.probe.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
