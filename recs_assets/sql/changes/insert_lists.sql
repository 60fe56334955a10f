-- A version's lists of a week become the served ones.
INSERT INTO recommendations (
  user_id, week, rank, product_id, final_score, sql_score, gnn_score, segment, arm, source, reason_code, reason_text,
  model_week, run_id, scored_at
)
SELECT
  user_id, week, rank, product_id, final_score, sql_score, gnn_score, segment, arm, source, reason_code, reason_text,
  model_week, run_id, scored_at
FROM staged
WHERE week = @week
