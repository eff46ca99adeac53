-- One row per turn of these days, with its rating, from all that arrived of it until then.
-- first: day, the first day of the turns
-- last: day, their last day
-- arrived_until: day, the last day of arrival that is read
-- location: prefix, where the objects go
-- Made by silent_infinity.schemas.lake: change that, not this.
UNLOAD (
WITH copied AS (
    SELECT turn_id
    FROM (SELECT turn_id
    FROM (
        SELECT *, TRY_CAST(replace(substr(
                CASE WHEN timestamp LIKE '%+00:00' THEN substr(timestamp, 1, length(timestamp) - 6)
                    WHEN timestamp LIKE '%Z' THEN substr(timestamp, 1, length(timestamp) - 1) END
                || '.000', 1, 23), 'T', ' ') AS timestamp(3)) AS received_at
        FROM bronze_turn_events
        WHERE dt BETWEEN ${first-1} AND ${arrived_until}
            AND substr(timestamp, 1, 10) BETWEEN ${first} AND ${last}
    ) AS arrived
    WHERE COALESCE(turn_id <> '', FALSE)
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
        AND COALESCE(attempts BETWEEN 0 AND 1000, TRUE)) AS every
    GROUP BY turn_id
    HAVING count(*) > 1
),
turns AS (
    SELECT once.*
    FROM (SELECT turn_id, session_id, user_id_hash, received_at, recorded_at, schema_version, turn_number, active_variants, exposures, assignment_version, latency_ms, tokens_input, tokens_output, tokens_cache_read, tokens_cache_write, cost_usd, model_id, provider, prompt_id, prompt_sha, voice_id, page_url, referrer_class, device_class, browser, region, locale, environment, crisis_flag_level, screened_level, screen_rule_ids, screen_model, safe_exit, referrals, session_referrals, referral_country, disclosure, guardrail_triggered, guardrail_rule_id, guardrail_rule_ids, error_class, retry_count, turn_class, intent, intent_confidence, sentiment, sentiment_score, entity_types, path, reply_kind, reply_source, reply_id, quality_score, quality_parts, quality_failures, attempts, fallback_used, degraded, finish_reason, model_calls, budget_level, timestamp
    FROM (
        SELECT *, TRY_CAST(replace(substr(
                CASE WHEN timestamp LIKE '%+00:00' THEN substr(timestamp, 1, length(timestamp) - 6)
                    WHEN timestamp LIKE '%Z' THEN substr(timestamp, 1, length(timestamp) - 1) END
                || '.000', 1, 23), 'T', ' ') AS timestamp(3)) AS received_at
        FROM bronze_turn_events
        WHERE dt BETWEEN ${first-1} AND ${arrived_until}
            AND substr(timestamp, 1, 10) BETWEEN ${first} AND ${last}
    ) AS arrived
    WHERE COALESCE(turn_id <> '', FALSE)
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
        AND COALESCE(attempts BETWEEN 0 AND 1000, TRUE)) AS once
    LEFT JOIN copied ON copied.turn_id = once.turn_id
    WHERE copied.turn_id IS NULL
    UNION ALL
    SELECT turn_id, session_id, user_id_hash, received_at, recorded_at, schema_version, turn_number, active_variants, exposures, assignment_version, latency_ms, tokens_input, tokens_output, tokens_cache_read, tokens_cache_write, cost_usd, model_id, provider, prompt_id, prompt_sha, voice_id, page_url, referrer_class, device_class, browser, region, locale, environment, crisis_flag_level, screened_level, screen_rule_ids, screen_model, safe_exit, referrals, session_referrals, referral_country, disclosure, guardrail_triggered, guardrail_rule_id, guardrail_rule_ids, error_class, retry_count, turn_class, intent, intent_confidence, sentiment, sentiment_score, entity_types, path, reply_kind, reply_source, reply_id, quality_score, quality_parts, quality_failures, attempts, fallback_used, degraded, finish_reason, model_calls, budget_level, timestamp
    FROM (
        SELECT often.*, row_number() OVER (
            PARTITION BY often.turn_id
            ORDER BY recorded_at, timestamp, session_id, user_id_hash, turn_number, tokens_input, tokens_output, tokens_cache_read, tokens_cache_write, cost_usd, model_id, provider, prompt_id, prompt_sha, crisis_flag_level, screened_level, guardrail_triggered, error_class, retry_count, turn_class, intent, intent_confidence, path, reply_kind, reply_source, quality_score, attempts, fallback_used, finish_reason, latency_ms.total_ms, latency_ms.llm_ttft_ms,
                array_join(transform(array_sort(map_keys(active_variants)), k -> k || '=' || active_variants[k]), ','), array_join(transform(array_sort(map_keys(exposures)), k -> k || '=' || exposures[k]), ',')
        ) AS place
        FROM (SELECT turn_id, session_id, user_id_hash, received_at, recorded_at, schema_version, turn_number, active_variants, exposures, assignment_version, latency_ms, tokens_input, tokens_output, tokens_cache_read, tokens_cache_write, cost_usd, model_id, provider, prompt_id, prompt_sha, voice_id, page_url, referrer_class, device_class, browser, region, locale, environment, crisis_flag_level, screened_level, screen_rule_ids, screen_model, safe_exit, referrals, session_referrals, referral_country, disclosure, guardrail_triggered, guardrail_rule_id, guardrail_rule_ids, error_class, retry_count, turn_class, intent, intent_confidence, sentiment, sentiment_score, entity_types, path, reply_kind, reply_source, reply_id, quality_score, quality_parts, quality_failures, attempts, fallback_used, degraded, finish_reason, model_calls, budget_level, timestamp
    FROM (
        SELECT *, TRY_CAST(replace(substr(
                CASE WHEN timestamp LIKE '%+00:00' THEN substr(timestamp, 1, length(timestamp) - 6)
                    WHEN timestamp LIKE '%Z' THEN substr(timestamp, 1, length(timestamp) - 1) END
                || '.000', 1, 23), 'T', ' ') AS timestamp(3)) AS received_at
        FROM bronze_turn_events
        WHERE dt BETWEEN ${first-1} AND ${arrived_until}
            AND substr(timestamp, 1, 10) BETWEEN ${first} AND ${last}
    ) AS arrived
    WHERE COALESCE(turn_id <> '', FALSE)
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
        AND COALESCE(attempts BETWEEN 0 AND 1000, TRUE)) AS often
        INNER JOIN copied ON copied.turn_id = often.turn_id
    ) AS ranked
    WHERE place = 1
),
ends AS (
    SELECT session_id, day, ended_at, lead(day) OVER (PARTITION BY session_id ORDER BY day) AS next_day
    FROM (
        SELECT session_id, CAST(received_at AS date) AS day, max(received_at) AS ended_at
        FROM (SELECT session_id, received_at
    FROM (
        SELECT *, TRY_CAST(replace(substr(
                CASE WHEN timestamp LIKE '%+00:00' THEN substr(timestamp, 1, length(timestamp) - 6)
                    WHEN timestamp LIKE '%Z' THEN substr(timestamp, 1, length(timestamp) - 1) END
                || '.000', 1, 23), 'T', ' ') AS timestamp(3)) AS received_at
        FROM bronze_turn_events
        WHERE dt BETWEEN ${first-1} AND ${arrived_until}
            AND substr(timestamp, 1, 10) BETWEEN ${first} AND ${last+1}
    ) AS arrived
    WHERE COALESCE(turn_id <> '', FALSE)
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
        AND COALESCE(attempts BETWEEN 0 AND 1000, TRUE)) AS every
        GROUP BY session_id, CAST(received_at AS date)
    ) AS days
),
ratings AS (
    SELECT turn_id,
        max_by(rating, created_at || ' ' || feedback_id) AS rating,
        max_by(rating_variant_id, created_at || ' ' || feedback_id) AS rating_variant_id,
        max(created_at) AS rated_at
    FROM bronze_feedback
    WHERE dt BETWEEN ${first-1} AND ${arrived_until}
        AND turn_id <> '' AND feedback_id <> '' AND created_at <> '' AND rating BETWEEN 1 AND 5
    GROUP BY turn_id
)
SELECT
    t.turn_id,
    t.session_id,
    t.user_id_hash,
    t.received_at AS received_at,
    t.recorded_at,
    t.schema_version,
    t.turn_number,
    t.active_variants,
    t.exposures,
    t.assignment_version,
    t.latency_ms.total_ms AS latency_total_ms,
    t.latency_ms.stt_ms AS latency_stt_ms,
    t.latency_ms.llm_ttft_ms AS latency_llm_ttft_ms,
    t.latency_ms.llm_complete_ms AS latency_llm_complete_ms,
    t.latency_ms.tts_ms AS latency_tts_ms,
    t.latency_ms.network_ms AS latency_network_ms,
    t.latency_ms.guardrail_ms AS latency_guardrail_ms,
    t.latency_ms.db_read_ms AS latency_db_read_ms,
    t.latency_ms.db_write_ms AS latency_db_write_ms,
    t.latency_ms.screen_ms AS latency_screen_ms,
    t.latency_ms.intent_ms AS latency_intent_ms,
    t.tokens_input,
    t.tokens_output,
    t.tokens_cache_read,
    t.tokens_cache_write,
    t.cost_usd,
    t.screen_model.cost_usd AS screen_cost_usd,
    t.model_id,
    t.provider,
    t.prompt_id,
    t.prompt_sha,
    t.voice_id,
    t.page_url,
    t.referrer_class,
    t.device_class,
    t.browser,
    t.region,
    t.locale,
    t.environment,
    t.crisis_flag_level,
    t.screened_level,
    NOT COALESCE(contains(t.degraded, 'screen'), FALSE) AS screened,
    t.screen_rule_ids,
    t.screen_model,
    CASE WHEN COALESCE(t.screen_model.model_id, '') = '' THEN NULL WHEN t.screen_model.level IS NOT NULL THEN 'read' WHEN t.screen_model.error IN ('model_screen:empty', 'model_screen:malformed', 'model_screen:schema') THEN 'unreadable' ELSE 'none' END AS screen_answer,
    t.safe_exit,
    t.referrals,
    t.session_referrals,
    t.referral_country,
    t.disclosure,
    t.guardrail_triggered,
    t.guardrail_rule_id,
    t.guardrail_rule_ids,
    t.error_class,
    t.retry_count,
    t.turn_class,
    t.intent,
    t.intent_confidence,
    t.sentiment,
    t.sentiment_score,
    t.entity_types,
    t.path,
    t.reply_kind,
    t.reply_source,
    t.reply_id,
    t.quality_score,
    t.quality_parts,
    t.quality_failures,
    t.attempts,
    t.fallback_used,
    t.degraded,
    t.finish_reason,
    t.model_calls,
    t.budget_level,
    r.rating AS rating,
    r.rating_variant_id AS rating_variant_id,
    r.rated_at AS rated_at,
    COALESCE(t.received_at < e.ended_at OR e.next_day = date_add('day', 1, e.day), FALSE) AS continued,
    substr(t.timestamp, 1, 10) AS dt
FROM turns AS t
LEFT JOIN ratings AS r ON r.turn_id = t.turn_id
LEFT JOIN ends AS e ON e.session_id = t.session_id AND e.day = CAST(t.received_at AS date)
)
TO ${location}
WITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['dt'])
