"""
The metrics page: every counter of the process in Prometheus' text format.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from vos3000.metrics import Histogram, Metrics, Sample

PREFIX = "vos3000_"

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()


def _histogram(name: str, sample: Sample, histogram: Histogram) -> Metric:
    """A histogram with the cumulative buckets that the format wants."""
    buckets: list[tuple[str, float]] = []
    seen = 0
    for bound, count in zip(histogram.bounds, histogram.counts, strict=False):
        seen += count
        buckets.append((str(bound), seen))
    buckets.append(("+Inf", seen + histogram.counts[-1]))
    return HistogramMetricFamily(
        name, sample.help, buckets=buckets, sum_value=histogram.total
    )


def _family(sample: Sample) -> Metric:
    """One metric as the client library writes it."""
    name = PREFIX + sample.name
    value = sample.value
    if isinstance(value, Histogram):
        return _histogram(name, sample, value)
    kind = CounterMetricFamily if sample.kind == "counter" else GaugeMetricFamily
    if not isinstance(value, dict):
        return kind(name, sample.help, value=value)
    family = kind(name, sample.help, labels=[sample.label])
    for label, count in value.items():
        family.add_metric([label], count)
    return family


class _OurMetrics(Collector):
    """The process's own counters, read when the page is asked for."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Every metric as it stands now."""
        return map(_family, self._metrics.samples())


class Exposition:
    """
    The text of the page: ours, and what the kernel knows of the process.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_OurMetrics(metrics))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """The page as it stands now."""
        return generate_latest(self._registry)
