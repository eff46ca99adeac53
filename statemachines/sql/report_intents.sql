-- How many turns of a period had which intent and class.
-- Parameters: first, last (days, both included).
SELECT intent, turn_class, sum(turns) AS turns
FROM gold_intents
WHERE dt >= ${first} AND dt <= ${last}
GROUP BY 1, 2
ORDER BY 1, 2
