"""The tables that the rollup makes: silver, units and gold.

Every one has a row for what its comment says, whole days as partitions (`dt`, the UTC day of the turn), and
is replaced a day at a time. Sums are made of integers (`scale` of `data/metrics.json`), so that the same
turns give the same figures in whatever order they were read.
"""

from collections.abc import Sequence

from silent_infinity.domain.lake.columns import hive_type
from silent_infinity.domain.lake.metrics import EVERY_TURN, EXPOSED, Metric, metrics
from silent_infinity.domain.lake.model import DAY, GOLD, SILVER, UNITS, Column, Table
from silent_infinity.domain.turn import ModelCall, ScreenModelCall

_DAYS = (Column(DAY, "string", "UTC day of the turn"),)
_SCREEN_MODEL = hive_type(ScreenModelCall)
_MODEL_CALLS = hive_type(tuple[ModelCall, ...])

SILVER_TURNS = Table(
    name="silver_turns",
    layer=SILVER,
    prefix="silver/turns/",
    comment="One row per turn: valid, without duplicates, with the rating that was given to it.",
    columns=(
        Column("turn_id", "string"),
        Column("session_id", "string"),
        Column("user_id_hash", "string", "A pseudonym: salted hash of the user"),
        Column("received_at", "timestamp", "UTC, milliseconds: when the message arrived"),
        Column("recorded_at", "string", "ISO 8601, UTC: when the event was made"),
        Column("schema_version", "bigint"),
        Column("turn_number", "bigint"),
        Column("active_variants", "map<string,string>", "Category to variant: what was in force"),
        Column("exposures", "map<string,string>", "Category to variant: what was really used"),
        Column("assignment_version", "bigint"),
        Column("latency_total_ms", "bigint"),
        Column("latency_stt_ms", "bigint"),
        Column("latency_llm_ttft_ms", "bigint", "0 where no model was asked"),
        Column("latency_llm_complete_ms", "bigint"),
        Column("latency_tts_ms", "bigint"),
        Column("latency_network_ms", "bigint"),
        Column("latency_guardrail_ms", "bigint"),
        Column("latency_db_read_ms", "bigint"),
        Column("latency_db_write_ms", "bigint"),
        Column("latency_screen_ms", "bigint"),
        Column("latency_intent_ms", "bigint"),
        Column("tokens_input", "bigint"),
        Column("tokens_output", "bigint"),
        Column("tokens_cache_read", "bigint"),
        Column("tokens_cache_write", "bigint"),
        Column("cost_usd", "double", "US dollars, all generations of the reply together"),
        Column("screen_cost_usd", "double", "US dollars, the screen's own model call"),
        Column("model_id", "string"),
        Column("provider", "string"),
        Column("prompt_id", "string"),
        Column("prompt_sha", "string"),
        Column("voice_id", "string"),
        Column("page_url", "string"),
        Column("referrer_class", "string"),
        Column("device_class", "string"),
        Column("browser", "string"),
        Column("region", "string"),
        Column("locale", "string"),
        Column("environment", "string"),
        Column("crisis_flag_level", "bigint"),
        Column("screened_level", "bigint"),
        Column("screened", "boolean", "Somebody or something has screened the message"),
        Column("screen_rule_ids", "array<string>"),
        Column("screen_model", _SCREEN_MODEL),
        Column("screen_answer", "string", "read, unreadable, none (no answer), or null: no model was asked"),
        Column("safe_exit", "boolean"),
        Column("referrals", "bigint"),
        Column("session_referrals", "bigint"),
        Column("referral_country", "string"),
        Column("disclosure", "string"),
        Column("guardrail_triggered", "boolean"),
        Column("guardrail_rule_id", "string"),
        Column("guardrail_rule_ids", "array<string>"),
        Column("error_class", "string"),
        Column("retry_count", "bigint"),
        Column("turn_class", "string"),
        Column("intent", "string"),
        Column("intent_confidence", "double"),
        Column("sentiment", "string"),
        Column("sentiment_score", "double"),
        Column("entity_types", "array<string>"),
        Column("path", "string"),
        Column("reply_kind", "string"),
        Column("reply_source", "string"),
        Column("reply_id", "string"),
        Column("quality_score", "double"),
        Column("quality_parts", "map<string,double>"),
        Column("quality_failures", "array<string>"),
        Column("attempts", "bigint"),
        Column("fallback_used", "boolean"),
        Column("degraded", "array<string>"),
        Column("finish_reason", "string"),
        Column("model_calls", _MODEL_CALLS),
        Column("budget_level", "string"),
        Column("rating", "double", "1 to 5, the last one that was given to the turn"),
        Column("rating_variant_id", "string"),
        Column("rated_at", "string", "ISO 8601, UTC"),
        Column("continued", "boolean", "A later turn of the session came on the same or the next day"),
    ),
    partitions=_DAYS,
)

SILVER_FEEDBACK = Table(
    name="silver_feedback",
    layer=SILVER,
    prefix="silver/feedback/",
    comment="One row per piece of feedback, by the day on which it was given.",
    columns=(
        Column("feedback_id", "string"),
        Column("turn_id", "string", "Null for feedback about a session as a whole"),
        Column("session_id", "string"),
        Column("user_id_hash", "string", "A pseudonym: salted hash of the user"),
        Column("created_at", "string", "ISO 8601, UTC"),
        Column("rating", "double", "1 to 5"),
        Column("nps", "bigint", "0 to 10"),
        Column("rating_variant_id", "string"),
    ),
    partitions=_DAYS,
)


def measures(of: Sequence[Metric]) -> dict[str, tuple[str, int]]:
    """Return the columns of `unit_days` that are added up over exposed turns: name to (expression, scale).

    Two metrics that count the same thing share its column. What counts exposed turns has none: it is
    `exposed_turns` itself.
    """
    found: dict[tuple[str, int], str] = {(EVERY_TURN, 1): "exposed_turns"}
    for metric in of:
        if metric.population == EXPOSED:
            found.setdefault((metric.numerator, metric.scale), f"{metric.name}_num")
            found.setdefault((metric.denominator, 1), f"{metric.name}_den")
    return {name: key for key, name in found.items() if name != "exposed_turns"}


def unit_days(of: Sequence[Metric]) -> Table:
    """Return the table of units for these metrics."""
    said = (
        Column(name, "bigint", f"{expression}, in parts of 1/{scale}" if scale > 1 else expression)
        for name, (expression, scale) in measures(of).items()
    )
    return Table(
        name="unit_days",
        layer=UNITS,
        prefix="units/unit_days/",
        comment="One row per category, variant and unit (session or user) that was exposed on the day.",
        columns=(
            Column("category", "string"),
            Column("variant_id", "string"),
            Column("unit", "string", "session or user"),
            Column("unit_id", "string"),
            Column("user_id_hash", "string", "A pseudonym; of a unit with several people, the least"),
            Column("sessions", "bigint", "Sessions with an exposed turn"),
            Column("turns", "bigint", "Turns that used the variant, crisis and unscreened ones included"),
            Column("exposed_turns", "bigint"),
            Column("crisis_turns", "bigint", "Crisis turns that came after an exposed turn of the day"),
            Column("returned", "boolean", "Another session within 7 days; null while that is not known"),
            *said,
        ),
        partitions=_DAYS,
    )


UNIT_DAYS = unit_days(metrics())

_SUMS = (
    Column("metric", "string"),
    Column("kind", "string", "mean or rate"),
    Column("unit", "string", "session or user: what n counts"),
    Column("units", "bigint", "All exposed units, never filtered further: for the sample ratio"),
    Column("sessions", "bigint"),
    Column("users", "bigint"),
    Column("turns", "bigint"),
    Column("exposed_turns", "bigint"),
    Column("crisis_turns", "bigint"),
    Column("mixed_units", "bigint", "Units that had another variant of the category too"),
    Column("n", "bigint", "Units with a value, or trials"),
    Column("total", "double", "Sum of the units' values, or successes"),
    Column("squares", "double", "Sum of the squares of the units' values, 0 for a rate"),
    Column("numerator", "double"),
    Column("denominator", "double"),
    Column("numerator_squares", "double"),
    Column("denominator_squares", "double"),
    Column("cross", "double", "Sum of numerator times denominator over units"),
)

GOLD_VARIANT_DAYS = Table(
    name="gold_variant_days",
    layer=GOLD,
    prefix="gold/variant_days/",
    comment="One row per category, variant and metric: sums over units. SERVICE is the service as a whole.",
    columns=(Column("category", "string"), Column("variant_id", "string"), *_SUMS),
    partitions=_DAYS,
)

GOLD_EXPERIMENTS = Table(
    name="gold_experiments",
    layer=GOLD,
    prefix="gold/experiments/",
    comment="As of the day: each running arm and its production since the arm began, units merged over days.",
    columns=(
        Column("category", "string"),
        Column("arm_id", "string", "The arm that the comparison is about"),
        Column("variant_id", "string", "The arm itself, or a production variant of its category"),
        Column("since", "string", "The first day that counts"),
        *_SUMS,
    ),
    partitions=_DAYS,
)

GOLD_HISTOGRAMS = Table(
    name="gold_histograms",
    layer=GOLD,
    prefix="gold/histograms/",
    comment="Latencies of exposed turns in log-spaced bins, and NPS answers 0 to 10. Adding bins merges.",
    columns=(
        Column("category", "string"),
        Column("variant_id", "string"),
        Column("metric", "string"),
        Column("bin", "bigint", "ceil(ln(x) / ln(1.02 / 0.98)), 0 below 1 ms; for nps the answer"),
        Column("n", "bigint"),
    ),
    partitions=_DAYS,
)

GOLD_COSTS = Table(
    name="gold_costs",
    layer=GOLD,
    prefix="gold/costs/",
    comment="What the calls of models cost. Each call has one category: the rows add up to the day's bill.",
    columns=(
        Column("intent", "string"),
        Column("turn_class", "string", "The class of the call, which for the screen is TC1"),
        Column("model_id", "string"),
        Column("provider", "string"),
        Column("category", "string", "The category that governs the class"),
        Column("variant_id", "string", "What was in force in it"),
        Column("calls", "bigint"),
        Column("turns", "bigint", "Turns with such a call"),
        Column("tokens_input", "bigint"),
        Column("tokens_output", "bigint"),
        Column("tokens_cache_read", "bigint"),
        Column("tokens_cache_write", "bigint"),
        Column("cost_usd", "double"),
    ),
    partitions=_DAYS,
)

GOLD_INTENTS = Table(
    name="gold_intents",
    layer=GOLD,
    prefix="gold/intents/",
    comment="How many turns had which intent and class.",
    columns=(Column("intent", "string"), Column("turn_class", "string"), Column("turns", "bigint")),
    partitions=_DAYS,
)

GOLD_FAILURES = Table(
    name="gold_failures",
    layer=GOLD,
    prefix="gold/failures/",
    comment="What went wrong, by the categories of failure_categories.json. A turn may have several.",
    columns=(
        Column("failure", "string"),
        Column("intent", "string"),
        Column("turn_class", "string"),
        Column("model_id", "string"),
        Column("turns", "bigint"),
        Column("example_turn_id", "string", "The least of them"),
    ),
    partitions=_DAYS,
)

GOLD_ARRIVALS = Table(
    name="gold_arrivals",
    layer=GOLD,
    prefix="gold/arrivals/",
    comment="What arrived of the day's turns: the row that makes a loss visible.",
    columns=(
        Column("received", "bigint", "Rows in bronze"),
        Column("turns", "bigint", "Turns, each once"),
        Column("duplicates", "bigint", "Rows that repeat a turn; received = turns + duplicates + invalid"),
        Column("invalid", "bigint", "Rows that silver leaves out"),
        Column("late", "bigint", "Turns that arrived more than a day after their own"),
    ),
    partitions=_DAYS,
)

REFINED = (
    SILVER_TURNS,
    SILVER_FEEDBACK,
    UNIT_DAYS,
    GOLD_VARIANT_DAYS,
    GOLD_HISTOGRAMS,
    GOLD_EXPERIMENTS,
    GOLD_COSTS,
    GOLD_INTENTS,
    GOLD_FAILURES,
    GOLD_ARRIVALS,
)
"""In the order in which they can be made: each from those before it and from bronze."""
