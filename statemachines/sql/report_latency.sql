-- Latencies of the service as a whole, week by week, in bins that add up.
-- first: day, the first day that is read
-- last: day, the last one
SELECT
  date_format(date_trunc('week', CAST(dt AS date)), '%Y-%m-%d') AS week,
  metric,
  bin,
  sum(n) AS n
FROM gold_histograms
WHERE dt >= ${first} AND dt <= ${last} AND category = 'SERVICE' AND variant_id = 'all' AND metric <> 'nps'
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
