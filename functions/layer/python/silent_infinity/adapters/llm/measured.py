"""Numbers and log lines of the wrappers: models, codes and counts, never a word of a conversation."""

import logging
from dataclasses import dataclass

from silent_infinity.ports.metrics import Metrics

logger = logging.getLogger("silent_infinity.gateway")


@dataclass(frozen=True, slots=True)
class Measured:
    """A sink of metrics that knows its environment."""

    metrics: Metrics
    environment: str = ""

    def count(self, name: str, **dimensions: str) -> None:
        """Add one, by environment and further dimensions."""
        self.add(name, 1, "Count", **dimensions)

    def add(self, name: str, value: float, unit: str, **dimensions: str) -> None:
        """Add a value, by environment and further dimensions."""
        known = {"environment": self.environment} if self.environment else {}
        self.metrics.add(name, value, unit, **known, **dimensions)

    def flush(self) -> None:
        """Hand over what was added."""
        self.metrics.flush()
