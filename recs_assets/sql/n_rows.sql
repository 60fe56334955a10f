-- How many rows a table has.
SELECT COUNT(*) AS n_rows
FROM counted
