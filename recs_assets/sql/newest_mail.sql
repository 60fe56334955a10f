-- The newest row of the ledger that changed the mail: one row, or none.
SELECT *
FROM publications
WHERE wide_table IS NOT NULL
QUALIFY ROW_NUMBER() OVER (ORDER BY sequence DESC) = 1
