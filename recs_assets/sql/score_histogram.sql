WITH
-- The last list of the same source: SQL's scores are mostly zero by nature, a blend's are not. An experiment has both.
last_list AS (
  SELECT MAX(week) AS week
  FROM recommendations
  WHERE week <= CAST(@before AS DATE) AND source = @source
),
scores AS (
  SELECT TRUE AS is_new, final_score
  FROM staged
  WHERE source = @source
  UNION ALL
  SELECT FALSE AS is_new, final_score
  FROM recommendations
  JOIN last_list ON last_list.week = recommendations.week
  WHERE source = @source
)
SELECT
  CAST(FLOOR(GREATEST(LEAST(final_score, 1.0), 0.0) * 20) AS INT64) AS twentieth,
  COUNT(IF(is_new, 1, NULL)) AS n_new,
  COUNT(IF(is_new, NULL, 1)) AS n_before,
  COUNT(IF(is_new AND final_score = 0, 1, NULL)) AS n_new_zero,
  COUNT(IF(NOT is_new AND final_score = 0, 1, NULL)) AS n_before_zero,
  MIN(IF(is_new, final_score, NULL)) AS lowest_new,
  MAX(IF(is_new, final_score, NULL)) AS highest_new
FROM scores
-- A score that is not finite is the audit's business.
WHERE final_score > -1e300 AND final_score < 1e300
GROUP BY twentieth
ORDER BY twentieth
