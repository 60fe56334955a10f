-- What gates have decided.
INSERT INTO verdicts (
  gate, week, decision, reason, figures_json, run_id, settings_hash, judged_at
)
SELECT
  gate, week, decision, reason, figures_json, run_id, settings_hash, judged_at
FROM incoming
