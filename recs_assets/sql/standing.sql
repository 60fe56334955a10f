-- What is left of a table of a version since rows were erased from it: one row, or none where it is as it was published.
SELECT n_rows, n_users, content_hash
FROM erasures
WHERE table_name = @table_name AND publication_id = @publication_id
QUALIFY ROW_NUMBER() OVER (ORDER BY sequence DESC) = 1
