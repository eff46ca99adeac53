"""What an experiment compares: an arm, and the production of its category."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Arm:
    """A running variant that is not production, and what it is held against.

    `since` is the first UTC day whose units count; `production` are the variants that serve the rest of the
    category's traffic (several in a pool).
    """

    category: str
    variant_id: str
    since: date
    production: tuple[str, ...]
