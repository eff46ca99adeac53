-- An arm and its production since the arm began, as of each of some days.
-- category: word, the arm's category
-- arm: word, the arm
-- first: day, the first day that is read
-- last: day, the last one
SELECT
  dt, category, arm_id, variant_id, since, metric, kind, units, sessions, users, turns, exposed_turns, crisis_turns,
  mixed_units, n, total, squares, numerator, denominator, numerator_squares, denominator_squares, "cross"
FROM gold_experiments
WHERE dt >= ${first} AND dt <= ${last} AND category = ${category} AND arm_id = ${arm}
ORDER BY dt, variant_id, metric
