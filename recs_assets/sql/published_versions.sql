-- Every version that was published, the newest first; a rollback makes none.
SELECT week, publication_id, long_table, wide_table
FROM publications
WHERE action = 'publish'
ORDER BY sequence DESC
