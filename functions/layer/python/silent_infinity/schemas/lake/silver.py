"""The statements of silver: one row per turn, and one per piece of feedback."""

from silent_infinity.domain.lake.refined import SILVER_TURNS
from silent_infinity.schemas.lake.bronze import turns
from silent_infinity.schemas.lake.layout import ARRIVED, FIRST, LAST, LOCATION, unload

_SCALARS = (
    "recorded_at, timestamp, session_id, user_id_hash, turn_number, tokens_input, tokens_output, "
    "tokens_cache_read, tokens_cache_write, cost_usd, model_id, provider, prompt_id, prompt_sha, "
    "crisis_flag_level, screened_level, guardrail_triggered, error_class, retry_count, turn_class, intent, "
    "intent_confidence, path, reply_kind, reply_source, quality_score, attempts, fallback_used, "
    "finish_reason, latency_ms.total_ms, latency_ms.llm_ttft_ms"
)
"""What decides between copies of a turn that differ, which nothing writes: the least row stays."""

_SCREEN_READ = "('model_screen:empty', 'model_screen:malformed', 'model_screen:schema')"
"""The errors that mean that the screen's model did answer, but not in the form that it was asked for."""


def silver_turns() -> str:
    """Return the statement of `silver_turns`.

    A turn that arrived once, as nearly all do, goes straight through. Only the copies of the others are put
    in order, so that no wide row is ever sorted or hashed: without copies Trino does not even read for them.
    """
    made = {
        "received_at": "t.received_at",
        "screened": "NOT COALESCE(contains(t.degraded, 'screen'), FALSE)",
        "screen_cost_usd": "t.screen_model.cost_usd",
        "screen_answer": (
            "CASE WHEN COALESCE(t.screen_model.model_id, '') = '' THEN NULL"
            " WHEN t.screen_model.level IS NOT NULL THEN 'read'"
            f" WHEN t.screen_model.error IN {_SCREEN_READ} THEN 'unreadable' ELSE 'none' END"
        ),
        "rating": "r.rating",
        "rating_variant_id": "r.rating_variant_id",
        "rated_at": "r.rated_at",
        "continued": "COALESCE(t.received_at < e.ended_at OR e.next_day = date_add('day', 1, e.day), FALSE)",
    }

    def column(name: str) -> str:
        if name in made:
            return f"{made[name]} AS {name}"
        if name.startswith("latency_"):
            return f"t.latency_ms.{name.removeprefix('latency_')} AS {name}"
        return f"t.{name}"

    columns = ",\n    ".join(column(one.name) for one in SILVER_TURNS.columns)
    read = ", ".join(
        name
        for name in dict.fromkeys(
            "latency_ms" if one.name.startswith("latency_") else one.name for one in SILVER_TURNS.columns
        )
        if name not in made.keys() - {"received_at"}
    )
    wide = f"{read}, timestamp"
    maps = ", ".join(
        f"array_join(transform(array_sort(map_keys({name})), k -> k || '=' || {name}[k]), ',')"
        for name in ("active_variants", "exposures")
    )
    return unload(
        [
            "One row per turn of these days, with its rating, from all that arrived of it until then.",
            FIRST,
            LAST,
            ARRIVED,
            LOCATION,
        ],
        f"""
WITH copied AS (
    SELECT turn_id
    FROM ({turns("turn_id", "${last}")}) AS every
    GROUP BY turn_id
    HAVING count(*) > 1
),
turns AS (
    SELECT once.*
    FROM ({turns(wide, "${last}")}) AS once
    LEFT JOIN copied ON copied.turn_id = once.turn_id
    WHERE copied.turn_id IS NULL
    UNION ALL
    SELECT {wide}
    FROM (
        SELECT often.*, row_number() OVER (
            PARTITION BY often.turn_id
            ORDER BY {_SCALARS},
                {maps}
        ) AS place
        FROM ({turns(wide, "${last}")}) AS often
        INNER JOIN copied ON copied.turn_id = often.turn_id
    ) AS ranked
    WHERE place = 1
),
ends AS (
    SELECT session_id, day, ended_at, lead(day) OVER (PARTITION BY session_id ORDER BY day) AS next_day
    FROM (
        SELECT session_id, CAST(received_at AS date) AS day, max(received_at) AS ended_at
        FROM ({turns("session_id, received_at", "${last+1}")}) AS every
        GROUP BY session_id, CAST(received_at AS date)
    ) AS days
),
ratings AS (
    SELECT turn_id,
        max_by(rating, created_at || ' ' || feedback_id) AS rating,
        max_by(rating_variant_id, created_at || ' ' || feedback_id) AS rating_variant_id,
        max(created_at) AS rated_at
    FROM bronze_feedback
    WHERE dt BETWEEN ${{first-1}} AND ${{arrived_until}}
        AND turn_id <> '' AND feedback_id <> '' AND created_at <> '' AND rating BETWEEN 1 AND 5
    GROUP BY turn_id
)
SELECT
    {columns},
    substr(t.timestamp, 1, 10) AS dt
FROM turns AS t
LEFT JOIN ratings AS r ON r.turn_id = t.turn_id
LEFT JOIN ends AS e ON e.session_id = t.session_id AND e.day = CAST(t.received_at AS date)
""",  # noqa: S608 -- text of this module
    )


def silver_feedback() -> str:
    """Return the statement of `silver_feedback`."""
    return unload(
        ["One row per piece of feedback that was given on these days.", FIRST, LAST, ARRIVED, LOCATION],
        """
SELECT feedback_id, turn_id, session_id, user_id_hash, created_at, rating, nps, rating_variant_id,
    substr(created_at, 1, 10) AS dt
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY feedback_id
        ORDER BY created_at, turn_id, session_id, user_id_hash, rating, nps, rating_variant_id
    ) AS place
    FROM bronze_feedback
    WHERE dt BETWEEN ${first-1} AND ${arrived_until}
        AND substr(created_at, 1, 10) BETWEEN ${first} AND ${last}
        AND feedback_id <> '' AND session_id <> ''
        AND COALESCE(rating BETWEEN 1 AND 5, TRUE) AND COALESCE(nps BETWEEN 0 AND 10, TRUE)
) AS ranked
WHERE place = 1
""",
    )
