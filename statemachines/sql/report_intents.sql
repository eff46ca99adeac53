-- How many turns of a period had which intent and class.
-- first: day, the first day that is read
-- last: day, the last one
SELECT intent, turn_class, sum(turns) AS turns
FROM gold_intents
WHERE dt >= ${first} AND dt <= ${last}
GROUP BY 1, 2
ORDER BY 1, 2
