-- Published versions whose staged tables are still there, the newest first.
SELECT publications.week, publications.publication_id, publications.published_at, publications.n_users
FROM publications
JOIN staged_tables ON staged_tables.table_name = publications.long_table
WHERE publications.action = 'publish'
ORDER BY publications.sequence DESC
