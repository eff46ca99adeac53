-- Bad turns of a period, by what was wrong with them and where.
-- first: day, the first day that is read
-- last: day, the last one
SELECT
  failure,
  intent,
  turn_class,
  model_id,
  sum(turns) AS turns,
  min(example_turn_id) AS example_turn_id
FROM gold_failures
WHERE dt >= ${first} AND dt <= ${last}
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
