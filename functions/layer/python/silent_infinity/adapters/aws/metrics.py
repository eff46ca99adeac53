"""Metrics as JSON lines on standard output, in CloudWatch's embedded metric format.

The format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
It allows 100 metrics in a document, and 100 values of a metric.
"""

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from threading import Lock
from typing import Any

from silent_infinity.ports.clock import Clock, unix_ms

_MOST = 100

Dimensions = tuple[tuple[str, str], ...]
Series = dict[str, tuple[str, list[float]]]
"""Name to unit and values."""


def write_line(line: str) -> None:
    """Write one line to standard output, or nothing at all: a number is not worth a failed turn."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


class EmfMetrics:
    """A `Metrics` sink. Every metric carries the dimension `service`, and its own if it has any."""

    def __init__(
        self, namespace: str, service: str, clock: Clock, write: Callable[[str], None] = write_line
    ) -> None:
        self._namespace = namespace
        self._service = service
        self._clock = clock
        self._write = write
        self._lock = Lock()
        self._pending: dict[Dimensions, Series] = {}

    def add(self, name: str, value: float, unit: str = "Count", **dimensions: str) -> None:
        if math.isfinite(value):
            with self._lock:
                series = self._pending.setdefault(tuple(sorted(dimensions.items())), {})
                series.setdefault(name, (unit, []))[1].append(value)

    def add_all(self, values: Mapping[str, tuple[float, str]], **dimensions: str) -> None:
        for name, (value, unit) in values.items():
            self.add(name, value, unit, **dimensions)

    def flush(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, {}
        for dimensions, series in pending.items():
            for part in _parts(series):
                self._write(json.dumps(self._document(dimensions, part), separators=(",", ":")))

    def _document(self, dimensions: Dimensions, series: Series) -> dict[str, Any]:
        named = {"service": self._service, **dict(dimensions)}
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [list(named)],
            "Metrics": [{"Name": name, "Unit": unit} for name, (unit, _) in series.items()],
        }
        return {
            "_aws": {"Timestamp": unix_ms(self._clock.now()), "CloudWatchMetrics": [directive]},
            **named,
            **{name: values[0] if len(values) == 1 else values for name, (_, values) in series.items()},
        }


def _parts(series: Series) -> Iterator[Series]:
    """Split into documents within the format's limits."""
    longest = max(len(values) for _, values in series.values())
    for start in range(0, longest, _MOST):
        left = iter(
            (name, (unit, values[start : start + _MOST]))
            for name, (unit, values) in series.items()
            if len(values) > start
        )
        while part := dict(islice(left, _MOST)):
            yield part
