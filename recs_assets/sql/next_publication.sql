-- The number of the next row of the ledger.
SELECT IFNULL(MAX(sequence), 0) + 1 AS sequence
FROM publications
