"""The variants that a new deployment begins with, and that a turn falls back to when the registry is down."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from silent_infinity.data import load
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.variants import Variant


def initial_variant_rows() -> tuple[Mapping[str, Any], ...]:
    """Return the rows as the registry stores them, with who made them and what they must pass."""
    return tuple(load("variants.json")["variants"])


@cache
def initial_variants() -> tuple[Variant, ...]:
    """Return the variants, retired ones included."""
    return tuple(from_payload(Variant, row) for row in initial_variant_rows())
