-- An audit, before it is noted anew.
DELETE FROM audits
WHERE audit_id = @audit_id
