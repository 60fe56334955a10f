-- Tables that were staged and not dropped since.
SELECT table_name, staged_at
FROM staged_tables
ORDER BY table_name
