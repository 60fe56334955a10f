SELECT publication_id, action, version_after, published_at, n_rows, n_users, model_week, run_id, reason
FROM publications
WHERE week = @week
ORDER BY sequence
