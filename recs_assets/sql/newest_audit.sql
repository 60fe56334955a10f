-- The newest audit of any list: one row, or none.
SELECT decision, audited_at
FROM audits
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (ORDER BY audited_at DESC, audit_id) = 1
