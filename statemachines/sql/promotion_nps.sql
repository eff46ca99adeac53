-- Answers to the question of NPS, by people who met an arm or its production: one answer of each, the last.
-- A session counts for the side that it met; one that met both counts for none.
-- arms: arms, the arm, and what it is held against
-- first: day, the arm's first day
-- last: day, the last one
WITH met AS (
  SELECT t.session_id, min(IF(a.variant_id = a.arm_id, 1, 0)) AS least, max(IF(a.variant_id = a.arm_id, 1, 0)) AS most
  FROM silver_turns AS t
  INNER JOIN (
    VALUES
    ${arms}
  ) AS a (category, arm_id, variant_id, since) ON element_at(t.exposures, a.category) = a.variant_id
  WHERE t.dt >= ${first} AND t.dt <= ${last} AND t.screened AND t.crisis_flag_level < 2
  GROUP BY t.session_id
),
answers AS (
  SELECT
    COALESCE(NULLIF(f.user_id_hash, ''), f.session_id) AS person,
    max_by(f.nps, f.created_at || ' ' || f.feedback_id) AS nps,
    max_by(m.most, f.created_at || ' ' || f.feedback_id) AS in_arm
  FROM silver_feedback AS f
  INNER JOIN met AS m ON m.session_id = f.session_id
  WHERE f.dt >= ${first} AND f.dt <= ${last} AND f.nps IS NOT NULL AND m.least = m.most
  GROUP BY COALESCE(NULLIF(f.user_id_hash, ''), f.session_id)
)
SELECT IF(in_arm = 1, 'arm', 'production') AS side, 'nps' AS metric, nps AS bin, count(*) AS n
FROM answers
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
