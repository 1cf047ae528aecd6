"""Families of metrics, each of our name."""

from collections.abc import Iterable, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric

from proxy.runtime.time_histogram import TimeHistogram

Rows = Iterable[tuple[Sequence[str], float]]
"""Values of the labels, and the figure."""

PREFIX = "baseload_"


def gauge(name: str, text: str, value: float) -> Metric:
    """Return a gauge without labels."""
    return GaugeMetricFamily(PREFIX + name, text, value=float(value))


def gauges(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    """Return a gauge with labels."""
    family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, float(value))
    return family


def counters(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    """Return a counter with labels, since the start; `_total` is added to its name."""
    family = CounterMetricFamily(PREFIX + name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, float(value))
    return family


def histogram(
    name: str,
    text: str,
    labels: Sequence[str],
    rows: Iterable[tuple[Sequence[str], TimeHistogram]],
) -> Metric:
    """Return a histogram with labels."""
    family = HistogramMetricFamily(PREFIX + name, text, labels=labels)
    for values, times in rows:
        family.add_metric(values, times.buckets(), times.total)
    return family
