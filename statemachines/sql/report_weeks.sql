-- What the weekly report counts anew: a person or a session on several days of a week is one.
-- first: day, the first day that is read
-- last: day, the last one
SELECT
  date_format(date_trunc('week', CAST(dt AS date)), '%Y-%m-%d') AS week,
  count(*) AS turns,
  count(DISTINCT session_id) AS sessions,
  count(DISTINCT user_id_hash) AS users,
  count_if(crisis_flag_level >= 2) AS crisis_turns,
  count(DISTINCT IF(crisis_flag_level >= 2, session_id, NULL)) AS crisis_sessions,
  count_if(crisis_flag_level >= 2 AND fallback_used) AS crisis_fallbacks,
  count_if(crisis_flag_level >= 2 AND referrals > 0) AS crisis_referrals,
  count_if(NOT screened) AS unscreened,
  count_if(fallback_used) AS fallbacks
FROM silver_turns
WHERE dt >= ${first} AND dt <= ${last}
GROUP BY 1
ORDER BY 1
