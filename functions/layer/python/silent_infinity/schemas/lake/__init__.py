"""The statements of the lake, made from what they follow from: the tables, the metrics, the categories.

Run `python -m silent_infinity.schemas.lake` after changing `domain/lake/refined.py`, `data/metrics.json`,
`data/failure_categories.json`, `data/variant_categories.json` or `data/turn_classes.json`; a test compares.

What keeps a statement's rows the same in whatever order it reads: only integers are added (doubles that hold
integers below 2^53, and decimals for squares), and what is chosen among rows is the least or the greatest of
something unique. A CTE that is named twice is computed twice by Trino, and therefore reads few columns.
"""

from silent_infinity.data import load
from silent_infinity.domain.lake.metrics import metrics
from silent_infinity.schemas.lake.counts import (
    gold_arrivals,
    gold_costs,
    gold_failures,
    gold_histograms,
    gold_intents,
)
from silent_infinity.schemas.lake.silver import silver_feedback, silver_turns
from silent_infinity.schemas.lake.units import unit_days
from silent_infinity.schemas.lake.variants import gold_experiments, gold_variant_days


def statements() -> dict[str, str]:
    """Return the content of every generated file by its name without `.sql`."""
    return {
        "silver_turns": silver_turns(),
        "silver_feedback": silver_feedback(),
        "unit_days": unit_days(metrics()),
        "gold_variant_days": gold_variant_days(metrics()),
        "gold_experiments": gold_experiments(metrics()),
        "gold_histograms": gold_histograms(),
        "gold_costs": gold_costs(),
        "gold_intents": gold_intents(),
        "gold_failures": gold_failures(load("failure_categories.json")["failures"]),
        "gold_arrivals": gold_arrivals(),
    }
