"""The variants that a new deployment begins with, and that a turn falls back to when the registry is down."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from silent_infinity.data import load
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.variant_categories import PRODUCTION, RETIRED
from silent_infinity.domain.variants import Variant

if TYPE_CHECKING:
    from silent_infinity.domain.variant_records import VariantRecord


@cache
def initial_variant_records() -> "tuple[VariantRecord, ...]":
    """Return the variants as the registry has them, retired ones included, before their first audit entry."""
    # Not with the module: a turn needs the other half of it alone, and pays for every class that is made.
    from silent_infinity.domain.variant_records import VariantRecord

    return tuple(from_payload(VariantRecord, row) for row in _rows())


def initial_variant_rows() -> tuple[Mapping[str, Any], ...]:
    """Return the records as JSON has them."""
    return tuple(to_payload(record) for record in initial_variant_records())


@cache
def initial_variants() -> tuple[Variant, ...]:
    """Return what the turn reads of the variants, retired ones included."""
    return tuple(from_payload(Variant, row) for row in _rows())


def _rows() -> tuple[Mapping[str, Any], ...]:
    """Put the rows of the file together, as its notes say."""
    document = load("variants.json")
    common, of_candidates = document["of_all"], document["of_candidates"]
    return tuple(
        {**common, **row}
        if row["status"] in (PRODUCTION, RETIRED)
        else {**common, **of_candidates, "seed": row["variant_id"], **row}
        for row in document["variants"]
    )
