"""How bronze is read: which rows are turns, and when each was.

A row that is no turn is left out of silver, and counted by `gold_arrivals`.
"""

_VALID = (
    ("turn_id <> ''", False),
    ("session_id <> ''", False),
    ("received_at IS NOT NULL", False),
    ("crisis_flag_level BETWEEN 0 AND 4", False),
    ("latency_ms.total_ms BETWEEN 0 AND 86400000", True),
    ("latency_ms.llm_ttft_ms BETWEEN 0 AND 86400000", True),
    ("tokens_input BETWEEN 0 AND 1000000000", True),
    ("tokens_output BETWEEN 0 AND 1000000000", True),
    ("cost_usd BETWEEN 0 AND 10000", True),
    ("screen_model.cost_usd BETWEEN 0 AND 10000", True),
    ("quality_score BETWEEN 0 AND 1", True),
    ("attempts BETWEEN 0 AND 1000", True),
)
"""What a row of bronze has to be, and whether null will do."""


def received_at() -> str:
    """Return the moment of a turn, UTC, cut to milliseconds; null for anything but ISO 8601 in UTC."""
    return """TRY_CAST(replace(substr(
                CASE WHEN timestamp LIKE '%+00:00' THEN substr(timestamp, 1, length(timestamp) - 6)
                    WHEN timestamp LIKE '%Z' THEN substr(timestamp, 1, length(timestamp) - 1) END
                || '.000', 1, 23), 'T', ' ') AS timestamp(3))"""


def valid() -> str:
    """Return the condition that a row of bronze, with its `received_at`, is a turn."""
    return "\n        AND ".join(
        f"COALESCE({said}, {'TRUE' if or_null else 'FALSE'})" for said, or_null in _VALID
    )


def turns(columns: str, last: str) -> str:
    """Return a query of the valid turns of the days `first` to `last`, copies and all."""
    return f"""SELECT {columns}
    FROM (
        SELECT *, {received_at()} AS received_at
        FROM bronze_turn_events
        WHERE dt BETWEEN ${{first-1}} AND ${{arrived_until}}
            AND substr(timestamp, 1, 10) BETWEEN ${{first}} AND {last}
    ) AS arrived
    WHERE {valid()}"""  # noqa: S608 -- text of this module
