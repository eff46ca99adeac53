-- What arrived of the turns of these days, and what became of it.
-- first: day, the first day of the turns
-- last: day, their last day
-- arrived_until: day, the last day of arrival that is read
-- location: prefix, where the objects go
-- Made by silent_infinity.schemas.lake: change that, not this.
UNLOAD (
SELECT CAST(sum(received) AS bigint) AS received,
    count_if(valid_rows > 0) AS turns,
    CAST(sum(IF(valid_rows > 0, valid_rows - 1, 0)) AS bigint) AS duplicates,
    CAST(sum(received - valid_rows) AS bigint) AS invalid,
    count_if(valid_rows > 0 AND date_diff('day', CAST(dt AS date), CAST(arrived AS date)) > 1) AS late,
    dt
FROM (
    SELECT turn_id, day AS dt, count(*) AS received, count_if(is_turn) AS valid_rows,
        min(IF(is_turn, arrived)) AS arrived
    FROM (
        SELECT turn_id, dt AS arrived,
            COALESCE(turn_id <> '', FALSE)
        AND COALESCE(session_id <> '', FALSE)
        AND COALESCE(received_at IS NOT NULL, FALSE)
        AND COALESCE(crisis_flag_level BETWEEN 0 AND 4, FALSE)
        AND COALESCE(latency_ms.total_ms BETWEEN 0 AND 86400000, TRUE)
        AND COALESCE(latency_ms.llm_ttft_ms BETWEEN 0 AND 86400000, TRUE)
        AND COALESCE(tokens_input BETWEEN 0 AND 1000000000, TRUE)
        AND COALESCE(tokens_output BETWEEN 0 AND 1000000000, TRUE)
        AND COALESCE(cost_usd BETWEEN 0 AND 10000, TRUE)
        AND COALESCE(screen_model.cost_usd BETWEEN 0 AND 10000, TRUE)
        AND COALESCE(quality_score BETWEEN 0 AND 1, TRUE)
        AND COALESCE(attempts BETWEEN 0 AND 1000, TRUE) AS is_turn,
            IF(received_at IS NULL, dt, substr(timestamp, 1, 10)) AS day
        FROM (
            SELECT *, TRY_CAST(replace(substr(
                CASE WHEN timestamp LIKE '%+00:00' THEN substr(timestamp, 1, length(timestamp) - 6)
                    WHEN timestamp LIKE '%Z' THEN substr(timestamp, 1, length(timestamp) - 1) END
                || '.000', 1, 23), 'T', ' ') AS timestamp(3)) AS received_at
            FROM bronze_turn_events
            WHERE dt BETWEEN ${first-1} AND ${arrived_until}
        ) AS read
    ) AS judged
    WHERE day BETWEEN ${first} AND ${last}
    GROUP BY turn_id, day
) AS turns
GROUP BY dt
)
TO ${location}
WITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['dt'])
