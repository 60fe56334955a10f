-- The row of the ledger of an audit: one row, or none.
SELECT *
FROM audits
WHERE audit_id = @audit_id
