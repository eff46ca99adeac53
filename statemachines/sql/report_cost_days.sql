-- What the calls of models cost, by day and class.
-- first: day, the first day that is read
-- last: day, the last one
SELECT dt, turn_class, sum(calls) AS calls, sum(cost_usd) AS cost_usd
FROM gold_costs
WHERE dt >= ${first} AND dt <= ${last}
GROUP BY 1, 2
ORDER BY 1, 2
