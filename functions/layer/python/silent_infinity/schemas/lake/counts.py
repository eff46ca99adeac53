"""The statements of what is counted and paid by turn: latencies, costs, intents, failures, arrivals."""

from collections.abc import Mapping, Sequence

from silent_infinity.data import load
from silent_infinity.domain.lake.metrics import EVERYTHING, SERVICE
from silent_infinity.schemas.lake.bronze import received_at, valid
from silent_infinity.schemas.lake.exposure import CATEGORIES, EXPOSED_TURN, NAMED
from silent_infinity.schemas.lake.layout import ARRIVED, FIRST, LAST, LOCATION, days_apart, unload

_MOST_TOKENS, _MOST_USD = 10**9, 10**4
"""Of one call of a model. What is beyond is nobody's bill: it counts as nothing rather than end the sum."""


def _possible(value: str, most: int, nothing: str) -> str:
    return f"IF({value} BETWEEN 0 AND {most}, {value}, {nothing})"


def gold_histograms() -> str:
    """Return the statement of `gold_histograms`.

    Bins are those of DDSketch (C. Masson, J. E. Rim, H. K. Lee, DDSketch, PVLDB 12, 2019) with an accuracy of
    2 %. Turns are counted by set of exposures and bin first, and the counts laid out by category.
    """

    def binned(latency: str) -> str:
        return (
            f"IF({latency} < 1, 0, CAST(ceil(ln(CAST({latency} AS double)) / ln(1.02e0 / 0.98e0)) AS bigint))"
        )

    return unload(
        [
            "How many exposed turns were how slow, and how many answers to the question of NPS.",
            FIRST,
            LAST,
            LOCATION,
        ],
        f"""
SELECT category, variant_id, metric, bin, CAST(sum(n) AS bigint) AS n, dt
FROM (
    SELECT c.category, c.variant_id, p.metric, p.bin, p.n, p.dt
    FROM (
        SELECT t.dt, t.exposures, b.metric, b.bin, count(*) AS n
        FROM silver_turns AS t
        CROSS JOIN UNNEST(
            ARRAY['latency_total_ms', 'latency_first_token_ms'],
            ARRAY[
                {binned("t.latency_total_ms")},
                IF(t.latency_llm_ttft_ms > 0, {binned("t.latency_llm_ttft_ms")})
            ]
        ) AS b(metric, bin)
        WHERE t.dt BETWEEN ${{first}} AND ${{last}} AND {EXPOSED_TURN} AND b.bin IS NOT NULL
        GROUP BY t.dt, t.exposures, b.metric, b.bin
    ) AS p
    {CATEGORIES.format("p")}
    UNION ALL
    SELECT c.category, c.variant_id, 'nps' AS metric, f.nps AS bin, 1 AS n, f.dt
    FROM silver_feedback AS f
    CROSS JOIN UNNEST(
        ARRAY['{SERVICE}', 'RATING_VARIANT'], ARRAY['{EVERYTHING}', f.rating_variant_id]
    ) AS c(category, variant_id)
    WHERE f.dt BETWEEN ${{first}} AND ${{last}} AND f.nps IS NOT NULL
) AS counted
WHERE {NAMED}
GROUP BY category, variant_id, metric, bin, dt
""",  # noqa: S608 -- text of this module
    )


def gold_costs() -> str:
    """Return the statement of `gold_costs`. The screen's call is of class TC1, beside those of the reply."""
    classes = load("turn_classes.json")["classes"]
    governs = " ".join(f"WHEN '{name}' THEN '{row['category']}'" for name, row in classes.items())
    tokens = ("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write")
    model = "COALESCE(IF(c.model_answered <> '', c.model_answered, c.model_asked), '')"
    kind = f"COALESCE(c.turn_class, '') || ' ' || {model} || ' ' || COALESCE(c.provider, '')"
    parts = {
        "kind": kind,
        "turn_class": "COALESCE(c.turn_class, '')",
        "model_id": model,
        "provider": "COALESCE(c.provider, '')",
        **{name: _possible(f"c.{name}", _MOST_TOKENS, "0") for name in tokens},
        "cost_usd": _possible("c.cost_usd", _MOST_USD, "0e0"),
    }
    arrays = ",\n            ".join(f"transform(t.model_calls, c -> {said})" for said in parts.values())
    screened = {name: _possible(f"screen_model.{name}", _MOST_TOKENS, "0") for name in tokens}
    keys = "intent, turn_class, model_id, provider, category, variant_id"
    return unload(
        ["What the calls of models on these days cost.", FIRST, LAST, LOCATION],
        f"""
SELECT {keys},
    count(*) AS calls,
    count_if(first_of_its_kind) AS turns,
    {", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in tokens)},
    CAST(sum(CAST(round(cost_usd * 1000000000e0) AS bigint)) AS double) / 1000000000e0 AS cost_usd,
    dt
FROM (
    SELECT *, COALESCE(element_at(active_variants, category), '') AS variant_id
    FROM (
        SELECT *, CASE turn_class {governs} ELSE '' END AS category
        FROM (
            SELECT t.dt, COALESCE(t.intent, '') AS intent, t.active_variants,
                k.turn_class, k.model_id, k.provider,
                array_position(transform(t.model_calls, c -> {kind}), k.kind) = k.place AS first_of_its_kind,
                {", ".join(f"k.{name}" for name in tokens)}, k.cost_usd
            FROM silver_turns AS t
            CROSS JOIN UNNEST(
            {arrays}
            ) WITH ORDINALITY AS k({", ".join(parts)}, place)
            WHERE t.dt BETWEEN ${{first}} AND ${{last}}
            UNION ALL
            SELECT dt, COALESCE(intent, '') AS intent, active_variants,
                'TC1' AS turn_class, screen_model.model_id, COALESCE(screen_model.provider, '') AS provider,
                TRUE AS first_of_its_kind,
                {", ".join(f"{screened[name]} AS {name}" for name in tokens)},
                COALESCE(screen_cost_usd, 0e0) AS cost_usd
            FROM silver_turns
            WHERE dt BETWEEN ${{first}} AND ${{last}} AND screen_model.model_id <> ''
        ) AS calls
    ) AS governed
) AS known
GROUP BY {keys}, dt
""",  # noqa: S608 -- text of this module
    )


def gold_intents() -> str:
    """Return the statement of `gold_intents`."""
    return unload(
        ["How many turns of these days had which intent and class.", FIRST, LAST, LOCATION],
        """
SELECT COALESCE(intent, '') AS intent, COALESCE(turn_class, '') AS turn_class, count(*) AS turns, dt
FROM silver_turns
WHERE dt BETWEEN ${first} AND ${last}
GROUP BY COALESCE(intent, ''), COALESCE(turn_class, ''), dt
""",
    )


def gold_failures(rows: Sequence[Mapping[str, str]]) -> str:
    """Return the statement of `gold_failures` for these categories of failure."""
    conditions = ",\n            ".join(f"IF({row['condition']}, '{row['name']}')" for row in rows)
    return unload(
        ["What went wrong on these days.", FIRST, LAST, LOCATION],
        f"""
SELECT f.failure, COALESCE(t.intent, '') AS intent, COALESCE(t.turn_class, '') AS turn_class,
    COALESCE(t.model_id, '') AS model_id, count(*) AS turns, min(t.turn_id) AS example_turn_id, t.dt
FROM (
    SELECT dt, turn_id, intent, turn_class, model_id,
        filter(ARRAY[
            {conditions}
        ], name -> name IS NOT NULL) AS failures
    FROM silver_turns
    WHERE dt BETWEEN ${{first}} AND ${{last}}
) AS t
CROSS JOIN UNNEST(t.failures) AS f(failure)
GROUP BY f.failure, COALESCE(t.intent, ''), COALESCE(t.turn_class, ''), COALESCE(t.model_id, ''), t.dt
""",  # noqa: S608 -- text of this module
    )


def gold_arrivals() -> str:
    """Return the statement of `gold_arrivals`: received = turns + duplicates + invalid."""
    return unload(
        [
            "What arrived of the turns of these days, and what became of it.",
            FIRST,
            LAST,
            ARRIVED,
            LOCATION,
        ],
        f"""
SELECT CAST(sum(received) AS bigint) AS received,
    count_if(valid_rows > 0) AS turns,
    CAST(sum(IF(valid_rows > 0, valid_rows - 1, 0)) AS bigint) AS duplicates,
    CAST(sum(received - valid_rows) AS bigint) AS invalid,
    count_if(valid_rows > 0 AND {days_apart("dt", "arrived")} > 1) AS late,
    dt
FROM (
    SELECT turn_id, day AS dt, count(*) AS received, count_if(is_turn) AS valid_rows,
        min(IF(is_turn, arrived)) AS arrived
    FROM (
        SELECT turn_id, dt AS arrived,
            {valid()} AS is_turn,
            IF(received_at IS NULL, dt, substr(timestamp, 1, 10)) AS day
        FROM (
            SELECT *, {received_at()} AS received_at
            FROM bronze_turn_events
            WHERE dt BETWEEN ${{first-1}} AND ${{arrived_until}}
        ) AS read
    ) AS judged
    WHERE day BETWEEN ${{first}} AND ${{last}}
    GROUP BY turn_id, day
) AS turns
GROUP BY dt
""",  # noqa: S608 -- text of this module
    )
