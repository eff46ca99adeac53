-- What the calls of models cost in a period, by everything that they are told apart by.
-- first: day, the first day that is read
-- last: day, the last one
SELECT
  intent,
  turn_class,
  model_id,
  provider,
  category,
  variant_id,
  sum(calls) AS calls,
  sum(tokens_input) AS tokens_input,
  sum(tokens_output) AS tokens_output,
  sum(tokens_cache_read) AS tokens_cache_read,
  sum(tokens_cache_write) AS tokens_cache_write,
  sum(cost_usd) AS cost_usd
FROM gold_costs
WHERE dt >= ${first} AND dt <= ${last}
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 1, 2, 3, 4, 5, 6
