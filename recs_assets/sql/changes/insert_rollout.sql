-- A move of the rollout.
INSERT INTO rollout (
  sequence, action, stage, share, since_week, experiment, model_week,
  model_settings, held_reason, moved_by, reason, evidence_json, noted_at
)
SELECT
  sequence, action, stage, share, since_week, experiment, model_week,
  model_settings, held_reason, moved_by, reason, evidence_json, noted_at
FROM incoming
