-- What an audit found.
INSERT INTO audits (
  audit_id, week, staged_table, content_hash, mail_hash, decision, n_rows, n_users, violations_json, reason, run_id,
  audited_at
)
SELECT
  audit_id, week, staged_table, content_hash, mail_hash, decision, n_rows, n_users, violations_json, reason, run_id,
  audited_at
FROM incoming
