-- The days before the window that late arrivals touched: those of turns and feedback, and of turns that were rated.
-- first_arrival: day, the first day of arrival
-- last_arrival: day, the last one
-- oldest: day, the first day that is asked for
-- window_first: day, the day after the last one that is asked for
SELECT DISTINCT dt
FROM (
    SELECT substr(timestamp, 1, 10) AS dt
    FROM bronze_turn_events
    WHERE dt BETWEEN ${first_arrival} AND ${last_arrival}
    UNION ALL
    SELECT substr(created_at, 1, 10) AS dt
    FROM bronze_feedback
    WHERE dt BETWEEN ${first_arrival} AND ${last_arrival}
    UNION ALL
    -- A turn's id is as old as the first attempt to send it; the turn itself is at most a day younger.
    SELECT date_format(from_unixtime(sent + later), '%Y-%m-%d') AS dt
    FROM (
        SELECT CASE WHEN regexp_like(turn_id, '^[0-9a-f]{8}-[0-9a-f]{4}-7')
            THEN CAST(from_base(replace(substr(turn_id, 1, 13), '-', ''), 16) AS double) / 1000e0 END AS sent
        FROM bronze_feedback
        WHERE dt BETWEEN ${first_arrival} AND ${last_arrival} AND rating IS NOT NULL
    ) AS rated
    CROSS JOIN UNNEST(ARRAY[0e0, 86400e0]) AS l(later)
) AS touched
WHERE dt >= ${oldest} AND dt < ${window_first}
ORDER BY dt
