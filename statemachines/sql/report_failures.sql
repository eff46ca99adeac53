-- Bad turns of a period, by what was wrong with them and where.
-- Parameters: first, last (days, both included).
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
