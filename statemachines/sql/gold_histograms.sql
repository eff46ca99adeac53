-- How many exposed turns were how slow, and how many answers to the question of NPS.
-- first: day, the first day of the turns
-- last: day, their last day
-- location: prefix, where the objects go
-- Made by silent_infinity.schemas.lake: change that, not this.
UNLOAD (
SELECT category, variant_id, metric, bin, CAST(sum(n) AS bigint) AS n, dt
FROM (
    SELECT c.category, c.variant_id, p.metric, p.bin, p.n, p.dt
    FROM (
        SELECT t.dt, t.exposures, b.metric, b.bin, count(*) AS n
        FROM silver_turns AS t
        CROSS JOIN UNNEST(
            ARRAY['latency_total_ms', 'latency_first_token_ms'],
            ARRAY[
                IF(t.latency_total_ms < 1, 0, CAST(ceil(ln(CAST(t.latency_total_ms AS double)) / ln(1.02e0 / 0.98e0)) AS bigint)),
                IF(t.latency_llm_ttft_ms > 0, IF(t.latency_llm_ttft_ms < 1, 0, CAST(ceil(ln(CAST(t.latency_llm_ttft_ms AS double)) / ln(1.02e0 / 0.98e0)) AS bigint)))
            ]
        ) AS b(metric, bin)
        WHERE t.dt BETWEEN ${first} AND ${last} AND screened AND crisis_flag_level < 2 AND b.bin IS NOT NULL
        GROUP BY t.dt, t.exposures, b.metric, b.bin
    ) AS p
    CROSS JOIN UNNEST(
            COALESCE(map_keys(p.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['SERVICE'],
            COALESCE(map_values(p.exposures), CAST(ARRAY[] AS array(varchar))) || ARRAY['all']
        ) AS c(category, variant_id)
    UNION ALL
    SELECT c.category, c.variant_id, 'nps' AS metric, f.nps AS bin, 1 AS n, f.dt
    FROM silver_feedback AS f
    CROSS JOIN UNNEST(
        ARRAY['SERVICE', 'RATING_VARIANT'], ARRAY['all', f.rating_variant_id]
    ) AS c(category, variant_id)
    WHERE f.dt BETWEEN ${first} AND ${last} AND f.nps IS NOT NULL
) AS counted
WHERE category <> '' AND variant_id <> ''
GROUP BY category, variant_id, metric, bin, dt
)
TO ${location}
WITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['dt'])
