-- What arrived of each day's turns.
-- Parameters: first, last (days, both included).
SELECT dt, received, turns, duplicates, invalid, late
FROM gold_arrivals
WHERE dt >= ${first} AND dt <= ${last}
ORDER BY dt
