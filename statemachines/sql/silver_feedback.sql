-- One row per piece of feedback that was given on these days.
-- first: day, the first day of the turns
-- last: day, their last day
-- arrived_until: day, the last day of arrival that is read
-- location: prefix, where the objects go
-- Made by silent_infinity.schemas.lake: change that, not this.
UNLOAD (
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
)
TO ${location}
WITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['dt'])
