"""Numbers about turns. Dimensions are few and never identify a person."""

from collections.abc import Mapping
from typing import Protocol


class Metrics(Protocol):
    """A sink of measurements. It never raises: a turn does not fail for want of a number."""

    def add(self, name: str, value: float, unit: str = "Count", **dimensions: str) -> None:
        """Add one value. `unit` is a CloudWatch unit such as Count or Milliseconds."""
        ...

    def add_all(self, values: Mapping[str, tuple[float, str]], **dimensions: str) -> None:
        """Add several values that share their dimensions: name to (value, unit)."""
        ...

    def flush(self) -> None:
        """Hand over what was added since the last flush."""
        ...
