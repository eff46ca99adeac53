-- The service as a whole, day by day, for the weekly report.
-- first: day, the first day that is read
-- last: day, the last one
SELECT dt, metric, kind, sessions, users, turns, exposed_turns, n, total, squares
FROM gold_variant_days
WHERE dt >= ${first} AND dt <= ${last} AND category = 'SERVICE' AND variant_id = 'all'
ORDER BY dt, metric
