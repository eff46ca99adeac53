-- The answers of the screen's model in the whole service, by day; and the units of a category on the last day.
-- category: word, the category
-- first: day, the first day of the service
-- last: day, the last day of both
SELECT
  dt, category, variant_id, metric, kind, units, sessions, users, turns, exposed_turns, crisis_turns, mixed_units,
  n, total, squares, numerator, denominator, numerator_squares, denominator_squares, "cross"
FROM gold_variant_days
WHERE
  dt >= ${first} AND dt <= ${last}
  AND (
    (category = 'SERVICE' AND variant_id = 'all' AND metric = 'json_parse')
    OR (category = ${category} AND metric = 'turns' AND dt = ${last})
  )
ORDER BY dt, category, variant_id, metric
