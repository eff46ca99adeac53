-- How many turns of these days had which intent and class.
-- first: day, the first day of the turns
-- last: day, their last day
-- location: prefix, where the objects go
-- Made by silent_infinity.schemas.lake: change that, not this.
UNLOAD (
SELECT COALESCE(intent, '') AS intent, COALESCE(turn_class, '') AS turn_class, count(*) AS turns, dt
FROM silver_turns
WHERE dt BETWEEN ${first} AND ${last}
GROUP BY COALESCE(intent, ''), COALESCE(turn_class, ''), dt
)
TO ${location}
WITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['dt'])
