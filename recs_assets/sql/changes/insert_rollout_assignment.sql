-- People of an experiment who have no row in it yet.
INSERT INTO rollout_assignment (
  experiment, user_id, bucket, arm, first_assigned_at
)
SELECT
  experiment, user_id, bucket, arm, first_assigned_at
FROM incoming
