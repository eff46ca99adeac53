"""Where records go that cannot be worked on, so that the ones behind them can."""

from collections.abc import Mapping
from typing import Protocol


class Quarantine(Protocol):
    """A place that somebody looks at. It holds identifiers, never what a record says."""

    def put(self, facts: Mapping[str, str]) -> None:
        """Keep identifiers of a record and the kind of its error.

        Raises:
            StoreUnavailableError: they could not be kept.
        """
        ...
