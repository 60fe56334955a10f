-- The newest row of the ledger for a week: one row, or none.
SELECT *
FROM publications
WHERE week = @week
QUALIFY ROW_NUMBER() OVER (ORDER BY sequence DESC) = 1
