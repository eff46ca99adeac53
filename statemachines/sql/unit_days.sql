-- What each unit (session or user) had of each variant on each of these days.
-- first: day, the first day of the turns
-- last: day, their last day
-- through: day, the last complete day
-- location: prefix, where the objects go
-- Made by silent_infinity.schemas.lake: change that, not this.
UNLOAD (
WITH units AS (
    SELECT dt, category, variant_id, unit, unit_id,
        min(user_id_hash) AS user_id_hash,
        IF(unit = 'user', count(DISTINCT session_id) FILTER (WHERE unit = 'user' AND exposed_turns > 0), 1)
            AS sessions,
        sum(turns) AS turns,
        sum(exposed_turns) AS exposed_turns,
            sum(latency_total_ms_num) AS latency_total_ms_num,
            sum(latency_first_token_ms_num) AS latency_first_token_ms_num,
            sum(latency_first_token_ms_den) AS latency_first_token_ms_den,
            sum(cost_usd_num) AS cost_usd_num,
            sum(rating_num) AS rating_num,
            sum(rating_den) AS rating_den,
            sum(quality_num) AS quality_num,
            sum(quality_den) AS quality_den,
            sum(tokens_input_num) AS tokens_input_num,
            sum(tokens_output_num) AS tokens_output_num,
            sum(satisfaction_num) AS satisfaction_num,
            sum(completion_num) AS completion_num,
            sum(regeneration_num) AS regeneration_num,
            sum(fallback_num) AS fallback_num,
            sum(degraded_num) AS degraded_num,
            sum(json_parse_num) AS json_parse_num,
            sum(json_parse_den) AS json_parse_den,
            sum(guard_trigger_num) AS guard_trigger_num
    FROM (
        SELECT p.*, c.category, c.variant_id, IF(c.category IN ('CHAT_UI_LAYOUT', 'COMPOSE_POSITION', 'VOICE_PROVIDER', 'MANDALA_FACE', 'PRICING_TIER_STRUCTURE', 'SYNTHESIS_MODEL'), 'user', 'session') AS unit,
            IF(IF(c.category IN ('CHAT_UI_LAYOUT', 'COMPOSE_POSITION', 'VOICE_PROVIDER', 'MANDALA_FACE', 'PRICING_TIER_STRUCTURE', 'SYNTHESIS_MODEL'), 'user', 'session') = 'user', p.user_id_hash, p.session_id) AS unit_id
        FROM (
            SELECT dt, session_id, user_id_hash, exposures,
                CAST(count(*) AS double) AS turns,
                CAST(count_if(exposed) AS double) AS exposed_turns,
            sum(IF(exposed, round(CAST(latency_total_ms AS double) * 1000e0))) AS latency_total_ms_num,
            sum(IF(exposed, round(CAST(IF(latency_llm_ttft_ms > 0, latency_llm_ttft_ms, 0) AS double) * 1000e0))) AS latency_first_token_ms_num,
            sum(IF(exposed, CAST(IF(latency_llm_ttft_ms > 0, 1, 0) AS double))) AS latency_first_token_ms_den,
            sum(IF(exposed, round(CAST(cost_usd + screen_cost_usd AS double) * 1000000000e0))) AS cost_usd_num,
            sum(IF(exposed, round(CAST(rating AS double) * 1000000e0))) AS rating_num,
            sum(IF(exposed, CAST(IF(rating IS NOT NULL, 1, 0) AS double))) AS rating_den,
            sum(IF(exposed, round(CAST(quality_score AS double) * 1000000e0))) AS quality_num,
            sum(IF(exposed, CAST(IF(quality_score IS NOT NULL, 1, 0) AS double))) AS quality_den,
            sum(IF(exposed, round(CAST(tokens_input AS double) * 1000e0))) AS tokens_input_num,
            sum(IF(exposed, round(CAST(tokens_output AS double) * 1000e0))) AS tokens_output_num,
            sum(IF(exposed, CAST(IF(rating >= 4, 1, 0) AS double))) AS satisfaction_num,
            sum(IF(exposed, CAST(IF(continued, 1, 0) AS double))) AS completion_num,
            sum(IF(exposed, CAST(IF(attempts > 1, 1, 0) AS double))) AS regeneration_num,
            sum(IF(exposed, CAST(IF(fallback_used, 1, 0) AS double))) AS fallback_num,
            sum(IF(exposed, CAST(IF(cardinality(degraded) > 0, 1, 0) AS double))) AS degraded_num,
            sum(IF(exposed, CAST(IF(screen_answer = 'read', 1, 0) AS double))) AS json_parse_num,
            sum(IF(exposed, CAST(IF(screen_answer IN ('read', 'unreadable'), 1, 0) AS double))) AS json_parse_den,
            sum(IF(exposed, CAST(IF(guardrail_triggered, 1, 0) AS double))) AS guard_trigger_num
            FROM (
                SELECT *, screened AND crisis_flag_level < 2 AS exposed
                FROM silver_turns
                WHERE dt BETWEEN ${first} AND ${last}
            ) AS t
            GROUP BY dt, session_id, user_id_hash, exposures
        ) AS p
        CROSS JOIN UNNEST(
            COALESCE(map_keys(p.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['SERVICE'],
            COALESCE(map_values(p.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['all']
        ) AS c(category, variant_id)
    ) AS laid
    WHERE unit_id <> ''
    GROUP BY dt, category, variant_id, unit, unit_id
    HAVING sum(exposed_turns) > 0
),
crises AS (
    SELECT dt, category, variant_id, unit_id, count(*) AS crisis_turns
    FROM (
        SELECT e.dt, c.category, c.variant_id,
            IF(IF(c.category IN ('CHAT_UI_LAYOUT', 'COMPOSE_POSITION', 'VOICE_PROVIDER', 'MANDALA_FACE', 'PRICING_TIER_STRUCTURE', 'SYNTHESIS_MODEL'), 'user', 'session') = 'user', e.user_id_hash, e.session_id) AS unit_id,
            row_number() OVER (
                PARTITION BY k.turn_id, c.category ORDER BY e.received_at DESC, e.turn_id DESC
            ) AS place
        FROM (
            SELECT turn_id, session_id, received_at, dt
            FROM silver_turns
            WHERE dt BETWEEN ${first} AND ${last+1} AND crisis_flag_level >= 2
        ) AS k
        INNER JOIN (
            SELECT turn_id, session_id, user_id_hash, received_at, dt, exposures
            FROM silver_turns
            WHERE dt BETWEEN ${first} AND ${last+1} AND screened AND crisis_flag_level < 2
        ) AS e ON e.session_id = k.session_id
            AND date_diff('day', CAST(e.dt AS date), CAST(k.dt AS date)) <= 1
            AND (e.received_at < k.received_at OR (e.received_at = k.received_at AND e.turn_id < k.turn_id))
        CROSS JOIN UNNEST(
            COALESCE(map_keys(e.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['SERVICE'],
            COALESCE(map_values(e.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['all']
        ) AS c(category, variant_id)
    ) AS followed
    WHERE place = 1 AND dt <= ${last}
    GROUP BY dt, category, variant_id, unit_id
),
returns AS (
    SELECT user_id_hash, bitwise_or_agg(bitwise_and(bitwise_or(bitwise_or(bitwise_or(bitwise_or(bitwise_or(bitwise_or(bitwise_right_shift(days, 1), bitwise_right_shift(days, 2)), bitwise_right_shift(days, 3)), bitwise_right_shift(days, 4)), bitwise_right_shift(days, 5)), bitwise_right_shift(days, 6)), bitwise_right_shift(days, 7)), bitwise_not(days))) AS days
    FROM (
        SELECT user_id_hash, session_id,
            bitwise_or_agg(bitwise_left_shift(BIGINT '1', CAST(date_diff('day', CAST(${first} AS date), CAST(dt AS date)) AS integer))) AS days
        FROM silver_turns
        WHERE dt BETWEEN ${first} AND ${last+7} AND user_id_hash <> ''
        GROUP BY user_id_hash, session_id
    ) AS seen
    GROUP BY user_id_hash
)
SELECT u.category, u.variant_id, u.unit, u.unit_id, u.user_id_hash,
    CAST(u.sessions AS bigint) AS sessions,
    CAST(u.turns AS bigint) AS turns,
    CAST(u.exposed_turns AS bigint) AS exposed_turns,
    COALESCE(k.crisis_turns, 0) AS crisis_turns,
    IF(date_diff('day', CAST(u.dt AS date), CAST(${through} AS date)) >= 7,
        bitwise_and(bitwise_right_shift(r.days, CAST(date_diff('day', CAST(${first} AS date), CAST(u.dt AS date)) AS integer)), 1) = 1) AS returned,
    CAST(COALESCE(u.latency_total_ms_num, 0e0) AS bigint) AS latency_total_ms_num,
    CAST(COALESCE(u.latency_first_token_ms_num, 0e0) AS bigint) AS latency_first_token_ms_num,
    CAST(COALESCE(u.latency_first_token_ms_den, 0e0) AS bigint) AS latency_first_token_ms_den,
    CAST(COALESCE(u.cost_usd_num, 0e0) AS bigint) AS cost_usd_num,
    CAST(COALESCE(u.rating_num, 0e0) AS bigint) AS rating_num,
    CAST(COALESCE(u.rating_den, 0e0) AS bigint) AS rating_den,
    CAST(COALESCE(u.quality_num, 0e0) AS bigint) AS quality_num,
    CAST(COALESCE(u.quality_den, 0e0) AS bigint) AS quality_den,
    CAST(COALESCE(u.tokens_input_num, 0e0) AS bigint) AS tokens_input_num,
    CAST(COALESCE(u.tokens_output_num, 0e0) AS bigint) AS tokens_output_num,
    CAST(COALESCE(u.satisfaction_num, 0e0) AS bigint) AS satisfaction_num,
    CAST(COALESCE(u.completion_num, 0e0) AS bigint) AS completion_num,
    CAST(COALESCE(u.regeneration_num, 0e0) AS bigint) AS regeneration_num,
    CAST(COALESCE(u.fallback_num, 0e0) AS bigint) AS fallback_num,
    CAST(COALESCE(u.degraded_num, 0e0) AS bigint) AS degraded_num,
    CAST(COALESCE(u.json_parse_num, 0e0) AS bigint) AS json_parse_num,
    CAST(COALESCE(u.json_parse_den, 0e0) AS bigint) AS json_parse_den,
    CAST(COALESCE(u.guard_trigger_num, 0e0) AS bigint) AS guard_trigger_num,
    u.dt
FROM units AS u
LEFT JOIN crises AS k ON k.dt = u.dt AND k.category = u.category AND k.variant_id = u.variant_id
    AND k.unit_id = u.unit_id
LEFT JOIN returns AS r ON r.user_id_hash = u.user_id_hash
)
TO ${location}
WITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['dt'])
