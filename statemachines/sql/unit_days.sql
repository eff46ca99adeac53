-- What each unit (session or user) had of each variant on each of these days.
-- first: day, the first day of the turns
-- last: day, their last day
-- through: day, the last complete day
-- location: prefix, where the objects go
-- Made by silent_infinity.schemas.lake: change that, not this.
UNLOAD (
WITH units AS (
    SELECT dt, category, variant_id, IF(category IN ('CHAT_UI_LAYOUT', 'COMPOSE_POSITION', 'VOICE_PROVIDER', 'MANDALA_FACE', 'PRICING_TIER_STRUCTURE', 'SYNTHESIS_MODEL'), 'user', 'session') AS unit, unit_id,
        min(user_id_hash) AS user_id_hash,
        IF(IF(category IN ('CHAT_UI_LAYOUT', 'COMPOSE_POSITION', 'VOICE_PROVIDER', 'MANDALA_FACE', 'PRICING_TIER_STRUCTURE', 'SYNTHESIS_MODEL'), 'user', 'session') = 'user', count_if(exposed_turns > 0), 1) AS sessions,
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
        SELECT p.dt, c.category, c.variant_id,
            IF(IF(c.category IN ('CHAT_UI_LAYOUT', 'COMPOSE_POSITION', 'VOICE_PROVIDER', 'MANDALA_FACE', 'PRICING_TIER_STRUCTURE', 'SYNTHESIS_MODEL'), 'user', 'session') = 'user', p.user_id_hash, p.session_id) AS unit_id,
            IF(IF(c.category IN ('CHAT_UI_LAYOUT', 'COMPOSE_POSITION', 'VOICE_PROVIDER', 'MANDALA_FACE', 'PRICING_TIER_STRUCTURE', 'SYNTHESIS_MODEL'), 'user', 'session') = 'user', p.session_id) AS of_session,
            min(p.user_id_hash) AS user_id_hash,
            sum(p.turns) AS turns,
            sum(p.exposed_turns) AS exposed_turns,
            sum(p.latency_total_ms_num) AS latency_total_ms_num,
            sum(p.latency_first_token_ms_num) AS latency_first_token_ms_num,
            sum(p.latency_first_token_ms_den) AS latency_first_token_ms_den,
            sum(p.cost_usd_num) AS cost_usd_num,
            sum(p.rating_num) AS rating_num,
            sum(p.rating_den) AS rating_den,
            sum(p.quality_num) AS quality_num,
            sum(p.quality_den) AS quality_den,
            sum(p.tokens_input_num) AS tokens_input_num,
            sum(p.tokens_output_num) AS tokens_output_num,
            sum(p.satisfaction_num) AS satisfaction_num,
            sum(p.completion_num) AS completion_num,
            sum(p.regeneration_num) AS regeneration_num,
            sum(p.fallback_num) AS fallback_num,
            sum(p.degraded_num) AS degraded_num,
            sum(p.json_parse_num) AS json_parse_num,
            sum(p.json_parse_den) AS json_parse_den,
            sum(p.guard_trigger_num) AS guard_trigger_num
        FROM (
            SELECT dt, session_id, user_id_hash, exposures,
                CAST(count(*) AS double) AS turns,
                CAST(count_if(exposed) AS double) AS exposed_turns,
            sum(IF(exposed, round(CAST(latency_total_ms AS double) * 1000e0))) AS latency_total_ms_num,
            sum(IF(exposed, round(CAST(IF(latency_llm_ttft_ms > 0, latency_llm_ttft_ms, 0) AS double) * 1000e0))) AS latency_first_token_ms_num,
            sum(IF(exposed, CAST(IF(latency_llm_ttft_ms > 0, 1, 0) AS double))) AS latency_first_token_ms_den,
            sum(IF(exposed, round(CAST(COALESCE(cost_usd, 0) + COALESCE(screen_cost_usd, 0) AS double) * 1000000000e0))) AS cost_usd_num,
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
        GROUP BY 1, 2, 3, 4, 5
    ) AS laid
    WHERE unit_id <> '' AND category <> '' AND variant_id <> ''
    GROUP BY dt, category, variant_id, unit_id
    HAVING sum(exposed_turns) > 0
),
crises AS (
    SELECT since AS dt, category, variant_id, unit_id, count(*) AS crisis_turns
    FROM (
        SELECT crisis, place, category, dt,
            min(dt) OVER (PARTITION BY session_id, category, place) AS since,
            min(variant_id) OVER (PARTITION BY session_id, category, place) AS variant_id,
            min(unit_id) OVER (PARTITION BY session_id, category, place) AS unit_id
        FROM (
            SELECT s.session_id, s.dt, s.crisis, c.category, c.variant_id,
                IF(NOT s.crisis, IF(IF(c.category IN ('CHAT_UI_LAYOUT', 'COMPOSE_POSITION', 'VOICE_PROVIDER', 'MANDALA_FACE', 'PRICING_TIER_STRUCTURE', 'SYNTHESIS_MODEL'), 'user', 'session') = 'user', s.user_id_hash, s.session_id)) AS unit_id,
                sum(IF(s.crisis, 0, 1)) OVER (
                    PARTITION BY s.session_id, c.category ORDER BY s.received_at, s.turn_id
                    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                ) AS place
            FROM (
                SELECT t.turn_id, t.session_id, t.user_id_hash, t.received_at, t.dt,
                    t.crisis_flag_level >= 2 AS crisis,
                    IF(t.crisis_flag_level >= 2, f.names, COALESCE(map_keys(t.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['SERVICE']) AS names,
                    IF(t.crisis_flag_level >= 2,
                        transform(f.names, name -> CAST(NULL AS varchar)),
                        COALESCE(map_values(t.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['all']) AS variants
                FROM silver_turns AS t
                INNER JOIN (
                    SELECT g.session_id, array_agg(DISTINCT c.category) AS names
                    FROM (
                        SELECT session_id, exposures,
                            max(max(crisis_flag_level)) OVER (PARTITION BY session_id) AS worst
                        FROM silver_turns
                        WHERE dt BETWEEN ${first} AND ${last+1}
                        GROUP BY session_id, exposures
                    ) AS g
                    CROSS JOIN UNNEST(
            COALESCE(map_keys(g.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['SERVICE'],
            COALESCE(map_values(g.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['all']
        ) AS c(category, variant_id)
                    WHERE g.worst >= 2
                    GROUP BY g.session_id
                ) AS f ON f.session_id = t.session_id
                WHERE t.dt BETWEEN ${first} AND ${last+1}
                    AND (t.crisis_flag_level >= 2 OR (screened AND crisis_flag_level < 2))
            ) AS s
            CROSS JOIN UNNEST(s.names, s.variants) AS c(category, variant_id)
        ) AS followed
    ) AS reigned
    WHERE crisis AND place > 0 AND since <= ${last} AND date_diff('day', CAST(since AS date), CAST(dt AS date)) <= 1
    GROUP BY since, category, variant_id, unit_id
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
