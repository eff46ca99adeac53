-- What the calls of models on these days cost.
-- first: day, the first day of the turns
-- last: day, their last day
-- location: prefix, where the objects go
-- Made by silent_infinity.schemas.lake: change that, not this.
UNLOAD (
SELECT intent, turn_class, model_id, provider, category, variant_id,
    count(*) AS calls,
    count_if(first_of_its_kind) AS turns,
    CAST(sum(tokens_input) AS bigint) AS tokens_input, CAST(sum(tokens_output) AS bigint) AS tokens_output, CAST(sum(tokens_cache_read) AS bigint) AS tokens_cache_read, CAST(sum(tokens_cache_write) AS bigint) AS tokens_cache_write,
    CAST(sum(CAST(round(cost_usd * 1000000000e0) AS bigint)) AS double) / 1000000000e0 AS cost_usd,
    dt
FROM (
    SELECT *, COALESCE(element_at(active_variants, category), '') AS variant_id
    FROM (
        SELECT *, CASE turn_class WHEN 'TC1' THEN 'CRISIS_DETECTOR_MODEL' WHEN 'TC2' THEN 'SENTINEL_MODEL' WHEN 'TC3' THEN 'SMALL_TALK_MODEL' WHEN 'TC4' THEN 'LLM_MODEL' WHEN 'TC5' THEN 'LLM_MODEL' WHEN 'TC6' THEN 'CRISIS_FLOW_MODEL' WHEN 'TC7' THEN 'SYNTHESIS_MODEL' ELSE '' END AS category
        FROM (
            SELECT t.dt, COALESCE(t.intent, '') AS intent, t.active_variants,
                k.turn_class, k.model_id, k.provider,
                array_position(transform(t.model_calls, c -> COALESCE(c.turn_class, '') || ' ' || COALESCE(IF(c.model_answered <> '', c.model_answered, c.model_asked), '') || ' ' || COALESCE(c.provider, '')), k.kind) = k.place AS first_of_its_kind,
                k.tokens_input, k.tokens_output, k.tokens_cache_read, k.tokens_cache_write, k.cost_usd
            FROM silver_turns AS t
            CROSS JOIN UNNEST(
            transform(t.model_calls, c -> COALESCE(c.turn_class, '') || ' ' || COALESCE(IF(c.model_answered <> '', c.model_answered, c.model_asked), '') || ' ' || COALESCE(c.provider, '')),
            transform(t.model_calls, c -> COALESCE(c.turn_class, '')),
            transform(t.model_calls, c -> COALESCE(IF(c.model_answered <> '', c.model_answered, c.model_asked), '')),
            transform(t.model_calls, c -> COALESCE(c.provider, '')),
            transform(t.model_calls, c -> IF(c.tokens_input BETWEEN 0 AND 1000000000, c.tokens_input, 0)),
            transform(t.model_calls, c -> IF(c.tokens_output BETWEEN 0 AND 1000000000, c.tokens_output, 0)),
            transform(t.model_calls, c -> IF(c.tokens_cache_read BETWEEN 0 AND 1000000000, c.tokens_cache_read, 0)),
            transform(t.model_calls, c -> IF(c.tokens_cache_write BETWEEN 0 AND 1000000000, c.tokens_cache_write, 0)),
            transform(t.model_calls, c -> IF(c.cost_usd BETWEEN 0 AND 10000, c.cost_usd, 0e0))
            ) WITH ORDINALITY AS k(kind, turn_class, model_id, provider, tokens_input, tokens_output, tokens_cache_read, tokens_cache_write, cost_usd, place)
            WHERE t.dt BETWEEN ${first} AND ${last}
            UNION ALL
            SELECT dt, COALESCE(intent, '') AS intent, active_variants,
                'TC1' AS turn_class, screen_model.model_id, COALESCE(screen_model.provider, '') AS provider,
                TRUE AS first_of_its_kind,
                IF(screen_model.tokens_input BETWEEN 0 AND 1000000000, screen_model.tokens_input, 0) AS tokens_input, IF(screen_model.tokens_output BETWEEN 0 AND 1000000000, screen_model.tokens_output, 0) AS tokens_output, IF(screen_model.tokens_cache_read BETWEEN 0 AND 1000000000, screen_model.tokens_cache_read, 0) AS tokens_cache_read, IF(screen_model.tokens_cache_write BETWEEN 0 AND 1000000000, screen_model.tokens_cache_write, 0) AS tokens_cache_write,
                COALESCE(screen_cost_usd, 0e0) AS cost_usd
            FROM silver_turns
            WHERE dt BETWEEN ${first} AND ${last} AND screen_model.model_id <> ''
        ) AS calls
    ) AS governed
) AS known
GROUP BY intent, turn_class, model_id, provider, category, variant_id, dt
)
TO ${location}
WITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['dt'])
