"""
Counters, gauges and histograms.

They are plain numbers in slots: counting costs one attribute addition on the
hot path and no lock, because everything that counts does so in the reactor's
thread. L{Metrics.samples} is what the exposition (C{web}) turns into text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

import attrs


class Counter:
    """A number that only rises: C{counter.value += 1}."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class LabelledCounter:
    """One counter for each value of one label, made on first use."""

    __slots__ = ("label", "values")

    def __init__(self, label: str) -> None:
        self.label = label
        self.values: dict[str, int] = {}

    def add(self, value: str, amount: int = 1) -> None:
        """Count C{amount} more for the label value C{value}."""
        values = self.values
        values[value] = values.get(value, 0) + amount


class LabelledGauge:
    """One number for each value of one label, read when somebody asks."""

    __slots__ = ("label", "read")

    def __init__(self, label: str, read: Callable[[], dict[str, int]]) -> None:
        self.label = label
        self.read = read


class Histogram:
    """
    Counts of observations below rising bounds.

    @ivar bounds: Upper bounds, in the unit the name says.
    @ivar counts: Observations per bucket (not cumulative), one more than bounds.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@attrs.frozen(slots=True)
class Sample:
    """
    One metric at one moment.

    @ivar kind: C{counter}, C{gauge} or C{histogram}.
    @ivar value: A number, a mapping of label value to number, or a histogram.
    """

    name: str
    kind: str
    help: str
    value: float | dict[str, int] | Histogram
    label: str = ""


class Metrics:
    """The numbers of one process, each made once where it is counted."""

    def __init__(self) -> None:
        self._items: dict[str, tuple[str, str, object]] = {}

    def _add(self, name: str, kind: str, text: str, item: object) -> None:
        if name in self._items:
            raise ValueError(f"metric {name} exists already")
        self._items[name] = (kind, text, item)

    def counter(self, name: str, text: str) -> Counter:
        """A new counter; C{name} ends in C{_total}."""
        counter = Counter()
        self._add(name, "counter", text, counter)
        return counter

    def labelled(self, name: str, text: str, label: str) -> LabelledCounter:
        """A new counter with one label."""
        counter = LabelledCounter(label)
        self._add(name, "counter", text, counter)
        return counter

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A number that is read when somebody asks."""
        self._add(name, "gauge", text, read)

    def labelled_gauge(
        self, name: str, text: str, label: str, read: Callable[[], dict[str, int]]
    ) -> None:
        """Numbers by label value that are read when somebody asks."""
        self._add(name, "gauge", text, LabelledGauge(label, read))

    def histogram(self, name: str, text: str, bounds: Sequence[float]) -> Histogram:
        """A new histogram."""
        histogram = Histogram(bounds)
        self._add(name, "histogram", text, histogram)
        return histogram

    def samples(self) -> Iterator[Sample]:
        """Every metric as it stands now, in the order they were made."""
        for name, (kind, text, item) in self._items.items():
            if isinstance(item, Counter):
                yield Sample(name, kind, text, item.value)
            elif isinstance(item, LabelledCounter):
                yield Sample(name, kind, text, dict(item.values), item.label)
            elif isinstance(item, LabelledGauge):
                yield Sample(name, kind, text, item.read(), item.label)
            elif isinstance(item, Histogram):
                yield Sample(name, kind, text, item)
            elif callable(item):
                yield Sample(name, kind, text, item())
