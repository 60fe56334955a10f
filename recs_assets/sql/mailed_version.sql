-- What is in the mail: the newest row of the ledger that changed it, with the system that its week's lists come from.
SELECT
  week, version_after, action, published_at, model_week, n_mailed, reason,
  (SELECT MIN(recommendations.source) FROM recommendations WHERE recommendations.week = publications.week) AS source
FROM publications
WHERE wide_table IS NOT NULL
QUALIFY ROW_NUMBER() OVER (ORDER BY sequence DESC) = 1
