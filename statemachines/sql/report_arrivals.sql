-- What arrived of each day's turns.
-- first: day, the first day that is read
-- last: day, the last one
SELECT dt, received, turns, duplicates, invalid, late
FROM gold_arrivals
WHERE dt >= ${first} AND dt <= ${last}
ORDER BY dt
