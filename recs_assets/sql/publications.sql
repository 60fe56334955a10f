SELECT
  publication_id, action, version_after, published_at, n_rows, n_users, model_week, run_id, reason,
  (SELECT MIN(recommendations.source) FROM recommendations WHERE recommendations.week = @week) AS source
FROM publications
WHERE week = @week
ORDER BY sequence
