-- What the calls of models cost, by day and class.
-- Parameters: first, last (days, both included).
SELECT dt, turn_class, sum(calls) AS calls, sum(cost_usd) AS cost_usd
FROM gold_costs
WHERE dt >= ${first} AND dt <= ${last}
GROUP BY 1, 2
ORDER BY 1, 2
