"""
L{vos3000.metrics}: counting, and what an exposition gets to see.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from vos3000.metrics import Histogram, Metrics, Sample


class MetricsTests(SynchronousTestCase):
    """The numbers of one process."""

    def setUp(self) -> None:
        """A process without a number."""
        self.metrics = Metrics()

    def test_a_counter_shows_what_was_added(self) -> None:
        """It starts at zero and rises by addition."""
        counter = self.metrics.counter("call_setups_total", "Calls begun.")
        counter.value += 2
        self.assertEqual(
            list(self.metrics.samples()),
            [Sample("call_setups_total", "counter", "Calls begun.", 2)],
        )

    def test_a_labelled_counter_counts_each_value(self) -> None:
        """A value exists from the first time it is counted."""
        counter = self.metrics.labelled("call_ends_total", "Ends.", "reason")
        counter.add("486")
        counter.add("486")
        counter.add("-9", 3)
        [sample] = self.metrics.samples()
        self.assertEqual(sample.value, {"486": 2, "-9": 3})
        self.assertEqual((sample.kind, sample.label), ("counter", "reason"))

    def test_a_sample_does_not_change_afterwards(self) -> None:
        """The exposition writes numbers of one moment."""
        counter = self.metrics.labelled("call_ends_total", "Ends.", "reason")
        counter.add("486")
        [sample] = self.metrics.samples()
        counter.add("486")
        self.assertEqual(sample.value, {"486": 1})

    def test_a_gauge_is_read_when_it_is_asked_for(self) -> None:
        """It keeps no number of its own."""
        calls: list[int] = []
        self.metrics.gauge("call_current", "Calls up.", lambda: len(calls))
        calls.extend([1, 2])
        [sample] = self.metrics.samples()
        self.assertEqual((sample.kind, sample.value), ("gauge", 2))

    def test_a_labelled_gauge_is_read_when_it_is_asked_for(self) -> None:
        """Its label values are those of that moment."""
        up: dict[str, int] = {}
        self.metrics.labelled_gauge("gateway_up", "Up.", "gateway", lambda: dict(up))
        up["first"] = 1
        [sample] = self.metrics.samples()
        self.assertEqual((sample.kind, sample.value), ("gauge", {"first": 1}))
        self.assertEqual(sample.label, "gateway")

    def test_a_histogram_counts_below_its_bounds(self) -> None:
        """A bound belongs to its own bucket; the last one has no bound."""
        histogram = self.metrics.histogram("call_pdd_seconds", "PDD.", (0.5, 1, 5))
        for value in (0.1, 0.5, 0.6, 5, 60):
            histogram.observe(value)
        [sample] = self.metrics.samples()
        assert isinstance(sample.value, Histogram)
        self.assertEqual(sample.value.counts, [2, 1, 1, 1])
        self.assertAlmostEqual(sample.value.total, 66.2)

    def test_a_name_is_taken_once(self) -> None:
        """Two places that count under one name would hide each other."""
        self.metrics.counter("call_setups_total", "Calls begun.")
        self.assertRaises(
            ValueError, self.metrics.gauge, "call_setups_total", "Again.", lambda: 0
        )

    def test_samples_come_in_the_order_they_were_made(self) -> None:
        """So that the page reads the same every time."""
        for name in ("b_total", "a_total", "c_total"):
            self.metrics.counter(name, "")
        names = [sample.name for sample in self.metrics.samples()]
        self.assertEqual(names, ["b_total", "a_total", "c_total"])
