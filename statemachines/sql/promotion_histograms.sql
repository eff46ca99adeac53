-- Latencies of an arm and of its production together, since the arm began.
-- arms: arms, the arm, and what it is held against
-- first: day, the arm's first day
-- last: day, the last one
SELECT IF(h.variant_id = a.arm_id, 'arm', 'production') AS side, h.metric, h.bin, CAST(sum(h.n) AS bigint) AS n
FROM gold_histograms AS h
INNER JOIN (
  VALUES
  ${arms}
) AS a (category, arm_id, variant_id, since) ON a.category = h.category AND a.variant_id = h.variant_id
WHERE h.dt >= ${first} AND h.dt <= ${last} AND h.metric <> 'nps'
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
