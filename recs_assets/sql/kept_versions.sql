-- The newest versions that were published, whatever is served since: those that can be restored.
SELECT week, publication_id, run_id, model_week, model_version, long_table, wide_table, published_at
FROM publications
WHERE action = 'publish'
QUALIFY ROW_NUMBER() OVER (ORDER BY sequence DESC) <= @kept_versions
ORDER BY week, published_at, publication_id
