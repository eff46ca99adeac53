-- Each running arm and its production since the arm began, as of the last day of a period that has figures.
-- first: day, the first day that is read
-- last: day, the last one
SELECT dt, category, arm_id, variant_id, since, metric, kind, units, mixed_units, n, total, squares
FROM gold_experiments
WHERE dt >= ${first} AND dt <= ${last}
ORDER BY dt, category, arm_id, variant_id, metric
