-- What went wrong on these days.
-- first: day, the first day of the turns
-- last: day, their last day
-- location: prefix, where the objects go
-- Made by silent_infinity.schemas.lake: change that, not this.
UNLOAD (
SELECT f.failure, COALESCE(t.intent, '') AS intent, COALESCE(t.turn_class, '') AS turn_class,
    COALESCE(t.model_id, '') AS model_id, count(*) AS turns, min(t.turn_id) AS example_turn_id, t.dt
FROM (
    SELECT dt, turn_id, intent, turn_class, model_id,
        filter(ARRAY[
            IF(NOT screened, 'unscreened'),
            IF(crisis_flag_level >= 2 AND fallback_used, 'crisis_fallback'),
            IF(crisis_flag_level < 2 AND fallback_used, 'fallback'),
            IF(error_class IS NOT NULL, 'model_error'),
            IF(cardinality(filter(degraded, mark -> mark <> 'screen')) > 0, 'degraded'),
            IF(budget_level <> '', 'budget'),
            IF(guardrail_triggered, 'guarded'),
            IF(cardinality(quality_failures) > 0, 'quality'),
            IF(attempts > 1, 'rewritten'),
            IF(finish_reason = 'length', 'cut_off'),
            IF(screen_answer = 'unreadable', 'unreadable_screen'),
            IF(screen_answer = 'none', 'silent_screen'),
            IF(rating <= 2, 'low_rating'),
            IF(rating <= 3 AND NOT continued, 'unhappy_end'),
            IF(latency_total_ms > 12000, 'slow')
        ], name -> name IS NOT NULL) AS failures
    FROM silver_turns
    WHERE dt BETWEEN ${first} AND ${last}
) AS t
CROSS JOIN UNNEST(t.failures) AS f(failure)
GROUP BY f.failure, COALESCE(t.intent, ''), COALESCE(t.turn_class, ''), COALESCE(t.model_id, ''), t.dt
)
TO ${location}
WITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['dt'])
