-- The row of the ledger of a publication: one row, or none.
SELECT *
FROM publications
WHERE publication_id = @publication_id
