"""Who is exposed to what: the turns that count, and the variants that each of them counts for."""

from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from silent_infinity.domain.lake.metrics import EVERYTHING, SERVICE

EXPOSED_TURN = f"screened AND crisis_flag_level < {RISK_LEVEL}"
"""The condition that a row of silver counts for the variants that it was exposed to."""

NAMES = f"COALESCE(map_keys({{0}}.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['{SERVICE}']"
VARIANTS = f"COALESCE(map_values({{0}}.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['{EVERYTHING}']"
"""The variants of a row's exposures, in the order of `NAMES`; the service as a whole is one of them."""

CATEGORIES = f"""CROSS JOIN UNNEST(
            {NAMES},
            {VARIANTS}
        ) AS c(category, variant_id)"""

NAMED = "category <> '' AND variant_id <> ''"
"""A row without either would be a variant that nobody can look up, and no row of `VariantMetrics`."""
