"""Metrics in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value as it was added."""

    name: str
    value: float
    unit: str
    dimensions: tuple[tuple[str, str], ...]


class MemoryMetrics:
    """A `Metrics` sink that remembers. `measurements` holds everything, `flushed` what was handed over."""

    def __init__(self) -> None:
        self.measurements: list[Measurement] = []
        self.flushed: list[Measurement] = []
        self._lock = Lock()

    def add(self, name: str, value: float, unit: str = "Count", **dimensions: str) -> None:
        with self._lock:
            self.measurements.append(Measurement(name, value, unit, tuple(sorted(dimensions.items()))))

    def add_all(self, values: Mapping[str, tuple[float, str]], **dimensions: str) -> None:
        for name, (value, unit) in values.items():
            self.add(name, value, unit, **dimensions)

    def flush(self) -> None:
        with self._lock:
            self.flushed.extend(self.measurements[len(self.flushed) :])

    def total(self, name: str) -> float:
        """Return the sum of all values of the name."""
        with self._lock:
            return sum(entry.value for entry in self.measurements if entry.name == name)
